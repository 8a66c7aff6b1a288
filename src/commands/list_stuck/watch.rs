//! `nsfix list-stuck -w`: the list, and a line for whatever changes, until a signal.

use std::time::Duration;

use anyhow::{Result, bail};
use jiff::Timestamp;

use crate::cli::{Format, ListStuckOptions};
use crate::cluster::{ApiError, Cluster, NamespaceChange, NamespaceQuery};
use crate::commands::VerbResult;
use crate::commands::session::Fleet;
use crate::model::Namespace;
use crate::output::watch::Watched;
use crate::output::{Failure, OutputError, Terminal};
use crate::plan::LeftAlone;

/// Between two attempts to reach a server that does not answer: doubled each time, up to the second.
const FIRST_DELAY: Duration = Duration::from_secs(1);
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// Why the watch has to begin anew.
enum Ended {
    Server(ApiError),
    /// Nobody reads any more.
    Output(OutputError),
}

impl From<ApiError> for Ended {
    fn from(error: ApiError) -> Self {
        Self::Server(error)
    }
}

impl From<OutputError> for Ended {
    fn from(error: OutputError) -> Self {
        Self::Output(error)
    }
}

pub(super) async fn run(
    options: &ListStuckOptions,
    fleet: &Fleet<'_>,
    spared: &dyn Fn(&Namespace) -> Option<LeftAlone>,
    terminal: &Terminal,
) -> Result<VerbResult> {
    if options.output == Some(Format::Wide) {
        bail!(Failure::usage("-o wide cannot be watched: it takes a diagnosis of each namespace"));
    }
    let cluster = &fleet.the_cluster().await?;
    let format = options.output.as_ref();
    let older_than = options.older_than.unwrap_or_default();
    let mut watched = Watched::new(format, !options.no_headers, older_than, spared);
    let (mut begun, mut delay) = (false, FIRST_DELAY);
    loop {
        match follow(cluster, options, &mut watched, &mut begun, terminal).await {
            Ended::Output(error) => return Err(error.into()),
            Ended::Server(error) if !begun || error.code() == Some(403) => return Err(error.into()),
            // The revision is too old: a new list tells what was missed.
            Ended::Server(error) if error.code() == Some(410) => {}
            Ended::Server(error) => {
                terminal.note(&format!("{error}; trying again in {}s", delay.as_secs()));
                let waited = tokio::time::sleep(delay);
                delay = (delay * 2).min(LONGEST_DELAY);
                waited.await;
                continue;
            }
        }
        delay = FIRST_DELAY;
    }
}

/// Lists, and then watches for as long as the server goes along.
async fn follow(
    cluster: &Cluster,
    options: &ListStuckOptions,
    watched: &mut Watched<'_>,
    begun: &mut bool,
    terminal: &Terminal,
) -> Ended {
    let Err(ended) = try_to_follow(cluster, options, watched, begun, terminal).await;
    ended
}

async fn try_to_follow(
    cluster: &Cluster,
    options: &ListStuckOptions,
    watched: &mut Watched<'_>,
    begun: &mut bool,
    terminal: &Terminal,
) -> Result<std::convert::Infallible, Ended> {
    let query = NamespaceQuery { terminating: true, selector: options.selector.clone() };
    let (mut namespaces, mut version) = cluster.namespaces_to_look_at(&query).await?;
    namespaces.retain(|namespace| options.wants(&namespace.name));
    if !*begun && namespaces.is_empty() && options.output.is_none() {
        terminal.note("No stuck namespaces found; watching.");
    }
    *begun = true;
    watched.replace(namespaces, Timestamp::now(), terminal)?;
    loop {
        let mut watch = cluster.watch_namespaces(&query, &version).await?;
        loop {
            let due = watched.due_in(Timestamp::now());
            let change = tokio::select! {
                change = watch.next() => change?,
                () = sleep_for(due) => {
                    watched.say_news(Timestamp::now(), terminal)?;
                    continue;
                }
            };
            let now = Timestamp::now();
            match change {
                Some(NamespaceChange::Is(namespace)) if is_meant(&namespace, options) => {
                    watched.set(*namespace, now, terminal)?;
                }
                Some(NamespaceChange::Is(_)) => {}
                Some(NamespaceChange::Gone { name, uid }) => watched.gone(&name, &uid, now, terminal)?,
                None => break,
            }
        }
        // Ended by the server in due time: it goes on where it was.
        version.clone_from(&watch.version);
    }
}

fn is_meant(namespace: &Namespace, options: &ListStuckOptions) -> bool {
    namespace.is_terminating() && options.wants(&namespace.name)
}

/// A little longer, so that the moment has passed.
async fn sleep_for(due: Option<Duration>) {
    match due {
        Some(due) => tokio::time::sleep(due + Duration::from_millis(20)).await,
        None => std::future::pending().await,
    }
}
