//! The options of `orphans`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{DryRunChoice, Format, Formats, NamespaceOptions, PatienceOption, parse_namespace};
use crate::model::parse_duration;
use crate::output::jsonpath::Path;

/// Options of `orphans`.
#[derive(Args, Debug)]
pub struct OrphansOptions {
    /// Only orphans of these missing namespaces
    #[arg(value_name = "NAME", value_parser = parse_namespace)]
    pub names: Vec<String>,
    /// The same as kubectl has it.
    #[command(flatten)]
    pub namespaces: NamespaceOptions,
    /// Sort by what this path finds in each item, for example .ageSeconds
    #[arg(long, value_name = "PATH")]
    pub sort_by: Option<Path>,
    /// Remove them: create each namespace, delete it at once, and empty it
    #[arg(long)]
    pub purge: bool,
    /// Answer yes to the question whether to go on
    #[arg(short, long, requires = "purge")]
    pub yes: bool,
    /// Send no write (client); the server cannot rehearse a purge
    #[arg(long, value_enum, value_name = "WHERE", requires = "purge", default_value = "none")]
    pub dry_run: DryRunChoice,
    /// Release this finalizer although removing it does harm; can be repeated
    #[arg(long, value_name = "NAME", requires = "purge")]
    pub release_finalizer: Vec<String>,
    /// Where to save what is about to be removed [default: ~/.local/state/nsfix/backups]
    #[arg(long, env = "NSFIX_BACKUP_DIR", hide_env_values = true, value_name = "DIR")]
    pub backup_dir: Option<PathBuf>,
    /// Save nothing before writing
    #[arg(long)]
    pub no_backup: bool,
    /// How long to wait for each namespace to be gone
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "1m")]
    pub timeout: Duration,
    /// As every verb that forces has it.
    #[command(flatten)]
    pub patience: PatienceOption,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", value_parser = Formats::Names)]
    pub output: Option<Format>,
}
