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
    /// Further backups, where there is a file of that name; else only objects of these names: NAME, KIND/NAME,
    /// or RESOURCE[.GROUP]/NAME
    #[arg(value_name = "FILE|NAME")]
    pub rest: Vec<String>,
    /// Answer yes to the question whether to restore into a namespace that exists already
    #[arg(short, long)]
    pub yes: bool,
    /// Create Jobs that have finished as well; they run again
    #[arg(long)]
    pub include_finished_jobs: bool,
    /// Keep the finalizers that the objects had
    #[arg(long)]
    pub keep_finalizers: bool,
    /// Send no write (client), or have the server go through it without storing anything (server)
    #[arg(long, value_enum, value_name = "WHERE", default_value = "none")]
    pub dry_run: DryRunChoice,
}

impl RestoreOptions {
    /// The backups, and the names of objects.
    #[must_use]
    pub fn files_and_names(&self) -> (Vec<PathBuf>, Vec<String>) {
        let mut files = vec![self.file.clone()];
        let mut names = Vec::new();
        for each in &self.rest {
            let path = PathBuf::from(each);
            if path.is_file() {
                files.push(path);
            } else {
                names.push(each.clone());
            }
        }
        (files, names)
    }
}
