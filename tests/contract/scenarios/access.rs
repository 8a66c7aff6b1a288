//! Who may do what, and what is refused to everybody.

use http::Method;
use serde_json::{Value, json};

use super::held::setters;
use super::{failing_condition, is_deleting, send_until};
use crate::harness::fixtures::{create, finalize_path, hold, path, terminating};
use crate::harness::{Answer, Lab};
use crate::tests;

tests! {
    Controlled: a_viewer_without_secrets_sees_the_rest;
    Both: a_review_of_one_action_says_what_a_request_would_be_told,
        a_role_in_a_namespace_is_enough_to_get_and_finalize_it_but_not_to_list,
        a_namespace_that_is_going_cannot_be_created_again,
        a_delete_can_be_bound_to_a_uid_and_a_version,
        whoever_sets_a_finalizer_is_noted_with_it,
        nobody_is_noted_on_an_object_that_was_created_bare
}

async fn a_viewer_without_secrets_sees_the_rest(lab: Lab) {
    let name = lab.play_apart("no-secrets").await;
    assert_eq!(
        failing_condition(&lab, &name, "NamespaceContentRemaining").await,
        "Some resources are remaining: secrets. has 1 resource instances"
    );
    let viewer = format!("system:serviceaccount:default:{name}-viewer");
    let list = |kind: &str| format!("{}/{kind}", path(&name));
    let maps = (Method::GET, &*list("configmaps"), &Value::Null);
    let seen = send_until(&lab, maps, Some(&viewer), |answer| answer.status == 200).await;
    assert_eq!(seen.json()["kind"], "ConfigMapList");
    for (path, scope) in [
        (list("secrets"), format!("in the namespace {name:?}")),
        ("/api/v1/secrets".to_owned(), "at the cluster scope".to_owned()),
    ] {
        let secrets = (Method::GET, &*path, &Value::Null);
        let refused = send_until(&lab, secrets, Some(&viewer), |_| true).await;
        assert_eq!(
            (refused.status, refused.message()),
            (
                403,
                format!(
                    "secrets is forbidden: User {viewer:?} cannot list resource \"secrets\" in API group \"\" {scope}"
                )
            )
        );
        assert_eq!(refused.json()["details"], json!({"kind": "secrets"}));
    }
    let delete = (Method::DELETE, &*path(&name), &Value::Null);
    assert_eq!(send_until(&lab, delete, Some(&viewer), |_| true).await.status, 403);
}

async fn a_role_in_a_namespace_is_enough_to_get_and_finalize_it_but_not_to_list(lab: Lab) {
    let other = terminating(&lab).await;
    let own = Lab::unique("own");
    create(&lab, &own).await;
    let user = format!("{own}-user");
    let rbac = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{own}");
    let rules = json!([
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["namespaces/finalize"], "verbs": ["update"]},
    ]);
    lab.post(&format!("{rbac}/roles"), &json!({"metadata": {"name": "r"}, "rules": rules})).await.expect(201);
    let group = "rbac.authorization.k8s.io";
    let binding = json!({
        "metadata": {"name": "r"},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "r"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    });
    lab.post(&format!("{rbac}/rolebindings"), &binding).await.expect(201);
    let get = (Method::GET, &*path(&own), &Value::Null);
    let mut body = send_until(&lab, get, Some(&user), |answer| answer.status == 200).await.json();
    for refused in [path(&other), "/api/v1/namespaces".to_owned()] {
        let get = (Method::GET, &*refused, &Value::Null);
        assert_eq!(send_until(&lab, get, Some(&user), |_| true).await.status, 403, "{refused}");
    }
    body["metadata"]["labels"]["seen"] = json!("yes");
    let put = (Method::PUT, &*finalize_path(&own), &body);
    send_until(&lab, put, Some(&user), |answer| answer.status == 200).await;
}

/// What the API says to `user` about an action.
async fn may(lab: &Lab, user: &str, action: &Value, expected: bool) -> Value {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": action},
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let wanted = |answer: &Answer| answer.json()["status"]["allowed"] == expected;
    let answer = send_until(lab, (Method::POST, path, &review), Some(user), wanted).await;
    answer.expect(201)["status"].clone()
}

async fn a_review_of_one_action_says_what_a_request_would_be_told(lab: Lab) {
    let name = Lab::unique("review");
    let user = format!("{name}-user");
    create(&lab, &name).await;
    let finalize = json!({
        "verb": "update", "resource": "namespaces", "subresource": "finalize", "namespace": name, "name": name,
    });
    let status = may(&lab, &user, &finalize, false).await;
    assert_eq!(status, json!({"allowed": false}));
    let rbac = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{name}");
    let group = "rbac.authorization.k8s.io";
    let allowed = json!({
        "apiGroups": [""], "resources": ["namespaces/finalize"], "resourceNames": [name], "verbs": ["update"],
    });
    let role = json!({
        "apiVersion": format!("{group}/v1"), "kind": "Role", "metadata": {"name": "finalizer"}, "rules": [allowed],
    });
    let binding = json!({
        "apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": {"name": "finalizer"},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "finalizer"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    });
    lab.post(&format!("{rbac}/roles"), &role).await.expect(201);
    lab.post(&format!("{rbac}/rolebindings"), &binding).await.expect(201);
    let status = may(&lab, &user, &finalize, true).await;
    let why =
        format!("RBAC: allowed by RoleBinding \"finalizer/{name}\" of Role \"finalizer\" to User {user:?}");
    assert_eq!(status, json!({"allowed": true, "reason": why}));
    // Precisely that: not another verb, not without the subresource, not elsewhere.
    for (field, other) in [("verb", "patch"), ("subresource", ""), ("namespace", ""), ("name", "")] {
        let mut action = finalize.clone();
        action[field] = other.into();
        may(&lab, &user, &action, false).await;
    }
    may(&lab, &user, &json!({"verb": "list", "resource": "secrets"}), false).await;
    may(
        &lab,
        &user,
        &json!({"verb": "delete", "group": "apiregistration.k8s.io", "resource": "apiservices"}),
        false,
    )
    .await;
}

async fn a_namespace_that_is_going_cannot_be_created_again(lab: Lab) {
    let name = terminating(&lab).await;
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    for query in ["", "?dryRun=All"] {
        let answer = lab.post(&format!("/api/v1/namespaces{query}"), &body).await;
        assert_eq!(
            (answer.status, answer.message()),
            (409, format!("object is being deleted: namespaces {name:?} already exists"))
        );
        assert_eq!(answer.json()["reason"], "AlreadyExists");
    }
    let living = Lab::unique("living");
    create(&lab, &living).await;
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": living}});
    let answer = lab.post("/api/v1/namespaces", &body).await;
    assert_eq!((answer.status, answer.message()), (409, format!("namespaces {living:?} already exists")));
}

async fn a_delete_can_be_bound_to_a_uid_and_a_version(lab: Lab) {
    let name = Lab::unique("bound");
    create(&lab, &name).await;
    hold(&lab, &name).await;
    let held = format!("{}/configmaps/held", path(&name));
    let read = lab.get(&held).await.expect(200);
    let (uid, version) = (&read["metadata"]["uid"], &read["metadata"]["resourceVersion"]);
    let other = "11111111-2222-3333-4444-555555555555";
    let bound = |preconditions: Value| json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions});
    let refused = lab.send(Method::DELETE, &held, &bound(json!({"uid": other}))).await;
    let uid_text = uid.as_str().unwrap();
    assert_eq!(
        (refused.status, refused.message()),
        (
            409,
            format!(
                "Operation cannot be fulfilled on ConfigMap \"held\": the UID in the precondition ({other}) does not match \
                 the UID in record ({uid_text}). The object might have been deleted and then recreated"
            )
        )
    );
    assert_eq!(refused.json()["details"], json!({"name": "held", "kind": "ConfigMap"}));
    let refused = lab.send(Method::DELETE, &held, &bound(json!({"uid": uid, "resourceVersion": "1"}))).await;
    let version_text = version.as_str().unwrap();
    assert_eq!(
        (refused.status, refused.message()),
        (
            409,
            format!(
                "Operation cannot be fulfilled on ConfigMap \"held\": the ResourceVersion in the precondition (1) does not \
                 match the ResourceVersion in record ({version_text}). The object might have been modified"
            )
        )
    );
    let namespace = lab.send(Method::DELETE, &path(&name), &bound(json!({"uid": other}))).await;
    let prefix = format!(
        "Operation cannot be fulfilled on namespaces {name:?}: Precondition failed: UID in precondition: {other}"
    );
    assert_eq!(namespace.status, 409);
    assert!(namespace.message().starts_with(&prefix), "{}", namespace.message());
    assert!(!is_deleting(&lab.get(&held).await.expect(200)));
    lab.send(Method::DELETE, &held, &bound(json!({"uid": uid, "resourceVersion": version})))
        .await
        .expect(200);
    assert!(is_deleting(&lab.get(&held).await.expect(200)));
}

async fn whoever_sets_a_finalizer_is_noted_with_it(lab: Lab) {
    let name = Lab::unique("noted");
    create(&lab, &name).await;
    let map =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "noted"}, "data": {"a": "b"}});
    lab.post(&format!("{}/configmaps?fieldManager=kubectl-create", path(&name)), &map).await.expect(201);
    let set = json!({"metadata": {"finalizers": ["backups.example.com/cleanup"]}});
    let at = format!("{}/configmaps/noted", path(&name));
    let patched = lab.patch(&format!("{at}?fieldManager=backup-operator"), &set).await.expect(200);
    assert_eq!(setters(&patched, "backups.example.com/cleanup"), ["backup-operator"]);
    let entries = patched["metadata"]["managedFields"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["manager"] == "backup-operator").unwrap();
    assert_eq!((&entry["operation"], &entry["apiVersion"]), (&json!("Update"), &json!("v1")));
    assert_eq!(
        entry["fieldsV1"]["f:metadata"]["f:finalizers"],
        json!({".": {}, "v:\"backups.example.com/cleanup\"": {}})
    );
    assert!(entry["time"].is_string());
    // A second one is its own manager's.
    let both = json!({"metadata": {"finalizers": ["backups.example.com/cleanup", "example.com/hold"]}});
    let patched = lab.patch(&format!("{at}?fieldManager=other"), &both).await.expect(200);
    assert_eq!(setters(&patched, "backups.example.com/cleanup"), ["backup-operator"]);
    assert_eq!(setters(&patched, "example.com/hold"), ["other"]);
}

/// What has no managedFields to begin with never gets any: their absence says nothing.
async fn nobody_is_noted_on_an_object_that_was_created_bare(lab: Lab) {
    let name = Lab::unique("bare");
    create(&lab, &name).await;
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "bare"}});
    lab.post(&format!("{}/configmaps?fieldManager=kubectl-create", path(&name)), &map).await.expect(201);
    let set = json!({"metadata": {"finalizers": ["backups.example.com/cleanup"]}});
    let at = format!("{}/configmaps/bare?fieldManager=backup-operator", path(&name));
    let patched = lab.patch(&at, &set).await.expect(200);
    assert_eq!(patched["metadata"].get("managedFields"), None);
}
