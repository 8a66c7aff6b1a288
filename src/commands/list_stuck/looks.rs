//! The look at every cluster that is asked about, several at a time.

use std::collections::BTreeMap;

use anyhow::{Error, Result};
use futures::StreamExt;
use jiff::Timestamp;

use crate::cli::{Format, ListStuckOptions};
use crate::cluster::{ApiError, Cluster, ConfigError, NamespaceQuery};
use crate::commands::report_file::cluster_name;
use crate::commands::session::Fleet;
use crate::diagnose::{Diagnosis, age, diagnose};
use crate::model::{Namespace, counted};
use crate::observe::{Depth, observe};
use crate::output::list_stuck::{FoundNamespace, SharedCauses, UnreadContext};
use crate::output::{Failure, Terminal};

/// Enough to match webhooks' object selectors against.
const KEEP: usize = 20;
/// A cluster that hangs takes one of these places for its whole `--request-timeout`.
const CLUSTERS_AT_ONCE: usize = 32;

/// What was found in one cluster.
pub(super) struct Look {
    pub(super) found: Vec<FoundNamespace>,
    pub(super) shared: SharedCauses,
    /// What the cluster is called.
    pub(super) cluster: String,
}

/// What was found in all of them, in the order in which they were named.
#[derive(Default)]
pub(super) struct Looks {
    pub(super) read: Vec<Look>,
    pub(super) unread: Vec<UnreadContext>,
}

impl Looks {
    /// Looks at all of them. Of one cluster alone the failure is the command's.
    pub(super) async fn at(
        fleet: &Fleet<'_>,
        options: &ListStuckOptions,
        now: Timestamp,
        terminal: &Terminal,
    ) -> Result<Self> {
        let contexts = fleet.contexts();
        let (what, all) = ("looking for stuck namespaces", contexts.len());
        let progress = terminal.progress(what);
        let looks = contexts.iter().enumerate().map(|(place, context)| async move {
            let look = match fleet.connect(*context).await {
                Ok(cluster) => look(&cluster, options, now).await.map_err(Error::from),
                Err(error) => Err(error.into()),
            };
            (place, look)
        });
        let mut looks = futures::stream::iter(looks).buffer_unordered(CLUSTERS_AT_ONCE);
        let mut ended = BTreeMap::new();
        while let Some((place, look)) = looks.next().await {
            ended.insert(place, look);
            if all > 1 {
                progress.say(format!("{what}: {} of {}", ended.len(), counted(all as u64, "context")));
            }
        }
        progress.done();
        let mut all = Self::default();
        for (place, look) in ended {
            match (look, contexts[place]) {
                (Ok(look), _) => all.read.push(look),
                (Err(error), Some(context)) if fleet.may_be_several() => {
                    all.unread.push(unread(context, error));
                }
                (Err(error), _) => return Err(error),
            }
        }
        Ok(all)
    }

    /// Two contexts that lead to the same cluster see the same namespaces. Each is kept once, as the first of them
    /// has seen it, and counted once. Returns the further contexts, each with the first.
    pub(super) fn merge_same_clusters(&mut self) -> BTreeMap<String, String> {
        // Where each uid was seen first.
        let mut seen: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        let mut same = BTreeMap::new();
        for index in 0..self.read.len() {
            let (before, rest) = self.read.split_at_mut(index);
            let Some((Look { found, shared, .. }, context)) =
                rest.first_mut().and_then(|look| look.shared.context.clone().map(|context| (look, context)))
            else {
                continue;
            };
            let mut own = Vec::new();
            for each in std::mem::take(found) {
                let first = seen.get(&each.namespace.uid);
                if let Some(first) =
                    first.and_then(|(look, place)| before.get_mut(*look)?.found.get_mut(*place))
                {
                    same.insert(context.clone(), first.context.clone().unwrap_or_default());
                    first.other_contexts.push(context.clone());
                } else {
                    seen.insert(each.namespace.uid.clone(), (index, own.len()));
                    own.push(each);
                }
            }
            if own.is_empty() {
                shared.common.clear();
            }
            *found = own;
        }
        same
    }
}

fn unread(context: &str, error: Error) -> UnreadContext {
    let why = match error.downcast_ref::<ConfigError>() {
        Some(_) => None,
        None => error.downcast_ref::<ApiError>().map(ApiError::unreadable),
    };
    let failure = Failure::of(error.context(format!("context {context:?}")));
    UnreadContext { context: context.to_owned(), why, failure }
}

async fn look(cluster: &Cluster, options: &ListStuckOptions, now: Timestamp) -> Result<Look, ApiError> {
    let query = NamespaceQuery { terminating: true, selector: options.selector.clone() };
    let diagnoses =
        options.output == Some(Format::Wide) || options.metrics.any() || options.report_file.is_some();
    let mut namespaces = if diagnoses {
        cluster.namespaces(&query).await?
    } else {
        cluster.namespaces_to_look_at(&query).await?.0
    };
    namespaces.retain(|namespace| options.wants(&namespace.name) && old_enough(namespace, options, now));
    let (context, name) = (cluster.context.as_deref(), cluster_name(cluster).to_owned());
    if !diagnoses || namespaces.is_empty() {
        let found = namespaces.into_iter().map(|namespace| FoundNamespace::plain(context, namespace));
        let shared = SharedCauses { context: context.map(str::to_owned), common: Vec::new() };
        return Ok(Look { found: found.collect(), shared, cluster: name });
    }
    let facts = observe(cluster, namespaces, KEEP, Depth::Overview).await?;
    let diagnoses: Vec<Diagnosis> = facts.into_iter().map(diagnose).collect();
    let (found, shared) = FoundNamespace::diagnosed(context, diagnoses);
    Ok(Look { found, shared, cluster: name })
}

fn old_enough(namespace: &Namespace, options: &ListStuckOptions, now: Timestamp) -> bool {
    options.older_than.is_none_or(|wanted| age(namespace, now).is_some_and(|age| age >= wanted))
}
