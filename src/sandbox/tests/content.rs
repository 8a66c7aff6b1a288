//! Objects inside namespaces.

use serde_json::{Value, json};

use super::{CRDS, bare, crd, create_configmap, create_namespace, exists, terminating};

#[tokio::test]
async fn nothing_can_be_created_in_a_terminating_namespace_but_updated() {
    let sandbox = bare().await;
    let api = sandbox.api();
    create_namespace(&api, "n");
    create_configmap(&api, "n", "old", &[]);
    api.delete("/api/v1/namespaces/n").unwrap();
    let error =
        api.create("/api/v1/namespaces/n/configmaps", &json!({"metadata": {"name": "new"}})).unwrap_err();
    assert_eq!(error.code, 403);
    assert_eq!(
        error.message,
        "configmaps \"new\" is forbidden: unable to create new content in namespace n because it is being terminated"
    );
    let cause = json!([{
        "reason": "NamespaceTerminating",
        "message": "namespace n is being terminated",
        "field": "metadata.namespace",
    }]);
    assert_eq!(error.status["details"]["causes"], cause);
    api.patch("/api/v1/namespaces/n/configmaps/old", &json!({"data": {"x": "y"}})).unwrap();
}

#[tokio::test]
async fn nothing_can_be_created_in_a_missing_namespace() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let error =
        api.create("/api/v1/namespaces/none/configmaps", &json!({"metadata": {"name": "x"}})).unwrap_err();
    assert_eq!((error.code, error.message.as_str()), (404, "namespaces \"none\" not found"));
}

#[tokio::test]
async fn a_missing_object_is_told_from_a_missing_namespace() {
    let sandbox = bare().await;
    let error = sandbox.api().get("/api/v1/namespaces/none/configmaps/x").unwrap_err();
    assert_eq!(error.message, "configmaps \"x\" not found");
    assert_eq!(error.status["details"], json!({"name": "x", "kind": "configmaps"}));
    assert_eq!(sandbox.api().list("/api/v1/namespaces/none/configmaps").unwrap(), Vec::<Value>::new());
}

#[tokio::test]
async fn delete_waits_for_finalizers_and_the_last_one_removed_ends_it() {
    let sandbox = bare().await;
    let api = sandbox.api();
    create_configmap(&api, "default", "held", &["example.com/a", "example.com/b"]);
    let path = "/api/v1/namespaces/default/configmaps/held";
    let marked = api.delete(path).unwrap();
    assert_eq!(marked["metadata"]["deletionGracePeriodSeconds"], 0);
    api.patch(path, &json!({"metadata": {"finalizers": ["example.com/b"]}})).unwrap();
    assert!(exists(&api, path));
    api.patch(path, &json!({"metadata": {"finalizers": null}})).unwrap();
    assert!(!exists(&api, path));
}

#[tokio::test]
async fn finalizers_removed_before_the_delete_remove_nothing() {
    let sandbox = bare().await;
    let api = sandbox.api();
    create_configmap(&api, "default", "live", &["example.com/a"]);
    let path = "/api/v1/namespaces/default/configmaps/live";
    api.patch(path, &json!({"metadata": {"finalizers": null}})).unwrap();
    assert!(exists(&api, path));
}

#[tokio::test]
async fn delete_answers_with_a_status_or_for_some_kinds_with_the_object() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let created = create_configmap(&api, "default", "gone", &[]);
    let answer = api.delete("/api/v1/namespaces/default/configmaps/gone").unwrap();
    assert_eq!(answer["status"], "Success");
    let details = json!({"name": "gone", "kind": "configmaps", "uid": created["metadata"]["uid"]});
    assert_eq!(answer["details"], details);
    let service = json!({"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}});
    api.create("/api/v1/namespaces/default/services", &service).unwrap();
    assert_eq!(api.delete("/api/v1/namespaces/default/services/s").unwrap()["kind"], "Service");
}

#[tokio::test]
async fn a_merge_patch_is_guarded_by_resource_version_first_and_then_by_uid() {
    let sandbox = bare().await;
    let api = sandbox.api();
    create_configmap(&api, "default", "c", &[]);
    let path = "/api/v1/namespaces/default/configmaps/c";
    let both = json!({"metadata": {"uid": "other", "resourceVersion": "1"}});
    assert_eq!(api.patch(path, &both).unwrap_err().code, 409);
    let uid = api.patch(path, &json!({"metadata": {"uid": "other"}})).unwrap_err();
    assert_eq!(uid.code, 422);
    assert!(uid.message.contains("metadata.uid: Invalid value: \"other\": field is immutable"), "{uid}");
}

#[tokio::test]
async fn a_json_patch_whose_test_fails_is_invalid() {
    let sandbox = bare().await;
    let api = sandbox.api();
    create_configmap(&api, "default", "c", &["example.com/a"]);
    let map = "/api/v1/namespaces/default/configmaps/c";
    let patch = json!([{"op": "test", "path": "/metadata/finalizers/0", "value": "example.com/b"}]);
    assert_eq!(api.request("PATCH", map, Some(&patch), "application/json-patch+json").unwrap_err().code, 422);
    let patch = json!([
        {"op": "test", "path": "/metadata/finalizers/0", "value": "example.com/a"},
        {"op": "remove", "path": "/metadata/finalizers/0"},
    ]);
    let patched = api.request("PATCH", map, Some(&patch), "application/json-patch+json").unwrap();
    assert!(patched["metadata"]["finalizers"].is_null());
}

#[tokio::test]
async fn a_strategic_patch_adds_to_finalizers_and_takes_away_by_directive() {
    let sandbox = bare().await;
    let api = sandbox.api();
    create_configmap(&api, "default", "c", &["example.com/a"]);
    let map = "/api/v1/namespaces/default/configmaps/c";
    let strategic = "application/strategic-merge-patch+json";
    let patch = json!({"metadata": {"finalizers": ["example.com/b"]}});
    let both = api.request("PATCH", map, Some(&patch), strategic).unwrap();
    assert_eq!(both["metadata"]["finalizers"], json!(["example.com/a", "example.com/b"]));
    let patch = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/a"]}});
    let one = api.request("PATCH", map, Some(&patch), strategic).unwrap();
    assert_eq!(one["metadata"]["finalizers"], json!(["example.com/b"]));
}

#[tokio::test]
async fn custom_resources_know_no_strategic_patch_and_no_unconditional_put() {
    let sandbox = bare().await;
    let api = sandbox.api();
    api.create(CRDS, &crd("widgets", "Widget", &["v1"])).unwrap();
    let widgets = "/apis/example.com/v1/namespaces/default/widgets";
    let mut widget = api.create(widgets, &json!({"metadata": {"name": "w"}, "spec": {"size": 1}})).unwrap();
    let path = format!("{widgets}/w");
    let strategic = api.request("PATCH", &path, Some(&json!({})), "application/strategic-merge-patch+json");
    assert_eq!(strategic.unwrap_err().code, 415);
    assert_eq!(
        api.request("PATCH", &path, Some(&json!({})), "application/apply-patch+yaml").unwrap_err().code,
        415
    );
    widget["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    let put = api.update(&path, &widget).unwrap_err();
    assert_eq!(put.code, 422);
    assert_eq!(
        put.message,
        "Widget.example.com \"w\" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be specified for an update"
    );
    let missing = api.get(&format!("{widgets}/none")).unwrap_err();
    assert_eq!(missing.message, "widgets.example.com \"none\" not found");
}

#[tokio::test]
async fn a_pod_on_a_node_gets_its_grace_and_a_delete_without_grace_ends_it() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let pods = "/api/v1/namespaces/default/pods";
    api.create(pods, &json!({"metadata": {"name": "p"}, "spec": {"nodeName": "x", "containers": []}}))
        .unwrap();
    let path = format!("{pods}/p");
    let marked = api.delete(&path).unwrap();
    assert_eq!(marked["metadata"]["deletionGracePeriodSeconds"], 30);
    assert_eq!(api.delete(&path).unwrap(), marked);
    api.request("DELETE", &path, Some(&json!({"gracePeriodSeconds": 0})), "").unwrap();
    assert!(!exists(&api, &path));
}

#[tokio::test]
async fn emptying_the_finalizers_of_a_pod_within_its_grace_removes_nothing() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let pods = "/api/v1/namespaces/default/pods";
    let pod = json!({
        "metadata": {"name": "p", "finalizers": ["example.com/x"]},
        "spec": {"nodeName": "x", "containers": []},
    });
    api.create(pods, &pod).unwrap();
    let path = format!("{pods}/p");
    api.delete(&path).unwrap();
    api.patch(&path, &json!({"metadata": {"finalizers": null}})).unwrap();
    assert!(exists(&api, &path));
}

#[tokio::test]
async fn an_eviction_deletes_the_pod() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let pods = "/api/v1/namespaces/default/pods";
    api.create(pods, &json!({"metadata": {"name": "p"}, "spec": {"containers": []}})).unwrap();
    api.create(&format!("{pods}/p/eviction"), &json!({"metadata": {"name": "p"}})).unwrap();
    assert!(!exists(&api, &format!("{pods}/p")));
}

#[tokio::test]
async fn managed_fields_say_who_set_a_finalizer() {
    let sandbox = bare().await;
    let api = sandbox.api();
    create_configmap(&api, "default", "c", &[]);
    let path = "/api/v1/namespaces/default/configmaps/c?fieldManager=guardian";
    let patched = api.patch(path, &json!({"metadata": {"finalizers": ["example.com/a"]}})).unwrap();
    let entries = patched["metadata"]["managedFields"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["manager"] == "guardian").unwrap();
    let finalizers = &entry["fieldsV1"]["f:metadata"]["f:finalizers"];
    assert_eq!(finalizers["v:\"example.com/a\""], json!({}));
    assert_eq!(entries[0]["manager"], "sandbox-api");
}

#[tokio::test]
async fn a_delete_of_all_takes_what_the_selector_selects() {
    let sandbox = bare().await;
    let api = sandbox.api();
    for (name, label) in [("a", "x"), ("b", "y")] {
        let body = json!({"metadata": {"name": name, "labels": {"l": label}}});
        api.create("/api/v1/namespaces/default/configmaps", &body).unwrap();
    }
    api.delete("/api/v1/namespaces/default/configmaps?labelSelector=l=x").unwrap();
    let left = api.list("/api/v1/namespaces/default/configmaps").unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["metadata"]["name"], "b");
}

#[tokio::test]
async fn a_terminating_crd_shows_fewer_verbs_but_serves_patches_and_goes_with_its_last_instance() {
    let sandbox = bare().await;
    let api = sandbox.api();
    api.create(CRDS, &crd("widgets", "Widget", &["v1"])).unwrap();
    let widgets = "/apis/example.com/v1/namespaces/default/widgets";
    api.create(widgets, &json!({"metadata": {"name": "w", "finalizers": ["example.com/x"]}})).unwrap();
    api.delete(&format!("{CRDS}/widgets.example.com")).unwrap();
    let resources = api.get("/apis/example.com/v1").unwrap();
    assert_eq!(
        resources["resources"][0]["verbs"],
        json!(["delete", "deletecollection", "get", "list", "watch"])
    );
    let refused = api.create(widgets, &json!({"metadata": {"name": "x"}})).unwrap_err();
    assert_eq!(refused.code, 403);
    assert!(refused.message.ends_with("create not allowed while custom resource definition is terminating"));
    api.patch(&format!("{widgets}/w"), &json!({"metadata": {"finalizers": null}})).unwrap();
    assert!(!exists(&api, &format!("{CRDS}/widgets.example.com")));
    assert_eq!(api.get(widgets).unwrap_err().message, "404 page not found\n");
}

#[tokio::test]
async fn the_texts_of_a_secret_become_data() {
    let sandbox = bare().await;
    let body = json!({"metadata": {"name": "s"}, "stringData": {"key": "value"}});
    let secret = sandbox.api().create("/api/v1/namespaces/default/secrets", &body).unwrap();
    assert_eq!((&secret["data"], &secret["stringData"]), (&json!({"key": "dmFsdWU="}), &Value::Null));
}

#[tokio::test]
async fn an_event_about_a_namespace_belongs_into_default() {
    let sandbox = bare().await;
    let api = sandbox.api();
    create_namespace(&api, "n");
    let event = json!({"metadata": {"name": "e"}, "involvedObject": {"kind": "Namespace", "name": "n"}});
    assert_eq!(api.create("/api/v1/namespaces/n/events", &event).unwrap_err().code, 422);
    api.create("/api/v1/namespaces/default/events", &event).unwrap();
}

#[tokio::test]
async fn a_claim_is_protected_from_the_start() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let claims = "/api/v1/namespaces/default/persistentvolumeclaims";
    let claim = api.create(claims, &json!({"metadata": {"name": "data"}, "spec": {}})).unwrap();
    assert_eq!(claim["metadata"]["finalizers"], json!(["kubernetes.io/pvc-protection"]));
}

#[tokio::test]
async fn a_terminating_namespace_with_the_same_name_as_an_object_is_no_matter() {
    let sandbox = bare().await;
    let api = sandbox.api();
    terminating(&api, "n");
    create_configmap(&api, "default", "n", &[]);
    assert!(exists(&api, "/api/v1/namespaces/default/configmaps/n"));
}
