//! One file per verb, each of them thin: observe, diagnose, plan, confirm, repair, render.

mod access;
mod check;
mod clear;
mod completion;
mod confirm;
mod explain;
mod finalizers;
mod list_stuck;
mod look_again;
mod orphans;
mod policy_file;
mod report_file;
mod restore;
mod run_metrics;
#[cfg(feature = "sandbox")]
mod sandbox;
mod session;
mod verb_result;
mod version;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;

use crate::backup::{Backups, default_backup_dir, practice_backup_dir};
use crate::cli::{Cli, Command, GlobalOptions};
use crate::output::overview::Extent;
use crate::output::{Failure, Terminal};
use crate::shutdown::Shutdown;
pub use completion::completion_answer;
use session::Session;
pub use verb_result::VerbResult;

/// Runs one command to its end.
pub async fn run(cli: Cli, terminal: &Arc<Terminal>, shutdown: &Shutdown) -> VerbResult {
    verb(cli, terminal, shutdown).await.unwrap_or_else(VerbResult::from)
}

async fn verb(cli: Cli, terminal: &Arc<Terminal>, shutdown: &Shutdown) -> Result<VerbResult> {
    let Cli { command, global } = cli;
    let Some(command) = command else {
        let session = open(&global, terminal, shutdown).await?;
        let cluster = session.the_cluster();
        let look = explain::all_stuck(cluster, explain::CAP, None, Extent::Short, terminal);
        return only_reads(shutdown, look).await;
    };
    match command {
        Command::Version(options) => version::run(&options, terminal).map(VerbResult::from),
        Command::Finalizers(options) => finalizers::run(&options, terminal).map(VerbResult::from),
        Command::Completion { shell } => completion::run(shell, terminal).map(VerbResult::from),
        #[cfg(feature = "sandbox")]
        Command::Sandbox(options) => sandbox::run(&options, terminal, shutdown).await.map(VerbResult::from),
        Command::ListStuck(options) => {
            let started = Instant::now();
            let result = only_reads(shutdown, list_stuck::run(&options, &global, terminal)).await;
            let result = result.unwrap_or_else(VerbResult::from);
            run_metrics::publish(&options.metrics, started, &result, terminal).await;
            Ok(result)
        }
        Command::Check(options) => {
            let session = open(&global, terminal, shutdown).await?;
            only_reads(shutdown, check::run(&options, &session, terminal)).await
        }
        Command::Explain(options) => {
            let session = open(&global, terminal, shutdown).await?;
            only_reads(shutdown, explain::run(&options, &session, terminal)).await
        }
        Command::Access(options) => {
            let session = open(&global, terminal, shutdown).await?;
            only_reads(shutdown, access::run(&options, &session, terminal)).await
        }
        Command::Orphans(options) => {
            let session = open(&global, terminal, shutdown).await?;
            orphans::run(&options, &session, terminal, shutdown).await
        }
        Command::Restore(options) => {
            let session = open(&global, terminal, shutdown).await?;
            restore::run(&options, &session, terminal, shutdown).await.map(VerbResult::from)
        }
        Command::Clear(options) => {
            let (session, started) = (open(&global, terminal, shutdown).await?, Instant::now());
            let result = clear::run(&options, &session, terminal, shutdown).await;
            let result = result.unwrap_or_else(VerbResult::from);
            run_metrics::publish(&options.metrics, started, &result, terminal).await;
            Ok(result)
        }
    }
}

/// Runs a verb until a signal comes: nothing is written, so nothing has to be finished.
async fn only_reads<T: Into<VerbResult>>(
    shutdown: &Shutdown,
    verb: impl Future<Output = Result<T>>,
) -> Result<VerbResult> {
    tokio::select! {
        result = verb => result.map(Into::into),
        exit = shutdown.wait() => Ok(exit.into()),
    }
}

/// Opens the connections. A credential plugin may hang; the first signal ends that.
async fn open(global: &GlobalOptions, terminal: &Arc<Terminal>, shutdown: &Shutdown) -> Result<Session> {
    tokio::select! {
        session = Session::open(global, terminal) => session,
        exit = shutdown.wait() => Err(Failure::silent(exit).into()),
    }
}

/// Backups in the directory that was named, else in the usual one.
fn backups_in(dir: Option<&Path>, session: &Session) -> Result<Backups> {
    let usual = || if session.is_practice { Some(practice_backup_dir()) } else { default_backup_dir() };
    let dir = dir.map(Path::to_owned).or_else(usual).ok_or_else(|| {
        Failure::usage("there is no home directory to save backups in")
            .hint("name a place with --backup-dir, or do without with --no-backup")
    })?;
    Ok(Backups::in_dir(dir))
}
