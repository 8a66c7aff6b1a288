//! Webhooks and policies that refuse what has to happen.

use crate::diagnose::intercepted::sees;
use crate::diagnose::{Cause, CauseKind};
use crate::model::{Facts, Interceptor, InterceptorKind, Rehearsal};

/// The webhooks and policies that refuse the deletion or the release of leftovers, or the finalization.
pub(super) fn refusals(facts: &Facts) -> Vec<Cause> {
    let mut causes: Vec<Cause> = Vec::new();
    for interceptor in &facts.surroundings.interceptors {
        let attempts: Vec<String> = sees(interceptor, &facts.namespace, &facts.inventory)
            .into_iter()
            .map(|seen| seen.words())
            .collect();
        if attempts.is_empty() {
            continue;
        }
        let refused = refusals_by(&facts.rehearsals, interceptor);
        let backend = interceptor
            .service
            .as_ref()
            .and_then(|service| facts.surroundings.backends.get_key_value(service));
        let dead = backend.is_some_and(|(_, backend)| backend.is_dead());
        // What is not known to refuse, by a dry run or by having nobody behind it, is no cause.
        if refused.is_empty() && !(dead && interceptor.fails_closed && !interceptor.has_conditions) {
            continue;
        }
        let mut evidence = vec![format!("it sees {}", attempts.join(", "))];
        evidence.extend(backend.map(|(service, backend)| backend.describe(service)));
        evidence.extend(refused);
        causes.push(cause(interceptor, dead, &attempts, evidence));
    }
    causes
}

fn cause(interceptor: &Interceptor, dead: bool, attempts: &[String], evidence: Vec<String>) -> Cause {
    let Interceptor { kind, configuration, name, service, .. } = interceptor;
    let what = attempts.join(", ");
    let (remedy, command) = match (kind, service) {
        (InterceptorKind::ValidatingPolicy, _) => (
            "change or unbind the policy so that it lets this through; what it guards is its author's to say"
                .to_owned(),
            format!("kubectl get validatingadmissionpolicy {configuration} -o yaml"),
        ),
        (_, Some(service)) if dead => (
            format!(
                "bring service {service} back; or, if what it guarded is gone for good, delete the webhook configuration"
            ),
            format!("kubectl delete {} {configuration}", kind.resource()),
        ),
        _ => (
            "ask whoever runs the webhook why it refuses".to_owned(),
            format!("kubectl get {} {configuration} -o yaml", kind.resource()),
        ),
    };
    let subject = format!("{}/{configuration}", kind.resource());
    let cause = if dead {
        Cause::new(
            CauseKind::DeadAdmissionWebhook,
            subject,
            format!("webhook {name} is dead and refuses {what}"),
        )
    } else {
        let kind = if *kind == InterceptorKind::ValidatingPolicy { "policy" } else { "webhook" };
        Cause::new(CauseKind::AdmissionPolicy, subject, format!("{kind} {name} refuses {what}"))
    };
    cause.seen(evidence).mend(remedy).by(command)
}

/// The rehearsals that this interceptor refused: its name stands in the answer.
fn refusals_by(rehearsals: &[Rehearsal], interceptor: &Interceptor) -> Vec<String> {
    let refused = rehearsals.iter().filter_map(|rehearsal| Some((rehearsal, rehearsal.refused.as_ref()?)));
    let by_name = refused.filter(|(_, said)| {
        said.contains(&format!("\"{}\"", interceptor.name))
            || said.contains(&format!("'{}'", interceptor.name))
    });
    by_name.map(|(rehearsal, said)| format!("dry run of {}: {said}", rehearsal.request)).collect()
}
