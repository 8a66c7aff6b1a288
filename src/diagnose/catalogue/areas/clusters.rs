//! Finalizers of nodes, machines and whole clusters.

use super::super::{ENTRY, Entry, OWNER, Owner, Place, Runs, lease, pods};

const RANCHER: Owner = Owner {
    name: "Rancher",
    runs: Runs::MaybeElsewhere,
    workloads: &[
        pods(&["cattle-system"], "app=rancher"),
        pods(&["cattle-system"], "app=cattle-cluster-agent"),
    ],
    leases: &[lease("kube-system", "cattle-controllers")],
    groups: &["management.cattle.io", "provisioning.cattle.io"],
};

pub(super) const CLUSTER_API: Owner = Owner {
    name: "Cluster API",
    workloads: &[pods(&["capi-system"], "cluster.x-k8s.io/provider=cluster-api")],
    leases: &[lease("capi-system", "controller-leader-election-capi")],
    groups: &["cluster.x-k8s.io", "*.cluster.x-k8s.io"],
    ..OWNER
};

const RANCHER_CLEANUP: &str = "bring Rancher back, or run rancher-cleanup if it is gone for good";
const RANCHER_SOURCE: &str = "seen in rancher/rancher-cleanup#88";

pub(super) static ENTRIES: &[Entry] = &[
    Entry {
        names: &["karpenter.sh/termination", "karpenter.k8s.aws/*", "karpenter.azure.com/*"],
        examples: &["karpenter.k8s.aws/termination", "karpenter.azure.com/termination"],
        on: "Node, NodeClaim, node classes",
        owner: Owner {
            name: "Karpenter",
            runs: Runs::MaybeElsewhere,
            workloads: &[pods(&["kube-system", "karpenter"], "app.kubernetes.io/name=karpenter")],
            leases: &[lease("kube-system", "karpenter-leader-election")],
            groups: &["karpenter.sh", "karpenter.k8s.aws", "karpenter.azure.com"],
        },
        protects: "the draining of the node and the end of its VM",
        if_removed: "the VM keeps running and is still billed",
        remedy: "run Karpenter until it has ended the VM",
        dangerous: true,
        source: "kubernetes-sigs/karpenter labels.go",
        ..ENTRY
    },
    Entry {
        names: &[
            "cluster.cluster.x-k8s.io",
            "machine.cluster.x-k8s.io",
            "machinepool.cluster.x-k8s.io",
            "addons.cluster.x-k8s.io",
            "cluster.x-k8s.io/machinedeployment",
            "cluster.x-k8s.io/machineset",
        ],
        on: "Cluster, Machine, MachinePool, MachineDeployment, MachineSet, ClusterResourceSet",
        owner: CLUSTER_API,
        protects: "the order in which a cluster's machines and infrastructure are deleted",
        if_removed: "VMs, or a whole cluster, keep running and are still billed",
        remedy: "never force it; bring Cluster API and its infrastructure provider back",
        dangerous: true,
        source: "kubernetes-sigs/cluster-api api",
        ..ENTRY
    },
    Entry {
        names: &["kubeadm.controlplane.cluster.x-k8s.io"],
        on: "KubeadmControlPlane",
        owner: Owner {
            name: "Cluster API (kubeadm control plane provider)",
            workloads: &[pods(
                &["capi-kubeadm-control-plane-system"],
                "cluster.x-k8s.io/provider=control-plane-kubeadm",
            )],
            groups: &["controlplane.cluster.x-k8s.io"],
            ..OWNER
        },
        protects: "the deletion of a control plane's machines, workers first",
        if_removed: "the control plane's VMs keep running and are still billed",
        remedy: "never force it; bring Cluster API and its infrastructure provider back",
        dangerous: true,
        source: "kubernetes-sigs/cluster-api api",
        ..ENTRY
    },
    Entry {
        names: &["machine.machine.openshift.io"],
        on: "Machine of OpenShift",
        owner: Owner {
            name: "OpenShift (machine-api controllers)",
            workloads: &[pods(&["openshift-machine-api"], "api=clusterapi,k8s-app=controller")],
            groups: &["machine.openshift.io"],
            ..OWNER
        },
        protects: "the end of the machine's VM",
        if_removed: "the VM keeps running and is still billed",
        remedy: "bring the machine-api controllers back",
        dangerous: true,
        source: "openshift/api machine",
        ..ENTRY
    },
    Entry {
        names: &["controller.cattle.io/namespace-auth"],
        places: &[Place::NamespaceMetadata],
        on: "Namespace",
        owner: RANCHER,
        protects: "the removal of the project's roles and bindings",
        if_removed: "stray roles and bindings, nothing else",
        remedy: "bring Rancher back; if it is gone for good, removing this one is usually safe",
        dangerous: false,
        source: "seen in rancher/rancher#36450 and rancher/rancher-cleanup#88",
        ..ENTRY
    },
    Entry {
        names: &["wrangler.cattle.io/auth-prov-v2-*", "controller.cattle.io/mgmt-auth-prtb-controller"],
        examples: &["wrangler.cattle.io/auth-prov-v2-crole"],
        on: "roles, bindings and Rancher's own management resources",
        owner: RANCHER,
        protects: "the removal of roles and bindings that Rancher copied",
        if_removed: "stray roles and bindings, nothing else",
        remedy: RANCHER_CLEANUP,
        dangerous: false,
        source: RANCHER_SOURCE,
        ..ENTRY
    },
    Entry {
        names: &["wrangler.cattle.io/*"],
        examples: &["wrangler.cattle.io/auth-prov-v2-rb"],
        on: "roles and bindings",
        groups: &["rbac.authorization.k8s.io"],
        owner: RANCHER,
        protects: "the removal of roles and bindings that Rancher copied",
        if_removed: "stray roles and bindings, nothing else",
        remedy: RANCHER_CLEANUP,
        dangerous: false,
        source: RANCHER_SOURCE,
        ..ENTRY
    },
    // Dangerous, as it covers more than roles: clusters carry names under this prefix too.
    Entry {
        names: &["wrangler.cattle.io/*"],
        examples: &["wrangler.cattle.io/provisioning-cluster-remove"],
        on: "Rancher's own resources, clusters among them",
        owner: RANCHER,
        protects: "what the named Rancher controller has yet to clean up",
        if_removed: "depends on the name; for a cluster, its machines may keep running",
        remedy: RANCHER_CLEANUP,
        dangerous: true,
        source: "seen in rancher/rancher-cleanup#88; on clusters, in published manifests",
        ..ENTRY
    },
];
