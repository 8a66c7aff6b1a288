//! What goes wrong, or may, when a plan is carried out.

use super::{Action, Leftovers, Policy, Step};
use crate::diagnose::{CauseKind, Diagnosis, Held};
use crate::model::{Coverage, DryRunOutcome, DryRunResult, gaps_with_reasons};

/// What the dry runs say of the steps, and whether the server has refused one of them already.
pub(super) fn rehearsed_steps(steps: &[Step], dry_runs: &[DryRunResult]) -> (Vec<String>, bool) {
    let mut is_refused = false;
    let refused = dry_runs.iter().filter_map(|dry_run| Some((dry_run, dry_run.quote()?)));
    let warnings = refused
        .filter_map(|(dry_run, quote)| {
            let is_it = |step: &Step| match &step.action {
                Action::ReleaseObjects { resource, .. } => {
                    dry_run.operation == "UPDATE" && dry_run.resource == resource.to_string()
                }
                Action::DeleteObjects { resource } => {
                    dry_run.operation == "DELETE" && dry_run.resource == resource.to_string()
                }
                Action::Finalize { .. } => dry_run.resource == "namespaces/finalize",
                _ => false,
            };
            let number = steps.iter().position(is_it)? + 1;
            // A slow server may still carry it out.
            if matches!(dry_run.outcome, DryRunOutcome::NoAnswer(_)) {
                return Some(format!("step {number} was rehearsed without an answer: {quote}"));
            }
            is_refused = true;
            Some(format!("step {number} is refused by the server as things are: {quote}"))
        })
        .collect();
    (warnings, is_refused)
}

/// A finalizer that is not removed by force, and need not be.
pub(super) fn awaits_kubernetes(held: &Held) -> String {
    format!(
        "{} {} finalizer {} until Kubernetes takes it off, which it does once nothing uses what is deleted",
        held.counted(),
        if held.count == 1 { "keeps" } else { "keep" },
        held.finalizer,
    )
}

/// What could not be looked at: what is forbidden in one line, however many types it is.
fn coverage_gaps(coverage: &Coverage) -> Vec<String> {
    let mut said: Vec<String> = gaps_with_reasons(coverage.unknown())
        .into_iter()
        .map(|gaps| format!("could not look at {gaps}: what is in there is unknown"))
        .collect();
    if let Some(first) = coverage.around.first() {
        let names: Vec<String> = coverage.around.iter().map(ToString::to_string).collect();
        said.push(format!(
            "could not look at {} ({}): a cause that lies there cannot be seen",
            names.join(", "),
            first.detail
        ));
    }
    let nothing_inside = coverage.gaps.iter().filter(|gap| gap.holds_nothing());
    said.extend(nothing_inside.map(|gap| {
        format!(
            "{gap} is unavailable ({}), and stores nothing of its own: nothing is abandoned in it",
            gap.detail
        )
    }));
    said
}

pub(super) fn warnings(diagnosis: &Diagnosis, policy: &Policy, skipped: &[&Held]) -> Vec<String> {
    let Diagnosis { namespace, inventory, .. } = diagnosis;
    let name = &namespace.name;
    let mut warnings = Vec::new();
    if policy.leftovers != Leftovers::Release && !namespace.is_zombie() {
        warnings.extend(inventory.types.iter().map(|of_type| {
            let stay = if of_type.total() == 1 {
                "it stays in etcd and comes"
            } else {
                "they stay in etcd and come"
            };
            format!("{of_type} in namespace {name} would be orphaned: {stay} back with the name")
        }));
    }
    warnings.extend(skipped.iter().map(|held| {
        format!(
            "{} {} finalizer {}, because {}",
            held.counted(),
            if held.count == 1 { "keeps" } else { "keep" },
            held.finalizer,
            policy.keeps(held).unwrap_or_default()
        )
    }));
    warnings.extend(coverage_gaps(&inventory.coverage));
    let refuses = [CauseKind::FailingAdmissionWebhook, CauseKind::AdmissionRefusal];
    warnings.extend(
        diagnosis
            .causes
            .iter()
            .filter(|cause| refuses.contains(&cause.kind))
            .map(|cause| format!("{}: what it refuses will fail until that is mended", cause.detail)),
    );
    warnings
}
