//! The versioned documents of `-o json|yaml`: what scripts rely on. Fields may be added, none renamed.

mod access;
mod diagnosis;
mod orphan;
mod prediction;
mod repaired;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

pub use access::AccessItem;
pub use diagnosis::DiagnosisItem;
pub use orphan::OrphanItem;
pub use prediction::PredictionItem;
pub use repaired::Repaired;

use super::{Format, OutputError};
use crate::diagnose::{Diagnosis, State, age, reason};
use crate::model::{Condition, Gap, Namespace};

/// The `apiVersion` of every document.
pub const API_VERSION: &str = "nsfix/v1";

/// A list document: `apiVersion`, `kind`, `items`. An empty list is still a document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document<T> {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<T>,
}

/// An item that knows which list it belongs into.
pub trait Item: Serialize {
    /// The kind of the list document.
    const LIST_KIND: &'static str;

    /// `KIND/NAME`, as kubectl's `-o name` prints it.
    fn resource_name(&self) -> String;
}

/// The same as JSON, for paths to be looked up in.
pub fn as_value(document: &impl Serialize) -> Result<Value, OutputError> {
    Ok(serde_json::to_value(document)?)
}

impl<T: Item> Document<T> {
    /// Wraps the items.
    #[must_use]
    pub fn new(items: Vec<T>) -> Self {
        Self { api_version: API_VERSION, kind: T::LIST_KIND, items }
    }

    /// Renders the document in a format. A table of its own columns has a header unless none is wanted.
    pub fn render(&self, format: &Format, headers: bool) -> Result<String, OutputError> {
        match format {
            Format::Json => self.to_json(),
            Format::Yaml => self.to_yaml(),
            Format::JsonPath(template) => Ok(template.render(&as_value(self)?)),
            Format::CustomColumns(columns) => {
                let items = self.items.iter().map(as_value).collect::<Result<Vec<_>, _>>()?;
                Ok(columns.render(&items, headers))
            }
            // Only a list has a wider table, which is no document.
            Format::Wide | Format::Name => {
                Ok(self.items.iter().flat_map(|item| [item.resource_name(), "\n".to_owned()]).collect())
            }
        }
    }

    /// Renders the document as JSON, indented as kubectl does.
    pub fn to_json(&self) -> Result<String, OutputError> {
        let text = serde_json::to_string_pretty(self)?;
        Ok(text + "\n")
    }

    /// Renders the document as YAML.
    pub fn to_yaml(&self) -> Result<String, OutputError> {
        let text = serde_saphyr::to_string(self)?;
        Ok(text.trim_end().to_owned() + "\n")
    }
}

/// One item of a `StuckNamespaceList`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StuckNamespace {
    name: String,
    uid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<String>,
    deletion_timestamp: Option<String>,
    age_seconds: u64,
    state: String,
    reason: String,
    spec_finalizers: Vec<String>,
    metadata_finalizers: Vec<String>,
    conditions: Vec<ConditionDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leftovers: Option<LeftoversDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causes: Option<Vec<String>>,
}

#[derive(Clone, Debug, Serialize)]
struct LeftoversDocument {
    deleting: u64,
    live: u64,
}

impl Item for StuckNamespace {
    const LIST_KIND: &'static str = "StuckNamespaceList";

    fn resource_name(&self) -> String {
        format!("namespace/{}", self.name)
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ConditionDocument {
    r#type: String,
    status: String,
    reason: String,
    message: String,
    last_transition_time: Option<String>,
}

impl StuckNamespace {
    /// Describes a namespace in Terminating, seen through `context` if several clusters were asked.
    #[must_use]
    pub fn new(namespace: &Namespace, context: Option<&str>, now: Timestamp) -> Self {
        Self {
            name: namespace.name.clone(),
            uid: namespace.uid.clone(),
            context: context.map(str::to_owned),
            deletion_timestamp: namespace.deleted.map(|time| time.to_string()),
            age_seconds: age(namespace, now).unwrap_or_default().as_secs(),
            state: State::of(namespace, now).to_string(),
            reason: reason(namespace),
            spec_finalizers: namespace.spec_finalizers.clone(),
            metadata_finalizers: namespace.metadata_finalizers.clone(),
            conditions: namespace.conditions.iter().map(ConditionDocument::from).collect(),
            leftovers: None,
            causes: None,
        }
    }

    /// The same with what a diagnosis has found out. An Active namespace has the state `Active`.
    #[must_use]
    pub fn diagnosed(diagnosis: &Diagnosis, context: Option<&str>) -> Self {
        let Diagnosis { namespace, inventory, .. } = diagnosis;
        Self {
            state: diagnosis.state.map_or_else(|| "Active".to_owned(), |state| state.to_string()),
            reason: if diagnosis.state.is_some() { diagnosis.reason() } else { String::new() },
            leftovers: Some(LeftoversDocument { deleting: inventory.deleting(), live: inventory.live() }),
            causes: Some(diagnosis.causes.iter().map(|cause| cause.kind.to_string()).collect()),
            ..Self::new(namespace, context, diagnosis.now)
        }
    }
}

impl From<&Condition> for ConditionDocument {
    fn from(condition: &Condition) -> Self {
        Self {
            r#type: condition.kind.clone(),
            status: condition.status.clone(),
            reason: condition.reason.clone(),
            message: condition.message.clone(),
            last_transition_time: condition.last_transition.map(|time| time.to_string()),
        }
    }
}

/// Something that could not be looked at.
#[derive(Clone, Debug, Serialize)]
pub struct GapDocument {
    group: String,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    why: String,
    detail: String,
}

impl From<&Gap> for GapDocument {
    fn from(gap: &Gap) -> Self {
        Self {
            group: gap.group.clone(),
            version: gap.version.clone(),
            resource: gap.resource.clone(),
            why: gap.why.to_string(),
            detail: gap.detail.clone(),
        }
    }
}
