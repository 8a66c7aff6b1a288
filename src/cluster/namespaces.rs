//! Reading namespaces.

use serde_json::Value;

use super::paging::{PageRequest, Paging};
use super::request::Call;
use super::{ApiError, Cluster};
use crate::model::{Namespace, path_segment};

/// client-go's default page.
pub(super) const PAGE: usize = 500;

/// Which namespaces to list.
#[derive(Clone, Debug, Default)]
pub struct NamespaceQuery {
    /// Only those in Terminating: the server filters them.
    pub terminating: bool,
    /// A label selector, as kubectl's `-l`.
    pub selector: Option<String>,
}

impl NamespaceQuery {
    fn path(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if self.terminating {
            query.append_pair("fieldSelector", "status.phase=Terminating");
        }
        if let Some(selector) = &self.selector {
            query.append_pair("labelSelector", selector);
        }
        match query.finish() {
            query if query.is_empty() => "/api/v1/namespaces".to_owned(),
            query => format!("/api/v1/namespaces?{query}"),
        }
    }
}

impl Cluster {
    /// Lists namespaces, page by page. A snapshot that expires half-way is begun anew, once.
    pub async fn namespaces(&self, query: &NamespaceQuery) -> Result<Vec<Namespace>, ApiError> {
        match self.namespaces_once(query).await {
            Err(error) if error.code() == Some(410) => self.namespaces_once(query).await,
            other => other,
        }
    }

    async fn namespaces_once(&self, query: &NamespaceQuery) -> Result<Vec<Namespace>, ApiError> {
        let mut namespaces = Vec::new();
        let path = query.path();
        let request = PageRequest { path: &path, accept: None, probe: false, whole: false };
        let mut paging = Paging::new(PAGE);
        loop {
            let body = self.read_page(&mut paging, request).await?;
            let mut page: Value = self.parse(&body)?;
            if page["kind"] != "NamespaceList" {
                return Err(self.not_kubernetes("it did not send a NamespaceList"));
            }
            if let Value::Array(items) = page["items"].take() {
                for item in items {
                    namespaces.push(self.namespace_from(item)?);
                }
            }
            let next = page.pointer("/metadata/continue").and_then(Value::as_str).unwrap_or_default();
            if !paging.follow(self, next)? {
                return Ok(namespaces);
            }
        }
    }

    /// Reads one namespace, whole.
    pub async fn namespace(&self, name: &str) -> Result<Namespace, ApiError> {
        let json = self.call_json(Call::get(&format!("/api/v1/namespaces/{}", path_segment(name)))).await?;
        if json["kind"] != "Namespace" {
            return Err(self.not_kubernetes("it did not send a Namespace"));
        }
        self.namespace_from(json)
    }

    pub(super) fn namespace_from(&self, json: Value) -> Result<Namespace, ApiError> {
        Namespace::from_json(json).map_err(|error| self.not_kubernetes(&error.to_string()))
    }
}
