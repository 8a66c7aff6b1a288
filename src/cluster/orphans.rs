//! Objects whose namespace does not exist.

use std::collections::{BTreeMap, HashSet};

use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};

use super::call::Call;
use super::coverage::gap;
use super::leftovers::count_cohabiting_once;
use super::listing::{ByNamespace, LIST_CONCURRENCY, ListEnd, Seen, twice_if_expired};
use super::{ApiError, Cluster, Discovered, DryRun};
use crate::model::{ApiPath, Gap, Inventory, Leftover, Namespace, ResourceType, TypeLeftovers};

/// The label on a namespace that exists only so that its orphans can be removed.
pub const PURGE_LABEL: &str = "nsfix/purge";
/// Names the run that created it. The label alone is no evidence: any client can set it on any namespace.
pub const PURGE_RUN_ANNOTATION: &str = "nsfix/purge-run";

impl Cluster {
    /// Finds the objects whose namespace is none of `existing`, by namespace. One list over all namespaces
    /// per type; only what is orphaned is kept in memory. The coverage is the same for all of them, and
    /// returned also where nothing was found.
    pub async fn orphans(
        &self,
        discovered: &Discovered,
        existing: &HashSet<String>,
    ) -> Result<(BTreeMap<String, Inventory>, Inventory), ApiError> {
        let listed: Vec<_> = futures::stream::iter(discovered.holding_types())
            .map(|ty| self.orphans_of(ty, existing))
            .buffer_unordered(LIST_CONCURRENCY)
            .try_collect()
            .await?;
        let mut found: BTreeMap<String, Inventory> = BTreeMap::new();
        let mut looked = Inventory::default();
        looked.coverage.gaps.extend(discovered.gaps.iter().cloned());
        for (by_namespace, gap) in listed {
            let at_least = gap.is_some();
            match gap {
                None => looked.coverage.looked += 1,
                Some(gap) => looked.coverage.gaps.push(gap),
            }
            for (namespace, mut of_type) in by_namespace {
                of_type.at_least = at_least;
                found.entry(namespace).or_default().types.push(of_type);
            }
        }
        looked.coverage.gaps.sort();
        for inventory in found.values_mut() {
            count_cohabiting_once(&mut inventory.types, usize::MAX);
            inventory.coverage = looked.coverage.clone();
        }
        Ok((found, looked))
    }

    /// The orphans of a type; with a gap those that were seen before the list failed.
    async fn orphans_of(
        &self,
        ty: ResourceType,
        existing: &HashSet<String>,
    ) -> Result<(ByNamespace, Option<Gap>), ApiError> {
        let Seen { found, end } = twice_if_expired(|| self.try_orphans_of(&ty, existing)).await;
        match end {
            ListEnd::Failed(error) if error.is_fatal() => Err(error),
            ListEnd::Failed(error) => Ok((found, Some(gap(&ty, &error)))),
            ListEnd::Whole | ListEnd::NotWorthIt => Ok((found, None)),
        }
    }

    async fn try_orphans_of(&self, ty: &ResourceType, existing: &HashSet<String>) -> Seen {
        let mut found = ByNamespace::new();
        let mut nowhere = false;
        let mut visit = |leftover: Leftover| {
            nowhere |= leftover.namespace.is_empty();
            if !leftover.namespace.is_empty() && !existing.contains(&leftover.namespace) {
                let of_type = found
                    .entry(leftover.namespace.clone())
                    .or_insert_with(|| TypeLeftovers::none(ty.clone()));
                of_type.add(leftover, usize::MAX);
            }
        };
        let read = self.each_by_metadata(&ty.path(), &mut visit).await;
        let without = || self.not_kubernetes("a list leaves the namespaces of its objects out");
        Seen { found, end: read.and_then(|()| if nowhere { Err(without()) } else { Ok(()) }).into() }
    }

    /// Creates a namespace that is only there to be emptied, marked with the run that created it.
    pub async fn create_for_purge(&self, name: &str, run: &str) -> Result<Namespace, ApiError> {
        let call = Call::create(&ApiPath::namespaces(), &marked(name, run), DryRun::None);
        let answer = self.call_json(call).await?;
        self.namespace_from(answer)
    }

    /// The same as a dry run, admission included. What it answers lacks a resourceVersion: nothing is stored.
    pub async fn rehearse_create_for_purge(&self, name: &str, run: &str) -> Result<(), ApiError> {
        self.create(&ApiPath::namespaces(), &marked(name, run), DryRun::Server).await
    }

    /// Creates an object in a collection.
    pub async fn create(&self, collection: &ApiPath, body: &Value, dry_run: DryRun) -> Result<(), ApiError> {
        self.call(Call::create(collection, body, dry_run)).await.map(drop)
    }
}

fn marked(name: &str, run: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "labels": {PURGE_LABEL: "true"},
            "annotations": {PURGE_RUN_ANNOTATION: run},
        },
    })
}
