//! The causes, one function each. Several may hold at once.

mod admission;
mod apis;
pub(super) mod content;
mod finalizers;

use super::{Cause, Held};
use crate::model::Facts;

/// All causes that hold, the most fundamental first.
pub(super) fn of(facts: &Facts, held: &[Held]) -> Vec<Cause> {
    let mut causes = Vec::new();
    if facts.namespace.has_kubernetes_finalizer() {
        causes.extend(apis::unavailable_apis(facts));
        causes.extend(apis::controller_silent(facts));
    }
    causes.extend(apis::failing_conversions(facts));
    causes.extend(apis::terminating_crds(facts));
    causes.extend(admission::refusals(facts));
    causes.extend(content::pods_on_lost_node(facts));
    causes.extend(content::deadlocks(facts));
    causes.extend(content::held_objects(facts, held));
    causes.extend(content::held_out_of_sight(facts, held));
    causes.extend(content::live_objects(facts));
    causes.extend(finalizers::foreign_spec(facts));
    causes.extend(finalizers::of_metadata(facts));
    causes.extend(finalizers::zombie(facts));
    causes.extend(finalizers::progressing(facts, causes.is_empty()));
    causes.sort_by_key(|cause| cause.kind);
    causes
}

#[cfg(test)]
mod tests;
