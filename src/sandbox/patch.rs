//! The three kinds of patch: JSON merge, JSON patch, and strategic merge as far as metadata needs it.

use serde_json::{Value, json};

use super::failure::Failure;

/// The media types, in the order in which the server lists them.
pub(crate) const JSON_PATCH: &str = "application/json-patch+json";
pub(crate) const MERGE_PATCH: &str = "application/merge-patch+json";
pub(crate) const STRATEGIC_PATCH: &str = "application/strategic-merge-patch+json";
/// Server-side apply: the fields that the client wants, as a whole object.
pub(crate) const APPLY_PATCH: &str = "application/apply-patch+yaml";

/// Applies a patch of this media type. `custom`: custom resources know no strategic merge.
pub(crate) fn apply(media_type: &str, patch: &[u8], target: &Value, custom: bool) -> Result<Value, Failure> {
    let accepted: &[&str] = if custom {
        &[JSON_PATCH, MERGE_PATCH, APPLY_PATCH]
    } else {
        &[JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH]
    };
    if !accepted.contains(&media_type) {
        return Err(Failure::unsupported_media_type(accepted));
    }
    let patch: Value = if media_type == APPLY_PATCH {
        applied(patch)?
    } else {
        serde_json::from_slice(patch)
            .map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))?
    };
    let mut result = target.clone();
    match media_type {
        JSON_PATCH => json_patch(&mut result, &patch)?,
        _ if !patch.is_object() => {
            return Err(Failure::bad_request("error decoding patch: not a JSON object"));
        }
        MERGE_PATCH => merge(&mut result, &patch),
        _ => strategic(&mut result, &patch, ""),
    }
    Ok(result)
}

/// The object that a server-side apply sends, in YAML or JSON.
pub(crate) fn applied(body: &[u8]) -> Result<Value, Failure> {
    serde_saphyr::from_slice(body).map_err(|error| {
        let why = error.to_string();
        Failure::bad_request(format!("error decoding YAML: {}", why.lines().next().unwrap_or_default()))
    })
}

/// RFC 7386.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            if let Some(map) = target.as_object_mut() {
                map.shift_remove(key);
            }
        } else {
            merge(&mut target[key], value);
        }
    }
}

/// Merge patch, and the lists that merge by element: finalizers (a set), owners (by uid), conditions (by
/// type).
///
/// Other lists are replaced, where the real one merges containers and the like by name.
fn strategic(target: &mut Value, patch: &Value, field: &str) {
    match (patch, field) {
        (Value::Object(patch), _) => {
            if !target.is_object() {
                *target = json!({});
            }
            for (key, value) in patch {
                strategic_field(target, key, value);
            }
        }
        (Value::Array(patch), "metadata.finalizers") => merge_list(target, patch, |a, b| a == b),
        (Value::Array(patch), "metadata.ownerReferences") => {
            merge_list(target, patch, |a, b| a["uid"] == b["uid"]);
        }
        (Value::Array(patch), "status.conditions") => {
            merge_list(target, patch, |a, b| a["type"] == b["type"]);
        }
        _ => *target = patch.clone(),
    }
}

fn strategic_field(target: &mut Value, key: &str, value: &Value) {
    if key.starts_with("$setElementOrder/") || key == "$retainKeys" {
        return;
    }
    if let Some(list) = key.strip_prefix("$deleteFromPrimitiveList/") {
        if let Some(items) = target.get_mut(list).and_then(Value::as_array_mut) {
            items.retain(|item| !value.as_array().is_some_and(|gone| gone.contains(item)));
        }
        return;
    }
    if value.is_null() {
        if let Some(map) = target.as_object_mut() {
            map.shift_remove(key);
        }
        return;
    }
    let path = match key {
        "finalizers" | "ownerReferences" => "metadata.",
        "conditions" => "status.",
        _ => "",
    };
    // Only metadata's finalizers are a set: those of a namespace's spec have no patch strategy.
    let in_spec = key == "finalizers" && target.get("name").is_none();
    let field = if in_spec { key.to_owned() } else { format!("{path}{key}") };
    strategic(&mut target[key], value, &field);
}

fn merge_list(target: &mut Value, patch: &[Value], same: fn(&Value, &Value) -> bool) {
    let mut items = target.as_array().cloned().unwrap_or_default();
    for item in patch {
        if item["$patch"] == "delete" {
            items.retain(|each| !same(each, item));
        } else if let Some(found) = items.iter_mut().find(|each| same(each, item)) {
            merge(found, item);
        } else {
            items.push(item.clone());
        }
    }
    *target = items.into();
}

/// RFC 6902; a failing operation is a 422, a malformed one a 400.
fn json_patch(target: &mut Value, patch: &Value) -> Result<(), Failure> {
    let operations = patch
        .as_array()
        .ok_or_else(|| Failure::bad_request("error decoding patch: a JSON patch is an array"))?;
    for operation in operations {
        let text = |field: &str| operation[field].as_str().unwrap_or_default();
        let at = text("path");
        let done = match text("op") {
            "add" => add(target, at, operation["value"].clone()),
            "remove" => remove(target, at).map(|_| ()),
            "replace" => target.pointer_mut(at).map(|found| *found = operation["value"].clone()),
            "test" => {
                let found = target.pointer(at).unwrap_or(&Value::Null);
                (*found == operation["value"]).then_some(())
            }
            "copy" => target.pointer(text("from")).cloned().and_then(|value| add(target, at, value)),
            "move" => remove(target, text("from")).and_then(|value| add(target, at, value)),
            odd => return Err(Failure::bad_request(format!("Unexpected kind: {odd}"))),
        };
        if done.is_none() {
            let message = match text("op") {
                "test" => format!("testing value {at} failed: test failed"),
                op => format!("{op} operation does not apply: doc is missing path: {at}: missing value"),
            };
            let message =
                format!("the server rejected our request due to an error in our request: {message}");
            return Err(Failure::new(422, "Invalid", message));
        }
    }
    Ok(())
}

fn split_pointer(path: &str) -> Option<(&str, String)> {
    let (parent, key) = path.rsplit_once('/')?;
    Some((parent, key.replace("~1", "/").replace("~0", "~")))
}

fn add(target: &mut Value, path: &str, value: Value) -> Option<()> {
    let (parent, key) = split_pointer(path)?;
    match target.pointer_mut(parent)? {
        Value::Object(map) => {
            map.insert(key, value);
        }
        Value::Array(items) if key == "-" => items.push(value),
        Value::Array(items) => {
            let at = key.parse().ok().filter(|at| *at <= items.len())?;
            items.insert(at, value);
        }
        _ => return None,
    }
    Some(())
}

fn remove(target: &mut Value, path: &str) -> Option<Value> {
    let (parent, key) = split_pointer(path)?;
    match target.pointer_mut(parent)? {
        Value::Object(map) => map.shift_remove(&key),
        Value::Array(items) => {
            let at = key.parse().ok().filter(|at| *at < items.len())?;
            Some(items.remove(at))
        }
        _ => None,
    }
}
