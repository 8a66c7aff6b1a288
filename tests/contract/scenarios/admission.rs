//! Webhooks that do not answer, and a policy that says no.

use http::Method;
use serde_json::{Value, json};

use super::{failing_condition, is_deleting, no_finalizers};
use crate::harness::fixtures::{finalize, path, without_finalizers};
use crate::harness::{ADMISSION_POLICIES, Answer, Lab};
use crate::tests;

tests! { BothAlone:
    a_dead_webhook_on_delete_keeps_what_should_go,
    a_dead_webhook_on_update_keeps_finalizers_where_they_are,
    a_policy_keeps_finalizers_where_they_are,
    a_dead_webhook_on_finalize_stops_the_controller_too
}

/// What the API server says about a webhook of a scenario.
fn unreachable(scenario: &str) -> String {
    format!(
        "Internal error occurred: failed calling webhook \"{scenario}.guard.example.com\": failed to call webhook: Post \
         \"https://guard.{scenario}.svc:443/validate?timeout=5s\": service \"guard\" not found"
    )
}

fn assert_unreachable(answer: &Answer, scenario: &str) {
    assert_eq!((answer.status, answer.message()), (500, unreachable(scenario)));
    assert_eq!(answer.json()["reason"], "InternalError");
}

async fn a_dead_webhook_on_delete_keeps_what_should_go(lab: Lab) {
    let name = lab.play("dead-delete-webhook").await;
    let map = format!("{}/configmaps/settings", path(name));
    for query in ["", "?dryRun=All"] {
        assert_unreachable(&lab.delete(&format!("{map}{query}")).await, name);
        let all = lab.delete(&format!("{}/configmaps{query}", path(name))).await;
        assert_unreachable(&all, name);
    }
    assert!(!is_deleting(&lab.get(&map).await.expect(200)));
    // Updates are not its business.
    lab.patch(&map, &json!({"metadata": {"labels": {"seen": "yes"}}})).await.expect(200);
    if lab.has_controller {
        assert_eq!(
            failing_condition(&lab, name, "NamespaceDeletionContentFailure").await,
            format!("Failed to delete all resource types, 1 remaining: {}", unreachable(name))
        );
        // What could not even be deleted is not counted.
        let namespace = lab.get(&path(name)).await.expect(200);
        assert_eq!(super::condition(&namespace, "NamespaceContentRemaining")["status"], "False");
    }
    // One that may be ignored is.
    let webhook = format!("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/{name}");
    let mut hooks = lab.get(&webhook).await.expect(200);
    hooks["webhooks"][0]["failurePolicy"] = json!("Ignore");
    lab.put(&webhook, &hooks).await.expect(200);
    let delete = (Method::DELETE, &*format!("{map}?dryRun=All"), &Value::Null);
    let taken = |answer: &Answer| answer.status == 200 || answer.status == 404;
    super::send_until(&lab, delete, None, taken).await;
}

async fn a_dead_webhook_on_update_keeps_finalizers_where_they_are(lab: Lab) {
    let name = lab.play("dead-update-webhook").await;
    let map = format!("{}/configmaps/settings", path(name));
    for query in ["", "?dryRun=All"] {
        assert_unreachable(&lab.patch(&format!("{map}{query}"), &no_finalizers()).await, name);
    }
    lab.delete(&map).await.expect(200);
    assert_eq!(lab.get(&map).await.expect(200)["metadata"]["finalizers"], json!(["example.com/hold"]));
    if lab.has_controller {
        assert_eq!(
            failing_condition(&lab, name, "NamespaceFinalizersRemaining").await,
            "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
        );
    }
    // It is asked about one namespace alone.
    let elsewhere = json!({"metadata": {"name": "elsewhere", "finalizers": ["example.com/x"]}});
    lab.post("/api/v1/namespaces/default/configmaps", &elsewhere).await.expect(201);
    lab.patch("/api/v1/namespaces/default/configmaps/elsewhere", &no_finalizers()).await.expect(200);
    // Admission's own configuration is exempt: it can always be taken away.
    let webhooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    lab.patch(&format!("{webhooks}/{name}"), &json!({"metadata": {"labels": {"a": "b"}}})).await.expect(200);
    lab.delete(&format!("{webhooks}/{name}")).await.expect(200);
    let patch = no_finalizers();
    let released = |answer: &Answer| answer.status == 200;
    super::send_until(&lab, (Method::PATCH, &map, &patch), None, released).await;
    lab.get(&map).await.expect(404);
}

async fn a_policy_keeps_finalizers_where_they_are(lab: Lab) {
    if !lab.since(ADMISSION_POLICIES) {
        return;
    }
    let name = lab.play("policy-denies-update").await;
    let map = format!("{}/configmaps/settings", path(name));
    let why = "ValidatingAdmissionPolicy 'policy-denies-update' with binding 'policy-denies-update' denied request: \
               settings are frozen";
    for query in ["", "?dryRun=All"] {
        let denied = lab.patch(&format!("{map}{query}"), &no_finalizers()).await;
        assert_eq!(
            (denied.status, denied.message()),
            (422, format!("configmaps \"settings\" is forbidden: {why}"))
        );
        let status = denied.json();
        assert_eq!(status["reason"], "Invalid");
        assert_eq!(
            status["details"],
            json!({"name": "settings", "kind": "configmaps", "causes": [{"message": why}]})
        );
    }
    lab.delete(&map).await.expect(200);
}

async fn a_dead_webhook_on_finalize_stops_the_controller_too(lab: Lab) {
    let name = lab.play("finalize-webhook").await;
    for query in ["?dryRun=All", ""] {
        let (_, put) = finalize(&lab, name, query, without_finalizers).await;
        assert_unreachable(&put, name);
    }
    // The namespace itself can be changed.
    lab.patch(&path(name), &json!({"metadata": {"labels": {"seen": "yes"}}})).await.expect(200);
    if lab.has_controller {
        super::assert_no_complaint(&lab, name).await;
    }
    let namespace = lab.get(&path(name)).await.expect(200);
    assert_eq!(namespace["spec"]["finalizers"], json!(["kubernetes"]));
    assert_ne!(namespace["metadata"]["deletionTimestamp"], Value::Null);
}
