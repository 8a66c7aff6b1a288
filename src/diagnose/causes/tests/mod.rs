mod accounting;
mod admission;
mod apis;
mod content;

use std::sync::Arc;

use serde_json::json;

use super::of;
use crate::diagnose::{Cause, CauseKind, owners};
use crate::model::{
    AdmissionHook, AdmissionHookKind, AdmissionRule, ApiService, Backend, ClusterExtensions, Conversion,
    Coverage, DryRunOutcome, DryRunResult, Facts, FailingCondition, Gap, Inventory, Leftover, Namespace,
    NodeState, Pod, Presence, ResourceType, ServiceRef, TypeLeftovers, Unreadable, resource,
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
        all_pods_known: true,
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
        timeout_seconds: None,
        has_conditions: false,
        rules: vec![AdmissionRule {
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
        warnings: Vec::new(),
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
        claims: Vec::new(),
    }
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

#[test]
fn what_no_cause_accounts_for_is_quoted() {
    let mut facts = facts();
    facts.inventory.coverage.gaps = vec![list_failed("", "secrets", Unreadable::Failed, "etcdserver: odd")];
    let mut json = serde_json::Value::clone(&facts.namespace.json);
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
