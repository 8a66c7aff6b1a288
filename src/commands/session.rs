//! The clusters that a command talks to: those of the flags, or the sandbox.

use std::sync::Arc;

use anyhow::{Result, bail};

use crate::cli::GlobalOptions;
use crate::cluster::{Cluster, ConfigError, Contexts, Observer};
use crate::output::{Failure, Terminal};

/// A practice cluster inside this process, for as long as the command runs.
#[cfg(feature = "sandbox")]
type Practice = Option<crate::sandbox::Sandbox>;
#[cfg(not(feature = "sandbox"))]
type Practice = Option<std::convert::Infallible>;

/// One open connection. Nothing has been sent yet.
pub(super) struct Session {
    cluster: Cluster,
    /// Whether it is a practice cluster: the one inside this process, or one that `nsfix sandbox` serves.
    pub(super) is_practice: bool,
    _practice: Practice,
}

impl Session {
    pub(super) async fn open(global: &GlobalOptions, terminal: &Arc<Terminal>) -> Result<Self> {
        let fleet = Fleet::of(global, terminal).await?;
        let cluster = fleet.the_cluster().await?;
        let is_practice = fleet.practice.is_some() || global.connection.is_practice();
        Ok(Self { cluster, is_practice, _practice: fleet.practice })
    }

    pub(super) fn the_cluster(&self) -> &Cluster {
        &self.cluster
    }
}

/// The clusters that the flags name, none of them connected yet.
pub(super) struct Fleet<'a> {
    global: &'a GlobalOptions,
    terminal: &'a Arc<Terminal>,
    /// `None` for a practice cluster.
    contexts: Option<Contexts<'a>>,
    practice: Practice,
}

impl<'a> Fleet<'a> {
    /// Reads the configuration.
    #[cfg_attr(not(feature = "sandbox"), allow(clippy::unused_async))]
    pub(super) async fn of(global: &'a GlobalOptions, terminal: &'a Arc<Terminal>) -> Result<Self> {
        #[cfg(feature = "sandbox")]
        if let Some(scenario) = &global.sandbox {
            let names: Vec<&str> = scenario.split(',').filter(|name| !name.is_empty()).collect();
            let practice = Some(super::sandbox::start(&names, 0, crate::sandbox::Release::NEWEST).await?);
            return Ok(Self { global, terminal, contexts: None, practice });
        }
        let contexts = Some(global.connection.contexts()?);
        Ok(Self { global, terminal, contexts, practice: None })
    }

    /// The contexts; `None` for the current one, and for a practice cluster.
    pub(super) fn contexts(&self) -> Vec<Option<&str>> {
        let names = self.contexts.as_ref().map_or(&[None][..], Contexts::names);
        names.iter().map(Option::as_deref).collect()
    }

    /// Whether each line has to say which context it is about.
    pub(super) fn may_be_several(&self) -> bool {
        self.global.connection.may_name_several()
    }

    /// The one cluster, for a command that does not read several.
    pub(super) async fn the_cluster(&self) -> Result<Cluster> {
        match self.contexts().as_slice() {
            [context] => Ok(self.connect(*context).await?),
            _ => bail!(
                Failure::usage("this command works on one cluster at a time").hint("name one --context")
            ),
        }
    }

    /// Connects to one of them. A credential plugin is run, and may fail.
    pub(super) async fn connect(&self, context: Option<&str>) -> Result<Cluster, ConfigError> {
        let observer: Observer = {
            let terminal = Arc::clone(self.terminal);
            let about = context.filter(|_| self.may_be_several()).map(str::to_owned);
            Arc::new(move |traffic| terminal.traffic(about.as_deref(), &traffic))
        };
        match &self.contexts {
            Some(contexts) => contexts.connect(context, observer).await,
            #[cfg(feature = "sandbox")]
            None => {
                let url = self.practice.as_ref().map(crate::sandbox::Sandbox::url).unwrap_or_default();
                self.global.connection.connect_to_url(&url, observer)
            }
            #[cfg(not(feature = "sandbox"))]
            None => Err(ConfigError::Missing),
        }
    }
}
