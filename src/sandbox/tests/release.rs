//! Older releases.

use serde_json::{Value, json};

use super::{
    CRDS, a_pass_of_the_controllers, crd, create_namespace, exists, get, http, terminating, until,
    with_spec_finalizers,
};
use crate::sandbox::{Api, Options, Release, ReleaseError, Sandbox, scenarios};

async fn played(version: &str) -> Sandbox {
    let release = version.parse().unwrap();
    Sandbox::start(Options { release, controller: None, ..Options::empty() }).await.unwrap()
}

/// With its controllers.
async fn controlled(version: &str) -> Sandbox {
    Sandbox::start(Options { release: version.parse().unwrap(), ..Options::empty() }).await.unwrap()
}

#[test]
fn a_version_is_read_as_people_write_it() {
    for (text, git_version) in [
        ("1.29", "v1.29.0"),
        ("v1.29", "v1.29.0"),
        ("1.29.14", "v1.29.14"),
        ("v1.29.14", "v1.29.14"),
        ("1.36", "v1.36.2"),
    ] {
        assert_eq!(text.parse::<Release>().unwrap().git_version(), git_version);
    }
    for text in ["", "1", "1.", "1.x", "v", "1.29.", "1.29.1.2", "latest", "1.+29", "1.99999999999"] {
        assert_eq!(text.parse::<Release>(), Err(ReleaseError::NoVersion(text.to_owned())));
    }
    for text in ["1.19", "1.37", "2.29", "0.29"] {
        assert_eq!(text.parse::<Release>(), Err(ReleaseError::NotPlayed(text.to_owned())));
    }
}

#[tokio::test]
async fn it_says_which_version_it_plays() {
    let version = get(&played("v1.29.14").await, "/version").await.json();
    assert_eq!((&version["minor"], &version["gitVersion"]), (&json!("29"), &json!("v1.29.14+nsfix-sandbox")));
    assert!(version.get("emulationMinor").is_none());
    assert_eq!(get(&played("1.33").await, "/version").await.json()["minCompatibilityMinor"], "32");
    let kubelet = played("1.25").await.api().get("/api/v1/nodes/sandbox-node").unwrap();
    assert_eq!(kubelet["status"]["nodeInfo"]["kubeletVersion"], "v1.25.0");
}

#[tokio::test]
async fn a_type_is_served_in_the_versions_of_the_release() {
    for (types, releases) in [
        ("batch/v1/cronjobs", 21..=36),
        ("batch/v1beta1/cronjobs", 20..=24),
        ("policy/v1/poddisruptionbudgets", 21..=36),
        ("policy/v1beta1/poddisruptionbudgets", 20..=24),
        ("autoscaling/v2/horizontalpodautoscalers", 23..=36),
        ("autoscaling/v2beta2/horizontalpodautoscalers", 20..=25),
        ("discovery.k8s.io/v1/endpointslices", 21..=36),
        ("discovery.k8s.io/v1beta1/endpointslices", 20..=24),
        ("extensions/v1beta1/ingresses", 20..=21),
        ("networking.k8s.io/v1/ingresses", 20..=36),
        ("resource.k8s.io/v1/resourceclaims", 34..=36),
        ("admissionregistration.k8s.io/v1/validatingadmissionpolicies", 30..=36),
        ("admissionregistration.k8s.io/v1/mutatingadmissionpolicies", 36..=36),
    ] {
        for minor in [releases.start() - 1, *releases.start(), *releases.end(), releases.end() + 1] {
            if let Some(release) = Release::of(minor) {
                let options = Options { release, controller: None, ..Options::empty() };
                let api = Sandbox::start(options).await.unwrap().api();
                let served = exists(&api, &format!("/apis/{types}"));
                assert_eq!(served, releases.contains(&minor), "{types} on {release}");
            }
        }
    }
}

#[tokio::test]
async fn one_object_is_there_in_every_version_and_both_groups() {
    let api = played("1.20").await.api();
    create_namespace(&api, "n");
    let ingress = json!({"metadata": {"name": "web"}, "spec": {}});
    api.create("/apis/extensions/v1beta1/namespaces/n/ingresses", &ingress).unwrap();
    let uid = |path: &str| api.get(path).unwrap()["metadata"]["uid"].clone();
    let old = uid("/apis/extensions/v1beta1/namespaces/n/ingresses/web");
    for version in ["v1", "v1beta1"] {
        assert_eq!(uid(&format!("/apis/networking.k8s.io/{version}/namespaces/n/ingresses/web")), old);
    }
}

#[tokio::test]
async fn discovery_has_the_form_of_the_release() {
    const V2: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    const V2BETA1: &str = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
    for (release, v2, v2beta1) in [
        ("1.26", "application/json", "application/json"),
        ("1.27", "application/json", V2BETA1),
        ("1.30", V2, V2BETA1),
        ("1.33", V2, "application/json"),
    ] {
        let sandbox = played(release).await;
        for (asked, answered) in [(V2, v2), (V2BETA1, v2beta1)] {
            let accept = format!("{asked},application/json");
            let answer = http(&sandbox, "GET", "/apis", &[("Accept", &accept)], "").await;
            assert_eq!(answer.header("content-type"), answered, "{asked} of {release}");
        }
    }
}

#[tokio::test]
async fn before_1_34_the_uid_of_what_is_gone_is_a_conflict() {
    for (release, code) in [("1.33", 409), ("1.34", 404)] {
        let api = played(release).await.api();
        let body = with_spec_finalizers(&terminating(&api, "n"), &[]);
        api.update("/api/v1/namespaces/n/finalize", &body).unwrap();
        let late = api.update("/api/v1/namespaces/n/finalize", &body).unwrap_err();
        assert_eq!(late.code, code, "{late}");
        let mut without = body;
        without["metadata"].as_object_mut().unwrap().remove("uid");
        assert_eq!(api.update("/api/v1/namespaces/n/finalize", &without).unwrap_err().code, 404);
        assert_eq!(api.patch("/api/v1/namespaces/n", &json!({})).unwrap_err().code, 404);
    }
}

#[tokio::test]
async fn before_1_34_nothing_can_be_created_in_a_terminating_crd_for_another_reason() {
    for (release, code) in [("1.33", 405), ("1.34", 403)] {
        let api = played(release).await.api();
        api.create(CRDS, &crd("widgets", "Widget", &["v1"])).unwrap();
        create_namespace(&api, "n");
        let widgets = "/apis/example.com/v1/namespaces/n/widgets";
        let held = json!({"metadata": {"name": "held", "finalizers": ["example.com/hold"]}});
        api.create(widgets, &held).unwrap();
        api.delete(&format!("{CRDS}/widgets.example.com")).unwrap();
        let late = api.create(widgets, &json!({"metadata": {"name": "late"}})).unwrap_err();
        assert_eq!(late.code, code);
        assert!(late.message.contains("create not allowed while custom resource definition is terminating"));
    }
}

fn availability(api: &Api) -> (Value, Value) {
    let service = api.get("/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.example.com").unwrap();
    let condition = &service["status"]["conditions"][0];
    (condition["reason"].clone(), condition["message"].clone())
}

#[tokio::test]
async fn before_1_34_endpoints_say_whether_an_api_has_a_backend() {
    let api = played("1.33").await.api();
    let service = json!({"metadata": {"name": "metrics"}, "spec": {"ports": [{"port": 443}]}});
    api.create("/api/v1/namespaces/default/services", &service).unwrap();
    let spec = json!({
        "group": "metrics.example.com", "version": "v1beta1",
        "service": {"namespace": "default", "name": "metrics"},
    });
    let body = json!({"metadata": {"name": "v1beta1.metrics.example.com"}, "spec": spec});
    api.create("/apis/apiregistration.k8s.io/v1/apiservices", &body).unwrap();
    let missing = "cannot find endpoints for service/metrics in \"default\"";
    assert_eq!(availability(&api), (json!("EndpointsNotFound"), json!(missing)));
    let mut endpoints = json!({"metadata": {"name": "metrics"}, "subsets": [{"ports": [{"port": 8443}]}]});
    let path = "/api/v1/namespaces/default/endpoints";
    api.create(path, &endpoints).unwrap();
    let none = "endpoints for service/metrics in \"default\" have no addresses with port name \"\"";
    assert_eq!(availability(&api), (json!("MissingEndpoints"), json!(none)));
    endpoints["subsets"][0]["addresses"] = json!([{"ip": "192.0.2.7"}]);
    api.update(&format!("{path}/metrics"), &endpoints).unwrap();
    assert_eq!(availability(&api).0, "FailedDiscoveryCheck");
}

#[tokio::test]
async fn pods_wait_for_nobody_before_1_33() {
    for (release, waits) in [("1.32", false), ("1.33", true)] {
        let api_of = controlled(release).await;
        let api = api_of.api();
        create_namespace(&api, "n");
        let pod = json!({"metadata": {"name": "p", "finalizers": ["example.com/hold"]}, "spec": {}});
        api.create("/api/v1/namespaces/n/pods", &pod).unwrap();
        super::create_configmap(&api, "n", "c", &[]);
        api.delete("/api/v1/namespaces/n").unwrap();
        let reported = || api.get("/api/v1/namespaces/n").unwrap()["status"]["conditions"].is_array();
        until("the controller has reported", reported).await;
        assert_eq!(exists(&api, "/api/v1/namespaces/n/configmaps/c"), waits, "{release}");
    }
}

#[tokio::test]
async fn until_1_23_a_service_account_has_a_secret_with_a_token() {
    for (release, has_token) in [("1.23", true), ("1.24", false)] {
        let sandbox = controlled(release).await;
        let api = sandbox.api();
        a_pass_of_the_controllers(&api).await;
        let secrets = api.list("/api/v1/namespaces/default/secrets").unwrap();
        assert_eq!(secrets.len(), usize::from(has_token), "{release}");
        let Some(secret) = secrets.first() else { continue };
        assert_eq!(secret["metadata"]["annotations"]["kubernetes.io/service-account.name"], "default");
        let path =
            format!("/api/v1/namespaces/default/secrets/{}", secret["metadata"]["name"].as_str().unwrap());
        api.delete("/api/v1/namespaces/default/serviceaccounts/default").unwrap();
        until("it goes with its account", || !exists(&api, &path)).await;
    }
}

#[tokio::test]
async fn the_label_with_the_name_is_there_since_1_21() {
    for (release, label) in [("1.20", None), ("1.21", Some("n"))] {
        let made = create_namespace(&played(release).await.api(), "n");
        assert_eq!(made["metadata"]["labels"]["kubernetes.io/metadata.name"].as_str(), label);
    }
}

#[tokio::test]
async fn all_recipes_that_a_release_can_play_fit_into_one_cluster() {
    for minor in [20, 25, 29, 33] {
        let release = Release::of(minor).unwrap();
        let scenarios: Vec<_> = scenarios::playable(release).collect();
        assert_eq!(scenarios.iter().any(|each| each.name == "policy-denies-update"), minor >= 30);
        let options = Options { release, scenarios, ..Options::default() };
        let sandbox = Sandbox::start(options).await.unwrap();
        assert!(exists(&sandbox.api(), "/api/v1/namespaces/pods-first"));
    }
}
