//! What the API server itself does with `CustomResourceDefinitions`: conditions, their finalizer, and
//! conversion.

use std::sync::Arc;

use serde_json::{Value, json};

use super::failure::Failure;
use super::meta;
use super::store::Store;
use super::types::{CRD_CLEANUP, ResourceType};

pub(crate) const KEY: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// Fills in what the real server defaults in a CRD, before it is stored.
pub(crate) fn default(crd: &mut Value) {
    let kind = crd["spec"]["names"]["kind"].as_str().unwrap_or_default().to_owned();
    let names = &mut crd["spec"]["names"];
    if names["singular"].is_null() {
        names["singular"] = kind.to_lowercase().into();
    }
    if names["listKind"].is_null() {
        names["listKind"] = format!("{kind}List").into();
    }
    if crd["spec"]["conversion"].is_null() {
        crd["spec"]["conversion"] = json!({"strategy": "None"});
    }
}

/// Brings status and finalizer of a CRD up to date. None when nothing changes.
pub(crate) fn reconcile(crd: &Value) -> Option<Value> {
    let mut new = crd.clone();
    let deleting = meta::is_deleting(crd);
    let mut finalizers: Vec<String> = meta::finalizers(crd).into_iter().map(str::to_owned).collect();
    if !deleting && !finalizers.iter().any(|each| each == CRD_CLEANUP) {
        finalizers.push(CRD_CLEANUP.to_owned());
        meta::set_finalizers(&mut new, &finalizers);
    }
    new["status"]["acceptedNames"] = crd["spec"]["names"].clone();
    let storage = meta::items(&crd["spec"]["versions"]).iter().find(|version| version["storage"] == true);
    let mut stored = meta::items(&crd["status"]["storedVersions"]).to_vec();
    if let Some(storage) = storage
        && !stored.contains(&storage["name"])
    {
        stored.push(storage["name"].clone());
    }
    new["status"]["storedVersions"] = stored.into();
    set_condition(&mut new, "NamesAccepted", "True", "NoConflicts", "no conflicts found");
    set_condition(
        &mut new,
        "Established",
        "True",
        "InitialNamesAccepted",
        "the initial names have been accepted",
    );
    if deleting {
        let text = "CustomResource deletion is in progress";
        set_condition(&mut new, "Terminating", "True", "InstanceDeletionInProgress", text);
    }
    (new != *crd).then_some(new)
}

/// Sets a condition; its transition time moves only when its status does.
pub(crate) fn set_condition(object: &mut Value, kind: &str, status: &str, reason: &str, message: &str) {
    let mut conditions = meta::items(&object["status"]["conditions"]).to_vec();
    let old = conditions.iter().position(|condition| condition["type"] == kind);
    let since = old
        .filter(|&at| conditions[at]["status"] == status)
        .map(|at| conditions[at]["lastTransitionTime"].clone());
    let condition = json!({
        "type": kind,
        "status": status,
        "lastTransitionTime": since.unwrap_or_else(|| meta::now().into()),
        "reason": reason,
        "message": message,
    });
    match old {
        Some(at) => conditions[at] = condition,
        None => conditions.push(condition),
    }
    object["status"]["conditions"] = conditions.into();
}

/// A stored object as the version that was asked for.
pub(crate) fn decode(store: &Store, of: &ResourceType, stored: &Arc<Value>) -> Result<Arc<Value>, Failure> {
    let wanted = of.api_version();
    if stored["apiVersion"] == *wanted && stored["kind"] == *of.kind {
        return Ok(Arc::clone(stored));
    }
    convert(store, of, stored, &wanted).map(Arc::new)
}

/// An object as it is stored.
pub(crate) fn encode(store: &Store, of: &ResourceType, object: &Value) -> Result<Value, Failure> {
    match &of.custom {
        Some(custom) if custom.storage_version != of.version => {
            convert(store, of, object, &format!("{}/{}", of.group, custom.storage_version))
        }
        _ => Ok(object.clone()),
    }
}

fn convert(store: &Store, of: &ResourceType, object: &Value, api_version: &str) -> Result<Value, Failure> {
    if let Some(client) = of.custom.as_ref().and_then(|custom| custom.webhook.as_ref()) {
        let from = object["apiVersion"].as_str().unwrap_or_default();
        let why = call_failure(store, client, 30);
        return Err(Failure::unknown(format!(
            "conversion webhook for {from}, Kind={} failed: {why}",
            of.kind
        )));
    }
    let mut converted = object.clone();
    converted["apiVersion"] = api_version.into();
    converted["kind"] = of.kind.clone().into();
    Ok(converted)
}

/// Why a call to a webhook fails. In the sandbox nobody answers, so it always does.
pub(crate) fn call_failure(store: &Store, client: &Value, timeout: u64) -> String {
    if let Some(url) = client["url"].as_str() {
        return format!("Post \"{url}?timeout={timeout}s\": dial tcp: connect: connection refused");
    }
    let service = &client["service"];
    let text = |field: &str| service[field].as_str().unwrap_or_default();
    let (name, namespace, path) = (text("name"), text("namespace"), text("path"));
    let port = service["port"].as_u64().unwrap_or(443);
    let slash = if path.starts_with('/') { "" } else { "/" };
    let url = format!("https://{name}.{namespace}.svc:{port}{slash}{path}?timeout={timeout}s");
    let why = match store.get("services", namespace, name) {
        None => format!("service {name:?} not found"),
        Some(service) => {
            let address = service["spec"]["clusterIP"].as_str().unwrap_or("10.96.0.1").to_owned();
            format!("dial tcp {address}:{port}: connect: connection refused")
        }
    };
    format!("Post \"{url}\": {why}")
}
