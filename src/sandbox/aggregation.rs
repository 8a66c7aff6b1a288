//! APIServices: which API groups are served by somebody else, and whether that somebody answers.
//!
//! Nobody ever answers in the sandbox, so a remote `APIService` is never available; what differs is why
//! (kube-aggregator's `remote_available_controller.go`).

use serde_json::{Value, json};

use super::crd::set_condition;
use super::meta;
use super::release::Release;
use super::store::Store;

pub(crate) const KEY: &str = "apiservices.apiregistration.k8s.io";

/// A group and version that another server should serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remote {
    pub(crate) group: String,
    pub(crate) version: String,
}

/// The remote APIServices, all of them dead.
pub(crate) fn remotes(store: &Store) -> Vec<Remote> {
    let all = store.all(KEY);
    let remote = all.iter().filter(|service| service["spec"]["service"].is_object());
    remote
        .map(|service| Remote {
            group: service["spec"]["group"].as_str().unwrap_or_default().to_owned(),
            version: service["spec"]["version"].as_str().unwrap_or_default().to_owned(),
        })
        .collect()
}

/// Whether paths of this group and version go to another server.
pub(crate) fn is_remote(store: &Store, group: &str, version: &str) -> bool {
    store
        .get(KEY, "", &format!("{version}.{group}"))
        .is_some_and(|service| service["spec"]["service"].is_object())
}

/// Fills in what the real server defaults.
pub(crate) fn default(service: &mut Value) {
    if service["spec"]["service"].is_object() && service["spec"]["service"]["port"].is_null() {
        service["spec"]["service"]["port"] = 443.into();
    }
}

/// The `APIService` that the server registers for a group and version of its own, when it starts, or of a CRD.
pub(crate) fn local(group: &str, version: &str, custom: bool) -> Value {
    let managed = if custom { "true" } else { "onstart" };
    json!({
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {
            "name": format!("{version}.{group}"),
            "labels": {"kube-aggregator.kubernetes.io/automanaged": managed},
        },
        "spec": {"group": group, "version": version, "groupPriorityMinimum": 1000, "versionPriority": 100},
    })
}

/// Brings the Available condition up to date. None when nothing changes.
pub(crate) fn reconcile(release: Release, store: &Store, service: &Value) -> Option<Value> {
    let mut new = service.clone();
    let (status, reason, message) = availability(release, store, &service["spec"]["service"]);
    set_condition(&mut new, "Available", status, reason, &message);
    (new != *service).then_some(new)
}

fn availability(release: Release, store: &Store, to: &Value) -> (&'static str, &'static str, String) {
    if !to.is_object() {
        return ("True", "Local", "Local APIServices are always available".to_owned());
    }
    let text = |field: &str| to[field].as_str().unwrap_or_default();
    let (name, namespace) = (text("name"), text("namespace"));
    let port = to["port"].as_u64().unwrap_or(443);
    let subject = format!("service/{name} in {namespace:?}");
    let Some(service) = store.get("services", namespace, name) else {
        return ("False", "ServiceNotFound", format!("{subject} is not present"));
    };
    let listening = meta::items(&service["spec"]["ports"]).iter().find(|each| each["port"] == port);
    let Some(listening) = listening else {
        return ("False", "ServicePortError", format!("{subject} is not listening on port {port}"));
    };
    let port_name = listening["name"].as_str().unwrap_or_default();
    let (kind, addresses) = if release.judges_by_slices() {
        ("endpointslices", in_slices(store, namespace, name, port_name))
    } else {
        ("endpoints", in_endpoints(store, namespace, name, port_name))
    };
    match addresses {
        None => return ("False", "EndpointsNotFound", format!("cannot find {kind} for {subject}")),
        Some(false) => {
            let message = format!("{kind} for {subject} have no addresses with port name {port_name:?}");
            return ("False", "MissingEndpoints", message);
        }
        Some(true) => {}
    }
    let address = service["spec"]["clusterIP"].as_str().unwrap_or("10.96.0.1");
    let url = format!("https://{address}:{port}/apis");
    let message = format!(
        "failing or missing response from {url}: Get \"{url}\": dial tcp {address}:{port}: connect: connection refused"
    );
    ("False", "FailedDiscoveryCheck", message)
}

/// Whether an EndpointSlice of the Service has an address for the port; none where there is no slice.
fn in_slices(store: &Store, namespace: &str, service: &str, port: &str) -> Option<bool> {
    let slices: Vec<_> = store
        .list("endpointslices.discovery.k8s.io", namespace, None)
        .filter(|slice| slice["metadata"]["labels"]["kubernetes.io/service-name"] == service)
        .collect();
    let alive = |slice: &&std::sync::Arc<Value>| {
        let ready = |endpoint: &Value| endpoint["conditions"]["ready"] != false;
        meta::items(&slice["endpoints"]).iter().any(ready) && has_port(&slice["ports"], port)
    };
    (!slices.is_empty()).then(|| slices.iter().any(alive))
}

/// The same of its Endpoints, which have its name.
fn in_endpoints(store: &Store, namespace: &str, service: &str, port: &str) -> Option<bool> {
    let endpoints = store.get("endpoints", namespace, service)?;
    let alive =
        |subset: &Value| !meta::items(&subset["addresses"]).is_empty() && has_port(&subset["ports"], port);
    Some(meta::items(&endpoints["subsets"]).iter().any(alive))
}

fn has_port(ports: &Value, name: &str) -> bool {
    meta::items(ports).iter().any(|each| each["name"].as_str().unwrap_or_default() == name)
}
