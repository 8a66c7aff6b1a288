//! The catalogue's entries, a file for each area.

mod applications;
mod cloud_resources;
mod clusters;
mod data;
mod delivery;
mod fleets;
mod kubernetes;
mod load_balancers;
mod platforms;
mod secrets;
mod storage;
mod tools;
mod virtual_machines;

use super::Area;

/// The areas, in the order of the page.
pub(super) static AREAS: &[Area] = &[
    Area { title: "Kubernetes itself", entries: kubernetes::ENTRIES },
    Area { title: "Volumes, snapshots and storage systems", entries: storage::ENTRIES },
    Area { title: "Load balancers", entries: load_balancers::ENTRIES },
    Area { title: "Nodes and clusters", entries: clusters::ENTRIES },
    Area { title: "Fleets of clusters and their infrastructure", entries: fleets::ENTRIES },
    Area { title: "Cloud resources", entries: cloud_resources::ENTRIES },
    Area { title: "Secrets and certificates", entries: secrets::ENTRIES },
    Area { title: "Delivery, workflows and scaling", entries: delivery::ENTRIES },
    Area { title: "Virtual machines", entries: virtual_machines::ENTRIES },
    Area { title: "Platforms, networks and backups", entries: platforms::ENTRIES },
    Area { title: "Databases, queues and other operators", entries: applications::ENTRIES },
    Area { title: "Data: volumes, buckets, databases and backups", entries: data::ENTRIES },
    Area { title: "Pipelines, platforms, observability and testing", entries: tools::ENTRIES },
];
