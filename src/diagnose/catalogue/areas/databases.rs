//! Finalizers of the operators of databases, queues and search engines.

use super::super::{Entry, OWNER, Owner, entry, pods};

const CNPG: Owner = Owner {
    name: "CloudNativePG",
    workloads: &[pods(&[], "app.kubernetes.io/name=cloudnative-pg")],
    groups: &["postgresql.cnpg.io"],
    ..OWNER
};
const MARIADB: Owner = Owner { name: "MariaDB operator", groups: &["k8s.mariadb.com"], ..OWNER };
const NACK: Owner =
    Owner { name: "NATS JetStream controller (nack)", groups: &["jetstream.nats.io"], ..OWNER };
const OPENSEARCH: Owner =
    Owner { name: "OpenSearch operator", groups: &["opensearch.org", "opensearch.opster.io"], ..OWNER };
const AIVEN: Owner = Owner { name: "Aiven operator", groups: &["aiven.io"], ..OWNER };
const PULSAR: Owner = Owner {
    name: "Pulsar resources operator (StreamNative)",
    groups: &["resource.streamnative.io"],
    ..OWNER
};
const SPLUNK: Owner = Owner { name: "Splunk operator", groups: &["enterprise.splunk.com"], ..OWNER };
const DRUID: Owner = Owner { name: "Druid operator", groups: &["druid.apache.org"], ..OWNER };
const ARANGO: Owner = Owner {
    name: "ArangoDB operator (kube-arangodb)",
    groups: &["database.arangodb.com", "backup.arangodb.com", "storage.arangodb.com"],
    ..OWNER
};
const KOPERATOR: Owner = Owner { name: "Koperator (Kafka)", groups: &["kafka.banzaicloud.io"], ..OWNER };
const MILVUS: Owner = Owner { name: "Milvus operator", groups: &["milvus.io"], ..OWNER };
const MOVETOKUBE: Owner =
    Owner { name: "external Postgres server operator (movetokube)", groups: &["db.movetokube.com"], ..OWNER };
const ZOOKEEPER: Owner =
    Owner { name: "ZooKeeper operator (Pravega)", groups: &["zookeeper.pravega.io"], ..OWNER };
const SOLR: Owner = Owner { name: "Solr operator", groups: &["solr.apache.org"], ..OWNER };
const AEROSPIKE: Owner = Owner { name: "Aerospike operator", groups: &["asdb.aerospike.com"], ..OWNER };
const HAZELCAST: Owner = Owner { name: "Hazelcast Platform operator", groups: &["hazelcast.com"], ..OWNER };
const TIDB: Owner = Owner { name: "TiDB operator", groups: &["core.pingcap.com", "br.pingcap.com"], ..OWNER };

const BACK: &str = "bring the operator back";

pub(super) static ENTRIES: &[Entry] = &[
    entry(
        &[
            "cnpg.io/deleteDatabase",
            "cnpg.io/deleteRole",
            "cnpg.io/deletePublication",
            "cnpg.io/cleanupPlugin",
        ],
        "Database, DatabaseRole, Publication of a Postgres cluster; what a plugin needs",
        CNPG,
        (
            "the database, role or publication that its reclaim policy says to drop",
            "it stays in the Postgres cluster; a role can still log in",
            "bring CloudNativePG and the Postgres cluster back",
        ),
        true,
        "cloudnative-pg/cloudnative-pg pkg/utils/finalizers.go",
    ),
    entry(
        &["cnpg.io/deleteSubscription"],
        "Subscription of a Postgres cluster",
        CNPG,
        (
            "the end of the subscription at its publisher",
            "the publisher keeps the replication slot, and its disk fills",
            "bring CloudNativePG and the Postgres cluster back",
        ),
        true,
        "cloudnative-pg/cloudnative-pg pkg/utils/finalizers.go: SubscriptionFinalizerName",
    ),
    entry(
        &[
            "database.k8s.mariadb.com/finalizer",
            "user.k8s.mariadb.com/finalizer",
            "grant.k8s.mariadb.com/finalizer",
        ],
        "Database, User, Grant",
        MARIADB,
        (
            "the removal from the MariaDB server",
            "it stays in the server; a user can still log in",
            "bring the operator and the server back",
        ),
        true,
        "mariadb-operator/mariadb-operator internal/controller: databaseFinalizerName, userFinalizerName, grantFinalizerName",
    ),
    entry(
        &[
            "account.nats.io/finalizer",
            "consumer.nats.io/finalizer",
            "kv.nats.io/finalizer",
            "objectstore.nats.io/finalizer",
            "stream.nats.io/finalizer",
        ],
        "Account, Consumer, KeyValue, ObjectStore, Stream",
        NACK,
        (
            "the removal from the NATS server",
            "it stays in the NATS server, with its messages",
            "bring the controller and NATS back",
        ),
        false,
        "nats-io/nack internal/controller: streamFinalizer, consumerFinalizer …",
    ),
    entry(
        &["opensearch.org/opensearch-data", "opensearch.org/migration", "opster.io/opensearch-data"],
        "OpensearchUser, OpensearchRole and other resources inside OpenSearch",
        OPENSEARCH,
        (
            "the removal from OpenSearch",
            "it stays in OpenSearch; a user can still log in",
            "bring the operator and OpenSearch back",
        ),
        true,
        "opensearch-project/opensearch-k8s-operator: OpensearchFinalizer, OldResourceFinalizer, MigrationFinalizer",
    ),
    entry(
        &["Opensearch", "Opster"],
        "OpenSearchCluster",
        OPENSEARCH,
        ("the orderly end of the cluster", "what the operator made for the cluster may stay", BACK),
        false,
        "opensearch-project/opensearch-k8s-operator: myFinalizerName, OldClusterFinalizer",
    ),
    entry(
        &["finalizers.aiven.io/delete-remote-resource"],
        "Kafka, PostgreSQL, Project and other services of Aiven",
        AIVEN,
        (
            "the deletion of the service at Aiven",
            "the service runs on at Aiven and is billed",
            "bring the operator and its token back",
        ),
        true,
        "aiven/aiven-operator controllers: instanceDeletionFinalizer",
    ),
    entry(
        &["finalizers.aiven.io/needed-to-delete-services"],
        "Secret with the token for Aiven",
        AIVEN,
        (
            "the token until the services that need it are deleted",
            "services of Aiven cannot be deleted any more, and are billed",
            "delete the services first",
        ),
        true,
        "aiven/aiven-operator controllers: secretProtectionFinalizer",
    ),
    Entry {
        examples: &[
            "resource.streamnative.io/workspace-finalizer",
            "apikey.resource.streamnative.io/finalizer",
        ],
        ..entry(
            &[
                "cloud.streamnative.io/finalizer",
                "resource.streamnative.io/*",
                "*.resource.streamnative.io/finalizer",
            ],
            "PulsarTopic, PulsarTenant, APIKey, ServiceAccount …",
            PULSAR,
            (
                "the removal from Pulsar or StreamNative Cloud",
                "it stays there; a key is still valid, and what runs is billed",
                "bring the operator and the connection back",
            ),
            true,
            "streamnative/pulsar-resources-operator api/v1alpha1/constants.go: FinalizerName; controllers",
        )
    },
    entry(
        &["enterprise.splunk.com/delete-pvc"],
        "Standalone, IndexerCluster, SearchHeadCluster …",
        SPLUNK,
        ("the deletion of the volumes with the instance", "the PersistentVolumeClaims stay", BACK),
        false,
        "splunk/splunk-operator pkg/splunk/enterprise/finalizers.go",
    ),
    entry(
        &["deletepvc.finalizers.druid.apache.org"],
        "Druid",
        DRUID,
        ("the deletion of the volumes with the cluster", "the PersistentVolumeClaims stay", BACK),
        false,
        "druid-io/druid-operator controllers/druid/handler.go: finalizerName",
    ),
    entry(
        &[
            "agent.database.arangodb.com/agency-serving",
            "dbserver.database.arangodb.com/drain",
            "database.arangodb.com/graceful-shutdown",
            "pod.database.arangodb.com/delay",
            "gateway.database.arangodb.com/tls-keyfile",
        ],
        "Pod of an ArangoDB cluster",
        ARANGO,
        (
            "the drain of the server, and enough agents to go on",
            "shards that are on this server alone are lost",
            "bring the operator back, and let the cluster drain the server",
        ),
        true,
        "arangodb/kube-arangodb pkg/util/constants/constants.go: FinalizerPodDrainDBServer …",
    ),
    entry(
        &["pvc.database.arangodb.com/member-exists"],
        "PersistentVolumeClaim of an ArangoDB cluster",
        ARANGO,
        ("the volume of a member that still exists", "the data of the member are lost", BACK),
        true,
        "arangodb/kube-arangodb pkg/util/constants/constants.go: FinalizerPVCMemberExists",
    ),
    entry(
        &["database.arangodb.com/remove-child-finalizers"],
        "ArangoDeployment",
        ARANGO,
        (
            "the removal of the finalizers of its pods and volumes",
            "its pods and volumes stay behind, held by their finalizers",
            BACK,
        ),
        false,
        "arangodb/kube-arangodb pkg/util/constants/constants.go: FinalizerDeplRemoveChildFinalizers",
    ),
    entry(
        &["arangobackups.backup.arangodb.com/cleanup"],
        "ArangoBackup",
        ARANGO,
        (
            "the deletion of the backup on the servers",
            "the backup stays on the servers, and takes their disk",
            BACK,
        ),
        true,
        "arangodb/kube-arangodb pkg/apis/backup/v1/backup.go: FinalizerArangoBackup",
    ),
    entry(
        &["localstorage.arangodb.com/cleanup"],
        "PersistentVolume of ArangoLocalStorage",
        ARANGO,
        ("the deletion of the data on the node", "the data stay on the node's disk", BACK),
        true,
        "arangodb/kube-arangodb pkg/storage/consts.go: FinalizerPersistentVolumeCleanup",
    ),
    entry(
        &[
            "finalizer.kafkaclusters.kafka.banzaicloud.io",
            "topics.kafkaclusters.kafka.banzaicloud.io",
            "users.kafkaclusters.kafka.banzaicloud.io",
            "finalizer.cruisecontroloperations.kafka.banzaicloud.io",
        ],
        "KafkaCluster, CruiseControlOperation",
        KOPERATOR,
        (
            "the end of the cluster after its topics and users",
            "topics and users stay behind, held by their finalizers",
            BACK,
        ),
        false,
        "banzaicloud/koperator controllers/kafkacluster_controller.go: clusterFinalizer …",
    ),
    entry(
        &["finalizer.kafkatopics.kafka.banzaicloud.io", "finalizer.kafkausers.kafka.banzaicloud.io"],
        "KafkaTopic, KafkaUser",
        KOPERATOR,
        (
            "the removal of the topic, or of the user and its certificate",
            "the topic stays in Kafka; a user can still log in",
            "bring the operator and Kafka back",
        ),
        true,
        "banzaicloud/koperator controllers: topicFinalizer, userFinalizer",
    ),
    entry(
        &["milvus.milvus.io/finalizer", "milvuscluster.milvus.io/finalizer"],
        "Milvus, MilvusCluster",
        MILVUS,
        (
            "the removal of the etcd and the storage that came with it",
            "their releases and volumes stay",
            BACK,
        ),
        false,
        "zilliztech/milvus-operator pkg/controllers/milvus_controller.go: MilvusFinalizerName",
    ),
    entry(
        &["finalizer.db.movetokube.com"],
        "Postgres, PostgresUser",
        MOVETOKUBE,
        (
            "the drop of the database and its roles",
            "they stay in the server; a user can still log in",
            "bring the operator and the server back",
        ),
        true,
        "movetokube/postgres-operator internal/controller/postgres_controller.go",
    ),
    entry(
        &["cleanUpZookeeperPVC"],
        "ZookeeperCluster",
        ZOOKEEPER,
        ("the deletion of the volumes with the cluster", "the PersistentVolumeClaims stay", BACK),
        false,
        "pravega/zookeeper-operator pkg/utils/finalizer_utils.go: ZkFinalizer",
    ),
    entry(
        &["storage.finalizers.solr.apache.org"],
        "SolrCloud",
        SOLR,
        ("the deletion of the volumes with the cloud", "the PersistentVolumeClaims stay", BACK),
        false,
        "apache/solr-operator controllers/util/solr_util.go: SolrStorageFinalizer",
    ),
    entry(
        &[
            "asdb.aerospike.com/storage-finalizer",
            "asdb.aerospike.com/backup-finalizer",
            "asdb.aerospike.com/restore-finalizer",
        ],
        "AerospikeCluster, AerospikeBackup, AerospikeRestore",
        AEROSPIKE,
        (
            "the deletion of the volumes, or of the plan in the backup service",
            "volumes stay, and backups go on",
            BACK,
        ),
        false,
        "aerospike/aerospike-kubernetes-operator internal/controller: finalizerName",
    ),
    entry(
        &["hazelcast.com/finalizer"],
        "Hazelcast, ManagementCenter, CronHotBackup, Map …",
        HAZELCAST,
        (
            "the clean-up before the resource goes",
            "schedules and cluster roles of the resource may stay",
            BACK,
        ),
        false,
        "hazelcast/hazelcast-platform-operator internal/naming/constants.go: Finalizer",
    ),
    entry(
        &["pingcap.com/finalizer"],
        "Cluster, TiKV, PD, TiDB, Backup …",
        TIDB,
        (
            "the orderly end: stores go offline, a backup's data are deleted",
            "a store's data may be lost, or a backup stays in the bucket",
            "bring the operator and the cluster back",
        ),
        true,
        "pingcap/tidb-operator api/meta/v1alpha1/types.go: Finalizer",
    ),
    entry(
        &[
            "cluster.kubeblocks.io/finalizer",
            "component.kubeblocks.io/finalizer",
            "instanceset.workloads.kubeblocks.io/finalizer",
            "instance.workloads.kubeblocks.io/finalizer",
            "opsrequest.kubeblocks.io/finalizer",
            "rollout.kubeblocks.io/finalizer",
        ],
        "Cluster, Component, InstanceSet, OpsRequest …",
        super::data::KUBEBLOCKS,
        (
            "the order of the deletion, and what the termination policy says of the data",
            "volumes and backups may stay, or a database ends without its last steps",
            BACK,
        ),
        true,
        "apecloud/kubeblocks pkg/constant/finalizer.go; pkg/controller/instanceset/types.go: finalizer",
    ),
    entry(
        &[
            "clusterdefinition.kubeblocks.io/finalizer",
            "componentdefinition.kubeblocks.io/finalizer",
            "componentversion.kubeblocks.io/finalizer",
            "shardingdefinition.kubeblocks.io/finalizer",
            "sidecardefinition.kubeblocks.io/finalizer",
            "opsdefinition.kubeblocks.io/finalizer",
            "config.kubeblocks.io/finalizer",
            "servicedescriptor.kubeblocks.io/finalizer",
        ],
        "ClusterDefinition, ComponentDefinition, ConfigMap of a component …",
        super::data::KUBEBLOCKS,
        (
            "a definition that clusters still use",
            "clusters that use it cannot be changed or deleted",
            "delete the clusters that use it first",
        ),
        false,
        "apecloud/kubeblocks pkg/constant/finalizer.go; controllers/apps",
    ),
];
