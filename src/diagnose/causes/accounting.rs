//! Nothing that the server says is dropped: what no cause quotes is quoted by the cause that explains it, or shown
//! verbatim.

use super::unreadable::unreadable_types;
use super::words::{is_of_admission, quoted_names};
use crate::diagnose::conditions::{counted_errors, items_remain, nameless_caches};
use crate::diagnose::{Cause, CauseKind, Held, failures};
use crate::model::{Condition, DryRunOutcome, Facts, Gap, Unreadable};

/// Sees to it that every failure condition, failed list, refused dry run and warning stands in a cause.
pub(super) fn account(facts: &Facts, held: &[Held], causes: &mut Vec<Cause>) {
    let mut unexplained = Vec::new();
    for condition in failures(&facts.namespace) {
        if !account_for_condition(facts, condition, causes) {
            let from = "the namespace controller reports";
            unexplained.push(say(&condition.kind, &condition.message, from));
        }
    }
    unexplained.extend(failed_lists(facts, causes));
    account_for_dry_runs(facts, held, causes, &mut unexplained);
    causes.extend(unexplained);
}

fn say(subject: &str, said: &str, where_from: &str) -> Cause {
    Cause::new(CauseKind::Unexplained, subject, super::cut(said))
        .evidence([format!("{where_from}: {said}")])
        .remedy("nsfix has no explanation for it; these are the server's words")
}

fn is_quoted(causes: &[Cause], said: &str) -> bool {
    causes.iter().flat_map(|cause| &cause.evidence).any(|evidence| evidence.contains(said))
}

/// Has every cause that explains something of a condition quote it. `false` where something of it is left over.
fn account_for_condition(facts: &Facts, condition: &Condition, causes: &mut [Cause]) -> bool {
    let said = condition.message.as_str();
    let quote = format!("the namespace controller says: {said}");
    let mut explained = if is_of_admission(said) && is_quoted(causes, said) { of_admission(said) } else { 0 };
    if causes.iter().any(|cause| cause.kind == CauseKind::UnreadableObjects) {
        explained += unreadable_types(said, &facts.extensions.types);
    }
    explained += explained_caches(facts, said, causes);
    let mut remaining = items_remain(said);
    let mut first = None;
    for (index, cause) in causes.iter().enumerate() {
        let errors = errors_explained(facts, cause, said, &mut remaining);
        first = first.or((errors > 0).then_some(index));
        explained += errors;
    }
    if !is_quoted(causes, said)
        && let Some(cause) = first.and_then(|index| causes.get_mut(index))
    {
        cause.evidence.push(quote);
    }
    explained >= counted_errors(condition) && is_quoted(causes, said)
}

/// How many caches that do not fill, without a word on which, the types account for whose lists over all namespaces fail.
/// Those causes quote it.
fn explained_caches(facts: &Facts, said: &str, causes: &mut [Cause]) -> usize {
    let caches = nameless_caches(said);
    let failed = &facts.inventory.coverage.failed_lists;
    let quote = format!("the namespace controller says: {said}");
    let mut explained = 0;
    for cause in causes.iter_mut().filter(|cause| caches > 0 && failed.contains_key(&cause.subject)) {
        if [CauseKind::UnreadableObjects, CauseKind::FailingConversionWebhook].contains(&cause.kind) {
            explained += 1;
            if !cause.evidence.contains(&quote) {
                cause.evidence.push(quote.clone());
            }
        }
    }
    explained.min(caches)
}

/// How many errors of a message are words of webhooks and policies. All that are named have a cause.
fn of_admission(said: &str) -> usize {
    let calls = said.matches("calling webhook \"").count() + said.matches("admission webhook \"").count();
    let policies = said.matches("AdmissionPolicy '").count();
    (calls + policies).max(quoted_names(said).len())
}

/// How many errors in the controller's words a cause explains.
fn errors_explained(facts: &Facts, cause: &Cause, said: &str, remaining: &mut Vec<String>) -> usize {
    match cause.kind {
        CauseKind::UnavailableApi => {
            let quoted = cause.evidence.iter().any(|evidence| evidence.contains(said));
            usize::from(quoted || names_api(facts, cause, said))
        }
        CauseKind::FailingConversionWebhook => said.matches("conversion webhook for ").count(),
        CauseKind::PodsOnLostNode
        | CauseKind::LongGracePeriod
        | CauseKind::HeldObjects
        | CauseKind::LiveObjects => {
            let before = remaining.len();
            remaining.retain(|resource| {
                !(facts
                    .inventory
                    .types
                    .iter()
                    .any(|of_type| of_type.resource.to_string() == *resource && of_type.total() > 0))
            });
            before - remaining.len()
        }
        _ => 0,
    }
}

/// How the controller words a list that did not answer in time (client-go's rest/request.go, Go's net/http).
const LATE: [&str; 5] =
    ["timed out", "deadline exceeded", "in the time allotted", "Timeout", "has prevented the request"];
/// How the controller words a list that answered nonsense: HTML, half a document, an error without words.
const NONSENSE: [&str; 8] = [
    "serializer for ",
    "unexpected end of JSON",
    "unexpected EOF",
    "couldn't get version/kind",
    "invalid character",
    "unable to decode",
    "rejected our request for an unknown reason",
    "has prevented the request from succeeding",
];

/// `v1beta1.metrics.example.com` stands in messages as `metrics.example.com/v1beta1`, by the names of its types, or
/// in the words in which a list of them failed.
fn names_api(facts: &Facts, cause: &Cause, said: &str) -> bool {
    let Some((version, group)) = cause.subject.split_once('.') else { return false };
    let gaps = facts.inventory.coverage.gaps.iter().chain(&facts.extensions.gaps);
    let mut of_api = gaps.filter(|gap| gap.group == group && gap.version == version);
    said.contains(group)
        || of_api.any(|gap| {
            let words = if gap.why == Unreadable::TimedOut { LATE.as_slice() } else { NONSENSE.as_slice() };
            said.contains(&gap.detail) || words.iter().any(|words| said.contains(words))
        })
}

/// Lists that failed, those with the same answer in one cause.
fn failed_lists(facts: &Facts, causes: &[Cause]) -> Vec<Cause> {
    let gaps = facts.inventory.coverage.gaps.iter().chain(&facts.extensions.gaps);
    let mut found: Vec<(String, Vec<String>, &Gap)> = Vec::new();
    // Forbidden types are named in the coverage.
    let not_told = gaps.filter(|gap| gap.why != Unreadable::Forbidden && !is_quoted(causes, &gap.detail));
    for gap in not_told {
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

fn account_for_dry_runs(facts: &Facts, held: &[Held], causes: &mut [Cause], unexplained: &mut Vec<Cause>) {
    for dry_run in &facts.dry_runs {
        let about = |cause: &Cause| {
            let holds = |held: &Held| {
                held.finalizer == cause.subject && held.resource.to_string() == dry_run.resource
            };
            cause.subject == dry_run.resource
                || (cause.kind == CauseKind::HeldObjects && held.iter().any(holds))
        };
        if let Some(quote) = dry_run.quote().filter(|quote| !is_quoted(causes, quote)) {
            let conversion = matches!(&dry_run.outcome, DryRunOutcome::Failed(said) if said.contains("conversion webhook"));
            let of_conversion = |cause: &&mut Cause| {
                conversion
                    && cause.kind == CauseKind::FailingConversionWebhook
                    && cause.subject == dry_run.resource
            };
            if let Some(cause) = causes.iter_mut().find(of_conversion) {
                cause.evidence.push(quote);
            } else {
                let said = quote.split_once(": ").map_or(quote.as_str(), |(_, said)| said);
                unexplained.push(say(&dry_run.request, said, &format!("dry run of {}", dry_run.request)));
            }
        }
        for warning in dry_run.warnings.iter().filter(|warning| !warning.is_empty()) {
            let quote = format!("dry run of {} was answered with a warning: {warning}", dry_run.request);
            if let Some(cause) = causes.iter_mut().find(|cause| about(cause)) {
                cause.evidence.push(quote);
            } else {
                let from = format!("dry run of {} was answered with a warning", dry_run.request);
                unexplained.push(say(&dry_run.request, warning, &from));
            }
        }
    }
}
