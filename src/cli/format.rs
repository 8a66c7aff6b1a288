//! The values of `-o`.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command};

use crate::output::Format;

/// Reads the formats that a command knows.
#[derive(Clone, Copy)]
pub(super) enum Formats {
    /// Documents alone.
    Documents,
    /// Documents and names.
    Names,
    /// A table as well.
    List,
}

impl Formats {
    fn known(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let own: &[_] = match self {
            Self::Documents => &[],
            Self::Names => &[("name", "KIND/NAME, one per line")],
            Self::List => &[("wide", "A table with more columns"), ("name", "KIND/NAME, one per line")],
        };
        let documents = [
            ("json", "A JSON document"),
            ("yaml", "A YAML document"),
            ("jsonpath=TEMPLATE", "What kubectl's JSONPath makes of the document"),
            ("jsonpath-as-json=TEMPLATE", "What it finds, as JSON arrays"),
            ("jsonpath-file=FILE", "The template in a file"),
            ("custom-columns=SPEC", "A table of one's own: NAME:.name,AGE:.ageSeconds"),
            ("custom-columns-file=FILE", "Headers and paths in a file"),
        ];
        own.iter().copied().chain(documents)
    }
}

impl TypedValueParser for Formats {
    type Value = Format;

    fn parse_ref(&self, cmd: &Command, _: Option<&Arg>, value: &OsStr) -> Result<Format, clap::Error> {
        let text = value.to_string_lossy();
        let known = |format: &Format| match format {
            Format::Wide => matches!(self, Self::List),
            Format::Name => !matches!(self, Self::Documents),
            Format::Json | Format::Yaml | Format::JsonPath(_) | Format::CustomColumns(_) => true,
        };
        let parsed = text.parse::<Format>();
        let parsed = parsed.and_then(|format| {
            if known(&format) { Ok(format) } else { Err("this command has no such format".to_owned()) }
        });
        parsed.map_err(|why| {
            let known: Vec<&str> = self.known().map(|(name, _)| name).collect();
            let message = format!(
                "invalid value '{text}' for '--output <FORMAT>': {why}\n  [possible values: {}]\n",
                known.join(", ")
            );
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(cmd)
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.known().map(|(name, help)| PossibleValue::new(name).help(help))))
    }
}
