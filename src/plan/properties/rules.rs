//! Nothing outside a rule's consent is ever in a plan, whatever the facts.

use proptest::collection::vec;

use super::*;
use crate::plan::{RuleConsent, ZombieConsent};

fn rules() -> impl Strategy<Value = Policy> {
    let apis = subsequence(vec!["metrics.example.com".to_owned()], 0..=1);
    let types = subsequence(vec!["nodes.metrics.example.com".to_owned(), "secrets".to_owned()], 0..=2);
    let leftovers = select(vec![Leftovers::Refuse, Leftovers::Release]);
    (leftovers, some(&OBJECT), some(&METADATA), apis, types, any::<bool>(), any::<bool>()).prop_map(
        |(leftovers, release, metadata_finalizers, unavailable_apis, unlisted_types, absent, rearms)| {
            Policy {
                leftovers,
                release_finalizers: if leftovers == Leftovers::Release { release } else { Vec::new() },
                deletes_no_namespace: true,
                rule: Some(RuleConsent {
                    place: "rules[0] (line 6)".to_owned(),
                    only_if_owner_absent: absent,
                    metadata_finalizers,
                    unavailable_apis,
                    unlisted_types,
                    zombies: if rearms { ZombieConsent::Rearm } else { ZombieConsent::Report },
                    by_flags: false,
                }),
                ..Policy::default()
            }
        },
    )
}

/// A diagnosis in which any owner may be gone or not.
fn diagnoses() -> impl Strategy<Value = Diagnosis> {
    (facts(), vec(any::<bool>(), 32)).prop_map(|(facts, absent)| {
        let mut diagnosis = diagnose(facts);
        for (held, absent) in diagnosis.held.iter_mut().zip(absent) {
            held.owner_absent = absent;
        }
        diagnosis
    })
}

/// The gaps in which something may be that the rule does not give up.
fn not_accepted(diagnosis: &Diagnosis, rule: &RuleConsent) -> bool {
    diagnosis.inventory.coverage.gaps.iter().any(|gap| match (gap.why, &gap.resource) {
        (Unreadable::Forbidden, Some(_)) => !rule.unlisted_types.contains(&gap.to_string()),
        (Unreadable::Forbidden, None) => true,
        _ => !rule.unavailable_apis.contains(&gap.group),
    })
}

proptest! {
    #![proptest_config(Config { cases: 500, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_plan_holds_nothing_that_the_rule_does_not_allow(diagnosis in diagnoses(), policy in rules()) {
        let Ok(plan) = plan(&diagnosis, &policy) else { return Ok(()) };
        let rule = policy.rule.clone().unwrap_or_default();
        let releases = policy.leftovers == Leftovers::Release;
        prop_assert!(!is_protected(&plan.namespace.name));
        for step in &plan.steps {
            match &step.action {
                Action::Wait => {}
                Action::Rearm => prop_assert!(rule.zombies == ZombieConsent::Rearm),
                Action::DeleteObjects { .. }
                | Action::DeletePodsOnLostNode { .. }
                | Action::ShortenGracePeriod { .. } => prop_assert!(releases),
                Action::ReleaseObjects { resource, finalizers } => {
                    prop_assert!(releases);
                    for name in finalizers {
                        prop_assert!(policy.release_finalizers.contains(name));
                        let held = diagnosis.held.iter();
                        let mut held = held.filter(|held| held.resource == *resource && held.finalizer == *name);
                        prop_assert!(!rule.only_if_owner_absent || held.all(|held| held.owner_absent));
                    }
                }
                Action::Finalize { removes } => {
                    prop_assert_eq!(removes, &[KUBERNETES_FINALIZER]);
                    prop_assert!(!not_accepted(&diagnosis, &rule));
                    prop_assert!(releases || diagnosis.inventory.holds_only_defaults());
                }
                Action::RemoveMetadataFinalizer { finalizer } => {
                    prop_assert!(rule.metadata_finalizers.contains(finalizer));
                    prop_assert!(!not_accepted(&diagnosis, &rule));
                    prop_assert!(releases || diagnosis.inventory.holds_only_defaults());
                }
                Action::DeleteAgain => prop_assert!(false, "a robot deletes no namespace"),
            }
        }
    }

    #[test]
    fn a_rule_never_abandons_a_finalizer_that_it_does_not_name(diagnosis in diagnoses(), policy in rules()) {
        let Ok(plan) = plan(&diagnosis, &policy) else { return Ok(()) };
        // What Kubernetes itself takes off is waited for, and the PUT is sent only where nothing is left.
        let kept = |held: &Held| !policy.may_release(held) && !held.is_left_to_kubernetes();
        let kept = diagnosis.held.iter().any(kept);
        prop_assert!(!plan.has(ends_it) || !kept, "{:?}", plan.steps);
    }
}
