//! What the server adds to new objects: defaults, and the finalizers of admission.

use serde_json::{Value, json};

use crate::sandbox::release::Release;
use crate::sandbox::types::ResourceType;
use crate::sandbox::{aggregation, crd, meta};

/// Fills in the defaults of the types that matter here; the others stay as they came.
pub(crate) fn fill(release: Release, of: &ResourceType, object: &mut Value) {
    // A kubelet registers its node with a status; everything else begins without one.
    if of.has("status") && !of.is("", "nodes") {
        clear_status(object);
    }
    if of.custom.is_some() || !of.group.is_empty() || of.is("", "pods") {
        object["metadata"]["generation"] = 1.into();
    }
    match (of.group.as_str(), of.resource.as_str()) {
        ("", "namespaces") => namespace(release, object),
        ("", "nodes") => node(release, object),
        ("", "pods") => pod(object),
        ("", "services") => service(object),
        ("", "secrets") => secret(object),
        ("", "persistentvolumeclaims") => {
            add_finalizer(object, "kubernetes.io/pvc-protection");
            default(object, &["spec", "volumeMode"], "Filesystem".into());
            object["status"] = json!({"phase": "Pending"});
        }
        ("", "persistentvolumes") => {
            add_finalizer(object, "kubernetes.io/pv-protection");
            object["status"] = json!({"phase": "Pending"});
        }
        ("apiextensions.k8s.io", _) => crd::default(object),
        ("apiregistration.k8s.io", _) => aggregation::default(object),
        (
            "admissionregistration.k8s.io",
            "validatingwebhookconfigurations" | "mutatingwebhookconfigurations",
        ) => {
            webhooks(object);
        }
        _ => {}
    }
}

fn clear_status(object: &mut Value) {
    if let Some(map) = object.as_object_mut() {
        map.shift_remove("status");
    }
}

fn default(object: &mut Value, path: &[&str], value: Value) {
    let at = path.iter().fold(object, |at, part| &mut at[part]);
    if at.is_null() {
        *at = value;
    }
}

fn add_finalizer(object: &mut Value, finalizer: &str) {
    let mut finalizers: Vec<String> = meta::finalizers(object).into_iter().map(str::to_owned).collect();
    if !finalizers.iter().any(|each| each == finalizer) {
        finalizers.push(finalizer.to_owned());
        meta::set_finalizers(object, &finalizers);
    }
}

/// pkg/registry/core/namespace/strategy.go: the controller's finalizer, always; and the label with the name.
fn namespace(release: Release, object: &mut Value) {
    let mut finalizers: Vec<String> = meta::spec_finalizers(object).into_iter().map(str::to_owned).collect();
    if !finalizers.iter().any(|each| each == "kubernetes") {
        finalizers.push("kubernetes".to_owned());
    }
    object["spec"]["finalizers"] = finalizers.into();
    object["status"] = json!({"phase": "Active"});
    name_label(release, object);
}

/// The kubelets of a practice cluster are of its own release, unless they say another.
fn node(release: Release, object: &mut Value) {
    let version = &mut object["status"]["nodeInfo"]["kubeletVersion"];
    if *version == "" {
        *version = release.git_version().into();
    }
}

/// The label that every namespace carries, whatever is sent.
pub(crate) fn name_label(release: Release, namespace: &mut Value) {
    if !release.labels_namespaces() {
        return;
    }
    namespace["metadata"]["labels"]["kubernetes.io/metadata.name"] = meta::name(namespace).into();
}

fn pod(object: &mut Value) {
    default(object, &["spec", "terminationGracePeriodSeconds"], 30.into());
    default(object, &["spec", "restartPolicy"], "Always".into());
    default(object, &["spec", "serviceAccountName"], "default".into());
    object["status"] = json!({"phase": "Pending", "qosClass": "BestEffort"});
}

/// `stringData` is for writing alone: it becomes part of `data`.
fn secret(object: &mut Value) {
    default(object, &["type"], "Opaque".into());
    let texts = object.as_object_mut().and_then(|map| map.shift_remove("stringData")).unwrap_or_default();
    for (key, text) in texts.as_object().into_iter().flatten() {
        object["data"][key] = meta::base64(text.as_str().unwrap_or_default().as_bytes()).into();
    }
}

fn service(object: &mut Value) {
    default(object, &["spec", "type"], "ClusterIP".into());
    if object["spec"]["type"] != "ExternalName" {
        let address = format!("10.96.{}.{}", meta::random() % 256, meta::random() % 254 + 1);
        default(object, &["spec", "clusterIP"], address.into());
    }
    object["status"] = json!({"loadBalancer": {}});
}

fn webhooks(object: &mut Value) {
    for webhook in
        object["webhooks"].as_array_mut().into_iter().flatten().filter(|webhook| webhook.is_object())
    {
        default(webhook, &["failurePolicy"], "Fail".into());
        default(webhook, &["matchPolicy"], "Equivalent".into());
        default(webhook, &["namespaceSelector"], json!({}));
        default(webhook, &["objectSelector"], json!({}));
        default(webhook, &["timeoutSeconds"], 10.into());
    }
}
