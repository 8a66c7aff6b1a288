//! Which steps there are, and when none.

use super::*;
use crate::plan::{RuleConsent, ZombieConsent};

fn kinds(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(|step| step.action.kind().to_string()).collect()
}

fn live(types: &[(&str, &str)]) -> Inventory {
    let types = types.iter().map(|(ty, kind)| {
        let mut of_type = TypeLeftovers::none(resource("", ty, kind));
        of_type.add(Leftover { finalizers: Vec::new(), ..leftover() }, 10);
        of_type
    });
    Inventory { types: types.collect(), coverage: Coverage::default() }
}

/// Deleted half a minute ago.
fn young(inventory: Inventory) -> Diagnosis {
    let deleted_at = "2026-01-01T23:59:30Z";
    let mut json = serde_json::Value::clone(&namespace("rodrigo", true, &["kubernetes"], &[]).json);
    json["metadata"]["deletionTimestamp"] = json!(deleted_at);
    diagnosis(Namespace::from_json(json).unwrap(), inventory)
}

#[test]
fn a_healthy_namespace_is_only_waited_for() {
    let releases = policy(Leftovers::Release);
    let healthy = young(live(&[("pods", "Pod"), ("secrets", "Secret")]));
    let waits = plan(&healthy, &releases).unwrap();
    assert_eq!(kinds(&waits), ["Wait"]);
    assert!(!waits.writes());
    // Nothing is inside that could be waited for.
    let empty = young(Inventory::default());
    assert_eq!(kinds(&plan(&empty, &releases).unwrap()), ["Wait", "Finalize"]);
    // Nobody asked for patience with what is live without a pod.
    let not_healthy = young(live(&[("secrets", "Secret")]));
    assert!(plan(&not_healthy, &releases).unwrap().writes());
    let patient = Policy { patience: crate::diagnose::PATIENCE, ..releases };
    assert!(plan(&healthy, &patient).unwrap().writes(), "it may write once it has waited");
}

#[test]
fn a_stuck_namespace_that_is_empty_is_finalized_without_a_wait() {
    let stuck = namespace("rodrigo", true, &["kubernetes"], &[]);
    let plan = plan_for(&stuck, &Inventory::default(), &policy(Leftovers::Release)).unwrap();
    assert_eq!(kinds(&plan), ["Finalize"]);
}

#[test]
fn a_zombie_is_released_after_it_was_rearmed_and_only_where_there_is_something_to_release() {
    let zombie = namespace("rodrigo", true, &[], &[]);
    let steps =
        |inventory: &Inventory| kinds(&plan_for(&zombie, inventory, &policy(Leftovers::Release)).unwrap());
    assert_eq!(steps(&leftovers(true)), ["Rearm", "Wait", "ReleaseObject", "Wait"]);
    assert_eq!(steps(&live(&[("secrets", "Secret")])), ["Rearm", "Wait"]);
}

#[test]
fn live_objects_are_at_stake_where_the_put_would_abandon_them() {
    let at_stake = |diagnosis: &Diagnosis, policy: &Policy| plan(diagnosis, policy).unwrap().live_at_stake;
    let stuck = diagnosis(namespace("rodrigo", true, &["kubernetes"], &[]), leftovers(false));
    assert_eq!(at_stake(&stuck, &policy(Leftovers::Ask)), 1);
    // The controller deletes them.
    let zombie = diagnosis(namespace("rodrigo", true, &[], &[]), leftovers(false));
    assert_eq!(at_stake(&zombie, &policy(Leftovers::Ask)), 0);
    let patient = Policy { patience: crate::diagnose::PATIENCE, ..policy(Leftovers::Ask) };
    assert_eq!(at_stake(&young(leftovers(false)), &patient), 0);
    assert_eq!(at_stake(&stuck, &policy(Leftovers::Release)), 0);
}

#[test]
fn the_reason_that_is_told_is_of_what_was_not_accepted() {
    let gap = |group: &str, detail: &str| Gap {
        group: group.to_owned(),
        version: "v1".to_owned(),
        resource: None,
        why: Unreadable::Unavailable,
        detail: detail.to_owned(),
    };
    let mut inventory = Inventory::default();
    inventory.coverage.gaps = vec![gap("a.com", "accepted"), gap("b.com", "not accepted")];
    let rule = RuleConsent {
        unavailable_apis: vec!["a.com".to_owned()],
        zombies: ZombieConsent::Report,
        ..RuleConsent::default()
    };
    let policy = Policy { rule: Some(rule), ..policy(Leftovers::Release) };
    let stuck = namespace("rodrigo", true, &["kubernetes"], &[]);
    let refusal = plan_for(&stuck, &inventory, &policy).unwrap_err().to_string();
    assert!(refusal.contains("whatever is in b.com/v1 (not accepted)"), "{refusal}");
}

#[test]
fn a_metadata_finalizer_has_a_command_unless_a_release_comes_first() {
    let held = namespace("rodrigo", true, &["kubernetes"], &["example.com/meta"]);
    let has_command = |inventory: &Inventory, leftovers: Leftovers| {
        let policy = Policy { finalizers: vec!["example.com/meta".to_owned()], ..policy(leftovers) };
        let plan = plan_for(&held, inventory, &policy).unwrap();
        let step = plan.steps.last().unwrap();
        assert!(matches!(step.action, Action::RemoveMetadataFinalizer { .. }), "{step:?}");
        step.kubectl.is_some()
    };
    assert!(has_command(&Inventory::default(), Leftovers::Release));
    assert!(has_command(&leftovers(true), Leftovers::Orphan));
    // It depends on what the release leaves, and no line of kubectl can ask for that.
    assert!(!has_command(&leftovers(true), Leftovers::Release));
}

#[test]
fn one_finalizer_that_was_not_named_is_enough_to_hold_the_put_back() {
    for (spec, metadata) in
        [(&["kubernetes", "example.com/hold"][..], &[][..]), (&["kubernetes"], &["example.com/meta"])]
    {
        let held = namespace("rodrigo", true, spec, metadata);
        let refusal = plan_for(&held, &Inventory::default(), &policy(Leftovers::Orphan)).unwrap_err();
        assert!(matches!(refusal, Refusal::HeldBesides { .. }), "{refusal}");
    }
}
