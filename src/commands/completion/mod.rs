//! `nsfix completion SHELL`, and the answers to what its scripts ask at every TAB.
//!
//! An answer is silent and quick: whatever cannot be found within [`BUDGET`] is left out, nothing is written to stderr,
//! and the exit code is 0.

mod candidates;
mod kinds;
mod line;
mod look;
mod shells;

use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::cli::Cli;
use crate::exit::Exit;
use crate::model::parse_duration;
use crate::output::Terminal;
use line::Line;
use shells::Asker;

/// A shell waits for the answer, and a person for the shell: 200 ms with the start and the end of the process.
const BUDGET: Duration = Duration::from_millis(130);
/// Names another time, for whoever is far from the server and would rather wait.
const BUDGET_VARIABLE: &str = "NSFIX_COMPLETION_TIMEOUT";
const LONGEST: Duration = Duration::from_secs(60);
/// The variable that makes nsfix answer instead of run; clap's own name for it.
const VARIABLE: &str = "COMPLETE";
/// kubectl looks for a program of this name to complete `kubectl nsfix`.
const FOR_KUBECTL: &str = "kubectl_complete-nsfix";

pub(super) fn run(shell: clap_complete::Shell, terminal: &Terminal) -> Result<Exit> {
    terminal.data(&shells::registration(shell)?)?;
    Ok(Exit::Done)
}

/// What a shell's script or kubectl has asked for; `None` where nobody asks, and nsfix is to run.
#[must_use]
pub fn completion_answer() -> Option<String> {
    let started = Instant::now();
    let mut words = std::env::args_os();
    let program = words.next();
    let named_for_kubectl = program
        .as_ref()
        .and_then(|program| Path::new(program).file_stem())
        .is_some_and(|it| it == FOR_KUBECTL);
    let (asker, words) = if named_for_kubectl {
        (Asker::Kubectl, words.collect())
    } else {
        let asker = Asker::named(std::env::var_os(VARIABLE)?.to_str()?)?;
        match (words.next(), asker) {
            // As clap has it: `source <(COMPLETE=bash nsfix)`.
            (None, Asker::Shell(shell)) => return shells::registration(shell).ok(),
            (Some(escape), _) if escape == "--" => (asker, words.collect()),
            _ => return None,
        }
    };
    Some(answer(asker, words, started + budget()))
}

fn budget() -> Duration {
    let named = std::env::var(BUDGET_VARIABLE).ok().and_then(|text| parse_duration(&text).ok());
    named.unwrap_or(BUDGET).min(LONGEST)
}

fn answer(asker: Asker, words: Vec<OsString>, deadline: Instant) -> String {
    let line = Line::typed(asker, words);
    let definition = || Cli::definition("nsfix");
    let typed = candidates::Typed::of(&line, definition(), deadline);
    let mut command = candidates::attached(definition(), &typed);
    let (words, index) = line.words();
    let dir = std::env::current_dir().ok();
    let found = clap_complete::engine::complete(&mut command, words, index, dir.as_deref());
    let offered = line.offered(asker, found.unwrap_or_default());
    asker.written(&line, &offered)
}
