//! What holds of every plan, whatever the facts: the rules of safety, stated over arbitrary facts.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree;
use proptest::test_runner::Config;
use serde_json::{Value, json};

use super::*;
use crate::diagnose::catalogue::{Place, look_up};
use crate::diagnose::diagnose;
use crate::model::{
    ClusterExtensions, Coverage, DryRunOutcome, DryRunResult, Facts, FailingCondition, Gap,
    KUBERNETES_FINALIZER, Leftover, NodeState, Pod, ResourceType, TypeLeftovers, Unreadable, resource,
};

mod rules;

const SPEC: [&str; 4] = [KUBERNETES_FINALIZER, "example.com/hold", "example.org/quota", "orphan"];
const METADATA: [&str; 3] = ["example.com/meta", "controller.cattle.io/namespace-auth", "foregroundDeletion"];
/// Of objects: two that the catalogue calls dangerous, two that it does not, two that it does not know.
const OBJECT: [&str; 6] = [
    "service.kubernetes.io/load-balancer-cleanup",
    "machine.cluster.x-k8s.io",
    "kubernetes.io/pvc-protection",
    "batch.kubernetes.io/job-tracking",
    "example.com/hold",
    "unheard.example.org/of",
];

const NOW: &str = "2026-01-02T00:00:00Z";
const OLD: &str = "2026-01-01T00:00:00Z";
const YOUNG: &str = "2026-01-01T23:59:30Z";

fn some(of: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    let names: Vec<String> = of.iter().map(|name| (*name).to_owned()).collect();
    let count = names.len();
    subsequence(names, 0..=count).prop_shuffle()
}

/// What the namespace controller may have written: nothing yet, that all is well, or what is wrong.
fn conditions() -> impl Strategy<Value = Vec<Value>> {
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

fn dry_runs() -> impl Strategy<Value = Vec<DryRunResult>> {
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

fn failing_conditions() -> impl Strategy<Value = Vec<FailingCondition>> {
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

fn types() -> Vec<ResourceType> {
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

fn gaps() -> impl Strategy<Value = Vec<Gap>> {
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

fn policies() -> impl Strategy<Value = Policy> {
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

fn facts() -> impl Strategy<Value = Facts> {
    prop_oneof![3 => any_facts(), 1 => young_facts()]
}

fn planned(facts: &Facts, policy: &Policy) -> Option<Plan> {
    plan(&diagnose(facts.clone()), policy).ok()
}

fn position(plan: &Plan, wanted: impl Fn(&Action) -> bool) -> Option<usize> {
    plan.steps.iter().position(|step| wanted(&step.action))
}

/// After such a step the namespace may be gone, and what is inside abandoned.
fn ends_it(action: &Action) -> bool {
    matches!(action, Action::Finalize { .. } | Action::RemoveMetadataFinalizer { .. } | Action::DeleteAgain)
}

proptest! {
    #![proptest_config(Config { cases: 500, failure_persistence: None, ..Config::default() })]

    #[test]
    fn nothing_is_done_to_an_active_namespace(facts in facts(), policy in policies()) {
        prop_assert!(facts.namespace.is_terminating() || planned(&facts, &policy).is_none());
    }

    #[test]
    fn nothing_is_done_to_a_protected_namespace_that_is_not_meant(
        facts in facts(),
        policy in policies(),
        name in select(vec!["default", "kube-system", "kube-public", "kube-node-lease", "openshift-etcd"]),
    ) {
        let mut facts = facts;
        name.clone_into(&mut facts.namespace.name);
        prop_assert!(policy.allow_protected || planned(&facts, &policy).is_none());
    }

    #[test]
    fn a_dangerous_finalizer_is_released_only_when_named(facts in facts(), policy in policies()) {
        let plan = planned(&facts, &policy);
        for step in plan.iter().flat_map(|plan| &plan.steps) {
            let Action::ReleaseObjects { resource, finalizers } = &step.action else { continue };
            prop_assert_eq!(policy.leftovers, Leftovers::Release);
            for name in finalizers {
                let entry = look_up(name, &resource.group, &resource.kind, Place::Object);
                let dangerous = entry.is_some_and(|entry| entry.dangerous);
                prop_assert!(!dangerous || policy.release_finalizers.contains(name), "{} {}", resource, name);
            }
        }
    }

    #[test]
    fn a_finalizer_of_the_namespace_is_removed_only_when_named(facts in facts(), policy in policies()) {
        let Some(plan) = planned(&facts, &policy) else { return Ok(()) };
        for step in &plan.steps {
            match &step.action {
                Action::Finalize { removes } => for name in removes {
                    prop_assert!(name == KUBERNETES_FINALIZER || policy.finalizers.contains(name));
                    prop_assert!(facts.namespace.spec_finalizers.contains(name));
                },
                Action::RemoveMetadataFinalizer { finalizer } => {
                    prop_assert!(policy.finalizers.contains(finalizer));
                }
                _ => {}
            }
        }
    }

    #[test]
    fn yes_alone_never_abandons_what_is_live(facts in facts(), policy in policies()) {
        let Some(plan) = planned(&facts, &policy) else { return Ok(()) };
        let asks = matches!(policy.leftovers, Leftovers::Ask | Leftovers::Refuse);
        if asks && facts.inventory.live() > 0 && plan.has(ends_it) && !plan.waits_first {
            prop_assert_eq!(plan.live_at_stake, facts.inventory.live());
        }
    }

    #[test]
    fn a_release_ends_nothing_while_something_is_kept_or_unknown(facts in facts(), policy in policies()) {
        let policy = Policy { leftovers: Leftovers::Release, ..policy };
        let Some(plan) = planned(&facts, &policy) else { return Ok(()) };
        let unknown = !facts.inventory.coverage.is_complete();
        let kept = diagnose(facts.clone()).held.iter().any(|held| !policy.may_release(held));
        prop_assert!(!plan.has(ends_it) || !unknown && !kept, "{:?}", plan.steps);
    }

    #[test]
    fn refuse_refuses_what_is_left_and_what_is_unknown(facts in facts(), policy in policies()) {
        let policy = Policy { leftovers: Leftovers::Refuse, ..policy };
        // A plan that begins with a wait is made anew after it.
        if planned(&facts, &policy).is_some_and(|plan| !plan.waits_first) {
            prop_assert!(facts.inventory.is_empty());
            prop_assert!(facts.inventory.coverage.is_complete());
        }
    }

    #[test]
    fn a_zombie_is_deleted_again_only_where_it_is_known_to_be_empty(facts in facts(), policy in policies()) {
        let Some(plan) = planned(&facts, &policy) else { return Ok(()) };
        if plan.has(|action| matches!(action, Action::DeleteAgain)) {
            prop_assert!(facts.namespace.is_zombie());
            prop_assert!(!policy.deletes_no_namespace);
            prop_assert!(facts.inventory.is_empty() && facts.inventory.coverage.is_complete());
        }
    }

    #[test]
    fn whatever_could_not_be_looked_at_is_named(facts in facts(), policy in policies()) {
        let Some(plan) = planned(&facts, &policy) else { return Ok(()) };
        for gap in facts.inventory.coverage.gaps.iter().chain(&facts.extensions.gaps) {
            let named = |warning: &String| warning.starts_with("could not look at ") && warning.contains(&gap.to_string());
            prop_assert!(plan.warnings.iter().any(named), "{:?}", plan.warnings);
        }
    }

    #[test]
    fn a_release_waits_before_anything_can_be_abandoned(facts in facts(), policy in policies()) {
        let policy = Policy { leftovers: Leftovers::Release, ..policy };
        let Some(plan) = planned(&facts, &policy) else { return Ok(()) };
        if facts.inventory.is_empty() {
            return Ok(());
        }
        let wait = position(&plan, |action| matches!(action, Action::Wait));
        prop_assert!(wait.is_some());
        if let Some(end) = position(&plan, ends_it) {
            prop_assert!(wait < Some(end));
        }
        let last = plan.steps.iter().rposition(|step| {
            matches!(step.action, Action::ReleaseObjects { .. } | Action::DeleteObjects { .. })
        });
        let last_wait = plan.steps.iter().rposition(|step| matches!(step.action, Action::Wait));
        prop_assert!(last < last_wait);
    }

    #[test]
    fn what_is_healthy_is_waited_for_and_nothing_in_it_is_touched(facts in facts(), policy in policies()) {
        let policy = Policy { leftovers: Leftovers::Release, ..policy };
        let diagnosis = diagnose(facts.clone());
        let Ok(plan) = plan(&diagnosis, &policy) else { return Ok(()) };
        if is_healthy(&diagnosis) && !facts.inventory.is_empty() {
            let waits = plan.steps.iter().all(|step| matches!(step.action, Action::Wait));
            prop_assert!(waits && !plan.steps.is_empty(), "{:?}", plan.steps);
        }
    }

    #[test]
    fn a_young_namespace_with_content_is_the_controllers_first(facts in facts(), policy in policies()) {
        let Some(plan) = planned(&facts, &policy) else { return Ok(()) };
        let young = facts.namespace.json["metadata"]["deletionTimestamp"] == YOUNG;
        let armed = facts.namespace.has_kubernetes_finalizer();
        let gaps = facts.inventory.coverage.gaps.iter().chain(&facts.extensions.gaps);
        let looked_everywhere = gaps.filter(|gap| !gap.holds_nothing()).count() == 0;
        // The generators list no Secrets, so that what the controller counts of them was not seen.
        let counted = facts.namespace.conditions.iter();
        let counted = counted.filter(|each| each.kind == "NamespaceContentRemaining" && each.status == "True");
        let empty = facts.inventory.is_empty() && looked_everywhere && counted.count() == 0;
        let patient = policy.patience > std::time::Duration::ZERO;
        prop_assert_eq!(plan.waits_first, patient && young && armed && !empty);
        let first = plan.steps.first().map(|step| &step.action);
        prop_assert!(!plan.waits_first || matches!(first, Some(Action::Wait)), "{:?}", plan.steps);
    }

    #[test]
    fn a_finalize_body_lacks_the_named_finalizers_and_nothing_else(facts in facts(), policy in policies()) {
        let Some(plan) = planned(&facts, &policy) else { return Ok(()) };
        let removes = plan.removes();
        let mut body = plan.namespace.without_spec_finalizers(&removes);
        let mut read = facts.namespace.json.clone();
        let strings = |value: &Value| -> Vec<String> { serde_json::from_value(value.clone()).unwrap() };
        let mut rest = strings(&read["spec"]["finalizers"]);
        rest.retain(|name| !removes.contains(&name.as_str()));
        prop_assert_eq!(strings(&body["spec"]["finalizers"]), rest);
        body["spec"]["finalizers"].take();
        read["spec"]["finalizers"].take();
        prop_assert_eq!(body.to_string(), read.to_string());
    }
}

/// A property about what is never generated holds of anything.
#[test]
fn the_facts_reach_what_the_properties_are_about() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let facts: Vec<Facts> = (0..500).map(|_| facts().new_tree(&mut runner).unwrap().current()).collect();
    let count = |is_so: &dyn Fn(&Facts) -> bool| facts.iter().filter(|facts| is_so(facts)).count();
    let healthy = count(&|facts| is_healthy(&diagnose(facts.clone())) && !facts.inventory.is_empty());
    let conditions = count(&|facts| facts.namespace.conditions.iter().any(|each| each.status == "True"));
    for (what, count) in [
        ("healthy", healthy),
        ("conditions", conditions),
        ("young", count(&|facts| facts.namespace.json["metadata"]["deletionTimestamp"] == YOUNG)),
        ("zombies", count(&|facts| facts.namespace.is_zombie())),
        ("dry runs", count(&|facts| !facts.dry_runs.is_empty())),
        ("failing conditions", count(&|facts| !facts.failing_conditions.is_empty())),
    ] {
        assert!(count >= 10, "{what}: {count} of 500");
    }
}
