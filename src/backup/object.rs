//! One object of a backup. Its fields are kept as the text that the server sent, so that every digit comes back and
//! no nesting is too deep.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::creatable::{Finalizers, Skipped, creatable_spec, is_server_set, rank, skipped};

type Fields = BTreeMap<String, Box<RawValue>>;

/// An object with the fields that every object has, and the rest as text.
#[derive(Clone, Debug)]
pub struct SavedObject {
    /// `apiVersion`
    pub api_version: String,
    /// `kind`
    pub kind: String,
    /// `metadata.name`
    pub name: String,
    /// `metadata.namespace`; empty for what is in none.
    pub namespace: String,
    /// `metadata.uid`
    pub uid: String,
    fields: Fields,
    metadata: Fields,
}

/// Why a text is no object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnObject {
    /// It is no JSON.
    #[error("{0}")]
    Syntax(String),
    /// kubectl writes those with `-o yaml`.
    #[error("it is a {0}, and only single objects are read; split it into its items")]
    List(String),
    /// Something else.
    #[error("it holds something that is no Kubernetes object")]
    Other,
}

impl SavedObject {
    /// Reads an object from its JSON.
    pub fn parse(text: &str) -> Result<Self, NotAnObject> {
        let fields: Fields = serde_json::from_str(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => NotAnObject::Other,
            _ => NotAnObject::Syntax(error.to_string()),
        })?;
        let metadata = fields.get("metadata").and_then(|raw| serde_json::from_str(raw.get()).ok());
        let metadata: Fields = metadata.unwrap_or_default();
        let object = Self {
            api_version: text_of(&fields, "apiVersion"),
            kind: text_of(&fields, "kind"),
            name: text_of(&metadata, "name"),
            namespace: text_of(&metadata, "namespace"),
            uid: text_of(&metadata, "uid"),
            fields,
            metadata,
        };
        // An object that happens to be called so has a name.
        if object.kind.ends_with("List") && object.fields.contains_key("items") && object.name.is_empty() {
            return Err(NotAnObject::List(object.kind));
        }
        if object.kind.is_empty() || object.api_version.is_empty() || object.name.is_empty() {
            return Err(NotAnObject::Other);
        }
        Ok(object)
    }

    /// The API group; empty for the core group.
    #[must_use]
    pub fn group(&self) -> &str {
        self.api_version.rsplit_once('/').map_or("", |(group, _)| group)
    }

    #[must_use]
    pub fn is_namespace(&self) -> bool {
        self.group().is_empty() && self.kind == "Namespace"
    }

    /// `configmap/settings`
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}/{}", self.kind.to_lowercase(), self.name)
    }

    /// In which pass it is created: what others need comes first.
    #[must_use]
    pub fn rank(&self) -> usize {
        rank(self.group(), &self.kind)
    }

    /// Why it is not created again, where it is not.
    #[must_use]
    pub fn skipped(&self) -> Option<Skipped> {
        skipped(&self.api_version, &self.kind, &|field| {
            let raw = self.fields.get(field)?;
            serde_json::from_str(raw.get()).ok()
        })
    }

    /// The body that creates it again.
    #[must_use]
    pub fn creatable(&self, finalizers: Finalizers) -> String {
        let mut fields = self.fields.clone();
        let mut metadata = self.metadata.clone();
        metadata.retain(|field, _| {
            !is_server_set(field) && (finalizers == Finalizers::Keep || field != "finalizers")
        });
        // A status is left in: where a type has one, the server ignores it, and where it has none, as custom
        // resources may, it is a field like any other.
        if let Some(spec) = fields.get("spec")
            && let Some(changed) = creatable_spec(self.group(), &self.kind, spec.get())
            && let Ok(changed) = serde_json::value::to_raw_value(&changed)
        {
            fields.insert("spec".to_owned(), changed);
        }
        line(fields, &metadata)
    }
}

/// An object as it is saved: in one line, without the one field that the server refuses on creation, and saying what
/// it is. Items of a list do not say that themselves.
pub(super) fn to_save(text: &str, api_version: &str, kind: &str) -> serde_json::Result<String> {
    let mut fields: Fields = serde_json::from_str(text)?;
    for (field, value) in [("apiVersion", api_version), ("kind", kind)] {
        fields.insert(field.to_owned(), serde_json::value::to_raw_value(&value)?);
    }
    let mut metadata: Fields = match fields.get("metadata") {
        Some(raw) => serde_json::from_str(raw.get())?,
        None => Fields::new(),
    };
    metadata.remove("resourceVersion");
    Ok(line(fields, &metadata))
}

fn line(mut fields: Fields, metadata: &Fields) -> String {
    // Maps of texts to texts: there is nothing in them that could not be written.
    let text = |fields: &Fields| serde_json::to_string(fields).unwrap_or_default();
    if let Ok(metadata) = RawValue::from_string(text(metadata)) {
        fields.insert("metadata".to_owned(), metadata);
    }
    // Outside of strings a line break means nothing, and inside of one it is escaped.
    text(&fields).replace(['\n', '\r'], " ")
}

fn text_of(fields: &Fields, field: &str) -> String {
    fields.get(field).and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn creatable(object: &Value, finalizers: Finalizers) -> Value {
        let object = SavedObject::parse(&object.to_string()).unwrap();
        serde_json::from_str(&object.creatable(finalizers)).unwrap()
    }

    #[test]
    fn what_the_server_sets_is_left_to_it() {
        let backup = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {
                "name": "web", "namespace": "n", "uid": "u", "deletionTimestamp": "2026-01-01T00:00:00Z",
                "labels": {"a": "b"}, "finalizers": ["example.com/x"], "ownerReferences": [{"uid": "gone"}],
            },
            "spec": {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ports": [{"port": 80}]},
        });
        let expected = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "web", "namespace": "n", "labels": {"a": "b"}},
            "spec": {"ports": [{"port": 80}]},
        });
        assert_eq!(creatable(&backup, Finalizers::Drop), expected);
        assert_eq!(creatable(&backup, Finalizers::Keep)["metadata"]["finalizers"], json!(["example.com/x"]));
    }

    #[test]
    fn a_kind_of_another_group_keeps_its_spec_and_its_status() {
        let groups = ["batch.volcano.sh/v1", "gateway.networking.k8s.io/v1", "networking.k8s.io/v9"];
        for (kind, api_version) in ["Job", "Namespace", "Pod", "Service"]
            .into_iter()
            .flat_map(|kind| groups.map(|group| (kind, group)))
        {
            let object = json!({
                "apiVersion": api_version, "kind": kind, "metadata": {"name": "x"},
                "spec": {"finalizers": ["a"], "nodeName": "n", "clusterIP": "1", "clusterIPs": [], "selector": {},
                    "template": {"metadata": {"labels": {"controller-uid": "u"}}}, "ephemeralContainers": [1]},
                "status": {"phase": "Paid"},
            });
            assert_eq!(creatable(&object, Finalizers::Drop), object);
        }
    }

    #[test]
    fn a_headless_service_stays_headless() {
        let backup = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"clusterIP": "None"}});
        assert_eq!(creatable(&backup, Finalizers::Drop)["spec"]["clusterIP"], "None");
    }

    #[test]
    fn a_list_and_what_is_no_object_are_told_apart() {
        let why = |text: &str| SavedObject::parse(text).unwrap_err();
        assert_eq!(
            why(r#"{"apiVersion":"v1","kind":"List","items":[]}"#),
            NotAnObject::List("List".to_owned())
        );
        let named = r#"{"apiVersion":"x.io/v1","kind":"AllowList","metadata":{"name":"a"},"items":[]}"#;
        assert_eq!(SavedObject::parse(named).unwrap().kind, "AllowList");
        for text in ["[]", "1", r#"{"kind":"A"}"#, r#"{"apiVersion":"v1","kind":"A","metadata":7}"#] {
            assert_eq!(why(text), NotAnObject::Other, "{text}");
        }
        assert!(matches!(why("{"), NotAnObject::Syntax(_)));
    }

    #[test]
    fn digits_and_depth_do_not_matter() {
        let deep = format!("{}1{}", "[".repeat(9_000), "]".repeat(9_000));
        let text = format!(
            r#"{{"apiVersion":"x.io/v1","kind":"A","metadata":{{"name":"a"}},"n":123456789012345678901234567890.10,"s":{deep}}}"#
        );
        assert_eq!(SavedObject::parse(&text).unwrap().creatable(Finalizers::Drop), text);
        assert_eq!(to_save(&text, "x.io/v1", "A").unwrap(), text);
    }

    #[test]
    fn an_item_of_a_list_is_saved_in_one_line_that_says_what_it_is() {
        let saved = to_save(
            "{\n \"metadata\": {\"name\":\"a\",\n\"resourceVersion\":\"5\"},\r\n\"x\": [\n]}",
            "example.com/v1",
            "A",
        );
        let expected = r#"{"apiVersion":"example.com/v1","kind":"A","metadata":{"name":"a"},"x":[ ]}"#;
        assert_eq!(saved.unwrap(), expected);
    }
}
