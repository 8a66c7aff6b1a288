//! The namespace controller.

use serde_json::{Value, json};

use super::{
    CRDS, a_pass_of_the_controllers, crd, create_configmap, create_namespace, exists, managed, until,
    with_scenario, with_spec_finalizers,
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
async fn a_held_configmap_is_reported_and_released_it_lets_the_namespace_go() {
    let sandbox = managed().await;
    let api = sandbox.api();
    create_namespace(&api, "n");
    create_configmap(&api, "n", "held", &["example.com/hold"]);
    api.delete("/api/v1/namespaces/n").unwrap();
    until("it is reported", || conditions(&api, "n").len() == 5).await;
    let kinds: Vec<_> = conditions(&api, "n").into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(
        kinds,
        [
            "NamespaceDeletionDiscoveryFailure",
            "NamespaceDeletionGroupVersionParsingFailure",
            "NamespaceDeletionContentFailure",
            "NamespaceContentRemaining",
            "NamespaceFinalizersRemaining",
        ]
    );
    assert_eq!(
        message(&api, "n", "NamespaceContentRemaining"),
        "True: Some resources are remaining: configmaps. has 1 resource instances"
    );
    assert_eq!(
        message(&api, "n", "NamespaceFinalizersRemaining"),
        "True: Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
    );
    api.patch("/api/v1/namespaces/n/configmaps/held", &json!({"metadata": {"finalizers": null}})).unwrap();
    until("it goes", || !exists(&api, "/api/v1/namespaces/n")).await;
}

#[tokio::test]
async fn a_dead_api_group_is_reported() {
    let sandbox = with_scenario("dead-apiservice").await;
    assert_eq!(
        message(&sandbox.api(), "dead-apiservice", "NamespaceDeletionDiscoveryFailure"),
        "True: Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: \
         metrics.example.com/v1beta1: stale GroupVersion discovery: metrics.example.com/v1beta1"
    );
}

#[tokio::test]
async fn with_a_pod_left_all_conditions_are_false_and_nothing_else_is_deleted() {
    let sandbox = with_scenario("pods-first").await;
    let api = sandbox.api();
    let all = conditions(&api, "pods-first");
    assert_eq!(all.len(), 5);
    assert!(all.iter().all(|(_, status, _)| status == "False"), "{all:?}");
    assert_eq!(
        message(&api, "pods-first", "NamespaceContentRemaining"),
        "False: All content successfully removed"
    );
    for path in ["secrets/web-tls", "persistentvolumeclaims/data"] {
        let object = api.get(&format!("/api/v1/namespaces/pods-first/{path}")).unwrap();
        assert!(object["metadata"]["deletionTimestamp"].is_null(), "{path}");
    }
    let release = json!({"metadata": {"finalizers": null}});
    api.patch("/api/v1/namespaces/pods-first/pods/guarded", &release).unwrap();
    until("it goes, claims and all", || !exists(&api, "/api/v1/namespaces/pods-first")).await;
}

#[tokio::test]
async fn a_pod_on_a_lost_node_is_unexpected() {
    let sandbox = with_scenario("lost-node").await;
    let api = sandbox.api();
    assert_eq!(
        message(&api, "lost-node", "NamespaceDeletionContentFailure"),
        "True: Failed to delete all resource types, 1 remaining: unexpected items still remain in namespace: lost-node \
         for gvr: /v1, Resource=pods"
    );
    let path = "/api/v1/namespaces/lost-node/pods/stranded";
    api.request("DELETE", path, Some(&json!({"gracePeriodSeconds": 0})), "").unwrap();
    until("it goes", || !exists(&api, "/api/v1/namespaces/lost-node")).await;
}

#[tokio::test]
async fn a_dead_conversion_webhook_is_reported_and_fails_lists_in_its_three_ways() {
    let sandbox = with_scenario("dead-conversion-webhook").await;
    let api = sandbox.api();
    let why = "conversion webhook for conversion.example.com/v1, Kind=Widget failed: Post \
               \"https://widget-conversion.default.svc:443/convert?timeout=30s\": service \"widget-conversion\" not found";
    assert_eq!(
        message(&api, "dead-conversion-webhook", "NamespaceDeletionContentFailure"),
        format!("True: Failed to delete all resource types, 1 remaining: {why}")
    );
    let paged = api.get("/apis/conversion.example.com/v2/widgets?limit=500").unwrap_err();
    assert_eq!((paged.code, paged.message.as_str(), &paged.status["reason"]), (500, why, &Value::Null));
    let whole = api.get("/apis/conversion.example.com/v2/widgets").unwrap_err();
    let list = "failed to list conversion.example.com/v2, Kind=Widget";
    assert_eq!((whole.code, whole.message), (429, format!("storage is (re)initializing: {list}: {why}")));
    assert_eq!(whole.status["details"]["retryAfterSeconds"], 1);
    assert_eq!(api.list("/apis/conversion.example.com/v1/widgets").unwrap().len(), 1);
    let gear = "/apis/conversion.example.com/v1/namespaces/dead-conversion-webhook/widgets/gear";
    let patched = api.patch(gear, &json!({"metadata": {"labels": {"a": "b"}}})).unwrap_err();
    assert_eq!((patched.code, patched.message.as_str()), (500, why));
}

#[tokio::test]
async fn a_dead_webhook_on_delete_is_reported() {
    let sandbox = with_scenario("dead-delete-webhook").await;
    let text = message(&sandbox.api(), "dead-delete-webhook", "NamespaceDeletionContentFailure");
    assert!(
        text.starts_with("True: Failed to delete all resource types, 1 remaining: Internal error occurred: "),
        "{text}"
    );
}

#[tokio::test]
async fn a_zombie_is_left_alone_and_rearmed_it_is_cleaned() {
    let sandbox = with_scenario("disarmed").await;
    let api = sandbox.api();
    a_pass_of_the_controllers(&api).await;
    assert_eq!(conditions(&api, "disarmed"), []);
    assert!(exists(&api, "/api/v1/namespaces/disarmed/secrets/database"));
    let zombie = api.get("/api/v1/namespaces/disarmed").unwrap();
    api.update("/api/v1/namespaces/disarmed/finalize", &with_spec_finalizers(&zombie, &["kubernetes"]))
        .unwrap();
    until("it goes", || !exists(&api, "/api/v1/namespaces/disarmed")).await;
    assert!(!exists(&api, "/api/v1/namespaces/disarmed/secrets/database"));
}

#[tokio::test]
async fn a_foreign_spec_finalizer_is_left_in_place() {
    let sandbox = managed().await;
    let api = sandbox.api();
    let body = json!({"metadata": {"name": "n"}, "spec": {"finalizers": ["example.com/hold"]}});
    api.create("/api/v1/namespaces", &body).unwrap();
    api.delete("/api/v1/namespaces/n").unwrap();
    let left =
        || api.get("/api/v1/namespaces/n").unwrap()["spec"]["finalizers"] == json!(["example.com/hold"]);
    until("kubernetes is gone from the list", left).await;
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
