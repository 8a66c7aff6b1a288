//! Finalizers of virtual machines that run in pods.

use super::super::{ENTRY, Entry, OWNER, Owner, lease, pods};

const NAMESPACES: &[&str] = &["kubevirt", "openshift-cnv"];
const GROUPS: &[&str] = &["kubevirt.io"];

const VIRT_CONTROLLER: Owner = Owner {
    name: "KubeVirt (virt-controller, virt-handler)",
    workloads: &[
        pods(NAMESPACES, "kubevirt.io=virt-controller"),
        pods(NAMESPACES, "kubevirt.io=virt-handler"),
    ],
    leases: &[lease("kubevirt", "virt-controller")],
    groups: GROUPS,
    ..OWNER
};

pub(super) static ENTRIES: &[Entry] = &[
    Entry {
        names: &["kubevirt.io/virtualMachineControllerFinalize"],
        on: "VirtualMachine",
        owner: VIRT_CONTROLLER,
        protects: "the stopping of the machine before its record goes",
        if_removed: "the machine may keep running on its node",
        remedy: "bring virt-controller and virt-handler back",
        dangerous: true,
        source: "kubevirt/api core/v1",
        ..ENTRY
    },
    Entry {
        names: &["kubevirt.io/foregroundDeleteVirtualMachine", "foregroundDeleteVirtualMachine"],
        on: "VirtualMachineInstance",
        owner: VIRT_CONTROLLER,
        protects: "the stopping of the domain on the node",
        if_removed: "the machine may keep running on its node, and write to a disk that another one uses",
        remedy: "bring virt-handler on the machine's node back",
        dangerous: true,
        source: "kubevirt/api core/v1",
        ..ENTRY
    },
    Entry {
        names: &["kubevirt.io/migrationJobFinalize"],
        on: "VirtualMachineInstanceMigration",
        owner: VIRT_CONTROLLER,
        protects: "a migration until it has ended or been called off",
        if_removed: "the machine may keep running on the wrong node",
        remedy: "bring virt-controller and virt-handler back",
        dangerous: true,
        source: "kubevirt/api core/v1",
        ..ENTRY
    },
    Entry {
        names: &["kubevirt.io/virtOperatorFinalizer"],
        on: "KubeVirt",
        owner: Owner {
            name: "KubeVirt (virt-operator)",
            workloads: &[pods(NAMESPACES, "kubevirt.io=virt-operator")],
            leases: &[lease("kubevirt", "virt-operator")],
            groups: GROUPS,
            ..OWNER
        },
        protects: "the orderly uninstalling of KubeVirt",
        if_removed: "machines may keep running with nothing left that could stop them",
        remedy: "bring virt-operator back",
        dangerous: true,
        source: "kubevirt/api core/v1",
        ..ENTRY
    },
];
