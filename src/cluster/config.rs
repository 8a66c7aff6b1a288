//! From the connection flags to a connection, with kubectl's rules.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use kube::config::{AuthInfo, Cluster as ClusterEntry, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

use super::connection::find;
use super::{Cluster, Observer, in_cluster, plugin, transport};
use crate::model::parse_duration;

/// The context of a kubeconfig that `nsfix sandbox` writes.
const PRACTICE_CONTEXT: &str = "nsfix-sandbox";
/// kubectl waits for ever; a tool that runs unattended may not.
const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// kubectl's connection flags.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Connection options")]
pub struct ConnectionOptions {
    /// Path to the kubeconfig file to use
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The name of the kubeconfig context to use; can be repeated where a command reads several clusters
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Vec<String>,
    /// Use every context of the kubeconfig, where a command reads several clusters
    #[arg(long, global = true, conflicts_with = "context")]
    pub all_contexts: bool,
    /// The name of the kubeconfig cluster to use
    #[arg(long, global = true, value_name = "NAME")]
    pub cluster: Option<String>,
    /// The name of the kubeconfig user to use
    #[arg(long, global = true, value_name = "NAME")]
    pub user: Option<String>,
    /// The address and port of the Kubernetes API server
    #[arg(short, long, global = true, value_name = "URL")]
    pub server: Option<String>,
    /// Bearer token for authentication to the API server
    #[arg(long, global = true, value_name = "TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Username to impersonate for the operation
    #[arg(long = "as", global = true, value_name = "USER")]
    pub impersonate: Option<String>,
    /// Group to impersonate for the operation; can be repeated
    #[arg(long = "as-group", global = true, value_name = "GROUP", requires = "impersonate")]
    pub impersonate_groups: Vec<String>,
    /// UID to impersonate for the operation
    #[arg(long = "as-uid", global = true, value_name = "UID", requires = "impersonate")]
    pub impersonate_uid: Option<String>,
    /// Path to a certificate file for the certificate authority
    #[arg(long, global = true, value_name = "FILE")]
    pub certificate_authority: Option<PathBuf>,
    /// Path to a client certificate file for TLS
    #[arg(long, global = true, value_name = "FILE", requires = "client_key")]
    pub client_certificate: Option<PathBuf>,
    /// Path to a client key file for TLS
    #[arg(long, global = true, value_name = "FILE", requires = "client_certificate")]
    pub client_key: Option<PathBuf>,
    /// Server name to use for server certificate validation
    #[arg(long, global = true, value_name = "NAME")]
    pub tls_server_name: Option<String>,
    /// Do not check the server's certificate; makes the connection insecure
    #[arg(long, global = true, conflicts_with = "certificate_authority")]
    pub insecure_skip_tls_verify: bool,
    /// How long to wait for the answer to one request, for example 10s or 1m
    #[arg(long, global = true, value_name = "DURATION", value_parser = parse_duration, default_value = "30s")]
    pub request_timeout: Option<Duration>,
}

impl ConnectionOptions {
    /// The flags that a command for the same cluster has to repeat. One context of several is added where it is
    /// known which. A token is a secret and is left out.
    #[must_use]
    pub fn repeated(&self) -> Vec<String> {
        let Self {
            kubeconfig,
            context,
            all_contexts: _,
            cluster,
            user,
            server,
            token: _,
            impersonate,
            impersonate_groups,
            impersonate_uid,
            certificate_authority,
            client_certificate,
            client_key,
            tls_server_name,
            insecure_skip_tls_verify,
            request_timeout: _,
        } = self;
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let only_context = if let [context] = context.as_slice() { Some(context.clone()) } else { None };
        let values = [
            ("kubeconfig", path(kubeconfig)),
            ("context", only_context),
            ("cluster", cluster.clone()),
            ("user", user.clone()),
            ("server", server.clone()),
            ("as", impersonate.clone()),
            ("as-uid", impersonate_uid.clone()),
            ("certificate-authority", path(certificate_authority)),
            ("client-certificate", path(client_certificate)),
            ("client-key", path(client_key)),
            ("tls-server-name", tls_server_name.clone()),
        ];
        let values = values.into_iter().filter_map(|(flag, value)| Some(format!("--{flag}={}", value?)));
        let groups = impersonate_groups.iter().map(|group| format!("--as-group={group}"));
        let insecure = insecure_skip_tls_verify.then(|| "--insecure-skip-tls-verify".to_owned());
        values.chain(groups).chain(insecure).collect()
    }
}

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
    #[error("the credential plugin {command:?} {why}")]
    Plugin {
        /// The command.
        command: String,
        /// What became of it.
        why: String,
        /// The kubeconfig's `installHint`.
        install_hint: Option<String>,
    },
    /// Credentials could not be had.
    #[error("Unable to authenticate: {0}")]
    Login(kube::client::AuthError),
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
            Self::Plugin { install_hint, .. } => Some(
                install_hint
                    .as_deref()
                    .and_then(|hint| hint.lines().map(str::trim).find(|line| !line.is_empty()))
                    .unwrap_or("check the `user` of this context in the kubeconfig"),
            ),
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

    fn from_kubeconfig(error: &KubeconfigError, named: Option<&PathBuf>) -> Self {
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

impl ConnectionOptions {
    /// Connects to a server by its address alone, whatever kubeconfig there is. Nothing is sent yet.
    pub fn connect_to_url(&self, url: &str, observer: Observer) -> Result<Cluster, ConfigError> {
        let url = url.parse().map_err(|_| ConfigError::Invalid(format!("{url:?} is not a URL")))?;
        let mut config = Config::new(url);
        self.override_user(&mut config.auth_info);
        let config = prepared(config);
        let client = transport::client(&config)?;
        Ok(self.cluster(client, &config, None, observer))
    }

    /// Whether the kubeconfig is one that `nsfix sandbox` has written: what is there is of no use to anybody later.
    #[must_use]
    pub fn is_practice(&self) -> bool {
        let context = match self.context.as_slice() {
            [] => self.kubeconfig().ok().flatten().and_then(|kubeconfig| kubeconfig.current_context),
            [context] => Some(context.clone()),
            _ => None,
        };
        self.server.is_none() && context.as_deref() == Some(PRACTICE_CONTEXT)
    }

    /// Connects to every cluster that the flags name: the current one, each `--context`, or all contexts.
    pub async fn connect_all(&self, observer: &Observer) -> Result<Vec<Cluster>, ConfigError> {
        let contexts = if self.all_contexts {
            let kubeconfig = self.kubeconfig()?.ok_or(ConfigError::Missing)?;
            kubeconfig.contexts.into_iter().map(|context| Some(context.name)).collect()
        } else if self.context.is_empty() {
            vec![None]
        } else {
            self.context.iter().cloned().map(Some).collect()
        };
        let mut clusters = Vec::with_capacity(contexts.len());
        for context in contexts {
            clusters.push(self.connect_to(context, Observer::clone(observer)).await?);
        }
        Ok(clusters)
    }

    async fn connect_to(&self, context: Option<String>, observer: Observer) -> Result<Cluster, ConfigError> {
        let kubeconfig = match self.kubeconfig()? {
            Some(kubeconfig) => kubeconfig,
            None if self.server.is_some() => Kubeconfig::default(),
            None => in_cluster::kubeconfig()?,
        };
        let config = self.with_flags(kubeconfig, context.clone()).await?;
        let config = prepared(config);
        let client = plugin::client(&config, self.timeout()).await?;
        Ok(self.cluster(client, &config, context, observer))
    }

    fn timeout(&self) -> Duration {
        self.request_timeout.unwrap_or(DEFAULT_REQUEST_TIMEOUT)
    }

    fn cluster(
        &self,
        client: Client,
        config: &Config,
        context: Option<String>,
        observer: Observer,
    ) -> Cluster {
        Cluster::new(client, config, context, self.timeout(), observer)
    }

    /// The kubeconfig that kubectl would use, if there is one.
    fn kubeconfig(&self) -> Result<Option<Kubeconfig>, ConfigError> {
        let read = match &self.kubeconfig {
            Some(path) => Kubeconfig::read_from(path).map(Some),
            None => match Kubeconfig::from_env() {
                Ok(None) => match Kubeconfig::read() {
                    Err(KubeconfigError::FindPath) => Ok(None),
                    Err(KubeconfigError::ReadConfig(error, _))
                        if error.kind() == std::io::ErrorKind::NotFound =>
                    {
                        Ok(None)
                    }
                    other => other.map(Some),
                },
                other => other,
            },
        };
        read.map_err(|error| ConfigError::from_kubeconfig(&error, self.kubeconfig.as_ref()))
    }

    /// Applies the flags to a kubeconfig the way clientcmd's overrides do.
    async fn with_flags(
        &self,
        mut kubeconfig: Kubeconfig,
        context: Option<String>,
    ) -> Result<Config, ConfigError> {
        let options = KubeConfigOptions { context, cluster: self.cluster.clone(), user: self.user.clone() };
        if kubeconfig.contexts.is_empty() && self.server.is_some() {
            kubeconfig = in_cluster::kubeconfig_of(ClusterEntry::default(), AuthInfo::default());
        }
        let proxy = self.override_cluster(&mut kubeconfig, &options);
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .map_err(|error| ConfigError::from_kubeconfig(&error, self.kubeconfig.as_ref()))?;
        // kube reads HTTPS_PROXY but compares NO_PROXY with the proxy's own address.
        config.proxy_url = proxy.or_else(|| transport::proxy_from_environment(&config.cluster_url));
        self.override_user(&mut config.auth_info);
        Ok(config)
    }

    /// Puts the flags about the server into every cluster entry, and returns the chosen entry's proxy.
    fn override_cluster(
        &self,
        kubeconfig: &mut Kubeconfig,
        options: &KubeConfigOptions,
    ) -> Option<http::Uri> {
        let context = options.context.as_ref().or(kubeconfig.current_context.as_ref());
        let of_context = kubeconfig
            .contexts
            .iter()
            .find(|named| Some(&named.name) == context)
            .and_then(|named| named.context.as_ref())
            .map(|context| context.cluster.clone());
        let chosen = options.cluster.clone().or(of_context)?;
        let entry = kubeconfig.clusters.iter_mut().find(|named| named.name == chosen)?;
        let cluster = entry.cluster.get_or_insert_with(ClusterEntry::default);
        if let Some(server) = &self.server {
            cluster.server = Some(with_scheme(server));
        }
        if let Some(file) = &self.certificate_authority {
            cluster.certificate_authority = Some(file.display().to_string());
            cluster.certificate_authority_data = None;
        }
        if self.tls_server_name.is_some() {
            cluster.tls_server_name.clone_from(&self.tls_server_name);
        }
        if self.insecure_skip_tls_verify {
            cluster.insecure_skip_tls_verify = Some(true);
            cluster.certificate_authority = None;
            cluster.certificate_authority_data = None;
        }
        cluster.proxy_url.as_ref().filter(|url| !url.is_empty()).and_then(|url| url.parse().ok())
    }

    fn override_user(&self, user: &mut AuthInfo) {
        if let Some(token) = &self.token {
            // A token replaces whatever the kubeconfig's user had, as in clientcmd.
            *user = AuthInfo { token: Some(token.clone().into()), ..AuthInfo::default() };
        }
        if let (Some(certificate), Some(key)) = (&self.client_certificate, &self.client_key) {
            user.client_certificate = Some(certificate.display().to_string());
            user.client_certificate_data = None;
            user.client_key = Some(key.display().to_string());
            user.client_key_data = None;
        }
        if self.impersonate.is_some() {
            user.impersonate.clone_from(&self.impersonate);
            user.impersonate_uid.clone_from(&self.impersonate_uid);
            user.impersonate_groups =
                (!self.impersonate_groups.is_empty()).then(|| self.impersonate_groups.clone());
        }
    }
}

fn with_scheme(server: &str) -> String {
    // client-go's DefaultServerURL: a bare host means http, unless TLS was configured; kubectl users expect https.
    if server.contains("://") { server.to_owned() } else { format!("https://{server}") }
}

fn prepared(mut config: Config) -> Config {
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.default_retry = false;
    config.headers.push((http::header::USER_AGENT, user_agent()));
    config
}

fn user_agent() -> http::HeaderValue {
    http::HeaderValue::from_static(concat!("nsfix/", env!("CARGO_PKG_VERSION")))
}
