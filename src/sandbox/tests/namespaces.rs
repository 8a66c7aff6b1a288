//! Creating, deleting and updating namespaces.

use serde_json::json;

use super::{bare, create_namespace, exists, http, terminating, with_spec_finalizers};

#[tokio::test]
async fn a_new_namespace_is_active_armed_and_labelled() {
    let sandbox = bare().await;
    let namespace = create_namespace(&sandbox.api(), "n");
    assert_eq!(namespace["spec"]["finalizers"], json!(["kubernetes"]));
    assert_eq!(namespace["status"]["phase"], "Active");
    assert_eq!(namespace["metadata"]["labels"]["kubernetes.io/metadata.name"], "n");
    assert!(namespace["metadata"]["uid"].as_str().unwrap().len() == 36);
}

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
async fn a_zombie_goes_with_a_second_delete() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let active = create_namespace(&api, "n");
    api.update("/api/v1/namespaces/n/finalize", &with_spec_finalizers(&active, &[])).unwrap();
    api.delete("/api/v1/namespaces/n").unwrap();
    assert!(exists(&api, "/api/v1/namespaces/n"));
    api.delete("/api/v1/namespaces/n").unwrap();
    assert!(!exists(&api, "/api/v1/namespaces/n"));
}

#[tokio::test]
async fn a_zombie_goes_with_any_update_even_one_that_changes_nothing() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let active = create_namespace(&api, "n");
    api.update("/api/v1/namespaces/n/finalize", &with_spec_finalizers(&active, &[])).unwrap();
    api.delete("/api/v1/namespaces/n").unwrap();
    api.patch("/api/v1/namespaces/n", &json!({})).unwrap();
    assert!(!exists(&api, "/api/v1/namespaces/n"));
}

#[tokio::test]
async fn a_patch_of_the_main_resource_ignores_spec_finalizers_and_honours_metadata_finalizers() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let body = json!({"metadata": {"name": "n", "finalizers": ["example.com/hold"]}});
    api.create("/api/v1/namespaces", &body).unwrap();
    api.delete("/api/v1/namespaces/n").unwrap();
    let same = api.patch("/api/v1/namespaces/n", &json!({"spec": {"finalizers": []}})).unwrap();
    assert_eq!(same["spec"]["finalizers"], json!(["kubernetes"]));
    let stays = api.patch("/api/v1/namespaces/n", &json!({"metadata": {"finalizers": null}})).unwrap();
    assert!(stays["metadata"]["finalizers"].is_null());
    assert!(exists(&api, "/api/v1/namespaces/n"));
}

#[tokio::test]
async fn the_last_metadata_finalizer_removed_ends_it() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let body = json!({"metadata": {"name": "n", "finalizers": ["example.com/hold"]}});
    api.create("/api/v1/namespaces", &body).unwrap();
    let old = api.delete("/api/v1/namespaces/n").unwrap();
    api.update("/api/v1/namespaces/n/finalize", &with_spec_finalizers(&old, &[])).unwrap();
    assert!(exists(&api, "/api/v1/namespaces/n"));
    api.patch("/api/v1/namespaces/n", &json!({"metadata": {"finalizers": []}})).unwrap();
    assert!(!exists(&api, "/api/v1/namespaces/n"));
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
async fn three_namespaces_are_immortal() {
    let sandbox = bare().await;
    let api = sandbox.api();
    for name in ["default", "kube-system", "kube-public"] {
        let error = api.delete(&format!("/api/v1/namespaces/{name}")).unwrap_err();
        let message = format!("namespaces \"{name}\" is forbidden: this namespace may not be deleted");
        assert_eq!((error.code, error.message), (403, message));
    }
    api.delete("/api/v1/namespaces/kube-node-lease").unwrap();
}

#[tokio::test]
async fn preconditions_of_a_delete_are_checked() {
    let sandbox = bare().await;
    let api = sandbox.api();
    create_namespace(&api, "n");
    let body = json!({"preconditions": {"uid": "other"}});
    let error = api.request("DELETE", "/api/v1/namespaces/n", Some(&body), "").unwrap_err();
    assert_eq!(error.code, 409);
    assert!(error.message.contains("Precondition failed: UID in precondition: other"), "{error}");
    let body = json!({"preconditions": {"resourceVersion": "1"}});
    assert_eq!(api.request("DELETE", "/api/v1/namespaces/n", Some(&body), "").unwrap_err().code, 409);
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
async fn no_finalizer_can_be_added_to_what_is_being_deleted() {
    let sandbox = bare().await;
    let api = sandbox.api();
    terminating(&api, "n");
    let error = api
        .patch("/api/v1/namespaces/n", &json!({"metadata": {"finalizers": ["example.com/x"]}}))
        .unwrap_err();
    assert_eq!(error.code, 422);
    assert_eq!(
        error.message,
        "Namespace \"n\" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is \
         being deleted, found new finalizers []string{\"example.com/x\"}"
    );
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
