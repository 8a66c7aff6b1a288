//! Objects inside namespaces.

use serde_json::{Value, json};

use super::{CRDS, bare, crd, create_configmap, exists, terminating};

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
    // Whoever applies says who it is.
    let apply = api.request("PATCH", &path, Some(&json!({})), "application/apply-patch+yaml").unwrap_err();
    assert!(apply.code == 422 && apply.message.contains("fieldManager: Required value"), "{apply:?}");
    let (named, patch) = (format!("{path}?fieldManager=me"), json!({"spec": {"size": 2}}));
    let applied = api.request("PATCH", &named, Some(&patch), "application/apply-patch+yaml").unwrap();
    assert_eq!(applied["spec"]["size"], 2);
    widget["metadata"]["resourceVersion"] = applied["metadata"]["resourceVersion"].clone();
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
async fn an_eviction_deletes_the_pod() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let pods = "/api/v1/namespaces/default/pods";
    api.create(pods, &json!({"metadata": {"name": "p"}, "spec": {"containers": []}})).unwrap();
    api.create(&format!("{pods}/p/eviction"), &json!({"metadata": {"name": "p"}})).unwrap();
    assert!(!exists(&api, &format!("{pods}/p")));
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
async fn the_texts_of_a_secret_become_data() {
    let sandbox = bare().await;
    let body = json!({"metadata": {"name": "s"}, "stringData": {"key": "value"}});
    let secret = sandbox.api().create("/api/v1/namespaces/default/secrets", &body).unwrap();
    assert_eq!((&secret["data"], &secret["stringData"]), (&json!({"key": "dmFsdWU="}), &Value::Null));
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
