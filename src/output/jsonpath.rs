//! kubectl's JSONPath templates (client-go's util/jsonpath): text, and paths in braces.
//!
//! Not RFC 9535: kubectl's dialect has text around its braces, `range` and `end`, and no functions. What it does not
//! have is refused when the command line is read, so that a mistake is not an empty line of output.

mod eval;
mod parse;

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

pub(super) use eval::compare;

/// A template as in `-o jsonpath='{range .items[*]}{.name}{"\n"}{end}'`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
    /// What each path finds is printed as a JSON array.
    as_json: bool,
}

/// One path, as `--sort-by` and `-o custom-columns` take it: with or without braces and the dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    text: String,
    steps: Vec<Step>,
}

/// Why a template cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Path(Vec<Step>),
    Range(Vec<Step>, Vec<Part>),
}

/// One step of a path, from values to values.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// `.name`, `['name']`
    Field(String),
    /// `[*]`, `.*`
    Every,
    /// `[a:b:c]`; each of them may be absent.
    Slice { from: Option<i64>, to: Option<i64>, by: Option<i64> },
    /// `[0]`; negative from the end.
    Index(i64),
    /// `[0,2]`, `['a','b']`
    Union(Vec<Step>),
    /// `..`: the value and all that is in it.
    Descend,
    /// `[?(@.a=="b")]`
    Filter(Filter),
    /// `$`: the whole document again.
    Root,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Filter {
    left: Operand,
    /// Without one, the filter asks whether there is anything on the left.
    compared: Option<(Operator, Operand)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Operand {
    Path(Vec<Step>),
    Literal(Value),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl FromStr for Template {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        parse::template(text).map(|parts| Self { parts, as_json: false })
    }
}

impl FromStr for Path {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let inside = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
        if inside.is_empty() {
            return Err(Unreadable("a path is missing".to_owned()));
        }
        let dotted =
            if inside.starts_with(['.', '[', '$', '@']) { inside.to_owned() } else { format!(".{inside}") };
        Ok(Self { text: text.to_owned(), steps: parse::path(&dotted)? })
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Template {
    /// The same as in `-o jsonpath-as-json=`.
    #[must_use]
    pub fn as_json(self) -> Self {
        Self { as_json: true, ..self }
    }

    /// Fills the template in. What is not there is left out, as by kubectl.
    #[must_use]
    pub fn render(&self, document: &Value) -> String {
        let mut text = String::new();
        if self.as_json {
            eval::arrays(&self.parts, document, document, &mut text);
            return text;
        }
        eval::parts(&self.parts, document, document, &mut text);
        text
    }
}

impl Path {
    /// What the path leads to.
    #[must_use]
    pub fn find<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        eval::path(&self.steps, value, value)
    }

    /// The same as the text of a cell; `None` where there is nothing.
    #[must_use]
    pub fn cell(&self, value: &Value) -> Option<String> {
        let found: Vec<String> = self.find(value).into_iter().map(eval::text).collect();
        (!found.is_empty()).then(|| found.join(","))
    }
}

#[cfg(test)]
mod tests;
