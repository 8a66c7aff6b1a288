//! Metadata-only lists, page by page, so that a hundred thousand objects fit into little memory.
//!
//! Not kube's `list_metadata`: it keeps the managed fields of every object as trees, fails on a page with one that is
//! nested deep, and knows no other form where a server answers 406.

use std::collections::BTreeMap;
use std::pin::pin;

use futures::{Stream, TryStreamExt};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::paging::{List, Page, PageBody, again_if_expired};
use super::{ApiError, Cluster};
use crate::model::{ApiPath, FinalizerSetBy, Leftover, ResourceType};

/// Aggregated servers may not know the metadata form; then plain JSON, of which only the metadata is read.
const METADATA_LIST: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;q=0.9";

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

impl Cluster {
    /// A list by metadata alone, page by page.
    pub(super) fn metadata_pages<'a>(
        &'a self,
        path: &'a ApiPath,
    ) -> impl Stream<Item = Result<Page<Leftover>, ApiError>> + 'a {
        self.pages(List::of(path).accepting(METADATA_LIST).probing(), |body| {
            let page: PageBody<Item<'_>> = self.parse(body)?;
            Ok(page.into_page(self)?.map(Leftover::from))
        })
    }

    /// Reads a list by metadata to its end, and hands on its objects one by one.
    pub(super) async fn each_by_metadata(
        &self,
        path: &ApiPath,
        visit: &mut impl FnMut(Leftover),
    ) -> Result<(), ApiError> {
        let mut pages = pin!(self.metadata_pages(path));
        while let Some(page) = pages.try_next().await? {
            page.items.into_iter().for_each(&mut *visit);
        }
        Ok(())
    }

    /// The same of one namespace. What it lists is there, whatever an API server that was written carelessly says of it.
    pub(super) async fn each_by_metadata_in(
        &self,
        ty: &ResourceType,
        namespace: &str,
        visit: &mut impl FnMut(Leftover),
    ) -> Result<(), ApiError> {
        let mut visit = |leftover| visit(Leftover { namespace: namespace.to_owned(), ..leftover });
        self.each_by_metadata(&ty.path_in(namespace), &mut visit).await
    }

    /// Reads the objects of a type in a namespace whole, page by page, and hands on each as it was sent: JSON as
    /// deep as the server stores it is nothing that is parsed here.
    pub async fn whole_objects<E: From<ApiError>>(
        &self,
        ty: &ResourceType,
        namespace: &str,
        visit: &mut impl FnMut(&RawValue) -> Result<(), E>,
    ) -> Result<(), E> {
        let path = ty.path_in(namespace);
        let list = List::of(&path).with(|params| params.limit(WHOLE_PAGE)).of_whole_objects();
        let mut pages = pin!(self.pages(list, |body| {
            let page: PageBody<Box<RawValue>> = self.parse(body)?;
            page.into_page(self)
        }));
        while let Some(page) = pages.try_next().await? {
            page.items.iter().try_for_each(|item| visit(item))?;
        }
        Ok(())
    }

    /// The leftovers of a type in a namespace, one by one, by metadata.
    pub async fn leftovers_of(&self, ty: &ResourceType, namespace: &str) -> Result<Vec<Leftover>, ApiError> {
        again_if_expired(|| async move {
            let mut found = Vec::new();
            self.each_by_metadata_in(ty, namespace, &mut |leftover| found.push(leftover)).await?;
            Ok(found)
        })
        .await
    }
}

/// Whole objects can be a megabyte each.
const WHOLE_PAGE: u32 = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_any_depth_can_be_listed() {
        let deep = format!("{}{}", "{\"a\":".repeat(500), "1".to_owned() + &"}".repeat(500));
        let fields = format!(r#"{{"manager": "m", "fieldsV1": {deep}}}"#);
        let list = format!(
            r#"{{"items": [{{"spec": {deep}, "metadata": {{"name": "n", "managedFields": [{fields}]}}}}]}}"#
        );
        assert!(serde_json::from_str::<PageBody<Item<'_>>>(&list).is_ok());
        assert!(serde_json::from_str::<PageBody<Box<RawValue>>>(&list).is_ok());
    }
}
