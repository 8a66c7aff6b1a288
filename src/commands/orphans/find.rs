//! Which objects have no namespace: under the names that were asked for, or anywhere.

use std::collections::{BTreeMap, HashSet};

use futures::future::join_all;

use crate::cluster::{ApiError, Cluster, PURGE_LABEL};
use crate::model::{Inventory, Namespace};
use crate::output::orphans::FoundOrphans;

/// Of a name, what the server says to a GET.
enum Asked {
    Missing,
    There(Box<Namespace>),
    Unreadable(String),
}

pub(super) async fn find(cluster: &Cluster, names: &[String]) -> Result<FoundOrphans, ApiError> {
    if names.is_empty() { anywhere(cluster).await } else { under(cluster, names).await }
}

/// Namespaces are listed before and after, and those that remain are asked for by name: what was created or
/// deleted meanwhile is no orphan.
async fn anywhere(cluster: &Cluster) -> Result<FoundOrphans, ApiError> {
    let (before, discovered) = futures::try_join!(cluster.namespace_labels(), cluster.discover())?;
    let mut existing: HashSet<String> = before.into_keys().collect();
    let (mut orphans, looked) = cluster.orphans(&discovered, &existing).await?;
    let after = cluster.namespace_labels().await?;
    let marked: Vec<String> = after
        .iter()
        .filter(|(_, labels)| labels.contains_key(PURGE_LABEL))
        .map(|(name, _)| name.clone())
        .collect();
    existing.extend(after.into_keys());
    orphans.retain(|name, _| !existing.contains(name));
    let mut found = FoundOrphans { looked, ..FoundOrphans::default() };
    found.take(ask(cluster, orphans.keys().cloned().chain(marked)).await?, orphans);
    Ok(found)
}

/// The names are asked for before and after, and what is under them is listed: no list of all namespaces, and none of
/// the objects in them where that is the longer way.
async fn under(cluster: &Cluster, names: &[String]) -> Result<FoundOrphans, ApiError> {
    let mut asked = ask(cluster, names.iter().cloned()).await?;
    let missing: Vec<String> = missing(&asked).cloned().collect();
    let mut found = FoundOrphans::default();
    let mut orphans = BTreeMap::new();
    if !missing.is_empty() {
        let wanted: Vec<&str> = missing.iter().map(String::as_str).collect();
        orphans = cluster.look_inside(&wanted, usize::MAX).await?;
        found.looked = looked_at(&orphans);
        orphans.retain(|_, inside| !inside.types.is_empty());
        asked.extend(ask(cluster, missing.into_iter()).await?);
    }
    let existing = |(name, asked): (&String, &Asked)| matches!(asked, Asked::There(_)).then(|| name.clone());
    found.existing = asked.iter().filter_map(existing).collect();
    found.take(asked, orphans);
    Ok(found)
}

async fn ask(
    cluster: &Cluster,
    names: impl Iterator<Item = String>,
) -> Result<BTreeMap<String, Asked>, ApiError> {
    let asked = names.map(|name| async move {
        let asked = match cluster.namespace(&name).await {
            Ok(namespace) => Asked::There(Box::new(namespace)),
            Err(error) if error.is_missing_namespace() => Asked::Missing,
            Err(error) if error.is_fatal() => return Err(error),
            Err(error) => Asked::Unreadable(error.detail()),
        };
        Ok((name, asked))
    });
    join_all(asked).await.into_iter().collect()
}

fn missing(asked: &BTreeMap<String, Asked>) -> impl Iterator<Item = &String> {
    asked.iter().filter(|(_, asked)| matches!(asked, Asked::Missing)).map(|(name, _)| name)
}

/// What could be looked at under every one of them.
fn looked_at(inventories: &BTreeMap<String, Inventory>) -> Inventory {
    let mut coverages = inventories.values().map(|inside| &inside.coverage);
    let mut looked =
        Inventory { coverage: coverages.next().cloned().unwrap_or_default(), ..Inventory::default() };
    for coverage in coverages {
        looked.coverage.looked = looked.coverage.looked.min(coverage.looked);
        looked.coverage.gaps.extend(coverage.gaps.iter().cloned());
    }
    looked.coverage.gaps.sort();
    looked.coverage.gaps.dedup();
    looked
}

impl FoundOrphans {
    /// What was listed under a name is orphaned if the namespace is missing still.
    fn take(&mut self, asked: BTreeMap<String, Asked>, mut listed: BTreeMap<String, Inventory>) {
        for (name, asked) in asked {
            match asked {
                Asked::Missing => {
                    self.orphans.extend(listed.remove(&name).map(|inside| (name, inside)));
                }
                Asked::Unreadable(why) => self.unreadable.push((name, why)),
                Asked::There(namespace) if !namespace.labels.contains_key(PURGE_LABEL) => {}
                Asked::There(namespace) if namespace.is_terminating() => self.unfinished.push(*namespace),
                Asked::There(namespace) => self.active.push(*namespace),
            }
        }
    }
}
