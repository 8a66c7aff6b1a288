//! The few writes. Each is guarded by what was read just before.

use kube::api::{self, DeleteParams};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::call::Call;
use super::{ApiError, Cluster};
use crate::model::{ApiPath, Namespace};

/// Whether a write is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DryRun {
    /// It is.
    #[default]
    None,
    /// The server goes through all of it, admission included, and stores nothing.
    Server,
}

/// What an object was when it was last read, as a guard for the write that follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preconditions {
    /// `metadata.uid`
    pub uid: String,
    /// `metadata.resourceVersion`
    pub resource_version: String,
    /// Whether it has a deletionTimestamp.
    pub deleting: bool,
    /// `metadata.finalizers`
    pub finalizers: Vec<String>,
}

impl From<&Namespace> for Preconditions {
    fn from(namespace: &Namespace) -> Self {
        Self {
            uid: namespace.uid.clone(),
            resource_version: namespace.resource_version.clone(),
            deleting: namespace.is_terminating(),
            finalizers: namespace.metadata_finalizers.clone(),
        }
    }
}

/// What is read of any object: never the whole of it, which may be nested deeper than JSON is read here.
#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    name: String,
    #[serde(default)]
    uid: String,
    #[serde(default)]
    resource_version: String,
    #[serde(default)]
    deletion_timestamp: Option<IgnoredAny>,
    #[serde(default)]
    finalizers: Vec<String>,
}

impl Cluster {
    /// PUTs a namespace to its /finalize subresource. `body` must be the JSON just read with nothing but
    /// `spec.finalizers` changed: the server replaces the whole object except its status by it
    /// (kubernetes' pkg/registry/core/namespace/strategy.go), and its uid and resourceVersion guard the write.
    pub async fn finalize(&self, name: &str, body: &Value, dry_run: DryRun) -> Result<Namespace, ApiError> {
        let answer = self.call_json(Call::replace(&ApiPath::finalize(name), body, dry_run)).await?;
        self.namespace_from(answer)
    }

    /// Reads an object's guard, by metadata alone.
    pub async fn preconditions(&self, path: &ApiPath) -> Result<Preconditions, ApiError> {
        let body = match self.call(Call::get(path).accepting(METADATA)).await {
            Err(error) if error.code() == Some(406) => self.call(Call::get(path)).await?,
            other => other?,
        };
        let object: Object = self.parse(&body)?;
        Ok(Preconditions {
            uid: object.metadata.uid,
            resource_version: object.metadata.resource_version,
            deleting: object.metadata.deletion_timestamp.is_some(),
            finalizers: object.metadata.finalizers,
        })
    }

    /// Sets the finalizers of an object, guarded by its uid and resourceVersion. Returns those that it has by the
    /// server's answer: a webhook or policy may have put some back, and that is answered with 200 as well.
    pub async fn set_finalizers(
        &self,
        path: &ApiPath,
        preconditions: &Preconditions,
        finalizers: &[&str],
        dry_run: DryRun,
    ) -> Result<Vec<String>, ApiError> {
        let finalizers = if finalizers.is_empty() { Value::Null } else { json!(finalizers) };
        let patch = json!({"metadata": {
            "uid": preconditions.uid,
            "resourceVersion": preconditions.resource_version,
            "finalizers": finalizers,
        }});
        let body = self.call(Call::merge_patch(path, &patch, dry_run)).await?;
        let object: Object = self.parse(&body)?;
        Ok(object.metadata.finalizers)
    }

    /// Creates an object of this name in a collection, from JSON that is sent as it stands.
    pub async fn create_text(
        &self,
        collection: &ApiPath,
        body: String,
        name: &str,
        dry_run: DryRun,
    ) -> Result<String, ApiError> {
        let answer = self.call(Call::create_text(collection, body, dry_run)).await?;
        let created: Object = self.parse(&answer)?;
        if created.metadata.name == name {
            return Ok(created.metadata.uid);
        }
        let why = "the server accepted it and answered with another object";
        Err(ApiError::Undone(why.to_owned()))
    }

    /// Deletes an object, guarded by its uid alone: whatever has become of it, it is to go.
    pub async fn delete_by_uid(&self, path: &ApiPath, uid: &str) -> Result<(), ApiError> {
        self.call(Call::delete(path, &DeleteParams::default().preconditions(only_uid(uid)))).await.map(drop)
    }

    /// Deletes an object, guarded by its uid and resourceVersion. `grace_seconds` for pods: none are
    /// given without waiting for a node.
    pub async fn delete(
        &self,
        path: &ApiPath,
        preconditions: &Preconditions,
        grace_seconds: Option<u32>,
        dry_run: DryRun,
    ) -> Result<(), ApiError> {
        let guard = api::Preconditions {
            resource_version: Some(preconditions.resource_version.clone()),
            ..only_uid(&preconditions.uid)
        };
        let params = DeleteParams::background().preconditions(guard);
        let params = grace_seconds.map_or(params.clone(), |seconds| params.grace_period(seconds));
        let params = if dry_run == DryRun::Server { params.dry_run() } else { params };
        self.call(Call::delete(path, &params)).await.map(drop)
    }
}

pub(super) fn only_uid(uid: &str) -> api::Preconditions {
    api::Preconditions { uid: Some(uid.to_owned()), resource_version: None }
}

/// The metadata of one object, or all of it from servers that do not know that form.
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json;q=0.9";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_that_is_nested_deeper_than_json_is_parsed_has_its_guard_read() {
        let deep = format!("{}{}", "{\"a\":".repeat(500), "1".to_owned() + &"}".repeat(500));
        let json = format!(
            r#"{{"spec": {deep}, "metadata": {{"uid": "u", "finalizers": ["f"], "managedFields": [{deep}]}}}}"#
        );
        let object: Object = serde_json::from_str(&json).unwrap();
        assert_eq!((object.metadata.uid.as_str(), object.metadata.finalizers), ("u", vec!["f".to_owned()]));
    }
}
