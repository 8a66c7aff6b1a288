//! A watch on namespaces: what changes, line by line as the server sends it.

use std::time::Duration;

use http_body_util::BodyExt;
use kube::client::Body;
use serde::Deserialize;
use serde_json::Value;

use super::call::Call;
use super::{ApiError, Cluster, NamespaceQuery};
use crate::model::{ApiPath, Namespace};

/// client-go's shortest time for a watch is five minutes; servers end one sooner or later in any case.
const WATCH_SECONDS: u32 = 290;
/// A watch that has not ended by then has lost its connection without anybody having said so.
const LOST: Duration = Duration::from_secs(WATCH_SECONDS as u64 + 10);
/// etcd stores no object of that size.
const LONGEST_LINE: usize = 16 << 20;

/// What has become of a namespace.
#[derive(Debug)]
pub enum NamespaceChange {
    /// It is there, as it now is.
    Is(Box<Namespace>),
    /// It is gone, or is not meant any longer.
    Gone {
        /// `metadata.name`
        name: String,
        /// `metadata.uid`
        uid: String,
    },
}

/// An open watch.
pub struct NamespaceWatch<'a> {
    cluster: &'a Cluster,
    body: Body,
    /// What was read and has not come to the end of its line.
    read: Vec<u8>,
    /// Where the next watch goes on.
    pub version: String,
}

#[derive(Deserialize)]
struct Line {
    r#type: String,
    object: Value,
}

impl Cluster {
    /// Watches namespaces from this revision on.
    pub async fn watch_namespaces(
        &self,
        query: &NamespaceQuery,
        version: &str,
    ) -> Result<NamespaceWatch<'_>, ApiError> {
        let params = query.watch_params(WATCH_SECONDS);
        let body = self.open(Call::watch(&ApiPath::namespaces(), &params, version)).await?;
        Ok(NamespaceWatch { cluster: self, body, read: Vec::new(), version: version.to_owned() })
    }
}

impl NamespaceWatch<'_> {
    /// The next change; `None` where the server has ended the watch. Nothing is lost where this is not awaited to
    /// its end.
    pub async fn next(&mut self) -> Result<Option<NamespaceChange>, ApiError> {
        loop {
            while let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                if let Some(change) = self.change(&line)? {
                    return Ok(Some(change));
                }
            }
            if self.read.len() > LONGEST_LINE {
                return Err(self.cluster.not_kubernetes("a watch sends a line without an end"));
            }
            match tokio::time::timeout(LOST, self.body.frame()).await {
                Ok(Some(Ok(frame))) => self.read.extend(frame.into_data().unwrap_or_default()),
                Ok(Some(Err(error))) => return Err(self.cluster.broken_off(error.into())),
                Ok(None) | Err(_) => return Ok(None),
            }
        }
    }

    fn change(&mut self, line: &[u8]) -> Result<Option<NamespaceChange>, ApiError> {
        let Line { r#type, object } = self.cluster.parse(line)?;
        if r#type == "ERROR" {
            let code = object["code"].as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or(500);
            return Err(ApiError::from_answer(&self.cluster.server, code, object.to_string().as_bytes()));
        }
        let text =
            |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        self.version = text("/metadata/resourceVersion");
        match r#type.as_str() {
            "ADDED" | "MODIFIED" => {
                let namespace = self.cluster.namespace_from(object)?;
                Ok(Some(NamespaceChange::Is(Box::new(namespace))))
            }
            "DELETED" => {
                Ok(Some(NamespaceChange::Gone { name: text("/metadata/name"), uid: text("/metadata/uid") }))
            }
            // A bookmark is a revision alone.
            _ => Ok(None),
        }
    }
}
