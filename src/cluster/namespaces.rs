//! Reading namespaces.

use std::collections::BTreeMap;
use std::pin::pin;

use futures::TryStreamExt;
use kube::api::{ListParams, WatchParams};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::call::Call;
use super::paging::{List, PageBody, again_if_expired};
use super::{ApiError, Cluster};
use crate::model::{ApiPath, Malformed, Namespace};

const TERMINATING: &str = "status.phase=Terminating";

/// Which namespaces to list.
#[derive(Clone, Debug, Default)]
pub struct NamespaceQuery {
    /// Only those in Terminating: the server filters them.
    pub terminating: bool,
    /// A label selector, as kubectl's `-l`.
    pub selector: Option<String>,
}

impl NamespaceQuery {
    fn restrict(&self, params: ListParams) -> ListParams {
        let params = if self.terminating { params.fields(TERMINATING) } else { params };
        ListParams { label_selector: self.selector.clone(), ..params }
    }

    pub(super) fn watch_params(&self, seconds: u32) -> WatchParams {
        let params = WatchParams::default().timeout(seconds);
        let params = if self.terminating { params.fields(TERMINATING) } else { params };
        WatchParams { label_selector: self.selector.clone(), ..params }
    }
}

impl Cluster {
    /// Lists namespaces, page by page.
    pub async fn namespaces(&self, query: &NamespaceQuery) -> Result<Vec<Namespace>, ApiError> {
        let read = |json| Namespace::from_json(json);
        Ok(again_if_expired(|| self.namespaces_once(query, read)).await?.0)
    }

    /// The same for those that are only looked at: their JSON is not kept, and nothing can be written back. With them
    /// comes the revision from which a watch goes on.
    pub async fn namespaces_to_look_at(
        &self,
        query: &NamespaceQuery,
    ) -> Result<(Vec<Namespace>, String), ApiError> {
        again_if_expired(|| self.namespaces_once(query, Namespace::from_fields)).await
    }

    async fn namespaces_once<T: DeserializeOwned>(
        &self,
        query: &NamespaceQuery,
        read: impl Fn(T) -> Result<Namespace, Malformed>,
    ) -> Result<(Vec<Namespace>, String), ApiError> {
        let path = ApiPath::namespaces();
        let list = List::of(&path).with(|params| query.restrict(params));
        let mut pages = pin!(self.pages(list, |body| {
            let page: PageBody<T> = self.parse(body)?;
            if page.kind != "NamespaceList" {
                return Err(self.not_kubernetes("it did not send a NamespaceList"));
            }
            page.into_page(self)
        }));
        let (mut namespaces, mut version) = (Vec::new(), String::new());
        while let Some(page) = pages.try_next().await? {
            // Every page is of the revision of the first.
            if version.is_empty() {
                version = page.version;
            }
            for item in page.items {
                namespaces.push(read(item).map_err(|error| self.malformed(&error))?);
            }
        }
        Ok((namespaces, version))
    }

    /// The names of all namespaces, with their labels: a list of them by metadata alone.
    pub async fn namespace_labels(&self) -> Result<BTreeMap<String, BTreeMap<String, String>>, ApiError> {
        again_if_expired(|| async {
            let mut labels = BTreeMap::new();
            let path = ApiPath::namespaces();
            self.each_by_metadata(&path, &mut |namespace| {
                labels.insert(namespace.name, namespace.labels);
            })
            .await?;
            Ok(labels)
        })
        .await
    }

    /// Reads one namespace, whole. A missing one is [`ApiError::is_missing_namespace`]; another 404 is no Kubernetes API.
    pub async fn namespace(&self, name: &str) -> Result<Namespace, ApiError> {
        let json = match self.call_json(Call::get(&ApiPath::namespace(name))).await {
            Err(error) if error.code() == Some(404) && !error.is_missing_namespace() => {
                let what =
                    format!("HTTP 404 that does not say that the namespace is missing ({})", error.detail());
                return Err(self.not_kubernetes(&what));
            }
            other => other?,
        };
        if json["kind"] != "Namespace" {
            return Err(self.not_kubernetes("it did not send a Namespace"));
        }
        self.namespace_from(json)
    }

    pub(super) fn namespace_from(&self, json: Value) -> Result<Namespace, ApiError> {
        Namespace::from_json(json).map_err(|error| self.malformed(&error))
    }

    fn malformed(&self, error: &Malformed) -> ApiError {
        self.not_kubernetes(&error.to_string())
    }
}
