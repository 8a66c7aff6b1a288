//! From what was observed to what would be done. Pure, and the one place where safety is decided.

mod protected;
mod refusal;

pub use protected::is_protected;
pub use refusal::Refusal;

use crate::model::{Inventory, KUBERNETES_FINALIZER, Namespace};

/// What may be done to live leftovers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Leftovers {
    /// Ask on a terminal; without one, refuse where live leftovers would be abandoned.
    #[default]
    Ask,
    /// Refuse where anything is left inside, or may be.
    Refuse,
    /// Abandon whatever is left inside.
    Orphan,
}

/// What the person allows.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// What may happen to leftovers.
    pub leftovers: Leftovers,
    /// `--allow-protected`: the namespace was named by hand, and is meant.
    pub allow_protected: bool,
}

/// What would end a namespace.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The namespace as it was when the plan was made.
    pub namespace: Namespace,
    /// What goes wrong, or may, when the plan is carried out.
    pub warnings: Vec<String>,
    /// Set: `--yes` alone is no consent to this, because live leftovers would be abandoned.
    pub abandons_live: u64,
}

impl Plan {
    /// The spec finalizers that the PUT to /finalize removes.
    #[must_use]
    pub fn removes(&self) -> Vec<&str> {
        vec![KUBERNETES_FINALIZER]
    }
}

/// Makes the plan for one namespace, or says which rule forbids it.
pub fn plan(namespace: &Namespace, inventory: &Inventory, policy: &Policy) -> Result<Plan, Refusal> {
    check(namespace, policy)?;
    let name = namespace.name.clone();
    let abandons_live = match policy.leftovers {
        Leftovers::Refuse if !inventory.is_empty() || !inventory.coverage.is_complete() => {
            return Err(Refusal::Leftovers { name });
        }
        Leftovers::Ask | Leftovers::Refuse => inventory.live(),
        Leftovers::Orphan => 0,
    };
    Ok(Plan { namespace: namespace.clone(), warnings: warnings(namespace, inventory), abandons_live })
}

/// The rules that need nothing but the namespace itself; checked again on every fresh read before a write.
pub fn check(namespace: &Namespace, policy: &Policy) -> Result<(), Refusal> {
    let name = namespace.name.clone();
    if !namespace.is_terminating() {
        let disarmed = !namespace.has_kubernetes_finalizer();
        return Err(Refusal::NotTerminating { name, disarmed });
    }
    if is_protected(&name) && !policy.allow_protected {
        return Err(Refusal::Protected { name });
    }
    if !namespace.has_kubernetes_finalizer() {
        let foreign: Vec<String> = namespace.foreign_spec_finalizers().map(str::to_owned).collect();
        let metadata = namespace.metadata_finalizers.clone();
        return Err(Refusal::NothingToFinalize { name, foreign, metadata });
    }
    Ok(())
}

fn warnings(namespace: &Namespace, inventory: &Inventory) -> Vec<String> {
    let mut warnings = Vec::new();
    let name = &namespace.name;
    for of_type in &inventory.types {
        warnings.push(format!(
            "{} {} in namespace {name} would be orphaned: they stay in etcd and come back with the name",
            of_type.total(),
            of_type.resource,
        ));
    }
    for gap in &inventory.coverage.gaps {
        warnings.push(format!("could not look at {gap} ({}): what is in there is unknown", gap.detail));
    }
    let foreign: Vec<&str> = namespace.foreign_spec_finalizers().collect();
    if !foreign.is_empty() {
        warnings.push(format!("the namespace will still be held by spec finalizer {}", foreign.join(", ")));
    }
    if !namespace.metadata_finalizers.is_empty() {
        warnings.push(format!(
            "the namespace will still be held by metadata finalizer {}",
            namespace.metadata_finalizers.join(", ")
        ));
    }
    warnings
}

#[cfg(test)]
mod tests;
