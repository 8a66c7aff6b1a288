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
            ("jsonpath", Some(template)) => {
                template.parse().map(Self::JsonPath).map_err(|error: Unreadable| format!("template: {error}"))
            }
            ("custom-columns", Some(columns)) => columns.parse().map(Self::CustomColumns),
            ("jsonpath", None) => Err("a template is missing: -o jsonpath='{.items[*].name}'".to_owned()),
            ("custom-columns", None) => {
                Err("the columns are missing: -o custom-columns=NAME:.name,AGE:.ageSeconds".to_owned())
            }
            (
                "go-template"
                | "go-template-file"
                | "jsonpath-file"
                | "custom-columns-file"
                | "jsonpath-as-json",
                _,
            ) => Err(format!("{format} is not supported; -o jsonpath=… and -o custom-columns=… are")),
            _ => Err("there is no such format".to_owned()),
        }
    }
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
