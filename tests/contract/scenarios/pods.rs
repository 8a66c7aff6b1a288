//! Pods go first, and gracefully.

use serde_json::json;

use super::{assert_gone, assert_no_complaint, failing_condition, is_deleting};
use crate::harness::fixtures::{create, path};
use crate::harness::{Lab, ORDERED_DELETION};
use crate::tests;

tests! { Controlled:
    a_held_pod_keeps_everything_else_alive_and_the_conditions_say_that_all_is_well,
    a_pod_on_a_lost_node_is_reported_once_its_grace_is_over_and_goes_without_grace,
    a_pod_that_still_has_time_to_stop_is_no_complaint;
    Both: a_pod_is_deleted_with_its_grace_and_a_shorter_one_is_honoured
}

async fn a_held_pod_keeps_everything_else_alive_and_the_conditions_say_that_all_is_well(lab: Lab) {
    let name = lab.play_apart("pods-first").await;
    if !lab.since(ORDERED_DELETION) {
        // Nothing waits for the pods.
        lab.wait_for(&format!("{}/secrets/web-tls", path(&name)), |answer| answer.status == 404).await;
        failing_condition(&lab, &name, "NamespaceFinalizersRemaining").await;
        return;
    }
    assert_no_complaint(&lab, &name).await;
    let pod = lab.get(&format!("{}/pods/guarded", path(&name))).await.expect(200);
    assert!(is_deleting(&pod));
    for live in [
        format!("/api/v1/namespaces/{name}/secrets/web-tls"),
        format!("/apis/apps/v1/namespaces/{name}/deployments/web"),
        format!("/api/v1/namespaces/{name}/persistentvolumeclaims/data"),
    ] {
        assert!(!is_deleting(&lab.get(&live).await.expect(200)), "{live}");
    }
    // Once it is released, everything goes.
    let released = json!({"metadata": {"finalizers": null}});
    lab.patch(&format!("{}/pods/guarded", path(&name)), &released).await.expect(200);
    assert_gone(&lab, &name).await;
}

async fn a_pod_on_a_lost_node_is_reported_once_its_grace_is_over_and_goes_without_grace(lab: Lab) {
    let name = lab.play_apart("lost-node").await;
    let why = format!("unexpected items still remain in namespace: {name} for gvr: /v1, Resource=pods");
    assert_eq!(
        failing_condition(&lab, &name, "NamespaceDeletionContentFailure").await,
        format!("Failed to delete all resource types, 1 remaining: {why}")
    );
    let pod = format!("{}/pods/stranded", path(&name));
    assert_eq!(lab.get(&pod).await.expect(200)["metadata"]["deletionGracePeriodSeconds"], 1);
    lab.delete(&pod).await.expect(200);
    lab.get(&pod).await.expect(200);
    lab.delete(&format!("{pod}?gracePeriodSeconds=0&dryRun=All")).await.expect(200);
    lab.get(&pod).await.expect(200);
    lab.delete(&format!("{pod}?gracePeriodSeconds=0")).await.expect(200);
    lab.get(&pod).await.expect(404);
    assert_gone(&lab, &name).await;
}

async fn a_pod_that_still_has_time_to_stop_is_no_complaint(lab: Lab) {
    let name = lab.play_apart("progressing").await;
    if lab.since(ORDERED_DELETION) {
        assert_no_complaint(&lab, &name).await;
    } else {
        failing_condition(&lab, &name, "NamespaceContentRemaining").await;
    }
    let pod = lab.get(&format!("{}/pods/draining", path(&name))).await.expect(200);
    assert!(is_deleting(&pod));
    assert_eq!(pod["metadata"]["deletionGracePeriodSeconds"], 1800);
    // The timestamp of a pod is when its grace will be over.
    let end: jiff::Timestamp = pod["metadata"]["deletionTimestamp"].as_str().unwrap().parse().unwrap();
    assert!(end > jiff::Timestamp::now());
    let settings = format!("{}/configmaps/settings", path(&name));
    if lab.since(ORDERED_DELETION) {
        assert!(!is_deleting(&lab.get(&settings).await.expect(200)));
    } else {
        lab.wait_for(&settings, |answer| answer.status == 404).await;
    }
}

async fn a_pod_is_deleted_with_its_grace_and_a_shorter_one_is_honoured(lab: Lab) {
    let name = Lab::unique("grace");
    create(&lab, &name).await;
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "slow"},
        "spec": {
            "nodeName": format!("{name}-nowhere"),
            "terminationGracePeriodSeconds": 600,
            "containers": [{"name": "c", "image": "example.com/none"}],
        },
    });
    let at = format!("{}/pods/slow", path(&name));
    lab.post(&format!("{}/pods", path(&name)), &pod).await.expect(201);
    for (query, grace) in
        [("", 600), ("", 600), ("?gracePeriodSeconds=900", 600), ("?gracePeriodSeconds=60", 60)]
    {
        let answer = lab.delete(&format!("{at}{query}")).await.expect(200);
        assert_eq!(answer["kind"], "Pod");
        assert_eq!(answer["metadata"]["deletionGracePeriodSeconds"], grace, "{query}");
        assert_eq!(
            lab.get(&at).await.expect(200)["metadata"]["deletionGracePeriodSeconds"],
            grace,
            "{query}"
        );
    }
    // Emptying the finalizers of a pod that has grace left does not end it.
    lab.patch(&at, &json!({"metadata": {"finalizers": null}})).await.expect(200);
    lab.get(&at).await.expect(200);
    lab.delete(&format!("{at}?gracePeriodSeconds=0")).await.expect(200);
    lab.get(&at).await.expect(404);
}
