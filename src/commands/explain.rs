//! `nsfix explain`: why a namespace is stuck, and what would end it.

use anyhow::Result;

use super::Session;
use crate::cli::{ExplainOptions, Format};
use crate::cluster::{Cluster, NamespaceQuery};
use crate::diagnose::diagnose;
use crate::diagnose::predict::{Prediction, predict};
use crate::exit::Exit;
use crate::model::{Facts, Namespace};
use crate::observe::{Depth, before_deletion, observe, observe_discovered};
use crate::output::explain::{self, Explained};
use crate::output::overview::Extent;
use crate::output::{Failure, Terminal};
use crate::plan::{Leftovers, Policy, plan};

/// More namespaces than that are told by cause, even where each was named.
const MANY: usize = 10;
/// How many leftovers of a type are named unless all are wanted.
pub(super) const CAP: usize = 5;
/// In a document a few more do no harm.
const DOCUMENT_CAP: usize = 500;

pub(super) async fn run(options: &ExplainOptions, session: &Session, terminal: &Terminal) -> Result<Exit> {
    let cluster = session.the_cluster();
    if options.names.is_empty() {
        let keep = if options.output.is_some() { DOCUMENT_CAP } else { CAP };
        return all_stuck(cluster, keep, options.output.as_ref(), Extent::Full, terminal).await;
    }
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
        for (facts, prediction) in observed? {
            exits.push(Exit::Done);
            explained.push(planned(facts, prediction));
        }
    }
    let extent = (explained.len() > MANY).then_some(Extent::Full);
    explain::print(&explained, &cluster.server, options.output.as_ref(), extent, terminal)?;
    Ok(Exit::merge(exits))
}

/// All that are stuck, by cause.
pub(super) async fn all_stuck(
    cluster: &Cluster,
    keep: usize,
    format: Option<&Format>,
    extent: Extent,
    terminal: &Terminal,
) -> Result<Exit> {
    let query = NamespaceQuery { terminating: true, selector: None };
    let progress = terminal.progress("looking for stuck namespaces, and at what is inside");
    let observed = async {
        let namespaces = cluster.namespaces(&query).await?;
        if namespaces.is_empty() {
            return Ok(Vec::new());
        }
        let depth = if extent == Extent::Full { Depth::Whole } else { Depth::Overview };
        observe(cluster, namespaces, keep, depth).await
    };
    let observed = observed.await;
    progress.done();
    let explained: Vec<Explained> = observed?.into_iter().map(|facts| planned(facts, None)).collect();
    explain::print(&explained, &cluster.server, format, Some(extent), terminal)?;
    Ok(Exit::Done)
}

/// With what would end it without leaving anything behind.
fn planned(facts: Facts, prediction: Option<Prediction>) -> Explained {
    let policy = Policy { leftovers: Leftovers::Release, ..Policy::default() };
    let diagnosis = diagnose(facts);
    let plan = plan(&diagnosis, &policy);
    Explained { diagnosis, plan, prediction }
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
