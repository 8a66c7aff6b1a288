//! The options of `explain`.

use clap::Args;

use super::{Format, Formats, NamespaceOptions, parse_namespace};

/// Options of `explain`.
#[derive(Args, Debug)]
pub struct ExplainOptions {
    /// The namespaces: NAME, ns/NAME or namespace/NAME; all that are stuck, by cause, if none is given
    #[arg(value_name = "NAME", value_parser = parse_namespace)]
    pub names: Vec<String>,
    /// The same as kubectl has it.
    #[command(flatten)]
    pub namespaces: NamespaceOptions,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", value_parser = Formats::Names)]
    pub output: Option<Format>,
    /// Name every leftover, however many there are
    #[arg(long)]
    pub all_objects: bool,
}
