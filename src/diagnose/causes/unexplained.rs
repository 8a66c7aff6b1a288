//! What the server said and no other cause accounts for, verbatim.

use super::failures;
use super::unreadable::is_unreadable;
use crate::diagnose::{Cause, CauseKind};
use crate::model::{Condition, DryRunOutcome, DryRunResult, Facts, Gap, Unreadable};

/// Failure conditions, failed lists and refused dry runs that none of `causes` accounts for.
pub(super) fn unexplained(facts: &Facts, causes: &[Cause]) -> Vec<Cause> {
    let has = |kind| causes.iter().any(|cause| cause.kind == kind);
    let mut found = Vec::new();
    if facts.namespace.has_kubernetes_finalizer() {
        let conditions = failures(&facts.namespace).filter(|condition| !is_accounted_for(condition, causes));
        found.extend(
            conditions.map(|condition| {
                say(&condition.kind, &condition.message, "the namespace controller reports")
            }),
        );
        found.extend(failed_lists(facts, causes));
    }
    let dry_runs = facts.dry_runs.iter().filter(|dry_run| match &dry_run.outcome {
        DryRunOutcome::Failed(said) => {
            let conversion = said.contains("conversion webhook") && has(CauseKind::FailingConversionWebhook);
            !(is_unreadable(said) || conversion)
        }
        DryRunOutcome::NoAnswer(_) => !has(CauseKind::FailingAdmissionWebhook),
        _ => false,
    });
    found.extend(dry_runs.map(|dry_run| {
        let DryRunResult { request, outcome, .. } = dry_run;
        let said = match outcome {
            DryRunOutcome::NoAnswer(seconds) => format!("no answer within {seconds}s"),
            _ => outcome.said().unwrap_or_default().to_owned(),
        };
        say(request, &said, "a dry run was answered")
    }));
    found
}

fn say(subject: &str, said: &str, where_from: &str) -> Cause {
    Cause::new(CauseKind::Unexplained, subject, super::cut(said))
        .evidence([format!("{where_from}: {said}")])
        .remedy("nsfix has no explanation for it; these are the server's words")
}

/// Lists that failed, those with the same answer in one cause.
fn failed_lists(facts: &Facts, causes: &[Cause]) -> Vec<Cause> {
    let gaps = facts.inventory.coverage.gaps.iter().chain(&facts.extensions.gaps);
    let mut found: Vec<(String, Vec<String>, &Gap)> = Vec::new();
    for gap in gaps.filter(|gap| !is_gap_accounted_for(facts, gap, causes)) {
        match found.iter_mut().find(|(said, ..)| *said == gap.detail) {
            Some((_, names, _)) => names.push(gap.to_string()),
            None => found.push((gap.detail.clone(), vec![gap.to_string()], gap)),
        }
    }
    let cause = |(said, names, gap): (String, Vec<String>, &Gap)| {
        say(&gap.to_string(), &said, &format!("listing {} was answered", names.join(", ")))
    };
    found.into_iter().map(cause).collect()
}

fn is_gap_accounted_for(facts: &Facts, gap: &Gap, causes: &[Cause]) -> bool {
    let whole_group_version = gap.resource.is_none() && !gap.version.is_empty();
    let by_cause = |cause: &Cause| {
        cause.subject == gap.to_string()
            && matches!(cause.kind, CauseKind::FailingConversionWebhook | CauseKind::UnreadableObjects)
    };
    gap.why == Unreadable::Forbidden
        || whole_group_version
        || facts.extensions.serves(gap).is_some()
        || causes.iter().any(by_cause)
}

fn is_accounted_for(condition: &Condition, causes: &[Cause]) -> bool {
    let said = condition.message.as_str();
    let accounts = |cause: &Cause| {
        let quoted = cause.evidence.iter().any(|evidence| evidence.contains(said));
        quoted
            || match cause.kind {
                // `v1beta1.metrics.example.com` stands in messages as `metrics.example.com/v1beta1`.
                CauseKind::UnavailableApi => cause.subject.split_once('.').is_some_and(|(version, group)| {
                    said.contains(&format!("{group}/{version}")) || said.contains(group)
                }),
                CauseKind::FailingConversionWebhook => said.contains("conversion webhook"),
                CauseKind::UnreadableObjects => is_unreadable(said) || said.contains("storage is (re)init"),
                CauseKind::FailingAdmissionWebhook => said.contains("webhook"),
                CauseKind::AdmissionRefusal => said.contains("webhook") || said.contains("denied"),
                CauseKind::PodsOnLostNode
                | CauseKind::LongGracePeriod
                | CauseKind::HeldObjects
                | CauseKind::LiveObjects => said.contains("unexpected items still remain"),
                _ => false,
            }
    };
    causes.iter().any(accounts)
}
