//! `nsfix explain`: why a namespace is stuck, and what would end it.

use anyhow::Result;

use super::Session;
use crate::cli::ExplainOptions;
use crate::cluster::Cluster;
use crate::diagnose::diagnose;
use crate::diagnose::predict::{Prediction, predict};
use crate::exit::Exit;
use crate::model::{Facts, Namespace};
use crate::observe::{Depth, before_deletion, observe_discovered};
use crate::output::explain::{self, Explained};
use crate::output::{Failure, Terminal};
use crate::plan::{Leftovers, Policy, plan};

/// How many leftovers of a type are named unless all are wanted.
const CAP: usize = 5;
/// In a document a few more do no harm.
const DOCUMENT_CAP: usize = 500;

pub(super) async fn run(options: &ExplainOptions, session: &Session, terminal: &Terminal) -> Result<Exit> {
    let cluster = session.the_cluster()?;
    let mut names: Vec<&str> = Vec::new();
    for name in &options.names {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let reads = futures::future::join_all(names.iter().map(|name| cluster.namespace(name))).await;
    let (mut namespaces, mut exits) = (Vec::new(), Vec::new());
    for read in reads {
        match read {
            Ok(namespace) => namespaces.push(namespace),
            Err(error) if error.is_fatal() => return Err(error.into()),
            Err(error) => {
                exits.push(Exit::Error);
                terminal.fail(&Failure::of(error));
            }
        }
    }
    let keep = match (options.all_objects, &options.output) {
        (true, _) => usize::MAX,
        (false, None) => CAP,
        (false, Some(_)) => DOCUMENT_CAP,
    };
    let mut explained = Vec::new();
    if !namespaces.is_empty() {
        let progress = terminal.progress("looking at what is inside, and at what could hold it");
        let observed = observed(cluster, namespaces, keep).await;
        progress.done();
        // What would end it without leaving anything behind.
        let policy = Policy { leftovers: Leftovers::Release, ..Policy::default() };
        explained.extend(observed?.into_iter().map(|(facts, prediction)| {
            exits.push(Exit::Done);
            let diagnosis = diagnose(facts);
            let plan = plan(&diagnosis, &policy);
            Explained { diagnosis, plan, prediction }
        }));
    }
    explain::print(&explained, &cluster.server, options.output.as_ref(), terminal)?;
    Ok(Exit::merge(exits))
}

/// What there is to know of each; of those that are Active also what their deletion would do.
async fn observed(
    cluster: &Cluster,
    namespaces: Vec<Namespace>,
    keep: usize,
) -> Result<Vec<(Facts, Option<Prediction>)>> {
    let discovered = cluster.discover().await?;
    let is_active = |namespace: &Namespace| !namespace.is_terminating();
    // What a spec refers to is looked for among what is remembered.
    let remember = if namespaces.iter().any(is_active) { keep.max(super::check::KEEP) } else { keep };
    let order: Vec<String> = namespaces.iter().map(|namespace| namespace.name.clone()).collect();
    let facts = observe_discovered(cluster, &discovered, namespaces, remember, Depth::Whole).await?;
    let (active, deleted): (Vec<Facts>, Vec<Facts>) =
        facts.into_iter().partition(|facts| is_active(&facts.namespace));
    let mut found: Vec<(Facts, Option<Prediction>)> =
        deleted.into_iter().map(|facts| (facts, None)).collect();
    for (facts, deletion) in Box::pin(before_deletion(cluster, &discovered, active)).await {
        let prediction = predict(&facts, &deletion);
        found.push((facts, Some(prediction)));
    }
    for (facts, _) in &mut found {
        facts.inventory.types.iter_mut().for_each(|of_type| of_type.sample.truncate(keep));
    }
    found.sort_by_key(|(facts, _)| order.iter().position(|name| *name == facts.namespace.name));
    Ok(found)
}
