//! Arbitrary facts and policies.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use crate::model::{
    ClusterExtensions, Coverage, DryRunOutcome, DryRunResult, Facts, FailingCondition, Gap, Inventory,
    KUBERNETES_FINALIZER, Leftover, Namespace, NodeState, Pod, ResourceType, TypeLeftovers, Unreadable,
    resource,
};
use crate::plan::{Leftovers, Policy};

const SPEC: [&str; 4] = [KUBERNETES_FINALIZER, "example.com/hold", "example.org/quota", "orphan"];
pub(super) const METADATA: [&str; 3] =
    ["example.com/meta", "controller.cattle.io/namespace-auth", "foregroundDeletion"];
/// Of objects: two that the catalogue calls dangerous, two that it does not, two that it does not know.
pub(super) const OBJECT: [&str; 6] = [
    "service.kubernetes.io/load-balancer-cleanup",
    "machine.cluster.x-k8s.io",
    "kubernetes.io/pvc-protection",
    "batch.kubernetes.io/job-tracking",
    "example.com/hold",
    "unheard.example.org/of",
];

const NOW: &str = "2026-01-02T00:00:00Z";
const OLD: &str = "2026-01-01T00:00:00Z";
pub(super) const YOUNG: &str = "2026-01-01T23:59:30Z";

pub(super) fn some(of: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    let names: Vec<String> = of.iter().map(|name| (*name).to_owned()).collect();
    let count = names.len();
    subsequence(names, 0..=count).prop_shuffle()
}

/// What the namespace controller may have written: nothing yet, that all is well, or what is wrong.
pub(super) fn conditions() -> impl Strategy<Value = Vec<Value>> {
    let messages = [
        (
            "NamespaceDeletionDiscoveryFailure",
            "Discovery failed for some groups, 1 failing: metrics.example.com/v1beta1",
        ),
        (
            "NamespaceDeletionContentFailure",
            "Failed to delete all resource types, 1 remaining: failed calling webhook",
        ),
        ("NamespaceContentRemaining", "Some resources are remaining: secrets. has 2 resource instances"),
        (
            "NamespaceFinalizersRemaining",
            "Some content in the namespace has finalizers remaining: example.com/hold in 2 resource instances",
        ),
    ];
    let all = messages.map(|(kind, message)| {
        any::<bool>().prop_map(move |is_true| {
            let (status, message) = if is_true { ("True", message) } else { ("False", "well") };
            json!({"type": kind, "status": status, "message": message})
        })
    });
    prop_oneof![Just(Vec::new()), all.to_vec()]
}

pub(super) fn dry_runs() -> impl Strategy<Value = Vec<DryRunResult>> {
    let said = "admission webhook \"guard.example.com\" denied the request: no".to_owned();
    let outcome = select(vec![
        DryRunOutcome::Accepted,
        DryRunOutcome::Undone(vec!["example.com/hold".to_owned()]),
        DryRunOutcome::Refused(said),
        DryRunOutcome::Invalid("ConfigMap \"o-0\" is invalid: data: Forbidden: immutable".to_owned()),
        DryRunOutcome::NoAnswer(10),
        DryRunOutcome::Failed("HTTP 500".to_owned()),
    ]);
    let operation = select(vec!["UPDATE", "DELETE"]);
    let result = (outcome, operation).prop_map(|(outcome, operation)| DryRunResult {
        request: format!("{operation} configmaps/o-0"),
        operation: operation.to_owned(),
        resource: "configmaps".to_owned(),
        outcome,
        warnings: Vec::new(),
    });
    vec(result, 0..3)
}

pub(super) fn failing_conditions() -> impl Strategy<Value = Vec<FailingCondition>> {
    let message =
        select(vec!["ReconcileError: secrets \"cloud\" not found", "DeleteFailed: bucket is not empty"]);
    let failing = message.prop_map(|message| FailingCondition {
        object: "backups.example.com/o-0".to_owned(),
        message: message.to_owned(),
    });
    vec(failing, 0..3)
}

fn namespaces() -> impl Strategy<Value = Namespace> {
    let names = prop_oneof![
        select(vec![
            "default",
            "kube-system",
            "kube-public",
            "kube-node-lease",
            "openshift",
            "openshift-etcd"
        ])
        .prop_map(str::to_owned),
        "[a-z]{1,8}",
    ];
    let times = (select(vec![OLD, YOUNG]), conditions());
    (names, prop::bool::weighted(0.8), some(&SPEC), some(&METADATA), any::<bool>(), times).prop_map(
        |(name, deleted, spec, metadata, unknown_fields, (time, conditions))| {
            let mut json = json!({
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": name, "uid": "u", "resourceVersion": "1", "finalizers": metadata},
                "spec": {"finalizers": spec},
                "status": {"phase": "Active"},
            });
            if deleted {
                json["metadata"]["deletionTimestamp"] = json!(time);
                json["status"] = json!({"phase": "Terminating", "conditions": conditions});
            }
            if unknown_fields {
                json["spec"]["fromTheFuture"] = json!({"finalizers": ["kubernetes"]});
            }
            Namespace::from_json(json).unwrap()
        },
    )
}

pub(super) fn types() -> Vec<ResourceType> {
    vec![
        resource("", "configmaps", "ConfigMap"),
        resource("", "pods", "Pod"),
        resource("", "services", "Service"),
        resource("cluster.x-k8s.io", "machines", "Machine"),
        resource("example.com", "backups", "Backup"),
    ]
}

fn leftovers_of(ty: ResourceType) -> impl Strategy<Value = TypeLeftovers> {
    let objects = vec((any::<bool>(), some(&OBJECT)), 1..5);
    // Also where fewer are remembered than there are.
    (objects, 0..4_usize).prop_map(move |(objects, keep)| {
        let mut of_type = TypeLeftovers::none(ty.clone());
        for (index, (deleting, finalizers)) in objects.into_iter().enumerate() {
            let leftover = Leftover {
                name: format!("o-{index}"),
                namespace: "rodrigo".to_owned(),
                uid: format!("{ty}-{index}"),
                deleted: deleting.then(jiff::Timestamp::now),
                finalizers,
                labels: std::collections::BTreeMap::new(),
                set_by: Vec::new(),
            };
            of_type.add(leftover, keep);
        }
        of_type
    })
}

pub(super) fn gaps() -> impl Strategy<Value = Vec<Gap>> {
    let why = select(vec![Unreadable::Forbidden, Unreadable::Unavailable, Unreadable::TimedOut]);
    let gap = (why, any::<bool>()).prop_map(|(why, whole)| Gap {
        group: "metrics.example.com".to_owned(),
        version: "v1beta1".to_owned(),
        resource: (!whole).then(|| "nodes".to_owned()),
        why,
        detail: "service unavailable".to_owned(),
    });
    vec(gap, 0..3)
}

fn inventories() -> impl Strategy<Value = Inventory> {
    let held = subsequence(types(), 0..=3)
        .prop_flat_map(|types| types.into_iter().map(leftovers_of).collect::<Vec<_>>());
    (held, gaps()).prop_map(|(types, gaps)| Inventory {
        types,
        coverage: Coverage { looked: 5, gaps, ..Coverage::default() },
    })
}

fn pods() -> impl Strategy<Value = Vec<Pod>> {
    let node = select(vec![NodeState::Ready, NodeState::NotReady, NodeState::Missing, NodeState::Unknown]);
    let pod = (node, any::<bool>()).prop_map(|(node_state, deleting)| Pod {
        name: "web".to_owned(),
        node: Some("node-1".to_owned()),
        node_state,
        deleted: deleting.then(|| "2026-01-01T00:00:00Z".parse().unwrap()),
        grace_seconds: 30,
        finalizers: Vec::new(),
        claims: Vec::new(),
    });
    vec(pod, 0..3)
}

pub(super) fn policies() -> impl Strategy<Value = Policy> {
    let leftovers = select(vec![Leftovers::Ask, Leftovers::Refuse, Leftovers::Orphan, Leftovers::Release]);
    let named = (some(&SPEC[1..]), some(&METADATA));
    let patience = select(vec![std::time::Duration::ZERO, crate::diagnose::PATIENCE]);
    let limits = (patience, any::<bool>());
    (leftovers, any::<bool>(), some(&OBJECT), named, limits).prop_map(
        |(
            leftovers,
            allow_protected,
            release_finalizers,
            (spec, metadata),
            (patience, deletes_no_namespace),
        )| Policy {
            leftovers,
            allow_protected,
            release_finalizers,
            finalizers: [spec, metadata].concat(),
            patience,
            deletes_no_namespace,
            rule: None,
        },
    )
}

fn any_facts() -> impl Strategy<Value = Facts> {
    let answers = (dry_runs(), failing_conditions());
    (namespaces(), inventories(), pods(), gaps(), answers).prop_map(
        |(namespace, inventory, pods, gaps, (dry_runs, failing_conditions))| Facts {
            now: NOW.parse().unwrap(),
            namespace,
            inventory,
            extensions: ClusterExtensions { gaps, ..ClusterExtensions::default() }.into(),
            pods,
            all_pods_known: true,
            dry_runs,
            failing_conditions,
        },
    )
}

/// A young namespace with nothing in its way, or almost nothing: chance alone rarely makes one.
fn young_facts() -> impl Strategy<Value = Facts> {
    let inventory = prop_oneof![3 => Just(Inventory::default()), 1 => inventories()];
    let deleting = (select(types()), 1..4_usize).prop_map(|(resource, count)| {
        let mut of_type = TypeLeftovers::none(resource);
        for index in 0..count {
            of_type.add(
                Leftover {
                    name: format!("going-{index}"),
                    namespace: "rodrigo".to_owned(),
                    uid: format!("going-{index}"),
                    deleted: Some(YOUNG.parse().unwrap()),
                    finalizers: Vec::new(),
                    labels: std::collections::BTreeMap::new(),
                    set_by: Vec::new(),
                },
                10,
            );
        }
        of_type
    });
    let parts = (inventory, prop::option::of(deleting), conditions(), dry_runs(), failing_conditions());
    (parts, prop::bool::weighted(0.7)).prop_map(
        |((mut inventory, deleting, conditions, dry_runs, failing_conditions), quiet)| {
            inventory.types.extend(deleting);
            inventory.coverage.looked = 5;
            let conditions = if quiet { Vec::new() } else { conditions };
            let json = json!({
                "metadata": {"name": "rodrigo", "uid": "u", "resourceVersion": "1", "deletionTimestamp": YOUNG},
                "spec": {"finalizers": [KUBERNETES_FINALIZER]},
                "status": {"phase": "Terminating", "conditions": conditions},
            });
            Facts {
                now: NOW.parse().unwrap(),
                namespace: Namespace::from_json(json).unwrap(),
                inventory,
                extensions: ClusterExtensions::default().into(),
                pods: Vec::new(),
                all_pods_known: true,
                dry_runs: if quiet { Vec::new() } else { dry_runs },
                failing_conditions: if quiet { Vec::new() } else { failing_conditions },
            }
        },
    )
}

pub(super) fn facts() -> impl Strategy<Value = Facts> {
    prop_oneof![3 => any_facts(), 1 => young_facts()]
}
