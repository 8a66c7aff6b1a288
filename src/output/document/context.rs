//! What could not be looked at as a whole: one of several contexts.

use serde::Serialize;

use crate::output::list_stuck::UnreadContext;

/// A context whose cluster nothing is known about. Unknown, never empty.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UnreadContextItem {
    /// Its name in the kubeconfig.
    context: String,
    /// Misconfigured: the kubeconfig, or a credential plugin that it names, leads to no cluster. Forbidden: 401 or 403.
    /// Unavailable: 503. TimedOut: no answer within the deadline. Failed: anything else, such as no connection.
    #[cfg_attr(test, schemars(schema_with = "super::schemas::unread_context"))]
    why: String,
    /// What was said.
    detail: String,
}

impl UnreadContextItem {
    /// Describes one.
    #[must_use]
    pub fn new(unread: &UnreadContext) -> Self {
        Self {
            context: unread.context.clone(),
            why: unread.why.map_or_else(|| MISCONFIGURED.to_owned(), |why| why.to_string()),
            detail: unread.failure.message.clone(),
        }
    }
}

pub(super) const MISCONFIGURED: &str = "Misconfigured";
