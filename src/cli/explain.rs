//! The options of `explain`.

use clap::Args;

use super::{DocumentFormat, parse_namespace};

/// Options of `explain`.
#[derive(Args, Debug)]
pub struct ExplainOptions {
    /// The namespaces: NAME, ns/NAME or namespace/NAME
    #[arg(required = true, value_name = "NAME", value_parser = parse_namespace)]
    pub names: Vec<String>,
    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    pub output: Option<DocumentFormat>,
    /// Name every leftover, however many there are
    #[arg(long)]
    pub all_objects: bool,
}
