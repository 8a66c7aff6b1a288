//! What the namespace controller does and says.

use serde_json::{Value, json};

use crate::harness::fixtures::{create, path, release, terminating};
use crate::harness::{Answer, Lab, ORDERED_DELETION};
use crate::tests;

tests! { Controlled:
    an_empty_namespace_goes_by_itself,
    held_content_is_reported_with_its_finalizer,
    a_namespace_goes_once_its_content_is_released,
    a_pod_that_remains_makes_the_conditions_lie
}

pub(super) fn condition(namespace: &Value, kind: &str) -> Value {
    let conditions = namespace["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.into_iter().find(|condition| condition["type"] == kind).unwrap_or_default()
}

/// Waits until the controller has written its conditions.
async fn reported(lab: &Lab, name: &str) -> Value {
    let has_conditions =
        |answer: &Answer| answer.status == 200 && answer.json()["status"]["conditions"].as_array().is_some();
    lab.wait_for(&path(name), has_conditions).await.json()
}

async fn an_empty_namespace_goes_by_itself(lab: Lab) {
    let name = Lab::unique("empty");
    create(&lab, &name).await;
    lab.delete(&path(&name)).await.expect(200);
    lab.wait_for(&path(&name), |answer| answer.status == 404).await;
}

async fn held_content_is_reported_with_its_finalizer(lab: Lab) {
    let name = terminating(&lab).await;
    let namespace = reported(&lab, &name).await;
    let remaining = condition(&namespace, "NamespaceContentRemaining");
    assert_eq!(
        (remaining["status"].as_str(), remaining["reason"].as_str()),
        (Some("True"), Some("SomeResourcesRemain"))
    );
    assert_eq!(remaining["message"], "Some resources are remaining: configmaps. has 1 resource instances");
    let finalizers = condition(&namespace, "NamespaceFinalizersRemaining");
    assert_eq!(
        finalizers["message"],
        "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
    );
    let order: Vec<Value> = namespace["status"]["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| each["type"].clone())
        .collect();
    assert_eq!(
        order,
        [
            "NamespaceDeletionDiscoveryFailure",
            "NamespaceDeletionGroupVersionParsingFailure",
            "NamespaceDeletionContentFailure",
            "NamespaceContentRemaining",
            "NamespaceFinalizersRemaining"
        ]
    );
}

async fn a_namespace_goes_once_its_content_is_released(lab: Lab) {
    let name = terminating(&lab).await;
    reported(&lab, &name).await;
    release(&lab, &name).await.expect(200);
    lab.wait_for(&path(&name), |answer| answer.status == 404).await;
}

/// kubernetes#138208: with ordered deletion the content totals are left out while pods remain.
async fn a_pod_that_remains_makes_the_conditions_lie(lab: Lab) {
    let name = Lab::unique("pods");
    create(&lab, &name).await;
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "held", "finalizers": ["example.com/hold"]},
        "spec": {"containers": [{"name": "c", "image": "example.com/none"}]},
    });
    lab.post(&format!("{}/pods", path(&name)), &pod).await.expect(201);
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "alive"}});
    lab.post(&format!("{}/secrets", path(&name)), &secret).await.expect(201);
    lab.delete(&path(&name)).await.expect(200);
    if !lab.since(ORDERED_DELETION) {
        lab.wait_for(&format!("{}/secrets/alive", path(&name)), |answer| answer.status == 404).await;
        return;
    }
    let namespace = reported(&lab, &name).await;
    for each in namespace["status"]["conditions"].as_array().unwrap() {
        assert_eq!(each["status"], "False", "{each}");
    }
    let remaining = condition(&namespace, "NamespaceContentRemaining");
    assert_eq!(remaining["message"], "All content successfully removed");
    let secret = lab.get(&format!("{}/secrets/alive", path(&name))).await.expect(200);
    assert!(secret["metadata"].get("deletionTimestamp").is_none(), "it is still live");
}
