//! The formats of `-o`.

use std::str::FromStr;

use super::CustomColumns;
use super::jsonpath::{Template, Unreadable};

/// How a document is printed. Which of them a command knows, its parser says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// A table with more columns.
    Wide,
    /// A JSON document.
    Json,
    /// A YAML document.
    Yaml,
    /// `KIND/NAME`, one per line.
    Name,
    /// What kubectl's JSONPath template makes of the document.
    JsonPath(Template),
    /// A table with columns of one's own, a row for each item of the document.
    CustomColumns(CustomColumns),
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, argument) = text.split_once('=').map_or((text, None), |(name, rest)| (name, Some(rest)));
        match (format, argument) {
            ("wide", None) => Ok(Self::Wide),
            ("json", None) => Ok(Self::Json),
            ("yaml", None) => Ok(Self::Yaml),
            ("name", None) => Ok(Self::Name),
            ("jsonpath", Some(text)) => template(text).map(Self::JsonPath),
            ("jsonpath-as-json", Some(text)) => template(text).map(Template::as_json).map(Self::JsonPath),
            ("jsonpath-file", Some(path)) => template(&read(path)?).map(Self::JsonPath),
            ("custom-columns", Some(columns)) => columns.parse().map(Self::CustomColumns),
            ("custom-columns-file", Some(path)) => {
                CustomColumns::from_lines(&read(path)?).map(Self::CustomColumns)
            }
            ("jsonpath" | "jsonpath-as-json", None) => {
                Err(format!("a template is missing: -o {format}='{{.items[*].name}}'"))
            }
            ("custom-columns", None) => {
                Err("the columns are missing: -o custom-columns=NAME:.name,AGE:.ageSeconds".to_owned())
            }
            ("jsonpath-file" | "custom-columns-file", None) => {
                Err(format!("the name of a file is missing: -o {format}=FILE"))
            }
            ("go-template" | "go-template-file", _) => Err(format!("{format} is not supported; {INSTEAD}")),
            _ => Err("there is no such format".to_owned()),
        }
    }
}

/// Whatever the document, its items one by one.
const INSTEAD: &str = r#"instead: -o jsonpath='{range .items[*]}{@}{"\n"}{end}'"#;

fn template(text: &str) -> Result<Template, String> {
    text.parse().map_err(|error: Unreadable| format!("template: {error}"))
}

fn read(path: &str) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("unable to read {path}: {}", error.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_supported_is_told_what_is() {
        let error = Format::from_str("go-template={{.items}}").unwrap_err();
        assert!(error.contains("-o jsonpath"), "{error}");
        assert!(Format::from_str("jsonpath").unwrap_err().contains("'{.items[*].name}'"));
        assert!(Format::from_str("jsonpath={.a").unwrap_err().contains("not closed"));
        assert!(Format::from_str("json=x").is_err());
    }
}
