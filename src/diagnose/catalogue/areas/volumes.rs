//! Finalizers of storage systems that bring volumes, and of what clones and caches them.

use super::super::{Entry, OWNER, Owner, entry, pods};

const PORTWORX: Owner = Owner {
    name: "Portworx operator",
    workloads: &[pods(&[], "name=portworx-operator")],
    groups: &["core.libopenstorage.org"],
    ..OWNER
};
const PIRAEUS: Owner = Owner { name: "Piraeus operator (LINSTOR)", groups: &["piraeus.io"], ..OWNER };
const JUICEFS: Owner = Owner {
    name: "JuiceFS CSI driver (mount pods)",
    workloads: &[pods(&[], "app.kubernetes.io/name=juicefs-csi-driver")],
    ..OWNER
};
const TRIDENT: Owner = Owner {
    name: "NetApp Trident",
    workloads: &[pods(&[], "app=controller.csi.trident.netapp.io")],
    groups: &["trident.netapp.io"],
    ..OWNER
};
const OCS: Owner =
    Owner { name: "OpenShift Data Foundation (ocs-operator)", groups: &["ocs.openshift.io"], ..OWNER };
const LOCAL_STORAGE: Owner =
    Owner { name: "OpenShift local-storage-operator", groups: &["local.storage.openshift.io"], ..OWNER };
const FLUID: Owner = Owner { name: "Fluid", groups: &["data.fluid.io"], ..OWNER };

const BACK: &str = "bring the operator back";

pub(super) static ENTRIES: &[Entry] = &[
    entry(
        &["operator.libopenstorage.org/delete"],
        "StorageCluster",
        PORTWORX,
        (
            "the removal of Portworx as the delete strategy says, data included",
            "Portworx and its data stay on the nodes",
            BACK,
        ),
        true,
        "libopenstorage/operator pkg/controller/storagecluster/storagecluster.go: deleteFinalizerName",
    ),
    entry(
        &["piraeus.io/satellite-protection"],
        "LinstorSatellite",
        PIRAEUS,
        (
            "the evacuation of the node's volumes",
            "replicas on the node are lost",
            "bring the operator back, and let it evacuate the node",
        ),
        true,
        "piraeusdatastore/piraeus-operator pkg/vars/vars.go: SatelliteFinalizer",
    ),
    entry(
        &["juicefs.com/finalizer"],
        "Pod that mounts JuiceFS",
        JUICEFS,
        (
            "the mount that pods on the node still use",
            "pods lose their files, and caches stay on the node",
            "delete the pods that use the volume first",
        ),
        true,
        "juicedata/juicefs-csi-driver pkg/common/common.go: Finalizer",
    ),
    entry(
        &["trident.netapp.io", "trident.netapp.io/configuratorFinalizer"],
        "TridentVolume, TridentSnapshot, TridentBackend …",
        TRIDENT,
        (
            "the deletion of the volume, snapshot or backend on the storage system",
            "it stays on the storage system",
            "bring Trident and its backend back",
        ),
        true,
        "NetApp/trident operator/crd/apis/netapp/v1/types.go: TridentFinalizerName",
    ),
    Entry {
        examples: &["ocs.openshift.io/storageconsumer-protection"],
        ..entry(
            &["storagecluster.ocs.openshift.io", "ocs.openshift.io/*"],
            "StorageCluster, StorageConsumer, CephBlockPool of a mirror",
            OCS,
            (
                "volumes that are still in use, and the order of the removal",
                "storage goes under its users, or stays on the disks",
                "delete the volumes first, then bring the operator back",
            ),
            true,
            "red-hat-storage/ocs-operator internal/controller/storagecluster/reconcile.go: storageClusterFinalizer; storageconsumer_controller.go",
        )
    },
    entry(
        &["storage.openshift.com/local-volume-protection", "storage.openshift.com/lso-symlink-deleter"],
        "LocalVolume, LocalVolumeSet, PersistentVolume",
        LOCAL_STORAGE,
        (
            "local volumes that are still bound, and the links on the nodes",
            "links stay on the nodes, and a disk may be given out with data on it",
            "release the volumes first, then bring the operator back",
        ),
        true,
        "openshift/local-storage-operator pkg/common/names.go: LocalVolumeProtectionFinalizer, LSOSymlinkDeleterFinalizer",
    ),
    Entry {
        examples: &["fluid-dataset-controller-finalizer"],
        ..entry(
            &["fluid-*-controller-finalizer"],
            "Dataset, DataLoad, DataMigrate, DataBackup, DataProcess",
            FLUID,
            (
                "the end of the operation, and a dataset that pods still use",
                "releases of the operation stay, nothing else",
                "bring Fluid back",
            ),
            false,
            "fluid-cloudnative/fluid pkg/controllers: finalizer, DataloadFinalizer …",
        )
    },
    Entry {
        examples: &["alluxio-runtime-controller-finalizer"],
        groups: &["data.fluid.io"],
        ..entry(
            &["*-runtime-controller-finalizer"],
            "AlluxioRuntime, JindoRuntime, JuiceFSRuntime, ThinRuntime …",
            FLUID,
            (
                "the removal of the cache, its volumes and its ports",
                "cache pods and volumes stay, and ports stay taken",
                "bring Fluid back",
            ),
            false,
            "fluid-cloudnative/fluid pkg/controllers: runtimeResourceFinalizerName",
        )
    },
    entry(
        &[
            "cdi.kubevirt.io/cloneSource",
            "cdi.kubevirt.io/clonePopulator",
            "cdi.kubevirt.io/importImageStream",
            "cdi.kubevirt.io/objectTransfer",
        ],
        "Pod, PersistentVolumeClaim, ObjectTransfer",
        super::data::CDI,
        (
            "the removal of what a clone or an import made elsewhere",
            "pods, claims and snapshots of it stay in other namespaces",
            "bring CDI back",
        ),
        false,
        "kubevirt/containerized-data-importer pkg/controller/clone-controller.go, import-controller.go, populators/clone-populator.go",
    ),
    entry(
        &["provisioner.storage.kubernetes.io/cloning-protection"],
        "PersistentVolumeClaim",
        super::storage::PROVISIONER,
        ("a claim that is being cloned", "the clone is broken", "let the clone finish, or delete it"),
        true,
        "kubevirt/containerized-data-importer pkg/controller/transfer/pvc.go: pvcCloneFinalizer",
    ),
];
