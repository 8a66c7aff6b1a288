use super::*;
use crate::model::{Backend, Invocation, Presence};

fn gap(group: &str, resource: &str, why: Unreadable) -> Gap {
    Gap {
        group: group.to_owned(),
        version: "v1".to_owned(),
        resource: Some(resource.to_owned()),
        why,
        detail: "no".to_owned(),
    }
}

#[test]
fn a_healthy_namespace_is_no_news() {
    let mut facts = facts();
    add(&mut facts, resource("", "configmaps", "ConfigMap"), [object("settings", &[])]);
    let claims = resource("", "persistentvolumeclaims", "PersistentVolumeClaim");
    add(&mut facts, claims, [object("data", &["kubernetes.io/pvc-protection"])]);
    nothing_is_expected(&predict(&facts, &DeletionFacts::default()));
}

#[test]
fn an_api_that_is_dead_holds_whatever_is_deleted() {
    let mut facts = facts();
    extensions(&mut facts).api_services.push(api("elsewhere", Some(false)));
    let prediction = predict(&facts, &DeletionFacts::default());
    assert_eq!(the_one(&prediction.certain).kind, CauseKind::UnavailableApi);
    assert_eq!(prediction.expectation(), Expectation::TroubleExpected);
}

fn api(home: &str, available: Option<bool>) -> ApiService {
    ApiService {
        name: "v1.metrics.example.com".to_owned(),
        group: "metrics.example.com".to_owned(),
        version: "v1".to_owned(),
        service: ServiceRef { namespace: home.to_owned(), name: "metrics".to_owned() },
        available,
        reason: String::new(),
        message: String::new(),
    }
}

#[test]
fn an_api_that_is_served_from_here_is_everybodys() {
    let mut facts = facts();
    extensions(&mut facts).api_services.push(api("shop", Some(true)));
    let prediction = predict(&facts, &DeletionFacts::default());
    assert!(prediction.certain.is_empty(), "{prediction:#?}");
    let broken = the_one(&prediction.breaks_others);
    assert_eq!((broken.kind, broken.subject.as_str()), (CauseKind::UnavailableApi, "v1.metrics.example.com"));
    // One that is dead already is said once.
    extensions(&mut facts).api_services[0].available = Some(false);
    let prediction = predict(&facts, &DeletionFacts::default());
    assert_eq!(kinds(&prediction.certain), [CauseKind::UnavailableApi]);
    assert!(prediction.breaks_others.is_empty(), "{prediction:#?}");
}

#[test]
fn a_webhook_that_is_served_from_here_breaks_others_unless_it_fails_open_or_sees_here_alone() {
    let broken = |change: fn(&mut AdmissionHook)| {
        let mut facts = facts();
        let mut hook = webhook("shop", "CREATE", "pods");
        change(&mut hook);
        extensions(&mut facts).admission_hooks.push(hook);
        kinds(&predict(&facts, &DeletionFacts::default()).breaks_others)
    };
    assert_eq!(broken(|_| ()), [CauseKind::FailingAdmissionWebhook]);
    assert!(broken(|hook| hook.fails_closed = false).is_empty());
    assert!(
        broken(|hook| {
            let only = [("kubernetes.io/metadata.name".to_owned(), "shop".to_owned())];
            hook.namespace_selector.match_labels = Some(BTreeMap::from(only));
        })
        .is_empty()
    );
}

#[test]
fn a_webhook_goes_before_what_it_sees_of_its_own_namespace() {
    let mut facts = facts();
    add(&mut facts, resource("", "configmaps", "ConfigMap"), [object("settings", &[])]);
    extensions(&mut facts).admission_hooks.push(webhook("shop", "DELETE", "configmaps"));
    let likely = predict(&facts, &DeletionFacts::default()).likely;
    let cause = the_one(&likely);
    assert_eq!(cause.kind, CauseKind::FailingAdmissionWebhook);
    assert_eq!(cause.subject, "validatingwebhookconfiguration/guard");
}

#[test]
fn a_configuration_that_others_answer_too_is_not_deleted() {
    let mut facts = facts();
    let hooks = &mut extensions(&mut facts).admission_hooks;
    hooks.push(webhook("shop", "CREATE", "pods"));
    let prediction = predict(&facts, &DeletionFacts::default());
    assert!(the_one(&prediction.breaks_others).command.is_some());
    let hooks = &mut extensions(&mut facts).admission_hooks;
    hooks.push(webhook("elsewhere", "CREATE", "pods"));
    let prediction = predict(&facts, &DeletionFacts::default());
    assert!(the_one(&prediction.breaks_others).command.is_none());
}

#[test]
fn what_a_rehearsal_was_refused_is_certain() {
    let mut facts = facts();
    facts.dry_runs.push(DryRunResult {
        request: "DELETE namespaces/shop".to_owned(),
        operation: "DELETE".to_owned(),
        resource: "namespaces".to_owned(),
        outcome: DryRunOutcome::Refused(
            "ValidatingAdmissionPolicy 'keep' with binding 'keep' denied request: keep it".to_owned(),
        ),
        warnings: Vec::new(),
    });
    let prediction = predict(&facts, &DeletionFacts::default());
    assert_eq!(the_one(&prediction.certain).kind, CauseKind::AdmissionRefusal);
}

#[test]
fn a_guard_that_is_dead_needs_no_rehearsal() {
    let mut facts = facts();
    let hook = webhook("guards", "DELETE", "namespaces");
    let service = hook.service.clone().unwrap();
    extensions(&mut facts).admission_hooks.push(hook);
    assert!(predict(&facts, &DeletionFacts::default()).certain.is_empty());
    let backend = Backend { namespace: Presence::Missing, service: Presence::Missing, ready: None };
    extensions(&mut facts).backends.insert(service, backend);
    let prediction = predict(&facts, &DeletionFacts::default());
    assert_eq!(the_one(&prediction.certain).kind, CauseKind::FailingAdmissionWebhook);
}

#[test]
fn a_conversion_that_fails_elsewhere_fails_here() {
    let facts = facts();
    let mut deletion = DeletionFacts::default();
    let service = ServiceRef { namespace: "shop".to_owned(), name: "convert".to_owned() };
    let crd = ConvertedCrd { name: "widgets.example.com".to_owned(), service: Some(service), failure: None };
    around(&mut deletion).converted_crds.push(crd);
    let prediction = predict(&facts, &deletion);
    assert!(prediction.certain.is_empty());
    assert_eq!(the_one(&prediction.breaks_others).kind, CauseKind::FailingConversionWebhook);
    around(&mut deletion).converted_crds[0].failure = Some("conversion webhook for x failed".to_owned());
    let prediction = predict(&facts, &deletion);
    assert_eq!(the_one(&prediction.certain).kind, CauseKind::FailingConversionWebhook);
    assert!(prediction.breaks_others.is_empty());
    // It has answered, and its words are what has to be mended.
    let said = "storage is (re)initializing: conversion webhook for x failed: no field spec.size";
    around(&mut deletion).converted_crds[0].failure = Some(said.to_owned());
    let prediction = predict(&facts, &deletion);
    assert!(the_one(&prediction.certain).detail.contains("was asked and does not convert"), "{prediction:?}");
}

#[test]
fn its_own_finalizers_hold_it_unless_their_owner_is_there() {
    let mut facts = facts();
    facts.namespace.metadata_finalizers = vec!["example.com/hold".to_owned()];
    let mut deletion = DeletionFacts::default();
    let kind = CauseKind::NamespaceMetadataFinalizers;
    assert_eq!(kinds(&predict(&facts, &deletion).certain), [kind]);
    let traces = |pod: &str| OwnerTraces { pods: vec![pod.to_owned()], running: 1, ..OwnerTraces::default() };
    let set = |deletion: &mut DeletionFacts, pod: &str| {
        around(deletion).namespace_owners.insert("example.com/hold".to_owned(), traces(pod));
    };
    set(&mut deletion, "shop/holder-0 (Running)");
    assert_eq!(kinds(&predict(&facts, &deletion).certain), [kind]);
    set(&mut deletion, "holders/holder-0 (Failed)");
    assert_eq!(kinds(&predict(&facts, &deletion).certain), [kind]);
    set(&mut deletion, "holders/holder-0 (Running)");
    nothing_is_expected(&predict(&facts, &deletion));
}

#[test]
fn one_that_has_lost_its_finalizer_would_be_a_zombie() {
    let mut facts = facts();
    facts.namespace.spec_finalizers.clear();
    assert_eq!(kinds(&predict(&facts, &DeletionFacts::default()).certain), [CauseKind::Zombie]);
}

fn pod(state: NodeState, grace_seconds: i64) -> Pod {
    Pod {
        name: "web".to_owned(),
        node: Some("a".to_owned()),
        node_state: state,
        deleted: None,
        grace_seconds,
        finalizers: Vec::new(),
        claims: Vec::new(),
    }
}

#[test]
fn pods_may_need_a_node_that_is_gone_or_hours_to_end() {
    let likely = |pod| {
        let mut facts = facts();
        facts.pods.push(pod);
        kinds(&predict(&facts, &DeletionFacts::default()).likely)
    };
    assert!(likely(pod(NodeState::Ready, 30)).is_empty());
    assert!(likely(pod(NodeState::Unknown, 1800)).is_empty());
    assert_eq!(likely(pod(NodeState::Missing, 30)), [CauseKind::PodsOnLostNode]);
    assert_eq!(likely(pod(NodeState::NotReady, 30)), [CauseKind::PodsOnLostNode]);
    assert_eq!(likely(pod(NodeState::Ready, 86_400)), [CauseKind::LongGracePeriod]);
}

#[test]
fn a_command_about_pods_names_all_of_them_and_fits_their_node() {
    let command = |state, grace| {
        let mut facts = facts();
        facts.pods.push(pod(state, grace));
        facts.pods.push(Pod { name: "second".to_owned(), ..pod(state, grace) });
        let cause = predict(&facts, &DeletionFacts::default()).likely.remove(0);
        (cause.remedy.clone(), cause.command.unwrap().render(&Invocation::default()))
    };
    let (remedy, missing) = command(NodeState::Missing, 30);
    assert!(!remedy.contains("bring the node back") && missing.contains("delete pod"), "{remedy} {missing}");
    assert!(missing.contains("second"), "{missing}");
    assert!(command(NodeState::NotReady, 30).1.contains("get node"));
    let (_, long) = command(NodeState::Ready, 86_400);
    assert!(long.contains("second") && long.contains("grep -qx"), "{long}");
}

#[test]
fn what_is_deleted_outside_is_named_and_what_leaks_is_trouble() {
    let facts = facts();
    let mut deletion = DeletionFacts::default();
    let addresses = vec!["203.0.113.7".to_owned()];
    deletion.load_balancers.push(LoadBalancer { service: "public".to_owned(), addresses });
    let volume = |policy: &str| Volume {
        name: "pv".to_owned(),
        claim: "data".to_owned(),
        reclaim_policy: policy.to_owned(),
    };
    around(&mut deletion).volumes.insert("shop".to_owned(), vec![volume("Delete")]);
    let prediction = predict(&facts, &deletion);
    nothing_is_expected(&prediction);
    assert!(prediction.outside.iter().all(|each| each.fate == OutsideOutcome::Deleted));
    assert_eq!(prediction.outside.len(), 2);
    around(&mut deletion).volumes.insert("shop".to_owned(), vec![volume("Retain")]);
    assert_eq!(predict(&facts, &deletion).expectation(), Expectation::TroubleExpected);
}

#[test]
fn what_could_not_be_looked_at_is_unknown_and_never_nothing() {
    let mut facts = facts();
    facts.inventory.coverage.gaps.push(gap("", "secrets", Unreadable::Forbidden));
    let prediction = predict(&facts, &DeletionFacts::default());
    assert_eq!(prediction.expectation(), Expectation::Unknown);
    assert_eq!(prediction.could_not_look[0].what, "secrets");
}

#[test]
fn a_rehearsal_that_was_not_allowed_matters_where_somebody_might_refuse() {
    let mut facts = facts();
    add(&mut facts, resource("", "configmaps", "ConfigMap"), [object("settings", &[])]);
    let why = "not allowed".to_owned();
    let unrehearsed = vec![Unrehearsed { resource: "configmaps".to_owned(), why, outdated: false }];
    let deletion = DeletionFacts { unrehearsed, ..DeletionFacts::default() };
    let prediction = predict(&facts, &deletion);
    nothing_is_expected(&prediction);
    assert_eq!(prediction.could_not_look[0].what, "the deletion of configmaps");
    extensions(&mut facts).admission_hooks.push(webhook("elsewhere", "DELETE", "configmaps"));
    assert_eq!(predict(&facts, &deletion).expectation(), Expectation::Unknown);
}

#[test]
fn who_makes_it_again_is_no_trouble_and_said() {
    let facts = facts();
    let mut deletion = DeletionFacts::default();
    let application = Application {
        title: "Argo CD application argocd/shop".to_owned(),
        automated: true,
        creates_namespace: true,
    };
    around(&mut deletion).applications.insert("shop".to_owned(), vec![application]);
    let prediction = predict(&facts, &deletion);
    nothing_is_expected(&prediction);
    assert_eq!(prediction.comes_back[0].by, "Argo CD application argocd/shop");
}
