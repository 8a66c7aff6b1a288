//! Discovery, aggregated and legacy.

use serde_json::{Value, json};

use super::{CRDS, bare, crd, get, http, with_scenario};
use crate::sandbox::{DiscoveryMode, Options, Sandbox};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
     application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

async fn with_mode(discovery: DiscoveryMode) -> Sandbox {
    Sandbox::start(Options { discovery, controller: None, ..Options::empty() }).await.unwrap()
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
    let core = http(&sandbox, "GET", "/api", &[("Accept", AGGREGATED)], "").await.json();
    assert_eq!(core["items"].as_array().unwrap().len(), 1);
    let resources = core["items"][0]["versions"][0]["resources"].as_array().unwrap();
    let namespaces = resources.iter().find(|each| each["resource"] == "namespaces").unwrap();
    assert_eq!(namespaces["scope"], "Cluster");
    assert_eq!(namespaces["verbs"], json!(["create", "delete", "get", "list", "patch", "update", "watch"]));
    assert_eq!(namespaces["subresources"][0]["subresource"], "finalize");
    assert_eq!(namespaces["subresources"][0]["verbs"], json!(["update"]));
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
async fn legacy_documents_list_resources_and_subresources() {
    let sandbox = bare().await;
    let list = get(&sandbox, "/api/v1").await.json();
    let resources = list["resources"].as_array().unwrap();
    let finalize = resources.iter().find(|each| each["name"] == "namespaces/finalize").unwrap();
    assert_eq!((&finalize["verbs"], &finalize["kind"]), (&json!(["update"]), &json!("Namespace")));
    let apps = get(&sandbox, "/apis/apps").await.json();
    assert_eq!(apps["preferredVersion"]["groupVersion"], "apps/v1");
    assert_eq!(get(&sandbox, "/apis/apps/v1").await.json()["groupVersion"], "apps/v1");
}

#[tokio::test]
async fn a_dead_apiservice_is_stale_without_resources_and_its_paths_are_text() {
    let sandbox = with_scenario("dead-apiservice").await;
    let list = http(&sandbox, "GET", "/apis", &[("Accept", AGGREGATED)], "").await.json();
    let dead = &group(&list, "metrics.example.com")["versions"];
    assert_eq!(dead, &json!([{"version": "v1beta1", "freshness": "Stale"}]));
    for path in ["/apis/metrics.example.com/v1beta1", "/apis/metrics.example.com/v1beta1/pods"] {
        let answer = get(&sandbox, path).await;
        assert_eq!((answer.code, answer.text.as_str()), (503, "service unavailable\n"));
        assert!(answer.header("content-type").starts_with("text/plain"));
        assert_eq!(answer.header("retry-after"), "");
    }
    let legacy = get(&sandbox, "/apis").await.json();
    assert!(legacy["groups"].as_array().unwrap().iter().any(|group| group["name"] == "metrics.example.com"));
    let service =
        sandbox.api().get("/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.example.com").unwrap();
    let condition = &service["status"]["conditions"][0];
    assert_eq!((&condition["type"], &condition["status"]), (&json!("Available"), &json!("False")));
    assert_eq!(condition["reason"], "ServiceNotFound");
    assert_eq!(condition["message"], "service/metrics in \"default\" is not present");
}

#[tokio::test]
async fn an_apiservice_without_endpoints_says_so() {
    let sandbox = with_scenario("apiservice-no-endpoints").await;
    let service =
        sandbox.api().get("/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.idle.example.com").unwrap();
    assert_eq!(service["status"]["conditions"][0]["reason"], "EndpointsNotFound");
}

#[tokio::test]
async fn a_dead_apiservice_deleted_is_forgotten() {
    let sandbox = with_scenario("dead-apiservice").await;
    sandbox.api().delete("/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.example.com").unwrap();
    let list = http(&sandbox, "GET", "/apis", &[("Accept", AGGREGATED)], "").await.json();
    assert!(
        !list["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|group| group["metadata"]["name"] == "metrics.example.com")
    );
    super::until("the namespace goes", || {
        !super::exists(&sandbox.api(), "/api/v1/namespaces/dead-apiservice")
    })
    .await;
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
}

#[tokio::test]
async fn unknown_paths_are_text_and_unknown_resources_a_status() {
    let sandbox = bare().await;
    for path in ["/apis/none.example.com/v1", "/apis/none.example.com/v1/things", "/nothing", "/api/v2/pods"]
    {
        let answer = get(&sandbox, path).await;
        assert_eq!((answer.code, answer.text.as_str()), (404, "404 page not found\n"), "{path}");
    }
    let answer = get(&sandbox, "/apis/apps/v1/things").await;
    assert_eq!(answer.json()["message"], "the server could not find the requested resource");
}

#[tokio::test]
async fn version_and_health_are_served() {
    let sandbox = bare().await;
    assert_eq!(get(&sandbox, "/version").await.json()["minor"], "36");
    for path in ["/healthz", "/livez", "/readyz"] {
        assert_eq!(get(&sandbox, path).await.text, "ok");
    }
}
