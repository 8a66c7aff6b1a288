//! The `nsfix` command: parse, run, exit code.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use nsfix::cli::Cli;
use nsfix::commands::{VerbResult, completion_answer};
use nsfix::output::{Terminal, write_termination_message};
use nsfix::shutdown::Shutdown;

fn main() -> ExitCode {
    if let Some(answer) = completion_answer() {
        // A shell that no longer listens is nobody to complain to.
        let _ = Terminal::silent().data(&answer);
        return ExitCode::SUCCESS;
    }
    let cli = Cli::of_this_process();
    let global = &cli.global;
    let dry_run = cli.is_dry_run();
    let terminal = Arc::new(Terminal::standard(
        global.color,
        global.verbose,
        global.log_format,
        dry_run,
        global.invocation(),
    ));
    let termination_log = global.termination_log.clone();
    let result = run(cli, &terminal).unwrap_or_else(VerbResult::from);
    if let Some(error) = &result.error {
        terminal.fail(error);
    }
    write_termination_message(&termination_log, &result.summary.join("\n"));
    ExitCode::from(result.exit.code())
}

fn run(cli: Cli, terminal: &Arc<Terminal>) -> anyhow::Result<VerbResult> {
    let cannot_start = "unable to start";
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context(cannot_start)?;
    let result = runtime.block_on(async {
        let shown = Arc::clone(terminal);
        let shutdown = Shutdown::on_signals(move || shown.close()).context(cannot_start)?;
        Ok(Box::pin(nsfix::commands::run(cli, terminal, &shutdown)).await)
    });
    // Whoever still waits for a line on stdin would hold the process back.
    runtime.shutdown_background();
    result
}
