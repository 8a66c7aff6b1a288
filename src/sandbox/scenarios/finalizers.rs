//! Namespaces that are held by finalizers of their own, or by none at all.

use serde_json::{Value, json};

use super::{
    DAY, Step, configmap, create_namespace, delete_namespace, finalize, namespace, remove_furnishings,
};

/// The controller has done its part; somebody else has not. The PUT does the controller's part where none
/// runs.
pub(super) fn metadata_finalizer() -> Vec<Step> {
    let name = "metadata-finalizer";
    let mut held = namespace(name);
    held["metadata"]["finalizers"] = json!(["controller.cattle.io/namespace-auth"]);
    end_by_controller(name, held, &[], 5)
}

pub(super) fn foreign_spec_finalizer() -> Vec<Step> {
    let name = "foreign-spec-finalizer";
    let mut held = namespace(name);
    held["spec"] = json!({"finalizers": ["example.com/hold"]});
    end_by_controller(name, held, &["example.com/hold"], 2)
}

fn end_by_controller(name: &str, namespace: Value, left: &[&str], days: i64) -> Vec<Step> {
    let mut steps = vec![
        Step::post("/api/v1/namespaces?fieldManager=kubectl-create", namespace.clone()),
        Step::backdate(name, 100 * DAY),
        delete_namespace(name),
    ];
    steps.extend(remove_furnishings(name));
    steps.push(Step::wait_for_report(name));
    steps.push(finalize(namespace, left));
    steps.push(Step::backdate(name, days * DAY));
    steps
}

pub(super) fn zombie() -> Vec<Step> {
    let name = "zombie";
    let mut steps = vec![create_namespace(name), Step::backdate(name, 20 * DAY)];
    steps.extend([finalize(namespace(name), &[]), delete_namespace(name)]);
    steps.extend(remove_furnishings(name));
    steps.push(Step::backdate(name, 8 * DAY));
    steps
}

pub(super) fn disarmed() -> Vec<Step> {
    let name = "disarmed";
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "database"},
        "type": "Opaque",
        "stringData": {"password": "not a real one"},
    });
    vec![
        create_namespace(name),
        Step::post(&format!("/api/v1/namespaces/{name}/configmaps"), configmap("settings", &[])),
        Step::post(&format!("/api/v1/namespaces/{name}/secrets"), secret),
        Step::backdate(name, 30 * DAY),
        finalize(namespace(name), &[]),
        delete_namespace(name),
        Step::backdate(name, DAY),
    ]
}
