//! Reading and setting the metadata of objects, which are kept as the JSON they came in.
//!
//! Writing by index (`object["metadata"]["uid"] = …`) is safe because `decode` lets no object in whose
//! `metadata`, `spec` or `status` is anything but a map.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The text at `metadata.<field>`, or "".
fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object["metadata"][field].as_str().unwrap_or_default()
}

pub(crate) fn name(object: &Value) -> &str {
    text(object, "name")
}

pub(crate) fn namespace(object: &Value) -> &str {
    text(object, "namespace")
}

pub(crate) fn uid(object: &Value) -> &str {
    text(object, "uid")
}

pub(crate) fn resource_version(object: &Value) -> &str {
    text(object, "resourceVersion")
}

pub(crate) fn is_deleting(object: &Value) -> bool {
    !object["metadata"]["deletionTimestamp"].is_null()
}

pub(crate) fn deletion_time(object: &Value) -> Option<Timestamp> {
    text(object, "deletionTimestamp").parse().ok()
}

pub(crate) fn grace_seconds(object: &Value) -> Option<i64> {
    object["metadata"]["deletionGracePeriodSeconds"].as_i64()
}

/// The metadata finalizers.
pub(crate) fn finalizers(object: &Value) -> Vec<&str> {
    strings(&object["metadata"]["finalizers"])
}

/// The spec finalizers; only namespaces have them.
pub(crate) fn spec_finalizers(object: &Value) -> Vec<&str> {
    strings(&object["spec"]["finalizers"])
}

/// The strings of a JSON array; nothing for anything else.
pub(crate) fn strings(list: &Value) -> Vec<&str> {
    list.as_array().map(|items| items.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

/// The items of a JSON array; nothing for anything else.
pub(crate) fn items(list: &Value) -> &[Value] {
    list.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Takes a field out of a map inside the object, keeping the order of the others.
pub(crate) fn drop_field(object: &mut Value, parent: &str, field: &str) {
    if let Some(map) = object.get_mut(parent).and_then(Value::as_object_mut) {
        map.shift_remove(field);
    }
}

/// Copies one field of `from` to `to`; absent there means absent here.
pub(crate) fn keep_field(to: &mut Value, from: &Value, parent: &str, field: &str) {
    match from.get(parent).and_then(|map| map.get(field)) {
        Some(value) => to[parent][field] = value.clone(),
        None => drop_field(to, parent, field),
    }
}

/// Copies one top-level field of `from` to `to`; absent there means absent here.
pub(crate) fn keep_part(to: &mut Value, from: &Value, part: &str) {
    match from.get(part) {
        Some(value) => to[part] = value.clone(),
        None => {
            if let Some(map) = to.as_object_mut() {
                map.shift_remove(part);
            }
        }
    }
}

/// Sets the list, or drops the field when the list is empty, as Go's `omitempty` does.
pub(crate) fn set_finalizers(object: &mut Value, finalizers: &[String]) {
    if finalizers.is_empty() {
        drop_field(object, "metadata", "finalizers");
    } else {
        object["metadata"]["finalizers"] = finalizers.into();
    }
}

/// `metav1.Time`: whole seconds.
pub(crate) fn now() -> String {
    seconds(Timestamp::now())
}

/// A moment as `metav1.Time` writes it.
pub(crate) fn seconds(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A moment as `metav1.MicroTime` writes it.
pub(crate) fn micros(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// The moment so many seconds from now (or before, if negative).
pub(crate) fn from_now(delta: i64) -> Timestamp {
    let now = Timestamp::now();
    now.checked_add(SignedDuration::from_secs(delta)).unwrap_or(now)
}

/// 64 random bits from the keys that std gives each hash map; no need of a crate for that.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A random (version 4) UUID.
pub(crate) fn new_uid() -> String {
    let (high, low) = (random(), random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | ((low >> 48) & 0x3fff),
        low & 0xffff_ffff_ffff
    )
}

/// The suffix for `generateName`: five letters of the alphabet that avoids words (apimachinery's
/// `rand.String`).
pub(crate) fn name_suffix() -> String {
    const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut bits = random();
    let mut suffix = String::new();
    for _ in 0..5 {
        let index = usize::try_from(bits % ALPHABET.len() as u64).unwrap_or_default();
        suffix.push(char::from(ALPHABET[index]));
        bits /= ALPHABET.len() as u64;
    }
    suffix
}

/// Bytes as JSON writes them.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0, |group, byte| group << 8 | usize::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let letter = if at <= chunk.len() { ALPHABET[group >> (18 - 6 * at) & 63] } else { b'=' };
            text.push(char::from(letter));
        }
    }
    text
}

/// The metadata alone; kind and apiVersion of the object are lost, as in the real one.
pub(crate) fn partial(object: &Value, version: &str) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": format!("meta.k8s.io/{version}"),
        "metadata": object["metadata"],
    })
}
