//! Label and field selectors.

use serde_json::Value;

use super::failure::Failure;
use super::meta;
use super::request::Query;
use super::types::ResourceType;

/// What a list or a watch is narrowed to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<(String, bool, String)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
}

impl Selector {
    /// Reads both selectors of a request; field labels that the type does not know are a 400.
    pub(crate) fn read(query: &Query, of: &ResourceType) -> Result<Self, Failure> {
        let labels = parse_labels(query.get("labelSelector"))?;
        let fields = parse_fields(query.get("fieldSelector"))?;
        if let Some((field, ..)) = fields.iter().find(|(field, ..)| !is_supported(of, field)) {
            return Err(Failure::bad_request(format!("field label not supported: {field}")));
        }
        Ok(Self { labels, fields })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        self.labels.iter().all(|requirement| requirement.holds(labels))
            && self.fields.iter().all(|(field, equal, value)| (field_of(object, field) == value) == *equal)
    }
}

impl Requirement {
    fn holds(&self, labels: &Value) -> bool {
        match self {
            Self::In(key, values) => {
                labels[key].as_str().is_some_and(|value| values.iter().any(|each| each == value))
            }
            Self::NotIn(key, values) => {
                !labels[key].as_str().is_some_and(|value| values.iter().any(|each| each == value))
            }
            Self::Exists(key) => labels[key].is_string(),
            Self::Missing(key) => !labels[key].is_string(),
        }
    }
}

/// Whether a `metav1.LabelSelector` (the structured kind, as in webhooks) selects these labels. An empty one
/// selects all.
pub(crate) fn selects(selector: &Value, labels: &Value) -> bool {
    let exact = selector["matchLabels"].as_object();
    let exact = exact.into_iter().flatten().all(|(key, value)| labels[key] == *value);
    exact
        && meta::items(&selector["matchExpressions"]).iter().all(|expression| {
            let key = expression["key"].as_str().unwrap_or_default().to_owned();
            let values = meta::strings(&expression["values"]).into_iter().map(str::to_owned).collect();
            match expression["operator"].as_str() {
                Some("In") => Requirement::In(key, values).holds(labels),
                Some("NotIn") => Requirement::NotIn(key, values).holds(labels),
                Some("Exists") => Requirement::Exists(key).holds(labels),
                Some("DoesNotExist") => Requirement::Missing(key).holds(labels),
                _ => false,
            }
        })
}

fn field_of<'a>(object: &'a Value, field: &str) -> &'a str {
    let found = field.split('.').fold(object, |value, part| &value[part]);
    found.as_str().unwrap_or_default()
}

/// The labels that each type's `AddFieldLabelConversionFunc` lets through.
fn is_supported(of: &ResourceType, field: &str) -> bool {
    if field == "metadata.name" || (field == "metadata.namespace" && of.namespaced) {
        return true;
    }
    let known: &[&str] = match (of.group.as_str(), of.resource.as_str()) {
        ("", "namespaces") => &["status.phase"],
        ("", "pods") => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
        ],
        ("", "secrets") => &["type"],
        ("", "services") => &["spec.clusterIP", "spec.type"],
        ("" | "events.k8s.io", "events") => {
            return field.starts_with("involvedObject.")
                || matches!(field, "reason" | "type" | "reportingComponent" | "source");
        }
        _ => &[],
    };
    known.contains(&field)
}

fn parse_fields(text: &str) -> Result<Vec<(String, bool, String)>, Failure> {
    let terms = text.split(',').filter(|term| !term.is_empty());
    terms
        .map(|term| {
            let (field, equal, value) = split_comparison(term).ok_or_else(|| {
                Failure::bad_request(format!("invalid selector: '{term}'; can't understand '{term}'"))
            })?;
            Ok((field.to_owned(), equal, value.to_owned()))
        })
        .collect()
}

/// `a=b`, `a==b`, `a!=b`.
fn split_comparison(term: &str) -> Option<(&str, bool, &str)> {
    if let Some((key, value)) = term.split_once("!=") {
        return Some((key.trim(), false, value.trim()));
    }
    let (key, value) = term.split_once("==").or_else(|| term.split_once('='))?;
    Some((key.trim(), true, value.trim()))
}

fn parse_labels(text: &str) -> Result<Vec<Requirement>, Failure> {
    split_outside_parentheses(text)
        .into_iter()
        .filter(|term| !term.trim().is_empty())
        .map(parse_label)
        .collect()
}

fn parse_label(term: &str) -> Result<Requirement, Failure> {
    let term = term.trim();
    if let Some(head) = term.strip_suffix(')') {
        let (head, values) = head.split_once('(').ok_or_else(|| unparsable(term))?;
        let values = values.split(',').map(|value| value.trim().to_owned()).collect();
        let words: Vec<&str> = head.split_whitespace().collect();
        return match words[..] {
            [key, "in"] => Ok(Requirement::In(key.to_owned(), values)),
            [key, "notin"] => Ok(Requirement::NotIn(key.to_owned(), values)),
            _ => Err(unparsable(term)),
        };
    }
    if let Some((key, equal, value)) = split_comparison(term) {
        let values = vec![value.to_owned()];
        let key = key.to_owned();
        return Ok(if equal { Requirement::In(key, values) } else { Requirement::NotIn(key, values) });
    }
    if term.split_whitespace().count() > 1 {
        return Err(unparsable(term));
    }
    Ok(match term.strip_prefix('!') {
        Some(key) => Requirement::Missing(key.trim().to_owned()),
        None => Requirement::Exists(term.to_owned()),
    })
}

fn unparsable(term: &str) -> Failure {
    Failure::bad_request(format!(
        "unable to parse requirement: found '{term}', expected: in, notin, =, ==, !=, gt, lt"
    ))
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut terms) = (0, 0, Vec::new());
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                terms.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[start..]);
    terms
}
