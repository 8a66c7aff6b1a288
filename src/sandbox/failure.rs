//! Errors as the API server words them.
//!
//! The texts are those of apimachinery's `pkg/api/errors/errors.go`; tools and people match on them, so they
//! are exact.

use std::fmt::Display;

use serde_json::{Value, json};

use super::types::ResourceType;

/// A request that failed: a `Status`, or plain text where the real server answers without one.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) code: u16,
    /// Left out for errors that the server does not know, such as a failing conversion.
    pub(crate) reason: Option<&'static str>,
    pub(crate) message: String,
    pub(crate) details: Option<Box<Value>>,
    pub(crate) retry_after: Option<u32>,
    /// Sent as `text/plain` instead of a `Status`.
    pub(crate) plain: bool,
}

/// One thing wrong with an object; several make up a 422.
pub(crate) struct Flaw {
    pub(crate) reason: &'static str,
    pub(crate) field: String,
    pub(crate) message: String,
}

impl Flaw {
    pub(crate) fn forbidden(field: &str, detail: &str) -> Self {
        Self {
            reason: "FieldValueForbidden",
            field: field.to_owned(),
            message: format!("Forbidden: {detail}"),
        }
    }

    pub(crate) fn invalid(field: &str, value: impl Display, detail: &str) -> Self {
        let message = format!("Invalid value: {value}: {detail}");
        Self { reason: "FieldValueInvalid", field: field.to_owned(), message }
    }

    pub(crate) fn required(field: &str, detail: &str) -> Self {
        Self {
            reason: "FieldValueRequired",
            field: field.to_owned(),
            message: format!("Required value: {detail}"),
        }
    }
}

impl Failure {
    pub(crate) fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason: Some(reason),
            message: message.into(),
            details: None,
            retry_after: None,
            plain: false,
        }
    }

    fn with_details(mut self, details: Value) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    fn about(code: u16, reason: &'static str, of: &ResourceType, name: &str, message: String) -> Self {
        Self::new(code, reason, message).with_details(details(name, &of.group, &of.resource))
    }

    /// Text without a `Status` around it.
    pub(crate) fn plain(code: u16, text: &str) -> Self {
        Self { reason: None, plain: true, ..Self::new(code, "", text) }
    }

    /// What every path outside `/api` and `/apis/<known group>` gets.
    pub(crate) fn no_such_path() -> Self {
        Self::plain(404, "404 page not found\n")
    }

    /// An unknown resource in a known group.
    pub(crate) fn no_such_resource() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource").with_details(json!({}))
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// `NamespaceLifecycle`'s and other admission's refusal.
    pub(crate) fn forbidden(of: &ResourceType, name: &str, why: &str) -> Self {
        let message = if name.is_empty() {
            format!("{} is forbidden: {why}", of.group_resource())
        } else {
            format!("{} {name:?} is forbidden: {why}", of.group_resource())
        };
        Self::about(403, "Forbidden", of, name, message)
    }

    pub(crate) fn not_found(of: &ResourceType, name: &str) -> Self {
        Self::about(404, "NotFound", of, name, format!("{} {name:?} not found", of.group_resource()))
    }

    /// The namespace of the object is missing; note that `details.kind` names the namespace, not the object.
    pub(crate) fn no_namespace(name: &str) -> Self {
        Self::new(404, "NotFound", format!("namespaces {name:?} not found")).with_details(details(
            name,
            "",
            "namespaces",
        ))
    }

    pub(crate) fn already_exists(of: &ResourceType, name: &str, deleting: bool) -> Self {
        let prefix = if deleting { "object is being deleted: " } else { "" };
        let message = format!("{prefix}{} {name:?} already exists", of.group_resource());
        Self::about(409, "AlreadyExists", of, name, message)
    }

    pub(crate) fn conflict(of: &ResourceType, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", of.group_resource());
        Self::about(409, "Conflict", of, name, message)
    }

    /// A precondition of a DELETE that does not hold (registry/rest/delete.go), which speaks of the kind instead of the
    /// resource.
    pub(crate) fn precondition(of: &ResourceType, name: &str, why: &str) -> Self {
        let kind = if of.group.is_empty() { of.kind.clone() } else { format!("{}.{}", of.kind, of.group) };
        let message = format!("Operation cannot be fulfilled on {kind} {name:?}: {why}");
        Self::new(409, "Conflict", message).with_details(details(name, &of.group, &of.kind))
    }

    pub(crate) fn stale_version(of: &ResourceType, name: &str) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(of, name, why)
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message).with_details(json!({}))
    }

    pub(crate) fn not_acceptable(accepted: &[&str]) -> Self {
        let message = format!("only the following media types are accepted: {}", accepted.join(", "));
        Self::new(406, "NotAcceptable", message)
    }

    pub(crate) fn unsupported_media_type(accepted: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// The watch or the list asks for a revision that is no longer kept.
    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 422 with every flaw named, in the wording of `field.ErrorList.ToAggregate`.
    pub(crate) fn invalid(of: &ResourceType, name: &str, flaws: &[Flaw]) -> Self {
        let kind = if of.group.is_empty() { of.kind.clone() } else { format!("{}.{}", of.kind, of.group) };
        let mut texts: Vec<_> =
            flaws.iter().map(|flaw| format!("{}: {}", flaw.field, flaw.message)).collect();
        texts.dedup();
        let list = if texts.len() == 1 { texts.remove(0) } else { format!("[{}]", texts.join(", ")) };
        let mut details = details(name, &of.group, &of.kind);
        details["causes"] = flaws
            .iter()
            .map(|flaw| json!({"reason": flaw.reason, "message": flaw.message, "field": flaw.field}))
            .collect();
        Self::new(422, "Invalid", format!("{kind} {name:?} is invalid: {list}")).with_details(details)
    }

    pub(crate) fn internal(message: &str) -> Self {
        Self::new(500, "InternalError", format!("Internal error occurred: {message}"))
            .with_details(json!({"causes": [{"message": message}]}))
    }

    /// A Go error that is no `Status`: 500, and no reason (responsewriters/status.go).
    pub(crate) fn unknown(message: String) -> Self {
        Self { reason: None, ..Self::new(500, "", message) }
    }

    pub(crate) fn too_many_requests(message: &str, retry_after: u32) -> Self {
        let mut failure = Self::new(429, "TooManyRequests", message)
            .with_details(json!({"retryAfterSeconds": retry_after}));
        failure.retry_after = Some(retry_after);
        failure
    }

    /// Adds a cause to the details, as admission does.
    pub(crate) fn because(mut self, cause: Value) -> Self {
        let mut details = self.details.take().map_or_else(|| json!({}), |details| *details);
        if !details["causes"].is_array() {
            details["causes"] = json!([]);
        }
        if let Some(causes) = details["causes"].as_array_mut() {
            causes.push(cause);
        }
        self.with_details(details)
    }

    /// The `Status` object.
    pub(crate) fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        });
        if let Some(reason) = self.reason {
            status["reason"] = reason.into();
        }
        if let Some(details) = &self.details {
            status["details"] = (**details).clone();
        }
        status["code"] = self.code.into();
        status
    }
}

fn details(name: &str, group: &str, kind: &str) -> Value {
    let mut details = json!({});
    for (field, value) in [("name", name), ("group", group), ("kind", kind)] {
        if !value.is_empty() {
            details[field] = value.into();
        }
    }
    details
}
