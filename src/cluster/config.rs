//! From the connection flags to a connection, with kubectl's rules.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use kube::config::{AuthInfo, Cluster as ClusterEntry, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

use super::request::Patience;
use super::{Cluster, ConfigError, Observer, in_cluster, transport};
use crate::model::parse_duration;

/// The context of a kubeconfig that `nsfix sandbox` writes.
const PRACTICE_CONTEXT: &str = "nsfix-sandbox";
/// kubectl waits for ever; a tool that runs unattended may not.
const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// A list that has not begun to answer by then is called unreadable.
const LIST_DEADLINE: Duration = Duration::from_secs(5);
const UNLIMITED: Duration = Duration::from_secs(3_600);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// kubectl's connection flags.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Connection options")]
pub struct ConnectionOptions {
    /// Path to the kubeconfig file to use
    #[arg(long, global = true, hide_short_help = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The name of the kubeconfig context to use; can be repeated where a command reads several clusters
    #[arg(long, global = true, hide_short_help = true, value_name = "NAME")]
    pub context: Vec<String>,
    /// Use every context of the kubeconfig, where a command reads several clusters
    #[arg(long, global = true, hide_short_help = true, conflicts_with = "context")]
    pub all_contexts: bool,
    /// The name of the kubeconfig cluster to use
    #[arg(long, global = true, hide_short_help = true, value_name = "NAME")]
    pub cluster: Option<String>,
    /// The name of the kubeconfig user to use
    #[arg(long, global = true, hide_short_help = true, value_name = "NAME")]
    pub user: Option<String>,
    /// The address and port of the Kubernetes API server
    #[arg(short, long, global = true, hide_short_help = true, value_name = "URL")]
    pub server: Option<String>,
    /// Bearer token for authentication to the API server
    #[arg(long, global = true, hide_short_help = true, value_name = "TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Username to impersonate for the operation
    #[arg(long = "as", global = true, hide_short_help = true, value_name = "USER")]
    pub impersonate: Option<String>,
    /// Group to impersonate for the operation; can be repeated
    #[arg(
        long = "as-group",
        global = true,
        hide_short_help = true,
        value_name = "GROUP",
        requires = "impersonate"
    )]
    pub impersonate_groups: Vec<String>,
    /// UID to impersonate for the operation
    #[arg(
        long = "as-uid",
        global = true,
        hide_short_help = true,
        value_name = "UID",
        requires = "impersonate"
    )]
    pub impersonate_uid: Option<String>,
    /// Path to a certificate file for the certificate authority
    #[arg(long, global = true, hide_short_help = true, value_name = "FILE")]
    pub certificate_authority: Option<PathBuf>,
    /// Path to a client certificate file for TLS
    #[arg(long, global = true, hide_short_help = true, value_name = "FILE", requires = "client_key")]
    pub client_certificate: Option<PathBuf>,
    /// Path to a client key file for TLS
    #[arg(long, global = true, hide_short_help = true, value_name = "FILE", requires = "client_certificate")]
    pub client_key: Option<PathBuf>,
    /// Server name to use for server certificate validation
    #[arg(long, global = true, hide_short_help = true, value_name = "NAME")]
    pub tls_server_name: Option<String>,
    /// Do not check the server's certificate; makes the connection insecure
    #[arg(long, global = true, hide_short_help = true, conflicts_with = "certificate_authority")]
    pub insecure_skip_tls_verify: bool,
    /// How long to wait for the answer to one request, for example 10s or 1m; 0 as long as an hour [default: 30s, and 5s
    /// for a list to begin]
    #[arg(
        long,
        global = true,
        hide_short_help = true,
        env = "NSFIX_REQUEST_TIMEOUT",
        hide_env_values = true,
        value_name = "DURATION",
        value_parser = parse_timeout
    )]
    pub request_timeout: Option<Duration>,
    /// Whether a credential plugin finds nobody to ask, whatever stdin is.
    #[arg(skip)]
    pub unattended: bool,
}

/// The names that `--context`, `--cluster` and `--user` can have.
#[derive(Debug, Default)]
pub struct KubeconfigNames {
    pub contexts: Vec<String>,
    pub clusters: Vec<String>,
    pub users: Vec<String>,
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
            unattended: _,
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

impl ConnectionOptions {
    /// The names in the kubeconfig; `None` where there is none that can be read.
    #[must_use]
    pub fn names(&self) -> Option<KubeconfigNames> {
        let Kubeconfig { contexts, clusters, auth_infos, .. } = self.kubeconfig().ok()??;
        Some(KubeconfigNames {
            contexts: contexts.into_iter().map(|named| named.name).collect(),
            clusters: clusters.into_iter().map(|named| named.name).collect(),
            users: auth_infos.into_iter().map(|named| named.name).collect(),
        })
    }

    /// Connects to a server by its address alone, whatever kubeconfig there is. Nothing is sent yet.
    pub fn connect_to_url(&self, url: &str, observer: Observer) -> Result<Cluster, ConfigError> {
        let url = url.parse().map_err(|_| ConfigError::Invalid(format!("{url:?} is not a URL")))?;
        let mut config = Config::new(url);
        self.override_user(&mut config.auth_info);
        let config = prepared(config);
        let client = transport::client(&config, None)?;
        Ok(self.cluster(client, &config, None, observer))
    }

    /// Whether the kubeconfig is one that `nsfix sandbox` has written: its objects are gone when it ends.
    #[must_use]
    pub fn is_practice(&self) -> bool {
        let context = match self.context.as_slice() {
            [] => self.kubeconfig().ok().flatten().and_then(|kubeconfig| kubeconfig.current_context),
            [context] => Some(context.clone()),
            _ => None,
        };
        self.server.is_none() && context.as_deref() == Some(PRACTICE_CONTEXT)
    }

    pub(super) fn timeout(&self) -> Duration {
        self.request_timeout.unwrap_or(DEFAULT_REQUEST_TIMEOUT)
    }

    pub(super) fn cluster(
        &self,
        client: Client,
        config: &Config,
        context: Option<String>,
        observer: Observer,
    ) -> Cluster {
        let asked = self.request_timeout.filter(|timeout| *timeout != UNLIMITED);
        let patience = Patience { answer: self.timeout(), list: asked.unwrap_or(LIST_DEADLINE) };
        Cluster::new(client, config, context, patience, observer)
    }

    /// The kubeconfig that kubectl would use, if there is one.
    pub(super) fn kubeconfig(&self) -> Result<Option<Kubeconfig>, ConfigError> {
        let read = match &self.kubeconfig {
            Some(path) => read(path).map(Some),
            None => match from_environment() {
                Ok(None) => from_home(),
                other => other,
            },
        };
        read.map_err(|error| ConfigError::from_kubeconfig(error, self.kubeconfig.as_ref()))
    }

    /// Applies the flags to a kubeconfig the way clientcmd's overrides do.
    pub(super) async fn with_flags(
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
            .map_err(|error| ConfigError::from_kubeconfig(error, self.kubeconfig.as_ref()))?;
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

/// kube reads UTF-16 two bytes at a time, and panics where the last one stands alone.
fn read(path: &Path) -> Result<Kubeconfig, KubeconfigError> {
    if is_torn(path) {
        let error = io::Error::new(io::ErrorKind::InvalidData, "it is UTF-16 that is cut off");
        return Err(KubeconfigError::ReadConfig(error, path.to_owned()));
    }
    Kubeconfig::read_from(path)
}

/// Whether a file begins as UTF-16 and has half a character. What is no file of its own can be read only once.
fn is_torn(path: &Path) -> bool {
    let is_odd = std::fs::metadata(path).is_ok_and(|about| about.is_file() && about.len() % 2 == 1);
    let mut mark = [0; 2];
    let mut begins = || File::open(path).and_then(|mut file| file.read_exact(&mut mark)).is_ok();
    is_odd && begins() && matches!(mark, [0xff, 0xfe] | [0xfe, 0xff])
}

/// `~/.kube/config`, where it is there.
fn from_home() -> Result<Option<Kubeconfig>, KubeconfigError> {
    let torn = std::env::home_dir().map(|home| home.join(".kube/config")).filter(|path| is_torn(path));
    match torn.map_or_else(Kubeconfig::read, |path| read(&path)) {
        Err(KubeconfigError::FindPath) => Ok(None),
        Err(KubeconfigError::ReadConfig(error, _)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

/// The files of KUBECONFIG, merged. As in clientcmd, one that does not exist is passed over; kube would fail.
fn from_environment() -> Result<Option<Kubeconfig>, KubeconfigError> {
    let Some(value) = std::env::var_os("KUBECONFIG") else { return Ok(None) };
    let named: Vec<PathBuf> =
        std::env::split_paths(&value).filter(|path| !path.as_os_str().is_empty()).collect();
    let mut merged = None;
    for path in &named {
        match read(path) {
            // Of one alone it is a mistake that is wanted to be known.
            Err(KubeconfigError::ReadConfig(error, _))
                if error.kind() == io::ErrorKind::NotFound && named.len() > 1 => {}
            read => merged = Some(merged.unwrap_or_else(Kubeconfig::default).merge(read?)?),
        }
    }
    match merged {
        // None of several exists.
        None if !named.is_empty() => read(&named[0]).map(Some),
        merged => Ok(merged),
    }
}

/// kubectl's 0 means no limit; a request that never ends is none of any use, so an hour stands for it.
fn parse_timeout(text: &str) -> Result<Duration, String> {
    let timeout = parse_duration(text)?;
    Ok(if timeout.is_zero() { UNLIMITED } else { timeout })
}

fn with_scheme(server: &str) -> String {
    // client-go's DefaultServerURL: a bare host means http, unless TLS was configured; kubectl users expect https.
    if server.contains("://") { server.to_owned() } else { format!("https://{server}") }
}

pub(super) fn prepared(mut config: Config) -> Config {
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.default_retry = false;
    config.headers.push((http::header::USER_AGENT, user_agent()));
    config
}

fn user_agent() -> http::HeaderValue {
    http::HeaderValue::from_static(concat!("nsfix/", env!("CARGO_PKG_VERSION")))
}
