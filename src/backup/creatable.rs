//! What the server sets itself, or will not take back.

use serde_json::{Map, Value};

/// What becomes of the finalizers that an object had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finalizers {
    /// They are dropped: whoever would remove them may be gone.
    Drop,
    /// They are kept.
    Keep,
}

/// Metadata that the server sets. Owners are left out too: their uids are others by now, and the garbage
/// collector deletes what belongs to a uid that does not exist.
const SERVER_SET: [&str; 9] = [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "managedFields",
    "ownerReferences",
];

/// Labels that the job controller derives from the Job's uid.
const JOB_LABELS: [&str; 2] = ["batch.kubernetes.io/controller-uid", "controller-uid"];

/// The object as it can be created again.
#[must_use]
pub fn creatable(object: &Value, finalizers: Finalizers) -> Value {
    let mut object = object.clone();
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    let Some(root) = object.as_object_mut() else { return object };
    let group = group_of(root);
    // A custom resource without a status subresource has it stored like any other field; with one, the server
    // ignores it.
    if is_builtin(&group) {
        root.shift_remove("status");
    }
    if let Some(metadata) = map(root, "metadata") {
        metadata.retain(|field, _| !SERVER_SET.contains(&field.as_str()));
        if finalizers == Finalizers::Drop {
            metadata.shift_remove("finalizers");
        }
    }
    if let Some(spec) = map(root, "spec") {
        match (group.as_str(), kind.as_str()) {
            // The server gives every namespace its own.
            ("", "Namespace") => drop(spec.shift_remove("finalizers")),
            ("", "Pod") => drop(spec.shift_remove("nodeName")),
            ("", "Service") if spec.get("clusterIP").is_some_and(|ip| ip != "None") => {
                spec.shift_remove("clusterIP");
                spec.shift_remove("clusterIPs");
            }
            ("batch", "Job") if spec.get("manualSelector") != Some(&Value::Bool(true)) => job(spec),
            _ => {}
        }
    }
    object
}

fn group_of(object: &Map<String, Value>) -> String {
    let api_version = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    api_version.rsplit_once('/').map_or("", |(group, _)| group).to_owned()
}

/// Kubernetes' own groups: without a dot, or under k8s.io.
fn is_builtin(group: &str) -> bool {
    !group.contains('.') || group.ends_with(".k8s.io")
}

/// Why an object of a backup is not created again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// The token of a ServiceAccount, whose uid is another by now: the server would delete it.
    ServiceAccountToken,
    /// A Job that has finished would run again.
    FinishedJob,
}

impl std::fmt::Display for Skipped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ServiceAccountToken => "it is the token of a ServiceAccount that does not exist any more",
            Self::FinishedJob => {
                "the Job has finished, and would run again; --include-finished-jobs restores it"
            }
        })
    }
}

/// Whether an object is left out.
#[must_use]
pub fn skipped(object: &Value) -> Option<Skipped> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    match (text("/apiVersion"), text("/kind")) {
        ("v1", "Secret") if text("/type") == "kubernetes.io/service-account-token" => {
            Some(Skipped::ServiceAccountToken)
        }
        ("batch/v1", "Job") => {
            let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
            let finished = conditions.into_iter().flatten().any(|condition| {
                ["Complete", "Failed"].contains(&condition["type"].as_str().unwrap_or_default())
                    && condition["status"] == "True"
            });
            finished.then_some(Skipped::FinishedJob)
        }
        _ => None,
    }
}

/// How many ranks there are.
pub const RANKS: usize = 5;

/// In which pass an object is created: what others need comes first.
#[must_use]
pub fn rank(object: &Value) -> usize {
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    let api_version = text("apiVersion");
    let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
    match text("kind") {
        "Namespace" if group.is_empty() => 0,
        "Pod"
        | "Deployment"
        | "ReplicaSet"
        | "StatefulSet"
        | "DaemonSet"
        | "Job"
        | "CronJob"
        | "ReplicationController"
            if is_builtin(group) =>
        {
            3
        }
        "ServiceAccount" | "Secret" | "ConfigMap" if group.is_empty() => 1,
        _ if is_builtin(group) => 2,
        _ => 4,
    }
}

fn job(spec: &mut Map<String, Value>) {
    spec.shift_remove("selector");
    let template = map(spec, "template").and_then(|template| map(template, "metadata"));
    if let Some(labels) = template.and_then(|metadata| map(metadata, "labels")) {
        labels.retain(|label, _| !JOB_LABELS.contains(&label.as_str()));
    }
}

fn map<'a>(parent: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Map<String, Value>> {
    parent.get_mut(key).and_then(Value::as_object_mut)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_server_sets_is_left_to_it() {
        let backup = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {
                "name": "web", "namespace": "n", "uid": "u", "deletionTimestamp": "2026-01-01T00:00:00Z",
                "labels": {"a": "b"}, "finalizers": ["example.com/x"], "ownerReferences": [{"uid": "gone"}],
            },
            "spec": {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ports": [{"port": 80}]},
            "status": {"loadBalancer": {}},
        });
        let expected = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "web", "namespace": "n", "labels": {"a": "b"}},
            "spec": {"ports": [{"port": 80}]},
        });
        assert_eq!(creatable(&backup, Finalizers::Drop), expected);
        assert_eq!(creatable(&backup, Finalizers::Keep)["metadata"]["finalizers"], json!(["example.com/x"]));
    }

    #[test]
    fn a_headless_service_stays_headless() {
        let backup =
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {}, "spec": {"clusterIP": "None"}});
        assert_eq!(creatable(&backup, Finalizers::Drop)["spec"]["clusterIP"], "None");
    }
}
