//! PUT /api/v1/namespaces/N/finalize

use serde_json::{Value, json};

use super::{bare, create_configmap, create_namespace, exists, http, terminating, with_spec_finalizers};

const FINALIZE: &str = "/api/v1/namespaces/n/finalize";

#[tokio::test]
async fn removes_the_namespace_and_answers_with_the_old_resource_version() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let old = terminating(&api, "n");
    let answer = api.update(FINALIZE, &with_spec_finalizers(&old, &[])).unwrap();
    assert_eq!(answer["metadata"]["resourceVersion"], old["metadata"]["resourceVersion"]);
    assert_eq!(answer["kind"], "Namespace");
    assert_eq!(answer["spec"], json!({}));
    assert_eq!(api.get("/api/v1/namespaces/n").unwrap_err().code, 404);
    let again = api.update(FINALIZE, &with_spec_finalizers(&old, &[])).unwrap_err();
    assert_eq!((again.code, again.message.as_str()), (404, "namespaces \"n\" not found"));
}

#[tokio::test]
async fn leaves_the_content_behind_for_the_next_namespace_of_that_name() {
    let sandbox = bare().await;
    let api = sandbox.api();
    create_namespace(&api, "n");
    create_configmap(&api, "n", "held", &["example.com/hold"]);
    let old = api.delete("/api/v1/namespaces/n").unwrap();
    api.update(FINALIZE, &with_spec_finalizers(&old, &[])).unwrap();
    let orphans = api.list("/api/v1/configmaps").unwrap();
    assert_eq!(orphans[0]["metadata"]["namespace"], "n");

    let orphan = "/api/v1/namespaces/n/configmaps/held";
    let refused = api.patch(orphan, &json!({"metadata": {"finalizers": null}})).unwrap_err();
    assert_eq!((refused.code, refused.message.as_str()), (404, "namespaces \"n\" not found"));
    assert_eq!(refused.status["details"], json!({"name": "n", "kind": "namespaces"}));
    let deleted = api.delete(orphan).unwrap();
    assert_eq!(deleted["metadata"]["finalizers"], json!(["example.com/hold"]));
    assert!(deleted["metadata"]["deletionTimestamp"].is_string());

    create_namespace(&api, "n");
    assert_eq!(api.list("/api/v1/namespaces/n/configmaps").unwrap().len(), 1);
}

#[tokio::test]
async fn orphans_are_purged_by_creating_the_namespace_and_deleting_it_at_once() {
    let sandbox = bare().await;
    let api = sandbox.api();
    create_namespace(&api, "n");
    create_configmap(&api, "n", "held", &["example.com/hold"]);
    let old = api.delete("/api/v1/namespaces/n").unwrap();
    api.update(FINALIZE, &with_spec_finalizers(&old, &[])).unwrap();

    terminating(&api, "n");
    let orphan = "/api/v1/namespaces/n/configmaps/held";
    api.delete(orphan).unwrap();
    api.patch(orphan, &json!({"metadata": {"finalizers": null}})).unwrap();
    assert!(!exists(&api, orphan));
}

#[tokio::test]
async fn another_uid_is_a_conflict() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let mut body = with_spec_finalizers(&terminating(&api, "n"), &[]);
    let live = body["metadata"]["uid"].as_str().unwrap().to_owned();
    body["metadata"]["uid"] = "other".into();
    let error = api.update(FINALIZE, &body).unwrap_err();
    assert_eq!((error.code, &error.status["reason"]), (409, &json!("Conflict")));
    let why = format!("Precondition failed: UID in precondition: other, UID in object meta: {live}");
    let message = format!(
        "Operation cannot be fulfilled on namespaces \"n\": StorageError: invalid object, Code: 4, Key: \
         /registry/namespaces/n, ResourceVersion: 0, AdditionalErrorMsg: {why}"
    );
    assert_eq!(error.message, message);
}

#[tokio::test]
async fn an_old_resource_version_is_a_conflict() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let old = terminating(&api, "n");
    api.patch("/api/v1/namespaces/n", &json!({"metadata": {"labels": {"a": "b"}}})).unwrap();
    let error = api.update(FINALIZE, &with_spec_finalizers(&old, &[])).unwrap_err();
    assert_eq!(error.code, 409);
    assert_eq!(
        error.message,
        "Operation cannot be fulfilled on namespaces \"n\": the object has been modified; please apply your changes to \
         the latest version and try again"
    );
    assert_eq!(error.status["details"], json!({"name": "n", "kind": "namespaces"}));
}

#[tokio::test]
async fn without_a_resource_version_it_is_unconditional() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let mut body = with_spec_finalizers(&terminating(&api, "n"), &[]);
    body["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    api.update(FINALIZE, &body).unwrap();
    assert!(!exists(&api, "/api/v1/namespaces/n"));
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let old = terminating(&api, "n");
    api.update(&format!("{FINALIZE}?dryRun=All"), &with_spec_finalizers(&old, &[])).unwrap();
    assert_eq!(api.get("/api/v1/namespaces/n").unwrap(), old);
}

#[tokio::test]
async fn the_body_replaces_the_metadata_and_not_the_status() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let body =
        json!({"metadata": {"name": "n", "finalizers": ["example.com/hold"], "labels": {"keep": "me"}}});
    api.create("/api/v1/namespaces", &body).unwrap();
    let mut old = api.delete("/api/v1/namespaces/n").unwrap();
    old["metadata"]["labels"] = json!({"added": "yes"});
    old["metadata"]["deletionTimestamp"] = Value::Null;
    old["status"] = json!({"phase": "Active"});
    let kept = api.update(FINALIZE, &with_spec_finalizers(&old, &[])).unwrap();
    assert_eq!(kept["metadata"]["labels"], json!({"added": "yes", "kubernetes.io/metadata.name": "n"}));
    assert_eq!(kept["status"]["phase"], "Terminating");
    assert!(kept["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(kept["metadata"]["finalizers"], json!(["example.com/hold"]));
}

#[tokio::test]
async fn a_minimal_body_wipes_the_metadata_finalizers_and_so_removes() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let body = json!({"metadata": {"name": "n", "finalizers": ["example.com/hold"]}});
    api.create("/api/v1/namespaces", &body).unwrap();
    api.delete("/api/v1/namespaces/n").unwrap();
    api.update(FINALIZE, &json!({"metadata": {"name": "n"}, "spec": {"finalizers": []}})).unwrap();
    assert!(!exists(&api, "/api/v1/namespaces/n"));
}

#[tokio::test]
async fn disarms_an_active_namespace_which_then_becomes_a_zombie() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let active = create_namespace(&api, "n");
    create_configmap(&api, "n", "content", &[]);
    let disarmed = api.update(FINALIZE, &with_spec_finalizers(&active, &[])).unwrap();
    assert_eq!(disarmed["spec"], json!({}));
    let zombie = api.delete("/api/v1/namespaces/n").unwrap();
    assert_eq!(zombie["status"], json!({"phase": "Terminating"}));
    assert!(exists(&api, "/api/v1/namespaces/n"));
    assert!(exists(&api, "/api/v1/namespaces/n/configmaps/content"));

    let armed = api.update(FINALIZE, &with_spec_finalizers(&zombie, &["kubernetes"])).unwrap();
    assert_eq!(armed["spec"]["finalizers"], json!(["kubernetes"]));
}

#[tokio::test]
async fn only_put_is_known() {
    let sandbox = bare().await;
    terminating(&sandbox.api(), "n");
    for method in ["GET", "PATCH"] {
        let answer =
            http(&sandbox, method, FINALIZE, &[("Content-Type", "application/merge-patch+json")], "{}").await;
        assert_eq!(answer.code, 405, "{method}");
        assert_eq!(answer.json()["reason"], "MethodNotAllowed");
        assert_eq!(
            answer.json()["message"],
            "the server does not allow this method on the requested resource"
        );
    }
}

#[tokio::test]
async fn the_name_in_the_body_has_to_be_that_of_the_path() {
    let sandbox = bare().await;
    let api = sandbox.api();
    terminating(&api, "n");
    let other = api.update(FINALIZE, &json!({"metadata": {"name": "x"}, "spec": {}})).unwrap_err();
    assert_eq!(other.code, 400);
    assert_eq!(other.message, "the name of the object (x) does not match the name on the URL (n)");
    let none = api.update(FINALIZE, &json!({"metadata": {}, "spec": {}})).unwrap_err();
    assert_eq!(
        none.message,
        "the name of the object (n based on URL) was undeterminable: name must be provided"
    );
}

#[tokio::test]
async fn spec_finalizers_have_to_be_qualified_and_foreign_ones_keep_the_namespace() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let old = terminating(&api, "n");
    let invalid = api.update(FINALIZE, &with_spec_finalizers(&old, &["hold"])).unwrap_err();
    assert_eq!((invalid.code, &invalid.status["reason"]), (422, &json!("Invalid")));
    let kept = api.update(FINALIZE, &with_spec_finalizers(&old, &["example.com/hold"])).unwrap();
    assert_eq!(kept["spec"]["finalizers"], json!(["example.com/hold"]));
    assert_ne!(kept["metadata"]["resourceVersion"], old["metadata"]["resourceVersion"]);
}

#[tokio::test]
async fn unknown_fields_come_back() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let mut body = with_spec_finalizers(&terminating(&api, "n"), &["example.com/hold"]);
    body["spec"]["future"] = json!({"field": 1});
    let kept = api.update(FINALIZE, &body).unwrap();
    assert_eq!(kept["spec"]["future"], json!({"field": 1}));
}

#[tokio::test]
async fn the_writer_is_noted_in_managed_fields() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let old = terminating(&api, "n");
    let path = format!("{FINALIZE}?fieldManager=nsfix");
    let kept = api.update(&path, &with_spec_finalizers(&old, &["example.com/hold"])).unwrap();
    let entries = kept["metadata"]["managedFields"].as_array().unwrap();
    let mine = entries.iter().find(|entry| entry["manager"] == "nsfix").unwrap();
    assert_eq!(mine["subresource"], "finalize");
    assert_eq!(mine["operation"], "Update");
}
