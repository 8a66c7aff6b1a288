//! The clusters that a command talks to: those of the flags, or the sandbox.

use std::sync::Arc;

use anyhow::{Result, bail};

use crate::cli::GlobalOptions;
use crate::cluster::{Cluster, Observer};
use crate::output::{Failure, Terminal};

/// Open connections. Nothing has been sent yet.
pub(super) struct Session {
    clusters: Vec<Cluster>,
    /// Whether it is a practice cluster: the one inside this process, or one that `nsfix sandbox` serves.
    pub(super) is_practice: bool,
    #[cfg(feature = "sandbox")]
    _sandbox: Option<crate::sandbox::Sandbox>,
}

impl Session {
    pub(super) async fn open(global: &GlobalOptions, terminal: &Arc<Terminal>) -> Result<Self> {
        let observer: Observer = {
            let terminal = Arc::clone(terminal);
            Arc::new(move |traffic| terminal.traffic(&traffic))
        };
        #[cfg(feature = "sandbox")]
        if let Some(scenario) = &global.sandbox {
            let names: Vec<&str> = scenario.split(',').filter(|name| !name.is_empty()).collect();
            let sandbox = super::sandbox::start(&names, 0).await?;
            let cluster = global.connection.connect_to_url(&sandbox.url(), observer)?;
            return Ok(Self { clusters: vec![cluster], is_practice: true, _sandbox: Some(sandbox) });
        }
        let clusters = global.connection.connect_all(&observer).await?;
        Ok(Self {
            clusters,
            is_practice: global.connection.is_practice(),
            #[cfg(feature = "sandbox")]
            _sandbox: None,
        })
    }

    /// All of them; at least one.
    pub(super) fn clusters(&self) -> &[Cluster] {
        &self.clusters
    }

    /// The one cluster, for commands that write.
    pub(super) fn the_cluster(&self) -> Result<&Cluster> {
        match self.clusters.as_slice() {
            [cluster] => Ok(cluster),
            _ => bail!(
                Failure::usage("this command works on one cluster at a time").hint("name one --context")
            ),
        }
    }
}
