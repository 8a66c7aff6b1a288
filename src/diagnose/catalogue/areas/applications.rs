//! Finalizers of databases, queues and operators of other kinds.

use super::super::{ENTRY, Entry, OWNER, Owner, Place, Runs, lease, pods};

pub(super) static ENTRIES: &[Entry] = &[
    Entry {
        names: &["strimzi.io/topic-operator"],
        on: "KafkaTopic",
        owner: Owner {
            name: "Strimzi (topic operator)",
            workloads: &[pods(&["kafka"], "app.kubernetes.io/name=entity-operator")],
            groups: &["kafka.strimzi.io"],
            ..OWNER
        },
        protects: "the deletion of the topic in Kafka",
        if_removed: "the topic and its data stay in Kafka",
        remedy: "bring the Kafka cluster's entity operator back",
        dangerous: false,
        source: "strimzi/strimzi-kafka-operator",
        ..ENTRY
    },
    Entry {
        names: &["postgres-operator.acid.zalan.do"],
        on: "postgresql",
        owner: Owner {
            name: "Zalando Postgres operator",
            workloads: &[
                pods(&["default", "postgres-operator"], "name=postgres-operator"),
                pods(&["default", "postgres-operator"], "app.kubernetes.io/name=postgres-operator"),
            ],
            groups: &["acid.zalan.do"],
            ..OWNER
        },
        protects: "the orderly deletion of the database cluster",
        if_removed: "its pods and volume claims stay, unmanaged",
        remedy: "bring the operator back",
        dangerous: false,
        source: "zalando/postgres-operator",
        ..ENTRY
    },
    Entry {
        names: &["deletion.finalizers.rabbitmqclusters.rabbitmq.com"],
        on: "RabbitmqCluster",
        owner: Owner {
            name: "RabbitMQ cluster operator",
            workloads: &[pods(&["rabbitmq-system"], "app.kubernetes.io/name=rabbitmq-cluster-operator")],
            leases: &[lease("rabbitmq-system", "rabbitmq-cluster-operator-leader-election")],
            groups: &["rabbitmq.com"],
            ..OWNER
        },
        protects: "the graceful end of the RabbitMQ nodes",
        if_removed: "little: the nodes end less gently",
        remedy: "bring the operator back",
        dangerous: false,
        source: "rabbitmq/cluster-operator",
        ..ENTRY
    },
    Entry {
        names: &["apps.victoriametrics.com/finalizer"],
        on: "resources of VictoriaMetrics, and the ConfigMaps, Secrets and claims made for them",
        owner: Owner {
            name: "VictoriaMetrics operator",
            workloads: &[pods(&[], "app.kubernetes.io/name=victoria-metrics-operator")],
            groups: &["operator.victoriametrics.com"],
            ..OWNER
        },
        protects: "the deletion of what was made for the resource",
        if_removed: "workloads and configuration made for it stay",
        remedy: "bring the operator back",
        dangerous: false,
        source: "VictoriaMetrics/operator; seen in VictoriaMetrics/helm-charts#2726",
        ..ENTRY
    },
    Entry {
        names: &["kopf.zalando.org/KopfFinalizerMarker"],
        places: &[Place::Object, Place::NamespaceMetadata],
        on: "anything, namespaces among it",
        owner: Owner { name: "an operator written with kopf", runs: Runs::MaybeElsewhere, ..OWNER },
        protects: "the running of that operator's deletion handlers",
        if_removed: "the handlers do not run; what they would have cleaned up is known to that operator only",
        remedy: "find the operator and start it",
        dangerous: true,
        source: "nolar/kopf configuration.py",
        ..ENTRY
    },
    // A name without a domain may be another controller's, so it has to be named even though the known loss is small.
    Entry {
        names: &["redisFinalizer", "redisClusterFinalizer", "redisReplicationFinalizer"],
        on: "Redis, RedisCluster, RedisReplication",
        owner: Owner {
            name: "Redis operator (OT-CONTAINER-KIT), going by the name",
            groups: &["redis.redis.opstreelabs.in"],
            ..OWNER
        },
        protects: "the deletion of the volume claims, unless they are to be kept",
        if_removed: "volume claims stay; if another operator set it, what is lost is not known",
        remedy: "bring the operator back, or ask those who run it",
        dangerous: true,
        source: "OT-CONTAINER-KIT/redis-operator k8sutils",
        ..ENTRY
    },
];
