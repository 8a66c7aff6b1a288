//! What the person allows.

use std::time::Duration;

use crate::diagnose::Held;

/// What may be done to leftovers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Leftovers {
    /// Ask on a terminal; without one, refuse where live leftovers would be abandoned
    #[default]
    Ask,
    /// Refuse where anything is left inside, or may be
    Refuse,
    /// Abandon whatever is left inside
    Orphan,
    /// Take finalizers off what is being deleted, delete what is live, and let the controller finish
    Release,
}

/// What the person allows.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// What may happen to leftovers.
    pub leftovers: Leftovers,
    /// `--allow-protected`: the namespace was named by hand, and is meant.
    pub allow_protected: bool,
    /// `--release-finalizer`: finalizers of leftovers that may be removed although that is dangerous.
    pub release_finalizers: Vec<String>,
    /// `--finalizer`: finalizers of the namespace itself to remove besides `kubernetes`.
    pub finalizers: Vec<String>,
    /// How long the controller has a namespace with content for itself before anything is forced.
    pub patience: Duration,
    /// `--all`: an empty zombie is rearmed too, so that a robot need not be allowed to delete namespaces.
    pub deletes_no_namespace: bool,
}

impl Policy {
    /// Whether a finalizer of the namespace itself was named.
    #[must_use]
    pub fn names(&self, finalizer: &str) -> bool {
        self.finalizers.iter().any(|name| name == finalizer)
    }

    /// Rule 9: a dangerous finalizer is never released unless it was named.
    #[must_use]
    pub fn may_release(&self, held: &Held) -> bool {
        !held.is_dangerous() || self.release_finalizers.contains(&held.finalizer)
    }
}
