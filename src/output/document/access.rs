//! `AccessReport`: what this account may do.

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::{Document, Item};
use crate::model::{Permission, counted};
use crate::output::{Format, OutputError, Style, sanitise, table};

/// How much of a resource stays readable on a narrow terminal.
const LEAST_RESOURCE: usize = 24;

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

    /// All of them, as a table for a terminal of this width or as a document.
    pub fn render(
        items: Vec<Self>,
        format: Option<&Format>,
        width: Option<usize>,
    ) -> Result<String, OutputError> {
        match format {
            Some(format) => Document::new(items).render(format, true),
            None => Ok(Self::table(&items, width)),
        }
    }

    /// Rules are copied and never cut: where they do not fit, they stand below.
    fn table(items: &[Self], width: Option<usize>) -> String {
        let headers = ["CAPABILITY", "VERB", "RESOURCE", "ALLOWED", "RULE"];
        let mut rows: Vec<Vec<String>> = items.iter().map(Self::row).collect();
        let whole = table::render(Some(&headers), &rows);
        if width.is_none_or(|width| whole.lines().all(|line| line.width() <= width)) {
            return whole;
        }
        let mut rules: Vec<String> = Vec::new();
        for row in &mut rows {
            rules.extend(row.pop().filter(|rule| !rule.is_empty()));
        }
        rules.dedup();
        let fit = table::Fit { width, yielding: &[(2, LEAST_RESOURCE)] };
        let plain = |_, cell: &str| cell.to_owned();
        let table = table::fitted(Some(&headers[..4]), &rows, fit, |_, _| Style::Plain, plain);
        let heading = if rules.is_empty() { "" } else { "Rules that grant what is missing:\n" };
        let rules = rules.iter().map(|rule| format!("  {}\n", sanitise(rule)));
        table + heading + &rules.collect::<String>()
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
