//! From steps and a document to text.

use std::cmp::Ordering;

use serde::Serialize;
use serde_json::Value;

use super::{Filter, Operand, Operator, Part, Step};

pub(super) fn parts(parts: &[Part], here: &Value, root: &Value, out: &mut String) {
    for part in parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Path(steps) => {
                let found: Vec<String> = path_from(steps, here, root).into_iter().map(text).collect();
                out.push_str(&found.join(" "));
            }
            Part::Range(steps, inner) => {
                for each in path_from(steps, here, root) {
                    self::parts(inner, each, root, out);
                }
            }
        }
    }
}

/// What each part finds as a JSON array of its own, indented as by kubectl.
pub(super) fn arrays(parts: &[Part], here: &Value, root: &Value, out: &mut String) {
    for part in parts {
        let found = match part {
            Part::Text(text) => vec![Value::String(text.clone())],
            Part::Path(steps) => path_from(steps, here, root).into_iter().cloned().collect(),
            Part::Range(steps, inner) => {
                for each in path_from(steps, here, root) {
                    arrays(inner, each, root, out);
                }
                continue;
            }
        };
        let mut array = Vec::new();
        let indented = serde_json::ser::PrettyFormatter::with_indent(b"    ");
        // Neither memory nor a value that was read can fail here.
        let _ = found.serialize(&mut serde_json::Serializer::with_formatter(&mut array, indented));
        out.push_str(&String::from_utf8_lossy(&array));
        out.push('\n');
    }
}

/// A value as kubectl prints it: text without quotes, and objects as JSON.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub(super) fn path<'a>(steps: &[Step], here: &'a Value, root: &'a Value) -> Vec<&'a Value> {
    path_from(steps, here, root)
}

fn path_from<'a>(steps: &[Step], here: &'a Value, root: &'a Value) -> Vec<&'a Value> {
    let mut values = vec![here];
    for each in steps {
        values = values.into_iter().flat_map(|value| step(each, value, root)).collect();
    }
    values
}

fn step<'a>(step: &Step, value: &'a Value, root: &'a Value) -> Vec<&'a Value> {
    match step {
        Step::Root => vec![root],
        Step::Field(name) => value.get(name.as_str()).into_iter().collect(),
        Step::Every => children(value),
        Step::Index(index) => {
            let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
            position(*index, items.len()).and_then(|at| items.get(at)).into_iter().collect()
        }
        Step::Slice { from, to, by } => slice(value, *from, *to, *by),
        Step::Union(steps) => steps.iter().flat_map(|each| self::step(each, value, root)).collect(),
        Step::Descend => all_below(value),
        Step::Filter(filter) => {
            children(value).into_iter().filter(|each| matches(filter, each, root)).collect()
        }
    }
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        _ => Vec::new(),
    }
}

fn all_below(value: &Value) -> Vec<&Value> {
    let mut all = vec![value];
    for child in children(value) {
        all.extend(all_below(child));
    }
    all
}

fn position(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    usize::try_from(if index < 0 { index + length } else { index }).ok()
}

fn slice(value: &Value, from: Option<i64>, to: Option<i64>, by: Option<i64>) -> Vec<&Value> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let within = |index: i64| position(index, items.len()).unwrap_or_default().min(items.len());
    let (from, to) = (within(from.unwrap_or_default()), to.map_or(items.len(), within));
    let by = by.and_then(|by| usize::try_from(by).ok()).unwrap_or(1).max(1);
    items.get(from..to).unwrap_or_default().iter().step_by(by).collect()
}

fn matches(filter: &Filter, value: &Value, root: &Value) -> bool {
    let Filter { left, compared } = filter;
    let Some((operator, right)) = compared else { return first(left, value, root).is_some() };
    let (Some(left), Some(right)) = (first(left, value, root), first(right, value, root)) else {
        return false;
    };
    match operator {
        Operator::Equal => equal(left, right),
        Operator::NotEqual => !equal(left, right),
        Operator::Less => compare(left, right) == Some(Ordering::Less),
        Operator::LessOrEqual => compare(left, right).is_some_and(Ordering::is_le),
        Operator::Greater => compare(left, right) == Some(Ordering::Greater),
        Operator::GreaterOrEqual => compare(left, right).is_some_and(Ordering::is_ge),
    }
}

fn first<'a>(operand: &'a Operand, here: &'a Value, root: &'a Value) -> Option<&'a Value> {
    match operand {
        Operand::Literal(value) => Some(value),
        Operand::Path(steps) => path_from(steps, here, root).into_iter().next(),
    }
}

fn equal(left: &Value, right: &Value) -> bool {
    compare(left, right).map_or_else(|| left == right, Ordering::is_eq)
}

/// Values of one kind are compared; those of two are not.
pub(in crate::output) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64()?.partial_cmp(&right.as_f64()?),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        _ => None,
    }
}
