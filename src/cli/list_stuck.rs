//! The options of `list-stuck`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{Format, Formats, NamespaceOptions};
use crate::metrics::MetricsOptions;
use crate::model::parse_duration;
use crate::output::jsonpath::Path;
use crate::plan::Glob;

/// Options of `list-stuck`.
#[derive(Args, Debug)]
pub struct ListStuckOptions {
    /// Output format
    #[arg(short, long, value_name = "FORMAT", value_parser = Formats::List)]
    pub output: Option<Format>,
    /// Sort by what this path finds in each item, for example .ageSeconds
    #[arg(long, value_name = "PATH")]
    pub sort_by: Option<Path>,
    /// What is meant, as kubectl has it.
    #[command(flatten)]
    pub namespaces: NamespaceOptions,
    /// Only those in Terminating for at least this long, for example 10m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub older_than: Option<Duration>,
    /// Only those with these labels, for example -l team=blue
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<String>,
    /// Mark those of these names as left alone, * and ? as in a shell, and keep them out of what the metrics count
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<Glob>,
    /// Mark those that this policy file of clear --all leaves alone (its exclude), and keep them out as well
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Go on watching: a line when one gets stuck, its reason changes, or it goes
    #[arg(short, long, conflicts_with_all = ["sort_by", "exit_code", "report_file"])]
    pub watch: bool,
    /// Write a page for people to this file: HTML, with everything in it
    #[arg(long, value_name = "FILE")]
    pub report_file: Option<PathBuf>,
    /// Print no header line
    #[arg(long)]
    pub no_headers: bool,
    /// Exit with 3 if any stuck namespace was found
    #[arg(long)]
    pub exit_code: bool,
    /// Where the metrics go.
    #[command(flatten)]
    pub metrics: MetricsOptions,
}

impl ListStuckOptions {
    /// Whether a namespace of this name is asked about.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        let named = &self.namespaces.namespace;
        named.is_empty() || named.iter().any(|each| each == name)
    }
}
