//! What an object says in its own status of failing, in whatever way its controller words it.

use serde_json::Value;

/// How many texts are taken from one status.
const MOST: usize = 10;
/// How deep a status is read.
const DEEPEST: usize = 5;
/// As much of one text.
const LONGEST: usize = 600;

/// Words of failure.
const FAILS: [&str; 17] = [
    "fail",
    "error",
    "unable",
    "cannot",
    "can't",
    "could not",
    "couldn't",
    "not found",
    "notfound",
    "not exist",
    "forbidden",
    "denied",
    "unauthorized",
    "timed out",
    "missing",
    "being terminated",
    "deadline exceeded",
];
/// Types of conditions that are bad where they are True.
const BAD_WHERE_TRUE: [&str; 8] =
    ["fail", "error", "stalled", "degraded", "blocked", "conflict", "terminatingstuck", "unhealthy"];
/// Fields that hold an error, whatever it says.
const ERRORS: [&str; 8] = [
    "error",
    "lastError",
    "errorMessage",
    "failureMessage",
    "failureReason",
    "lastErrorMessage",
    "errors",
    "syncError",
];
/// Fields that hold a text, which may be one of failure.
const TEXTS: [&str; 5] = ["message", "description", "reason", "details", "statusMessage"];
/// Fields that hold a state.
const STATES: [&str; 4] = ["phase", "state", "status", "health"];

/// Conditions that fail, errors, phases of failure.
pub(super) fn failures_in_status(status: &Value) -> Vec<String> {
    let mut said = Vec::new();
    collect(status, "", 0, &mut said);
    let mut once: Vec<String> = Vec::new();
    for text in said {
        let text: String = text.chars().take(LONGEST).collect();
        // A longer wording of the same stands already.
        if !once.iter().any(|known| known.contains(&text)) {
            once.push(text);
        }
    }
    once.truncate(MOST);
    once
}

fn collect(value: &Value, field: &str, depth: usize, said: &mut Vec<String>) {
    if depth > DEEPEST || said.len() >= 2 * MOST {
        return;
    }
    match value {
        Value::Array(list) => list.iter().for_each(|each| collect(each, field, depth + 1, said)),
        Value::Object(fields) if fields.contains_key("type") && fields.contains_key("status") => {
            said.extend(condition(value));
        }
        Value::Object(fields) => {
            said.extend(state(value));
            for (name, value) in fields {
                collect(value, name, depth + 1, said);
            }
        }
        Value::String(text) if !text.is_empty() && ERRORS.contains(&field) => said.push(text.clone()),
        Value::String(text) if TEXTS.contains(&field) && text.contains(' ') && tells_of_failure(text) => {
            said.push(text.clone());
        }
        _ => {}
    }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

fn contains_any(text: &str, words: &[&str]) -> bool {
    let text = text.to_ascii_lowercase();
    words.iter().any(|word| text.contains(word))
}

fn tells_of_failure(text: &str) -> bool {
    contains_any(text, &FAILS)
}

/// `reason: message` of a condition that says of failing.
fn condition(condition: &Value) -> Option<String> {
    let (reason, message) = (text(condition, "reason"), text(condition, "message"));
    let words = match (reason, message) {
        ("", "") => return None,
        ("", message) => message.to_owned(),
        (reason, "") => reason.to_owned(),
        (reason, message) => format!("{reason}: {message}"),
    };
    let fails = match text(condition, "status") {
        "True" => contains_any(text(condition, "type"), &BAD_WHERE_TRUE) || tells_of_failure(message),
        "False" => !message.is_empty() || tells_of_failure(reason),
        _ => tells_of_failure(message) || tells_of_failure(reason),
    };
    fails.then_some(words)
}

/// `phase Failed: message`.
fn state(object: &Value) -> Option<String> {
    let state = STATES
        .iter()
        .map(|field| (*field, text(object, field)))
        .find(|(_, state)| contains_any(state, &["fail", "error"]))?;
    let (field, state) = state;
    let message = TEXTS.iter().map(|field| text(object, field)).find(|message| !message.is_empty());
    Some(message.map_or_else(|| format!("{field} {state}"), |message| format!("{field} {state}: {message}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn failure_is_told_in_whatever_wording() {
        for (status, said) in [
            (
                json!({"conditions": [{"type": "Ready", "status": "False", "reason": "Err", "message": "no"}]}),
                "Err: no",
            ),
            (
                json!({"conditions": [{"type": "Synced", "status": "False", "message": "secret gone"}]}),
                "secret gone",
            ),
            (
                json!({"conditions": [{"type": "Stalled", "status": "True", "reason": "R", "message": "m"}]}),
                "R: m",
            ),
            (
                json!({"conditions": [{"type": "Ready", "status": "Unknown", "message": "cannot reach"}]}),
                "cannot reach",
            ),
            (json!({"phase": "DeleteFailed", "message": "m"}), "phase DeleteFailed: m"),
            (json!({"error": "secret \"a\" not found"}), "secret \"a\" not found"),
            (json!({"lastOperation": {"state": "Error", "description": "d"}}), "state Error: d"),
            (json!({"atProvider": {"lastErrorMessage": "x"}}), "x"),
            (json!({"message": "unable to get the Secret"}), "unable to get the Secret"),
        ] {
            assert_eq!(failures_in_status(&status), [said], "{status}");
        }
    }

    #[test]
    fn what_is_well_says_nothing() {
        for status in [
            json!({"conditions": [{"type": "Ready", "status": "True", "reason": "Ok", "message": "all is well"}]}),
            json!({"phase": "Running", "message": "ready"}),
            json!({"conditions": [{"type": "Stalled", "status": "False"}], "observedGeneration": 3}),
            json!(null),
        ] {
            assert_eq!(failures_in_status(&status), [""; 0], "{status}");
        }
    }
}
