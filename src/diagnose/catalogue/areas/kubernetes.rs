//! Finalizers of Kubernetes itself, other than those of storage and load balancers.

use super::super::{ENTRY, Entry, OWNER, Owner, OwnerLease, Place, Runs, Workload, lease, pods};

const MANAGER_PODS: &[Workload] = &[pods(&["kube-system"], "component=kube-controller-manager")];
const MANAGER_LEASES: &[OwnerLease] = &[lease("kube-system", "kube-controller-manager")];

/// A controller inside kube-controller-manager.
pub(super) const fn controller_manager(name: &'static str) -> Owner {
    Owner { name, runs: Runs::ControlPlane, workloads: MANAGER_PODS, leases: MANAGER_LEASES, groups: &[] }
}

const GARBAGE_COLLECTOR: Owner = controller_manager("kube-controller-manager (garbage collector)");
const OF_ANYTHING: &[Place] = &[Place::Object, Place::NamespaceMetadata];

pub(super) static ENTRIES: &[Entry] = &[
    // Not marked dangerous: finalizing has safeguards of its own, and nothing outside the cluster is lost.
    Entry {
        names: &["kubernetes"],
        places: &[Place::NamespaceSpec],
        on: "Namespace (spec)",
        owner: controller_manager("kube-controller-manager (namespace controller)"),
        protects: "the emptying of the namespace before it goes",
        if_removed: "whatever is still inside stays in etcd, out of reach, and is back when the name is used again",
        remedy: "mend what keeps the namespace from emptying; finalize it only when that cannot be done",
        dangerous: false,
        source: "kubernetes pkg/apis/core/types.go",
        ..ENTRY
    },
    Entry {
        names: &["foregroundDeletion"],
        places: OF_ANYTHING,
        on: "anything deleted with foreground propagation",
        owner: GARBAGE_COLLECTOR,
        protects: "the order of deletion: dependents that block their owner go first",
        if_removed: "dependents go later, in the background, or linger",
        remedy: "find the dependent that does not go, or delete the object again with background propagation",
        dangerous: false,
        source: "kubernetes staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/types.go",
        ..ENTRY
    },
    Entry {
        names: &["orphan"],
        places: OF_ANYTHING,
        on: "anything deleted with orphan propagation",
        owner: GARBAGE_COLLECTOR,
        protects: "dependents that are to outlive their owner",
        if_removed: "dependents that were meant to stay may be deleted too",
        remedy: "see why kube-controller-manager does not work, and restart it",
        dangerous: true,
        source: "kubernetes staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/types.go",
        ..ENTRY
    },
    Entry {
        names: &["batch.kubernetes.io/job-tracking"],
        on: "Pod",
        owner: controller_manager("kube-controller-manager (job controller)"),
        protects: "a finished pod until its Job has counted it",
        if_removed: "the Job's counts may be wrong, nothing else",
        remedy: "see whether kube-controller-manager works and no mutating webhook puts the finalizer back",
        dangerous: false,
        source: "kubernetes staging/src/k8s.io/api/batch/v1/types.go",
        ..ENTRY
    },
    Entry {
        names: &["scheduling.k8s.io/podgroup-protection"],
        on: "PodGroup",
        owner: controller_manager("kube-controller-manager (PodGroup protection)"),
        protects: "a group that pods still name",
        if_removed: "its pods lose their group, nothing else",
        remedy: "delete the pods of the group first",
        dangerous: false,
        source: "kubernetes pkg/apis/scheduling/types.go: PodGroupProtectionFinalizer",
        ..ENTRY
    },
    Entry {
        names: &["customresourcecleanup.apiextensions.k8s.io"],
        on: "CustomResourceDefinition",
        owner: Owner {
            name: "kube-apiserver (CRD finalizer)",
            runs: Runs::ControlPlane,
            workloads: &[pods(&["kube-system"], "component=kube-apiserver")],
            ..OWNER
        },
        protects: "the deletion of every custom resource before its type goes",
        if_removed: "custom resources stay in etcd, out of reach, and are back when the CRD is installed again",
        remedy: "deal with the finalizers on the custom resources; the CRD then goes by itself",
        dangerous: true,
        source: "kubernetes staging/src/k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/types.go",
        ..ENTRY
    },
    Entry {
        names: &["resource.kubernetes.io/delete-protection"],
        on: "ResourceClaim, Pod",
        owner: controller_manager("kube-controller-manager (resource claim controller)"),
        protects: "a device until it has been handed back",
        if_removed: "the device may stay allocated to nobody",
        remedy: "bring the device's DRA driver back",
        dangerous: true,
        source: "kubernetes staging/src/k8s.io/api/resource/v1/types.go",
        ..ENTRY
    },
    Entry {
        names: &["networking.k8s.io/service-cidr-finalizer"],
        on: "ServiceCIDR",
        owner: controller_manager("kube-controller-manager (service CIDR controller)"),
        protects: "an address range that Services still use",
        if_removed: "two Services may be given the same address",
        remedy: "delete the Services with addresses in the range",
        dangerous: true,
        source: "kubernetes pkg/controller/servicecidrs/servicecidrs_controller.go",
        ..ENTRY
    },
    Entry {
        names: &["gateway-exists-finalizer.gateway.networking.k8s.io"],
        on: "GatewayClass",
        owner: Owner {
            name: "the class's Gateway implementation",
            groups: &["gateway.networking.k8s.io"],
            ..OWNER
        },
        protects: "a class that Gateways still use",
        if_removed: "its Gateways are left without a class",
        remedy: "delete the Gateways of the class first",
        dangerous: false,
        source: "kubernetes-sigs/gateway-api apis/v1",
        ..ENTRY
    },
];
