//! Finalizers of volumes, snapshots and the systems that store them.

use super::super::{ENTRY, Entry, OWNER, Owner, Runs, lease, pods};
use super::kubernetes::controller_manager;

const SNAPSHOTTER: Owner = Owner {
    name: "external-snapshotter (snapshot-controller)",
    runs: Runs::MaybeElsewhere,
    workloads: &[
        pods(&["kube-system"], "app.kubernetes.io/name=snapshot-controller"),
        pods(&["kube-system"], "app=snapshot-controller"),
    ],
    leases: &[lease("kube-system", "snapshot-controller-leader")],
    groups: &["snapshot.storage.k8s.io", "groupsnapshot.storage.k8s.io"],
};

pub(super) const PROVISIONER: Owner =
    Owner { name: "the volume's CSI driver (external-provisioner)", runs: Runs::MaybeElsewhere, ..OWNER };

const LONGHORN: Owner = Owner {
    name: "Longhorn (longhorn-manager)",
    workloads: &[pods(&["longhorn-system"], "app=longhorn-manager")],
    groups: &["longhorn.io"],
    ..OWNER
};

const ROOK: Owner = Owner {
    name: "Rook (rook-ceph-operator)",
    workloads: &[pods(&["rook-ceph"], "app=rook-ceph-operator")],
    groups: &["ceph.rook.io"],
    ..OWNER
};

pub(super) static ENTRIES: &[Entry] = &[
    Entry {
        names: &["kubernetes.io/pvc-protection"],
        on: "PersistentVolumeClaim",
        owner: controller_manager("kube-controller-manager (PVC protection)"),
        protects: "a claim that a pod still uses",
        if_removed: "the volume may go while a pod writes to it, and with it the data",
        remedy: "remove the pod that uses the claim",
        dangerous: true,
        source: "kubernetes pkg/volume/util/finalizer.go",
        ..ENTRY
    },
    Entry {
        names: &["kubernetes.io/pv-protection"],
        on: "PersistentVolume",
        owner: controller_manager("kube-controller-manager (PV protection)"),
        protects: "a volume that is bound to a claim",
        if_removed: "the claim is Lost, and the disk behind the volume may be left over",
        remedy: "delete the claim that is bound to it first",
        dangerous: true,
        source: "kubernetes pkg/volume/util/finalizer.go",
        ..ENTRY
    },
    Entry {
        names: &["kubernetes.io/vac-protection"],
        on: "VolumeAttributesClass",
        owner: controller_manager("kube-controller-manager (VolumeAttributesClass protection)"),
        protects: "a class that claims or volumes still name",
        if_removed: "claims and volumes name a class that is gone",
        remedy: "change or delete the claims and volumes that name it",
        dangerous: false,
        source: "kubernetes pkg/volume/util/finalizer.go",
        ..ENTRY
    },
    Entry {
        names: &["external-provisioner.volume.kubernetes.io/finalizer"],
        on: "PersistentVolume",
        owner: PROVISIONER,
        protects: "the deletion of the disk before its record",
        if_removed: "the disk is left over and still billed",
        remedy: "bring the CSI driver back; it deletes the disk and lets go",
        dangerous: true,
        source: "kubernetes staging/src/k8s.io/component-helpers/storage/volume/pv_helpers.go",
        ..ENTRY
    },
    Entry {
        names: &["kubernetes.io/pv-controller"],
        on: "PersistentVolume of an in-tree volume plugin",
        owner: controller_manager("kube-controller-manager (PV controller)"),
        protects: "the deletion of the disk before its record",
        if_removed: "the disk is left over and still billed",
        remedy: "see why the cloud's volume plugin cannot delete the disk",
        dangerous: true,
        source: "kubernetes staging/src/k8s.io/component-helpers/storage/volume/pv_helpers.go",
        ..ENTRY
    },
    Entry {
        names: &["external-attacher/*"],
        examples: &["external-attacher/ebs-csi-aws-com"],
        on: "VolumeAttachment, PersistentVolume",
        owner: Owner {
            name: "the volume's CSI driver (external-attacher)",
            runs: Runs::MaybeElsewhere,
            ..OWNER
        },
        protects: "the detaching of the volume from its node",
        if_removed: "the volume may be attached to two nodes at once, which corrupts its data",
        remedy: "bring the CSI driver back; if the node is lost, make sure that it is really off",
        dangerous: true,
        source: "kubernetes-csi/external-attacher util.go",
        ..ENTRY
    },
    Entry {
        names: &["snapshot.storage.kubernetes.io/volumesnapshot-bound-protection"],
        on: "VolumeSnapshot",
        owner: SNAPSHOTTER,
        protects: "the VolumeSnapshotContent that belongs to it",
        if_removed: "the content and its snapshot are left with nobody to delete them",
        remedy: "bring the snapshot controller back",
        dangerous: true,
        source: "kubernetes-csi/external-snapshotter utils/util.go",
        ..ENTRY
    },
    Entry {
        names: &["snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection"],
        on: "VolumeSnapshotContent",
        owner: SNAPSHOTTER,
        protects: "the deletion of the snapshot in the storage system",
        if_removed: "the snapshot is left over in the storage system and still billed",
        remedy: "bring the snapshot controller and the CSI driver back",
        dangerous: true,
        source: "kubernetes-csi/external-snapshotter utils/util.go",
        ..ENTRY
    },
    Entry {
        names: &[
            "snapshot.storage.kubernetes.io/volumesnapshot-as-source-protection",
            "snapshot.storage.kubernetes.io/pvc-as-source-protection",
            "snapshot.storage.kubernetes.io/volumesnapshot-in-group-protection",
        ],
        on: "VolumeSnapshot, PersistentVolumeClaim",
        owner: SNAPSHOTTER,
        protects: "the source of a restore or snapshot that is under way",
        if_removed: "the restore or snapshot breaks off half-way",
        remedy: "let the restore or snapshot finish, or delete it",
        dangerous: true,
        source: "kubernetes-csi/external-snapshotter utils/util.go",
        ..ENTRY
    },
    Entry {
        names: &["groupsnapshot.storage.kubernetes.io/*"],
        examples: &["groupsnapshot.storage.kubernetes.io/volumegroupsnapshot-bound-protection"],
        on: "VolumeGroupSnapshot, VolumeGroupSnapshotContent",
        owner: SNAPSHOTTER,
        protects: "a group snapshot that is bound, or the source of a restore",
        if_removed: "a restore breaks off, or snapshots are left over in the storage system",
        remedy: "let restores finish, and bring the snapshot controller back",
        dangerous: true,
        source: "kubernetes-csi/external-snapshotter utils/util.go",
        ..ENTRY
    },
    Entry {
        names: &["longhorn.io"],
        on: "Longhorn resources",
        owner: LONGHORN,
        protects: "the cleaning up of a volume's replicas and engines",
        if_removed: "data directories stay on the nodes' disks, and no record says what they hold",
        remedy: "set Longhorn's deleting-confirmation-flag and run its uninstall job",
        dangerous: true,
        source: "longhorn/longhorn-manager; remedy in longhorn/longhorn#5319 and #8067",
        ..ENTRY
    },
    Entry {
        names: &["*.ceph.rook.io"],
        examples: &["cephcluster.ceph.rook.io", "cephblockpool.ceph.rook.io"],
        on: "Ceph resources of Rook",
        owner: ROOK,
        protects: "the orderly removal of Ceph's pools and daemons",
        if_removed: "Ceph's data and daemons stay behind",
        remedy: "bring the Rook operator back; set the CephCluster's cleanupPolicy if its data may go",
        dangerous: true,
        source: "rook/rook finalizer.go",
        ..ENTRY
    },
    Entry {
        names: &["ceph.rook.io/disaster-protection"],
        on: "Secret, ConfigMap",
        owner: ROOK,
        protects: "the identity of the Ceph cluster's monitors",
        if_removed: "the Ceph cluster and all its data may be beyond recovery",
        remedy: "leave it unless the Ceph cluster is gone for good; else keep a copy before all",
        dangerous: true,
        source: "rook/rook mon/mon.go",
        ..ENTRY
    },
];
