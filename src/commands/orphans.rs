//! `nsfix orphans`: objects whose namespace does not exist, and the safe way to remove them.

mod begin;
mod find;
mod permitted;
mod purge;
mod rounds;

use std::collections::BTreeSet;

use anyhow::Result;

use super::{Session, VerbResult};
use crate::cli::{DryRunChoice, OrphansOptions};
use crate::exit::Exit;
use crate::model::gaps_with_reasons;
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
        found = find::find(cluster, &options.names) => found?,
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
    Ok(exit(&options.names, &found).into())
}

/// Of each namespace that was asked for, where it could not be seen whether it exists; of those that nobody named that
/// is a warning. Where no type at all could be looked at, nothing was found out.
fn exit(names: &[String], found: &FoundOrphans) -> Exit {
    let coverage = &found.looked.coverage;
    if coverage.looked == 0 && !coverage.gaps.is_empty() {
        return Exit::Error;
    }
    if names.is_empty() {
        return Exit::Done;
    }
    let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let unreadable = |name: &&str| found.unreadable.iter().any(|(each, _)| each == name);
    Exit::merge(names.iter().map(|name| if unreadable(name) { Exit::Error } else { Exit::Done }))
}

/// Rule 10: where a rehearsal cannot be had, the value is refused.
fn no_rehearsal() -> Failure {
    Failure::usage(
        "--dry-run=server is not possible with --purge: a purge creates a namespace and deletes it, and the \
         server cannot rehearse deleting what it has not stored",
    )
    .hint("--dry-run=client shows what would be sent")
}
