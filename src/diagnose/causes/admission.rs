//! Webhooks and policies that refuse what has to happen.

use crate::diagnose::intercepted::sees;
use crate::diagnose::{Cause, CauseKind};
use crate::model::{AdmissionHook, AdmissionHookKind, DryRunResult, Facts, ShellCommand};

/// The webhooks and policies that refuse the deletion or the release of leftovers, or the finalization.
pub(super) fn refusals(facts: &Facts) -> Vec<Cause> {
    let mut causes: Vec<Cause> = Vec::new();
    for hook in &facts.extensions.admission_hooks {
        let attempts: Vec<String> =
            sees(hook, &facts.namespace, &facts.inventory).into_iter().map(|seen| seen.words()).collect();
        if attempts.is_empty() {
            continue;
        }
        let refused = refusals_by(&facts.dry_runs, hook);
        let backend =
            hook.service.as_ref().and_then(|service| facts.extensions.backends.get_key_value(service));
        let dead = backend.is_some_and(|(_, backend)| backend.is_dead());
        // What is not known to refuse, by a dry run or by having nobody behind it, is no cause.
        if refused.is_empty() && !(dead && hook.fails_closed && !hook.has_conditions) {
            continue;
        }
        let mut evidence = vec![format!("it sees {}", attempts.join(", "))];
        evidence.extend(backend.map(|(service, backend)| backend.describe(service)));
        evidence.extend(refused);
        causes.push(cause(hook, dead, &attempts, evidence));
    }
    causes
}

fn cause(hook: &AdmissionHook, dead: bool, attempts: &[String], evidence: Vec<String>) -> Cause {
    let AdmissionHook { kind, configuration, name, service, .. } = hook;
    let what = attempts.join(", ");
    let (remedy, command) = match (kind, service) {
        (AdmissionHookKind::ValidatingPolicy, _) => (
            "change or unbind the policy so that it lets this through; what it guards is its author's to say"
                .to_owned(),
            ShellCommand::kubectl(["get", "validatingadmissionpolicy", "-o", "yaml"]).names([configuration]),
        ),
        (_, Some(service)) if dead => (
            format!(
                "bring service {service} back; or, if what it guarded is gone for good, delete the webhook configuration"
            ),
            ShellCommand::kubectl(["delete", kind.resource()]).names([configuration]),
        ),
        _ => (
            "ask whoever runs the webhook why it refuses".to_owned(),
            ShellCommand::kubectl(["get", kind.resource(), "-o", "yaml"]).names([configuration]),
        ),
    };
    let subject = format!("{}/{configuration}", kind.resource());
    let cause = if dead {
        Cause::new(
            CauseKind::FailingAdmissionWebhook,
            subject,
            format!("webhook {name} is dead and refuses {what}"),
        )
    } else {
        let kind = if *kind == AdmissionHookKind::ValidatingPolicy { "policy" } else { "webhook" };
        Cause::new(CauseKind::AdmissionRefusal, subject, format!("{kind} {name} refuses {what}"))
    };
    cause.evidence(evidence).remedy(remedy).command(command)
}

/// The dry runs that this hook refused: its name stands in the answer.
fn refusals_by(dry_runs: &[DryRunResult], hook: &AdmissionHook) -> Vec<String> {
    let refused =
        dry_runs.iter().filter_map(|dry_run_result| Some((dry_run_result, dry_run_result.refused.as_ref()?)));
    let by_name = refused.filter(|(_, said)| {
        said.contains(&format!("\"{}\"", hook.name)) || said.contains(&format!("'{}'", hook.name))
    });
    by_name.map(|(dry_run_result, said)| format!("dry run of {}: {said}", dry_run_result.request)).collect()
}
