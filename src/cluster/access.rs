//! Asking the server what this account may do.

use serde_json::json;

use super::call::Call;
use super::{ApiError, Cluster};
use crate::model::{ApiPath, Permission};

/// What the server says of a permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Whether it is granted.
    pub allowed: bool,
    /// Why, where the authorizer says so.
    pub reason: String,
}

impl Cluster {
    /// A SelfSubjectAccessReview. Every account may ask (`system:basic-user`); nothing is stored.
    pub async fn can_i(&self, permission: &Permission) -> Result<Access, ApiError> {
        let Permission { verb, group, resource, subresource, namespace, name } = permission;
        let mut attributes = json!({"verb": verb, "group": group, "resource": resource});
        let optional = [("subresource", subresource), ("namespace", namespace), ("name", name)];
        for (field, value) in optional.into_iter().filter(|(_, value)| !value.is_empty()) {
            attributes[field] = json!(value);
        }
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        });
        let path = ApiPath::collection("authorization.k8s.io", "v1", "", "selfsubjectaccessreviews");
        let answer = self.call_json(Call::post(&path, &review).probing()).await?;
        let allowed = answer.pointer("/status/allowed").and_then(serde_json::Value::as_bool);
        let Some(allowed) = allowed else {
            return Err(self.not_kubernetes("it did not answer the access review"));
        };
        let reason = answer.pointer("/status/reason").and_then(serde_json::Value::as_str);
        Ok(Access { allowed, reason: reason.unwrap_or_default().to_owned() })
    }
}
