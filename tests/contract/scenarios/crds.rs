//! Custom resources: an operator that is gone, a CRD that is going, a conversion that fails.

use serde_json::{Value, json};

use super::held::setters;
use super::{assert_gone, failing_condition, is_deleting, no_finalizers};
use crate::contract::discovery::version;
use crate::harness::fixtures::path;
use crate::harness::{
    AGGREGATED, AGGREGATED_DISCOVERY, Answer, CACHE_SAYS_WHY, CREATE_IN_TERMINATING_CRD_IS_FORBIDDEN,
    LISTS_FROM_CACHE, Lab,
};
use crate::tests;

tests! { BothAlone:
    a_custom_resource_waits_for_an_operator_that_is_gone,
    a_terminating_crd_hides_patch_and_still_takes_it,
    a_dead_conversion_webhook_fails_whatever_has_to_be_converted
}

const NIGHTLY: &str = "/apis/example.com/v1/namespaces/held-backup/backups/nightly";
const WIDGETS: &str = "namespaces/dead-conversion-webhook/widgets";

async fn a_custom_resource_waits_for_an_operator_that_is_gone(lab: Lab) {
    let name = lab.play("held-backup").await;
    let namespace = lab.get(&path(name)).await.expect(200);
    assert_eq!(namespace["metadata"]["labels"]["team"], "payments");
    let backup = lab.get(NIGHTLY).await.expect(200);
    assert!(is_deleting(&backup));
    assert_eq!(setters(&backup, "backups.example.com/cleanup"), ["backup-operator"]);
    assert_eq!(backup["status"]["phase"], "Ready");
    if !lab.has_controller {
        return;
    }
    assert_eq!(
        failing_condition(&lab, name, "NamespaceContentRemaining").await,
        "Some resources are remaining: backups.example.com has 1 resource instances"
    );
    assert_eq!(
        failing_condition(&lab, name, "NamespaceFinalizersRemaining").await,
        "Some content in the namespace has finalizers remaining: backups.example.com/cleanup in 1 resource instances"
    );
    lab.patch(NIGHTLY, &no_finalizers()).await.expect(200);
    lab.get(NIGHTLY).await.expect(404);
    assert_gone(&lab, name).await;
}

/// Waits until discovery shows backups with these verbs, in each of its forms.
async fn shows_verbs(lab: &Lab, wanted: &[&str]) {
    let legacy = |answer: &Answer| answer.json()["resources"][0]["verbs"] == json!(wanted);
    lab.wait_for("/apis/example.com/v1", legacy).await;
    if lab.since(AGGREGATED_DISCOVERY) {
        lab.wait_for_as(AGGREGATED, "/apis", |answer| verbs(&answer.json()) == json!(wanted)).await;
    }
}

/// The verbs of backups in aggregated discovery.
fn verbs(groups: &Value) -> Value {
    let entry = version(groups, "example.com", "v1").cloned().unwrap_or_default();
    let resources = entry["resources"].as_array().cloned().unwrap_or_default();
    let backups = resources.into_iter().find(|each| each["resource"] == "backups").unwrap_or_default();
    backups["verbs"].clone()
}

async fn a_terminating_crd_hides_patch_and_still_takes_it(lab: Lab) {
    lab.play("held-backup").await;
    let all = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];
    shows_verbs(&lab, &all).await;
    let crd = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/backups.example.com";
    lab.delete(crd).await.expect(200);
    let terminating = |answer: &Answer| {
        let conditions = answer.json()["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions
            .iter()
            .any(|each| each["type"] == "Terminating" && each["reason"] == "InstanceDeletionInProgress")
    };
    let going = lab.wait_for(crd, terminating).await.json();
    assert_eq!(going["metadata"]["finalizers"], json!(["customresourcecleanup.apiextensions.k8s.io"]));
    shows_verbs(&lab, &["delete", "deletecollection", "get", "list", "watch"]).await;
    let late = json!({"apiVersion": "example.com/v1", "kind": "Backup", "metadata": {"name": "late"}});
    let refused = lab.post("/apis/example.com/v1/namespaces/default/backups", &late).await;
    let (status, said) = if lab.since(CREATE_IN_TERMINATING_CRD_IS_FORBIDDEN) {
        (
            403,
            "backups.example.com \"late\" is forbidden: create not allowed while custom resource definition is terminating",
        )
    } else {
        (405, "create not allowed while custom resource definition is terminating")
    };
    assert_eq!((refused.status, refused.message().as_str()), (status, said));
    lab.patch(NIGHTLY, &json!({"metadata": {"labels": {"seen": "yes"}}})).await.expect(200);
    lab.patch(NIGHTLY, &no_finalizers()).await.expect(200);
    lab.wait_for(crd, |answer| answer.status == 404).await;
    let gone = |answer: &Answer| answer.text == "404 page not found\n";
    lab.wait_for("/apis/example.com/v1/namespaces/default/backups", gone).await;
}

fn widgets(version: &str) -> String {
    format!("/apis/conversion.example.com/{version}/{WIDGETS}")
}

const UNCONVERTED: &str = "conversion webhook for conversion.example.com/v1, Kind=Widget failed: Post \
    \"https://widget-conversion.default.svc:443/convert?timeout=30s\": service \"widget-conversion\" not found";

/// A Go error and no more: 500 without a reason.
fn assert_unconverted(answer: &Answer) {
    assert_eq!((answer.status, answer.message().as_str()), (500, UNCONVERTED));
    assert_eq!(answer.json().get("reason"), None);
}

async fn a_dead_conversion_webhook_fails_whatever_has_to_be_converted(lab: Lab) {
    let name = lab.play("dead-conversion-webhook").await;
    let crd = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.conversion.example.com";
    assert_eq!(lab.get(crd).await.expect(200)["status"]["storedVersions"], json!(["v1", "v2"]));
    let (stored, converted) = (widgets("v1"), widgets("v2"));
    assert_listing_fails(&lab, &converted).await;
    // The version in which it is stored can be read …
    for read in
        [stored.clone(), format!("{stored}?limit=500"), "/apis/conversion.example.com/v1/widgets".to_owned()]
    {
        let list = lab.wait_for(&read, |answer| answer.status == 200).await.json();
        assert_eq!(list["items"][0]["metadata"]["name"], "gear", "{read}");
    }
    lab.get(&format!("{stored}/gear")).await.expect(200);
    // … but not written: what is written is written as v2.
    let label = json!({"metadata": {"labels": {"a": "b"}}});
    for gear in [format!("{stored}/gear"), format!("{converted}/gear")] {
        assert_unconverted(&lab.patch(&gear, &label).await);
        assert_unconverted(&lab.patch(&format!("{gear}?dryRun=All"), &label).await);
        assert_unconverted(&lab.delete(&gear).await);
    }
    assert_unconverted(&lab.delete(&stored).await);
    assert_unconverted(&lab.delete(&converted).await);
    assert_unconverted(&lab.delete(&format!("{converted}/gear?dryRun=All")).await);
    // A dry run does not write, and so does not notice.
    lab.delete(&format!("{stored}/gear?dryRun=All")).await.expect(200);
    if lab.has_controller {
        let why = format!("Failed to delete all resource types, 1 remaining: {UNCONVERTED}");
        let says = |answer: &Answer| {
            super::condition(&answer.json(), "NamespaceDeletionContentFailure")["message"] == why
        };
        lab.wait_for(&path(name), says).await;
    }
}

/// As a version that needs the webhook.
async fn assert_listing_fails(lab: &Lab, converted: &str) {
    for query in ["?limit=500", "?limit=500&resourceVersion=0"] {
        assert_unconverted(&lab.get(&format!("{converted}{query}")).await);
    }
    assert_unconverted(&lab.get("/apis/conversion.example.com/v2/widgets?limit=500").await);
    assert_unconverted(&lab.get(&format!("{converted}/gear")).await);
    // Where there is nothing to convert, a page is empty.
    let elsewhere = "/apis/conversion.example.com/v2/namespaces/default/widgets";
    lab.get(&format!("{elsewhere}?limit=500")).await.expect(200);
    if !lab.since(LISTS_FROM_CACHE) {
        assert_unconverted(&lab.get(converted).await);
        lab.get(elsewhere).await.expect(200);
        return;
    }
    let list = "failed to list conversion.example.com/v2, Kind=Widget";
    for read in [
        converted,
        &format!("{converted}?limit=500&labelSelector=a%3Db"),
        "/apis/conversion.example.com/v2/widgets",
    ] {
        // The cache says so once it has tried.
        let full = if lab.since(CACHE_SAYS_WHY) {
            format!("storage is (re)initializing: {list}: {UNCONVERTED}")
        } else {
            "storage is (re)initializing".to_owned()
        };
        let refused = lab.wait_for(read, |answer| answer.message() == full).await;
        assert_eq!((refused.status, refused.json()["reason"].as_str()), (429, Some("TooManyRequests")));
        let after = refused.json()["details"]["retryAfterSeconds"].to_string();
        assert_eq!(refused.retry_after, Some(after));
    }
    // A whole list fails where there is nothing to convert, too.
    assert_eq!(lab.get(elsewhere).await.status, 429);
}
