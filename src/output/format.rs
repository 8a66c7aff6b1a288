//! Every output format of `-o`.

use clap::ValueEnum;

/// How a document is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DocumentFormat {
    /// A JSON document
    Json,
    /// A YAML document
    Yaml,
}

/// How a list is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// A table with more columns
    Wide,
    /// A JSON document
    Json,
    /// A YAML document
    Yaml,
    /// namespace/NAME, one per line
    Name,
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// A JSON document
    Json,
    /// A YAML document
    Yaml,
    /// namespace/NAME of what was cleared, one per line
    Name,
}
