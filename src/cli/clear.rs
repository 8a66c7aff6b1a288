//! The flags of `clear`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::leftovers::Refusals;
use super::{DryRunChoice, Format, Formats, PatienceOption, parse_namespace};
use crate::metrics::MetricsOptions;
use crate::model::parse_duration;
use crate::plan::policy_file::{ApiGroup, LabelSelector, TypeName, Zombies};
use crate::plan::{BulkLimits, Glob, Leftovers, LimitsFrom, RuleConsent, ZombieConsent};

/// What a policy file says for each namespace. clap does not miss `--all` where a name excludes it.
const FOR_ALL_OF_THEM: [&str; 12] = [
    "names",
    "namespace",
    "older_than",
    "leftovers",
    "exclude",
    "max",
    "release_finalizer",
    "finalizer",
    "only_if_owner_absent",
    "accept_unavailable_api",
    "accept_unlisted_type",
    "zombies",
];

/// Options of `clear --all`.
#[derive(Args, Debug)]
#[command(next_help_heading = "Unattended")]
pub struct AllOptions {
    /// Every stuck namespace, except protected ones and those annotated nsfix/skip: "true"
    #[arg(
        short = 'A',
        long,
        visible_alias = "all-namespaces",
        conflicts_with_all = ["names", "namespace", "allow_protected"],
        requires = "bounds"
    )]
    pub all: bool,
    /// What may be done to which namespaces: a policy file, instead of the flags that say it for all of them
    #[arg(
        long,
        requires = "all",
        value_name = "FILE",
        group = "bounds",
        conflicts_with_all = FOR_ALL_OF_THEM
    )]
    pub policy: Option<PathBuf>,
    /// Only those in Terminating for at least this long, for example 1h
    #[arg(
        long,
        requires_all = ["all", "leftovers"],
        value_name = "DURATION",
        value_parser = parse_duration,
        group = "bounds"
    )]
    pub older_than: Option<Duration>,
    /// Only those with these labels, for example -l team=blue
    #[arg(short = 'l', long, requires = "all", value_name = "SELECTOR")]
    pub selector: Option<LabelSelector>,
    /// Leave those of these names alone, * and ? as in a shell; can be repeated
    #[arg(long, requires = "all", value_name = "GLOB")]
    pub exclude: Vec<Glob>,
    /// Do nothing if more than this many would be written to: that is a sign of one common cause
    #[arg(long, requires = "all", value_name = "N", default_value_t = 5)]
    pub max: usize,
    /// Release no finalizer of a leftover without evidence that its owner is gone
    #[arg(long, requires = "all")]
    pub only_if_owner_absent: bool,
    /// Give up what is in this API group while it is unavailable; can be repeated
    #[arg(long, requires = "all", value_name = "GROUP")]
    pub accept_unavailable_api: Vec<ApiGroup>,
    /// Give up what there is of this type, which this account may not list; can be repeated
    #[arg(long, requires = "all", value_name = "TYPE")]
    pub accept_unlisted_type: Vec<TypeName>,
    /// What happens to zombies [default: rearm; with --leftovers=refuse only those with nothing inside]
    #[arg(long, requires = "all", value_enum, value_name = "WHAT")]
    pub zombies: Option<Zombies>,
    /// Whether a run fails in which a safety rule refused some, and nothing else went wrong
    #[arg(long, requires = "all", value_enum, value_name = "HOW", default_value_t)]
    pub refusals: Refusals,
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
    /// What holds the run back; `None` without `--all`, and where a policy file says it.
    #[must_use]
    pub fn limits(&self) -> Option<BulkLimits> {
        let older_than = self.older_than.filter(|_| self.all)?;
        let from = LimitsFrom::Flags;
        Some(BulkLimits {
            older_than,
            exclude: self.exclude.clone(),
            selector: self.selector.clone(),
            max: self.max,
            from,
        })
    }

    /// What the flags allow besides `--leftovers`, as one rule; `None` where none of them is given.
    #[must_use]
    pub fn consent(&self, leftovers: Leftovers) -> Option<RuleConsent> {
        let any = self.only_if_owner_absent
            || self.zombies.is_some()
            || !self.accept_unavailable_api.is_empty()
            || !self.accept_unlisted_type.is_empty();
        let zombies = match (self.zombies, leftovers) {
            (Some(Zombies::Report), _) => ZombieConsent::Report,
            (None, Leftovers::Refuse) => ZombieConsent::RearmEmpty,
            (Some(Zombies::Rearm) | None, _) => ZombieConsent::Rearm,
        };
        any.then(|| RuleConsent {
            place: "the command line".to_owned(),
            by_flags: true,
            only_if_owner_absent: self.only_if_owner_absent,
            metadata_finalizers: Vec::new(),
            unavailable_apis: self.accept_unavailable_api.iter().map(ToString::to_string).collect(),
            unlisted_types: self.accept_unlisted_type.iter().map(ToString::to_string).collect(),
            zombies,
        })
    }

    /// Whether Events are written: a run on a terminal needs none.
    #[must_use]
    pub fn leaves_events(&self) -> bool {
        self.events.unwrap_or(self.all)
    }
}

/// Options of `clear`.
#[derive(Args, Debug)]
pub struct ClearOptions {
    /// The namespaces: NAME, ns/NAME or namespace/NAME
    #[arg(required_unless_present_any = ["all", "namespace"], value_name = "NAME", value_parser = parse_namespace)]
    pub names: Vec<String>,
    /// The same as NAME; can be repeated
    #[arg(short, long, value_name = "NAME", value_parser = parse_namespace)]
    pub namespace: Vec<String>,
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
    #[arg(long, env = "NSFIX_BACKUP_DIR", hide_env_values = true, value_name = "DIR")]
    pub backup_dir: Option<PathBuf>,
    /// Save nothing before writing
    #[arg(long)]
    pub no_backup: bool,
    /// Append the report, one JSON object a line, to this file
    #[arg(long, env = "NSFIX_JOURNAL", hide_env_values = true, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// Write a page for people to this file: HTML, with everything in it
    #[arg(long, value_name = "FILE")]
    pub report_file: Option<PathBuf>,
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
    #[arg(
        long,
        env = "NSFIX_TIMEOUT",
        hide_env_values = true,
        value_name = "DURATION",
        value_parser = parse_duration,
        default_value = "3m"
    )]
    pub timeout: Duration,
    /// As every verb that forces has it.
    #[command(flatten)]
    pub patience: PatienceOption,
    /// Output format of the report
    #[arg(short, long, value_name = "FORMAT", value_parser = Formats::Names)]
    pub output: Option<Format>,
    /// Every stuck namespace instead, unattended and with limits.
    #[command(flatten)]
    pub unattended: AllOptions,
    /// Where the metrics go.
    #[command(flatten)]
    pub metrics: MetricsOptions,
}
