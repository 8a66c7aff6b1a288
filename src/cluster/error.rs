//! What can go wrong with a request, in kubectl's words.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use kube::core::Status;
use serde::Deserialize;

use super::connection::{TlsFailure, find};
use super::plugin::PluginError;
use crate::model::{Hint, ShellCommand, Unreadable};

/// A request that did not succeed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ApiError {
    /// The server answered with a failure.
    #[error("{}", said(*code, reason, message))]
    Server {
        /// HTTP status code.
        code: u16,
        /// `Status.reason`; empty where the server gave none (conversion webhooks, text/plain answers).
        reason: String,
        /// `Status.message`, or the text of a text/plain answer.
        message: String,
        /// `Status.details.kind`: what the failure is about, by resource; empty where the server names nothing.
        kind: String,
        /// `Status.metadata.continue`: where a list with an expired token can be gone on with.
        continued: String,
    },
    /// The answer is larger than anything that a Kubernetes API server sends.
    #[error("the answer to {request} is larger than {limit_mib} MiB")]
    TooLarge {
        /// Method and path.
        request: String,
        limit_mib: usize,
    },
    /// The answer is not what a Kubernetes API server sends.
    #[error("the server at {server} does not answer like a Kubernetes API server: {what}")]
    NotKubernetes {
        server: String,
        /// What was odd.
        what: String,
    },
    /// The answer broke off or could not be read to its end.
    #[error("the answer of the server at {server} broke off: {what}")]
    BrokenOff {
        server: String,
        /// What the connection said.
        what: String,
        source: Arc<dyn Error + Send + Sync>,
    },
    /// No connection.
    #[error("{said}")]
    Unreachable {
        /// kubectl's sentence for it.
        said: String,
        source: Arc<kube::Error>,
    },
    /// The certificate was not accepted, or TLS failed otherwise.
    #[error("Unable to connect to the server: tls: {said}")]
    Tls {
        /// In what way.
        failure: TlsFailure,
        said: String,
        source: Arc<kube::Error>,
    },
    /// The credentials could not be had (an exec plugin failed).
    #[error("Unable to authenticate: {said}")]
    Credentials { said: String, source: Arc<kube::Error> },
    /// There is no such request: a name is empty.
    #[error("{0}")]
    NotBuilt(#[source] Arc<kube::core::request::Error>),
    /// A write that was answered with success, and did not do what was asked.
    #[error("{0}")]
    Undone(String),
    /// A write that was held back, because only reads are wanted.
    #[error("{0} was not sent: this is a dry run")]
    NotSent(String),
    /// A dry run that was held back, because the server that would answer it need not honour it.
    #[error("{request} was not rehearsed: {why}")]
    NotRehearsed {
        /// Method and path.
        request: String,
        /// Why, in one clause.
        why: String,
    },
    /// No answer within the deadline. A write may have happened all the same.
    #[error("Unable to connect to the server: no answer to {request} within {}", seconds(*.after))]
    TimedOut {
        /// Method and path.
        request: String,
        after: Duration,
    },
}

/// apimachinery's pkg/apis/meta/v1/types.go: StatusReasonStoreReadError; with AllowUnsafeMalformedObjectDeletion.
const STORE_READ_ERROR: &str = "StorageReadError";
/// The server names up to a hundred.
const MOST_KEYS: usize = 10;

/// `key "/registry/secrets/NAMESPACE/NAME": why`.
fn of_key(key: &str, said: &str) -> String {
    let why = said.split_once("AdditionalErrorMsg: ").map_or(said, |(_, why)| why);
    format!("key \"{key}\": {why}")
}

/// A Status, and that it is one: every field of it may be missing.
#[derive(Deserialize)]
struct StatusBody {
    kind: String,
    #[serde(flatten)]
    status: Status,
}

impl ApiError {
    /// Reads the body of a failed answer: a `Status`, or the text/plain of an aggregator or a proxy.
    pub(super) fn from_answer(server: &str, code: u16, body: &[u8]) -> Self {
        if let Ok(StatusBody { kind, status }) = serde_json::from_slice(body)
            && kind == "Status"
        {
            return Self::from_status(code, status);
        }
        let text = String::from_utf8_lossy(body);
        let text = text.trim();
        if text.starts_with('<') {
            let what = format!("HTTP {code} with an HTML page");
            return Self::NotKubernetes { server: server.to_owned(), what };
        }
        let message = text.lines().next().unwrap_or_default().to_owned();
        let (reason, kind, continued) = Default::default();
        Self::Server { code, reason, message, kind, continued }
    }

    fn from_status(code: u16, status: Status) -> Self {
        let Status { reason, mut message, metadata, details, .. } = status;
        let (kind, causes) = details.map(|details| (details.kind, details.causes)).unwrap_or_default();
        // The keys of the objects that cannot be read stand in the details alone.
        if reason == STORE_READ_ERROR {
            let keys = causes.into_iter().filter(|cause| !message.contains(&cause.field));
            let keys: Vec<String> =
                keys.take(MOST_KEYS).map(|cause| of_key(&cause.field, &cause.message)).collect();
            for key in keys {
                message = format!("{message}; {key}");
            }
        }
        let continued = metadata.and_then(|metadata| metadata.continue_).unwrap_or_default();
        Self::Server { code, reason, message, kind, continued }
    }

    /// The HTTP status code, where the server answered.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Server { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether the account may not do it at all: not what a webhook or a policy refuses of one object.
    #[must_use]
    pub fn is_missing_right(&self) -> bool {
        self.forbidden_resource().is_some()
    }

    /// The resource and its API group, where the API server says that the account may not use it: `User "x" cannot list
    /// resource "secrets" in API group "" in the namespace "a"` (apiserver's
    /// pkg/endpoints/handlers/responsewriters/errors.go: forbiddenMessage).
    pub(super) fn forbidden_resource(&self) -> Option<(&str, &str)> {
        let Self::Server { code: 403, message, .. } = self else { return None };
        let (_, said) = message.split_once(" cannot ")?;
        let (_, said) = said.split_once(" resource \"")?;
        let (resource, said) = said.split_once("\" in API group \"")?;
        Some((resource, said.split_once('"')?.0))
    }

    /// Whether the server says that the object that was named does not exist. A 404 for a path that is not served, or
    /// of a proxy, names no object, and says nothing about it.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Server { code: 404, reason, kind, .. } if reason == "NotFound" && !kind.is_empty())
    }

    /// The same of a namespace: asked about an object in it, the object may well exist.
    #[must_use]
    pub fn is_missing_namespace(&self) -> bool {
        matches!(self, Self::Server { kind, .. } if kind == "namespaces") && self.is_not_found()
    }

    /// Whether it is a 409: another client wrote first, or it is another object of the same name.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.code() == Some(409)
    }

    /// Whether an object could not be created because one of its name exists. Other refusals, such as a quota that was
    /// changed meanwhile, are answered with 409 as well.
    #[must_use]
    pub fn is_already_there(&self) -> bool {
        matches!(self, Self::Server { code: 409, reason, .. } if reason == "AlreadyExists")
    }

    /// Whether a write that got this answer may have been carried out all the same.
    #[must_use]
    pub fn leaves_write_unknown(&self) -> bool {
        match self {
            Self::Server { code, .. } => *code == 504,
            Self::TimedOut { .. } | Self::BrokenOff { .. } | Self::TooLarge { .. } => true,
            Self::NotKubernetes { .. }
            | Self::Unreachable { .. }
            | Self::Tls { .. }
            | Self::Credentials { .. }
            | Self::NotBuilt(_)
            | Self::NotSent(_)
            | Self::NotRehearsed { .. }
            | Self::Undone(_) => false,
        }
    }

    /// Whether it is a dry run that was held back.
    #[must_use]
    pub fn is_not_rehearsed(&self) -> bool {
        matches!(self, Self::NotRehearsed { .. })
    }

    /// Whether the connection was lost in the middle of an answer: a read may simply be sent again.
    #[must_use]
    pub fn is_broken_off(&self) -> bool {
        matches!(self, Self::BrokenOff { .. })
    }

    /// Whether the whole server is out of reach, so that asking it anything else is no use.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Server { code, .. } => *code == 401,
            Self::Unreachable { .. } | Self::Tls { .. } | Self::Credentials { .. } => true,
            Self::NotKubernetes { .. }
            | Self::BrokenOff { .. }
            | Self::TimedOut { .. }
            | Self::TooLarge { .. }
            | Self::NotBuilt(_)
            | Self::NotSent(_)
            | Self::NotRehearsed { .. }
            | Self::Undone(_) => false,
        }
    }

    /// What this failure means for a look at a resource type: never that it is empty.
    #[must_use]
    pub fn unreadable(&self) -> Unreadable {
        match self {
            Self::Server { code: 401 | 403, .. } => Unreadable::Forbidden,
            Self::Server { code: 404 | 405, .. } => Unreadable::NotServed,
            Self::Server { code: 503, .. } => Unreadable::Unavailable,
            Self::TimedOut { .. } => Unreadable::TimedOut,
            _ => Unreadable::Failed,
        }
    }

    /// The message without kubectl's "Error from server" in front.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Server { code, message, .. } if message.is_empty() => format!("HTTP {code}"),
            Self::Server { message, .. } => message.clone(),
            Self::TimedOut { after, .. } => format!("no answer within {}", seconds(*after)),
            Self::NotRehearsed { why, .. } => why.clone(),
            other => other.to_string(),
        }
    }

    /// What the person can do about it, where that is plain.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        let text = match self {
            Self::Server { code: 401, .. } => {
                Some("the token or certificate has expired or is wrong; log in again and retry")
            }
            Self::Server { code: 403, .. } => {
                let can_i = ShellCommand::kubectl(["auth", "can-i", "--list"]);
                return Some(Hint::from(can_i).text(" shows what this account may do"));
            }
            Self::NotKubernetes { .. } => Some(
                "check --server or the kubeconfig's `server`; a proxy or login page may stand in between",
            ),
            Self::Unreachable { .. } => Some("check --server, --context and that the cluster is up"),
            Self::Tls { failure, .. } => tls_hint(*failure),
            Self::Credentials { source, .. } => Some(
                find::<PluginError>(&**source)
                    .map_or("check the `user` of this context in the kubeconfig", PluginError::hint),
            ),
            Self::TimedOut { .. } => Some("--request-timeout sets how long to wait for one answer"),
            Self::Server { .. }
            | Self::BrokenOff { .. }
            | Self::TooLarge { .. }
            | Self::NotBuilt(_)
            | Self::NotSent(_)
            | Self::NotRehearsed { .. }
            | Self::Undone(_) => None,
        };
        text.map(Hint::from)
    }
}

fn tls_hint(failure: TlsFailure) -> Option<&'static str> {
    match failure {
        TlsFailure::NotNow => {
            Some("the server's certificate has to be renewed; check this machine's clock too")
        }
        TlsFailure::UnknownAuthority => Some("name the cluster's CA with --certificate-authority"),
        TlsFailure::OtherName => Some("name a name that the certificate is for with --tls-server-name"),
        TlsFailure::NotTls => {
            Some("check --server or the kubeconfig's `server`: is it https:// and the right port?")
        }
        TlsFailure::Other => None,
    }
}

fn said(code: u16, reason: &str, message: &str) -> String {
    // kubectl's own sentence (kubectl pkg/cmd/util/helpers.go: StandardErrorMessage).
    if code == 401 {
        return "You must be logged in to the server (Unauthorized)".to_owned();
    }
    let said = if message.is_empty() { format!("HTTP {code}") } else { message.to_owned() };
    if reason.is_empty() {
        format!("Error from server: {said}")
    } else {
        format!("Error from server ({reason}): {said}")
    }
}

fn seconds(duration: Duration) -> String {
    format!("{}s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests;
