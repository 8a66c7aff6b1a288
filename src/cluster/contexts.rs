//! The contexts that the flags name, and a connection to each of them. What is wrong with one context is its own
//! error: the others are read all the same.

use std::collections::BTreeSet;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use kube::Config;
use kube::config::{AuthInfo, Kubeconfig};
use tokio::sync::Semaphore;

use super::config::prepared;
use super::plugin::{Plugin, PluginToken};
use super::{Cluster, ConfigError, ConnectionOptions, Observer, in_cluster, transport};

/// A plugin is a process, often Python: a few hundred megabytes for all that run at once, not gigabytes.
const PLUGINS_AT_ONCE: usize = 8;

/// The contexts that the flags name, none of them connected yet.
pub struct Contexts<'a> {
    options: &'a ConnectionOptions,
    kubeconfig: Option<Kubeconfig>,
    /// `None` for the current one.
    names: Vec<Option<String>>,
    plugins: Semaphore,
}

impl ConnectionOptions {
    /// Whether the flags may name more than one context, even if it turns out to be one.
    #[must_use]
    pub fn may_name_several(&self) -> bool {
        self.all_contexts || self.context.len() > 1
    }

    /// The contexts that the flags name: the current one, each `--context` once, or all.
    pub fn contexts(&self) -> Result<Contexts<'_>, ConfigError> {
        let kubeconfig = self.kubeconfig()?;
        let names = if self.all_contexts {
            let kubeconfig = kubeconfig.as_ref().ok_or(ConfigError::Missing)?;
            kubeconfig.contexts.iter().map(|context| context.name.clone()).collect()
        } else {
            self.context.clone()
        };
        let mut seen = BTreeSet::new();
        let mut names: Vec<Option<String>> =
            names.into_iter().filter(|name| seen.insert(name.clone())).map(Some).collect();
        if names.is_empty() && self.all_contexts {
            return Err(ConfigError::Invalid("the kubeconfig has no contexts".to_owned()));
        }
        if names.is_empty() {
            names.push(None);
        }
        Ok(Contexts { options: self, kubeconfig, names, plugins: Semaphore::new(PLUGINS_AT_ONCE) })
    }
}

impl Contexts<'_> {
    /// Their names, in the order of the flags or of the kubeconfig; `None` for the current one.
    #[must_use]
    pub fn names(&self) -> &[Option<String>] {
        &self.names
    }

    /// Connects to one of them. Nothing is sent yet, but a credential plugin is run.
    pub async fn connect(&self, context: Option<&str>, observer: Observer) -> Result<Cluster, ConfigError> {
        let kubeconfig = match &self.kubeconfig {
            Some(kubeconfig) => self.part_of(kubeconfig, context),
            None if self.options.server.is_some() => Kubeconfig::default(),
            None => in_cluster::kubeconfig()?,
        };
        self.check_user(&kubeconfig, context)?;
        let context = context.map(str::to_owned);
        let mut config = prepared(self.options.with_flags(kubeconfig, context.clone()).await?);
        let token = self.log_in(&mut config).await?;
        let client = transport::client(&config, token)?;
        Ok(self.options.cluster(client, &config, context, observer))
    }

    /// The kubeconfig without what other contexts alone refer to: it may hold the certificates of hundreds.
    fn part_of(&self, kubeconfig: &Kubeconfig, context: Option<&str>) -> Kubeconfig {
        if self.names.len() == 1 {
            return kubeconfig.clone();
        }
        let contexts = kubeconfig.contexts.iter().filter(|named| Some(named.name.as_str()) == context);
        let contexts: Vec<_> = contexts.cloned().collect();
        let referred = || contexts.iter().filter_map(|named| named.context.as_ref());
        let is_meant = |name: &String, flag: &Option<String>, of_context: Option<&String>| {
            flag.as_ref() == Some(name) || of_context == Some(name)
        };
        let is_cluster = |name: &String| {
            is_meant(name, &self.options.cluster, referred().next().map(|context| &context.cluster))
        };
        let is_user = |name: &String| {
            is_meant(name, &self.options.user, referred().next().and_then(|context| context.user.as_ref()))
        };
        Kubeconfig {
            clusters: kubeconfig.clusters.iter().filter(|named| is_cluster(&named.name)).cloned().collect(),
            auth_infos: kubeconfig.auth_infos.iter().filter(|named| is_user(&named.name)).cloned().collect(),
            current_context: kubeconfig.current_context.clone(),
            contexts,
            ..Kubeconfig::default()
        }
    }

    /// kube takes a user that is not there for one without credentials, and the server's 403 then speaks of an
    /// account that nobody has named.
    fn check_user(&self, kubeconfig: &Kubeconfig, context: Option<&str>) -> Result<(), ConfigError> {
        let ConnectionOptions { user, token, client_certificate, .. } = self.options;
        let context = context.or(kubeconfig.current_context.as_deref());
        let of_context = kubeconfig.contexts.iter().find(|named| Some(named.name.as_str()) == context);
        let of_context = of_context.and_then(|named| named.context.as_ref()?.user.as_ref());
        let Some(user) = user.as_ref().or(of_context).filter(|user| !user.is_empty()) else { return Ok(()) };
        let brings_its_own = token.is_some() || client_certificate.is_some();
        if brings_its_own || kubeconfig.auth_infos.iter().any(|named| named.name == *user) {
            return Ok(());
        }
        Err(ConfigError::Invalid(format!("user {user:?} does not exist")))
    }

    /// Runs the credential plugin, where the user is known by one; kube's order of precedence.
    async fn log_in(&self, config: &mut Config) -> Result<Option<PluginToken>, ConfigError> {
        let AuthInfo { auth_provider, username, password, token, token_file, .. } = &config.auth_info;
        // kube would run its command and wait for it, and nothing else would go on meanwhile.
        if auth_provider.as_ref().is_some_and(|provider| provider.name == "gcp") {
            return Err(ConfigError::GcpRemoved);
        }
        let otherwise = auth_provider.is_some()
            || (username.is_some() && password.is_some())
            || token.is_some()
            || token_file.is_some();
        // kube would run it again, and wait for it without an end.
        let Some(exec) = config.auth_info.exec.take().filter(|_| !otherwise) else { return Ok(None) };
        let may_ask = self.names.len() == 1 && !self.options.unattended;
        let plugin = Plugin::new(exec, self.options.timeout(), may_ask);
        // Closed by nobody.
        let _running = self.plugins.acquire().await;
        let mut credentials = plugin.run().await?;
        if let Some((certificate, key)) = credentials.identity.take() {
            config.auth_info.client_certificate_data = Some(BASE64_STANDARD.encode(certificate));
            config.auth_info.client_key_data = Some(BASE64_STANDARD.encode(key).into());
        }
        Ok(Some(PluginToken::new(plugin, credentials)))
    }
}
