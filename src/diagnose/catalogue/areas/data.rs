//! Finalizers of what stands for data: volumes, buckets, databases and their backups.

use super::super::{Entry, OWNER, Owner, Runs, entry, pods};

const fn cluster(name: &'static str, groups: &'static [&'static str]) -> Owner {
    Owner { name, groups, ..OWNER }
}

const VSPHERE_CSI: Owner = Owner {
    name: "vSphere CSI driver (vsphere-syncer)",
    runs: Runs::MaybeElsewhere,
    workloads: &[pods(&["vmware-system-csi", "kube-system"], "app=vsphere-csi-controller")],
    groups: &["cns.vmware.com"],
    ..OWNER
};
const PERCONA: Owner = cluster(
    "a Percona operator",
    &["pxc.percona.com", "psmdb.percona.com", "ps.percona.com", "pgv2.percona.com"],
);
pub(super) const KUBEBLOCKS: Owner = Owner {
    name: "KubeBlocks",
    workloads: &[pods(&["kb-system"], "app.kubernetes.io/name=kubeblocks")],
    groups: &["apps.kubeblocks.io", "dataprotection.kubeblocks.io"],
    ..OWNER
};
const NOOBAA: Owner = Owner {
    name: "NooBaa (noobaa-operator)",
    workloads: &[pods(&[], "noobaa-operator=deployment")],
    groups: &["noobaa.io", "objectbucket.io"],
    ..OWNER
};
const COSI: Owner = cluster("a COSI driver (object storage)", &["objectstorage.k8s.io"]);
const OPENEBS: Owner = Owner {
    name: "OpenEBS local volumes (LVM, ZFS)",
    workloads: &[
        pods(&["openebs", "kube-system"], "role=openebs-lvm"),
        pods(&["openebs", "kube-system"], "role=openebs-zfs"),
    ],
    groups: &["local.openebs.io", "zfs.openebs.io"],
    ..OWNER
};
const TOPOLVM: Owner = Owner {
    name: "TopoLVM (topolvm-node)",
    workloads: &[pods(
        &["topolvm-system"],
        "app.kubernetes.io/component=node,app.kubernetes.io/name=topolvm",
    )],
    groups: &["topolvm.io", "topolvm.cybozu.com"],
    ..OWNER
};
const KUBEDB: Owner = cluster("KubeDB, or another operator of AppsCode", &["kubedb.com", "*.kubedb.com"]);
const CASS: Owner = Owner {
    name: "cass-operator (Cassandra)",
    workloads: &[pods(&[], "app.kubernetes.io/name=cass-operator")],
    groups: &["cassandra.datastax.com"],
    ..OWNER
};
const CLICKHOUSE: Owner = Owner {
    name: "Altinity ClickHouse operator",
    workloads: &[pods(&[], "app=clickhouse-operator")],
    groups: &["clickhouse.altinity.com"],
    ..OWNER
};
const REDPANDA: Owner = Owner {
    name: "Redpanda operator",
    workloads: &[pods(&["redpanda", "redpanda-system"], "app.kubernetes.io/name=operator")],
    groups: &["cluster.redpanda.com"],
    ..OWNER
};
const ATLAS: Owner = Owner {
    name: "MongoDB Atlas operator",
    workloads: &[pods(
        &["mongodb-atlas-system"],
        "app.kubernetes.io/instance=mongodb-atlas-kubernetes-operator",
    )],
    groups: &["atlas.mongodb.com"],
    ..OWNER
};
const CRUNCHY: Owner = Owner {
    name: "Crunchy Postgres operator",
    workloads: &[pods(
        &["postgres-operator"],
        "postgres-operator.crunchydata.com/control-plane=postgres-operator",
    )],
    groups: &["postgres-operator.crunchydata.com"],
    ..OWNER
};
const RABBITMQ_TOPOLOGY: Owner = Owner {
    name: "RabbitMQ topology operator",
    workloads: &[pods(&["rabbitmq-system"], "app.kubernetes.io/name=messaging-topology-operator")],
    ..OWNER
};
pub(super) const CDI: Owner = Owner {
    name: "KubeVirt CDI (cdi-deployment)",
    workloads: &[pods(&["cdi", "openshift-cnv"], "cdi.kubevirt.io=,app=containerized-data-importer")],
    groups: &["cdi.kubevirt.io"],
    ..OWNER
};
const SNAPSHOTS: Owner = Owner {
    name: "KubeVirt snapshots (virt-controller)",
    workloads: &[pods(&["kubevirt", "openshift-cnv"], "kubevirt.io=virt-controller")],
    groups: &["snapshot.kubevirt.io"],
    ..OWNER
};
const VOLSYNC: Owner = Owner {
    name: "VolSync",
    workloads: &[pods(&["volsync-system"], "app.kubernetes.io/name=volsync")],
    groups: &["volsync.backube"],
    ..OWNER
};

const BACK: &str = "bring the operator back";

pub(super) static ENTRIES: &[Entry] = &[
    entry(
        &["cns.vmware.com/pvc-protection", "cns.vmware.com/pvc-delete-protection"],
        "PersistentVolumeClaim of a vSphere supervisor cluster",
        VSPHERE_CSI,
        (
            "the volume that a guest cluster or a virtual machine still uses",
            "the disk is deleted under whoever uses it, or stays in vSphere",
            "detach the volume in the guest cluster, and bring vsphere-syncer back",
        ),
        true,
        "kubernetes-sigs/vsphere-csi-driver cnsoperator/types: CNSPvcFinalizer",
    ),
    Entry {
        examples: &[
            "percona.com/delete-pxc-pvc",
            "percona.com/delete-psmdb-pods-in-order",
            "internal.percona.com/delete-backup",
        ],
        ..entry(
            &["percona.com/*", "internal.percona.com/*"],
            "PerconaXtraDBCluster, PerconaServerMongoDB, PerconaPGCluster and their backups",
            PERCONA,
            (
                "the deletion of the database's pods in order, of its claims, secrets and backups",
                "volumes stay, or backups stay in the object store",
                BACK,
            ),
            true,
            "percona/percona-xtradb-cluster-operator and percona-server-mongodb-operator: delete-pxc-pvc, delete-psmdb-pods-in-order",
        )
    },
    entry(
        &["dataprotection.kubeblocks.io/finalizer"],
        "Backup, Restore and what they use",
        KUBEBLOCKS,
        (
            "the deletion of the backup's files",
            "backup files stay in the object store and are still billed",
            BACK,
        ),
        true,
        "apecloud/kubeblocks controllers/dataprotection: DataProtectionFinalizerName",
    ),
    entry(
        &["noobaa.io/graceful_finalizer"],
        "NooBaa",
        NOOBAA,
        (
            "buckets with data until their claims are gone",
            "data in buckets, and buckets in the cloud, stay behind",
            "delete the bucket claims first, or set the cleanup policy",
        ),
        true,
        "noobaa/noobaa-operator noobaa_types.go: GracefulFinalizer",
    ),
    entry(
        &["objectbucket.io/finalizer"],
        "ObjectBucketClaim, ObjectBucket and their Secret and ConfigMap",
        cluster("the bucket's provisioner (Rook, NooBaa …)", &["objectbucket.io"]),
        (
            "the deletion of the bucket",
            "the bucket and its data stay in the object store",
            "bring the provisioner back",
        ),
        true,
        "kube-object-storage/lib-bucket-provisioner: finalizer",
    ),
    Entry {
        examples: &["cosi.objectstorage.k8s.io/bucketclaim-protection"],
        ..entry(
            &["cosi.objectstorage.k8s.io/*"],
            "Bucket, BucketClaim, BucketAccess",
            COSI,
            (
                "the deletion of the bucket, or of the account for it",
                "the bucket, or an account that may read it, stays in the object store",
                "bring the COSI driver back",
            ),
            true,
            "kubernetes-sigs/container-object-storage-interface: BucketClaimFinalizer, BABucketFinalizer",
        )
    },
    entry(
        &["lvm.openebs.io/finalizer", "zfs.openebs.io/finalizer"],
        "LVMVolume, LVMSnapshot, ZFSVolume, ZFSSnapshot",
        OPENEBS,
        (
            "the deletion of the volume on its node",
            "the volume stays on the node's disk",
            "bring the node's agent back",
        ),
        true,
        "openebs/lvm-localpv and zfs-localpv: LVMFinalizer, ZFSFinalizer",
    ),
    Entry {
        examples: &["topolvm.io/logicalvolume", "topolvm.cybozu.com/logicalvolume"],
        ..entry(
            &["topolvm.io/*", "topolvm.cybozu.com/*"],
            "LogicalVolume, Node",
            TOPOLVM,
            (
                "the deletion of the volume on its node",
                "the volume stays on the node's disk",
                "bring topolvm-node back",
            ),
            true,
            "topolvm/topolvm constants.go: LogicalVolumeFinalizer",
        )
    },
    entry(
        &["kubedb.com"],
        "databases of KubeDB, and what is made for them",
        KUBEDB,
        (
            "the deletion that the database's deletion policy asks for",
            "volumes, secrets and backups may stay, unmanaged",
            "bring the operator back; see the database's deletionPolicy",
        ),
        true,
        "kubedb.dev/apimachinery: Finalizer",
    ),
    entry(
        &["finalizer.cassandra.datastax.com"],
        "CassandraDatacenter",
        CASS,
        ("the decommissioning of the datacenter and its claims", "volume claims stay, unmanaged", BACK),
        true,
        "k8ssandra/cass-operator cassandradatacenter_types.go: Finalizer",
    ),
    entry(
        &["finalizer.clickhouseinstallation.altinity.com"],
        "ClickHouseInstallation",
        CLICKHOUSE,
        (
            "the deletion of the cluster, its volumes and its replicas in Keeper",
            "volumes and replica records stay",
            BACK,
        ),
        true,
        "Altinity/clickhouse-operator pkg/controller/chi/worker.go: FinalizerName",
    ),
    Entry {
        examples: &["operator.redpanda.com/finalizer", "cluster.redpanda.com/broker-decommission"],
        ..entry(
            &["operator.redpanda.com/*", "cluster.redpanda.com/*"],
            "Redpanda, Topic, User, Schema",
            REDPANDA,
            ("the deletion in Redpanda, or of the release", "topics, users or brokers stay", BACK),
            true,
            "redpanda-data/redpanda-operator: FinalizerKey, clusterFinalizer",
        )
    },
    entry(
        &["mongodbatlas/finalizer"],
        "AtlasProject, AtlasDeployment, AtlasDatabaseUser …",
        ATLAS,
        (
            "the deletion in MongoDB Atlas",
            "the database stays in Atlas and is still billed",
            "bring the operator and its API key back",
        ),
        true,
        "mongodb/mongodb-atlas-kubernetes customresource: FinalizerLabel",
    ),
    entry(
        &["postgres-operator.crunchydata.com/finalizer"],
        "PostgresCluster",
        CRUNCHY,
        ("the orderly end of the database's instances", "instances may end without a checkpoint", BACK),
        false,
        "CrunchyData/postgres-operator, the tests of postgrescluster/delete.go",
    ),
    entry(
        &["deletion.finalizers.queues.rabbitmq.com"],
        "Queue of RabbitMQ",
        RABBITMQ_TOPOLOGY,
        (
            "the deletion in RabbitMQ",
            "the queue and its messages stay in RabbitMQ",
            "bring the operator and the RabbitMQ cluster back",
        ),
        false,
        "rabbitmq/messaging-topology-operator queue_controller.go: deletionFinalizer",
    ),
    entry(
        &["cdi.kubevirt.io/dataVolumeFinalizer"],
        "DataVolume that is cloned from another namespace",
        CDI,
        (
            "the clean-up of the transfer in the other namespace",
            "helper objects stay in the source's namespace",
            "bring CDI back",
        ),
        false,
        "kubevirt/containerized-data-importer pkg/controller: crossNamespaceFinalizer",
    ),
    Entry {
        examples: &["snapshot.kubevirt.io/vmsnapshot-protection"],
        ..entry(
            &["snapshot.kubevirt.io/*"],
            "VirtualMachineSnapshot and its content, VirtualMachine",
            SNAPSHOTS,
            (
                "the snapshot's volumes, and the machine while it is frozen",
                "volume snapshots stay, or a machine stays frozen",
                "bring virt-controller back",
            ),
            true,
            "kubevirt/kubevirt pkg/storage/snapshot: vmSnapshotFinalizer",
        )
    },
    Entry {
        examples: &["volsync.backube/kopiamaintenance-protection"],
        ..entry(
            &["volsync.backube/*"],
            "KopiaMaintenance",
            VOLSYNC,
            (
                "the removal of the maintenance jobs it made",
                "jobs stay behind, and nothing else",
                "bring VolSync back",
            ),
            false,
            "seen in the VolSync fork with Kopia, kopiamaintenance_controller.go: kopiaMaintenanceFinalizer",
        )
    },
];
