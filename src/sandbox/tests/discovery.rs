//! Discovery, aggregated and legacy.

use serde_json::{Value, json};

use super::{CRDS, bare, crd, get, http};
use crate::sandbox::{DiscoveryMode, Options, Sandbox};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
     application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

async fn with_mode(discovery: DiscoveryMode) -> Sandbox {
    Sandbox::start(Options { discovery: Some(discovery), controller: None, ..Options::empty() })
        .await
        .unwrap()
}

fn group<'a>(list: &'a Value, name: &str) -> &'a Value {
    list["items"].as_array().unwrap().iter().find(|group| group["metadata"]["name"] == name).unwrap()
}

#[tokio::test]
async fn aggregated_discovery_comes_with_its_media_type_and_a_tag() {
    let sandbox = bare().await;
    let answer = http(&sandbox, "GET", "/apis", &[("Accept", AGGREGATED)], "").await;
    assert_eq!(
        answer.header("content-type"),
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    );
    assert_eq!(answer.header("vary"), "Accept");
    let list = answer.json();
    assert_eq!(list["kind"], "APIGroupDiscoveryList");
    let apps = group(&list, "apps")["versions"][0]["resources"].as_array().unwrap();
    let deployments = apps.iter().find(|each| each["resource"] == "deployments").unwrap();
    assert_eq!(deployments["responseKind"], json!({"group": "", "kind": "Deployment", "version": ""}));
    assert_eq!(
        (&deployments["scope"], &deployments["shortNames"]),
        (&json!("Namespaced"), &json!(["deploy"]))
    );
    let tag = answer.header("etag").to_owned();
    let again = http(&sandbox, "GET", "/apis", &[("Accept", AGGREGATED), ("If-None-Match", &tag)], "").await;
    assert_eq!((again.code, again.text.as_str()), (304, ""));
}

#[tokio::test]
async fn an_older_server_answers_in_v2beta1_and_a_very_old_one_not_at_all() {
    let sandbox = with_mode(DiscoveryMode::AggregatedV2Beta1).await;
    let list = http(&sandbox, "GET", "/apis", &[("Accept", AGGREGATED)], "").await.json();
    assert_eq!(list["apiVersion"], "apidiscovery.k8s.io/v2beta1");
    let sandbox = with_mode(DiscoveryMode::Legacy).await;
    let list = http(&sandbox, "GET", "/apis", &[("Accept", AGGREGATED)], "").await.json();
    assert_eq!(list["kind"], "APIGroupList");
    let versions = http(&sandbox, "GET", "/api", &[("Accept", AGGREGATED)], "").await.json();
    assert_eq!((&versions["kind"], &versions["versions"]), (&json!("APIVersions"), &json!(["v1"])));
}

#[tokio::test]
async fn a_crd_brings_its_group_best_version_first_and_a_local_apiservice() {
    let sandbox = bare().await;
    let api = sandbox.api();
    api.create(CRDS, &crd("widgets", "Widget", &["v1", "v2", "v1beta1"])).unwrap();
    let list = http(&sandbox, "GET", "/apis", &[("Accept", AGGREGATED)], "").await.json();
    let versions = group(&list, "example.com")["versions"].as_array().unwrap();
    let names: Vec<_> = versions.iter().map(|version| version["version"].as_str().unwrap()).collect();
    assert_eq!(names, ["v2", "v1", "v1beta1"]);
    let local = api.get("/apis/apiregistration.k8s.io/v1/apiservices/v2.example.com").unwrap();
    assert_eq!(local["status"]["conditions"][0]["reason"], "Local");
    let label =
        |service: &Value| service["metadata"]["labels"]["kube-aggregator.kubernetes.io/automanaged"].clone();
    let own = api.get("/apis/apiregistration.k8s.io/v1/apiservices/v1.apps").unwrap();
    assert_eq!((label(&local), label(&own)), (json!("true"), json!("onstart")));
}

#[tokio::test]
async fn version_and_health_are_served() {
    let sandbox = bare().await;
    assert_eq!(get(&sandbox, "/version").await.json()["minor"], "36");
    for path in ["/healthz", "/livez", "/readyz"] {
        assert_eq!(get(&sandbox, path).await.text, "ok");
    }
}
