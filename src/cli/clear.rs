//! The flags of `clear`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{DryRunChoice, ReportFormat, parse_namespace};
use crate::metrics::MetricsOptions;
use crate::model::parse_duration;
use crate::plan::policy_file::LabelSelector;
use crate::plan::{BulkLimits, Glob, Leftovers};

/// Options of `clear --all`.
#[derive(Args, Debug)]
#[command(next_help_heading = "Unattended")]
pub struct AllOptions {
    /// Every stuck namespace, except protected ones and those annotated nsfix/skip: "true"
    #[arg(long, conflicts_with_all = ["names", "allow_protected"], requires_all = ["older_than", "leftovers"])]
    pub all: bool,
    /// Only those in Terminating for at least this long, for example 1h
    #[arg(long, requires = "all", value_name = "DURATION", value_parser = parse_duration)]
    pub older_than: Option<Duration>,
    /// Only those with these labels, for example -l team=blue
    #[arg(short = 'l', long, requires = "all", value_name = "SELECTOR")]
    pub selector: Option<LabelSelector>,
    /// Leave those of these names alone, * and ? as in a shell; can be repeated
    #[arg(long, requires = "all", value_name = "GLOB")]
    pub exclude: Vec<Glob>,
    /// Do nothing if more than this many are stuck: that is a sign of one common cause
    #[arg(long, requires = "all", value_name = "N", default_value_t = 5)]
    pub max: usize,
    /// Leave an Event in namespace default about each one cleared, refused or failed [default: with --all]
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        action = clap::ArgAction::Set
    )]
    pub events: Option<bool>,
}

impl AllOptions {
    /// What holds the run back; `None` without `--all`.
    #[must_use]
    pub fn limits(&self) -> Option<BulkLimits> {
        let older_than = self.older_than.filter(|_| self.all)?;
        Some(BulkLimits {
            older_than,
            exclude: self.exclude.clone(),
            selector: self.selector.clone(),
            max: self.max,
        })
    }

    /// Whether Events are to be left: somebody who watches a terminal needs none.
    #[must_use]
    pub fn leaves_events(&self) -> bool {
        self.events.unwrap_or(self.all)
    }
}

/// Options of `clear`.
#[derive(Args, Debug)]
pub struct ClearOptions {
    /// The namespaces: NAME, ns/NAME or namespace/NAME
    #[arg(required_unless_present = "all", value_name = "NAME", value_parser = parse_namespace)]
    pub names: Vec<String>,
    /// A namespace that does not exist is no error
    #[arg(long, conflicts_with = "all")]
    pub ignore_not_found: bool,
    /// Answer yes to the question whether to go on
    #[arg(short, long)]
    pub yes: bool,
    /// Send nothing (client), or have the server go through it without storing anything (server)
    #[arg(
        long,
        value_enum,
        value_name = "WHERE",
        num_args = 0..=1,
        require_equals = true,
        default_value = "none",
        default_missing_value = "client"
    )]
    pub dry_run: DryRunChoice,
    /// What may happen to objects that are still inside
    #[arg(long, value_enum, value_name = "POLICY", default_value_t)]
    pub leftovers: Leftovers,
    /// Release this finalizer of leftovers although removing it does harm; can be repeated
    #[arg(long, value_name = "NAME")]
    pub release_finalizer: Vec<String>,
    /// Remove this spec or metadata finalizer of the namespace itself, besides kubernetes; can be repeated
    #[arg(long, value_name = "NAME")]
    pub finalizer: Vec<String>,
    /// Allow one of default, kube-system, kube-public, kube-node-lease, openshift-*
    #[arg(long)]
    pub allow_protected: bool,
    /// Where to save what is about to be changed [default: ~/.local/state/nsfix/backups]
    #[arg(long, value_name = "DIR", conflicts_with = "no_backup")]
    pub backup_dir: Option<PathBuf>,
    /// Save nothing before writing
    #[arg(long)]
    pub no_backup: bool,
    /// Append the report, one JSON object a line, to this file
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// Wait until the namespace is gone
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true",
        action = clap::ArgAction::Set
    )]
    pub wait: bool,
    /// How long a namespace may take in all; never makes the run more forceful
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "3m")]
    pub timeout: Duration,
    /// How long the controller has a namespace with content for itself before anything is forced
    #[arg(
        long,
        env = "NSFIX_PATIENCE",
        hide_env_values = true,
        value_name = "DURATION",
        value_parser = parse_duration,
        default_value = "90s"
    )]
    pub patience: Duration,
    /// Output format of the report
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    pub output: Option<ReportFormat>,
    /// Every stuck namespace instead, unattended and with limits.
    #[command(flatten)]
    pub unattended: AllOptions,
    /// Where the metrics go.
    #[command(flatten)]
    pub metrics: MetricsOptions,
}
