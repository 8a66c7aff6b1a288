//! kubectl's tables: a few columns for the types one looks at most, NAME and AGE for the rest.

mod columns;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::meta;
use super::meta::partial;
use super::types::ResourceType;

/// The `Table` of these objects.
pub(crate) fn table(of: &ResourceType, items: &[Arc<Value>], list_meta: &Value, version: &str) -> Value {
    let columns = columns::of(of);
    let printed = of.custom.as_ref().map(|custom| custom.columns.as_slice()).unwrap_or_default();
    let mut definitions = vec![definition("Name", "name", 0)];
    definitions.extend(columns.before_age.iter().map(|(title, _)| definition(title, "", 0)));
    definitions
        .extend(printed.iter().map(|column| definition(column["name"].as_str().unwrap_or_default(), "", 0)));
    let own_age = printed.iter().any(|column| column["name"] == "Age");
    if !own_age {
        definitions.push(definition("Age", "", 0));
    }
    definitions.extend(columns.after_age.iter().map(|(title, _)| definition(title, "", 0)));
    definitions.extend(columns.wide.iter().map(|(title, _)| definition(title, "", 1)));
    let rows: Vec<_> = items
        .iter()
        .map(|item| {
            let mut cells = vec![Value::from(meta::name(item))];
            cells.extend(columns.before_age.iter().map(|(_, cell)| cell(item)));
            cells.extend(printed.iter().map(|column| printed_cell(item, column)));
            if !own_age {
                cells.push(age(item).into());
            }
            cells.extend(columns.after_age.iter().chain(columns.wide).map(|(_, cell)| cell(item)));
            json!({"cells": cells, "object": partial(item, version)})
        })
        .collect();
    json!({
        "kind": "Table",
        "apiVersion": format!("meta.k8s.io/{version}"),
        "metadata": list_meta,
        "columnDefinitions": definitions,
        "rows": rows,
    })
}

/// Columns of priority 1 are shown with `-o wide` alone.
fn definition(title: &str, format: &str, priority: u8) -> Value {
    json!({"name": title, "type": "string", "format": format, "description": "", "priority": priority})
}

/// A CRD's own column; only plain paths such as `.spec.size` are followed.
fn printed_cell(object: &Value, column: &Value) -> Value {
    let path = column["jsonPath"].as_str().unwrap_or_default();
    let found = path.split('.').filter(|part| !part.is_empty()).fold(object, |value, part| &value[part]);
    match (found.as_str().and_then(|text| text.parse().ok()), column["type"] == "date") {
        (Some(since), true) => short(since).into(),
        _ => found.clone(),
    }
}

fn age(object: &Value) -> String {
    let created = object["metadata"]["creationTimestamp"].as_str().and_then(|text| text.parse().ok());
    created.map_or_else(|| "<unknown>".to_owned(), short)
}

/// kubectl's short duration (apimachinery's `duration.HumanDuration`).
fn short(since: Timestamp) -> String {
    let seconds = Timestamp::now().duration_since(since).as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let with_rest = |whole: i64, unit: char, rest: i64, small: char| match rest {
        0 => format!("{whole}{unit}"),
        rest => format!("{whole}{unit}{rest}{small}"),
    };
    match () {
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => with_rest(minutes, 'm', seconds % 60, 's'),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => with_rest(hours, 'h', minutes % 60, 'm'),
        () if hours < 48 => format!("{hours}h"),
        () if hours < 192 => with_rest(days, 'd', hours % 24, 'h'),
        () if days < 730 => format!("{days}d"),
        () => with_rest(days / 365, 'y', days % 365, 'd'),
    }
}
