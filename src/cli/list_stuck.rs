//! The options of `list-stuck`.

use std::time::Duration;

use clap::Args;

use super::ListFormat;
use crate::metrics::MetricsOptions;
use crate::model::parse_duration;

/// Options of `list-stuck`.
#[derive(Args, Debug)]
pub struct ListStuckOptions {
    /// Output format
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    pub output: Option<ListFormat>,
    /// Only those in Terminating for at least this long, for example 10m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub older_than: Option<Duration>,
    /// Only those with these labels, for example -l team=blue
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    pub selector: Option<String>,
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
