use super::{behind, causes, config_maps, dry_run_result, extensions, facts, kinds, leftover, webhook};
use crate::diagnose::CauseKind;
use crate::model::{AdmissionHook, AdmissionHookKind, DryRunOutcome, DryRunResult, Presence};

#[test]
fn a_webhook_whose_service_cannot_be_read_is_not_dead() {
    let mut facts = facts();
    facts.inventory.types = vec![config_maps([leftover("a", true, &[])])];
    extensions(&mut facts).admission_hooks = vec![webhook()];
    for (service, ready, dead) in [
        (Presence::Unknown, None, false),
        (Presence::Present, None, false),
        (Presence::Present, Some(1), false),
        (Presence::Present, Some(0), true),
        (Presence::Missing, None, true),
    ] {
        behind(&mut facts, service, ready);
        let found = kinds(&facts).contains(&CauseKind::FailingAdmissionWebhook);
        assert_eq!(found, dead, "{service:?} {ready:?}");
    }
}

#[test]
fn a_dead_webhook_that_fails_open_or_sees_nothing_here_refuses_nothing() {
    let mut facts = facts();
    behind(&mut facts, Presence::Missing, None);
    extensions(&mut facts).admission_hooks = vec![webhook()];
    assert!(!kinds(&facts).contains(&CauseKind::FailingAdmissionWebhook), "nothing is there to be deleted");
    facts.inventory.types = vec![config_maps([leftover("a", true, &[])])];
    extensions(&mut facts).admission_hooks = vec![AdmissionHook { fails_closed: false, ..webhook() }];
    assert!(!kinds(&facts).contains(&CauseKind::FailingAdmissionWebhook), "it fails open");
    extensions(&mut facts).admission_hooks = vec![AdmissionHook { has_conditions: true, ..webhook() }];
    assert!(!kinds(&facts).contains(&CauseKind::FailingAdmissionWebhook), "its conditions may spare it");
    facts.dry_runs = vec![dry_run_result(Some("failed calling webhook \"guard.example.com\": no"))];
    assert!(
        kinds(&facts).contains(&CauseKind::FailingAdmissionWebhook),
        "a dry run has shown that they do not"
    );
}

#[test]
fn a_webhook_that_answers_is_blamed_only_for_what_it_refused() {
    let mut facts = facts();
    facts.inventory.types = vec![config_maps([leftover("a", true, &[])])];
    behind(&mut facts, Presence::Present, Some(1));
    extensions(&mut facts).admission_hooks = vec![webhook()];
    for (refused, blamed) in [
        (None, false),
        (Some("admission webhook \"other.example.com\" denied the request: no"), false),
        (Some("admission webhook \"guard.example.com\" denied the request: no"), true),
    ] {
        facts.dry_runs = vec![dry_run_result(refused)];
        let subjects: Vec<String> = causes(&facts).into_iter().map(|cause| cause.subject).collect();
        let guard = "validatingwebhookconfiguration/guard".to_owned();
        assert_eq!(subjects.contains(&guard), blamed, "{refused:?}");
        // One that the API does not list is named from the words.
        let other = refused.is_some_and(|said| said.contains("other"));
        assert_eq!(subjects.contains(&"other.example.com".to_owned()), other, "{refused:?}");
    }
}

#[test]
fn a_webhook_that_is_too_slow_is_one_that_cannot_be_called() {
    let mut facts = facts();
    facts.inventory.types = vec![config_maps([leftover("a", true, &[])])];
    let slow = AdmissionHook { service: None, url: Some("https://slow".to_owned()), ..webhook() };
    extensions(&mut facts).admission_hooks = vec![slow];
    facts.dry_runs = vec![dry_run_result(Some(
        "failed calling webhook \"guard.example.com\": failed to call webhook: Post \
         \"https://slow?timeout=10s\": context deadline exceeded",
    ))];
    let causes = causes(&facts);
    assert_eq!(causes[0].kind, CauseKind::FailingAdmissionWebhook);
    assert!(causes[0].detail.contains("timed out after 10s"), "{}", causes[0].detail);
}

#[test]
fn a_webhook_that_puts_the_finalizer_back_or_breaks_the_update_is_named() {
    let mut facts = facts();
    facts.inventory.types = vec![config_maps([leftover("a", true, &["example.com/hold"])])];
    let mut hook = AdmissionHook { kind: AdmissionHookKind::MutatingWebhook, ..webhook() };
    hook.rules[0].operations = vec!["UPDATE".to_owned()];
    extensions(&mut facts).admission_hooks = vec![hook];
    let release = |outcome| DryRunResult {
        request: "PATCH configmaps/a".to_owned(),
        operation: "UPDATE".to_owned(),
        outcome,
        ..dry_run_result(None)
    };
    facts.dry_runs = vec![release(DryRunOutcome::Undone(vec!["example.com/hold".to_owned()]))];
    let undone = causes(&facts).remove(0);
    assert_eq!(undone.kind, CauseKind::AdmissionRefusal);
    assert_eq!(undone.subject, "mutatingwebhookconfiguration/guard");
    assert!(undone.detail.contains("undoes the change"), "{}", undone.detail);
    let said = "ConfigMap \"a\" is invalid: data: Forbidden: immutable";
    facts.dry_runs = vec![release(DryRunOutcome::Invalid(said.to_owned()))];
    let rejected = causes(&facts).remove(0);
    assert_eq!(rejected.kind, CauseKind::RejectedUpdate);
    assert!(rejected.detail.ends_with("data: Forbidden: immutable"), "{}", rejected.detail);
    assert!(rejected.evidence.join("\n").contains("guard.example.com"), "{:?}", rejected.evidence);
    assert!(rejected.remedy.contains("guard.example.com"), "{}", rejected.remedy);
}
