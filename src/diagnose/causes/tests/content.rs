use serde_json::json;

use super::{causes, config_maps, extensions, facts, gap, kinds, leftover, of_type, pod};
use crate::diagnose::{CauseKind, owners};
use crate::model::{Facts, FailingCondition, Namespace, NodeState, OwnerTraces, Pod, Unreadable, resource};

#[test]
fn a_finalizer_on_what_is_live_holds_nothing_yet() {
    let mut facts = facts();
    facts.inventory.types =
        vec![config_maps([leftover("going", true, &[]), leftover("live", false, &["example.com/hold"])])];
    assert_eq!(kinds(&facts), [CauseKind::LiveObjects]);
    facts.inventory.types = vec![config_maps([leftover("going", true, &["example.com/hold"])])];
    assert_eq!(kinds(&facts), [CauseKind::HeldObjects]);
}

#[test]
fn a_finalizer_that_was_counted_where_nobody_could_look_is_told() {
    let mut facts = facts();
    let said =
        "Some content in the namespace has finalizers remaining: example.com/seal in 2 resource instances";
    let conditions = json!([{"type": "NamespaceFinalizersRemaining", "status": "True", "message": said}]);
    let mut json = serde_json::Value::clone(&facts.namespace.json);
    json["status"]["conditions"] = conditions;
    facts.namespace = Namespace::from_json(json).unwrap();
    assert!(!kinds(&facts).contains(&CauseKind::HeldObjects), "all was seen, and there is nothing any more");
    facts.inventory.coverage.gaps =
        vec![gap(Some("secrets"), Unreadable::Forbidden), gap(Some("pods"), Unreadable::Forbidden)];
    let causes = causes(&facts);
    assert_eq!(causes[0].detail, "2 objects held by example.com/seal, which could not be looked at");
    // One line, however many types it is.
    let unknown: Vec<&String> =
        causes[0].evidence.iter().filter(|each| each.starts_with("could not look at")).collect();
    assert_eq!(unknown.len(), 1, "{unknown:?}");
    assert!(unknown[0].contains("secrets") && unknown[0].contains("pods"), "{unknown:?}");
}

#[test]
fn absent_conditions_say_nothing_of_the_content() {
    let mut facts = facts();
    let pods = resource("", "pods", "Pod");
    facts.inventory.types = vec![
        config_maps([leftover("live", false, &[])]),
        of_type(pods, [leftover("web", true, &["example.com/hold"])]),
    ];
    let says = |facts: &Facts| {
        let causes = causes(facts);
        let live = causes.iter().find(|cause| cause.kind == CauseKind::LiveObjects).unwrap();
        live.evidence.iter().any(|each| each.starts_with("the conditions say that all content is removed"))
    };
    assert!(says(&facts));
    facts.namespace.conditions.clear();
    assert!(!says(&facts));
}

#[test]
fn a_pod_is_a_ghost_only_past_its_time_and_on_a_node_known_to_be_gone() {
    let (past, later) = ("2026-01-01T00:00:30Z", "2026-01-02T00:10:00Z");
    for (state, deleted, expected) in [
        (NodeState::Missing, past, &[CauseKind::PodsOnLostNode][..]),
        (NodeState::NotReady, past, &[CauseKind::PodsOnLostNode]),
        (NodeState::Ready, past, &[]),
        (NodeState::Unknown, past, &[]),
        (NodeState::NotReady, later, &[CauseKind::Progressing]),
        (NodeState::Ready, later, &[CauseKind::Progressing]),
    ] {
        let mut facts = facts();
        facts.inventory.types = vec![of_type(resource("", "pods", "Pod"), [leftover("web", true, &[])])];
        facts.pods = vec![pod(state, deleted)];
        assert_eq!(kinds(&facts), expected, "{state:?} {deleted}");
    }
}

#[test]
fn an_owner_that_cannot_be_looked_at_is_not_called_dead() {
    let mut facts = facts();
    let held = leftover("db", true, &["kubernetes.io/pvc-protection"]);
    facts.inventory.types =
        vec![of_type(resource("", "persistentvolumeclaims", "PersistentVolumeClaim"), [held])];
    let owner = owners::held(&facts)[0].owner.clone();
    let traces = OwnerTraces { unreadable: vec!["pods: Forbidden".to_owned()], ..OwnerTraces::default() };
    extensions(&mut facts).owners.insert(owner, traces);
    let evidence = causes(&facts)[0].evidence.join("\n");
    assert!(evidence.contains("could not look at pods: Forbidden; it may be there"), "{evidence}");
    assert!(!evidence.contains("found no"), "{evidence}");
}

#[test]
fn a_pod_with_years_to_end_is_no_progress() {
    let mut facts = facts();
    facts.inventory.types = vec![of_type(resource("", "pods", "Pod"), [leftover("web", true, &[])])];
    facts.pods = vec![Pod { grace_seconds: 315_360_000, ..pod(NodeState::Ready, "2035-12-30T00:00:00Z") }];
    assert_eq!(kinds(&facts), [CauseKind::LongGracePeriod]);
    let command = causes(&facts).remove(0).command.unwrap();
    let command = command.render(&crate::model::Invocation::default());
    assert_eq!(
        command,
        "kubectl get namespace -o 'jsonpath={.metadata.uid}' rodrigo | grep -qx u && kubectl delete pod -n rodrigo \
         --grace-period=30 --wait=false web"
    );
}

#[test]
fn an_owner_that_lacks_what_went_first_cannot_work() {
    let mut facts = facts();
    let buckets = resource("example.com", "buckets", "Bucket");
    facts.inventory.types = vec![of_type(buckets, [leftover("b", true, &["example.com/hold"])])];
    for (message, is_deadlock) in [
        ("ReconcileError: secrets \"cloud\" not found", true),
        ("cannot get credentials: serviceaccounts \"x\" is forbidden", true),
        ("unable to create Job because it is being terminated", true),
        ("DeleteFailed: bucket is not empty", false),
    ] {
        let condition =
            FailingCondition { object: "buckets.example.com/b".to_owned(), message: message.to_owned() };
        facts.failing_conditions = vec![condition];
        assert_eq!(kinds(&facts).contains(&CauseKind::Deadlock), is_deadlock, "{message}");
        let held = causes(&facts).into_iter().find(|cause| cause.kind == CauseKind::HeldObjects).unwrap();
        assert!(held.evidence.iter().any(|evidence| evidence.contains(message)), "{held:?}");
    }
}

#[test]
fn an_unknown_finalizer_of_infrastructure_is_dangerous_and_an_http_client_is_no_owner() {
    let mut facts = facts();
    let finalizers =
        ["hive.openshift.io/never-seen", "x.cluster.x-k8s.io", "example.com/hold", "flaws.example.com/x"];
    let mut held = leftover("a", true, &finalizers);
    held.set_by = [("example.com/hold", "Python"), ("flaws.example.com/x", "helm-controller")]
        .map(|(finalizer, manager)| crate::model::FinalizerSetBy {
            finalizer: finalizer.to_owned(),
            manager: manager.to_owned(),
            operation: "Update".to_owned(),
            time: None,
        })
        .to_vec();
    facts.inventory.types = vec![config_maps([held])];
    let held = owners::held(&facts);
    let of = |finalizer: &str| held.iter().find(|held| held.finalizer == finalizer).unwrap();
    let dangerous = finalizers.map(|finalizer| of(finalizer).is_dangerous());
    assert_eq!(dangerous, [true, true, false, false]);
    assert_eq!(of("example.com/hold").owner, "");
    assert_eq!(of("flaws.example.com/x").owner, "helm-controller");
}
