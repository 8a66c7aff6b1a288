//! Kubernetes' protobuf, as far as kubectl sends it.
//!
//! Since 1.32 kubectl's own commands (`create namespace`, `create configmap`, `auth can-i` …) write protobuf
//! and do not fall back to JSON. So the bodies of those few kinds are read; answers are always JSON, which
//! kubectl accepts.

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
    Message(&'static [Field]),
    /// A map of strings to strings.
    Map,
    /// A map of strings to bytes, which JSON writes in base64.
    ByteMap,
}

use Kind::{ByteMap, Flag, Map as TextMap, Message, Number, Text, Texts};

// From the generated.proto files of k8s.io/api and k8s.io/apimachinery.
const OBJECT_META: &[Field] = &[
    (1, "name", Text),
    (2, "generateName", Text),
    (3, "namespace", Text),
    (5, "uid", Text),
    (6, "resourceVersion", Text),
    (11, "labels", TextMap),
    (12, "annotations", TextMap),
    (14, "finalizers", Texts),
];
const NAMESPACE: &[Field] =
    &[(1, "metadata", Message(OBJECT_META)), (2, "spec", Message(&[(1, "finalizers", Texts)]))];
const CONFIG_MAP: &[Field] = &[
    (1, "metadata", Message(OBJECT_META)),
    (2, "data", TextMap),
    (3, "binaryData", ByteMap),
    (4, "immutable", Flag),
];
const SECRET: &[Field] = &[
    (1, "metadata", Message(OBJECT_META)),
    (2, "data", ByteMap),
    (3, "type", Text),
    (4, "stringData", TextMap),
    (5, "immutable", Flag),
];
const SERVICE_ACCOUNT: &[Field] = &[(1, "metadata", Message(OBJECT_META))];
const RESOURCE_ATTRIBUTES: &[Field] = &[
    (1, "namespace", Text),
    (2, "verb", Text),
    (3, "group", Text),
    (4, "version", Text),
    (5, "resource", Text),
    (6, "subresource", Text),
    (7, "name", Text),
];
const ACCESS_REVIEW: &[Field] = &[(
    2,
    "spec",
    Message(&[
        (1, "resourceAttributes", Message(RESOURCE_ATTRIBUTES)),
        (2, "nonResourceAttributes", Message(&[(1, "path", Text), (2, "verb", Text)])),
    ]),
)];
const RULES_REVIEW: &[Field] = &[(2, "spec", Message(&[(1, "namespace", Text)]))];
const TOKEN_REQUEST: &[Field] =
    &[(2, "spec", Message(&[(1, "audiences", Texts), (4, "expirationSeconds", Number)]))];
const DELETE_OPTIONS: &[Field] = &[
    (1, "gracePeriodSeconds", Number),
    (2, "preconditions", Message(&[(1, "uid", Text), (2, "resourceVersion", Text)])),
    (3, "orphanDependents", Flag),
    (4, "propagationPolicy", Text),
    (5, "dryRun", Texts),
];

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
    let schema = match kind.as_str() {
        "Namespace" => NAMESPACE,
        "ConfigMap" => CONFIG_MAP,
        "Secret" => SECRET,
        "ServiceAccount" => SERVICE_ACCOUNT,
        "SelfSubjectAccessReview" => ACCESS_REVIEW,
        "SelfSubjectRulesReview" => RULES_REVIEW,
        "SelfSubjectReview" => &[],
        "TokenRequest" => TOKEN_REQUEST,
        "DeleteOptions" => DELETE_OPTIONS,
        _ => return None,
    };
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

/// A message as JSON. Go writes empty values of required fields too; they are left out again, as JSON does.
fn message(bytes: &[u8], schema: &[Field]) -> Option<Value> {
    let mut object = json!({});
    for (number, value) in fields(bytes)? {
        let Some((_, name, kind)) = schema.iter().find(|(each, ..)| *each == number) else { continue };
        match (kind, value) {
            (Text, Wire::Bytes(text)) if !text.is_empty() => object[*name] = utf8(text)?.into(),
            (Texts, Wire::Bytes(text)) => {
                let mut list = object[*name].as_array().cloned().unwrap_or_default();
                list.push(utf8(text)?.into());
                object[*name] = list.into();
            }
            (Number, Wire::Number(number)) => object[*name] = number.into(),
            (Flag, Wire::Number(flag)) => object[*name] = (flag != 0).into(),
            (Message(schema), Wire::Bytes(inner)) => {
                let inner = message(inner, schema)?;
                if inner.as_object().is_some_and(|inner| !inner.is_empty()) {
                    object[*name] = inner;
                }
            }
            (TextMap | ByteMap, Wire::Bytes(entry)) => {
                let mut map = object[*name].as_object().cloned().unwrap_or_default();
                add_entry(&mut map, entry, matches!(kind, ByteMap))?;
                object[*name] = map.into();
            }
            _ => {}
        }
    }
    Some(object)
}

fn add_entry(map: &mut Map<String, Value>, entry: &[u8], bytes: bool) -> Option<()> {
    let (mut key, mut value) = (String::new(), &[][..]);
    for (number, part) in fields(entry)? {
        match (number, part) {
            (1, Wire::Bytes(text)) => key = utf8(text)?,
            (2, Wire::Bytes(content)) => value = content,
            _ => {}
        }
    }
    let value = if bytes { meta::base64(value) } else { utf8(value)? };
    map.insert(key, value.into());
    Some(())
}
