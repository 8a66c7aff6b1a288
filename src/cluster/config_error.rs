//! Why a configuration does not lead to a cluster.

use std::path::PathBuf;

use kube::config::KubeconfigError;

use super::connection::find;
use super::plugin::PluginError;
use super::token::TokenError;

/// The configuration does not lead to a cluster.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A flag is wrong.
    #[error("{0}")]
    Invalid(String),
    /// A kubeconfig is there, but wrong.
    #[error("{said}")]
    Kubeconfig { said: String, source: KubeconfigError },
    /// A file or a value that a kubeconfig names is of no use to TLS or HTTP.
    #[error("{}", first_line(&.0.to_string()))]
    Client(#[source] kube::Error),
    /// There is none, and this is no pod.
    #[error("no configuration has been provided, try setting KUBECONFIG or --server")]
    Missing,
    /// Nothing says which certificates to trust.
    #[error("there are no CA certificates on this system to know the server by")]
    NoRoots,
    /// The command that a kubeconfig names for credentials (`users[].user.exec`) has none.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// kubectl has had none since 1.26.
    #[error("the gcp auth plugin has been removed")]
    GcpRemoved,
    /// Credentials could not be had.
    #[error("Unable to authenticate: {0}")]
    Login(#[source] kube::client::AuthError),
    /// A file that is to hold a token does not.
    #[error("unable to read the token in {}: {source}", path.display())]
    Token {
        path: PathBuf,
        /// What is wrong with it.
        source: TokenError,
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
            Self::GcpRemoved => Some(
                "the credential plugin gke-gcloud-auth-plugin takes its place; gcloud container clusters get-credentials writes it into the kubeconfig",
            ),
            Self::Invalid(_) | Self::Kubeconfig { .. } | Self::Client(_) | Self::Login(_) => None,
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
            other => Self::Client(other),
        }
    }

    pub(super) fn from_kubeconfig(source: KubeconfigError, named: Option<&PathBuf>) -> Self {
        let said = match &source {
            KubeconfigError::CurrentContextNotSet => {
                "the kubeconfig has no current-context; name one with --context".to_owned()
            }
            KubeconfigError::LoadContext(name) => format!("context {name:?} does not exist"),
            KubeconfigError::LoadClusterOfContext(name) => format!("cluster {name:?} does not exist"),
            KubeconfigError::ReadConfig(error, path) => {
                format!("unable to read the kubeconfig {}: {error}", path.display())
            }
            KubeconfigError::Parse(error) => {
                let file = named.map(|path| format!(" {}", path.display())).unwrap_or_default();
                format!("unable to parse the kubeconfig{file}: {}", first_line(&error.to_string()))
            }
            other => format!("the kubeconfig is not usable: {}", first_line(&other.to_string())),
        };
        Self::Kubeconfig { said, source }
    }
}

/// kube's own sentences repeat their cause, and YAML's show the place below it.
fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
