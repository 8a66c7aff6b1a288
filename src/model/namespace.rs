//! A namespace as the server stores it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// The spec finalizer that the namespace controller removes once a namespace is empty
/// (`FinalizerKubernetes` in kubernetes' pkg/apis/core/types.go).
pub const KUBERNETES_FINALIZER: &str = "kubernetes";

/// One of the conditions that the namespace controller writes. A hint, never evidence: conditions may be
/// absent, late, or (1.33 and later, while pods remain) wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// For example `NamespaceDeletionDiscoveryFailure`.
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// CamelCase reason; may be empty.
    pub reason: String,
    /// Free text from the server; escape it before it reaches a terminal.
    pub message: String,
    /// When the status last flipped.
    pub last_transition: Option<Timestamp>,
}

/// A namespace, typed where nsfix looks and whole where it writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Namespace {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`: another uid under the same name is another namespace.
    pub uid: String,
    /// `metadata.resourceVersion`, opaque.
    pub resource_version: String,
    /// `metadata.creationTimestamp`.
    pub created: Option<Timestamp>,
    /// `metadata.deletionTimestamp`; set exactly while the phase is Terminating.
    pub deleted: Option<Timestamp>,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, String>,
    /// `spec.finalizers`; only PUT /finalize changes them.
    pub spec_finalizers: Vec<String>,
    /// `metadata.finalizers`; a plain PATCH changes them.
    pub metadata_finalizers: Vec<String>,
    /// `status.conditions`, in the server's order.
    pub conditions: Vec<Condition>,
    /// The object exactly as it was read, unknown fields and all: the only thing that may be sent back. Every copy of the
    /// namespace has the same.
    pub json: Arc<Value>,
}

/// The server's answer was JSON, but no namespace.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// Its fields are of other types.
    #[error("the server's answer is not a Namespace: {0}")]
    Fields(#[from] serde_json::Error),
    /// Fields that the server always sets are missing.
    #[error("the server's answer is not a Namespace: it lacks a name, a uid or a resourceVersion")]
    Incomplete,
}

/// What is looked at of a namespace. Not k8s-openapi's type, which takes managed fields apart: most of what is sent.
#[derive(Debug, Deserialize)]
pub struct NamespaceFields {
    metadata: MetadataFields,
    #[serde(default)]
    spec: Option<SpecFields>,
    #[serde(default)]
    status: Option<StatusFields>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetadataFields {
    name: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    creation_timestamp: Option<Timestamp>,
    deletion_timestamp: Option<Timestamp>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    finalizers: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct SpecFields {
    finalizers: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct StatusFields {
    conditions: Option<Vec<ConditionFields>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConditionFields {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    reason: Option<String>,
    message: Option<String>,
    last_transition_time: Option<Timestamp>,
}

impl Namespace {
    /// Reads a namespace from the server's JSON, which is kept whole in [`Namespace::json`].
    pub fn from_json(json: Value) -> Result<Self, Malformed> {
        let fields = NamespaceFields::deserialize(&json)?;
        Ok(Self { json: Arc::new(json), ..Self::from_fields(fields)? })
    }

    /// The same of what is only looked at: [`Namespace::json`] is null, and nothing can be sent back.
    pub fn from_fields(fields: NamespaceFields) -> Result<Self, Malformed> {
        let NamespaceFields { metadata: meta, spec, status } = fields;
        let (Some(name), Some(uid), Some(resource_version)) = (meta.name, meta.uid, meta.resource_version)
        else {
            return Err(Malformed::Incomplete);
        };
        let conditions = status.and_then(|status| status.conditions).unwrap_or_default();
        Ok(Self {
            name,
            uid,
            resource_version,
            created: meta.creation_timestamp,
            deleted: meta.deletion_timestamp,
            labels: meta.labels.unwrap_or_default(),
            annotations: meta.annotations.unwrap_or_default(),
            spec_finalizers: spec.and_then(|spec| spec.finalizers).unwrap_or_default(),
            metadata_finalizers: meta.finalizers.unwrap_or_default(),
            conditions: conditions.into_iter().map(Condition::from).collect(),
            json: Arc::default(),
        })
    }

    /// Whether the namespace is being deleted.
    #[must_use]
    pub fn is_terminating(&self) -> bool {
        self.deleted.is_some()
    }

    /// Whether the `kubernetes` spec finalizer is still there.
    #[must_use]
    pub fn has_kubernetes_finalizer(&self) -> bool {
        self.spec_finalizers.iter().any(|name| name == KUBERNETES_FINALIZER)
    }

    /// The spec finalizers besides `kubernetes`, which belong to other controllers.
    pub fn foreign_spec_finalizers(&self) -> impl Iterator<Item = &str> {
        self.spec_finalizers.iter().map(String::as_str).filter(|name| *name != KUBERNETES_FINALIZER)
    }

    /// Terminating with no finalizer left anywhere: nothing will ever remove it by itself.
    #[must_use]
    pub fn is_zombie(&self) -> bool {
        self.is_terminating() && self.spec_finalizers.is_empty() && self.metadata_finalizers.is_empty()
    }

    /// The condition of this type, if the controller has written one.
    #[must_use]
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.kind == kind)
    }

    /// The object to PUT to /finalize: what was read, with exactly these spec finalizers removed.
    #[must_use]
    pub fn without_spec_finalizers(&self, remove: &[&str]) -> Value {
        let mut body = Value::clone(&self.json);
        if let Some(finalizers) = body.pointer_mut("/spec/finalizers").and_then(Value::as_array_mut) {
            finalizers.retain(|name| !name.as_str().is_some_and(|name| remove.contains(&name)));
        }
        body
    }
}

impl From<ConditionFields> for Condition {
    fn from(condition: ConditionFields) -> Self {
        Self {
            kind: condition.kind,
            status: condition.status,
            reason: condition.reason.unwrap_or_default(),
            message: condition.message.unwrap_or_default(),
            last_transition: condition.last_transition_time,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rodrigo() -> Value {
        json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {
                "name": "rodrigo", "uid": "u-1", "resourceVersion": "7",
                "deletionTimestamp": "2026-01-01T00:00:00Z", "fieldFromTheFuture": {"a": 1},
                "finalizers": ["example.com/meta"],
            },
            "spec": {"finalizers": ["kubernetes", "example.com/hold"], "alsoUnknown": [1, 2]},
            "status": {"phase": "Terminating"},
        })
    }

    #[test]
    fn a_finalize_body_differs_from_what_was_read_only_in_the_named_finalizer() {
        let namespace = Namespace::from_json(rodrigo()).unwrap();
        let mut expected = rodrigo();
        expected["spec"]["finalizers"] = json!(["example.com/hold"]);
        assert_eq!(namespace.without_spec_finalizers(&[KUBERNETES_FINALIZER]), expected);
    }

    #[test]
    fn an_object_without_a_uid_is_no_namespace() {
        let mut json = rodrigo();
        json["metadata"]["uid"] = Value::Null;
        let error = Namespace::from_json(json).unwrap_err();
        assert!(error.to_string().contains("lacks a name, a uid"), "{error}");
    }

    #[test]
    fn a_zombie_has_no_finalizer_in_either_place() {
        let mut namespace = Namespace::from_json(rodrigo()).unwrap();
        assert!(!namespace.is_zombie());
        namespace.spec_finalizers.clear();
        assert!(!namespace.is_zombie());
        namespace.metadata_finalizers.clear();
        assert!(namespace.is_zombie());
    }
}
