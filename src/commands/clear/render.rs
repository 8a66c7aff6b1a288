//! What `clear` prints for a person.

use crate::cli::ReportFormat;
use crate::cluster::Cluster;
use crate::model::TypeLeftovers;
use crate::output::{Failure, Terminal};
use crate::plan::Plan;
use crate::repair::{Outcome, Problem, Report, StepResult};

/// How many orphans are named before the rest is only counted.
const NAMED: usize = 5;

/// Says what became of one namespace: the line that kubectl would print on stdout, all else on stderr.
pub(super) fn report(
    terminal: &Terminal,
    report: &Report,
    format: Option<ReportFormat>,
) -> Result<(), Failure> {
    let name = &report.namespace;
    if let Some(backup) = &report.backup {
        terminal.note(&format!("namespace/{name} saved to {}", backup.display()));
    }
    let finalized = report.steps.iter().find(|step| step.step == "Finalize").map(|step| step.result);
    let line = match (report.outcome, finalized) {
        (Outcome::Cleared, _) | (Outcome::Failed, Some(StepResult::Done)) => Some("finalized"),
        (Outcome::DryRun, Some(_)) => Some("finalized (server dry run)"),
        (Outcome::DryRun, None) => Some("finalized (dry run)"),
        (Outcome::Unchanged, Some(_)) => Some("gone: the controller finished it, nothing was forced"),
        (Outcome::Unchanged, None) => Some("already gone"),
        (Outcome::Refused | Outcome::Failed, _) => None,
    };
    match (format, line) {
        (None, Some(line)) => terminal.data(&format!("namespace/{name} {line}\n"))?,
        (Some(ReportFormat::Name), Some(_)) => terminal.data(&format!("namespace/{name}\n"))?,
        _ => {}
    }
    if let Some(Problem { message, hint }) = &report.problem {
        let mut failure = Failure::error(message.clone());
        failure.hint.clone_from(hint);
        terminal.fail(&failure);
    }
    for of_type in &report.orphans {
        terminal.warn(&orphaned(name, of_type));
    }
    if report.outcome == Outcome::Cleared {
        for gap in &report.unknown {
            terminal.warn(&format!("could not look for orphans in {gap} ({})", gap.detail));
        }
    }
    Ok(())
}

fn orphaned(namespace: &str, of_type: &TypeLeftovers) -> String {
    let ty = &of_type.resource;
    let mut named: Vec<&str> =
        of_type.sample.iter().take(NAMED).map(|leftover| leftover.name.as_str()).collect();
    if of_type.total() > named.len() as u64 {
        named.push("…");
    }
    // DELETE is all that still works on an orphan, and only one without finalizers goes by it.
    let remedy = if of_type.finalizers.is_empty() {
        format!("kubectl delete {ty} --all -n {namespace}")
    } else {
        format!(
            "they have finalizers: create the namespace, delete it at once, then remove their finalizers ({})",
            of_type.finalizers.keys().cloned().collect::<Vec<_>>().join(", ")
        )
    };
    format!("{} {ty} left behind in etcd ({}); to remove: {remedy}", of_type.total(), named.join(", "))
}

/// `--dry-run=client`: the exact request, and how to send it with kubectl.
pub(super) fn request(terminal: &Terminal, plan: &Plan, format: Option<ReportFormat>) -> Result<(), Failure> {
    if format.is_some() {
        return Ok(());
    }
    let path = Cluster::finalize_path(&plan.namespace.name);
    let body = plan.namespace.without_spec_finalizers(&plan.removes());
    let body = serde_json::to_string_pretty(&body).map_err(|error| Failure::error(error.to_string()))?;
    // JSON escapes control characters; the quotes around EOF keep the shell from reading the rest.
    let text = format!("# PUT {path}\nkubectl replace --raw {path} -f - <<'EOF'\n{body}\nEOF\n");
    Ok(terminal.data(&text)?)
}
