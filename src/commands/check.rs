//! `nsfix check`: what the deletion of namespaces would do.

use anyhow::Result;

use super::Session;
use crate::cli::CheckOptions;
use crate::cluster::{Cluster, NamespaceQuery};
use crate::diagnose::predict::{Expectation, Prediction, predict};
use crate::exit::Exit;
use crate::model::{Hint, Namespace, ShellCommand};
use crate::observe::{Depth, before_deletion, observe_discovered};
use crate::output::{Failure, Terminal, prediction};
use crate::plan::is_protected;

/// How many objects of a type are remembered: what a spec refers to is looked for among them.
pub(super) const KEEP: usize = 500;

pub(super) async fn run(options: &CheckOptions, session: &Session, terminal: &Terminal) -> Result<Exit> {
    let cluster = session.the_cluster();
    let (namespaces, mut exits) = chosen(cluster, options, terminal).await?;
    let predictions = if namespaces.is_empty() {
        Vec::new()
    } else {
        let progress = terminal.progress("looking at what a deletion would do");
        let predictions = predictions(cluster, namespaces).await;
        progress.done();
        predictions?
    };
    exits.extend(predictions.iter().map(|prediction| exit_of(prediction.expectation())));
    prediction::print(
        &predictions,
        cluster.context.as_deref(),
        &cluster.server,
        options.output.as_ref(),
        terminal,
    )?;
    Ok(worst(&exits))
}

/// The namespaces that are asked about. One that is being deleted already, or does not exist, is an error.
async fn chosen(
    cluster: &Cluster,
    options: &CheckOptions,
    terminal: &Terminal,
) -> Result<(Vec<Namespace>, Vec<Exit>)> {
    let mut exits = Vec::new();
    if options.names.is_empty() {
        let query = NamespaceQuery { terminating: false, selector: options.selector.clone() };
        let mut namespaces = cluster.namespaces(&query).await?;
        namespaces.retain(|namespace| !namespace.is_terminating());
        if options.all {
            namespaces.retain(|namespace| !is_protected(&namespace.name));
        }
        if namespaces.is_empty() {
            terminal.note("No Active namespaces found.");
        }
        return Ok((namespaces, exits));
    }
    let mut names: Vec<&str> = Vec::new();
    for name in &options.names {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let mut namespaces = Vec::new();
    for read in futures::future::join_all(names.iter().map(|name| cluster.namespace(name))).await {
        let failure = match read {
            Ok(namespace) if !namespace.is_terminating() => {
                namespaces.push(namespace);
                continue;
            }
            Ok(namespace) => being_deleted(&namespace.name),
            Err(error) if error.is_fatal() => return Err(error.into()),
            Err(error) => Failure::of(error),
        };
        exits.push(Exit::Error);
        terminal.fail(&failure);
    }
    Ok((namespaces, exits))
}

fn being_deleted(name: &str) -> Failure {
    let explain = ShellCommand::nsfix(["explain"]).names([name]);
    Failure::error(format!("namespace {name:?} is being deleted already"))
        .hint(Hint::from("why it has not gone: ").command(explain))
}

async fn predictions(cluster: &Cluster, namespaces: Vec<Namespace>) -> Result<Vec<Prediction>> {
    let discovered = cluster.discover().await?;
    let facts = observe_discovered(cluster, &discovered, namespaces, KEEP, Depth::Whole).await?;
    let looked = Box::pin(before_deletion(cluster, &discovered, facts)).await;
    let mut predictions: Vec<Prediction> =
        looked.iter().map(|(facts, deletion)| predict(facts, deletion)).collect();
    // There is no order in which the cluster survives that.
    let protected = predictions.iter_mut().filter(|each| is_protected(&each.namespace.name));
    protected.for_each(|each| each.order.clear());
    Ok(predictions)
}

fn exit_of(expectation: Expectation) -> Exit {
    match expectation {
        Expectation::NothingExpected => Exit::Done,
        Expectation::TroubleExpected => Exit::StuckFound,
        Expectation::Unknown => Exit::Error,
    }
}

/// Expected trouble outweighs an error: a job that asks before it deletes must not go on.
fn worst(exits: &[Exit]) -> Exit {
    let any = |exit| exits.contains(&exit);
    match () {
        () if any(Exit::StuckFound) => Exit::StuckFound,
        () if any(Exit::Error) => Exit::Error,
        () => Exit::Done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_said_whatever_else_could_not_be_told() {
        assert_eq!(worst(&[]), Exit::Done);
        assert_eq!(worst(&[Exit::Done, Exit::Error]), Exit::Error);
        assert_eq!(worst(&[Exit::Error, Exit::StuckFound, Exit::Done]), Exit::StuckFound);
    }
}
