use std::sync::Arc;

use serde_json::json;

use super::of;
use crate::diagnose::{Cause, CauseKind, owners};
use crate::model::{
    AdmissionHook, AdmissionHookKind, ApiService, Backend, ClusterExtensions, Conversion, Coverage,
    DryRunOutcome, DryRunResult, Facts, FailingCondition, Gap, Inventory, Leftover, Namespace, NodeState,
    OwnerTraces, Pod, Presence, ResourceType, Rule, ServiceRef, TypeLeftovers, Unreadable, resource,
};

const NOW: &str = "2026-01-02T00:00:00Z";

/// A namespace that was deleted a day ago, of which the controller has reported, and nothing else.
fn facts() -> Facts {
    let json = json!({
        "metadata": {"name": "rodrigo", "uid": "u", "resourceVersion": "1", "deletionTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"conditions": [{"type": "NamespaceContentRemaining", "status": "False"}]},
    });
    Facts {
        now: NOW.parse().unwrap(),
        namespace: Namespace::from_json(json).unwrap(),
        inventory: Inventory {
            types: Vec::new(),
            coverage: Coverage { looked: 30, gaps: Vec::new(), ..Coverage::default() },
        },
        extensions: Arc::default(),
        pods: Vec::new(),
        dry_runs: Vec::new(),
        failing_conditions: Vec::new(),
    }
}

fn extensions(facts: &mut Facts) -> &mut ClusterExtensions {
    Arc::make_mut(&mut facts.extensions)
}

fn leftover(name: &str, deleting: bool, finalizers: &[&str]) -> Leftover {
    Leftover {
        name: name.to_owned(),
        namespace: "rodrigo".to_owned(),
        uid: format!("{name}-1"),
        deleted: deleting.then(|| "2026-01-01T00:00:00Z".parse().unwrap()),
        finalizers: finalizers.iter().map(|name| (*name).to_owned()).collect(),
        labels: std::collections::BTreeMap::new(),
        set_by: Vec::new(),
    }
}

fn of_type(resource: ResourceType, leftovers: impl IntoIterator<Item = Leftover>) -> TypeLeftovers {
    let mut of_type = TypeLeftovers::none(resource);
    leftovers.into_iter().for_each(|leftover| of_type.add(leftover, 10));
    of_type
}

fn config_maps(leftovers: impl IntoIterator<Item = Leftover>) -> TypeLeftovers {
    of_type(resource("", "configmaps", "ConfigMap"), leftovers)
}

fn service() -> ServiceRef {
    ServiceRef { namespace: "default".to_owned(), name: "guard".to_owned() }
}

fn dead_api() -> ApiService {
    ApiService {
        name: "v1beta1.metrics.example.com".to_owned(),
        group: "metrics.example.com".to_owned(),
        version: "v1beta1".to_owned(),
        service: service(),
        available: Some(false),
        reason: "ServiceNotFound".to_owned(),
        message: "not there".to_owned(),
    }
}

fn gap(resource: Option<&str>, why: Unreadable) -> Gap {
    Gap {
        group: "metrics.example.com".to_owned(),
        version: "v1beta1".to_owned(),
        resource: resource.map(str::to_owned),
        why,
        detail: "said so".to_owned(),
    }
}

/// A webhook on the deletion of everything.
fn webhook() -> AdmissionHook {
    let all = || vec!["*".to_owned()];
    AdmissionHook {
        kind: AdmissionHookKind::ValidatingWebhook,
        configuration: "guard".to_owned(),
        name: "guard.example.com".to_owned(),
        service: Some(service()),
        url: None,
        fails_closed: true,
        has_conditions: false,
        rules: vec![Rule {
            operations: vec!["DELETE".to_owned()],
            groups: all(),
            versions: all(),
            resources: all(),
            scope: "*".to_owned(),
            names: Vec::new(),
        }],
        namespace_selector: k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector::default(),
        object_selector: k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector::default(),
    }
}

fn dry_run_result(refused: Option<&str>) -> DryRunResult {
    DryRunResult {
        request: "DELETE configmaps/a".to_owned(),
        operation: "DELETE".to_owned(),
        resource: "configmaps".to_owned(),
        outcome: refused.map_or(DryRunOutcome::Accepted, |said| DryRunOutcome::Refused(said.to_owned())),
    }
}

fn dead_conversion() -> Conversion {
    Conversion { service: None, stored_versions: Vec::new(), read_as: None, message: "failed".to_owned() }
}

fn behind(facts: &mut Facts, service: Presence, ready: Option<usize>) {
    let backend = Backend { namespace: Presence::Present, service, ready };
    extensions(facts).backends.insert(self::service(), backend);
}

fn causes(facts: &Facts) -> Vec<Cause> {
    of(facts, &owners::held(facts))
}

fn kinds(facts: &Facts) -> Vec<CauseKind> {
    causes(facts).into_iter().map(|cause| cause.kind).collect()
}

fn pod(node_state: NodeState, deleted: &str) -> Pod {
    Pod {
        name: "web".to_owned(),
        node: Some("node-1".to_owned()),
        node_state,
        deleted: Some(deleted.parse().unwrap()),
        grace_seconds: 30,
        finalizers: Vec::new(),
    }
}

#[test]
fn the_most_fundamental_comes_first() {
    let mut facts = facts();
    facts.namespace.spec_finalizers.push("example.com/spec".to_owned());
    facts.namespace.metadata_finalizers.push("example.com/meta".to_owned());
    facts.namespace.conditions.clear();
    let backups = resource("example.com", "backups", "Backup");
    facts.inventory.types = vec![
        config_maps([leftover("live", false, &[])]),
        of_type(backups, [leftover("nightly", true, &["example.com/hold"])]),
    ];
    facts.pods = vec![pod(NodeState::Missing, "2026-01-01T00:00:30Z")];
    facts.failing_conditions = vec![FailingCondition {
        object: "backups/nightly".to_owned(),
        message: "it is being terminated".to_owned(),
    }];
    extensions(&mut facts).api_services = vec![dead_api()];
    extensions(&mut facts).terminating_crds.insert("backups.example.com".to_owned());
    extensions(&mut facts).admission_hooks = vec![webhook()];
    behind(&mut facts, Presence::Missing, None);
    extensions(&mut facts).conversions.insert("widgets.example.com".to_owned(), dead_conversion());
    assert_eq!(
        kinds(&facts),
        [
            CauseKind::UnavailableApi,
            CauseKind::FailingConversionWebhook,
            CauseKind::FailingAdmissionWebhook,
            CauseKind::TerminatingCrd,
            CauseKind::ControllerSilent,
            CauseKind::PodsOnLostNode,
            CauseKind::Deadlock,
            CauseKind::HeldObjects,
            CauseKind::LiveObjects,
            CauseKind::ForeignSpecFinalizers,
            CauseKind::NamespaceMetadataFinalizers,
        ]
    );
}

#[test]
fn an_api_nobody_has_judged_yet_is_not_dead() {
    let mut facts = facts();
    for (available, dead) in [(None, false), (Some(true), false), (Some(false), true)] {
        extensions(&mut facts).api_services = vec![ApiService { available, ..dead_api() }];
        assert_eq!(kinds(&facts).contains(&CauseKind::UnavailableApi), dead, "{available:?}");
    }
}

#[test]
fn a_group_version_that_may_not_be_discovered_is_not_dead() {
    let mut facts = facts();
    for (why, dead) in
        [(Unreadable::Forbidden, false), (Unreadable::Unavailable, true), (Unreadable::TimedOut, true)]
    {
        facts.inventory.coverage.gaps = vec![gap(None, why)];
        assert_eq!(kinds(&facts).contains(&CauseKind::UnavailableApi), dead, "{why}");
    }
    // One type of it that fails is no dead API.
    facts.inventory.coverage.gaps = vec![gap(Some("nodes"), Unreadable::Unavailable)];
    assert!(!kinds(&facts).contains(&CauseKind::UnavailableApi));
}

#[test]
fn a_dead_api_does_not_hold_what_the_controller_has_finished() {
    let mut facts = facts();
    extensions(&mut facts).api_services = vec![dead_api()];
    facts.namespace.spec_finalizers = vec!["example.com/spec".to_owned()];
    assert_eq!(kinds(&facts), [CauseKind::ForeignSpecFinalizers]);
}

#[test]
fn what_the_controller_has_finished_waits_neither_for_a_conversion_nor_for_a_finalization() {
    let mut facts = facts();
    extensions(&mut facts).conversions.insert("widgets.example.com".to_owned(), dead_conversion());
    let mut guard = webhook();
    guard.rules[0].operations = vec!["UPDATE".to_owned()];
    guard.rules[0].resources = vec!["namespaces/finalize".to_owned()];
    extensions(&mut facts).admission_hooks = vec![guard];
    behind(&mut facts, Presence::Missing, None);
    assert_eq!(kinds(&facts), [CauseKind::FailingConversionWebhook, CauseKind::FailingAdmissionWebhook]);
    facts.namespace.spec_finalizers.clear();
    facts.namespace.metadata_finalizers = vec!["example.com/meta".to_owned()];
    assert_eq!(kinds(&facts), [CauseKind::NamespaceMetadataFinalizers]);
    let widgets = resource("example.com", "widgets", "Widget");
    facts.inventory.types = vec![of_type(widgets, [leftover("gear", true, &[])])];
    assert_eq!(kinds(&facts), [CauseKind::FailingConversionWebhook, CauseKind::NamespaceMetadataFinalizers]);
}

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
    let mut json = facts.namespace.json.clone();
    json["status"]["conditions"] = conditions;
    facts.namespace = Namespace::from_json(json).unwrap();
    assert!(!kinds(&facts).contains(&CauseKind::HeldObjects), "all was seen, and there is nothing any more");
    facts.inventory.coverage.gaps = vec![gap(Some("secrets"), Unreadable::Forbidden)];
    let causes = causes(&facts);
    assert_eq!(causes[0].detail, "2 objects held by example.com/seal, which could not be looked at");
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
fn a_zombie_is_deleted_again_only_if_it_is_known_to_be_empty() {
    let mut facts = facts();
    facts.namespace.spec_finalizers.clear();
    let remedy = |facts: &Facts| causes(facts)[0].clone();
    assert!(remedy(&facts).remedy.starts_with("delete it once more"));
    assert!(remedy(&facts).command.is_some());
    // Unknown is not empty.
    facts.inventory.coverage.gaps = vec![gap(None, Unreadable::Unavailable)];
    assert!(remedy(&facts).remedy.starts_with("rearm it"));
    assert_eq!(remedy(&facts).command, None);
    facts.inventory.coverage.gaps.clear();
    facts.inventory.types = vec![config_maps([leftover("live", false, &[])])];
    assert!(remedy(&facts).remedy.starts_with("rearm it"));
    assert_eq!(kinds(&facts), [CauseKind::Zombie, CauseKind::LiveObjects]);
}

#[test]
fn what_is_empty_and_old_is_the_controllers_turn_unless_not_all_was_seen() {
    let mut facts = facts();
    assert_eq!(causes(&facts)[0].detail, "empty; the controller should finish it");
    facts.inventory.coverage.gaps = vec![gap(Some("secrets"), Unreadable::Forbidden)];
    assert_eq!(kinds(&facts), []);
}

#[test]
fn a_controller_is_silent_only_after_the_time_it_may_take() {
    let mut facts = facts();
    facts.namespace.conditions.clear();
    assert_eq!(kinds(&facts)[0], CauseKind::ControllerSilent);
    facts.now = "2026-01-01T00:01:00Z".parse().unwrap();
    assert_eq!(kinds(&facts), [CauseKind::Progressing]);
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
    assert!(evidence.contains("could not look at pods: Forbidden; that is not dead"), "{evidence}");
    assert!(!evidence.contains("found no"), "{evidence}");
}

#[test]
fn a_count_that_falls_is_progress() {
    let mut facts = facts();
    facts.inventory.types = vec![config_maps([leftover("a", true, &["example.com/hold"])])];
    let counted = |facts: &mut Facts, count: u64| {
        facts.namespace.conditions[0].status = "True".to_owned();
        facts.namespace.conditions[0].message =
            format!("Some resources are remaining: configmaps. has {count} resource instances");
        of(facts, &owners::held(facts)).iter().any(|cause| cause.kind == CauseKind::Progressing)
    };
    assert!(counted(&mut facts, 2));
    assert!(!counted(&mut facts, 1));
    // Nobody can tell what the rest has come to.
    facts.inventory.coverage.gaps.push(Gap {
        group: String::new(),
        version: "v1".to_owned(),
        resource: Some("secrets".to_owned()),
        why: Unreadable::Forbidden,
        detail: "forbidden".to_owned(),
    });
    assert!(!counted(&mut facts, 2));
}

fn list_failed(group: &str, resource: &str, why: Unreadable, detail: &str) -> Gap {
    Gap {
        group: group.to_owned(),
        version: "v1".to_owned(),
        resource: Some(resource.to_owned()),
        why,
        detail: detail.to_owned(),
    }
}

#[test]
fn an_api_that_is_discovered_and_does_not_list_is_named_with_its_service() {
    let mut facts = facts();
    let living = ApiService {
        name: "v1.agg.example.com".to_owned(),
        group: "agg.example.com".to_owned(),
        version: "v1".to_owned(),
        available: Some(true),
        ..dead_api()
    };
    extensions(&mut facts).api_services = vec![living];
    for (why, blamed) in [
        (Unreadable::Failed, true),
        (Unreadable::TimedOut, true),
        (Unreadable::NotServed, true),
        (Unreadable::Forbidden, false),
    ] {
        facts.inventory.coverage.gaps = vec![list_failed("agg.example.com", "things", why, "no marshaller")];
        let causes = causes(&facts);
        assert_eq!(causes.iter().any(|cause| cause.subject == "v1.agg.example.com"), blamed, "{why}");
        assert!(causes.iter().all(|cause| cause.kind == CauseKind::UnavailableApi), "{causes:?}");
        if blamed {
            let evidence = causes[0].evidence.join("\n");
            assert!(evidence.contains("default/guard") && evidence.contains("no marshaller"), "{evidence}");
        }
    }
}

#[test]
fn what_no_cause_accounts_for_is_quoted() {
    let mut facts = facts();
    facts.inventory.coverage.gaps = vec![list_failed("", "secrets", Unreadable::Failed, "etcdserver: odd")];
    let mut json = facts.namespace.json.clone();
    json["status"]["conditions"] =
        json!([{"type": "NamespaceDeletionContentFailure", "status": "True", "message": "something new"}]);
    facts.namespace = Namespace::from_json(json).unwrap();
    facts.dry_runs =
        vec![DryRunResult { outcome: DryRunOutcome::Failed("HTTP 500".to_owned()), ..dry_run_result(None) }];
    let details: Vec<String> = causes(&facts).into_iter().map(|cause| cause.detail).collect();
    assert_eq!(details, ["something new", "etcdserver: odd", "HTTP 500"]);
    assert_eq!(kinds(&facts), [CauseKind::Unexplained; 3]);
    // What may not be listed is coverage, and no failure.
    facts.inventory.coverage.gaps[0].why = Unreadable::Forbidden;
    assert_eq!(kinds(&facts).len(), 2);
}

#[test]
fn an_object_that_cannot_be_decrypted_is_named_with_its_namespace() {
    let mut facts = facts();
    let said = "Internal error occurred: unable to transform key \"/registry/secrets/rodrigo/lost\": no key";
    facts.inventory.coverage.gaps = vec![list_failed("", "secrets", Unreadable::Failed, said)];
    let causes = causes(&facts);
    let [cause] = causes.as_slice() else { panic!("{causes:?}") };
    assert_eq!((cause.kind, cause.subject.as_str()), (CauseKind::UnreadableObjects, "secrets"));
    assert!(cause.detail.contains("lost in namespace rodrigo"), "{}", cause.detail);
    assert!(cause.remedy.contains("finalizers are ignored"), "{}", cause.remedy);
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

#[test]
fn a_pod_with_years_to_end_is_no_progress() {
    let mut facts = facts();
    facts.inventory.types = vec![of_type(resource("", "pods", "Pod"), [leftover("web", true, &[])])];
    facts.pods = vec![Pod { grace_seconds: 315_360_000, ..pod(NodeState::Ready, "2035-12-30T00:00:00Z") }];
    assert_eq!(kinds(&facts), [CauseKind::LongGracePeriod]);
    let command = causes(&facts).remove(0).command.unwrap();
    let command = command.render(&crate::model::Invocation::default());
    assert_eq!(command, "kubectl delete pod -n rodrigo --grace-period=30 web");
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
