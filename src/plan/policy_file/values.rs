//! The values of a policy file: each is checked where it is read, so that a mistake has its line.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use kube::core::{Expression, Selector, SelectorExt};
use serde::{Deserialize, Deserializer, de};

use super::super::Glob;
use super::PolicyFileError;
use crate::model::parse_duration;

/// The line and the words of a mistake, without the excerpt that serde-saphyr draws.
pub(super) fn located(error: &serde_saphyr::Error) -> PolicyFileError {
    let error = error.without_snippet();
    let line = error.location().and_then(|location| u32::try_from(location.line()).ok());
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    let first = first
        .split_once(": ")
        .filter(|(place, _)| place.starts_with("line "))
        .map_or(first, |(_, rest)| rest);
    let message = first.split(" at line ").next().unwrap_or_default().to_owned();
    PolicyFileError { line, message }
}

fn read<'de, D: Deserializer<'de>, T: FromStr<Err = String>>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|why| de::Error::custom(format!("{text:?}: {why}")))
}

/// `1h`, `4d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age(pub Duration);

impl<'de> Deserialize<'de> for Age {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_duration(&text).map(Self).map_err(|why| de::Error::custom(format!("olderThan {text:?}: {why}")))
    }
}

impl<'de> Deserialize<'de> for Glob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

/// Names that are written out in full.
macro_rules! full_name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(String);

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                if text.contains(['*', '?']) {
                    return Err(concat!($what, " has to be written out in full, without wildcards").to_owned());
                }
                if text.is_empty() || text.contains(char::is_whitespace) {
                    return Err(concat!("this is not the name of ", $what).to_owned());
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                read(deserializer)
            }
        }
    };
}

full_name!(
    /// `example.com/hold`
    FinalizerName,
    "a finalizer"
);
full_name!(
    /// `metrics.example.com`
    ApiGroup,
    "an API group"
);
full_name!(
    /// `secrets`, `widgets.example.com`
    TypeName,
    "a type"
);

/// A label selector as kubectl takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelSelector(Selector);

impl LabelSelector {
    /// Whether it selects these labels.
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.matches(labels)
    }
}

impl fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<'de> Deserialize<'de> for LabelSelector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

impl FromStr for LabelSelector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let requirements: Vec<&str> = requirements(text);
        if requirements.iter().any(|requirement| requirement.trim().is_empty()) {
            return Err("a label selector must not be empty".to_owned());
        }
        let parsed: Result<Vec<Expression>, String> = requirements.into_iter().map(requirement).collect();
        Ok(Self(parsed?.into_iter().collect()))
    }
}

/// What the commas separate, those within parentheses apart.
fn requirements(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    text.split(|character| {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        character == ',' && depth == 0
    })
    .collect()
}

fn requirement(text: &str) -> Result<Expression, String> {
    let text = text.trim();
    if let Some(name) = text.strip_prefix('!') {
        return Ok(Expression::DoesNotExist(key(name)?));
    }
    if let Some((name, wanted)) = text.split_once("!=") {
        return Ok(Expression::NotEqual(key(name)?, value(wanted)?));
    }
    if let Some((name, wanted)) = text.split_once('=') {
        return Ok(Expression::Equal(key(name)?, value(wanted.strip_prefix('=').unwrap_or(wanted))?));
    }
    if let Some((before, list)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        let values = list.split(',').map(value).collect::<Result<_, _>>()?;
        let mut words = before.split_whitespace();
        return match (words.next(), words.next(), words.next()) {
            (Some(name), Some("in"), None) => Ok(Expression::In(key(name)?, values)),
            (Some(name), Some("notin"), None) => Ok(Expression::NotIn(key(name)?, values)),
            _ => Err(format!("{text:?} is no label selector")),
        };
    }
    Ok(Expression::Exists(key(text)?))
}

/// `app.kubernetes.io/name`
fn key(text: &str) -> Result<String, String> {
    let text = text.trim();
    let (prefix, name) = text.rsplit_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    let domain = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte))
    };
    if !name.is_empty() && is_label_value(name) && prefix.is_none_or(domain) {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} is no label"))
    }
}

fn value(text: &str) -> Result<String, String> {
    let text = text.trim();
    if is_label_value(text) { Ok(text.to_owned()) } else { Err(format!("{text:?} is no value of a label")) }
}

/// As apimachinery's IsValidLabelValue.
fn is_label_value(text: &str) -> bool {
    let ends = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
        && ends(bytes.first())
        && ends(bytes.last())
}
