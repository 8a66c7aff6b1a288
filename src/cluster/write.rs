//! The few writes. Each is guarded by what was read just before.

use http::Method;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::{Value, json};

use super::request::Call;
use super::{ApiError, Cluster};
use crate::model::{Namespace, path_segment};

/// Whether a write is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DryRun {
    /// It is.
    #[default]
    None,
    /// The server goes through all of it, admission included, and stores nothing.
    Server,
}

impl DryRun {
    pub(super) fn query(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Server => "&dryRun=All",
        }
    }
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

#[derive(Deserialize)]
struct Object {
    metadata: ObjectMeta,
}

impl Cluster {
    /// The path that a finalize is PUT to.
    #[must_use]
    pub fn finalize_path(name: &str) -> String {
        format!("/api/v1/namespaces/{}/finalize", path_segment(name))
    }

    /// PUTs a namespace to its /finalize subresource. `body` must be the JSON just read with nothing but
    /// `spec.finalizers` changed: the server replaces the whole object except its status by it
    /// (kubernetes' pkg/registry/core/namespace/strategy.go), and its uid and resourceVersion guard the write.
    pub async fn finalize(&self, name: &str, body: &Value, dry_run: DryRun) -> Result<Namespace, ApiError> {
        let path = format!("{}?fieldManager=nsfix{}", Self::finalize_path(name), dry_run.query());
        let answer = self.call_json(Call::write(Method::PUT, &path, body)).await?;
        self.namespace_from(answer)
    }

    /// Reads an object's guard, by metadata alone.
    pub async fn preconditions(&self, path: &str) -> Result<Preconditions, ApiError> {
        let body = match self.call(Call::get(path).accepting(METADATA)).await {
            Err(error) if error.code() == Some(406) => self.call(Call::get(path)).await?,
            other => other?,
        };
        let object: Object = self.parse(&body)?;
        Ok(Preconditions {
            uid: object.metadata.uid.unwrap_or_default(),
            resource_version: object.metadata.resource_version.unwrap_or_default(),
            deleting: object.metadata.deletion_timestamp.is_some(),
            finalizers: object.metadata.finalizers.unwrap_or_default(),
        })
    }

    /// Sets the finalizers of an object, guarded by its uid and resourceVersion. Returns those that it has by the
    /// server's answer: a webhook or policy may have put some back, and that is answered with 200 as well.
    pub async fn set_finalizers(
        &self,
        path: &str,
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
        let url = format!("{path}?fieldManager=nsfix{}", dry_run.query());
        let body = self.call(Call::merge_patch(&url, &patch)).await?;
        let object: Object = self.parse(&body)?;
        Ok(object.metadata.finalizers.unwrap_or_default())
    }

    /// Deletes an object, guarded by its uid alone: whatever has become of it, it is to go.
    pub async fn delete_by_uid(&self, path: &str, uid: &str) -> Result<(), ApiError> {
        let options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}});
        self.call(Call::write(Method::DELETE, path, &options)).await.map(drop)
    }

    /// Deletes an object, guarded by its uid and resourceVersion. `now`: without waiting for a node.
    pub async fn delete(
        &self,
        path: &str,
        preconditions: &Preconditions,
        now: bool,
        dry_run: DryRun,
    ) -> Result<(), ApiError> {
        let mut options = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": preconditions.uid, "resourceVersion": preconditions.resource_version},
            "propagationPolicy": "Background",
        });
        if now {
            options["gracePeriodSeconds"] = json!(0);
        }
        match dry_run {
            DryRun::None => self.call(Call::write(Method::DELETE, path, &options)).await.map(drop),
            DryRun::Server => {
                let (path, options) = dry_deletion(path, options);
                self.call(Call::write(Method::DELETE, &path, &options)).await.map(drop)
            }
        }
    }
}

/// Path and options of a DELETE that deletes nothing. The server takes the options from the body alone where
/// there is one, whatever the URL says (apiserver's pkg/endpoints/handlers/delete.go: DeleteResource); in the URL
/// it is for whoever reads the log.
pub(super) fn dry_deletion(path: &str, mut options: Value) -> (String, Value) {
    options["dryRun"] = json!(["All"]);
    (format!("{path}?dryRun=All"), options)
}

/// The metadata of one object, or all of it from servers that do not know that form.
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json;q=0.9";
