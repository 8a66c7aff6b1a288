use super::*;
use crate::model::{Coverage, Gap, Inventory, Leftover, TypeLeftovers, Unreadable, resource};
use serde_json::json;

mod rules;
mod sentences;
mod steps;

fn namespace(name: &str, deleted: bool, spec: &[&str], metadata: &[&str]) -> Namespace {
    let mut json = json!({
        "metadata": {"name": name, "uid": "u", "resourceVersion": "1", "finalizers": metadata},
        "spec": {"finalizers": spec},
    });
    if deleted {
        json["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    }
    Namespace::from_json(json).unwrap()
}

fn leftover() -> Leftover {
    Leftover {
        name: "s".to_owned(),
        namespace: "rodrigo".to_owned(),
        uid: "s-1".to_owned(),
        deleted: None,
        finalizers: vec!["example.com/x".to_owned()],
        labels: std::collections::BTreeMap::new(),
        set_by: Vec::new(),
    }
}

fn leftovers(deleting: bool) -> Inventory {
    let mut of_type = TypeLeftovers::none(resource("", "secrets", "Secret"));
    let deleted = deleting.then(jiff::Timestamp::now);
    of_type.add(Leftover { deleted, ..leftover() }, 10);
    Inventory {
        types: vec![of_type],
        coverage: Coverage { looked: 1, gaps: Vec::new(), ..Coverage::default() },
    }
}

fn diagnosis(namespace: Namespace, inventory: Inventory) -> Diagnosis {
    crate::diagnose::diagnose(crate::model::Facts {
        now: "2026-01-02T00:00:00Z".parse().unwrap(),
        namespace,
        inventory,
        extensions: std::sync::Arc::default(),
        pods: Vec::new(),
        all_pods_known: true,
        dry_runs: Vec::new(),
        failing_conditions: Vec::new(),
    })
}

fn plan_for(namespace: &Namespace, inventory: &Inventory, policy: &Policy) -> Result<Plan, Refusal> {
    plan(&diagnosis(namespace.clone(), inventory.clone()), policy)
}

fn policy(leftovers: Leftovers) -> Policy {
    Policy { leftovers, ..Policy::default() }
}

#[test]
fn an_active_namespace_is_never_finalized() {
    let active = namespace("rodrigo", false, &["kubernetes"], &[]);
    let everything_allowed =
        Policy { leftovers: Leftovers::Orphan, allow_protected: true, ..Policy::default() };
    let refusal = plan_for(&active, &Inventory::default(), &everything_allowed).unwrap_err();
    assert!(matches!(refusal, Refusal::NotTerminating { disarmed: false, .. }), "{refusal}");
}

#[test]
fn a_protected_namespace_is_finalized_only_when_meant() {
    for name in ["default", "kube-system", "kube-public", "kube-node-lease", "openshift-etcd"] {
        let protected = namespace(name, true, &["kubernetes"], &[]);
        let refusal = plan_for(&protected, &Inventory::default(), &policy(Leftovers::Orphan)).unwrap_err();
        assert!(matches!(refusal, Refusal::Protected { .. }), "{name}: {refusal}");
        let meant = Policy { allow_protected: true, ..Policy::default() };
        assert!(plan_for(&protected, &Inventory::default(), &meant).is_ok(), "{name}");
    }
}

#[test]
fn live_leftovers_need_more_than_yes() {
    let stuck = namespace("rodrigo", true, &["kubernetes"], &[]);
    assert_eq!(plan_for(&stuck, &leftovers(false), &policy(Leftovers::Ask)).unwrap().live_at_stake, 1);
    assert_eq!(plan_for(&stuck, &leftovers(true), &policy(Leftovers::Ask)).unwrap().live_at_stake, 0);
    assert_eq!(plan_for(&stuck, &leftovers(false), &policy(Leftovers::Orphan)).unwrap().live_at_stake, 0);
}

#[test]
fn refuse_refuses_what_is_left_and_what_is_unknown() {
    let stuck = namespace("rodrigo", true, &["kubernetes"], &[]);
    assert!(plan_for(&stuck, &leftovers(true), &policy(Leftovers::Refuse)).is_err());
    let gap = Gap {
        group: "metrics.example.com".to_owned(),
        version: "v1beta1".to_owned(),
        resource: None,
        why: Unreadable::Unavailable,
        detail: "service unavailable".to_owned(),
    };
    let unknown = Inventory {
        types: Vec::new(),
        coverage: Coverage { looked: 1, gaps: vec![gap], ..Coverage::default() },
    };
    assert!(plan_for(&stuck, &unknown, &policy(Leftovers::Refuse)).is_err());
    assert!(plan_for(&stuck, &Inventory::default(), &policy(Leftovers::Refuse)).is_ok());
}

#[test]
fn every_finalizer_of_the_namespace_is_named_at_once() {
    let held = namespace("rodrigo", true, &["orphan", "foregroundDeletion"], &["example.com/meta"]);
    let refusal = plan_for(&held, &Inventory::default(), &policy(Leftovers::Ask)).unwrap_err();
    let hint = format!("{:?}", refusal.hint());
    for name in ["orphan", "foregroundDeletion", "example.com/meta"] {
        assert!(hint.contains(&format!("--finalizer={name}")), "{hint}");
    }
}

#[test]
fn what_kubernetes_takes_off_itself_is_waited_for_and_not_counted_as_staying() {
    let stuck = namespace("rodrigo", true, &["kubernetes"], &[]);
    let claim = |deleting: bool| {
        let mut inventory = leftovers(false);
        let mut of_type =
            TypeLeftovers::none(resource("", "persistentvolumeclaims", "PersistentVolumeClaim"));
        let deleted = deleting.then(jiff::Timestamp::now);
        let finalizers = vec!["kubernetes.io/pvc-protection".to_owned()];
        of_type.add(Leftover { deleted, finalizers, ..leftover() }, 10);
        inventory.types.push(of_type);
        plan_for(&stuck, &inventory, &policy(Leftovers::Release)).unwrap()
    };
    let live = claim(false);
    assert_eq!(live.remains, [""; 0]);
    assert!(live.warnings.iter().any(|text| text.contains("until Kubernetes takes it off")), "{live:?}");
    let release = |action: &Action| matches!(action, Action::ReleaseObjects { finalizers, .. } if finalizers[0].starts_with("kubernetes.io/"));
    assert!(!live.has(release));
    // It was asked to, and has not.
    assert_eq!(claim(true).remains.len(), 1);
}

#[test]
fn what_the_put_cannot_end_is_not_sent() {
    let held = namespace("rodrigo", true, &["kubernetes", "example.com/hold"], &["example.com/meta"]);
    let refusal = plan_for(&held, &Inventory::default(), &Policy::default()).unwrap_err();
    assert!(matches!(refusal, Refusal::HeldBesides { .. }), "{refusal}");
    let hint = refusal.hint().render(&crate::model::Invocation::default(), str::to_owned);
    assert!(hint.contains("--finalizer=example.com/hold --finalizer=example.com/meta"), "{hint}");
    let named = ["example.com/hold", "example.com/meta"].map(str::to_owned).to_vec();
    let policy = Policy { finalizers: named, ..Policy::default() };
    assert!(plan_for(&held, &Inventory::default(), &policy).is_ok());
}

#[test]
fn default_objects_are_no_reason_to_refuse() {
    let stuck = namespace("rodrigo", true, &["kubernetes"], &[]);
    let object = |ty: &str, kind, name: &str, finalizers: &[&str]| {
        let mut of_type = TypeLeftovers::none(resource("", ty, kind));
        let finalizers = finalizers.iter().map(|name| (*name).to_owned()).collect();
        of_type.add(Leftover { name: name.to_owned(), deleted: None, finalizers, ..leftover() }, 10);
        of_type
    };
    let defaults = vec![
        object("configmaps", "ConfigMap", "kube-root-ca.crt", &[]),
        object("serviceaccounts", "ServiceAccount", "default", &[]),
    ];
    let inventory = Inventory { types: defaults, coverage: Coverage::default() };
    assert!(plan_for(&stuck, &inventory, &policy(Leftovers::Refuse)).is_ok());
    assert_eq!(plan_for(&stuck, &inventory, &policy(Leftovers::Ask)).unwrap().live_at_stake, 0);
    let held = vec![object("configmaps", "ConfigMap", "kube-root-ca.crt", &["example.com/x"])];
    let inventory = Inventory { types: held, coverage: Coverage::default() };
    assert!(plan_for(&stuck, &inventory, &policy(Leftovers::Refuse)).is_err());
}

#[test]
fn an_unavailable_stateless_api_is_known_to_hold_nothing() {
    let stuck = namespace("rodrigo", true, &["kubernetes"], &[]);
    let gap = |group: &str, why| Gap {
        group: group.to_owned(),
        version: "v1beta1".to_owned(),
        resource: None,
        why,
        detail: "service unavailable".to_owned(),
    };
    let with = |gap| Inventory {
        types: Vec::new(),
        coverage: Coverage { looked: 1, gaps: vec![gap], ..Coverage::default() },
    };
    for group in ["metrics.k8s.io", "custom.metrics.k8s.io", "subresources.kubevirt.io"] {
        for leftovers in [Leftovers::Refuse, Leftovers::Release] {
            let unavailable = with(gap(group, Unreadable::Unavailable));
            assert!(plan_for(&stuck, &unavailable, &policy(leftovers)).is_ok(), "{group}");
            let forbidden = with(gap(group, Unreadable::Forbidden));
            assert!(plan_for(&stuck, &forbidden, &policy(leftovers)).is_err(), "{group}");
        }
    }
}

#[test]
fn what_the_controller_counts_and_nobody_could_list_is_not_abandoned() {
    let mut json = serde_json::Value::clone(&namespace("rodrigo", true, &["kubernetes"], &[]).json);
    json["status"]["conditions"] = json!([{
        "type": "NamespaceContentRemaining", "status": "True", "reason": "SomeResourcesRemain",
        "message": "Some resources are remaining: widgets.example.com has 1 resource instances",
    }]);
    let stuck = Namespace::from_json(json).unwrap();
    let looked = |types: &[&str]| Inventory {
        types: Vec::new(),
        coverage: Coverage {
            looked: types.len(),
            types: std::sync::Arc::new(types.iter().map(|ty| (*ty).to_owned()).collect()),
            ..Coverage::default()
        },
    };
    for leftovers in [Leftovers::Refuse, Leftovers::Release] {
        assert!(plan_for(&stuck, &looked(&["configmaps"]), &policy(leftovers)).is_err());
        // The list is newer than the condition.
        assert!(plan_for(&stuck, &looked(&["widgets.example.com"]), &policy(leftovers)).is_ok());
    }
}

#[test]
fn a_young_namespace_is_the_controllers_first() {
    let mut young = diagnosis(namespace("rodrigo", true, &["kubernetes"], &[]), leftovers(false));
    young.now = young.namespace.deleted.unwrap() + jiff::SignedDuration::from_secs(30);
    for leftovers in [Leftovers::Ask, Leftovers::Refuse, Leftovers::Orphan] {
        let policy = Policy { patience: crate::diagnose::PATIENCE, ..policy(leftovers) };
        let plan = plan(&young, &policy).unwrap();
        assert!(plan.waits_first, "{leftovers:?}");
        assert!(matches!(plan.steps[0].action, Action::Wait), "{leftovers:?}");
    }
}

#[test]
fn without_the_kubernetes_finalizer_there_is_nothing_to_finalize() {
    let held = namespace("rodrigo", true, &[], &["example.com/meta"]);
    let refusal = plan_for(&held, &Inventory::default(), &Policy::default()).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "namespace \"rodrigo\" is not held by the \"kubernetes\" finalizer but by metadata finalizer example.com/meta"
    );
}

#[test]
fn a_zombie_is_deleted_again_only_where_it_is_known_to_be_empty() {
    let zombie = namespace("rodrigo", true, &[], &[]);
    let actions = |inventory: &Inventory| {
        let plan = plan_for(&zombie, inventory, &Policy::default()).unwrap();
        plan.steps.iter().map(|step| step.action.kind().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(actions(&Inventory::default()), ["DeleteAgain"]);
    let robot = Policy { deletes_no_namespace: true, ..Policy::default() };
    let plan = plan_for(&zombie, &Inventory::default(), &robot).unwrap();
    let steps: Vec<String> = plan.steps.iter().map(|step| step.action.kind().to_string()).collect();
    assert_eq!(steps, ["Rearm", "Wait"]);
    assert_eq!(actions(&leftovers(false)), ["Rearm", "Wait"]);
}

#[test]
fn a_release_comes_before_the_put_and_skips_what_is_dangerous() {
    let stuck = namespace("rodrigo", true, &["kubernetes"], &[]);
    let mut inventory = leftovers(true);
    let dangerous = "service.kubernetes.io/load-balancer-cleanup";
    inventory.types[0].finalizers.insert(dangerous.to_owned(), 1);
    let release = |policy: &Policy, expected: &[&str]| {
        let plan = plan_for(&stuck, &inventory, policy).unwrap();
        let steps: Vec<String> = plan.steps.iter().map(|step| step.action.kind().to_string()).collect();
        assert_eq!(steps, expected);
        match &plan.steps[0].action {
            Action::ReleaseObjects { finalizers, .. } => finalizers.clone(),
            other => panic!("{other:?}"),
        }
    };
    let mut allowed = policy(Leftovers::Release);
    // What is kept keeps the namespace, and the PUT would abandon it.
    assert_eq!(release(&allowed, &["ReleaseObject", "Wait"]), ["example.com/x"]);
    allowed.release_finalizers.push(dangerous.to_owned());
    assert_eq!(release(&allowed, &["ReleaseObject", "Wait", "Finalize"]), ["example.com/x", dangerous]);
}

#[test]
fn what_may_not_be_looked_at_is_one_phrase_however_many_types_it_is() {
    let gap = |resource: &str| Gap {
        group: String::new(),
        version: "v1".to_owned(),
        resource: Some(resource.to_owned()),
        why: Unreadable::Forbidden,
        detail: format!("{resource} is forbidden"),
    };
    let mut inventory = Inventory::default();
    inventory.coverage.gaps = vec![gap("configmaps"), gap("secrets")];
    let name = namespace("rodrigo", true, &["kubernetes"], &[]);
    let refused = plan_for(&name, &inventory, &policy(Leftovers::Release)).unwrap_err().to_string();
    assert_eq!(refused.matches("whatever is in").count(), 1, "{refused}");
    assert!(refused.contains("whatever is in configmaps, secrets"), "{refused}");
}
