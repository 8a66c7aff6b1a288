//! Finalizers of platforms, networks and backups.

use super::super::{ENTRY, Entry, OWNER, Owner, Place, Runs, pods};

const VELERO: Owner = Owner {
    name: "Velero",
    workloads: &[pods(&["velero", "openshift-adp"], "deploy=velero")],
    groups: &["velero.io"],
    ..OWNER
};

const VELERO_NODE_AGENT: Owner = Owner {
    name: "Velero (node-agent)",
    workloads: &[
        pods(&["velero", "openshift-adp"], "name=node-agent"),
        pods(&["velero", "openshift-adp"], "deploy=velero"),
    ],
    groups: &["velero.io"],
    ..OWNER
};

const KNATIVE: Owner = Owner {
    name: "Knative",
    workloads: &[
        pods(&["knative-eventing"], "app=eventing-controller"),
        pods(&["knative-serving"], "app=controller"),
    ],
    groups: &["*.knative.dev"],
    ..OWNER
};

pub(super) static ENTRIES: &[Entry] = &[
    Entry {
        names: &["openshift.io/origin"],
        places: &[Place::NamespaceSpec],
        on: "Namespace (spec)",
        owner: Owner { name: "OpenShift 3 (origin controller)", runs: Runs::MaybeElsewhere, ..OWNER },
        protects: "the deletion of OpenShift's own content of the namespace",
        if_removed: "OpenShift 3 objects of the namespace may stay behind",
        remedy: "on an old OpenShift, see why the origin controller does not work; elsewhere nothing owns it",
        dangerous: false,
        source: "seen in a public gist by sax1johno",
        ..ENTRY
    },
    Entry {
        names: &["template.openshift.io/finalizer"],
        on: "TemplateInstance",
        owner: Owner {
            name: "OpenShift (template instance controller)",
            runs: Runs::MaybeElsewhere,
            workloads: &[
                pods(&["openshift-controller-manager"], "app=openshift-controller-manager"),
                pods(&["openshift-controller-manager"], "controller-manager=true"),
            ],
            groups: &["template.openshift.io"],
            ..OWNER
        },
        protects: "the deletion of the objects made from the template",
        if_removed: "objects made from the template stay behind",
        remedy: "bring openshift-controller-manager back",
        dangerous: false,
        source: "openshift/api template",
        ..ENTRY
    },
    Entry {
        names: &["operators.coreos.com/csv-cleanup"],
        on: "ClusterServiceVersion",
        owner: Owner {
            name: "Operator Lifecycle Manager (olm-operator)",
            workloads: &[pods(&["olm", "openshift-operator-lifecycle-manager"], "app=olm-operator")],
            groups: &["operators.coreos.com"],
            ..OWNER
        },
        protects: "the removal of an operator's copies, roles, webhooks and APIServices",
        if_removed: "stale roles, webhooks and APIServices stay; an unavailable APIService makes more namespaces stuck",
        remedy: "bring the Operator Lifecycle Manager back",
        dangerous: false,
        source: "operator-framework/operator-lifecycle-manager operator.go",
        ..ENTRY
    },
    Entry {
        names: &["hnc.x-k8s.io/hasSubnamespace"],
        on: "HierarchyConfiguration",
        owner: Owner {
            name: "Hierarchical Namespace Controller",
            workloads: &[pods(&["hnc-system"], "control-plane=controller-manager")],
            groups: &["hnc.x-k8s.io"],
            ..OWNER
        },
        protects: "a namespace that still has subnamespaces",
        if_removed: "its subnamespaces are cut loose from the hierarchy",
        remedy: "delete the subnamespaces first, or set allowCascadingDeletion",
        dangerous: false,
        source: "kubernetes-sigs/hierarchical-namespaces",
        ..ENTRY
    },
    Entry {
        names: &["tigera.io/operator-cleanup", "tigera.io/cni-protector", "operator.tigera.io/*-controller"],
        examples: &["operator.tigera.io/installation-controller"],
        on: "Installation, ServiceAccount, ClusterRoleBinding and others of Calico",
        owner: Owner {
            name: "Tigera operator",
            workloads: &[pods(&["tigera-operator"], "k8s-app=tigera-operator")],
            groups: &["operator.tigera.io"],
            ..OWNER
        },
        protects: "the cluster's network until the pods that need it are down",
        if_removed: "the network goes first, and pods can be neither stopped nor started properly",
        remedy: "delete Calico's resources in the order its documentation gives, with the operator running",
        dangerous: true,
        source: "tigera/operator render/finalizers.go",
        ..ENTRY
    },
    Entry {
        names: &["istio-finalizer.install.istio.io"],
        on: "IstioOperator",
        owner: Owner {
            name: "Istio (in-cluster operator, discontinued)",
            workloads: &[pods(&["istio-operator"], "name=istio-operator")],
            groups: &["install.istio.io"],
            ..OWNER
        },
        protects: "the uninstalling of Istio's control plane",
        if_removed: "istiod and its webhooks stay",
        remedy: "run istioctl uninstall",
        dangerous: false,
        source: "istio/istio operator/pkg/controller/istiocontrolplane",
        ..ENTRY
    },
    Entry {
        names: &["<plural>.<group>"],
        examples: &["triggers.eventing.knative.dev"],
        on: "resources of Knative",
        groups: &["*.knative.dev"],
        owner: KNATIVE,
        protects: "what the kind's controller has yet to clean up",
        if_removed: "subscriptions and channels may stay",
        remedy: "bring the Knative controller of this kind back",
        dangerous: false,
        source: "knative/pkg codegen",
        ..ENTRY
    },
    Entry {
        names: &["restores.velero.io/external-resources-finalizer"],
        on: "Restore",
        owner: VELERO,
        protects: "the deletion of the restore's files in the object store",
        if_removed: "logs and results of the restore stay in the object store",
        remedy: "bring Velero back",
        dangerous: true,
        source: "vmware-tanzu/velero",
        ..ENTRY
    },
    Entry {
        names: &["velero.io/data-upload-download-finalizer", "velero.io/pod-volume-finalizer"],
        on: "DataUpload, DataDownload, PodVolumeBackup, PodVolumeRestore",
        owner: VELERO_NODE_AGENT,
        protects: "the end of a transfer and the removal of what it made",
        if_removed: "snapshots and data movers may be left over",
        remedy: "bring Velero and its node-agents back",
        dangerous: true,
        source: "vmware-tanzu/velero",
        ..ENTRY
    },
    Entry {
        names: &["velero.io/volume-snapshot-content-protect-finalizer"],
        on: "VolumeSnapshotContent",
        owner: VELERO,
        protects: "a snapshot while a backup reads it",
        if_removed: "the snapshot goes, and the backup lacks its data",
        remedy: "wait for the backup to end, or cancel it",
        dangerous: true,
        source: "vmware-tanzu/velero",
        ..ENTRY
    },
];
