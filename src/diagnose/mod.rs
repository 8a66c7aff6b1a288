//! From facts to a diagnosis. Pure: no network, no clock, no terminal.

pub mod catalogue;
mod cause;
mod causes;
mod common;
mod conditions;
mod intercepted;
mod owners;
pub mod predict;
mod state;

pub use cause::{Cause, CauseKind};
pub use common::{CommonCause, common_causes};
pub use conditions::{conversion_failures, reason_from_conditions, remaining_types};
pub use intercepted::{Intercepted, sees};
pub use owners::{Held, OwnerQuery, queries};
pub use state::{PATIENCE, State, age, reason};

use crate::model::{Facts, Inventory, Namespace};

/// What was found out about one namespace.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// When it was observed.
    pub now: jiff::Timestamp,
    /// The namespace.
    pub namespace: Namespace,
    /// Its state; `None` where it is not being deleted.
    pub state: Option<State>,
    /// Why it is stuck, the most fundamental cause first.
    pub causes: Vec<Cause>,
    /// What is still inside.
    pub inventory: Inventory,
    /// The finalizers on what is inside.
    pub held: Vec<Held>,
    /// The pods whose node does not answer, by name.
    pub pods_on_lost_node: Vec<String>,
}

/// Judges the facts.
#[must_use]
pub fn diagnose(facts: Facts) -> Diagnosis {
    let held = owners::held(&facts);
    let state = facts.namespace.is_terminating().then(|| State::of(&facts.namespace, facts.now));
    let causes = if state.is_some() { causes::of(&facts, &held) } else { Vec::new() };
    let pods_on_lost_node =
        causes::content::pods_on_lost_nodes(&facts).into_iter().map(|pod| pod.name.clone()).collect();
    let Facts { namespace, mut inventory, extensions, .. } = facts;
    inventory.coverage.gaps.extend(extensions.gaps.iter().cloned());
    inventory.coverage.gaps.sort();
    Diagnosis { now: facts.now, namespace, state, causes, inventory, held, pods_on_lost_node }
}

impl Diagnosis {
    /// The most fundamental cause.
    #[must_use]
    pub fn first_cause(&self) -> Option<CauseKind> {
        self.causes.first().map(|cause| cause.kind)
    }

    /// How long the namespace has been in Terminating.
    #[must_use]
    pub fn age(&self) -> std::time::Duration {
        age(&self.namespace, self.now).unwrap_or_default()
    }

    /// The causes in few words, the most fundamental two of them.
    #[must_use]
    pub fn reason(&self) -> String {
        if self.causes.is_empty() {
            return reason(&self.namespace);
        }
        let mut said: Vec<&str> = self.causes.iter().map(|cause| cause.detail.as_str()).take(2).collect();
        if self.causes.len() > said.len() {
            said.push("…");
        }
        said.join("; ")
    }
}
