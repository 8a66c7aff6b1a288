//! `nsfix orphans`: objects whose namespace does not exist, and the safe way to remove them.

mod begin;
mod permitted;
mod purge;
mod rounds;

use std::collections::HashSet;

use anyhow::Result;

use super::{Session, VerbResult};
use crate::cli::{DryRunChoice, OrphansOptions};
use crate::cluster::{ApiError, Cluster, NamespaceQuery, PURGE_LABEL};
use crate::exit::Exit;
use crate::model::{Namespace, gaps_with_reasons};
use crate::output::orphans::{self, FoundOrphans};
use crate::output::{Failure, Terminal};
use crate::shutdown::Shutdown;

pub(super) async fn run(
    options: &OrphansOptions,
    session: &Session,
    terminal: &Terminal,
    shutdown: &Shutdown,
) -> Result<VerbResult> {
    let cluster = session.the_cluster();
    match options.dry_run {
        DryRunChoice::None => {}
        DryRunChoice::Client => cluster.only_read(),
        DryRunChoice::Server => return Err(no_rehearsal().into()),
    }
    let progress = terminal.progress("looking for objects without a namespace");
    let found = tokio::select! {
        found = find(cluster, &options.names) => found?,
        exit = shutdown.wait() => return Ok(exit.into()),
    };
    progress.done();
    for gaps in gaps_with_reasons(found.looked.coverage.unknown()) {
        terminal.warn(&format!("could not look for orphans in {gaps}"));
    }
    for (name, why) in &found.unreadable {
        terminal.warn(&orphans::nobody_knows(name, why));
    }
    if options.purge {
        return Box::pin(purge::run(options, session, terminal, shutdown, found)).await;
    }
    orphans::print(&found, options.output.as_ref(), options.sort_by.as_ref(), terminal)?;
    Ok(Exit::Done.into())
}

/// Rule 10: where a rehearsal cannot be had, the value is refused.
fn no_rehearsal() -> Failure {
    Failure::usage(
        "--dry-run=server is not possible with --purge: a purge creates a namespace and deletes it, and the \
         server cannot rehearse deleting what it has not stored",
    )
    .hint("--dry-run=client shows what would be sent")
}

/// Namespaces are listed before and after, and those that remain are asked for by name: what was created or
/// deleted meanwhile is no orphan.
async fn find(cluster: &Cluster, names: &[String]) -> Result<FoundOrphans, ApiError> {
    let all = NamespaceQuery::default();
    let (before, discovered) = futures::try_join!(cluster.namespaces(&all), cluster.discover())?;
    let mut existing: HashSet<String> = before.iter().map(|namespace| namespace.name.clone()).collect();
    let (mut orphans, looked) = cluster.orphans(&discovered, &existing).await?;
    let after = cluster.namespaces(&all).await?;
    existing.extend(after.iter().map(|namespace| namespace.name.clone()));
    let wanted = |name: &str| names.is_empty() || names.iter().any(|each| each == name);
    orphans.retain(|name, _| wanted(name) && !existing.contains(name));
    let mut unreadable = Vec::new();
    let checks = orphans.keys().map(|name| async move { (name.clone(), cluster.namespace(name).await) });
    for (name, read) in futures::future::join_all(checks).await {
        match read {
            Err(error) if error.is_not_found() => {}
            Err(error) if error.is_fatal() => return Err(error),
            Ok(_) => {
                orphans.remove(&name);
            }
            Err(error) => {
                orphans.remove(&name);
                unreadable.push((name, error.detail()));
            }
        }
    }
    let marked = after
        .into_iter()
        .filter(|namespace| namespace.labels.contains_key(PURGE_LABEL) && wanted(&namespace.name));
    let (unfinished, active) = marked.partition(Namespace::is_terminating);
    Ok(FoundOrphans { orphans, looked, unfinished, active, unreadable })
}
