use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::{Value, json};

use super::{Expectation, OutsideOutcome, Prediction, predict};
use crate::diagnose::{Cause, CauseKind};
use crate::model::{
    Account, AccountPods, AdmissionHook, AdmissionHookKind, AdmissionRule, ApiService, Application,
    ClusterDeletionFacts, ClusterExtensions, ConvertedCrd, Coverage, DeletionFacts, DryRunOutcome,
    DryRunResult, Facts, Gap, Grant, HeldObject, Inventory, Leftover, LoadBalancer, Namespace, NodeState,
    OwnerTraces, Pod, ResourceType, Right, ServiceRef, TypeLeftovers, Unreadable, Unrehearsed, Volume,
    resource,
};

mod causes;
mod order;
mod owners;
mod properties;

const NOW: &str = "2026-01-02T00:00:00Z";

/// An Active namespace of which everything could be looked at, and nothing is wrong.
fn facts() -> Facts {
    let json = json!({
        "metadata": {"name": "shop", "uid": "u", "resourceVersion": "1"},
        "spec": {"finalizers": ["kubernetes"]},
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

fn around(deletion: &mut DeletionFacts) -> &mut ClusterDeletionFacts {
    Arc::make_mut(&mut deletion.of_cluster)
}

fn object(name: &str, finalizers: &[&str]) -> Leftover {
    Leftover {
        name: name.to_owned(),
        namespace: "shop".to_owned(),
        uid: format!("{name}-1"),
        deleted: None,
        finalizers: finalizers.iter().map(|name| (*name).to_owned()).collect(),
        labels: BTreeMap::new(),
        set_by: Vec::new(),
    }
}

fn add(facts: &mut Facts, resource: ResourceType, objects: impl IntoIterator<Item = Leftover>) {
    let mut of_type = TypeLeftovers::none(resource);
    objects.into_iter().for_each(|object| of_type.add(object, 10));
    facts.inventory.types.push(of_type);
}

fn backups() -> ResourceType {
    resource("example.com", "backups", "Backup")
}

/// A backup that waits for `backups.example.com/cleanup`, whose spec is this.
fn held_backup(facts: &mut Facts, deletion: &mut DeletionFacts, spec: &Value) {
    let finalizer = "backups.example.com/cleanup";
    add(facts, backups(), [object("nightly", &[finalizer])]);
    let json = json!({"metadata": {"name": "nightly", "finalizers": [finalizer]}, "spec": spec});
    deletion.held_objects.push(HeldObject { resource: backups(), json });
}

/// An operator of backups that runs as this account, by a binding of this namespace or of the whole cluster.
fn operator(deletion: &mut DeletionFacts, home: &str, bound_in: Option<&str>) {
    let account = Account { namespace: home.to_owned(), name: "backup-operator".to_owned() };
    let text = |text: &str| vec![text.to_owned()];
    let right = Right { groups: text("example.com"), resources: text("backups"), verbs: text("*") };
    around(deletion).grants.push(Grant {
        account: account.clone(),
        binding: "backup-operator".to_owned(),
        namespace: bound_in.map(str::to_owned),
        rights: Arc::new(vec![right]),
    });
    let pods = AccountPods { running: vec!["backup-operator-0".to_owned()], unreadable: None };
    around(deletion).account_pods.insert(account, pods);
}

/// A webhook of a service in this namespace or another that sees this.
fn webhook(home: &str, operation: &str, resource: &str) -> AdmissionHook {
    let text = |text: &str| vec![text.to_owned()];
    AdmissionHook {
        kind: AdmissionHookKind::ValidatingWebhook,
        configuration: "guard".to_owned(),
        name: "guard.example.com".to_owned(),
        service: Some(ServiceRef { namespace: home.to_owned(), name: "guard".to_owned() }),
        url: None,
        fails_closed: true,
        timeout_seconds: None,
        has_conditions: false,
        rules: vec![AdmissionRule {
            operations: text(operation),
            groups: text(""),
            versions: text("v1"),
            resources: text(resource),
            scope: "*".to_owned(),
            names: Vec::new(),
        }],
        namespace_selector: LabelSelector::default(),
        object_selector: LabelSelector::default(),
    }
}

fn kinds(causes: &[Cause]) -> Vec<CauseKind> {
    causes.iter().map(|cause| cause.kind).collect()
}

#[track_caller]
fn the_one(causes: &[Cause]) -> &Cause {
    let [cause] = causes else { panic!("{causes:#?}") };
    cause
}

#[track_caller]
fn nothing_is_expected(prediction: &Prediction) {
    assert_eq!(prediction.expectation(), Expectation::NothingExpected, "{prediction:#?}");
    assert!(prediction.order.is_empty(), "{prediction:#?}");
}
