//! From text to steps.

use serde_json::Value;

use super::{Filter, Operand, Operator, Part, Step, Unreadable};

type Result<T> = std::result::Result<T, Unreadable>;

fn unreadable<T>(why: impl Into<String>) -> Result<T> {
    Err(Unreadable(why.into()))
}

/// Text and paths in braces, with the ranges closed.
pub(super) fn template(text: &str) -> Result<Vec<Part>> {
    // The innermost range is the last; the first is the template itself.
    let mut open: Vec<(Vec<Step>, Vec<Part>)> = vec![(Vec::new(), Vec::new())];
    let mut rest = text;
    while !rest.is_empty() {
        let (before, inside) = match rest.find('{') {
            None => (rest, None),
            Some(at) => {
                let (inside, after) = action(&rest[at + 1..])?;
                (&rest[..at], Some((inside, after)))
            }
        };
        push(&mut open, Part::Text(before.to_owned()));
        let Some((inside, after)) = inside else { break };
        rest = after;
        let inside = inside.trim();
        if let Some(of) = inside.strip_prefix("range") {
            open.push((path(of.trim())?, Vec::new()));
        } else if inside == "end" {
            let (of, parts) = open.pop().unwrap_or_default();
            if open.is_empty() {
                return unreadable("{end} without {range}");
            }
            push(&mut open, Part::Range(of, parts));
        } else {
            expressions(inside)?.into_iter().for_each(|part| push(&mut open, part));
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some((_, parts)), true) => Ok(parts),
        _ => unreadable("{range} without {end}"),
    }
}

fn push(open: &mut [(Vec<Step>, Vec<Part>)], part: Part) {
    if part == Part::Text(String::new()) {
        return;
    }
    if let Some((_, parts)) = open.last_mut() {
        parts.push(part);
    }
}

/// What stands before the closing brace, and after it. A brace within quotes closes nothing.
fn action(text: &str) -> Result<(&str, &str)> {
    let mut quote = None;
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            _ if escaped => escaped = false,
            (_, '\\') => escaped = true,
            (Some(open), close) if open == close => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, '}') => return Ok((&text[..at], &text[at + 1..])),
            _ => {}
        }
    }
    unreadable("a brace is not closed")
}

/// A quoted text, or paths with spaces between them.
fn expressions(inside: &str) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = inside;
    while !rest.is_empty() {
        if let Some(quote) = rest.chars().next().filter(|first| matches!(first, '"' | '\'')) {
            let (text, after) = quoted(&rest[1..], quote)?;
            parts.push(Part::Text(text));
            rest = after.trim_start();
        } else {
            let (steps, after) = steps(rest)?;
            parts.push(Part::Path(steps));
            rest = after.trim_start();
        }
    }
    if parts.is_empty() {
        return unreadable("there is nothing between the braces");
    }
    Ok(parts)
}

/// The text up to the closing quote, and the rest behind it. Go's escapes, as far as they are of use.
fn quoted(text: &str, quote: char) -> Result<(String, &str)> {
    let mut unquoted = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some((_, 'n')) => unquoted.push('\n'),
                Some((_, 't')) => unquoted.push('\t'),
                Some((_, 'r')) => unquoted.push('\r'),
                Some((_, other)) => unquoted.push(other),
                None => break,
            },
            _ if character == quote => return Ok((unquoted, &text[at + 1..])),
            _ => unquoted.push(character),
        }
    }
    unreadable("a quote is not closed")
}

/// One path, and nothing behind it.
pub(super) fn path(text: &str) -> Result<Vec<Step>> {
    match steps(text)? {
        (steps, "") => Ok(steps),
        (_, rest) => unreadable(format!("{rest:?} cannot be read")),
    }
}

/// The steps of a path, up to a space.
fn steps(text: &str) -> Result<(Vec<Step>, &str)> {
    let mut steps = Vec::new();
    let mut rest = text;
    loop {
        if rest.is_empty() || rest.starts_with(' ') {
            return if text.len() == rest.len() {
                unreadable("a path is missing")
            } else {
                Ok((steps, rest))
            };
        } else if let Some(after) = rest.strip_prefix("..") {
            // Whoever is below something below is below: asked for twice, each would be found twice as often.
            if steps.last() != Some(&Step::Descend) {
                steps.push(Step::Descend);
            }
            let (step, after) = field(after);
            steps.extend(step);
            rest = after;
        } else if let Some(after) = rest.strip_prefix('.') {
            let (step, after) = field(after);
            steps.extend(step);
            rest = after;
        } else if let Some(after) = rest.strip_prefix('[') {
            let (inside, after) = brackets(after)?;
            steps.push(subscript(inside)?);
            rest = after;
        } else if let Some(after) = rest.strip_prefix('$') {
            steps.push(Step::Root);
            rest = after;
        } else if let Some(after) = rest.strip_prefix('@') {
            rest = after;
        } else {
            return unreadable(format!("{rest:?} is no path: a path begins with a dot"));
        }
    }
}

/// The name behind a dot, with `\.` for a dot in it; none where the dot alone stands for the value itself.
fn field(text: &str) -> (Option<Step>, &str) {
    let mut name = String::new();
    let mut escaped = false;
    let mut end = text.len();
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => {
                escaped = false;
                name.push(character);
            }
            '\\' => escaped = true,
            ' ' | '.' | '[' | ']' | ',' => {
                end = at;
                break;
            }
            _ => name.push(character),
        }
    }
    let step = match name.as_str() {
        "" => None,
        "*" => Some(Step::Every),
        _ => Some(Step::Field(name)),
    };
    (step, &text[end..])
}

/// What stands before the closing bracket, and after it.
fn brackets(text: &str) -> Result<(&str, &str)> {
    let (mut depth, mut quote) = (0, None);
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, '[') => depth += 1,
            (None, ']') if depth == 0 => return Ok((&text[..at], &text[at + 1..])),
            (None, ']') => depth -= 1,
            _ => {}
        }
    }
    unreadable("a bracket is not closed")
}

fn subscript(inside: &str) -> Result<Step> {
    let inside = inside.trim();
    if let Some(condition) = inside.strip_prefix("?(") {
        let Some(condition) = condition.strip_suffix(')') else {
            return unreadable("a filter is written [?(…)]");
        };
        return filter(condition).map(Step::Filter);
    }
    let mut steps = inside.split(',').map(|each| one_subscript(each.trim())).collect::<Result<Vec<_>>>()?;
    Ok(if steps.len() == 1 { steps.remove(0) } else { Step::Union(steps) })
}

fn one_subscript(text: &str) -> Result<Step> {
    if text == "*" {
        return Ok(Step::Every);
    }
    for quote in ['\'', '"'] {
        if let Some(rest) = text.strip_prefix(quote) {
            let (name, after) = quoted(rest, quote)?;
            return if after.is_empty() {
                Ok(Step::Field(name))
            } else {
                unreadable(format!("[{text}] cannot be read"))
            };
        }
    }
    let number = |text: &str| -> Result<Option<i64>> {
        if text.is_empty() {
            return Ok(None);
        }
        text.parse()
            .map(Some)
            .or_else(|_| unreadable(format!("[{text}] is neither a number nor a quoted name")))
    };
    match text.split(':').collect::<Vec<_>>().as_slice() {
        [index] => match number(index)? {
            Some(index) => Ok(Step::Index(index)),
            None => unreadable("there is nothing between the brackets"),
        },
        [from, to] => Ok(Step::Slice { from: number(from)?, to: number(to)?, by: None }),
        [from, to, by] => Ok(Step::Slice { from: number(from)?, to: number(to)?, by: number(by)? }),
        _ => unreadable(format!("[{text}] cannot be read")),
    }
}

const OPERATORS: [(&str, Operator); 6] = [
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

fn filter(condition: &str) -> Result<Filter> {
    if condition.contains("&&") || condition.contains("||") || condition.contains("=~") {
        return unreadable("kubectl's filters compare two values; they know no &&, || and =~");
    }
    let found = OPERATORS.iter().filter_map(|(sign, operator)| Some((condition.find(sign)?, sign, operator)));
    // The first in the text, and the longer of two that begin there.
    let Some((at, sign, operator)) = found.min_by_key(|(at, sign, _)| (*at, usize::MAX - sign.len())) else {
        return Ok(Filter { left: operand(condition)?, compared: None });
    };
    let (left, right) = (&condition[..at], &condition[at + sign.len()..]);
    Ok(Filter { left: operand(left)?, compared: Some((*operator, operand(right)?)) })
}

fn operand(text: &str) -> Result<Operand> {
    let text = text.trim();
    if text.starts_with(['@', '$', '.']) {
        return path(text).map(Operand::Path);
    }
    if let Some(quote) = text.chars().next().filter(|first| matches!(first, '"' | '\''))
        && let (literal, "") = quoted(&text[1..], quote)?
    {
        return Ok(Operand::Literal(Value::String(literal)));
    }
    match serde_json::from_str(text) {
        Ok(value @ (Value::Number(_) | Value::Bool(_) | Value::Null)) => Ok(Operand::Literal(value)),
        _ => unreadable(format!("{text:?} in a filter is neither a path nor a value")),
    }
}
