//! The versioned documents of `-o json|yaml`: what scripts rely on. Fields may be added, none renamed.

mod access;
mod context;
mod diagnosis;
mod orphan;
mod prediction;
mod repaired;
#[cfg(test)]
mod schemas;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

pub use access::AccessItem;
pub use context::UnreadContextItem;
pub use diagnosis::DiagnosisItem;
pub use orphan::{OrphanItem, UnreadNamespaceItem};
pub use prediction::PredictionItem;
pub use repaired::Repaired;

use super::{Format, OutputError};
use crate::diagnose::{Diagnosis, State, age, reason};
use crate::model::{Condition, Gap, Namespace};
use crate::plan::LeftAlone;

/// The `apiVersion` of every document.
pub const API_VERSION: &str = "nsfix/v1";

/// A list document: `apiVersion`, `kind`, `items`. An empty list is still a document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document<T> {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<T>,
    /// What is unknown besides the items; absent where that stands in each of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    could_not_look: Option<Vec<Unread>>,
}

/// What an item could be missing for.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Unread {
    /// A context whose cluster nothing is known about.
    Context(UnreadContextItem),
    /// A type, or all of a group version.
    Type(GapDocument),
    /// A namespace of which nobody knows whether it exists.
    Namespace(UnreadNamespaceItem),
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
        Self { api_version: API_VERSION, kind: T::LIST_KIND, items, could_not_look: None }
    }

    /// The same with what nothing is known about.
    #[must_use]
    pub fn could_not_look(self, unread: Option<Vec<Unread>>) -> Self {
        Self { could_not_look: unread, ..self }
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

/// A namespace. The state Active, which it has until it is deleted, is in a DiagnosisList alone.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StuckNamespace {
    /// Its name.
    name: String,
    /// Its uid.
    uid: String,
    /// The kubeconfig context it was seen through; only where several were asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "String"))]
    context: Option<String>,
    /// Further contexts that lead to the same cluster; absent where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    other_contexts: Vec<String>,
    /// When it was deleted; null where it was not.
    #[cfg_attr(test, schemars(schema_with = "schemas::time"))]
    deletion_timestamp: Option<String>,
    /// Seconds since it was deleted.
    age_seconds: u64,
    /// Progressing: the controller may still be at work. Stuck: not gone after all that time. Zombie: no
    /// finalizer is left anywhere, and nothing will ever remove it. Active: it was not deleted.
    #[cfg_attr(test, schemars(schema_with = "schemas::any_state"))]
    state: String,
    /// Why it is stuck, in few words. For people: the wording may change.
    reason: String,
    /// spec.finalizers.
    spec_finalizers: Vec<String>,
    /// metadata.finalizers of the namespace itself.
    metadata_finalizers: Vec<String>,
    /// status.conditions as the namespace controller wrote them: hints, and sometimes wrong.
    conditions: Vec<ConditionDocument>,
    /// How many objects are still inside, as far as could be looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "LeftoversDocument"))]
    leftovers: Option<LeftoversDocument>,
    /// The kinds of the causes, the most fundamental first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(schema_with = "schemas::cause_kinds"))]
    causes: Option<Vec<String>>,
    /// Why nobody wants it touched: nsfix/skip, --exclude or the policy; absent where nobody has said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "String"))]
    left_alone: Option<String>,
}

/// The objects inside a namespace, counted.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct LeftoversDocument {
    /// With a deletionTimestamp.
    deleting: u64,
    /// Without one.
    live: u64,
    /// Whether a list failed before its end, so that there may be more; left out where none did.
    #[serde(rename = "atLeast", skip_serializing_if = "std::ops::Not::not")]
    at_least: bool,
}

impl Item for StuckNamespace {
    const LIST_KIND: &'static str = "StuckNamespaceList";

    fn resource_name(&self) -> String {
        format!("namespace/{}", self.name)
    }
}

/// A condition.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
struct ConditionDocument {
    /// For example NamespaceContentRemaining.
    r#type: String,
    /// True, False or Unknown.
    status: String,
    /// A word.
    reason: String,
    /// The controller's words.
    message: String,
    /// When the status changed last.
    #[cfg_attr(test, schemars(schema_with = "schemas::time"))]
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
            other_contexts: Vec::new(),
            deletion_timestamp: namespace.deleted.map(|time| time.to_string()),
            age_seconds: age(namespace, now).unwrap_or_default().as_secs(),
            state: State::of(namespace, now).to_string(),
            reason: reason(namespace),
            spec_finalizers: namespace.spec_finalizers.clone(),
            metadata_finalizers: namespace.metadata_finalizers.clone(),
            conditions: namespace.conditions.iter().map(ConditionDocument::from).collect(),
            leftovers: None,
            causes: None,
            left_alone: None,
        }
    }

    /// The same with why nobody wants it touched.
    #[must_use]
    pub fn left_alone(self, why: Option<&LeftAlone>) -> Self {
        Self { left_alone: why.map(ToString::to_string), ..self }
    }

    /// The same with further contexts that it was seen through.
    #[must_use]
    pub fn other_contexts(self, contexts: &[String]) -> Self {
        Self { other_contexts: contexts.to_vec(), ..self }
    }

    /// The same, now that it is gone.
    #[must_use]
    pub fn gone(self) -> Self {
        Self { state: "Gone".to_owned(), reason: String::new(), ..self }
    }

    /// The same with what a diagnosis has found out. An Active namespace has the state `Active`.
    #[must_use]
    pub fn diagnosed(diagnosis: &Diagnosis, context: Option<&str>) -> Self {
        let Diagnosis { namespace, inventory, .. } = diagnosis;
        Self {
            state: diagnosis.state.map_or_else(|| "Active".to_owned(), |state| state.to_string()),
            reason: if diagnosis.state.is_some() { diagnosis.reason() } else { String::new() },
            leftovers: Some(LeftoversDocument {
                deleting: inventory.deleting(),
                live: inventory.live(),
                at_least: inventory.is_part(),
            }),
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

/// Something that could not be looked at. Its content is unknown, never empty.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct GapDocument {
    /// API group; empty for the core group.
    group: String,
    /// API version; empty where a whole group is unknown.
    version: String,
    /// Plural name of the type; absent where all types of the group version are unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "String"))]
    resource: Option<String>,
    /// Forbidden: 401 or 403. NotServed: 404 or 405 of a whole type. Unavailable: 503, or stale discovery.
    /// TimedOut: no answer within the deadline. Failed: anything else.
    #[cfg_attr(test, schemars(schema_with = "schemas::unreadable"))]
    why: String,
    /// The server's words.
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
