//! What `clear` and `orphans --purge` print for a person.

use super::document::Repaired;
use super::{Failure, Format, OutputError, Terminal, Topic, sanitise, tree, words};
use crate::execute::{Outcome, Problem, Report, StepReport, StepResult};
use crate::exit::Exit;
use crate::model::{DryRunChoice, Hint, ShellCommand, TypeLeftovers, counted_with, gaps_with_reasons};
use crate::plan::{Plan, StepKind};

/// How many orphans are named before the rest is only counted.
const NAMED: usize = 5;
/// The same for the namespaces in the tally.
const TALLIED: usize = 10;

/// Says what became of one namespace: the line that kubectl would print on stdout, all else on stderr.
pub fn report(
    terminal: &Terminal,
    report: &Report,
    format: Option<&Format>,
    dry_run: DryRunChoice,
) -> Result<(), OutputError> {
    let name = &report.namespace;
    let outcome = report.outcome.to_string();
    let topic = Topic { outcome: &outcome, ..Topic::namespace(name) };
    if let Some(backup) = &report.backup {
        terminal.note_on(Topic::namespace(name), &format!("namespace/{name} saved to {}", backup.display()));
    }
    let line = ended_well(report, dry_run);
    write_line(terminal, report, line, format, dry_run)?;
    if let Some(line) = line {
        terminal.log_on(topic, &format!("namespace/{name} {line}"));
    }
    if matches!(report.outcome, Outcome::Failed | Outcome::Released) && !terminal.keeps_log() {
        for step in &report.steps {
            terminal.note(&format!("  {}", step_line(step)));
        }
    }
    if let Some(Problem { message, hint }) = &report.problem {
        let mut failure = Failure::error(message.clone());
        failure.hint.clone_from(hint);
        terminal.fail_on(topic, &failure);
    }
    for of_type in &report.orphans {
        terminal.warn_on(Topic::namespace(name), &terminal.hint(&orphaned(name, of_type)));
    }
    if report.outcome.is_gone() || report.replaced {
        for gaps in gaps_with_reasons(report.unknown.iter().filter(|gap| !gap.holds_nothing())) {
            let text = format!("could not look for orphans in {gaps}");
            terminal.warn_on(Topic::namespace(name), &text);
        }
    }
    Ok(())
}

/// What a report has on stdout.
fn write_line(
    terminal: &Terminal,
    report: &Report,
    line: Option<&str>,
    format: Option<&Format>,
    dry_run: DryRunChoice,
) -> Result<(), OutputError> {
    let name = &report.namespace;
    match (format, line) {
        // One stream in Kubernetes: whoever reads the log by machine gets the report as a line of it.
        (None, _) if terminal.keeps_log() => {
            let item = serde_json::to_string(&Repaired::new(report, terminal.invocation()))?;
            terminal.data(&(item + "\n"))
        }
        // What stands on stdout then is a script.
        (None, Some(line)) if dry_run == DryRunChoice::Client => {
            terminal.data(&format!("# namespace/{name} {line}\n"))
        }
        (None, Some(line)) => terminal.data(&format!("namespace/{name} {line}\n")),
        (Some(Format::Name), Some(_)) if is_or_would_be_gone(report) => {
            terminal.data(&format!("namespace/{name}\n"))
        }
        _ => Ok(()),
    }
}

/// Whether the namespace is gone: seen, not hoped for; in a dry run, whether it would be.
fn is_or_would_be_gone(report: &Report) -> bool {
    report.outcome.is_gone() || report.outcome == Outcome::DryRun
}

/// What is said of a namespace that was not refused and did not fail.
fn ended_well(report: &Report, dry_run: DryRunChoice) -> Option<&'static str> {
    match report.outcome {
        Outcome::Cleared | Outcome::Failed if report.was_finalized() => Some("finalized"),
        Outcome::Cleared => Some(cleared(report)),
        Outcome::Released => Some(match dry_run {
            DryRunChoice::None => "released, but still there",
            DryRunChoice::Server => "would be released, but still be there (server dry run)",
            DryRunChoice::Client => "would be released, but still be there (dry run)",
        }),
        Outcome::DryRun if dry_run == DryRunChoice::Server => Some("cleared (server dry run)"),
        Outcome::DryRun => Some("cleared (dry run)"),
        Outcome::Unchanged if report.uid.is_empty() => Some("already gone"),
        Outcome::Unchanged if !report.orphans.is_empty() => {
            Some("gone: another client has finalized it, not nsfix")
        }
        Outcome::Unchanged => Some("gone: nothing was forced by nsfix"),
        Outcome::Refused | Outcome::Failed | Outcome::NotBegun => None,
    }
}

/// Logs one step as soon as its result is known.
pub fn step(terminal: &Terminal, namespace: &str, step: &StepReport) {
    let (kind, outcome) = (step.step.to_string(), step.result.to_string());
    let topic = Topic { namespace, step: &kind, outcome: &outcome };
    terminal.log_on(topic, &step_line(step));
}

fn step_line(StepReport { step, target, result, message }: &StepReport) -> String {
    format!("{} {target}: {} ({message})", words::step(*step), result.to_string().to_lowercase())
}

/// What became of one namespace, for an Event.
#[must_use]
pub fn sentence(report: &Report) -> String {
    let mut said = match &report.problem {
        Some(problem) => problem.message.clone(),
        None => ended_well(report, DryRunChoice::None).unwrap_or_default().to_owned(),
    };
    let orphans: u64 = report.orphans.iter().map(TypeLeftovers::total).sum();
    if orphans > 0 {
        let left = counted_with(orphans, "object", "was", "were");
        said = format!("{said}; {left} left behind in etcd");
    }
    said
}

/// `3 cleared, 2 refused (a, b), 0 failed`: the last line of a run.
#[must_use]
pub fn tally(reports: &[Report]) -> String {
    let (not_begun, begun): (Vec<&Report>, Vec<&Report>) =
        reports.iter().partition(|report| report.outcome == Outcome::NotBegun);
    let names = |wanted: Exit| -> Vec<&str> {
        let of_interest = begun.iter().filter(|report| report.outcome.exit() == wanted);
        of_interest.map(|report| report.namespace.as_str()).collect()
    };
    let counted = |what: &str, names: &[&str]| match (names, names.len().saturating_sub(TALLIED)) {
        ([], _) => format!("0 {what}"),
        (names, 0) => format!("{} {what} ({})", names.len(), names.join(", ")),
        (names, more) => {
            format!("{} {what} ({} and {more} more)", names.len(), names[..TALLIED].join(", "))
        }
    };
    if reports.is_empty() {
        return "No stuck namespaces to clear.".to_owned();
    }
    let (done, refused, failed) = (names(Exit::Done), names(Exit::Refused), names(Exit::Error));
    let rehearsed = reports.iter().any(|report| report.outcome == Outcome::DryRun);
    let cleared = if rehearsed { "would be cleared" } else { "cleared" };
    let mut tally = format!(
        "{}, {}, {}",
        counted(cleared, &done),
        counted("refused", &refused),
        counted("failed", &failed)
    );
    if !not_begun.is_empty() {
        let names: Vec<&str> = not_begun.iter().map(|report| report.namespace.as_str()).collect();
        tally = format!("{tally}, {}", counted("not begun", &names));
    }
    tally
}

/// The tally, and then each namespace in a line, failures and refusals first.
#[must_use]
pub fn summary(tally: String, reports: &[Report]) -> String {
    let mut ordered: Vec<&Report> = reports.iter().collect();
    ordered.sort_by_key(|report| match report.outcome.exit() {
        Exit::Done => 2,
        Exit::Refused => 1,
        _ => 0,
    });
    let line = |report: &&Report| format!("{} {}: {}", report.outcome, report.namespace, sentence(report));
    let lines: Vec<String> = std::iter::once(tally).chain(ordered.iter().map(line)).collect();
    lines.join("\n")
}

/// How it was cleared without the PUT.
fn cleared(report: &Report) -> &'static str {
    let done = report.steps.iter().filter(|step| step.result == StepResult::Done);
    let how = done.map(|step| match step.step {
        StepKind::ReleaseObject | StepKind::DeleteObject => Cleared::Released,
        StepKind::Rearm => Cleared::Rearmed,
        StepKind::DeleteAgain | StepKind::RemoveMetadataFinalizer | StepKind::Finalize => Cleared::Written,
        StepKind::Wait | StepKind::PurgeOrphan => Cleared::Unforced,
    });
    match how.max().unwrap_or(Cleared::Unforced) {
        // The controller finishes only what is empty.
        _ if !report.orphans.is_empty() => "cleared: another client has finalized it, not nsfix",
        Cleared::Released if !report.left_nothing() => "cleared: its leftovers were released",
        Cleared::Released => "cleared: its leftovers were released, and the controller finished it",
        Cleared::Rearmed if !report.left_nothing() => "cleared: it was rearmed",
        Cleared::Rearmed => "cleared: it was rearmed, and the controller finished it",
        Cleared::Written => "cleared",
        Cleared::Unforced => "cleared: nothing was forced by nsfix",
    }
}

/// What had a part in clearing a namespace; the greatest is named.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cleared {
    Unforced,
    Written,
    Rearmed,
    Released,
}

fn orphaned(namespace: &str, of_type: &TypeLeftovers) -> Hint {
    let mut named: Vec<&str> =
        of_type.sample.iter().take(NAMED).map(|leftover| leftover.name.as_str()).collect();
    if of_type.at_least || of_type.total() > named.len() as u64 {
        named.push("…");
    }
    // Not `kubectl delete --all`: by the time it is pasted there may be another namespace of the name.
    let purge = ShellCommand::nsfix(["orphans", namespace, "--purge"]);
    let hint = Hint::from(format!("{of_type} left behind in etcd ({}); to remove: ", named.join(", ")));
    if of_type.finalizers.is_empty() {
        return hint.command(purge);
    }
    let held = of_type.finalizers.keys().cloned().collect::<Vec<_>>().join(", ");
    hint.command(purge).text(format!(" (held by {held})"))
}

/// `--dry-run=client`: a script of the requests as comments, and how to send them with kubectl.
pub fn requests(terminal: &Terminal, plan: &Plan, format: Option<&Format>) -> Result<(), OutputError> {
    if format.is_some() || terminal.keeps_log() {
        return Ok(());
    }
    let mut text = String::new();
    // What is inside once the controller has had its time decides about the rest.
    let known = if plan.waits_first { 1 } else { plan.steps.len() };
    for step in &plan.steps[..known] {
        let comment = format!("# {} {}: {}", words::step(step.action.kind()), step.target, step.request);
        text.push_str(&sanitise(&comment));
        text.push('\n');
        if !step.harm.is_empty() {
            text.push_str(&sanitise(&format!("# harm: {}", step.harm)));
            text.push('\n');
        }
        match &step.kubectl {
            Some(command) => text.push_str(&terminal.command(command)),
            None => text.extend(["# ", tree::NO_COMMAND]),
        }
        text.push('\n');
    }
    if plan.waits_first {
        text.push_str("# what is inside by then decides what is written: nsfix looks again\n");
    }
    terminal.data(&text)
}
