//! Releases that validation refuses.

use super::admission::that_see;
use crate::diagnose::{Cause, CauseKind};
use crate::model::{AdmissionHook, DryRunOutcome, DryRunResult, Facts, ShellCommand};

/// Updates that were answered with 422, one cause for each type.
pub(super) fn rejected_updates(facts: &Facts) -> Vec<Cause> {
    let mut causes: Vec<Cause> = Vec::new();
    for dry_run in &facts.dry_runs {
        let DryRunOutcome::Invalid(said) = &dry_run.outcome else { continue };
        let Some(evidence) = dry_run.quote() else { continue };
        match causes.iter_mut().find(|cause| cause.subject == dry_run.resource) {
            Some(known) => known.evidence.push(evidence),
            None => causes.push(rejected(facts, dry_run, said).evidence([evidence])),
        }
    }
    causes
}

fn rejected(facts: &Facts, dry_run: &DryRunResult, said: &str) -> Cause {
    let resource = &dry_run.resource;
    // `Widget.example.com "w" is invalid: spec.owner: Required value`
    let what = said.split_once(" is invalid: ").map_or(said, |(_, what)| what);
    let what = what.lines().next().unwrap_or_default();
    let cause = Cause::new(
        CauseKind::RejectedUpdate,
        resource.clone(),
        format!("the release of {resource} is not valid: {}", super::cut(what)),
    );
    let hooks: Vec<&AdmissionHook> =
        that_see(facts, dry_run).into_iter().filter(|hook| hook.kind.is_mutating()).collect();
    if let Some(first) = hooks.first() {
        return changed_on_the_way(cause, &hooks, first);
    }
    if !resource.contains('.') {
        return cause.remedy("set the named field in the same patch as the finalizers, where it may change");
    }
    let field = what.trim_start_matches('[').split(": ").next().unwrap_or_default();
    cause
        .evidence([format!("CRD {resource}: its schema may have been tightened after the object was stored")])
        .remedy(format!(
            "relax the schema of CRD {resource}, or set {field} in the same patch as the finalizers"
        ))
        .command(ShellCommand::kubectl(["get", "crd", "-o", "yaml"]).names([resource]))
}

/// A mutating webhook or policy may have made the update what it is.
fn changed_on_the_way(cause: Cause, hooks: &[&AdmissionHook], first: &AdmissionHook) -> Cause {
    let evidence = hooks.iter().map(|hook| {
        format!(
            "{} {} ({}/{}) may change updates of this type: it is the probable reason",
            hook.kind.word(),
            hook.name,
            hook.kind.resource(),
            hook.configuration
        )
    });
    let get = ShellCommand::kubectl(["get", first.kind.resource(), "-o", "yaml"]);
    cause
        .evidence(evidence)
        .remedy(format!(
            "keep {} {} out of this namespace (its namespaceSelector), or have it leave updates alone",
            first.kind.word(),
            first.name
        ))
        .command(get.names([&first.configuration]))
}
