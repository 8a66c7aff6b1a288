//! What the server sets itself, or will not take back.

use serde_json::{Map, Value};

/// What becomes of the finalizers that an object had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finalizers {
    /// They are dropped: the controller that would remove them may be gone.
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

pub(super) fn is_server_set(field: &str) -> bool {
    SERVER_SET.contains(&field)
}

/// The spec as it can be created again, where that is another than it was. Only Kubernetes' own kinds are known: a
/// kind of the same name in another group is something else.
pub(super) fn creatable_spec(group: &str, kind: &str, spec: &str) -> Option<Value> {
    let known = [("", "Namespace"), ("", "Pod"), ("", "Service"), ("batch", "Job")];
    if !known.contains(&(group, kind)) {
        return None;
    }
    let mut spec: Map<String, Value> = serde_json::from_str(spec).ok()?;
    match kind {
        // The server gives every namespace its own.
        "Namespace" => drop(spec.shift_remove("finalizers")),
        "Pod" => {
            spec.shift_remove("nodeName");
            // Refused on creation (kubernetes' pkg/apis/core/validation/validation.go: ValidatePodCreate).
            spec.shift_remove("ephemeralContainers");
        }
        "Service" if spec.get("clusterIP").is_some_and(|ip| ip != "None") => {
            spec.shift_remove("clusterIP");
            spec.shift_remove("clusterIPs");
        }
        "Job" if spec.get("manualSelector") != Some(&Value::Bool(true)) => job(&mut spec),
        _ => return None,
    }
    Some(Value::Object(spec))
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

/// Whether an object is left out. `field` reads one of its top fields.
pub(super) fn skipped(
    api_version: &str,
    kind: &str,
    field: &dyn Fn(&str) -> Option<Value>,
) -> Option<Skipped> {
    match (api_version, kind) {
        ("v1", "Secret") => {
            let token = field("type").is_some_and(|of| of == "kubernetes.io/service-account-token");
            token.then_some(Skipped::ServiceAccountToken)
        }
        ("batch/v1", "Job") => {
            let status = field("status")?;
            let finished = status["conditions"].as_array().into_iter().flatten().any(|condition| {
                ["Complete", "Failed"].contains(&condition["type"].as_str().unwrap_or_default())
                    && condition["status"] == "True"
            });
            finished.then_some(Skipped::FinishedJob)
        }
        _ => None,
    }
}

pub const RANKS: usize = 5;

/// Kinds that bring pods, and the group of each.
const WORKLOADS: [(&str, &str); 8] = [
    ("", "Pod"),
    ("", "ReplicationController"),
    ("apps", "DaemonSet"),
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("apps", "StatefulSet"),
    ("batch", "CronJob"),
    ("batch", "Job"),
];

/// In which pass an object is created: what others need comes first.
pub(super) fn rank(group: &str, kind: &str) -> usize {
    match (group, kind) {
        ("", "Namespace") => 0,
        ("", "ServiceAccount" | "Secret" | "ConfigMap") => 1,
        workload if WORKLOADS.contains(&workload) => 3,
        (group, _) if is_builtin(group) => 2,
        _ => 4,
    }
}

/// Kubernetes' own groups: without a dot, or under k8s.io. Some add-ons are there as well, which only decides how
/// early they are created.
fn is_builtin(group: &str) -> bool {
    !group.contains('.') || group.ends_with(".k8s.io")
}
