//! In which form an answer is given: the objects themselves, their metadata, or kubectl's tables.

use std::sync::Arc;

use serde_json::{Value, json};

use super::failure::Failure;
use super::meta::partial;
use super::table;
use super::types::ResourceType;

/// The form the client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum View {
    Full,
    /// `PartialObjectMetadata(List)` of `meta.k8s.io` in this version.
    Metadata(String),
    /// `Table` of `meta.k8s.io` in this version.
    Table(String),
}

/// One entry of an Accept header.
#[derive(Debug)]
pub(crate) struct MediaRange {
    pub(crate) media_type: String,
    params: Vec<(String, String)>,
}

impl MediaRange {
    /// The value of a parameter, or "".
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    pub(crate) fn is_json(&self) -> bool {
        matches!(self.media_type.as_str(), "application/json" | "application/*" | "*/*")
    }
}

/// The entries of an Accept header, the most wanted first.
pub(crate) fn parse_accept(accept: &str) -> Vec<MediaRange> {
    let accept = if accept.trim().is_empty() { "*/*" } else { accept };
    let mut ranges: Vec<_> = accept.split(',').map(parse_range).collect();
    let weight = |range: &MediaRange| -> f64 { range.param("q").parse().unwrap_or(1.0) };
    ranges.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
    ranges
}

fn parse_range(text: &str) -> MediaRange {
    let mut parts = text.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default().to_lowercase();
    let params =
        parts.filter_map(|part| part.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    MediaRange { media_type, params }
}

/// The first form in the Accept header that the sandbox can give.
pub(crate) fn view(accept: &str) -> Result<View, Failure> {
    let ranges = parse_accept(accept);
    let views = ranges.iter().filter(|range| range.is_json()).find_map(|range| {
        let version = range.param("v").to_owned();
        match (range.param("as"), range.param("g"), version.as_str()) {
            ("", ..) => Some(View::Full),
            ("PartialObjectMetadata" | "PartialObjectMetadataList", "meta.k8s.io", "v1" | "v1beta1") => {
                Some(View::Metadata(version))
            }
            ("Table", "meta.k8s.io", "v1" | "v1beta1") => Some(View::Table(version)),
            _ => None,
        }
    });
    views.ok_or_else(|| Failure::not_acceptable(&["application/json"]))
}

impl View {
    /// One object in this form. A `Status` always stays what it is.
    pub(crate) fn object(&self, of: &ResourceType, object: Value) -> Value {
        match self {
            View::Metadata(version) if object["kind"] != "Status" => partial(&object, version),
            View::Table(version) if object["kind"] != "Status" => {
                let list_meta = json!({"resourceVersion": object["metadata"]["resourceVersion"]});
                table::table(of, &[Arc::new(object)], &list_meta, version)
            }
            _ => object,
        }
    }

    /// A list in this form.
    pub(crate) fn list(&self, of: &ResourceType, items: &[Arc<Value>], list_meta: &Value) -> Value {
        match self {
            View::Full => {
                // Items of a list go without kind and apiVersion for built-in types, with them for custom
                // ones.
                let bare = |item: &Arc<Value>| {
                    let mut item = (**item).clone();
                    if of.custom.is_none()
                        && let Some(map) = item.as_object_mut()
                    {
                        map.shift_remove("kind");
                        map.shift_remove("apiVersion");
                    }
                    item
                };
                let items: Vec<_> = items.iter().map(bare).collect();
                json!({"kind": of.list_kind, "apiVersion": of.api_version(), "metadata": list_meta, "items": items})
            }
            View::Metadata(version) => {
                // Go leaves the slice nil when there is nothing to convert.
                let items = if items.is_empty() {
                    Value::Null
                } else {
                    items.iter().map(|item| partial(item, version)).collect()
                };
                let api_version = format!("meta.k8s.io/{version}");
                json!({"kind": "PartialObjectMetadataList", "apiVersion": api_version, "metadata": list_meta, "items": items})
            }
            View::Table(version) => table::table(of, items, list_meta, version),
        }
    }
}
