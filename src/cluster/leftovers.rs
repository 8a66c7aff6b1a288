//! Taking stock: metadata-only lists of everything that can still be inside a namespace.

use std::collections::HashSet;

use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde::Deserialize;

use super::namespaces::PAGE;
use super::request::Call;
use super::{ApiError, Cluster, Discovered};
use crate::model::{Gap, Inventory, Leftover, ResourceType, TypeLeftovers};

/// How many lists are under way at once: enough to hide latency, few enough for API Priority and Fairness.
pub const LIST_CONCURRENCY: usize = 16;

/// Aggregated servers may not know the metadata form; then plain JSON, of which only the metadata is read.
const METADATA_LIST: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;q=0.9";

/// Types whose objects are served under two groups at once (kubernetes'
/// pkg/kubeapiserver/default_storage_factory_builder.go); the same uid counts once.
const COHABITING: [(&str, &str); 2] = [("", "events"), ("events.k8s.io", "events")];

/// One page of a list, as far as nsfix reads it.
#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    metadata: ListMeta,
    /// `null` where a metadata list is empty.
    #[serde(default)]
    items: Option<Vec<Item>>,
}

#[derive(Default, Deserialize)]
struct ListMeta {
    #[serde(default, rename = "continue")]
    continued: String,
}

#[derive(Deserialize)]
struct Item {
    metadata: ItemMeta,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemMeta {
    name: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    uid: String,
    #[serde(default)]
    deletion_timestamp: Option<Timestamp>,
    #[serde(default)]
    finalizers: Vec<String>,
}

impl From<Item> for Leftover {
    fn from(Item { metadata }: Item) -> Self {
        Self {
            name: metadata.name,
            namespace: metadata.namespace,
            uid: metadata.uid,
            deleted: metadata.deletion_timestamp,
            finalizers: metadata.finalizers,
        }
    }
}

impl Cluster {
    /// Takes stock of one namespace: one list per type, several at once. At most `keep` objects of a type
    /// are held in memory; the counts are exact. Fails only where the server as a whole is of no use.
    pub async fn take_stock(
        &self,
        discovered: &Discovered,
        namespace: &str,
        keep: usize,
    ) -> Result<Inventory, ApiError> {
        let mut inventory = self.take_stock_of(discovered.holding_types(), namespace, keep).await?;
        inventory.coverage.gaps.extend(discovered.gaps.iter().cloned());
        inventory.coverage.gaps.sort();
        Ok(inventory)
    }

    /// Takes stock of these types alone.
    pub async fn take_stock_of(
        &self,
        types: Vec<ResourceType>,
        namespace: &str,
        keep: usize,
    ) -> Result<Inventory, ApiError> {
        let listed: Vec<_> = futures::stream::iter(types)
            .map(|ty| async move { self.stock_of(ty, namespace, keep).await })
            .buffer_unordered(LIST_CONCURRENCY)
            .try_collect()
            .await?;
        let mut inventory = Inventory::default();
        for outcome in listed {
            match outcome {
                Ok(of_type) => {
                    inventory.coverage.looked += 1;
                    if of_type.total() > 0 {
                        inventory.types.push(of_type);
                    }
                }
                Err(gap) => inventory.coverage.gaps.push(gap),
            }
        }
        count_cohabiting_once(&mut inventory.types);
        inventory.types.sort_by(|a, b| a.resource.cmp(&b.resource));
        inventory.coverage.gaps.sort();
        Ok(inventory)
    }

    /// Counts the leftovers of one type. The outer error ends the whole look; the inner one is a gap.
    async fn stock_of(
        &self,
        ty: ResourceType,
        namespace: &str,
        keep: usize,
    ) -> Result<Result<TypeLeftovers, Gap>, ApiError> {
        let path = ty.path_in(namespace);
        let mut found = TypeLeftovers::none(ty);
        // Cohabiting objects are told apart by uid, so all of them are kept until that is done.
        let keep = if is_cohabiting(&found.resource) { usize::MAX } else { keep };
        let mut outcome = self.each_page(&path, |leftover| found.add(leftover, keep)).await;
        if outcome.as_ref().is_err_and(|error| error.code() == Some(410)) {
            // The snapshot behind the continue token was compacted away: count again from the start.
            found = TypeLeftovers::none(found.resource);
            outcome = self.each_page(&path, |leftover| found.add(leftover, keep)).await;
        }
        match outcome {
            Ok(()) => Ok(Ok(found)),
            Err(error) if error.is_fatal() => Err(error),
            Err(error) => Ok(Err(Gap {
                group: found.resource.group,
                version: found.resource.version,
                resource: Some(found.resource.resource),
                why: error.unreadable(),
                detail: error.detail(),
            })),
        }
    }

    async fn each_page(&self, path: &str, mut visit: impl FnMut(Leftover)) -> Result<(), ApiError> {
        let mut continued = String::new();
        loop {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("limit", &PAGE.to_string());
            if !continued.is_empty() {
                query.append_pair("continue", &continued);
            }
            let url = format!("{path}?{}", query.finish());
            let body = match self.call(Call::get(&url).accepting(METADATA_LIST).probing()).await {
                Err(error) if error.code() == Some(406) => self.call(Call::get(&url).probing()).await?,
                other => other?,
            };
            let page: Page = self.parse(&body)?;
            page.items.into_iter().flatten().for_each(|item| visit(item.into()));
            if page.metadata.continued.is_empty() {
                return Ok(());
            }
            continued = page.metadata.continued;
        }
    }
}

fn is_cohabiting(ty: &ResourceType) -> bool {
    COHABITING.contains(&(ty.group.as_str(), ty.resource.as_str()))
}

/// Drops the objects that a second group serves under the same uid.
fn count_cohabiting_once(types: &mut Vec<TypeLeftovers>) {
    types.sort_by(|a, b| a.resource.cmp(&b.resource));
    let mut seen = HashSet::new();
    for of_type in types.iter_mut().filter(|of_type| is_cohabiting(&of_type.resource)) {
        let mut once = TypeLeftovers::none(of_type.resource.clone());
        for leftover in std::mem::take(&mut of_type.sample) {
            if seen.insert(leftover.uid.clone()) {
                once.add(leftover, usize::MAX);
            }
        }
        *of_type = once;
    }
    types.retain(|of_type| of_type.total() > 0);
}
