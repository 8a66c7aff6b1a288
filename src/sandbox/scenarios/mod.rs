//! Namespaces in trouble, as recipes.
//!
//! A recipe is a list of plain requests, complete enough for a real API server: the sandbox plays it, and the
//! contract suite plays the same one on a real control plane. What only a running controller can bring about
//! is either waited for (and skipped where none runs) or done by the recipe itself.

mod blockers;
mod content;
mod finalizers;

use serde_json::{Value, json};

use super::Release;

/// One namespace in one kind of trouble.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What it is called, here and on the command line.
    pub name: &'static str,
    /// What is wrong, in one sentence.
    pub about: &'static str,
    /// The namespaces that it makes.
    pub namespaces: &'static [&'static str],
    /// Whether it blocks other namespaces than its own.
    pub blocks_cluster: bool,
    /// The first release that has what it is about.
    pub since: Release,
    /// How it comes about.
    pub steps: fn() -> Vec<Step>,
}

/// One step of a recipe.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A request that has to succeed.
    Request {
        /// `POST`, `PUT`, `PATCH` or `DELETE`
        method: &'static str,
        /// The path, with a query if there is one.
        path: String,
        body: Option<Value>,
        /// The body's media type.
        content_type: &'static str,
    },
    /// Until the CRD of this name is established and its types are served.
    WaitForCrd {
        /// `plural.group`
        name: String,
    },
    /// Until discovery shows the group and version as stale. The controller must not look earlier.
    WaitForStale {
        /// The API group.
        group: String,
        version: String,
    },
    /// Until a request is answered with this status: a webhook or a policy is in force a moment after it is stored.
    WaitForRefusal {
        /// The request, a dry run.
        request: Box<Step>,
        /// The status of its answer.
        status: u16,
    },
    /// Until the namespace controller has set its conditions. Nothing to do where no controller runs.
    WaitForReport { namespace: String },
    /// Moves the namespace and everything in it into the past, so that ages look real. Only the sandbox can.
    Backdate {
        namespace: String,
        /// How far.
        seconds: i64,
    },
}

const MINUTE: i64 = 60;
const DAY: i64 = 86_400;

impl Step {
    /// Whether an answer with this status means that the step is done: also when what it should create exists
    /// already (a controller was faster), or what it should delete is gone.
    #[must_use]
    pub fn is_done_by(&self, status: u16) -> bool {
        match self {
            Self::Request { method: "POST", .. } => status < 300 || status == 409,
            Self::Request { method: "DELETE", .. } => status < 300 || status == 404,
            _ => status < 300,
        }
    }

    pub(crate) fn post(path: &str, body: Value) -> Self {
        Self::Request {
            method: "POST",
            path: path.to_owned(),
            body: Some(body),
            content_type: "application/json",
        }
    }

    fn put(path: &str, body: Value) -> Self {
        Self::Request {
            method: "PUT",
            path: path.to_owned(),
            body: Some(body),
            content_type: "application/json",
        }
    }

    fn merge(path: &str, body: Value) -> Self {
        let content_type = "application/merge-patch+json";
        Self::Request { method: "PATCH", path: path.to_owned(), body: Some(body), content_type }
    }

    fn delete(path: &str) -> Self {
        Self::Request {
            method: "DELETE",
            path: path.to_owned(),
            body: None,
            content_type: "application/json",
        }
    }

    fn backdate(namespace: &str, seconds: i64) -> Self {
        Self::Backdate { namespace: namespace.to_owned(), seconds }
    }

    fn wait_for_report(namespace: &str) -> Self {
        Self::WaitForReport { namespace: namespace.to_owned() }
    }

    fn wait_for_stale(group: &str, version: &str) -> Self {
        Self::WaitForStale { group: group.to_owned(), version: version.to_owned() }
    }

    /// Waits until this request (its dry run) is answered with the status.
    fn refused_with(self, status: u16) -> Self {
        let mut request = Box::new(self);
        if let Self::Request { path, .. } = request.as_mut() {
            path.push_str("?dryRun=All");
        }
        Self::WaitForRefusal { request, status }
    }

    fn wait_for_crd(name: &str) -> Self {
        Self::WaitForCrd { name: name.to_owned() }
    }
}

/// All of them.
#[must_use]
pub fn all() -> &'static [Scenario] {
    &ALL
}

#[must_use]
pub fn find(name: &str) -> Option<&'static Scenario> {
    ALL.iter().find(|scenario| scenario.name == name)
}

/// Those that a release has what it takes for.
pub fn playable(release: Release) -> impl Iterator<Item = &'static Scenario> + Send {
    ALL.iter().filter(move |scenario| scenario.since <= release)
}

/// Those that a sandbox has unless others are asked for: enough to see every kind of outcome, and nothing
/// that blocks the whole cluster.
#[must_use]
pub fn default_set() -> Vec<&'static Scenario> {
    ["rodrigo", "held-backup", "configmap-finalizer", "metadata-finalizer", "zombie", "active"]
        .into_iter()
        .filter_map(find)
        .collect()
}

macro_rules! scenario {
    ($name:literal, $steps:path, $about:literal) => {
        scenario!($name, $steps, $about, false)
    };
    ($name:literal, $steps:path, $about:literal, $blocks:literal) => {
        Scenario {
            name: $name,
            about: $about,
            namespaces: &[$name],
            blocks_cluster: $blocks,
            since: Release::OLDEST,
            steps: $steps,
        }
    };
}

static ALL: [Scenario; 21] = [
    scenario!(
        "rodrigo",
        blockers::rodrigo,
        "empty, but metrics-server is gone and its APIService is still there",
        true
    ),
    scenario!("held-backup", content::held_backup, "a custom resource waits for an operator that is gone"),
    scenario!("configmap-finalizer", content::configmap_finalizer, "a ConfigMap is held by a finalizer"),
    scenario!(
        "metadata-finalizer",
        finalizers::metadata_finalizer,
        "the namespace itself is held by a metadata finalizer (Rancher's)"
    ),
    scenario!(
        "zombie",
        finalizers::zombie,
        "finalized while Active and then deleted: empty, and nothing will ever end it"
    ),
    scenario!("active", content::active, "a healthy namespace"),
    scenario!(
        "dead-apiservice",
        blockers::dead_apiservice,
        "empty, but an API group cannot be discovered: its Service is missing",
        true
    ),
    scenario!(
        "dead-apiservice-and-finalizer",
        blockers::dead_apiservice_and_finalizer,
        "a dead API group, and a ConfigMap held by a finalizer",
        true
    ),
    scenario!(
        "apiservice-no-endpoints",
        blockers::apiservice_no_endpoints,
        "empty, but an API group cannot be discovered: nobody is behind its Service",
        true
    ),
    scenario!(
        "dead-conversion-webhook",
        blockers::dead_conversion_webhook,
        "a custom resource that cannot be converted to the version in which it would be deleted",
        true
    ),
    scenario!(
        "dead-delete-webhook",
        blockers::dead_delete_webhook,
        "a dead webhook refuses the deletion of ConfigMaps"
    ),
    scenario!(
        "dead-update-webhook",
        blockers::dead_update_webhook,
        "a dead webhook refuses the update that would release a ConfigMap"
    ),
    Scenario {
        since: Release::ADMISSION_POLICIES,
        ..scenario!(
            "policy-denies-update",
            blockers::policy_denies_update,
            "a ValidatingAdmissionPolicy refuses the update that would release a ConfigMap"
        )
    },
    scenario!(
        "finalize-webhook",
        blockers::finalize_webhook,
        "a dead webhook refuses the finalization of the namespace"
    ),
    scenario!(
        "disarmed",
        finalizers::disarmed,
        "finalized while Active and then deleted: its content is untouched, and nothing will ever clean it up"
    ),
    scenario!(
        "foreign-spec-finalizer",
        finalizers::foreign_spec_finalizer,
        "a spec finalizer that is not Kubernetes' own"
    ),
    scenario!(
        "pods-first",
        content::pods_first,
        "a pod is held by a finalizer; until it goes, nothing else is even deleted, and the conditions say all is well"
    ),
    scenario!("lost-node", content::lost_node, "a pod on a node that no longer answers"),
    scenario!(
        "load-balancer",
        content::load_balancer,
        "a Service waits for its cloud load balancer to be removed"
    ),
    scenario!("progressing", content::progressing, "just deleted; a pod still has time to stop"),
    scenario!(
        "no-secrets",
        content::no_secrets,
        "a Secret is held by a finalizer, and there is a user who may not list Secrets"
    ),
];

/// A namespace with a label and an annotation, and the label that servers before 1.21 do not add.
fn namespace(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/part-of": "nsfix-scenarios", "kubernetes.io/metadata.name": name},
            "annotations": {"example.com/owner": "team-a"},
        },
    })
}

fn create_namespace(name: &str) -> Step {
    Step::post("/api/v1/namespaces", namespace(name))
}

fn delete_namespace(name: &str) -> Step {
    Step::delete(&format!("/api/v1/namespaces/{name}"))
}

/// Takes away what controllers put into every namespace. They cannot put it back once the namespace is going.
fn remove_furnishings(name: &str) -> [Step; 2] {
    [
        Step::delete(&format!("/api/v1/namespaces/{name}/serviceaccounts/default")),
        Step::delete(&format!("/api/v1/namespaces/{name}/configmaps/kube-root-ca.crt")),
    ]
}

/// A `PUT …/finalize` that leaves the namespace as the recipe made it, but for its spec finalizers.
fn finalize(mut namespace: Value, spec_finalizers: &[&str]) -> Step {
    let path =
        format!("/api/v1/namespaces/{}/finalize", namespace["metadata"]["name"].as_str().unwrap_or_default());
    namespace["spec"] = json!({"finalizers": spec_finalizers});
    Step::put(&path, namespace)
}

/// A `ConfigMap`, with or without finalizers.
fn configmap(name: &str, finalizers: &[&str]) -> Value {
    let mut map = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name},
        "data": {"greeting": "hello"},
    });
    if !finalizers.is_empty() {
        map["metadata"]["finalizers"] = json!(finalizers);
    }
    map
}

/// A node, with what its kubelet last said (`True`, `False` or `Unknown`) and why.
pub(crate) fn node(name: &str, ready: &str, reason: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}},
        "spec": {},
        "status": {
            "capacity": {"cpu": "4", "memory": "8Gi", "pods": "110"},
            "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
            "addresses": [{"type": "InternalIP", "address": "192.0.2.1"}, {"type": "Hostname", "address": name}],
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": "",
                "containerRuntimeVersion": "none://",
                "kernelVersion": "none",
                "kubeProxyVersion": "",
                "kubeletVersion": "",
                "machineID": "",
                "operatingSystem": "linux",
                "osImage": "nsfix sandbox",
                "systemUUID": "",
            },
            "conditions": [{
                "type": "Ready",
                "status": ready,
                "reason": reason,
                "message": "reported by a nsfix scenario",
                "lastHeartbeatTime": "2024-01-01T00:00:00Z",
                "lastTransitionTime": "2024-01-01T00:00:00Z",
            }],
        },
    })
}
