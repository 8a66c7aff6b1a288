//! Discovery, and what a dead API looks like in it.

use std::collections::BTreeSet;

use http::Method;
use nsfix::sandbox::Options;
use serde_json::{Value, json};

use crate::harness::{AGGREGATED, AGGREGATED_DISCOVERY, Answer, Lab};
use crate::tests;

tests! {
    Both: aggregated_discovery_names_types_verbs_and_scope, legacy_discovery_is_there_for_those_who_ask;
    Real: the_sandbox_of_a_release_serves_the_types_of_that_release;
    BothAlone: a_dead_api_is_stale_in_discovery_and_unavailable_when_asked
}

pub(super) async fn aggregated(lab: &Lab, path: &str) -> Value {
    let answer = lab.request(Method::GET, path, &[("accept", AGGREGATED)], Vec::new()).await;
    assert!(answer.content_type.contains("as=APIGroupDiscoveryList"), "{}", answer.content_type);
    answer.expect(200)
}

/// The entry of a group version.
pub(super) fn version<'a>(list: &'a Value, group: &str, version: &str) -> Option<&'a Value> {
    let groups = list["items"].as_array()?;
    let group = groups.iter().find(|item| item["metadata"]["name"].as_str().unwrap_or_default() == group)?;
    group["versions"].as_array()?.iter().find(|entry| entry["version"] == version)
}

async fn aggregated_discovery_names_types_verbs_and_scope(lab: Lab) {
    if !lab.since(AGGREGATED_DISCOVERY) {
        // A server that does not know it answers as if it had not been asked for.
        let answer = lab.request(Method::GET, "/apis", &[("accept", AGGREGATED)], Vec::new()).await;
        assert_eq!(answer.content_type, "application/json");
        assert_eq!(answer.expect(200)["kind"], "APIGroupList");
        return;
    }
    let core = aggregated(&lab, "/api").await;
    let v1 = version(&core, "", "v1").unwrap();
    assert_eq!(v1["freshness"], "Current");
    let resources = v1["resources"].as_array().unwrap();
    let find = |name: &str| resources.iter().find(|resource| resource["resource"] == name).unwrap();
    assert_eq!(find("configmaps")["scope"], "Namespaced");
    assert!(find("configmaps")["verbs"].as_array().unwrap().contains(&json!("deletecollection")));
    assert_eq!(find("namespaces")["scope"], "Cluster");
    let finalize = find("namespaces")["subresources"].as_array().unwrap();
    let finalize = finalize.iter().find(|subresource| subresource["subresource"] == "finalize").unwrap();
    assert_eq!(finalize["verbs"], json!(["update"]));
    let groups = aggregated(&lab, "/apis").await;
    assert!(version(&groups, "apps", "v1").is_some());
    assert!(version(&groups, "events.k8s.io", "v1").is_some());
}

/// Every type of Kubernetes itself as the legacy documents have it: group and version, name, kind, scope and verbs. Those of
/// the tests beside this one are not registered at the start.
async fn types(lab: &Lab) -> BTreeSet<String> {
    let own = "/apis/apiregistration.k8s.io/v1/apiservices?labelSelector=kube-aggregator.kubernetes.io%2Fautomanaged%3Donstart";
    let services = lab.get(own).await.expect(200);
    let names = services["items"].as_array().unwrap().iter().map(|service| {
        let [group, version] =
            ["group", "version"].map(|field| service["spec"][field].as_str().unwrap_or_default());
        if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
    });
    let mut types = BTreeSet::new();
    for group_version in names {
        let place = if group_version == "v1" { "api" } else { "apis" };
        let document = lab.get(&format!("/{place}/{group_version}")).await.expect(200);
        let resources = document["resources"].as_array().unwrap().iter();
        types.extend(resources.filter(|each| !each["name"].as_str().unwrap().contains('/')).map(|each| {
            format!(
                "{group_version} {} {} {} {}",
                each["name"], each["kind"], each["namespaced"], each["verbs"]
            )
        }));
    }
    types
}

async fn the_sandbox_of_a_release_serves_the_types_of_that_release(lab: Lab) {
    let Some(release) = lab.release() else { return };
    let sandbox = Lab::sandbox(Options { release, ..Options::empty() }).await;
    let (real, played) = (types(&lab).await, types(&sandbox).await);
    let (missing, wrong): (Vec<_>, Vec<_>) =
        (real.difference(&played).collect(), played.difference(&real).collect());
    assert!(real.len() > 40, "{real:?}");
    assert_eq!((missing, wrong), (vec![], vec![]), "missing and wrong in the sandbox of {release}");
}

async fn legacy_discovery_is_there_for_those_who_ask(lab: Lab) {
    assert_eq!(lab.get("/api").await.expect(200)["kind"], "APIVersions");
    assert_eq!(lab.get("/apis").await.expect(200)["kind"], "APIGroupList");
    let core = lab.get("/api/v1").await.expect(200);
    let finalize = core["resources"].as_array().unwrap();
    let finalize = finalize.iter().find(|resource| resource["name"] == "namespaces/finalize").unwrap();
    assert_eq!((&finalize["verbs"], &finalize["kind"]), (&json!(["update"]), &json!("Namespace")));
    assert_eq!(lab.get("/apis/apps").await.expect(200)["preferredVersion"]["groupVersion"], "apps/v1");
    let apps = lab.get("/apis/apps/v1").await.expect(200);
    assert_eq!(apps["kind"], "APIResourceList");
    assert!(apps["resources"].as_array().unwrap().iter().any(|resource| resource["name"] == "deployments"));
}

async fn a_dead_api_is_stale_in_discovery_and_unavailable_when_asked(lab: Lab) {
    let service = json!({
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1beta1.metrics.example.com"},
        "spec": {
            "group": "metrics.example.com", "version": "v1beta1", "insecureSkipTLSVerify": true,
            "groupPriorityMinimum": 100, "versionPriority": 100,
            "service": {"namespace": "default", "name": "metrics", "port": 443},
        },
    });
    lab.post("/apis/apiregistration.k8s.io/v1/apiservices", &service).await.expect(201);
    let path = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.example.com";
    let reported = lab
        .wait_for(path, |answer| {
            let conditions = answer.json()["status"]["conditions"].as_array().cloned().unwrap_or_default();
            conditions
                .iter()
                .any(|condition| condition["type"] == "Available" && condition["status"] == "False")
        })
        .await;
    assert_eq!(reported.json()["status"]["conditions"][0]["reason"], "ServiceNotFound");
    let asked = lab.wait_for("/apis/metrics.example.com/v1beta1", |answer| answer.status == 503).await;
    assert_eq!(asked.text, "service unavailable\n");
    assert!(asked.content_type.starts_with("text/plain"), "{asked:?}");
    assert_eq!(asked.retry_after, None);
    let legacy = lab.get("/apis").await.expect(200);
    let names = legacy["groups"].as_array().unwrap().iter().map(|group| &group["name"]);
    assert!(names.into_iter().any(|name| name == "metrics.example.com"), "{legacy}");
    if !lab.since(AGGREGATED_DISCOVERY) {
        return;
    }
    let entry = |answer: &Answer| version(&answer.json(), "metrics.example.com", "v1beta1").cloned();
    let listed = lab.wait_for_as(AGGREGATED, "/apis", |answer| entry(answer).is_some()).await;
    let entry = entry(&listed).unwrap();
    assert_eq!(entry["freshness"], "Stale", "{entry}");
    assert!(entry.get("resources").and_then(Value::as_array).is_none_or(Vec::is_empty));
}
