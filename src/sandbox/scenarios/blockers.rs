//! Namespaces that are held by something in the cluster around them: dead APIs, webhooks, policies.

use serde_json::{Value, json};

use super::content::{create_held_configmap, delete_held_configmap, held_configmap, update_held_configmap};
use super::{
    DAY, MINUTE, Step, configmap, create_namespace, delete_namespace, finalize, namespace, remove_furnishings,
};

const ADMISSION: &str = "/apis/admissionregistration.k8s.io/v1";

fn apiservice(group: &str, service: &str) -> Step {
    apiservice_of(group, "default", service)
}

fn apiservice_of(group: &str, namespace: &str, service: &str) -> Step {
    let body = json!({
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": format!("v1beta1.{group}")},
        "spec": {
            "group": group,
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "insecureSkipTLSVerify": true,
            "service": {"namespace": namespace, "name": service, "port": 443},
        },
    });
    Step::post("/apis/apiregistration.k8s.io/v1/apiservices", body)
}

/// A namespace with nothing in it.
fn empty(name: &str) -> Vec<Step> {
    let mut steps = vec![create_namespace(name), Step::backdate(name, 10 * DAY), delete_namespace(name)];
    steps.extend(remove_furnishings(name));
    steps.extend([Step::wait_for_report(name), Step::backdate(name, DAY)]);
    steps
}

fn dead_metrics() -> Vec<Step> {
    vec![apiservice("metrics.example.com", "metrics"), Step::wait_for_stale("metrics.example.com", "v1beta1")]
}

/// The namespace that gave nsfix its first job: somebody removed metrics-server and left its APIService.
pub(super) fn rodrigo() -> Vec<Step> {
    let mut home = namespace("rodrigo");
    home["metadata"]["labels"] = json!({"team": "payments"});
    home["metadata"]["annotations"] = json!({"example.com/contact": "rodrigo@example.com"});
    let mut steps = vec![
        apiservice_of("metrics.k8s.io", "kube-system", "metrics-server"),
        Step::wait_for_stale("metrics.k8s.io", "v1beta1"),
        Step::post("/api/v1/namespaces?fieldManager=kubectl-create", home),
        Step::backdate("rodrigo", 37 * DAY),
        delete_namespace("rodrigo"),
    ];
    steps.extend(remove_furnishings("rodrigo"));
    steps.extend([Step::wait_for_report("rodrigo"), Step::backdate("rodrigo", 40 * MINUTE)]);
    steps
}

pub(super) fn dead_apiservice() -> Vec<Step> {
    let mut steps = dead_metrics();
    steps.extend(empty("dead-apiservice"));
    steps
}

pub(super) fn dead_apiservice_and_finalizer() -> Vec<Step> {
    let mut steps = dead_metrics();
    steps.extend(held_configmap("dead-apiservice-and-finalizer"));
    steps
}

/// Without a selector nobody makes endpoints for the Service.
pub(super) fn apiservice_no_endpoints() -> Vec<Step> {
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "idle-metrics"},
        "spec": {"ports": [{"port": 443, "targetPort": 8443, "protocol": "TCP"}]},
    });
    let mut steps = vec![
        Step::post("/api/v1/namespaces/default/services", service),
        apiservice("idle.example.com", "idle-metrics"),
        Step::wait_for_stale("idle.example.com", "v1beta1"),
    ];
    steps.extend(empty("apiservice-no-endpoints"));
    steps
}

/// Stored as v1; since then the CRD stores v2, and the webhook between the two is gone.
pub(super) fn dead_conversion_webhook() -> Vec<Step> {
    let name = "dead-conversion-webhook";
    let crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.conversion.example.com"},
        "spec": {
            "group": "conversion.example.com",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
            "scope": "Namespaced",
            "versions": [crd_version("v1", true)],
        },
    });
    let client = json!({"service": {"namespace": "default", "name": "widget-conversion", "path": "/convert", "port": 443}});
    let webhook = json!({"clientConfig": client, "conversionReviewVersions": ["v1"]});
    let change = json!({"spec": {
        "versions": [crd_version("v1", false), crd_version("v2", true)],
        "conversion": {"strategy": "Webhook", "webhook": webhook},
    }});
    let widget = json!({
        "apiVersion": "conversion.example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "gear"},
        "spec": {"size": 3},
    });
    let mut steps = vec![
        Step::post(crds, crd),
        Step::wait_for_crd("widgets.conversion.example.com"),
        create_namespace(name),
        Step::post(&format!("/apis/conversion.example.com/v1/namespaces/{name}/widgets"), widget),
        Step::merge(&format!("{crds}/widgets.conversion.example.com"), change),
        // v2 is served now, and nothing converts to it.
        Step::merge(
            &format!("/apis/conversion.example.com/v2/namespaces/{name}/widgets/gear"),
            json!({"metadata": {"labels": {"a": "b"}}}),
        )
        .refused_with(500),
        Step::backdate(name, 25 * DAY),
        delete_namespace(name),
    ];
    steps.extend(remove_furnishings(name));
    steps.extend([Step::wait_for_report(name), Step::backdate(name, DAY)]);
    steps
}

fn crd_version(name: &str, storage: bool) -> Value {
    let spec = json!({"type": "object", "properties": {"size": {"type": "integer"}}});
    json!({
        "name": name,
        "served": true,
        "storage": storage,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
    })
}

/// Selects one namespace by the label that every namespace carries.
fn only(namespace: &str) -> Value {
    json!({"matchLabels": {"kubernetes.io/metadata.name": namespace}})
}

/// A webhook whose Service does not exist: it would be in the namespace that is being deleted.
fn webhook(namespace: &str, operation: &str, resource: &str) -> Step {
    let service = json!({"namespace": namespace, "name": "guard", "path": "/validate", "port": 443});
    let rule = json!({
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": [operation],
        "resources": [resource],
        "scope": "*",
    });
    let webhook = json!({
        "name": format!("{namespace}.guard.example.com"),
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": service},
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "namespaceSelector": only(namespace),
        "rules": [rule],
        "sideEffects": "None",
        "timeoutSeconds": 5,
    });
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": namespace},
        "webhooks": [webhook],
    });
    Step::post(&format!("{ADMISSION}/validatingwebhookconfigurations"), configuration)
}

pub(super) fn dead_delete_webhook() -> Vec<Step> {
    let name = "dead-delete-webhook";
    vec![
        create_namespace(name),
        Step::post(&format!("/api/v1/namespaces/{name}/configmaps"), configmap("settings", &[])),
        Step::backdate(name, 12 * DAY),
        webhook(name, "DELETE", "configmaps"),
        Step::delete(&format!("/api/v1/namespaces/{name}/configmaps/settings")).refused_with(500),
        delete_namespace(name),
        Step::wait_for_report(name),
        Step::backdate(name, 2 * DAY),
    ]
}

pub(super) fn dead_update_webhook() -> Vec<Step> {
    let name = "dead-update-webhook";
    let mut steps = create_held_configmap(name);
    steps.push(webhook(name, "UPDATE", "configmaps"));
    steps.push(update_held_configmap(name).refused_with(500));
    steps.extend(delete_held_configmap(name));
    steps
}

pub(super) fn finalize_webhook() -> Vec<Step> {
    let name = "finalize-webhook";
    let mut steps = vec![create_namespace(name), Step::backdate(name, 10 * DAY)];
    steps.push(webhook(name, "UPDATE", "namespaces/finalize"));
    steps.push(finalize(namespace(name), &[]).refused_with(500));
    steps.push(delete_namespace(name));
    steps.extend(remove_furnishings(name));
    steps.extend([Step::wait_for_report(name), Step::backdate(name, DAY)]);
    steps
}

pub(super) fn policy_denies_update() -> Vec<Step> {
    let name = "policy-denies-update";
    let rule = json!({
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["UPDATE"],
        "resources": ["configmaps"],
        "scope": "*",
    });
    let constraints =
        json!({"matchPolicy": "Equivalent", "namespaceSelector": only(name), "resourceRules": [rule]});
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": constraints,
            "validations": [{"expression": "false", "message": "settings are frozen"}],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    });
    let mut steps = create_held_configmap(name);
    steps.push(Step::post(&format!("{ADMISSION}/validatingadmissionpolicies"), policy));
    steps.push(Step::post(&format!("{ADMISSION}/validatingadmissionpolicybindings"), binding));
    steps.push(update_held_configmap(name).refused_with(422));
    steps.extend(delete_held_configmap(name));
    steps
}
