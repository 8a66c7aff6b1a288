//! The causes, one function each. Several may hold at once.

mod accounting;
mod admission;
mod apis;
pub(super) mod content;
mod deadlock;
mod finalizers;
mod rejected;
mod unreadable;
mod words;

use super::{Cause, CauseKind, Held};
use crate::model::Facts;
pub(super) use apis::conversion_trouble;

/// All causes that hold, the most fundamental first.
pub(super) fn of(facts: &Facts, held: &[Held]) -> Vec<Cause> {
    let mut causes = Vec::new();
    if facts.namespace.has_kubernetes_finalizer() {
        causes.extend(apis::unavailable_apis(facts));
    }
    causes.extend(unreadable::unreadable_objects(facts));
    causes.extend(apis::failing_conversions(facts));
    causes.extend(apis::terminating_crds(facts));
    causes.extend(admission::refusals(facts));
    causes.extend(rejected::rejected_updates(facts));
    causes.extend(content::pods_on_lost_node(facts));
    causes.extend(content::long_grace_periods(facts));
    causes.extend(deadlock::deadlocks(facts, held));
    causes.extend(content::held_objects(facts, held));
    causes.extend(content::held_out_of_sight(facts, held));
    if facts.namespace.has_kubernetes_finalizer() {
        let others = !causes.is_empty();
        causes.extend(apis::controller_silent(facts, others));
    }
    causes.extend(content::live_objects(facts));
    causes.extend(finalizers::foreign_spec(facts));
    causes.extend(finalizers::of_metadata(facts));
    causes.extend(finalizers::zombie(facts));
    let armed = facts.namespace.has_kubernetes_finalizer();
    let beside = if armed { Vec::new() } else { apis::unavailable_apis(facts) };
    let own = causes.len();
    causes.extend(beside);
    accounting::account(facts, held, &mut causes);
    causes = without_beside(own, causes);
    causes.extend(finalizers::progressing(facts, causes.is_empty()));
    causes.sort_by_key(|cause| cause.kind);
    causes
}

/// The controller works through a namespace for its own finalizer alone: without it an API that is unavailable holds
/// nothing. What was seen of such an API stands with the cause that does, behind the first `own`.
fn without_beside(own: usize, mut causes: Vec<Cause>) -> Vec<Cause> {
    if own == 0 {
        return causes;
    }
    let others = causes.split_off(own);
    let (beside, unexplained): (Vec<Cause>, Vec<Cause>) =
        others.into_iter().partition(|cause| cause.kind == CauseKind::UnavailableApi);
    for cause in beside {
        let said = format!(
            "{}; that does not hold this namespace, which has no spec finalizer kubernetes",
            cause.detail
        );
        causes[0].evidence.push(said);
        causes[0].evidence.extend(cause.evidence);
    }
    causes.extend(unexplained);
    causes
}

/// Those that hold whether or not the namespace is being deleted.
pub(super) fn before_deletion(facts: &Facts) -> Vec<Cause> {
    let mut causes = Vec::new();
    if facts.namespace.has_kubernetes_finalizer() {
        causes.extend(apis::unavailable_apis(facts));
    }
    causes.extend(unreadable::unreadable_objects(facts));
    causes.extend(apis::failing_conversions(facts));
    causes.extend(admission::refusals(facts));
    causes
}

/// Those that the finalizers of the namespace itself are.
pub(super) fn of_own_finalizers(facts: &Facts) -> Vec<Cause> {
    finalizers::foreign_spec(facts).into_iter().chain(finalizers::of_metadata(facts)).collect()
}

/// Those that dry runs of releases give away.
pub(super) fn of_releases(facts: &Facts) -> Vec<Cause> {
    admission::refusals(facts).into_iter().chain(rejected::rejected_updates(facts)).collect()
}

/// Those that lie in a type whose CRD is being deleted itself.
pub(super) fn of_terminating_crds(facts: &Facts) -> Vec<Cause> {
    apis::terminating_crds(facts)
}

/// As much of the server's words as fits into a detail.
fn cut(said: &str) -> String {
    const LONGEST: usize = 300;
    match said.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &said[..end]),
        None => said.to_owned(),
    }
}

#[cfg(test)]
mod tests;
