//! The catalogue's entries, a file for each area.

mod applications;
mod cloud_resources;
mod clusters;
mod components;
mod data;
mod databases;
mod delivery;
mod fleets;
mod kubernetes;
mod load_balancers;
mod machines;
mod networks;
mod platforms;
mod secrets;
mod storage;
mod tools;
mod virtual_machines;
mod volumes;
mod workloads;

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
    Area { title: "Operators of databases, queues and search engines", entries: databases::ENTRIES },
    Area { title: "Networks, gateways and tunnels", entries: networks::ENTRIES },
    Area { title: "Machines, addresses, credentials and registries", entries: machines::ENTRIES },
    Area { title: "Storage systems, clones and caches", entries: volumes::ENTRIES },
    Area { title: "Applications and their platforms", entries: workloads::ENTRIES },
    Area { title: "Components of platforms", entries: components::ENTRIES },
    Area { title: "Pipelines, platforms, observability and testing", entries: tools::ENTRIES },
];
