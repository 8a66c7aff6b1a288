//! What a custom resource needs of its namespace while it is being deleted: the Secrets, ServiceAccounts and
//! ConfigMaps that its spec names.

use serde_json::{Map, Value};

use crate::model::{HeldObject, Inventory};

/// Something in the same namespace that a spec names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reference {
    /// `Secret`, `ServiceAccount` or `ConfigMap`.
    pub(super) kind: &'static str,
    pub(super) name: String,
    /// Where in the object it is named: `spec.credentials.secretRef`.
    pub(super) path: String,
}

/// Fields that hold what the object is to make, or what its pods are to mount: nothing that its deletion needs.
const NOT_NEEDED: [&str; 12] = [
    "writeconnection",
    "publishconnection",
    "output",
    "target",
    "destination",
    "template",
    "containers",
    "volumes",
    "env",
    "envfrom",
    "imagepullsecrets",
    "podspec",
];

/// What the spec names and is there.
pub(super) fn of(object: &HeldObject, namespace: &str, inventory: &Inventory) -> Vec<Reference> {
    let mut found = Vec::new();
    walk(&object.json["spec"], "spec", namespace, &mut found);
    found.retain(|reference| is_there(reference, inventory));
    found.sort();
    found.dedup_by(|a, b| a.kind == b.kind && a.name == b.name);
    found
}

fn walk(value: &Value, path: &str, namespace: &str, found: &mut Vec<Reference>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, path, namespace, found)),
        Value::Object(fields) => {
            for (key, value) in fields {
                let small = key.to_ascii_lowercase();
                if NOT_NEEDED.iter().any(|word| small == *word || (word.len() > 8 && small.starts_with(word)))
                {
                    continue;
                }
                let path = format!("{path}.{key}");
                match named(&small, value, namespace) {
                    Some((kind, name)) => found.push(Reference { kind, name, path }),
                    None => walk(value, &path, namespace, found),
                }
            }
        }
        _ => {}
    }
}

/// What a field names, by its own name or by the kind inside it.
fn named(key: &str, value: &Value, namespace: &str) -> Option<(&'static str, String)> {
    const SUFFIXES: [(&str, &str); 12] = [
        ("secretref", "Secret"),
        ("secretkeyref", "Secret"),
        ("secretreference", "Secret"),
        ("secretname", "Secret"),
        ("secret", "Secret"),
        ("serviceaccountname", "ServiceAccount"),
        ("serviceaccountref", "ServiceAccount"),
        ("serviceaccount", "ServiceAccount"),
        ("configmapref", "ConfigMap"),
        ("configmapkeyref", "ConfigMap"),
        ("configmapname", "ConfigMap"),
        ("configmap", "ConfigMap"),
    ];
    let by_key = SUFFIXES.iter().find(|(suffix, _)| key.ends_with(suffix)).map(|(_, kind)| *kind);
    match value {
        Value::String(name) if !name.is_empty() => Some((by_key?, name.clone())),
        Value::Object(fields) => {
            let kind = by_kind(fields).or(by_key)?;
            let elsewhere = fields.get("namespace").and_then(Value::as_str).is_some_and(|is| is != namespace);
            let name = fields.get("name").and_then(Value::as_str).filter(|name| !name.is_empty())?;
            (!elsewhere).then(|| (kind, name.to_owned()))
        }
        _ => None,
    }
}

fn by_kind(fields: &Map<String, Value>) -> Option<&'static str> {
    match fields.get("kind").and_then(Value::as_str)? {
        "Secret" => Some("Secret"),
        "ServiceAccount" => Some("ServiceAccount"),
        "ConfigMap" => Some("ConfigMap"),
        _ => None,
    }
}

/// Whether it is among what was found; where not all of a type is remembered, it may be.
fn is_there(reference: &Reference, inventory: &Inventory) -> bool {
    inventory.types.iter().any(|of_type| {
        of_type.resource.group.is_empty()
            && of_type.resource.kind == reference.kind
            && (of_type.sample.iter().any(|leftover| leftover.name == reference.name)
                || !of_type.is_all_kept())
    })
}
