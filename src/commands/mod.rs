//! One file per verb, each of them thin: observe, diagnose, plan, confirm, repair, render.

mod access;
mod clear;
mod completion;
mod confirm;
mod explain;
mod list_stuck;
mod look_again;
mod orphans;
mod restore;
mod run_metrics;
#[cfg(feature = "sandbox")]
mod sandbox;
mod session;

use std::path::Path;
use std::sync::Arc;

use crate::backup::{Backups, default_backup_dir};
use crate::cli::{Cli, Command, GlobalOptions};
use crate::exit::Exit;
use crate::output::{Failure, Terminal};
use crate::shutdown::Shutdown;
use run_metrics::RunMetrics;
use session::Session;

/// Runs one command to its end.
pub async fn run(cli: Cli, terminal: &Arc<Terminal>, shutdown: &Shutdown) -> Result<Exit, Failure> {
    let Cli { command, global } = cli;
    match command {
        Command::Completion { shell } => completion::run(shell, terminal),
        #[cfg(feature = "sandbox")]
        Command::Sandbox(options) => sandbox::run(&options, terminal, shutdown).await,
        Command::ListStuck(options) => {
            let (session, run) = (open(&global, terminal, shutdown).await?, RunMetrics::begin());
            // Nothing is written, so nothing has to be finished.
            let result = tokio::select! {
                result = list_stuck::run(&options, &session, terminal, &run) => result,
                exit = shutdown.wait() => Ok(exit),
            };
            run.publish(&options.metrics, terminal, &result).await;
            result
        }
        Command::Explain(options) => {
            let session = open(&global, terminal, shutdown).await?;
            tokio::select! {
                result = explain::run(&options, &session, terminal) => result,
                exit = shutdown.wait() => Ok(exit),
            }
        }
        Command::Access(options) => {
            let session = open(&global, terminal, shutdown).await?;
            tokio::select! {
                result = access::run(&options, &session, terminal) => result,
                exit = shutdown.wait() => Ok(exit),
            }
        }
        Command::Orphans(options) => {
            let session = open(&global, terminal, shutdown).await?;
            orphans::run(&options, &session, terminal, shutdown).await
        }
        Command::Restore(options) => {
            let session = open(&global, terminal, shutdown).await?;
            restore::run(&options, &session, terminal, shutdown).await
        }
        Command::Clear(options) => {
            let (session, run) = (open(&global, terminal, shutdown).await?, RunMetrics::begin());
            let result = clear::run(&options, &session, terminal, shutdown, &run).await;
            run.publish(&options.metrics, terminal, &result).await;
            result
        }
    }
}

/// Opens the connections. A credential plugin may hang; the first signal ends that.
async fn open(
    global: &GlobalOptions,
    terminal: &Arc<Terminal>,
    shutdown: &Shutdown,
) -> Result<Session, Failure> {
    tokio::select! {
        session = Session::open(global, terminal) => session,
        exit = shutdown.wait() => Err(Failure { exit, ..Failure::error("") }),
    }
}

/// Backups in the directory that was named, else in the usual one.
fn backups_in(dir: Option<&Path>) -> Result<Backups, Failure> {
    let dir = dir.map(Path::to_owned).or_else(default_backup_dir).ok_or_else(|| {
        Failure::usage("there is no home directory to save backups in")
            .hint("name a place with --backup-dir, or do without with --no-backup")
    })?;
    Ok(Backups::in_dir(dir))
}
