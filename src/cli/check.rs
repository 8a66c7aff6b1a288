//! The options of `check`.

use clap::Args;

use super::{Format, Formats, parse_namespace};

/// Options of `check`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 nothing is expected, 3 something would get stuck, break or leak, 1 could not tell, \
2 usage or configuration. Nothing is stored: deletions are rehearsed (dryRun=All), and only where this account may \
delete."
)]
pub struct CheckOptions {
    /// The namespaces: NAME, ns/NAME or namespace/NAME
    #[arg(value_name = "NAME", value_parser = parse_namespace, required_unless_present_any = ["namespace", "all", "selector"])]
    pub names: Vec<String>,
    /// The same as NAME; can be repeated
    #[arg(short, long, value_name = "NAME", value_parser = parse_namespace)]
    pub namespace: Vec<String>,
    /// Every Active namespace except Kubernetes' own
    #[arg(short = 'A', long, visible_alias = "all-namespaces", conflicts_with_all = ["names", "namespace"])]
    pub all: bool,
    /// Those with these labels, for example -l team=blue
    #[arg(short = 'l', long, value_name = "SELECTOR", conflicts_with_all = ["names", "namespace"])]
    pub selector: Option<String>,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", value_parser = Formats::Names)]
    pub output: Option<Format>,
}
