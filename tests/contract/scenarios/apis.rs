//! APIs that do not answer.

use serde_json::Value;

use super::failing_condition;
use crate::contract::discovery::{aggregated, version};
use crate::harness::fixtures::path;
use crate::harness::{AGGREGATED_DISCOVERY, Answer, JUDGED_BY_SLICES, Lab};
use crate::tests;

tests! { BothAlone:
    a_dead_api_blocks_an_empty_namespace_and_one_with_content,
    an_api_without_endpoints_is_as_dead
}

/// Why an APIService is not available.
async fn unavailable(lab: &Lab, name: &str) -> (String, String) {
    let available = |answer: &Answer| {
        let conditions = answer.json()["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.into_iter().find(|each| each["type"] == "Available").unwrap_or_default()
    };
    let path = format!("/apis/apiregistration.k8s.io/v1/apiservices/{name}");
    let answer = lab.wait_for(&path, |answer| available(answer)["status"] == "False").await;
    let text = |field: &str| available(&answer)[field].as_str().unwrap_or_default().to_owned();
    (text("reason"), text("message"))
}

/// It is stale in discovery, unavailable when asked, and the controller complains about nothing but that.
async fn assert_blocks(lab: &Lab, group: &str, name: &str) {
    if lab.since(AGGREGATED_DISCOVERY) {
        let groups = aggregated(lab, "/apis").await;
        assert_eq!(version(&groups, group, "v1beta1").unwrap()["freshness"], "Stale");
    }
    let asked = lab.wait_for(&format!("/apis/{group}/v1beta1"), |answer| answer.status == 503).await;
    assert_eq!(asked.text, "service unavailable\n");
    let listed = lab.get(&format!("/apis/{group}/v1beta1/things")).await;
    assert_eq!((listed.status, listed.text.as_str()), (503, "service unavailable\n"));
    if lab.has_controller {
        let why = if lab.since(AGGREGATED_DISCOVERY) {
            format!("stale GroupVersion discovery: {group}/v1beta1")
        } else {
            "the server is currently unable to handle the request".to_owned()
        };
        let failed = format!("{group}/v1beta1: {why}");
        assert_eq!(
            failing_condition(lab, name, "NamespaceDeletionDiscoveryFailure").await,
            format!(
                "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: {failed}"
            )
        );
    }
    let namespace = lab.get(&path(name)).await.expect(200);
    assert_eq!(namespace["spec"]["finalizers"], serde_json::json!(["kubernetes"]));
}

async fn is_empty(lab: &Lab, name: &str) -> bool {
    let mut left = 0;
    for kind in ["configmaps", "secrets", "serviceaccounts", "pods", "services"] {
        let list = lab.get(&format!("{}/{kind}", path(name))).await.expect(200);
        left += list["items"].as_array().map_or(0, Vec::len);
    }
    left == 0
}

async fn a_dead_api_blocks_an_empty_namespace_and_one_with_content(lab: Lab) {
    let empty = lab.play("dead-apiservice").await;
    let full = lab.play("dead-apiservice-and-finalizer").await;
    let (reason, message) = unavailable(&lab, "v1beta1.metrics.example.com").await;
    assert_eq!(
        (reason.as_str(), message.as_str()),
        ("ServiceNotFound", "service/metrics in \"default\" is not present")
    );
    for name in [empty, full] {
        assert_blocks(&lab, "metrics.example.com", name).await;
    }
    assert!(is_empty(&lab, empty).await);
    if !lab.has_controller {
        return;
    }
    let namespace = lab.get(&path(empty)).await.expect(200);
    assert_eq!(super::condition(&namespace, "NamespaceContentRemaining")["status"], "False");
    assert_eq!(
        failing_condition(&lab, full, "NamespaceContentRemaining").await,
        "Some resources are remaining: configmaps. has 1 resource instances"
    );
    // Without the APIService the empty one goes, and the other is held by its content alone.
    let service = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.example.com";
    lab.delete(service).await.expect(200);
    super::assert_gone(&lab, empty).await;
    let discovered = |answer: &Answer| {
        super::condition(&answer.json(), "NamespaceDeletionDiscoveryFailure")["status"] == "False"
    };
    let held = lab.wait_for(&path(full), discovered).await.json();
    assert_ne!(held["metadata"]["deletionTimestamp"], Value::Null);
}

async fn an_api_without_endpoints_is_as_dead(lab: Lab) {
    let name = lab.play("apiservice-no-endpoints").await;
    let (reason, message) = unavailable(&lab, "v1beta1.idle.example.com").await;
    let what = if lab.since(JUDGED_BY_SLICES) { "endpointslices" } else { "endpoints" };
    let said = format!("cannot find {what} for service/idle-metrics in \"default\"");
    assert_eq!((reason.as_str(), message), ("EndpointsNotFound", said));
    assert_blocks(&lab, "idle.example.com", name).await;
    assert!(is_empty(&lab, name).await);
}
