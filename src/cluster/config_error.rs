//! Why a configuration does not lead to a cluster.

use std::path::PathBuf;

use kube::config::KubeconfigError;

use super::connection::find;
use super::plugin::PluginError;

/// The configuration does not lead to a cluster.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A kubeconfig is there, but wrong.
    #[error("{0}")]
    Invalid(String),
    /// There is none, and this is no pod.
    #[error("no configuration has been provided, try setting KUBECONFIG or --server")]
    Missing,
    /// Nothing says which certificates to trust.
    #[error("there are no CA certificates on this system to know the server by")]
    NoRoots,
    /// The command that a kubeconfig names for credentials (`users[].user.exec`) has none.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// Credentials could not be had.
    #[error("Unable to authenticate: {0}")]
    Login(#[source] kube::client::AuthError),
    /// A file that is to hold a token does not.
    #[error("unable to read the token in {}: {why}", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl ConfigError {
    /// What the person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Missing => {
                cfg!(feature = "sandbox").then_some("to practise without a cluster, add --sandbox")
            }
            Self::NoRoots => {
                Some("name the cluster's CA with --certificate-authority, or a file of CAs in SSL_CERT_FILE")
            }
            Self::Token { .. } => Some(
                "a pod has one where automountServiceAccountToken is true; else name a --kubeconfig or a --token",
            ),
            Self::Plugin(error) => Some(error.hint()),
            Self::Invalid(_) | Self::Login(_) => None,
        }
    }

    /// `system`: the system's certificates were to be trusted. An image from scratch has none, which is the one
    /// thing that rustls-platform-verifier has only words for.
    pub(super) fn from_tls(error: kube::Error, system: bool) -> Self {
        match find(&error) {
            Some(rustls::Error::General(_)) if system => Self::NoRoots,
            _ => Self::from_client(error),
        }
    }

    pub(super) fn from_client(error: kube::Error) -> Self {
        match error {
            kube::Error::Auth(error) => Self::Login(error),
            other => Self::Invalid(sentence(&other)),
        }
    }

    pub(super) fn from_kubeconfig(error: &KubeconfigError, named: Option<&PathBuf>) -> Self {
        Self::Invalid(match error {
            KubeconfigError::CurrentContextNotSet => {
                "the kubeconfig has no current-context; name one with --context".to_owned()
            }
            KubeconfigError::LoadContext(name) => format!("context {name:?} does not exist"),
            KubeconfigError::LoadClusterOfContext(name) => format!("cluster {name:?} does not exist"),
            KubeconfigError::ReadConfig(source, path) => {
                format!("unable to read the kubeconfig {}: {source}", path.display())
            }
            KubeconfigError::Parse(source) => {
                let file = named.map(|path| format!(" {}", path.display())).unwrap_or_default();
                format!("unable to parse the kubeconfig{file}: {}", first_line(&source.to_string()))
            }
            other => format!("the kubeconfig is not usable: {}", sentence(other)),
        })
    }
}

/// The error and its causes in one line; kube's own sentences repeat their cause.
fn sentence(error: &dyn std::error::Error) -> String {
    first_line(&error.to_string()).to_owned()
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
