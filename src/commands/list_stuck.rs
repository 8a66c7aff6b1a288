//! `nsfix list-stuck`: every namespace in Terminating.

use anyhow::{Error, Result};
use jiff::Timestamp;

use super::{Session, VerbResult};
use crate::cli::{Format, ListStuckOptions};
use crate::cluster::{ApiError, Cluster, NamespaceQuery};
use crate::diagnose::{CommonCause, age, common_causes, diagnose};
use crate::exit::Exit;
use crate::metrics::Stuck;
use crate::model::{Facts, Namespace};
use crate::observe::{Depth, observe};
use crate::output::list_stuck::{self, FoundNamespace, Shape};
use crate::output::{Failure, Terminal, sanitise};

/// Enough to match webhooks' object selectors against.
const KEEP: usize = 20;

pub(super) async fn run(
    options: &ListStuckOptions,
    session: &Session,
    terminal: &Terminal,
) -> Result<VerbResult> {
    let clusters = session.clusters();
    let now = Timestamp::now();
    let progress = terminal.progress("looking for stuck namespaces");
    let looks = clusters.iter().map(|cluster| look(cluster, options, now));
    let looks = futures::future::join_all(looks).await;
    progress.done();
    let several = clusters.len() > 1;
    let (mut found, mut exits) = (Vec::new(), Vec::new());
    for (cluster, look) in clusters.iter().zip(looks) {
        match look {
            Ok(namespaces) => {
                exits.push(Exit::Done);
                found.extend(namespaces);
            }
            Err(error) if several => {
                exits.push(Exit::Error);
                terminal.fail(&Failure::of(in_context(cluster, error.into())));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let common = warn_of_common_causes(clusters, &found, terminal);
    list_stuck::warn_of_gaps(&found, terminal);
    let format = options.output.as_ref();
    let shape = Shape { format, headers: !options.no_headers, with_context: several, now };
    if let Some(path) = &options.sort_by {
        list_stuck::sort(&mut found, path, &shape)?;
    }
    list_stuck::print(&found, &shape, terminal)?;
    let exit = match Exit::merge(exits) {
        Exit::Done if options.exit_code && !found.is_empty() => Exit::StuckFound,
        exit => exit,
    };
    Ok(VerbResult {
        stuck: Some(Stuck::of(found.iter().filter_map(|found| found.diagnosis.as_ref()))),
        summary: vec![list_stuck::summary(&found, &common, now)],
        ..exit.into()
    })
}

/// Clusters share no cause, and the command for it is that of one cluster.
fn warn_of_common_causes(
    clusters: &[Cluster],
    found: &[FoundNamespace<'_>],
    terminal: &Terminal,
) -> Vec<CommonCause> {
    let mut common = Vec::new();
    for cluster in clusters {
        let here = found.iter().filter(|found| found.context == cluster.context.as_deref());
        let causes = common_causes(here.filter_map(|found| found.diagnosis.as_ref()));
        let invocation = match &cluster.context {
            Some(context) if clusters.len() > 1 => &terminal.invocation().in_context(context),
            _ => terminal.invocation(),
        };
        for cause in &causes {
            terminal.warn(&cause.warning().render(invocation, |text| sanitise(text).into_owned()));
        }
        common.extend(causes);
    }
    common
}

async fn look<'a>(
    cluster: &'a Cluster,
    options: &ListStuckOptions,
    now: Timestamp,
) -> Result<Vec<FoundNamespace<'a>>, ApiError> {
    let query = NamespaceQuery { terminating: true, selector: options.selector.clone() };
    let mut namespaces = cluster.namespaces(&query).await?;
    namespaces.retain(|namespace| options.wants(&namespace.name) && old_enough(namespace, options, now));
    let context = cluster.context.as_deref();
    let diagnoses = options.output == Some(Format::Wide) || options.metrics.any();
    if !diagnoses || namespaces.is_empty() {
        let plain = |namespace| FoundNamespace { context, namespace, diagnosis: None };
        return Ok(namespaces.into_iter().map(plain).collect());
    }
    let facts = observe(cluster, namespaces, KEEP, Depth::Overview).await?;
    let diagnosed = |facts: Facts| {
        let diagnosis = diagnose(facts);
        FoundNamespace { context, namespace: diagnosis.namespace.clone(), diagnosis: Some(diagnosis) }
    };
    Ok(facts.into_iter().map(diagnosed).collect())
}

fn old_enough(namespace: &Namespace, options: &ListStuckOptions, now: Timestamp) -> bool {
    options.older_than.is_none_or(|wanted| age(namespace, now).is_some_and(|age| age >= wanted))
}

fn in_context(cluster: &Cluster, error: Error) -> Error {
    match &cluster.context {
        Some(context) => error.context(format!("context {context:?}")),
        None => error,
    }
}
