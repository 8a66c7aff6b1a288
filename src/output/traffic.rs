//! `-v`: the requests, so that a person can learn the API from watching.

use serde_json::Value;

use crate::model::Exchange;

/// Where a Secret keeps what it is for, and where kubectl keeps a copy of it.
const SECRET_FIELDS: [&str; 3] = ["data", "stringData", "kubectl.kubernetes.io/last-applied-configuration"];

/// `GET /api/v1/namespaces/x 200 3ms`, and the body of a write where wanted.
pub(super) fn lines(exchange: &Exchange, with_body: bool) -> Vec<String> {
    let Exchange { method, path, outcome, elapsed, body } = exchange;
    let outcome = match outcome {
        Ok(status) => status.to_string(),
        Err(error) => error.clone(),
    };
    let mut lines = vec![format!("{method} {path} {outcome} {}ms", elapsed.as_millis())];
    if let (true, Some(body)) = (with_body, body) {
        lines.push(format!("  {}", shown(body, path)));
    }
    lines
}

/// A body without the data of Secrets: a terminal is watched, and a log is kept and sent elsewhere.
fn shown(body: &[u8], path: &str) -> String {
    let Ok(mut json) = serde_json::from_slice::<Value>(body) else {
        // Not JSON: it may hold a secret anywhere.
        return format!("({} bytes)", body.len());
    };
    let is_of_secrets = path.split(['/', '?']).any(|segment| segment == "secrets");
    if redact(&mut json, is_of_secrets) {
        json.to_string()
    } else {
        String::from_utf8_lossy(body).into_owned()
    }
}

/// Whether anything was taken out.
fn redact(json: &mut Value, is_secret: bool) -> bool {
    let mut redacted = false;
    match json {
        Value::Array(items) => {
            for item in items {
                redacted |= redact(item, is_secret);
            }
        }
        Value::Object(fields) => {
            let is_secret = is_secret || fields.get("kind").is_some_and(|kind| kind == "Secret");
            for (name, value) in fields.iter_mut() {
                if is_secret && SECRET_FIELDS.contains(&name.as_str()) {
                    *value = Value::from("(redacted)");
                    redacted = true;
                } else {
                    redacted |= redact(value, is_secret);
                }
            }
        }
        _ => {}
    }
    redacted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_of_a_secret_is_not_shown() {
        let secret = br#"{"kind":"Secret","metadata":{"name":"s","annotations":{
            "kubectl.kubernetes.io/last-applied-configuration":"{hunter2}"}},
            "data":{"a":"aHVudGVyMg=="},"stringData":{"b":"hunter2"}}"#;
        let said = shown(secret, "/api/v1/namespaces/x/secrets");
        assert!(said.contains(r#""name":"s""#), "{said}");
        assert!(!said.contains("hunter2") && !said.contains("aHVudGVyMg=="), "{said}");
        let patch = shown(br#"{"stringData":{"b":"hunter2"}}"#, "/api/v1/namespaces/x/secrets/s?dryRun=All");
        assert!(!patch.contains("hunter2"), "{patch}");
        let list = shown(br#"{"kind":"List","items":[{"kind":"Secret","data":{"b":"hunter2"}}]}"#, "/x");
        assert!(!list.contains("hunter2"), "{list}");
    }

    #[test]
    fn other_bodies_are_shown_as_they_were_sent() {
        let body = br#"{"kind": "ConfigMap", "data": {"a": "b"}}"#;
        assert_eq!(shown(body, "/api/v1/namespaces/secretive/configmaps").as_bytes(), body);
    }
}
