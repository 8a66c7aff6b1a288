//! The namespace controller.

use serde_json::{Value, json};

use super::{
    CRDS, a_pass_of_the_controllers, crd, create_configmap, create_namespace, exists, managed, until,
    with_spec_finalizers,
};
use crate::sandbox::Api;

fn conditions(api: &Api, name: &str) -> Vec<(String, String, String)> {
    let namespace = api.get(&format!("/api/v1/namespaces/{name}")).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = namespace["status"]["conditions"].as_array().cloned().unwrap_or_default();
    all.iter().map(|each| (text(&each["type"]), text(&each["status"]), text(&each["message"]))).collect()
}

fn message(api: &Api, name: &str, kind: &str) -> String {
    let found = conditions(api, name).into_iter().find(|(each, ..)| each == kind);
    found.map(|(_, status, message)| format!("{status}: {message}")).unwrap_or_default()
}

#[tokio::test]
async fn an_ordinary_namespace_is_emptied_and_ended() {
    let sandbox = managed().await;
    let api = sandbox.api();
    create_namespace(&api, "n");
    create_configmap(&api, "n", "c", &[]);
    until("it is furnished", || exists(&api, "/api/v1/namespaces/n/serviceaccounts/default")).await;
    assert!(exists(&api, "/api/v1/namespaces/n/configmaps/kube-root-ca.crt"));
    api.delete("/api/v1/namespaces/n").unwrap();
    until("it goes", || !exists(&api, "/api/v1/namespaces/n")).await;
    assert!(!api.list("/api/v1/configmaps").unwrap().iter().any(|map| map["metadata"]["namespace"] == "n"));
}

#[tokio::test]
async fn custom_resources_are_deleted_in_the_preferred_version() {
    let sandbox = managed().await;
    let api = sandbox.api();
    api.create(CRDS, &crd("widgets", "Widget", &["v1", "v2"])).unwrap();
    create_namespace(&api, "n");
    let body = json!({"metadata": {"name": "w", "finalizers": ["example.com/x"]}});
    api.create("/apis/example.com/v1/namespaces/n/widgets", &body).unwrap();
    api.delete("/api/v1/namespaces/n").unwrap();
    until("it is reported", || conditions(&api, "n").len() == 5).await;
    assert_eq!(
        message(&api, "n", "NamespaceContentRemaining"),
        "True: Some resources are remaining: widgets.example.com has 1 resource instances"
    );
}

#[tokio::test]
async fn the_controller_manager_holds_and_renews_its_lease() {
    let sandbox = managed().await;
    let lease = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager";
    let spec = sandbox.api().get(lease).unwrap()["spec"].clone();
    assert!(!spec["holderIdentity"].as_str().unwrap().is_empty());
    let bare = super::bare().await;
    assert_eq!(bare.api().get(lease).unwrap_err().code, 404);
}

#[tokio::test]
async fn a_pod_on_the_sandbox_node_stops_when_told() {
    let sandbox = managed().await;
    let api = sandbox.api();
    let pod = json!({"metadata": {"name": "p"}, "spec": {"nodeName": "sandbox-node", "containers": []}});
    api.create("/api/v1/namespaces/default/pods", &pod).unwrap();
    api.delete("/api/v1/namespaces/default/pods/p").unwrap();
    until("it stops", || !exists(&api, "/api/v1/namespaces/default/pods/p")).await;
}

#[tokio::test]
async fn an_orphaned_claim_is_immortal() {
    let sandbox = managed().await;
    let api = sandbox.api();
    create_namespace(&api, "n");
    let claims = "/api/v1/namespaces/n/persistentvolumeclaims";
    api.create(claims, &json!({"metadata": {"name": "data"}, "spec": {}})).unwrap();
    let active = api.get("/api/v1/namespaces/n").unwrap();
    let mut body = with_spec_finalizers(&active, &[]);
    body["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    api.update("/api/v1/namespaces/n/finalize", &body).unwrap();
    api.delete("/api/v1/namespaces/n").unwrap();
    api.delete("/api/v1/namespaces/n").unwrap();
    assert!(!exists(&api, "/api/v1/namespaces/n"));
    api.delete(&format!("{claims}/data")).unwrap();
    a_pass_of_the_controllers(&api).await;
    assert!(exists(&api, &format!("{claims}/data")));
}
