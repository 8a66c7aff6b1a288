//! `metadata.managedFields`: who set which field, when and how.
//!
//! Kept simply: a field belongs to the manager that last gave it another value. That is enough to answer the
//! question people ask of it, which is who put a finalizer there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::meta;

/// A path of `fieldsV1` keys (`f:metadata`, `f:finalizers`, `v:"x"`).
type Path = Vec<String>;

/// Server-owned metadata, which no manager owns.
const UNOWNED: [&str; 10] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
    "selfLink",
];

/// Who writes, and where.
#[derive(Clone, Debug)]
pub(crate) struct Writer<'a> {
    pub(crate) manager: &'a str,
    pub(crate) subresource: &'a str,
}

impl Writer<'_> {
    fn wrote(&self, entry: &Value) -> bool {
        entry["manager"] == self.manager
            && entry["operation"] == "Update"
            && entry["subresource"].as_str().unwrap_or_default() == self.subresource
    }
}

/// Notes in `new` what this writer changed since `old` (null for a new object).
pub(crate) fn record(new: &mut Value, old: &Value, writer: &Writer<'_>) {
    let tracked = old.is_null() || !meta::items(&old["metadata"]["managedFields"]).is_empty();
    if !tracked {
        // An object that was created without any field is never tracked (apimachinery's skipnonapplied.go).
        meta::drop_field(new, "metadata", "managedFields");
        return;
    }
    let before = leaves(old);
    let after = leaves(new);
    let changed: BTreeSet<Path> = after
        .iter()
        .filter(|(path, value)| before.get(*path) != Some(value))
        .map(|(path, _)| path.clone())
        .collect();
    let mut entries = meta::items(&old["metadata"]["managedFields"]).to_vec();
    entries.retain_mut(|entry| {
        let mut owned = paths(&entry["fieldsV1"]);
        let count = owned.len();
        let mine = writer.wrote(entry);
        owned.retain(|path| after.contains_key(path) && (mine || !changed.contains(path)));
        if owned.len() != count {
            entry["fieldsV1"] = tree(&owned);
        }
        mine || !owned.is_empty()
    });
    if !changed.is_empty() {
        let at = entries.iter().position(|entry| writer.wrote(entry)).unwrap_or_else(|| {
            entries.push(new_entry(new, writer));
            entries.len() - 1
        });
        let mut owned = paths(&entries[at]["fieldsV1"]);
        owned.extend(changed);
        entries[at]["fieldsV1"] = tree(&owned);
        entries[at]["time"] = meta::now().into();
    }
    entries.retain(|entry| entry["fieldsV1"].as_object().is_some_and(|fields| !fields.is_empty()));
    if entries.is_empty() {
        meta::drop_field(new, "metadata", "managedFields");
    } else {
        new["metadata"]["managedFields"] = entries.into();
    }
}

fn new_entry(object: &Value, writer: &Writer<'_>) -> Value {
    let mut entry = json!({
        "manager": writer.manager,
        "operation": "Update",
        "apiVersion": object["apiVersion"],
        "time": meta::now(),
        "fieldsType": "FieldsV1",
        "fieldsV1": {},
    });
    if !writer.subresource.is_empty() {
        entry["subresource"] = writer.subresource.into();
    }
    entry
}

/// All fields of an object that can have an owner, with their values; maps themselves count with the key ".".
fn leaves(object: &Value) -> BTreeMap<Path, Value> {
    let mut found = BTreeMap::new();
    let Some(map) = object.as_object() else { return found };
    for (key, value) in map {
        match key.as_str() {
            "apiVersion" | "kind" => {}
            "metadata" => {
                for (key, value) in value.as_object().into_iter().flatten() {
                    if !UNOWNED.contains(&key.as_str()) {
                        walk(value, &["f:metadata".to_owned(), format!("f:{key}")], &mut found);
                    }
                }
            }
            key => walk(value, &[format!("f:{key}")], &mut found),
        }
    }
    found
}

fn walk(value: &Value, path: &[String], found: &mut BTreeMap<Path, Value>) {
    let below = |key: String| -> Path { path.iter().cloned().chain([key]).collect() };
    let is_finalizers = path.last().is_some_and(|key| key == "f:finalizers");
    match value {
        Value::Object(map) if !map.is_empty() => {
            found.insert(below(".".to_owned()), Value::Null);
            for (key, value) in map {
                walk(value, &below(format!("f:{key}")), found);
            }
        }
        Value::Array(items) if is_finalizers => {
            found.insert(below(".".to_owned()), Value::Null);
            for item in items {
                found.insert(below(format!("v:{item}")), Value::Null);
            }
        }
        value => {
            found.insert(path.to_vec(), value.clone());
        }
    }
}

/// The paths in a `fieldsV1` tree.
fn paths(fields: &Value) -> BTreeSet<Path> {
    fn descend(fields: &Map<String, Value>, path: &mut Path, found: &mut BTreeSet<Path>) {
        for (key, below) in fields {
            path.push(key.clone());
            match below.as_object() {
                Some(below) if !below.is_empty() => descend(below, path, found),
                _ => {
                    found.insert(path.clone());
                }
            }
            path.pop();
        }
    }
    let mut found = BTreeSet::new();
    if let Some(fields) = fields.as_object() {
        descend(fields, &mut Vec::new(), &mut found);
    }
    found
}

/// The `fieldsV1` tree of these paths.
fn tree(paths: &BTreeSet<Path>) -> Value {
    let mut root = json!({});
    for path in paths {
        let mut at = &mut root;
        for key in path {
            at = &mut at[key];
        }
        if at.is_null() {
            *at = json!({});
        }
    }
    root
}
