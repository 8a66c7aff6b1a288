use super::*;

fn predicted(spec: &Value, operators: &[(&str, Option<&str>)]) -> Prediction {
    let mut facts = facts();
    let mut deletion = DeletionFacts::default();
    held_backup(&mut facts, &mut deletion, spec);
    add(&mut facts, resource("", "secrets", "Secret"), [object("creds", &[])]);
    for (home, bound_in) in operators {
        operator(&mut deletion, home, *bound_in);
    }
    predict(&facts, &deletion)
}

#[test]
fn an_owner_that_runs_elsewhere_does_its_work() {
    nothing_is_expected(&predicted(&json!({}), &[("operators", None)]));
}

#[test]
fn an_owner_that_nobody_has_seen_is_missed() {
    let prediction = predicted(&json!({}), &[]);
    let cause = the_one(&prediction.likely);
    assert_eq!((cause.kind, cause.subject.as_str()), (CauseKind::HeldObjects, "backups.example.com/cleanup"));
}

#[test]
fn an_owner_in_the_namespace_goes_first() {
    let prediction = predicted(&json!({}), &[("shop", None)]);
    let cause = the_one(&prediction.likely);
    assert_eq!(cause.kind, CauseKind::HeldObjects);
    assert!(cause.evidence.iter().any(|seen| seen.contains("in this very namespace")), "{cause:#?}");
    // A second one elsewhere goes on.
    nothing_is_expected(&predicted(&json!({}), &[("shop", None), ("operators", None)]));
}

#[test]
fn an_owner_that_may_work_here_by_a_role_binding_of_the_namespace_alone_loses_its_rights() {
    let prediction = predicted(&json!({}), &[("operators", Some("shop"))]);
    let cause = the_one(&prediction.likely);
    assert_eq!(cause.kind, CauseKind::Deadlock);
    assert!(cause.detail.contains("RoleBinding"), "{cause:#?}");
    // Rights in another namespace are none here.
    let prediction = predicted(&json!({}), &[("operators", Some("other"))]);
    assert_eq!(the_one(&prediction.likely).kind, CauseKind::HeldObjects);
}

#[test]
fn what_a_spec_names_in_the_namespace_goes_at_the_same_time() {
    let elsewhere = [("operators", None)];
    let needs = json!({"credentials": {"secretRef": {"name": "creds"}}});
    let prediction = predicted(&needs, &elsewhere);
    let cause = the_one(&prediction.likely);
    assert_eq!((cause.kind, cause.subject.as_str()), (CauseKind::Deadlock, "backups.example.com/nightly"));
    assert_eq!(cause.evidence, ["spec.credentials.secretRef names Secret creds of this namespace"]);
    for harmless in [
        json!({"credentials": {"secretRef": {"name": "gone"}}}),
        json!({"credentials": {"secretRef": {"name": "creds", "namespace": "vault"}}}),
        json!({"writeConnectionSecretToRef": {"name": "creds"}}),
        json!({"template": {"volumes": [{"secret": {"secretName": "creds"}}]}}),
    ] {
        nothing_is_expected(&predicted(&harmless, &elsewhere));
    }
}

#[test]
fn an_owner_that_could_not_be_looked_for_is_unknown() {
    let mut facts = facts();
    let mut deletion = DeletionFacts::default();
    held_backup(&mut facts, &mut deletion, &json!({}));
    around(&mut deletion).gaps.push(Gap {
        group: "rbac.authorization.k8s.io".to_owned(),
        version: "v1".to_owned(),
        resource: Some("clusterroles".to_owned()),
        why: Unreadable::Forbidden,
        detail: "no".to_owned(),
    });
    let prediction = predict(&facts, &deletion);
    assert!(prediction.likely.is_empty(), "{prediction:#?}");
    assert_eq!(prediction.expectation(), Expectation::Unknown);
}

#[test]
fn a_cloud_may_work_where_the_cluster_does_not_show_it() {
    let mut facts = facts();
    let finalizer = "service.kubernetes.io/load-balancer-cleanup";
    add(&mut facts, resource("", "services", "Service"), [object("public", &[finalizer])]);
    let mut deletion = DeletionFacts::default();
    around(&mut deletion).has_cloud_provider = Some(true);
    nothing_is_expected(&predict(&facts, &deletion));
    around(&mut deletion).has_cloud_provider = Some(false);
    assert_eq!(kinds(&predict(&facts, &deletion).likely), [CauseKind::HeldObjects]);
}

#[test]
fn what_waits_for_long_is_stuck_already_whoever_its_owner_is() {
    let mut facts = facts();
    let mut deletion = DeletionFacts::default();
    let mut old = object("nightly", &["backups.example.com/cleanup"]);
    old.deleted = Some("2026-01-01T00:00:00Z".parse().unwrap());
    add(&mut facts, backups(), [old]);
    operator(&mut deletion, "operators", None);
    assert_eq!(kinds(&predict(&facts, &deletion).likely), [CauseKind::HeldObjects]);
}

#[test]
fn rights_on_everything_say_nothing() {
    let mut facts = facts();
    let mut deletion = DeletionFacts::default();
    held_backup(&mut facts, &mut deletion, &json!({}));
    operator(&mut deletion, "operators", None);
    let any = vec!["*".to_owned()];
    let rights = vec![Right { groups: any.clone(), resources: any.clone(), verbs: any }];
    around(&mut deletion).grants[0].rights = Arc::new(rights);
    assert_eq!(kinds(&predict(&facts, &deletion).likely), [CauseKind::HeldObjects]);
}
