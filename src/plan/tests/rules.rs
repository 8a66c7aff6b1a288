//! What a rule of a policy file allows, and what is said where it does not.

use super::*;
use crate::diagnose::Held;
use crate::plan::RuleConsent;

/// A Secret that is being deleted, held by `example.com/x`.
fn held() -> Diagnosis {
    diagnosis(namespace("rodrigo", true, &["kubernetes"], &[]), leftovers(true))
}

fn rule(leftovers: Leftovers, names: &[&str], rule: RuleConsent) -> Policy {
    let place = "rules[0] (line 6)".to_owned();
    Policy {
        leftovers,
        release_finalizers: names.iter().map(|name| (*name).to_owned()).collect(),
        deletes_no_namespace: true,
        rule: Some(RuleConsent { place, ..rule }),
        ..Policy::default()
    }
}

fn gap(group: &str, resource: Option<&str>, why: Unreadable) -> Gap {
    Gap {
        group: group.to_owned(),
        version: "v1".to_owned(),
        resource: resource.map(str::to_owned),
        why,
        detail: "no".to_owned(),
    }
}

fn empty_but_for(gap: Gap) -> Diagnosis {
    let coverage = Coverage { looked: 1, gaps: vec![gap], ..Coverage::default() };
    diagnosis(namespace("rodrigo", true, &["kubernetes"], &[]), Inventory { types: Vec::new(), coverage })
}

#[test]
fn an_unavailable_api_is_accepted_by_name_and_what_is_forbidden_is_not_unavailable() {
    let accepting =
        || RuleConsent { unavailable_apis: vec!["example.com".to_owned()], ..RuleConsent::default() };
    let planned = |gap| plan(&empty_but_for(gap), &rule(Leftovers::Refuse, &[], accepting()));
    assert!(planned(gap("example.com", None, Unreadable::Unavailable)).is_ok());
    assert!(planned(gap("example.com", Some("widgets"), Unreadable::Failed)).is_ok());
    assert!(planned(gap("example.org", None, Unreadable::Unavailable)).is_err());
    assert!(planned(gap("example.com", Some("widgets"), Unreadable::Forbidden)).is_err());
}

#[test]
fn a_type_that_may_not_be_listed_is_accepted_by_name_unless_the_controller_counts_some() {
    let accepting =
        RuleConsent { unlisted_types: vec!["widgets.example.com".to_owned()], ..RuleConsent::default() };
    let policy = rule(Leftovers::Refuse, &[], accepting);
    let mut diagnosis = empty_but_for(gap("example.com", Some("widgets"), Unreadable::Forbidden));
    assert!(plan(&diagnosis, &policy).is_ok());
    let counted = json!({"conditions": [{
        "type": "NamespaceContentRemaining", "status": "True", "reason": "SomeResourcesRemain",
        "message": "Some resources are remaining: widgets.example.com has 2 resource instances",
    }]});
    let mut json = serde_json::Value::clone(&diagnosis.namespace.json);
    json["status"] = counted;
    diagnosis.namespace = Namespace::from_json(json).unwrap();
    let refusal = plan(&diagnosis, &policy).unwrap_err();
    assert!(refusal.to_string().contains("not at widgets.example.com"), "{refusal}");
}

#[test]
fn a_rule_releases_only_what_it_names_and_says_why_the_rest_stays() {
    let diagnosis = held();
    let unnamed = plan(&diagnosis, &rule(Leftovers::Release, &[], RuleConsent::default())).unwrap_err();
    assert!(unnamed.to_string().contains("held by example.com/x"), "{unnamed}");
    let policy = rule(Leftovers::Release, &["example.com/x"], RuleConsent::default());
    assert!(plan(&diagnosis, &policy).unwrap().has(|action| matches!(action, Action::ReleaseObjects { .. })));
}

#[test]
fn that_nobody_saw_the_owner_does_not_prove_that_it_is_gone() {
    let absent = RuleConsent { only_if_owner_absent: true, ..RuleConsent::default() };
    let policy = rule(Leftovers::Release, &["example.com/x"], absent);
    let mut diagnosis = held();
    assert!(plan(&diagnosis, &policy).is_err());
    let keeps = |held: &Held| policy.keeps(held);
    assert!(keeps(&diagnosis.held[0]).unwrap().starts_with("it is not proven that its owner is gone"));
    diagnosis.held[0].owner_absent = true;
    assert!(plan(&diagnosis, &policy).is_ok());
}

#[test]
fn a_hint_does_not_name_what_is_named_already() {
    let hint = |policy: &Policy| {
        let refusal = plan(&held(), policy).unwrap_err();
        format!("{:?}", refusal.hint_under(policy))
    };
    let absent = || RuleConsent { only_if_owner_absent: true, ..RuleConsent::default() };
    let named = hint(&rule(Leftovers::Release, &["example.com/x"], absent()));
    assert!(named.contains("onlyIfOwnerAbsent of rules[0] (line 6) keeps example.com/x"), "{named}");
    assert!(!named.contains("release.finalizers"), "{named}");
    let unnamed = hint(&rule(Leftovers::Release, &[], absent()));
    assert!(unnamed.contains("write example.com/x into release.finalizers"), "{unnamed}");
    let flags = hint(&rule(Leftovers::Release, &[], RuleConsent { by_flags: true, ..absent() }));
    assert!(flags.contains("--only-if-owner-absent keeps example.com/x"), "{flags}");
    assert!(!flags.contains("--release-finalizer"), "{flags}");
}

#[test]
fn a_zombie_is_named_and_rearmed_only_where_the_rule_says_so() {
    let zombie = diagnosis(namespace("rodrigo", true, &[], &[]), leftovers(false));
    let refusal = plan(&zombie, &rule(Leftovers::Release, &[], RuleConsent::default())).unwrap_err();
    assert!(refusal.to_string().contains("is a zombie"), "{refusal}");
    let hint = format!("{:?}", refusal.hint());
    assert!(hint.contains("--exclude=rodrigo") && !hint.contains("kubectl"), "{hint}");
    let rearms = RuleConsent { zombies: ZombieConsent::Rearm, ..RuleConsent::default() };
    let planned = plan(&zombie, &rule(Leftovers::Refuse, &[], rearms)).unwrap();
    assert!(planned.has(|action| matches!(action, Action::Rearm)));
}

#[test]
fn an_api_group_that_is_forbidden_as_a_whole_is_accepted_by_nothing() {
    let accepting = RuleConsent {
        unavailable_apis: vec!["example.com".to_owned()],
        unlisted_types: vec!["example.com/v1".to_owned(), "example.com".to_owned()],
        ..RuleConsent::default()
    };
    let forbidden = empty_but_for(gap("example.com", None, Unreadable::Forbidden));
    let refusal = plan(&forbidden, &rule(Leftovers::Refuse, &[], accepting)).unwrap_err();
    assert!(refusal.to_string().ends_with("(not at example.com/v1)"), "{refusal}");
}

#[test]
fn what_the_controller_counts_is_named_beside_a_gap_that_is_not_about_it() {
    let counted = |diagnosis: &mut Diagnosis| {
        let mut json = serde_json::Value::clone(&diagnosis.namespace.json);
        json["status"] = json!({"conditions": [{
            "type": "NamespaceContentRemaining", "status": "True", "reason": "SomeResourcesRemain",
            "message": "Some resources are remaining: widgets.example.com has 2 resource instances",
        }]});
        diagnosis.namespace = Namespace::from_json(json).unwrap();
        plan(diagnosis, &policy(Leftovers::Refuse)).unwrap_err().to_string()
    };
    let mut elsewhere = empty_but_for(gap("", Some("secrets"), Unreadable::Failed));
    let told = counted(&mut elsewhere);
    assert!(told.ends_with("(not at secrets, widgets.example.com)"), "{told}");
    // Where it is the gap, it is named once.
    let mut there = empty_but_for(gap("example.com", Some("widgets"), Unreadable::Failed));
    there.inventory.coverage.gaps.push(gap("", Some("secrets"), Unreadable::Failed));
    let told = counted(&mut there);
    assert!(told.ends_with("(not at widgets.example.com, secrets)"), "{told}");
}

#[test]
fn default_objects_are_not_named_among_what_is_left() {
    let mut held = held();
    let mut defaults = TypeLeftovers::none(resource("", "configmaps", "ConfigMap"));
    let name = "kube-root-ca.crt".to_owned();
    defaults.add(Leftover { name, finalizers: Vec::new(), ..leftover() }, 10);
    held.inventory.types.insert(0, defaults);
    let refusal = plan(&held, &policy(Leftovers::Refuse)).unwrap_err();
    assert_eq!(refusal.to_string(), "namespace \"rodrigo\" still holds 1 Secret");
}
