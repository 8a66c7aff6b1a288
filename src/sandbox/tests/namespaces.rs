//! Creating, deleting and updating namespaces.

use serde_json::json;

use super::{bare, create_namespace, exists, http, terminating, with_spec_finalizers};

#[tokio::test]
async fn the_usual_namespaces_exist() {
    let sandbox = bare().await;
    for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
        assert!(exists(&sandbox.api(), &format!("/api/v1/namespaces/{name}")), "{name}");
    }
}

#[tokio::test]
async fn delete_marks_and_a_second_delete_changes_nothing() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let first = terminating(&api, "n");
    assert_eq!(first["status"]["phase"], "Terminating");
    assert!(first["metadata"]["deletionGracePeriodSeconds"].is_null());
    assert_eq!(api.delete("/api/v1/namespaces/n").unwrap(), first);
}

#[tokio::test]
async fn an_update_that_changes_nothing_keeps_the_resource_version() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let namespace = create_namespace(&api, "n");
    assert_eq!(api.update("/api/v1/namespaces/n", &namespace).unwrap(), namespace);
    let changed = api.patch("/api/v1/namespaces/n", &json!({"metadata": {"labels": {"a": "b"}}})).unwrap();
    assert_ne!(changed["metadata"]["resourceVersion"], namespace["metadata"]["resourceVersion"]);
}

#[tokio::test]
async fn propagation_policies_become_finalizers() {
    let sandbox = bare().await;
    let api = sandbox.api();
    create_namespace(&api, "n");
    let body = json!({"propagationPolicy": "Foreground"});
    let deleted = api.request("DELETE", "/api/v1/namespaces/n", Some(&body), "").unwrap();
    assert_eq!(deleted["metadata"]["finalizers"], json!(["foregroundDeletion"]));
}

#[tokio::test]
async fn there_is_no_deletion_of_all_namespaces() {
    let sandbox = bare().await;
    assert_eq!(http(&sandbox, "DELETE", "/api/v1/namespaces", &[], "").await.code, 405);
}

#[tokio::test]
async fn the_phase_follows_the_deletion_timestamp() {
    let sandbox = bare().await;
    let api = sandbox.api();
    create_namespace(&api, "n");
    let error =
        api.patch("/api/v1/namespaces/n/status", &json!({"status": {"phase": "Terminating"}})).unwrap_err();
    assert_eq!(error.code, 422);
}

#[tokio::test]
async fn names_are_checked() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let error = api.create("/api/v1/namespaces", &json!({"metadata": {"name": "Not.Valid"}})).unwrap_err();
    assert_eq!(error.code, 422);
    let error = api.create("/api/v1/namespaces", &json!({"metadata": {"name": "default"}})).unwrap_err();
    assert_eq!((error.code, error.message.as_str()), (409, "namespaces \"default\" already exists"));
}

#[tokio::test]
async fn unknown_fields_come_back() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let mut body = with_spec_finalizers(&terminating(&api, "n"), &["example.com/hold"]);
    body["spec"]["future"] = json!({"field": 1});
    let kept = api.update("/api/v1/namespaces/n/finalize", &body).unwrap();
    assert_eq!(kept["spec"]["future"], json!({"field": 1}));
}
