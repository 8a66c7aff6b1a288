//! Events: what `kubectl get events` shows of a namespace, even after it is gone.

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use serde_json::json;

use super::call::Call;
use super::{ApiError, Cluster};
use crate::model::{ApiPath, prefix_within};

/// Events about what is in no namespace live in this one (kubernetes' pkg/apis/core/validation/events.go).
pub const EVENTS_NAMESPACE: &str = "default";
/// `note` may have this many bytes (the same file: NoteLengthLimit).
const MAX_NOTE: usize = 1024;

/// Something that happened to a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceEvent<'a> {
    /// The namespace's name.
    pub namespace: &'a str,
    /// Its uid: another namespace may have the name by the time the Event is read.
    pub uid: &'a str,
    /// CamelCase, for machines.
    pub reason: &'static str,
    /// Whether its type is `Warning`.
    pub warning: bool,
    pub note: &'a str,
}

impl Cluster {
    /// Leaves an Event about a namespace.
    pub async fn leave_event(&self, event: &NamespaceEvent<'_>) -> Result<(), ApiError> {
        let path = ApiPath::collection("events.k8s.io", "v1", EVENTS_NAMESPACE, "events");
        let event = api_object(event, jiff::Timestamp::now(), reporting_instance());
        self.call(Call::post(&path, &json!(event))).await.map(drop)
    }
}

fn api_object(event: &NamespaceEvent<'_>, now: jiff::Timestamp, instance: String) -> Event {
    let NamespaceEvent { namespace, uid, reason, warning, note } = *event;
    Event {
        metadata: ObjectMeta {
            generate_name: Some(format!("{namespace}-")),
            namespace: Some(EVENTS_NAMESPACE.to_owned()),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(now)),
        regarding: Some(ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Namespace".to_owned()),
            name: Some(namespace.to_owned()),
            uid: (!uid.is_empty()).then(|| uid.to_owned()),
            ..ObjectReference::default()
        }),
        action: Some("Clear".to_owned()),
        reason: Some(reason.to_owned()),
        type_: Some(if warning { "Warning" } else { "Normal" }.to_owned()),
        note: Some(shortened(note)),
        reporting_controller: Some("nsfix".to_owned()),
        reporting_instance: Some(instance),
        ..Event::default()
    }
}

/// The pod's name, which is its host name too.
fn reporting_instance() -> String {
    std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "nsfix".to_owned())
}

fn shortened(note: &str) -> String {
    if note.len() <= MAX_NOTE {
        return note.to_owned();
    }
    format!("{}…", prefix_within(note, MAX_NOTE - "…".len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_has_the_length_that_the_server_takes() {
        let note = "ä".repeat(1000);
        let event = NamespaceEvent {
            namespace: "a",
            uid: "",
            reason: "NamespaceCleared",
            warning: false,
            note: &note,
        };
        let event = api_object(&event, jiff::Timestamp::UNIX_EPOCH, "pod".to_owned());
        assert!(event.note.unwrap().len() <= MAX_NOTE);
    }
}
