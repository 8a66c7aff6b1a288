//! The few writes. Each is guarded by what was read just before.

use http::Method;
use serde_json::Value;

use super::request::Call;
use super::{ApiError, Cluster};
use crate::model::Namespace;

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
    fn query(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Server => "&dryRun=All",
        }
    }
}

impl Cluster {
    /// The path that a finalize is PUT to.
    #[must_use]
    pub fn finalize_path(name: &str) -> String {
        format!("/api/v1/namespaces/{name}/finalize")
    }

    /// PUTs a namespace to its /finalize subresource. `body` must be the JSON just read with nothing but
    /// `spec.finalizers` changed: the server replaces the whole object except its status by it
    /// (kubernetes' pkg/registry/core/namespace/strategy.go), and its uid and resourceVersion guard the write.
    pub async fn finalize(&self, name: &str, body: &Value, dry_run: DryRun) -> Result<Namespace, ApiError> {
        let path = format!("{}?fieldManager=nsfix{}", Self::finalize_path(name), dry_run.query());
        let answer = self.call_json(Call::write(Method::PUT, &path, body)).await?;
        self.namespace_from(answer)
    }
}
