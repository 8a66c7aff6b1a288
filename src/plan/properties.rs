//! What holds of every plan, whatever the facts: the rules of safety, stated over arbitrary facts.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree;
use proptest::test_runner::Config;
use serde_json::Value;

use super::*;
use crate::diagnose::catalogue::{Place, look_up};
use crate::diagnose::{Held, diagnose};
use crate::model::{Facts, Gap, KUBERNETES_FINALIZER, Unreadable};
use arbitrary::*;

mod arbitrary;
mod rules;

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
        // What Kubernetes itself takes off is waited for; the look right before the write finds it if it stays.
        let stays = |held: &Held| !policy.may_release(held) && !held.is_left_to_kubernetes();
        let kept = diagnose(facts.clone()).held.iter().any(stays);
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
        // In what could not be looked at around the namespace there is nothing of it.
        let looked_everywhere = facts.inventory.coverage.gaps.iter().all(Gap::holds_nothing);
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
        let mut read = Value::clone(&facts.namespace.json);
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
