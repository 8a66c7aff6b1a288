//! `nsfix list-stuck`: every namespace in Terminating.

mod watch;

use anyhow::{Error, Result};
use jiff::Timestamp;

use super::report_file::{self, cluster_name};
use super::{Session, VerbResult};
use crate::cli::{Format, ListStuckOptions};
use crate::cluster::{ApiError, Cluster, NamespaceQuery};
use crate::diagnose::{Diagnosis, age, diagnose};
use crate::exit::Exit;
use crate::metrics::Stuck;
use crate::model::Namespace;
use crate::observe::{Depth, observe};
use crate::output::html::Entry;
use crate::output::list_stuck::{self, FoundNamespace, Shape, SharedCauses};
use crate::output::{Failure, Terminal};
use crate::plan::{LimitsFrom, spared};

/// Enough to match webhooks' object selectors against.
const KEEP: usize = 20;

pub(super) async fn run(
    options: &ListStuckOptions,
    session: &Session,
    terminal: &Terminal,
) -> Result<VerbResult> {
    if options.watch {
        return watch::run(options, session, terminal).await;
    }
    let clusters = session.clusters();
    let now = Timestamp::now();
    let progress = terminal.progress("looking for stuck namespaces");
    let looks = clusters.iter().map(|cluster| look(cluster, options, now));
    let looks = futures::future::join_all(looks).await;
    progress.done();
    let several = clusters.len() > 1;
    let (mut found, mut shared, mut exits) = (Vec::new(), Vec::new(), Vec::new());
    for (cluster, look) in clusters.iter().zip(looks) {
        match look {
            Ok((mut namespaces, common)) => {
                exits.push(Exit::Done);
                for found in &mut namespaces {
                    found.left_alone = spared(&found.namespace, &options.exclude, LimitsFrom::Flags);
                }
                found.extend(namespaces);
                shared.push(common);
            }
            Err(error) if several => {
                exits.push(Exit::Error);
                terminal.fail(&Failure::of(in_context(cluster, error.into())));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let format = options.output.as_ref();
    let shape = Shape { format, headers: !options.no_headers, with_context: several, now };
    list_stuck::warn(&found, &shared, &shape, terminal);
    if let Some(path) = &options.sort_by {
        list_stuck::sort(&mut found, path, &shape)?;
    }
    report_file::write(options.report_file.as_deref(), &entries(&found, clusters), None, terminal);
    list_stuck::print(&found, &shape, terminal)?;
    let exit = match Exit::merge(exits) {
        Exit::Done if options.exit_code && !found.is_empty() => Exit::StuckFound,
        exit => exit,
    };
    Ok(VerbResult {
        stuck: Some(counted(&found)),
        summary: vec![list_stuck::summary(&found, &shared, &shape)],
        ..exit.into()
    })
}

/// The rows of the page for people.
fn entries(found: &[FoundNamespace<'_>], clusters: &[Cluster]) -> Vec<Entry> {
    let named = |context: Option<&str>| {
        let cluster = clusters.iter().find(|cluster| cluster.context.as_deref() == context);
        cluster.map_or("", cluster_name)
    };
    let diagnosed = found.iter().filter_map(|found| Some((found, found.diagnosis.as_ref()?)));
    diagnosed
        .map(|(found, diagnosis)| {
            let why = found.left_alone.as_ref().map(ToString::to_string);
            Entry::of(diagnosis, named(found.context)).left_alone(why)
        })
        .collect()
}

/// What the metrics count: whoever wants a namespace left alone wants no alert about it either.
fn counted(found: &[FoundNamespace<'_>]) -> Stuck {
    let (spared, others): (Vec<_>, Vec<_>) = found.iter().partition(|found| found.left_alone.is_some());
    let others = Stuck::of(others.into_iter().filter_map(|found| found.diagnosis.as_ref()));
    others.beside(spared.len() as u64)
}

async fn look<'a>(
    cluster: &'a Cluster,
    options: &ListStuckOptions,
    now: Timestamp,
) -> Result<(Vec<FoundNamespace<'a>>, SharedCauses<'a>), ApiError> {
    let query = NamespaceQuery { terminating: true, selector: options.selector.clone() };
    let mut namespaces = cluster.namespaces(&query).await?;
    namespaces.retain(|namespace| options.wants(&namespace.name) && old_enough(namespace, options, now));
    let context = cluster.context.as_deref();
    let diagnoses =
        options.output == Some(Format::Wide) || options.metrics.any() || options.report_file.is_some();
    if !diagnoses || namespaces.is_empty() {
        let plain = namespaces.into_iter().map(|namespace| FoundNamespace::plain(context, namespace));
        return Ok((plain.collect(), SharedCauses { context, common: Vec::new() }));
    }
    let facts = observe(cluster, namespaces, KEEP, Depth::Overview).await?;
    let diagnoses: Vec<Diagnosis> = facts.into_iter().map(diagnose).collect();
    Ok(FoundNamespace::diagnosed(context, diagnoses))
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
