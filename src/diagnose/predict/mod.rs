//! What the deletion of a namespace would do. Pure: from facts to a prediction, in the
//! words of the diagnosis.

mod certain;
mod comes_back;
mod likely;
mod order;
mod others;
mod outside;
mod owner;
mod references;
mod rights;

pub use certain::sees_deletion_of_namespace;
pub use comes_back::Recreation;
pub use order::OrderStep;
pub use outside::{Outside, OutsideKind, OutsideOutcome};
pub use owner::{namespace_queries, needs_owner_account};
pub use rights::{accounts_for, is_own_right};

#[cfg(test)]
mod tests;

use super::{Cause, owners};
use crate::model::{DeletionFacts, Facts, Gap, Namespace};

/// What is expected of the deletion of a namespace.
#[derive(Clone, Debug)]
pub struct Prediction {
    pub namespace: Namespace,
    /// What holds now, and would hold the namespace.
    pub certain: Vec<Cause>,
    /// What would probably hold it.
    pub likely: Vec<Cause>,
    /// What would be broken elsewhere.
    pub breaks_others: Vec<Cause>,
    /// What happens outside of the cluster.
    pub outside: Vec<Outside>,
    /// What could not be looked at or rehearsed.
    pub could_not_look: Vec<CouldNotLook>,
    /// What makes objects of the namespace again.
    pub comes_back: Vec<Recreation>,
    /// An order that works; empty where nothing is expected.
    pub order: Vec<OrderStep>,
}

/// Something that could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CouldNotLook {
    pub what: String,
    /// Why, in one sentence.
    pub why: String,
    /// Whether something may be there that would hold the namespace.
    pub may_matter: bool,
}

/// A prediction in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::VariantArray)]
pub enum Expectation {
    /// Nothing would get stuck, break or leak.
    NothingExpected,
    /// Something would.
    TroubleExpected,
    /// Nothing was found, and not everything could be looked at.
    Unknown,
}

impl Prediction {
    /// The prediction in one word.
    #[must_use]
    pub fn expectation(&self) -> Expectation {
        let leaks = self.outside.iter().any(|each| each.fate == OutsideOutcome::Leaked);
        if leaks || !(self.certain.is_empty() && self.likely.is_empty() && self.breaks_others.is_empty()) {
            Expectation::TroubleExpected
        } else if self.could_not_look.iter().any(|each| each.may_matter) {
            Expectation::Unknown
        } else {
            Expectation::NothingExpected
        }
    }
}

/// Says what the deletion of an Active namespace would do.
#[must_use]
pub fn predict(facts: &Facts, deletion: &DeletionFacts) -> Prediction {
    let held = owners::held(facts);
    let certain = certain::causes(facts, deletion);
    let standings = owner::standings(facts, deletion, &held);
    let mut likely = likely::causes(facts, deletion, &standings);
    likely.retain(|cause| certain.iter().all(|known| !is_same(known, cause)));
    let mut breaks_others = others::causes(facts, deletion);
    breaks_others.retain(|cause| certain.iter().all(|known| !is_same(known, cause)));
    let mut prediction = Prediction {
        namespace: facts.namespace.clone(),
        certain,
        likely,
        breaks_others,
        outside: outside::outside(facts, deletion, &standings),
        could_not_look: could_not_look(facts, deletion, &standings),
        comes_back: comes_back::recreations(facts, deletion),
        order: Vec::new(),
    };
    if prediction.expectation() == Expectation::TroubleExpected {
        prediction.order = order::order(facts, &prediction, &standings);
    }
    prediction
}

fn is_same(known: &Cause, other: &Cause) -> bool {
    known.kind == other.kind && known.subject == other.subject
}

fn could_not_look(
    facts: &Facts,
    deletion: &DeletionFacts,
    standings: &[owner::Standing<'_>],
) -> Vec<CouldNotLook> {
    let of_gap = |gap: &Gap, may_matter: bool| CouldNotLook {
        what: gap.to_string(),
        why: gap.detail.clone(),
        may_matter,
    };
    // A gap that a certain cause accounts for is named there as well; it stays unknown all the same.
    let content = facts.inventory.coverage.gaps.iter().map(|gap| of_gap(gap, !gap.holds_nothing()));
    let around = facts.extensions.gaps.iter().chain(&deletion.gaps).chain(&deletion.of_cluster.gaps);
    let mut found: Vec<CouldNotLook> = content.chain(around.map(|gap| of_gap(gap, true))).collect();
    found.extend(deletion.unrehearsed.iter().map(|each| CouldNotLook {
        what: format!("the deletion of {}", each.resource),
        why: each.why.clone(),
        may_matter: each.outdated || certain::rehearsal_matters(facts, &each.resource),
    }));
    found.extend(standings.iter().filter_map(owner::Standing::could_not_look));
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|each| seen.insert((each.what.clone(), each.why.clone())));
    found
}
