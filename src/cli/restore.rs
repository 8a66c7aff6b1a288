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
    /// Only objects of these names: NAME or KIND/NAME
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Keep the finalizers that the objects had
    #[arg(long)]
    pub keep_finalizers: bool,
    /// Send nothing (client), or have the server go through it without storing anything (server)
    #[arg(long, value_enum, value_name = "WHERE", default_value = "none")]
    pub dry_run: DryRunChoice,
}
