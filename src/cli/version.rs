//! The options of `version`.

use clap::{Args, ValueEnum};

/// Options of `version`.
#[derive(Args, Debug)]
pub struct VersionOptions {
    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    pub output: Option<VersionFormat>,
    /// kubectl's: nsfix never asks the server for its version
    #[arg(long, hide = true)]
    pub client: bool,
}

/// The formats of a document that is no list.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum VersionFormat {
    Json,
    Yaml,
}
