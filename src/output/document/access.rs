//! `AccessReport`: what this account may do.

use serde::Serialize;

use super::{Document, Item};
use crate::model::Permission;
use crate::output::{DocumentFormat, OutputError, table};

/// One item of an `AccessReport`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessItem {
    capability: String,
    verb: String,
    group: String,
    resource: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    subresource: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    namespace: String,
    allowed: bool,
    reason: String,
    /// The RBAC rule that grants it.
    rule: String,
}

impl Item for AccessItem {
    const LIST_KIND: &'static str = "AccessReport";
}

impl AccessItem {
    /// Describes one permission of a capability.
    #[must_use]
    pub fn new(capability: &str, permission: &Permission, allowed: bool, reason: &str) -> Self {
        Self {
            capability: capability.to_owned(),
            verb: permission.verb.clone(),
            group: permission.group.clone(),
            resource: permission.resource.clone(),
            subresource: permission.subresource.clone(),
            namespace: permission.namespace.clone(),
            allowed,
            reason: reason.to_owned(),
            rule: permission.rule(),
        }
    }

    /// All of them, as a table or as a document.
    pub fn render(items: Vec<Self>, format: Option<DocumentFormat>) -> Result<String, OutputError> {
        let Some(format) = format else {
            let rows: Vec<Vec<String>> = items.iter().map(Self::row).collect();
            return Ok(table::render(Some(&["CAPABILITY", "VERB", "RESOURCE", "ALLOWED", "RULE"]), &rows));
        };
        Document::new(items).render(format)
    }

    /// The cells of its row in a table; the rule only where it is missing.
    fn row(&self) -> Vec<String> {
        let dot = if self.group.is_empty() { "" } else { "." };
        let slash = if self.subresource.is_empty() { "" } else { "/" };
        let within =
            if self.namespace.is_empty() { String::new() } else { format!(" in {}", self.namespace) };
        vec![
            self.capability.clone(),
            self.verb.clone(),
            format!("{}{dot}{}{slash}{}{within}", self.resource, self.group, self.subresource),
            if self.allowed { "yes" } else { "no" }.to_owned(),
            if self.allowed { String::new() } else { self.rule.clone() },
        ]
    }
}
