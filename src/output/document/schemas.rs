//! The JSON Schemas in docs/schemas: one per kind of document, made from the types.
//!
//! `NSFIX_BLESS=1 cargo test --lib schemas` writes them instead of comparing them.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};
use strum::VariantArray;

use super::{
    API_VERSION, AccessItem, DiagnosisItem, GapDocument, Item, OrphanItem, PredictionItem, Repaired,
    StuckNamespace, UnreadContextItem, UnreadNamespaceItem,
};
use crate::diagnose::predict::{Expectation, OutsideKind, OutsideOutcome};
use crate::diagnose::{CauseKind, State};
use crate::execute::{Outcome, StepResult};
use crate::model::Unreadable;
use crate::plan::{StepKind, capabilities};

#[test]
fn the_schemas_in_docs_are_up_to_date() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas");
    let mut differ = Vec::new();
    for (name, schema) in schemas() {
        let (path, text) = (dir.join(&name), format!("{schema:#}\n"));
        if std::env::var_os("NSFIX_BLESS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        if std::fs::read_to_string(&path).unwrap_or_default() != text {
            differ.push(name);
        }
    }
    assert!(differ.is_empty(), "docs/schemas is out of date: run the tests with NSFIX_BLESS=1: {differ:?}");
}

/// As in every document of Kubernetes.
#[test]
fn the_names_of_fields_are_in_camel_case() {
    fn wrong(schema: &Value, found: &mut Vec<String>) {
        let properties = schema.get("properties").and_then(Value::as_object);
        let names = properties.into_iter().flat_map(|properties| properties.keys());
        found.extend(names.filter(|name| !name.chars().all(char::is_alphanumeric)).cloned());
        let inside = schema.as_object().into_iter().flat_map(|all| all.values());
        for inside in inside.chain(schema.as_array().into_iter().flatten()) {
            wrong(inside, found);
        }
    }
    let mut found = Vec::new();
    for schema in schemas().values() {
        wrong(schema, &mut found);
    }
    assert_eq!(found, Vec::<String>::new());
}

/// Every schema by the name of its file.
fn schemas() -> BTreeMap<String, Value> {
    let mut list =
        of::<StuckNamespace>("`nsfix list-stuck -o json` prints: every namespace stuck in Terminating");
    let contexts = "The contexts that could not be looked at; absent where there is one cluster.";
    with_could_not_look(&mut list, contexts, SchemaGenerator::subschema_for::<UnreadContextItem>);
    list["properties"]["items"]["items"]["properties"] = json!({"state": {"enum": names::<State>()}});
    let mut orphans =
        of::<OrphanItem>("`nsfix orphans -o json` prints: the objects whose namespace does not exist");
    let more =
        "Where there may be more: types that could not be looked at, and namespaces that may exist or not.";
    with_could_not_look(&mut orphans, more, |generator| {
        let type_ = generator.subschema_for::<GapDocument>();
        let namespace = generator.subschema_for::<UnreadNamespaceItem>();
        json_schema!({"anyOf": [type_, namespace]})
    });
    [
        list,
        of::<DiagnosisItem>("`nsfix explain -o json` prints: everything that is known about namespaces"),
        of::<PredictionItem>("`nsfix check -o json` prints: what the deletion of namespaces would do"),
        of::<Repaired>("`nsfix clear -o json` and `nsfix orphans --purge -o json` print: what was done"),
        orphans,
        of::<AccessItem>("`nsfix access -o json` prints: what this account may do"),
    ]
    .into_iter()
    .map(|schema| (schema["$id"].as_str().unwrap().to_owned(), schema))
    .collect()
}

/// The schema of a list document.
fn of<T: Item + JsonSchema>(what: &str) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut generator = settings.with_transform(RecursiveTransform(finish)).into_generator();
    let items = generator.subschema_for::<T>();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("{}.json", kebab(T::LIST_KIND)),
        "title": T::LIST_KIND,
        "description": format!("What {what}. Fields may be added; none is renamed or removed."),
        "type": "object",
        "required": ["apiVersion", "kind", "items"],
        "properties": {
            "apiVersion": {"description": "The version of the document.", "const": API_VERSION},
            "kind": {"description": "The kind of the document.", "const": T::LIST_KIND},
            "items": {"description": "Empty where there is none.", "type": "array", "items": items},
        },
        "additionalProperties": true,
        "$defs": generator.take_definitions(true),
    })
}

/// What could not be looked at stands beside the items.
fn with_could_not_look(list: &mut Value, description: &str, of: fn(&mut SchemaGenerator) -> Schema) {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut generator = settings.with_transform(RecursiveTransform(finish)).into_generator();
    let items = of(&mut generator);
    list["properties"]["couldNotLook"] = json!({"description": description, "type": "array", "items": items});
    for (name, definition) in generator.take_definitions(true) {
        list["$defs"][name] = definition;
    }
}

/// Fields may be added; a description is one line, however its comment is broken.
fn finish(schema: &mut Schema) {
    if schema.get("properties").is_some() {
        schema.insert("additionalProperties".to_owned(), true.into());
    }
    if let Some(description) = schema.get("description").and_then(Value::as_str) {
        let description = description.replace('\n', " ");
        schema.insert("description".to_owned(), description.into());
    }
}

/// `StuckNamespaceList` as `stuck-namespace-list`.
fn kebab(kind: &str) -> String {
    let mut name = String::new();
    for (index, letter) in kind.char_indices() {
        if index > 0 && letter.is_uppercase() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

fn names<T: VariantArray + Display>() -> Vec<String> {
    T::VARIANTS.iter().map(ToString::to_string).collect()
}

/// One of the variants. Without a `type` beside it, a wrong value is one error and not two.
fn word<T: VariantArray + Display>() -> Schema {
    json_schema!({"enum": names::<T>()})
}

pub(super) fn cause_kind(_: &mut SchemaGenerator) -> Schema {
    word::<CauseKind>()
}

pub(super) fn cause_kinds(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "array", "items": word::<CauseKind>()})
}

pub(super) fn any_state(_: &mut SchemaGenerator) -> Schema {
    let mut names = names::<State>();
    names.push("Active".to_owned());
    json_schema!({"enum": names})
}

pub(super) fn unreadable(_: &mut SchemaGenerator) -> Schema {
    word::<Unreadable>()
}

pub(super) fn unread_context(_: &mut SchemaGenerator) -> Schema {
    let mut names = vec![super::context::MISCONFIGURED.to_owned()];
    names.extend(self::names::<Unreadable>());
    json_schema!({"enum": names})
}

pub(super) fn step_kind(_: &mut SchemaGenerator) -> Schema {
    word::<StepKind>()
}

pub(super) fn step_result(_: &mut SchemaGenerator) -> Schema {
    word::<StepResult>()
}

pub(super) fn outcome(_: &mut SchemaGenerator) -> Schema {
    word::<Outcome>()
}

pub(super) fn expectation(_: &mut SchemaGenerator) -> Schema {
    word::<Expectation>()
}

pub(super) fn outside_kind(_: &mut SchemaGenerator) -> Schema {
    word::<OutsideKind>()
}

pub(super) fn fate(_: &mut SchemaGenerator) -> Schema {
    word::<OutsideOutcome>()
}

pub(super) fn capability(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<&str> = capabilities().iter().map(|capability| capability.name).collect();
    json_schema!({"enum": names})
}

/// RFC 3339, or null.
pub(super) fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "null"], "format": "date-time"})
}
