//! The leftovers of namespaces, type by type.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::pin::pin;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};

use super::listing::{LIST_CONCURRENCY, ListedType, Shared, TypeLook, may_be_one_object};
use super::{ApiError, Cluster, Discovered};
use crate::model::{Inventory, ResourceType, TypeLeftovers};

impl Cluster {
    /// The leftovers of namespaces, of all types that are served now.
    pub async fn look_inside(
        &self,
        namespaces: &[&str],
        keep: usize,
    ) -> Result<BTreeMap<String, Inventory>, ApiError> {
        self.list_leftovers(&self.discover().await?, namespaces, keep).await
    }

    /// Lists the leftovers of namespaces: one list per type, several types at once. A single namespace is listed by
    /// itself; several are found in one list over all namespaces, unless that turns out much larger than they
    /// are. At most `keep` objects of a type and namespace are held in memory; the counts are exact, of
    /// a list that fails what it has shown. Fails only where the server as a whole is of no use.
    pub async fn list_leftovers(
        &self,
        discovered: &Discovered,
        namespaces: &[&str],
        keep: usize,
    ) -> Result<BTreeMap<String, Inventory>, ApiError> {
        let mut inventories = self.list_leftovers_of(discovered.holding_types(), namespaces, keep).await?;
        for inventory in inventories.values_mut() {
            inventory.coverage.gaps.extend(discovered.gaps.iter().cloned());
            inventory.coverage.gaps.sort();
        }
        Ok(inventories)
    }

    /// Lists the leftovers of these types alone.
    pub async fn list_leftovers_of(
        &self,
        types: Vec<ResourceType>,
        namespaces: &[&str],
        keep: usize,
    ) -> Result<BTreeMap<String, Inventory>, ApiError> {
        let shared = Shared::default();
        let listed: Vec<(ResourceType, ListedType)> = futures::stream::iter(types)
            .map(|ty| async {
                let look = TypeLook { cluster: self, ty: &ty, namespaces, keep, shared: &shared };
                let found = look.leftovers().await?;
                Ok::<_, ApiError>((ty, found))
            })
            .buffer_unordered(LIST_CONCURRENCY)
            .try_collect()
            .await?;
        let mut inventories: BTreeMap<String, Inventory> =
            namespaces.iter().map(|name| ((*name).to_owned(), Inventory::default())).collect();
        // What the list over all namespaces shows, a list of one of them may not: an older condition stands.
        let whole = listed.iter().filter(|(_, listed)| listed.whole.is_none() && listed.gaps.is_empty());
        let looked: Arc<BTreeSet<String>> = Arc::new(whole.map(|(ty, _)| ty.to_string()).collect());
        let failed = listed
            .iter()
            .filter_map(|(ty, listed)| Some((ty.to_string(), listed.whole.as_ref()?.detail.clone())));
        let failed: Arc<BTreeMap<String, String>> = Arc::new(failed.collect());
        for (_, of_type) in listed {
            distribute(of_type, &mut inventories);
        }
        for inventory in inventories.values_mut() {
            inventory.coverage.types = Arc::clone(&looked);
            inventory.coverage.failed_lists = Arc::clone(&failed);
            count_cohabiting_once(&mut inventory.types, keep);
            inventory.types.sort_by(|a, b| a.resource.cmp(&b.resource));
            inventory.coverage.gaps.sort();
        }
        Ok(inventories)
    }

    /// What the list of a type over all namespaces is answered, where it fails over some object in one of them: the
    /// namespace controller fails over that in every namespace.
    pub async fn failed_list(&self, ty: &ResourceType) -> Option<String> {
        let path = ty.path();
        let mut pages = pin!(self.metadata_pages(&path));
        match pages.try_next().await {
            Err(error) if may_be_one_object(&error) => Some(error.detail()),
            _ => None,
        }
    }
}

/// Puts what was found of a type where it belongs. Of most types there is nothing in most namespaces.
fn distribute(ListedType { found, gaps, .. }: ListedType, inventories: &mut BTreeMap<String, Inventory>) {
    for (name, inventory) in inventories.iter_mut() {
        match gaps.get(name) {
            Some(gap) => inventory.coverage.gaps.push(gap.clone()),
            None => inventory.coverage.looked += 1,
        }
    }
    for (name, mut of_type) in found {
        if let Some(inventory) = inventories.get_mut(&name) {
            of_type.at_least = gaps.contains_key(&name);
            inventory.types.push(of_type);
        }
    }
}

/// Drops the objects that a second group serves under the same uid.
pub(super) fn count_cohabiting_once(types: &mut Vec<TypeLeftovers>, keep: usize) {
    types.sort_by(|a, b| a.resource.cmp(&b.resource));
    let mut cohabiting: Vec<_> =
        types.iter_mut().filter_map(|of_type| Some((of_type.resource.cohabiting_rank()?, of_type))).collect();
    cohabiting.sort_by_key(|(rank, _)| *rank);
    let mut seen = HashSet::new();
    for (_, of_type) in cohabiting {
        let mut once =
            TypeLeftovers { at_least: of_type.at_least, ..TypeLeftovers::none(of_type.resource.clone()) };
        for leftover in std::mem::take(&mut of_type.sample) {
            if seen.insert(leftover.uid.clone()) {
                once.add(leftover, keep);
            }
        }
        *of_type = once;
    }
    types.retain(|of_type| of_type.total() > 0);
}
