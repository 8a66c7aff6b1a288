//! `OrphanList`: objects whose namespace does not exist.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Item;
use crate::model::Inventory;

/// One orphan: an object whose namespace does not exist.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct OrphanItem {
    /// The namespace that does not exist.
    namespace: String,
    /// API group; empty for the core group.
    group: String,
    /// API version.
    version: String,
    /// Plural name of the type.
    resource: String,
    /// Its kind.
    kind: String,
    /// Its name.
    name: String,
    /// Its uid.
    uid: String,
    /// When it was deleted; null where it is live.
    #[cfg_attr(test, schemars(schema_with = "super::schemas::time"))]
    deletion_timestamp: Option<String>,
    /// Its finalizers.
    finalizers: Vec<String>,
}

/// A namespace of which nobody knows whether it exists: what is under its name may be orphans.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct UnreadNamespaceItem {
    /// Its name.
    pub namespace: String,
    /// The server's words.
    pub detail: String,
}

impl Item for OrphanItem {
    const LIST_KIND: &'static str = "OrphanList";

    fn resource_name(&self) -> String {
        let dot = if self.group.is_empty() { "" } else { "." };
        format!("{}{dot}{}/{}", self.kind.to_lowercase(), self.group, self.name)
    }
}

impl OrphanItem {
    /// Every orphan, by namespace and type.
    #[must_use]
    pub fn all(orphans: &BTreeMap<String, Inventory>) -> Vec<Self> {
        let mut items = Vec::new();
        for (namespace, inventory) in orphans {
            for of_type in &inventory.types {
                let ty = &of_type.resource;
                items.extend(of_type.sample.iter().map(|orphan| Self {
                    namespace: namespace.clone(),
                    group: ty.group.clone(),
                    version: ty.version.clone(),
                    resource: ty.resource.clone(),
                    kind: ty.kind.clone(),
                    name: orphan.name.clone(),
                    uid: orphan.uid.clone(),
                    deletion_timestamp: orphan.deleted.map(|time| time.to_string()),
                    finalizers: orphan.finalizers.clone(),
                }));
            }
        }
        items
    }

    /// The cells of its row in a table.
    #[must_use]
    pub(in crate::output) fn row(&self) -> Vec<String> {
        let dot = if self.group.is_empty() { "" } else { "." };
        vec![
            self.namespace.clone(),
            format!("{}{dot}{}", self.resource, self.group),
            self.name.clone(),
            if self.deletion_timestamp.is_some() { "deleting".to_owned() } else { "live".to_owned() },
            self.finalizers.join(","),
        ]
    }
}
