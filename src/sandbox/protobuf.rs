//! Kubernetes' protobuf, as far as kubectl sends it.
//!
//! Since 1.32 kubectl's own commands (`create deployment`, `create role`, `auth can-i` …) write protobuf and do not fall
//! back to JSON. So the bodies of those kinds are read; answers are always JSON, which kubectl accepts.

mod schemas;

use serde_json::{Map, Value, json};

use super::meta;

/// The media type of such bodies.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";
/// What every such body begins with (apimachinery's serializer/protobuf).
const MAGIC: &[u8] = b"k8s\0";

/// A field of a message: its number, its JSON name, and what it holds.
type Field = (u64, &'static str, Kind);

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Texts,
    Number,
    Flag,
    /// An integer or a text; which of them is said beside it.
    IntOrText,
    Message(&'static [Field]),
    Messages(&'static [Field]),
    /// A message whose fields JSON has in the one around it.
    Inline(&'static [Field]),
    /// A map of strings to quantities.
    Quantities,
    /// A map of strings to strings.
    Map,
    /// A map of strings to bytes, which JSON writes in base64.
    ByteMap,
}

/// The JSON of a protobuf body; none for kinds that are not known here, and for broken bodies.
pub(crate) fn to_json(body: &[u8]) -> Option<Value> {
    // runtime.Unknown: the type, and the object as bytes.
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    for (number, value) in fields(body.strip_prefix(MAGIC)?)? {
        match (number, value) {
            (1, Wire::Bytes(of)) => {
                for (number, value) in fields(of)? {
                    match (number, value) {
                        (1, Wire::Bytes(text)) => api_version = utf8(text)?,
                        (2, Wire::Bytes(text)) => kind = utf8(text)?,
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(object)) => raw = object,
            _ => {}
        }
    }
    let schema = schemas::of(&api_version, &kind)?;
    let mut object = json!({"apiVersion": api_version, "kind": kind});
    super::patch::merge(&mut object, &message(raw, schema)?);
    Some(object)
}

/// A value on the wire.
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, Wire<'_>)>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let value = match tag & 7 {
            0 => Wire::Number(varint(&mut bytes)?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (value, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                Wire::Bytes(value)
            }
            _ => return None,
        };
        found.push((tag >> 3, value));
    }
    Some(found)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn utf8(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

/// A message as JSON; none where it holds something that is not in its schema. Go writes empty values of required
/// fields too; they are left out again, as JSON does.
fn message(bytes: &[u8], schema: &[Field]) -> Option<Value> {
    let mut object = json!({});
    for (number, value) in fields(bytes)? {
        match schema.iter().find(|(each, ..)| *each == number) {
            Some((_, name, kind)) => add(&mut object, name, *kind, &value)?,
            None if is_empty(&value) => {}
            None => return None,
        }
    }
    Some(object)
}

fn add(object: &mut Value, name: &str, kind: Kind, value: &Wire<'_>) -> Option<()> {
    match (kind, value) {
        (Kind::Text, Wire::Bytes(text)) if !text.is_empty() => object[name] = utf8(text)?.into(),
        (Kind::Texts, Wire::Bytes(text)) => push(object, name, utf8(text)?.into()),
        // A negative number takes ten bytes.
        (Kind::Number, Wire::Number(number)) => object[name] = number.cast_signed().into(),
        (Kind::Flag, Wire::Number(flag)) => object[name] = (*flag != 0).into(),
        (Kind::Message(schema), Wire::Bytes(inner)) => {
            let inner = message(inner, schema)?;
            if inner.as_object().is_some_and(|inner| !inner.is_empty()) {
                object[name] = inner;
            }
        }
        (Kind::Messages(schema), Wire::Bytes(inner)) => push(object, name, message(inner, schema)?),
        (Kind::Inline(schema), Wire::Bytes(inner)) => super::patch::merge(object, &message(inner, schema)?),
        (Kind::IntOrText, Wire::Bytes(inner)) => object[name] = int_or_text(inner)?,
        (Kind::Map | Kind::ByteMap | Kind::Quantities, Wire::Bytes(entry)) => {
            let mut map = object[name].as_object().cloned().unwrap_or_default();
            add_entry(&mut map, entry, kind)?;
            object[name] = map.into();
        }
        _ => {}
    }
    Some(())
}

fn push(object: &mut Value, name: &str, item: Value) {
    let mut list = object[name].as_array().cloned().unwrap_or_default();
    list.push(item);
    object[name] = list.into();
}

/// Nothing, or a message in which there is nothing.
fn is_empty(value: &Wire<'_>) -> bool {
    match value {
        Wire::Number(number) => *number == 0,
        Wire::Bytes(bytes) => {
            let inner = fields(bytes);
            bytes.is_empty() || inner.is_some_and(|inner| inner.iter().all(|(_, value)| is_empty(value)))
        }
    }
}

/// IntOrString: which of the two (1), the integer (2), the text (3).
fn int_or_text(bytes: &[u8]) -> Option<Value> {
    let (mut is_text, mut number, mut text) = (false, 0, String::new());
    for (field, value) in fields(bytes)? {
        match (field, value) {
            (1, Wire::Number(kind)) => is_text = kind == 1,
            (2, Wire::Number(value)) => number = value.cast_signed(),
            (3, Wire::Bytes(value)) => text = utf8(value)?,
            _ => {}
        }
    }
    Some(if is_text { text.into() } else { number.into() })
}

fn add_entry(map: &mut Map<String, Value>, entry: &[u8], kind: Kind) -> Option<()> {
    let (mut key, mut value) = (String::new(), &[][..]);
    for (number, part) in fields(entry)? {
        match (number, part) {
            (1, Wire::Bytes(text)) => key = utf8(text)?,
            (2, Wire::Bytes(content)) => value = content,
            _ => {}
        }
    }
    let value = match kind {
        Kind::ByteMap => meta::base64(value),
        Kind::Quantities => quantity(value)?,
        _ => utf8(value)?,
    };
    map.insert(key, value.into());
    Some(())
}

/// A quantity is a message with a text in it.
fn quantity(bytes: &[u8]) -> Option<String> {
    match fields(bytes)?.first()? {
        (1, Wire::Bytes(text)) => utf8(text),
        _ => None,
    }
}
