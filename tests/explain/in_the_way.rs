//! What stands in the way from outside the namespace: APIs, webhooks, policies, CRDs.

use serde_json::{Value, json};

use super::{dry_runs, explain, stage, strings, wait_for_dead_api};
use crate::harness::fixtures::{create, path};
use crate::harness::{ADMISSION_POLICIES, Lab, ORDERED_DELETION};
use crate::tests;

tests! {
    BothAlone:
    a_dead_api_comes_before_what_is_held,
    an_api_without_endpoints_is_dead,
    custom_resources_that_cannot_be_converted_are_read_as_they_are_stored;
    Controlled:
    a_dead_webhook_on_the_deletion_is_shown_by_a_dry_run,
    a_dead_webhook_on_the_release_is_shown_by_a_dry_run,
    a_dead_webhook_on_the_finalization_is_shown_by_a_dry_run,
    a_policy_that_denies_the_release_is_quoted,
    a_crd_that_is_being_deleted_is_told,
    looking_whether_a_webhook_refuses_a_deletion_deletes_nothing
}

async fn a_dead_api_comes_before_what_is_held(lab: Lab) {
    let lab = stage(lab, "dead-apiservice").await;
    wait_for_dead_api(&lab, "metrics.example.com").await;
    let told = explain(&lab, "dead-apiservice").await;
    told.is_stuck_by(&["UnavailableApi"]);
    dead_api(&told.item);
    assert_eq!(told.item["leftovers"], json!([]));
    // What is in the API is unknown, and a release abandons nothing.
    assert_eq!(told.steps(), [""; 0]);

    let lab = stage(lab, "dead-apiservice-and-finalizer").await;
    wait_for_dead_api(&lab, "metrics.example.com").await;
    let told = explain(&lab, "dead-apiservice-and-finalizer").await;
    told.is_stuck_by(&["UnavailableApi", "HeldObjects"]);
    dead_api(&told.item);
    assert_eq!(told.cause("HeldObjects")["detail"], "1 ConfigMap held by example.com/hold");
}

fn dead_api(item: &Value) {
    let cause = &item["causes"][0];
    assert_eq!(cause["subject"], "v1beta1.metrics.example.com");
    assert_eq!(cause["detail"], "API metrics.example.com/v1beta1 is unavailable (ServiceNotFound)");
    assert_eq!(cause["command"], "kubectl delete apiservice v1beta1.metrics.example.com");
    // Where the controller has reported, its words follow.
    assert_eq!(
        strings(&cause["evidence"])[..3],
        [
            "APIService v1beta1.metrics.example.com has Available=False (ServiceNotFound): \
             service/metrics in \"default\" is not present",
            "service default/metrics is not there",
            "asking for metrics.example.com/v1beta1 was answered: service unavailable",
        ]
    );
    let gap = json!({
        "group": "metrics.example.com", "version": "v1beta1", "why": "Unavailable", "detail": "service unavailable",
    });
    assert_eq!(item["coverage"]["couldNotLook"], json!([gap]));
}

async fn an_api_without_endpoints_is_dead(lab: Lab) {
    let lab = stage(lab, "apiservice-no-endpoints").await;
    wait_for_dead_api(&lab, "idle.example.com").await;
    let told = explain(&lab, "apiservice-no-endpoints").await;
    told.is_stuck_by(&["UnavailableApi"]);
    assert_eq!(
        told.cause("UnavailableApi")["detail"],
        "API idle.example.com/v1beta1 is unavailable (EndpointsNotFound)"
    );
    told.evidence("UnavailableApi", "service default/idle-metrics has no ready endpoints");
}

/// Everything in etcd is still v1, and v1 is still served; only v2, which the controller asks for, needs the
/// webhook.
async fn custom_resources_that_cannot_be_converted_are_read_as_they_are_stored(lab: Lab) {
    let lab = stage(lab, "dead-conversion-webhook").await;
    let told = explain(&lab, "dead-conversion-webhook").await;
    told.is_stuck_by(&["FailingConversionWebhook", "LiveObjects"]).looked_everywhere();
    let cause = told.cause("FailingConversionWebhook");
    assert_eq!(cause["subject"], "widgets.conversion.example.com");
    let failed = told.evidence("FailingConversionWebhook", "conversion webhook ");
    assert!(failed.contains("service \"widget-conversion\" not found"), "{failed}");
    told.evidence("FailingConversionWebhook", "service default/widget-conversion is not there");
    told.evidence("FailingConversionWebhook", "they were read as v1, the version in which they are stored");
    assert_eq!(told.leftover("widgets", "gear")["version"], "v1");
    // What the remedy says is true, in either version.
    let remedy = cause["remedy"].as_str().unwrap();
    assert!(remedy.ends_with("without it the objects cannot even be deleted"), "{remedy}");
    for version in ["v1", "v2"] {
        let widgets =
            format!("/apis/conversion.example.com/{version}/namespaces/dead-conversion-webhook/widgets");
        lab.delete(&format!("{widgets}/gear")).await.expect(500);
    }
}

async fn a_dead_webhook_on_the_deletion_is_shown_by_a_dry_run(lab: Lab) {
    let lab = stage(lab, "dead-delete-webhook").await;
    let told = explain(&lab, "dead-delete-webhook").await;
    told.is_stuck_by(&["FailingAdmissionWebhook", "LiveObjects"]).looked_everywhere();
    let cause = told.cause("FailingAdmissionWebhook");
    assert_eq!(cause["subject"], "validatingwebhookconfiguration/dead-delete-webhook");
    assert_eq!(cause["command"], "kubectl delete validatingwebhookconfiguration dead-delete-webhook");
    told.evidence("FailingAdmissionWebhook", "it sees the deletion of configmaps");
    let service = "service dead-delete-webhook/guard is not there; its namespace is being deleted";
    told.evidence("FailingAdmissionWebhook", service);
    let run = told.evidence("FailingAdmissionWebhook", "dry run of DELETE configmaps/");
    let said = "failed calling webhook \"dead-delete-webhook.guard.example.com\"";
    assert!(run.contains(said) && run.ends_with("service \"guard\" not found"), "{run}");
    lab.get(&format!("{}/configmaps/settings", path("dead-delete-webhook"))).await.expect(200);
    if lab.sandbox.is_some() {
        let [run] = dry_runs(&lab).try_into().unwrap();
        assert!(run.starts_with("DELETE /api/v1/namespaces/dead-delete-webhook/configmaps/"), "{run}");
    }
}

async fn a_dead_webhook_on_the_release_is_shown_by_a_dry_run(lab: Lab) {
    let lab = stage(lab, "dead-update-webhook").await;
    let told = explain(&lab, "dead-update-webhook").await;
    told.is_stuck_by(&["FailingAdmissionWebhook", "HeldObjects"]).looked_everywhere();
    told.evidence("FailingAdmissionWebhook", "it sees the release of configmaps");
    let run = told.evidence("FailingAdmissionWebhook", "dry run of PATCH configmaps/settings: ");
    assert!(run.contains("failed calling webhook \"dead-update-webhook.guard.example.com\""), "{run}");
    let held = lab.get(&format!("{}/configmaps/settings", path("dead-update-webhook"))).await.expect(200);
    assert_eq!(held["metadata"]["finalizers"], json!(["example.com/hold"]));
    if lab.sandbox.is_some() {
        let [run] = dry_runs(&lab).try_into().unwrap();
        assert!(run.starts_with("PATCH /api/v1/namespaces/dead-update-webhook/configmaps/settings"), "{run}");
    }
}

async fn a_dead_webhook_on_the_finalization_is_shown_by_a_dry_run(lab: Lab) {
    let lab = stage(lab, "finalize-webhook").await;
    let told = explain(&lab, "finalize-webhook").await;
    told.is_stuck_by(&["FailingAdmissionWebhook"]).looked_everywhere();
    let detail = told.cause("FailingAdmissionWebhook")["detail"].as_str().unwrap();
    assert!(
        detail.ends_with("has nothing behind it, which refuses the finalization of the namespace"),
        "{detail}"
    );
    told.evidence("FailingAdmissionWebhook", "dry run of PUT namespaces/finalize-webhook/finalize: ");
    lab.get(&path("finalize-webhook")).await.expect(200);
    if lab.sandbox.is_some() {
        let [run] = dry_runs(&lab).try_into().unwrap();
        assert!(run.starts_with("PUT /api/v1/namespaces/finalize-webhook/finalize?"), "{run}");
    }
}

async fn a_policy_that_denies_the_release_is_quoted(lab: Lab) {
    if !lab.since(ADMISSION_POLICIES) {
        return;
    }
    let lab = stage(lab, "policy-denies-update").await;
    let told = explain(&lab, "policy-denies-update").await;
    told.is_stuck_by(&["AdmissionRefusal", "HeldObjects"]).looked_everywhere();
    let cause = told.cause("AdmissionRefusal");
    assert_eq!(cause["subject"], "validatingadmissionpolicy/policy-denies-update");
    let run = told.evidence("AdmissionRefusal", "dry run of PATCH configmaps/settings: ");
    assert!(run.contains("ValidatingAdmissionPolicy 'policy-denies-update'"), "{run}");
    assert!(run.contains("settings are frozen"), "{run}");
}

/// The CRD waits for its last object, as the namespace does.
async fn a_crd_that_is_being_deleted_is_told(lab: Lab) {
    let crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let group = format!("{}.example.com", Lab::unique("crd"));
    let schema = json!({"openAPIV3Schema": {"type": "object"}});
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("things.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": schema}],
        },
    });
    lab.post(crds, &crd).await.expect(201);
    let name = Lab::unique("crd-going");
    create(&lab, &name).await;
    let things = format!("/apis/{group}/v1/namespaces/{name}/things");
    lab.wait_for(&things, |answer| answer.status == 200).await;
    let metadata = json!({"name": "last", "finalizers": ["example.com/hold"]});
    let thing = json!({"apiVersion": format!("{group}/v1"), "kind": "Thing", "metadata": metadata});
    lab.post(&things, &thing).await.expect(201);
    lab.delete(&path(&name)).await.expect(200);
    lab.delete(&format!("{crds}/things.{group}")).await.expect(200);
    lab.delete(&format!("{things}/last")).await.expect(200);
    let told = explain(&lab, &name).await;
    assert_eq!(told.cause("TerminatingCrd")["subject"], format!("things.{group}"));
    assert_eq!(told.cause("TerminatingCrd")["detail"], format!("CRD things.{group} is being deleted too"));
    told.evidence("TerminatingCrd", "1 Thing.");
    assert_eq!(told.cause("HeldObjects")["subject"], "example.com/hold");
    let thing = told.leftover("things", "last");
    assert!(thing["deletionTimestamp"].is_string(), "{thing}");
}

/// A webhook that fails open lets the dry run through.
async fn looking_whether_a_webhook_refuses_a_deletion_deletes_nothing(lab: Lab) {
    if !lab.since(ORDERED_DELETION) {
        // The Secret does not wait for the pod.
        return;
    }
    let name = lab.play_apart("pods-first").await;
    let rule =
        json!({"apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"], "resources": ["secrets"]});
    let webhook = json!({
        "name": format!("{name}.guard.example.com"),
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": {"namespace": "default", "name": "nobody"}},
        "failurePolicy": "Ignore",
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}},
        "rules": [rule],
        "sideEffects": "None",
        "timeoutSeconds": 1,
    });
    let configurations = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    let body = json!({"metadata": {"name": name}, "webhooks": [webhook]});
    lab.post(configurations, &body).await.expect(201);
    let before = lab.get(&format!("{}/secrets/web-tls", path(&name))).await.expect(200);
    assert!(before["metadata"].get("deletionTimestamp").is_none(), "{before}");
    explain(&lab, &name).await;
    if lab.sandbox.is_some() {
        assert_ne!(dry_runs(&lab), [""; 0]);
    }
    lab.get(&format!("{}/secrets/web-tls", path(&name))).await.expect(200);
}
