//! The options of `access`.

use clap::Args;

use super::{Format, Formats};
use crate::plan::capabilities;

/// Options of `access`.
#[derive(Args, Debug)]
pub struct AccessOptions {
    /// Only these capabilities: report, clear, release, purge, rehearse
    #[arg(value_name = "CAPABILITY", value_parser = parse_capability)]
    pub capabilities: Vec<String>,
    /// Ask for this namespace alone instead of for all of them
    #[arg(short, long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub namespace: String,
    /// Ask for all namespaces, which is the default
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub all_namespaces: bool,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", value_parser = Formats::Documents)]
    pub output: Option<Format>,
}

fn parse_capability(text: &str) -> Result<String, String> {
    let names: Vec<&str> = capabilities().iter().map(|capability| capability.name).collect();
    if names.contains(&text) { Ok(text.to_owned()) } else { Err(format!("there are {}", names.join(", "))) }
}
