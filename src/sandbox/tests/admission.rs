//! Webhooks and policies.

use serde_json::json;

use super::{
    bare, create_configmap, create_namespace, exists, terminating, with_scenario, with_spec_finalizers,
};

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
