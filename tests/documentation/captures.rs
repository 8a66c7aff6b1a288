//! The `http` blocks: sent as they are written, in the order of the page.
//!
//! They begin with namespace held-backup as it was before anybody deleted it, in a cluster where other namespaces are in
//! trouble already and no controller runs: the page plays the controller too.
//!
//! In a body `"...": "..."` stands for the rest of an object (in a request: as it was read last), `"..."` for the rest
//! of a list, and `[..]` for a value that differs each time (in a request: the one that was read last).

use std::collections::HashMap;

use http::{Method, StatusCode};
use nsfix::sandbox::{Options, Step, scenarios};
use serde_json::Value;

use super::page::{Block, Page, fits, pages};
use crate::harness::{Answer, Lab};

/// Namespaces that the page shows in passing.
const OTHERS: [&str; 3] = ["dead-apiservice", "dead-conversion-webhook", "finalize-webhook"];
const REST: &str = "...";

/// One block.
struct Capture {
    at: String,
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
    status: String,
    answer_headers: Vec<(String, String)>,
    answer: String,
}

pub async fn every_capture_is_what_goes_over_the_wire(_: Lab) {
    let mut sent = 0;
    for page in pages() {
        let captures: Vec<Capture> = captures(&page);
        if captures.is_empty() {
            continue;
        }
        let lab = stage().await;
        let mut read = HashMap::new();
        for capture in captures {
            replay(&lab, &capture, &mut read).await;
            sent += 1;
        }
    }
    assert!(sent > 0, "there are no captures");
}

async fn stage() -> Lab {
    let lab = Lab::sandbox(Options { scenarios: Vec::new(), controller: None, ..Options::default() }).await;
    for name in OTHERS {
        lab.play(name).await;
    }
    let steps = (scenarios::find("held-backup").unwrap().steps)();
    let deletes = |step: &Step| matches!(step, Step::Request { method: "DELETE", .. });
    for step in steps.iter().take_while(|step| !deletes(step)) {
        lab.play_step(step).await;
    }
    lab
}

async fn replay(lab: &Lab, capture: &Capture, read: &mut HashMap<String, Value>) {
    let Capture { at, method, path, headers, body, .. } = capture;
    let object = path.split('?').next().unwrap();
    let object = object.trim_end_matches("/status").trim_end_matches("/finalize").to_owned();
    let body = if body.is_empty() {
        String::new()
    } else {
        let page: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{at}: {error}"));
        filled(&page, read.get(&object).unwrap_or(&Value::Null)).to_string()
    };
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let answer = lab.request(method.clone(), path, &headers, body.into_bytes()).await;
    if let Err(why) = is_answered(capture, &answer) {
        panic!("{at}: {method} {path}: {why}\n{answer:?}");
    }
    if answer.status < 300
        && let Ok(value) = serde_json::from_str::<Value>(&answer.text)
        && value["metadata"]["uid"].is_string()
    {
        read.insert(object, value);
    }
}

/// The body of a request, with what was read in the place of what was left out.
fn filled(page: &Value, read: &Value) -> Value {
    match page {
        Value::String(text) if text == "[..]" => read.clone(),
        Value::Object(fields) => {
            let mut object = match fields.get(REST) {
                Some(_) => read.as_object().cloned().unwrap_or_default(),
                None => serde_json::Map::new(),
            };
            for (name, value) in fields.iter().filter(|(name, _)| *name != REST) {
                object.insert(name.clone(), filled(value, &read[name]));
            }
            Value::Object(object)
        }
        other => other.clone(),
    }
}

fn is_answered(capture: &Capture, answer: &Answer) -> Result<(), String> {
    let status = StatusCode::from_u16(answer.status).unwrap().to_string();
    if capture.status != status {
        return Err(format!("the page says {}", capture.status));
    }
    for (name, value) in &capture.answer_headers {
        let actual = match name.as_str() {
            "Content-Type" => answer.content_type.as_str(),
            "Retry-After" => answer.retry_after.as_deref().unwrap_or_default(),
            _ => return Err(format!("{name} is not compared")),
        };
        if actual != value {
            return Err(format!("the page says {name}: {value}"));
        }
    }
    match serde_json::from_str::<Value>(&capture.answer) {
        Ok(page) => says(&page, &answer.json(), ""),
        Err(_) if fits(capture.answer.trim(), answer.text.trim()) => Ok(()),
        Err(error) => Err(format!("another body; as JSON: {error}")),
    }
}

/// Whether an answer holds all that the page shows of it.
fn says(page: &Value, answer: &Value, place: &str) -> Result<(), String> {
    let differs = || Err(format!("{place} is {answer}, and the page says {page}"));
    match (page, answer) {
        (Value::String(pattern), _) if pattern == "[..]" && !answer.is_null() => Ok(()),
        (Value::String(pattern), Value::String(text)) if fits(pattern, text) => Ok(()),
        (Value::Object(fields), Value::Object(_)) => fields
            .iter()
            .filter(|(name, _)| *name != REST)
            .try_for_each(|(name, value)| says(value, &answer[name], &format!("{place}/{name}"))),
        (Value::Array(items), Value::Array(answers)) => {
            let shown: Vec<&Value> = items.iter().filter(|item| *item != REST).collect();
            if shown.len() == items.len() && items.len() != answers.len() {
                return differs();
            }
            shown.iter().enumerate().try_for_each(|(index, item)| {
                let place = format!("{place}/{index}");
                if shown.len() == items.len() {
                    return says(item, &answers[index], &place);
                }
                let found = answers.iter().any(|answer| says(item, answer, &place).is_ok());
                if found { Ok(()) } else { Err(format!("{place} is not there: {item}")) }
            })
        }
        _ if page == answer => Ok(()),
        _ => differs(),
    }
}

fn captures(page: &Page) -> Vec<Capture> {
    let fences = page.blocks.iter().filter_map(|block| match block {
        Block::Fence { line, language, lines } if language == "http" => Some((*line, lines)),
        _ => None,
    });
    fences.map(|(line, lines)| capture(page.at(line), lines)).collect()
}

fn capture(at: String, lines: &[String]) -> Capture {
    let split = lines.iter().position(|line| line.starts_with("HTTP/1.1 "));
    let split = split.unwrap_or_else(|| panic!("{at}: there is no answer"));
    let (first, headers, body) = message(&lines[..split]);
    let (status, answer_headers, answer) = message(&lines[split..]);
    let [method, path, "HTTP/1.1"] = first.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{at}: {first:?} is no request line")
    };
    Capture {
        at,
        method: method.parse().unwrap(),
        path: path.to_owned(),
        headers,
        body,
        status: status.trim_start_matches("HTTP/1.1 ").to_owned(),
        answer_headers,
        answer,
    }
}

/// The first line, the headers, and the body.
fn message(lines: &[String]) -> (String, Vec<(String, String)>, String) {
    let head = lines.iter().position(String::is_empty).unwrap_or(lines.len());
    let headers = lines[1..head].iter().map(|line| {
        let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("{line:?} is no header"));
        (name.to_owned(), value.to_owned())
    });
    (lines[0].clone(), headers.collect(), lines[head..].join("\n").trim().to_owned())
}
