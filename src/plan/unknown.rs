//! What is known to be inside, and what is not: unknown is never empty.

use super::Policy;
use crate::diagnose::{Diagnosis, remaining_types};
use crate::model::{Inventory, Namespace};

/// Where something may be that was not seen: the gaps of the coverage, those apart that the policy accepts, and
/// the types of which the controller counts objects although they could not be listed here. What it counts is
/// known to be there, and no policy accepts that.
pub(super) fn unknown(namespace: &Namespace, inventory: &Inventory, policy: &Policy) -> Vec<String> {
    let gaps = inventory.coverage.unknown().filter(|gap| !policy.accepts(gap));
    let mut unknown: Vec<String> = gaps.map(ToString::to_string).collect();
    unknown.extend(unlisted(namespace, inventory, policy));
    unknown.dedup();
    unknown
}

/// Types of which the namespace controller counts objects and which could not be listed here. Where a type was
/// listed, the list is newer than the condition. What is a gap is named as one, unless the policy accepts it.
#[must_use]
pub fn unlisted(namespace: &Namespace, inventory: &Inventory, policy: &Policy) -> Vec<String> {
    let coverage = &inventory.coverage;
    let gap =
        |name: &String| coverage.gaps.iter().any(|gap| gap.to_string() == *name && !policy.accepts(gap));
    let named = remaining_types(namespace).into_iter();
    named.filter(|name| !coverage.types.contains(name) && !gap(name)).collect()
}

/// What is inside besides the default objects, by type.
pub(super) fn left(inventory: &Inventory) -> Vec<String> {
    let left = inventory.types.iter().filter(|of_type| of_type.besides_defaults() > 0);
    left.map(ToString::to_string).collect()
}

/// Unknown is not empty; what Kubernetes itself puts into every namespace is no content.
pub(super) fn is_known_empty(diagnosis: &Diagnosis, policy: &Policy) -> bool {
    is_empty_for(&diagnosis.namespace, &diagnosis.inventory, policy)
}

/// Whether nothing is left inside that may not be abandoned, as far as the policy goes.
#[must_use]
pub fn is_empty_for(namespace: &Namespace, inventory: &Inventory, policy: &Policy) -> bool {
    inventory.holds_only_defaults() && unknown(namespace, inventory, policy).is_empty()
}
