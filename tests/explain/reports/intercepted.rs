//! A webhook or a policy refuses the release, undoes it, or cannot be called.

use serde_json::{Value, json};

use super::super::{Told, explain};
use super::{gone, stuck, warned};
use crate::harness::backend::{Backend, Certificate, Reply, review};
use crate::harness::fixtures::{create, path};
use crate::harness::{Answer, Lab};
use crate::tests;

tests! {
    Real:
    a_webhook_that_puts_the_finalizer_back_is_named,
    a_policy_that_puts_the_finalizer_back_is_named,
    a_webhook_that_edits_pods_is_the_probable_reason,
    a_webhook_that_is_slower_than_its_timeout_is_named,
    a_webhook_that_may_take_half_a_minute_is_named,
    a_webhook_that_cannot_be_called_is_told_by_what_happened
}

const WEBHOOKS: &str = "/apis/admissionregistration.k8s.io/v1";

async fn config_map(lab: &Lab, namespace: &str, finalizers: &[&str]) {
    let body = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "finalizers": finalizers},
    });
    lab.post(&format!("{}/configmaps", path(namespace)), &body).await.expect(201);
}

/// A webhook of this kind (`validating`, `mutating`) for one namespace and type.
async fn webhook(
    lab: &Lab,
    kind: &str,
    namespace: &str,
    client: &Value,
    resource: &str,
    operations: &[&str],
    timeout: u32,
) {
    let configuration =
        if kind == "mutating" { "MutatingWebhookConfiguration" } else { "ValidatingWebhookConfiguration" };
    let body = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": configuration, "metadata": {"name": namespace},
        "webhooks": [{
            "name": format!("{namespace}.example.com"), "failurePolicy": "Fail", "sideEffects": "None",
            "admissionReviewVersions": ["v1"], "timeoutSeconds": timeout, "clientConfig": client,
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "rules": [{"apiGroups": ["*"], "apiVersions": ["*"], "resources": [resource], "operations": operations}],
        }],
    });
    lab.post(&format!("{WEBHOOKS}/{kind}webhookconfigurations"), &body).await.expect(201);
    // It is in force a moment after it is stored.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
}

async fn without_webhook(lab: &Lab, kind: &str, name: &str) {
    lab.delete(&format!("{WEBHOOKS}/{kind}webhookconfigurations/{name}")).await.expect(200);
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
}

fn put_back(_: &str, _: &str, body: &Value) -> Reply {
    let patch = json!([{"op": "add", "path": "/metadata/finalizers", "value": ["guard.example.com/always"]}]);
    let has =
        body["request"]["object"]["metadata"]["finalizers"].to_string().contains("guard.example.com/always");
    review(body, (!has).then_some(&patch))
}

async fn a_webhook_that_puts_the_finalizer_back_is_named(lab: Lab) {
    let backend = Backend::start(Certificate::Good, put_back).await;
    let name = Lab::unique("readd");
    create(&lab, &name).await;
    config_map(&lab, &name, &["guard.example.com/always"]).await;
    let client = backend.client_config("readd");
    webhook(&lab, "mutating", &name, &client, "configmaps", &["UPDATE"], 5).await;
    stuck(&lab, &name, "guard.example.com/always").await;
    let told = explain(&lab, &name).await;
    told.has_causes(&["AdmissionRefusal", "HeldObjects", "Progressing"]);
    assert_eq!(told.cause("AdmissionRefusal")["subject"], format!("mutatingwebhookconfiguration/{name}"));
    told.evidence(
        "AdmissionRefusal",
        "dry run of PATCH configmaps/settings: 200, and guard.example.com/always",
    );
    warned(&told, "is refused by the server as things are");
    without_webhook(&lab, "mutating", &name).await;
    lab.nsfix(&["clear", &name, "--yes", "--leftovers=release", "--patience=0s"]).run().await.expect(0);
    gone(&lab, &name).await;
}

async fn a_policy_that_puts_the_finalizer_back_is_named(lab: Lab) {
    let name = Lab::unique("policy");
    create(&lab, &name).await;
    config_map(&lab, &name, &["guard.example.com/always"]).await;
    let rules = json!([{"apiGroups": [""], "apiVersions": ["*"], "resources": ["configmaps"], "operations": ["UPDATE"]}]);
    let expression = "Object{metadata: Object.metadata{finalizers: [\"guard.example.com/always\"]}}";
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": rules, "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}},
            "failurePolicy": "Fail", "reinvocationPolicy": "Never",
            "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}],
        },
    });
    let policies = format!("{WEBHOOKS}/mutatingadmissionpolicies");
    if lab.post(&policies, &policy).await.status == 404 {
        // An older API server has none.
        return;
    }
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": name}, "spec": {"policyName": name},
    });
    lab.post(&format!("{WEBHOOKS}/mutatingadmissionpolicybindings"), &binding).await.expect(201);
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    stuck(&lab, &name, "guard.example.com/always").await;
    let told = explain(&lab, &name).await;
    told.has_causes(&["AdmissionRefusal", "HeldObjects", "Progressing"]);
    assert_eq!(told.cause("AdmissionRefusal")["subject"], format!("mutatingadmissionpolicy/{name}"));
    lab.delete(&format!("{WEBHOOKS}/mutatingadmissionpolicybindings/{name}")).await.expect(200);
    lab.delete(&format!("{policies}/{name}")).await.expect(200);
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    lab.nsfix(&["clear", &name, "--yes", "--leftovers=release", "--patience=0s"]).run().await.expect(0);
}

fn inject(_: &str, _: &str, body: &Value) -> Reply {
    let containers = &body["request"]["object"]["spec"]["containers"];
    let patch =
        json!([{"op": "add", "path": "/spec/containers/-", "value": {"name": "injected", "image": "i"}}]);
    review(body, (!containers.to_string().contains("injected")).then_some(&patch))
}

async fn a_webhook_that_edits_pods_is_the_probable_reason(lab: Lab) {
    let backend = Backend::start(Certificate::Good, inject).await;
    let name = Lab::unique("inject");
    create(&lab, &name).await;
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "finalizers": ["example.com/drain"]},
        "spec": {"nodeName": "ghost", "terminationGracePeriodSeconds": 1, "containers": [{"name": "c", "image": "i"}]},
    });
    lab.post(&format!("{}/pods", path(&name)), &pod).await.expect(201);
    let client = backend.client_config("inject");
    webhook(&lab, "mutating", &name, &client, "pods", &["UPDATE"], 5).await;
    lab.delete(&path(&name)).await.expect(200);
    let reported = |answer: &Answer| answer.json()["status"]["conditions"].is_array();
    lab.wait_for(&path(&name), reported).await;
    let told = explain(&lab, &name).await;
    told.cause("HeldObjects");
    let evidence =
        format!("webhook {name}.example.com (mutatingwebhookconfiguration/{name}) may change updates");
    told.evidence("RejectedUpdate", &evidence);
    let detail = told.cause("RejectedUpdate")["detail"].as_str().unwrap();
    assert!(detail.contains("spec.containers"), "{detail}");
    without_webhook(&lab, "mutating", &name).await;
}

fn hang(_: &str, _: &str, _: &Value) -> Reply {
    Reply::Hang
}

async fn slow(lab: &Lab, seconds: u32) -> (String, Told) {
    let backend = Backend::start(Certificate::Good, hang).await;
    let name = Lab::unique("slow");
    create(lab, &name).await;
    config_map(lab, &name, &["example.com/hold"]).await;
    let client = backend.client_config("slow");
    webhook(lab, "validating", &name, &client, "configmaps", &["UPDATE"], seconds).await;
    stuck(lab, &name, "example.com/hold").await;
    let told = explain(lab, &name).await;
    without_webhook(lab, "validating", &name).await;
    lab.nsfix(&["clear", &name, "--yes", "--leftovers=release", "--patience=0s"]).run().await.expect(0);
    (name, told)
}

async fn a_webhook_that_is_slower_than_its_timeout_is_named(lab: Lab) {
    let (name, told) = slow(&lab, 10).await;
    let cause = told.cause("FailingAdmissionWebhook");
    assert_eq!(cause["subject"], format!("validatingwebhookconfiguration/{name}"));
    assert!(cause["detail"].as_str().unwrap().contains("cannot be called (timed out after 10s)"), "{cause}");
}

async fn a_webhook_that_may_take_half_a_minute_is_named(lab: Lab) {
    let (name, told) = slow(&lab, 30).await;
    let cause = told.cause("FailingAdmissionWebhook");
    assert_eq!(cause["subject"], format!("validatingwebhookconfiguration/{name}"));
    let detail = cause["detail"].as_str().unwrap();
    assert!(detail.contains("cannot be called (no answer within 15s; it is given 30s)"), "{cause}");
}

fn nonsense(_: &str, path: &str, _: &Value) -> Reply {
    match path.split('?').next().unwrap_or_default() {
        "/page" => Reply::Text(200, "text/html", "<html>Log in</html>".to_owned()),
        "/odd" => Reply::Json(200, json!({"kind": "Other", "apiVersion": "v1"})),
        _ => Reply::Text(404, "text/plain", "404 page not found".to_owned()),
    }
}

async fn a_webhook_that_cannot_be_called_is_told_by_what_happened(lab: Lab) {
    let good = Backend::start(Certificate::Good, nonsense).await;
    let expired = Backend::start(Certificate::Expired, nonsense).await;
    let other_name = Backend::start(Certificate::OtherName, nonsense).await;
    let mut stranger = good.client_config("odd");
    stranger["caBundle"] = json!(other_name.ca_bundle);
    let refused = json!({"url": "https://127.0.0.1:1/x", "caBundle": good.ca_bundle});
    let unknown = json!({"url": "https://nobody.invalid/x", "caBundle": good.ca_bundle});
    for (what, client, trouble) in [
        ("expired", expired.client_config("x"), "its certificate has expired"),
        ("stranger", stranger, "its certificate is signed by an unknown authority"),
        ("name", other_name.client_config("x"), "its certificate has another name"),
        ("refused", refused, "connection refused"),
        ("unknown", unknown, ""),
        ("page", good.client_config("page"), ""),
        ("odd", good.client_config("odd"), ""),
        ("missing", good.client_config("missing"), ""),
    ] {
        let name = Lab::unique(what);
        create(&lab, &name).await;
        config_map(&lab, &name, &["example.com/hold"]).await;
        webhook(&lab, "validating", &name, &client, "configmaps", &["UPDATE"], 5).await;
        stuck(&lab, &name, "example.com/hold").await;
        let told = explain(&lab, &name).await;
        let cause = told.cause("FailingAdmissionWebhook");
        assert_eq!(cause["subject"], format!("validatingwebhookconfiguration/{name}"), "{what}");
        let detail = cause["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("cannot be called ({trouble}")), "{what}: {cause:#}");
        without_webhook(&lab, "validating", &name).await;
        lab.nsfix(&["clear", &name, "--yes", "--leftovers=release", "--patience=0s"]).run().await.expect(0);
    }
}
