//! The options of `check`.

use clap::Args;

use super::{DocumentFormat, parse_namespace};

/// Options of `check`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 nothing is expected, 3 something would get stuck, break or leak, 1 could not tell, \
2 usage or configuration. Nothing is stored: deletions are rehearsed (dryRun=All), and only where this account may \
delete."
)]
pub struct CheckOptions {
    /// The namespaces: NAME, ns/NAME or namespace/NAME
    #[arg(value_name = "NAME", value_parser = parse_namespace, required_unless_present_any = ["all", "selector"])]
    pub names: Vec<String>,
    /// Every Active namespace except Kubernetes' own
    #[arg(long, conflicts_with = "names")]
    pub all: bool,
    /// Those with these labels, for example -l team=blue
    #[arg(short = 'l', long, value_name = "SELECTOR", conflicts_with = "names")]
    pub selector: Option<String>,
    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    pub output: Option<DocumentFormat>,
}
