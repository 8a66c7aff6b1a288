//! `AccessReport`: what this account may do.

use serde::Serialize;

use super::{Document, Item};
use crate::model::{Permission, counted};
use crate::output::{Format, OutputError, table};

/// One permission of a capability.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccessItem {
    /// What needs it; each capability needs those before it as well, but for rehearse, which needs report
    /// alone.
    #[cfg_attr(test, schemars(schema_with = "super::schemas::capability"))]
    capability: String,
    /// The verb.
    verb: String,
    /// API group; empty for the core group, * for all.
    group: String,
    /// Plural name; * for all.
    resource: String,
    /// The subresource, where it is about one.
    #[serde(skip_serializing_if = "String::is_empty")]
    subresource: String,
    /// The namespace that was asked about; absent for all of them.
    #[serde(skip_serializing_if = "String::is_empty")]
    namespace: String,
    /// Whether it is granted.
    allowed: bool,
    /// Why, where the authorizer says so.
    reason: String,
    /// The RBAC rule that grants it.
    rule: String,
}

impl Item for AccessItem {
    const LIST_KIND: &'static str = "AccessReport";

    fn resource_name(&self) -> String {
        self.capability.clone()
    }
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

    /// What this account may do and what it lacks, in a sentence, and whether it lacks nothing.
    #[must_use]
    pub fn verdict(items: &[Self]) -> (String, bool) {
        let mut capabilities: Vec<&str> = items.iter().map(|item| item.capability.as_str()).collect();
        capabilities.dedup();
        let missing = |name: &&str| {
            items.iter().filter(|item| item.capability == **name && !item.allowed).count() as u64
        };
        let (may, lacks): (Vec<&str>, Vec<&str>) = capabilities.iter().partition(|name| missing(name) == 0);
        let lacks: Vec<String> = lacks
            .iter()
            .map(|name| format!("{name} ({} missing)", counted(missing(name), "permission")))
            .collect();
        let verdict = match (may.is_empty(), lacks.is_empty()) {
            (_, true) => format!("This account may {}.", may.join(", ")),
            (true, false) => format!("This account may not {}.", lacks.join(", ")),
            (false, false) => {
                format!("This account may {}, but not {}.", may.join(", "), lacks.join(", "))
            }
        };
        (verdict, lacks.is_empty())
    }

    /// All of them, as a table or as a document.
    pub fn render(items: Vec<Self>, format: Option<&Format>) -> Result<String, OutputError> {
        let Some(format) = format else {
            let rows: Vec<Vec<String>> = items.iter().map(Self::row).collect();
            return Ok(table::render(Some(&["CAPABILITY", "VERB", "RESOURCE", "ALLOWED", "RULE"]), &rows));
        };
        Document::new(items).render(format, true)
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
