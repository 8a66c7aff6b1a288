//! Asking on the terminal.

use std::io::{self, BufRead};

use anyhow::{Context, Result, bail};

use crate::output::{Failure, Terminal, sanitise};
use crate::shutdown::Shutdown;

/// Asks a question and reads the answer; `None` where a signal came instead.
pub(super) async fn ask(terminal: &Terminal, shutdown: &Shutdown, question: &str) -> Result<Option<String>> {
    let _asking = terminal.ask(&sanitise(question))?;
    let answer = tokio::select! {
        answer = read_line() => answer?,
        _ = shutdown.wait() => return Ok(None),
    };
    Ok(Some(answer.trim().to_owned()))
}

/// Asks for a yes. Refuses where there is no terminal.
pub(super) async fn ask_yes(terminal: &Terminal, shutdown: &Shutdown, question: &str) -> Result<bool> {
    if !terminal.interactive {
        bail!(
            Failure::refused("this writes, and there is no terminal to ask on")
                .hint("add --yes to go on without a question, or --dry-run=client to see what would be done")
        );
    }
    Ok(ask(terminal, shutdown, question).await?.is_some_and(|answer| is_yes(&answer)))
}

pub(super) fn is_yes(answer: &str) -> bool {
    answer.eq_ignore_ascii_case("y") || answer.eq_ignore_ascii_case("yes")
}

/// Reads off the runtime's thread, so that a signal still ends it.
async fn read_line() -> Result<String> {
    let reading = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    let line = reading.await.map_err(io::Error::from).flatten();
    line.context("unable to read the answer")
}
