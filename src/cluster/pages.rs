//! Metadata-only lists, page by page, so that a hundred thousand objects fit into little memory.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::namespaces::PAGE;
use super::paging::{PageRequest, Paging};
use super::{ApiError, Cluster};
use crate::model::{FinalizerSetBy, Leftover, ResourceType};

/// Aggregated servers may not know the metadata form; then plain JSON, of which only the metadata is read.
const METADATA_LIST: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;q=0.9";

/// One page of a list, as far as nsfix reads it.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(default)]
    metadata: ListMeta,
    /// `null` where a metadata list is empty.
    #[serde(default, borrow)]
    items: Option<Vec<Item<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMeta {
    #[serde(default, rename = "continue")]
    continued: String,
    #[serde(default)]
    remaining_item_count: Option<u64>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    metadata: ItemMeta<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ItemMeta<'a> {
    name: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    uid: String,
    #[serde(default)]
    deletion_timestamp: Option<Timestamp>,
    #[serde(default)]
    finalizers: Vec<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default, borrow)]
    managed_fields: Vec<ManagedFields<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ManagedFields<'a> {
    #[serde(default)]
    manager: String,
    #[serde(default)]
    operation: String,
    #[serde(default)]
    time: Option<Timestamp>,
    #[serde(default, borrow)]
    fields_v1: Option<&'a RawValue>,
}

impl ManagedFields<'_> {
    /// Whether these fields include the finalizer: `f:metadata.f:finalizers.v:"name"`. Looked for in the
    /// text, because nothing else in an object's fields can have that form.
    fn include(&self, finalizer: &str) -> bool {
        let key = format!(r#""v:\"{finalizer}\"""#);
        self.fields_v1.is_some_and(|fields| {
            let text = fields.get();
            text.contains(r#""f:finalizers""#) && text.contains(&key)
        })
    }
}

impl From<Item<'_>> for Leftover {
    fn from(Item { metadata }: Item<'_>) -> Self {
        let set_by = |finalizer: &String| {
            let fields = metadata.managed_fields.iter().find(|fields| fields.include(finalizer))?;
            Some(FinalizerSetBy {
                finalizer: finalizer.clone(),
                manager: fields.manager.clone(),
                operation: fields.operation.clone(),
                time: fields.time,
            })
        };
        Self {
            set_by: metadata.finalizers.iter().filter_map(set_by).collect(),
            name: metadata.name,
            namespace: metadata.namespace,
            uid: metadata.uid,
            deleted: metadata.deletion_timestamp,
            finalizers: metadata.finalizers,
            labels: metadata.labels,
        }
    }
}

/// What one page held besides its objects.
pub(super) struct PageEnd {
    /// The token of the next page; empty on the last one.
    pub(super) continued: String,
    /// How many objects are still to come, where the server says so.
    pub(super) remaining: u64,
}

impl Cluster {
    /// Reads one page and hands its objects on one by one.
    pub(super) async fn page(
        &self,
        path: &str,
        continued: &str,
        visit: &mut impl FnMut(Leftover),
    ) -> Result<PageEnd, ApiError> {
        self.page_of(path, &mut Paging::from_token(PAGE, continued), visit).await
    }

    async fn page_of(
        &self,
        path: &str,
        paging: &mut Paging,
        visit: &mut impl FnMut(Leftover),
    ) -> Result<PageEnd, ApiError> {
        let request = PageRequest { path, accept: Some(METADATA_LIST), probe: true, whole: false };
        let body = self.read_page(paging, request).await?;
        let page: Page<'_> = self.parse(&body)?;
        page.items.into_iter().flatten().for_each(|item| visit(item.into()));
        let remaining = page.metadata.remaining_item_count.unwrap_or_default();
        Ok(PageEnd { continued: page.metadata.continued, remaining })
    }

    /// Reads the pages from `continued` on, to the last.
    pub(super) async fn pages(
        &self,
        path: &str,
        continued: &str,
        visit: &mut impl FnMut(Leftover),
    ) -> Result<(), ApiError> {
        let mut paging = Paging::from_token(PAGE, continued);
        loop {
            let end = self.page_of(path, &mut paging, visit).await?;
            if !paging.follow(self, &end.continued)? {
                return Ok(());
            }
        }
    }

    /// Reads the objects of a type in a namespace whole, page by page, and hands on each as it was sent.
    pub async fn whole_objects(
        &self,
        ty: &ResourceType,
        namespace: &str,
        visit: &mut impl FnMut(&RawValue) -> std::io::Result<()>,
    ) -> Result<std::io::Result<()>, ApiError> {
        let path = ty.path_in(namespace);
        let mut paging = Paging::new(WHOLE_PAGE);
        loop {
            let request = PageRequest { path: &path, accept: None, probe: false, whole: true };
            let body = self.read_page(&mut paging, request).await?;
            let page: WholePage<'_> = self.parse(&body)?;
            for item in page.items.into_iter().flatten() {
                if let Err(error) = visit(item) {
                    return Ok(Err(error));
                }
            }
            if !paging.follow(self, &page.metadata.continued)? {
                return Ok(Ok(()));
            }
        }
    }

    /// The leftovers of a type in a namespace, one by one, by metadata.
    pub async fn leftovers_of(&self, ty: &ResourceType, namespace: &str) -> Result<Vec<Leftover>, ApiError> {
        let mut found = Vec::new();
        self.pages(&ty.path_in(namespace), "", &mut |leftover| found.push(leftover)).await?;
        Ok(found)
    }
}

/// Whole objects can be a megabyte each.
const WHOLE_PAGE: usize = 50;

#[derive(Deserialize)]
struct WholePage<'a> {
    #[serde(default)]
    metadata: ListMeta,
    #[serde(default, borrow)]
    items: Option<Vec<&'a RawValue>>,
}
