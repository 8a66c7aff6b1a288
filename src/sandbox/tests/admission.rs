//! Webhooks and policies.

use serde_json::json;

use super::{
    bare, create_configmap, create_namespace, exists, terminating, with_scenario, with_spec_finalizers,
};

const RELEASE: &str = r#"{"metadata":{"finalizers":null}}"#;

fn release() -> serde_json::Value {
    serde_json::from_str(RELEASE).unwrap()
}

#[tokio::test]
async fn a_dead_webhook_refuses_what_it_is_asked_about_and_nothing_else() {
    let sandbox = with_scenario("dead-update-webhook").await;
    let api = sandbox.api();
    let path = "/api/v1/namespaces/dead-update-webhook/configmaps/settings";
    let error = api.patch(path, &release()).unwrap_err();
    assert_eq!((error.code, &error.status["reason"]), (500, &json!("InternalError")));
    assert_eq!(
        error.message,
        "Internal error occurred: failed calling webhook \"dead-update-webhook.guard.example.com\": failed to call \
         webhook: Post \"https://guard.dead-update-webhook.svc:443/validate?timeout=5s\": service \"guard\" not found"
    );
    create_configmap(&api, "default", "elsewhere", &["example.com/x"]);
    api.patch("/api/v1/namespaces/default/configmaps/elsewhere", &release()).unwrap();
}

#[tokio::test]
async fn its_configuration_can_always_be_taken_away() {
    let sandbox = with_scenario("dead-update-webhook").await;
    let api = sandbox.api();
    let hooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    api.patch(&format!("{hooks}/dead-update-webhook"), &json!({"metadata": {"labels": {"a": "b"}}})).unwrap();
    api.delete(&format!("{hooks}/dead-update-webhook")).unwrap();
    api.patch("/api/v1/namespaces/dead-update-webhook/configmaps/settings", &release()).unwrap();
}

#[tokio::test]
async fn a_webhook_that_may_be_ignored_is() {
    let sandbox = with_scenario("dead-update-webhook").await;
    let api = sandbox.api();
    let path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/dead-update-webhook";
    let mut hooks = api.get(path).unwrap();
    hooks["webhooks"][0]["failurePolicy"] = "Ignore".into();
    api.update(path, &hooks).unwrap();
    api.patch("/api/v1/namespaces/dead-update-webhook/configmaps/settings", &release()).unwrap();
}

#[tokio::test]
async fn a_policy_denies_with_its_own_words() {
    let sandbox = with_scenario("policy-denies-update").await;
    let path = "/api/v1/namespaces/policy-denies-update/configmaps/settings";
    let error = sandbox.api().patch(path, &release()).unwrap_err();
    assert_eq!((error.code, &error.status["reason"]), (422, &json!("Invalid")));
    assert_eq!(
        error.message,
        "configmaps \"settings\" is forbidden: ValidatingAdmissionPolicy 'policy-denies-update' with binding \
         'policy-denies-update' denied request: settings are frozen"
    );
}

#[tokio::test]
async fn a_webhook_on_finalize_stops_the_controller_too() {
    let sandbox = with_scenario("finalize-webhook").await;
    let api = sandbox.api();
    let namespace = api.get("/api/v1/namespaces/finalize-webhook").unwrap();
    assert_eq!(namespace["spec"]["finalizers"], json!(["kubernetes"]));
    let path = "/api/v1/namespaces/finalize-webhook/finalize";
    for suffix in ["", "?dryRun=All"] {
        let body = with_spec_finalizers(&api.get("/api/v1/namespaces/finalize-webhook").unwrap(), &[]);
        let error = api.update(&format!("{path}{suffix}"), &body).unwrap_err();
        assert!(error.message.contains("failed calling webhook"), "{error}");
    }
    api.patch("/api/v1/namespaces/finalize-webhook", &json!({"metadata": {"labels": {"a": "b"}}})).unwrap();
}

#[tokio::test]
async fn webhooks_and_policies_miss_the_namespace_of_an_orphan() {
    let sandbox = with_scenario("policy-denies-update").await;
    let api = sandbox.api();
    let hooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    let hook = json!({
        "metadata": {"name": "all-deletes"},
        "webhooks": [{
            "name": "deletes.example.com",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "clientConfig": {"url": "https://localhost:1/validate"},
            "failurePolicy": "Ignore",
            "namespaceSelector": {"matchExpressions": [{"key": "skip", "operator": "DoesNotExist"}]},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"], "resources": ["configmaps"]}],
        }],
    });
    create_namespace(&api, "n");
    create_configmap(&api, "n", "c", &[]);
    let old = api.delete("/api/v1/namespaces/n").unwrap();
    api.update("/api/v1/namespaces/n/finalize", &with_spec_finalizers(&old, &[])).unwrap();
    api.create(hooks, &hook).unwrap();
    let error = api.delete("/api/v1/namespaces/n/configmaps/c").unwrap_err();
    assert_eq!((error.code, error.message.as_str()), (404, "namespaces \"n\" not found"));
}

#[tokio::test]
async fn a_webhook_with_side_effects_supports_no_dry_run() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let hook = json!({
        "metadata": {"name": "effects"},
        "webhooks": [{
            "name": "effects.example.com",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "Some",
            "clientConfig": {"service": {"namespace": "default", "name": "none"}},
            "rules": [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"]}],
        }],
    });
    api.create("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations", &hook).unwrap();
    let error = api.delete("/api/v1/namespaces/kube-node-lease?dryRun=All").unwrap_err();
    assert_eq!(error.code, 400);
    assert_eq!(error.message, "admission webhook \"effects.example.com\" does not support dry run");
}

#[tokio::test]
async fn a_dead_mutating_webhook_hides_a_stale_resource_version() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let old = terminating(&api, "n");
    api.patch("/api/v1/namespaces/n", &json!({"metadata": {"labels": {"a": "b"}}})).unwrap();
    let hook = json!({
        "metadata": {"name": "finalize"},
        "webhooks": [{
            "name": "finalize.example.com",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "clientConfig": {"service": {"namespace": "default", "name": "none"}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["namespaces/finalize"]}],
        }],
    });
    api.create("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations", &hook).unwrap();
    let error = api.update("/api/v1/namespaces/n/finalize", &with_spec_finalizers(&old, &[])).unwrap_err();
    assert_eq!(error.code, 500);
    assert!(exists(&api, "/api/v1/namespaces/n"));
}
