//! The options of `restore`.

use std::path::PathBuf;

use clap::Args;

use super::DryRunChoice;

/// Options of `restore`.
#[derive(Args, Debug)]
pub struct RestoreOptions {
    /// The backup
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Only objects of these names: NAME, KIND/NAME or RESOURCE/NAME
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Answer yes to the question whether to restore into a namespace that exists already
    #[arg(short, long)]
    pub yes: bool,
    /// Create Jobs that have finished as well; they run again
    #[arg(long)]
    pub include_finished_jobs: bool,
    /// Keep the finalizers that the objects had
    #[arg(long)]
    pub keep_finalizers: bool,
    /// Send nothing (client), or have the server go through it without storing anything (server)
    #[arg(long, value_enum, value_name = "WHERE", default_value = "none")]
    pub dry_run: DryRunChoice,
}
