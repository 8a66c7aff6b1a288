//! From facts to a diagnosis. Pure: no network, no clock, no terminal.

pub mod catalogue;
mod cause;
mod causes;
mod common;
mod conditions;
mod groups;
mod hook_index;
mod intercepted;
mod owners;
pub mod predict;
mod state;

pub use cause::{Cause, CauseKind};
pub use common::{CommonCause, common_causes};
pub use conditions::{
    conversion_failures, failures, finalizers_remaining, nameless_caches, reason_from_conditions,
    remaining_types, types_named,
};
pub use groups::{CauseGroup, by_cause};
pub use hook_index::HookIndex;
pub use intercepted::{Intercepted, sees, sees_deletion};
pub use owners::{Held, OwnerQuery, queries};
pub use state::{PATIENCE, State, age, reason};

use crate::model::{DryRunResult, Facts, Inventory, Namespace, counted};

/// What was found out about one namespace.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// When it was observed.
    pub now: jiff::Timestamp,
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
    /// The pods that have hours or years to end, by name.
    pub pods_with_long_grace: Vec<String>,
    /// What was looked at and tried, where no cause was found.
    pub tried: Vec<String>,
    /// What the server has already said against what would be done.
    pub dry_runs: Vec<DryRunResult>,
}

/// Judges the facts.
#[must_use]
pub fn diagnose(facts: Facts) -> Diagnosis {
    let held = owners::held(&facts);
    let state = facts.namespace.is_terminating().then(|| State::of(&facts.namespace, facts.now));
    let causes = if state.is_some() { causes::of(&facts, &held) } else { Vec::new() };
    let pods_on_lost_node =
        causes::content::pods_on_lost_nodes(&facts).into_iter().map(|pod| pod.name.clone()).collect();
    let tried = if causes.is_empty() && state.is_some() { tried(&facts) } else { Vec::new() };
    let pods_with_long_grace =
        causes::content::pods_with_long_grace(&facts).map(|pod| pod.name.clone()).collect();
    let Facts { namespace, mut inventory, extensions, dry_runs, .. } = facts;
    inventory.coverage.around.extend(extensions.gaps.iter().cloned());
    inventory.coverage.around.sort();
    Diagnosis {
        now: facts.now,
        namespace,
        state,
        causes,
        inventory,
        held,
        pods_on_lost_node,
        pods_with_long_grace,
        tried,
        dry_runs,
    }
}

/// What was looked at and tried, each in a sentence.
fn tried(facts: &Facts) -> Vec<String> {
    let Facts { namespace, inventory, extensions, pods, dry_runs, .. } = facts;
    let conditions = if namespace.conditions.is_empty() {
        "the conditions of the namespace: there are none".to_owned()
    } else {
        "the conditions of the namespace: none of them reports a failure".to_owned()
    };
    let mut tried = vec![
        conditions,
        format!("the content of the namespace: {} types were listed", inventory.coverage.looked),
        format!(
            "what may be in the way: {}, {}, {}",
            counted(extensions.api_services.len() as u64, "aggregated API"),
            counted(extensions.admission_hooks.len() as u64, "admission hook"),
            counted(extensions.terminating_crds.len() as u64, "terminating CRD"),
        ),
    ];
    if !pods.is_empty() {
        tried.push(format!("{} and the nodes", counted(pods.len() as u64, "Pod")));
    }
    tried.extend(dry_runs.iter().map(|dry_run| {
        let outcome = if dry_run.quote().is_none() { "accepted" } else { "not accepted" };
        format!("dry run of {}: {outcome}", dry_run.request)
    }));
    tried
}

impl Diagnosis {
    /// The reason in few words, without the causes that are told once for all the namespaces that share them. Those
    /// are the reason where there is nothing besides.
    #[must_use]
    pub fn reason_besides(&self, shared: &[CommonCause]) -> String {
        let is_shared =
            |cause: &&Cause| shared.iter().any(|common| common.covers(&self.namespace.name, cause));
        let (told, own): (Vec<&Cause>, Vec<&Cause>) = self.causes.iter().partition(is_shared);
        if own.is_empty() && !told.is_empty() {
            return format!("{} (shared)", self.in_few_words(told.iter().map(|cause| cause.detail.as_str())));
        }
        self.in_few_words(own.iter().map(|cause| cause.detail.as_str()))
    }

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
        self.in_few_words(self.causes.iter().map(|cause| cause.detail.as_str()))
    }

    fn in_few_words<'a>(&self, details: impl Iterator<Item = &'a str>) -> String {
        let mut said: Vec<&str> = details.take(3).collect();
        match said.as_slice() {
            [] => return reason(&self.namespace),
            [_, _, _] => said[2] = "…",
            _ => {}
        }
        said.join("; ")
    }
}
