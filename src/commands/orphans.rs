//! `nsfix orphans`: objects whose namespace does not exist, and the safe way to remove them.

mod purge;

use std::collections::{BTreeMap, HashSet};

use super::Session;
use crate::cli::OrphansOptions;
use crate::cluster::{ApiError, Cluster, NamespaceQuery};
use crate::exit::Exit;
use crate::model::{Inventory, ShellCommand};
use crate::output::DocumentFormat;
use crate::output::document::{Document, OrphanItem};
use crate::output::{Failure, Terminal, inventory, table};
use crate::shutdown::Shutdown;

/// What was found.
struct FoundOrphans {
    /// The orphans, by the namespace that is missing.
    orphans: BTreeMap<String, Inventory>,
    /// The coverage, also where nothing was found.
    looked: Inventory,
    /// Namespaces of an earlier purge that was interrupted.
    unfinished: Vec<String>,
}

pub(super) async fn run(
    options: &OrphansOptions,
    session: &Session,
    terminal: &Terminal,
    shutdown: &Shutdown,
) -> Result<Exit, Failure> {
    let cluster = session.the_cluster()?;
    let progress = terminal.progress("looking for objects without a namespace");
    let found = tokio::select! {
        found = find(cluster, &options.names) => found?,
        exit = shutdown.wait() => return Ok(exit),
    };
    progress.done();
    for gap in &found.looked.coverage.gaps {
        terminal.warn(&format!("could not look for orphans in {gap} ({})", gap.detail));
    }
    if options.purge {
        return purge::run(options, cluster, terminal, shutdown, found).await;
    }
    print(&found, options, terminal)?;
    Ok(Exit::Done)
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
    let checks = orphans.keys().map(|name| async move { (name.clone(), cluster.namespace(name).await) });
    for (name, read) in futures::future::join_all(checks).await {
        match read {
            Err(error) if error.is_not_found() => {}
            Err(error) if error.is_fatal() => return Err(error),
            // It is there, or nobody can tell.
            _ => {
                orphans.remove(&name);
            }
        }
    }
    let marked = |namespace: &&crate::model::Namespace| {
        namespace.labels.contains_key(crate::cluster::PURGE_LABEL) && wanted(&namespace.name)
    };
    let unfinished = after.iter().filter(marked).map(|namespace| namespace.name.clone()).collect();
    Ok(FoundOrphans { orphans, looked, unfinished })
}

fn print(found: &FoundOrphans, options: &OrphansOptions, terminal: &Terminal) -> Result<(), Failure> {
    let document = || Document::new(OrphanItem::all(&found.orphans));
    let text = match options.output {
        Some(DocumentFormat::Json) => document().to_json()?,
        Some(DocumentFormat::Yaml) => document().to_yaml()?,
        None if found.orphans.is_empty() => {
            terminal.note(&format!("No orphans found; {}.", inventory::coverage(&found.looked.coverage)));
            return Ok(());
        }
        None => {
            let rows: Vec<Vec<String>> =
                OrphanItem::all(&found.orphans).iter().map(OrphanItem::row).collect();
            table::render(Some(&["NAMESPACE", "RESOURCE", "NAME", "STATE", "FINALIZERS"]), &rows)
        }
    };
    terminal.data(&text)?;
    for name in &found.unfinished {
        let purge = terminal.command(&ShellCommand::nsfix(["orphans", name, "--purge"]));
        terminal.warn(&format!("an earlier purge of namespace {name} was not finished: {purge}"));
    }
    Ok(())
}
