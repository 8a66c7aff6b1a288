//! What the person allows.

use std::time::Duration;

use super::RuleConsent;
use crate::diagnose::Held;
use crate::model::{Gap, KUBERNETES_FINALIZER};

/// What may be done to leftovers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, strum::VariantArray)]
pub enum Leftovers {
    /// Ask on a terminal; without one, refuse where live leftovers would be abandoned.
    #[default]
    Ask,
    /// Refuse where anything is left inside, or may be.
    Refuse,
    /// Abandon whatever is left inside.
    Orphan,
    /// Take finalizers off what is being deleted, delete what is live, and let the controller finish.
    Release,
}

/// What the person allows.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// What may happen to leftovers.
    pub leftovers: Leftovers,
    /// `--allow-protected`: the namespace was named by hand.
    pub allow_protected: bool,
    /// `--release-finalizer`: finalizers of leftovers that may be removed although that is dangerous.
    pub release_finalizers: Vec<String>,
    /// `--finalizer`: finalizers of the namespace itself to remove besides `kubernetes`.
    pub finalizers: Vec<String>,
    /// How long the controller has a namespace with content for itself before anything is forced.
    pub patience: Duration,
    /// `--all`: an empty zombie is rearmed too, so that its account needs no permission to delete namespaces.
    pub deletes_no_namespace: bool,
    /// What a rule of a policy file allows; `None` where the flags decide.
    pub rule: Option<RuleConsent>,
}

impl Policy {
    /// Whether a spec finalizer of the namespace is to be removed: `kubernetes`, and those that were named.
    #[must_use]
    pub fn names_spec(&self, finalizer: &str) -> bool {
        finalizer == KUBERNETES_FINALIZER || self.finalizers.iter().any(|name| name == finalizer)
    }

    /// Whether a metadata finalizer of the namespace was named.
    #[must_use]
    pub fn names_metadata(&self, finalizer: &str) -> bool {
        let by_rule = self.rule.iter().flat_map(|rule| &rule.metadata_finalizers);
        self.finalizers.iter().chain(by_rule).any(|name| name == finalizer)
    }

    /// Why a finalizer of a leftover is not released; `None` where it may be. Rule 9: a dangerous one is never
    /// released unless it was named. A rule of a policy file has to name every one.
    #[must_use]
    pub fn keeps(&self, held: &Held) -> Option<String> {
        let named = self.release_finalizers.contains(&held.finalizer);
        match &self.rule {
            Some(rule) if !named && !rule.by_flags => {
                Some(format!("release.finalizers of {} does not name it", rule.place))
            }
            rule => (!named && held.is_dangerous())
                .then(|| harmful(held))
                .or_else(|| rule.as_ref().and_then(|rule| rule.keeps(held))),
        }
    }

    /// Whether nothing but the missing proof that its owner is gone keeps a finalizer: naming it does not help.
    #[must_use]
    pub fn lacks_proof(&self, held: &Held) -> bool {
        let named = self.release_finalizers.contains(&held.finalizer);
        let Some(rule) = &self.rule else { return false };
        rule.keeps(held).is_some() && (named || rule.by_flags && !held.is_dangerous())
    }

    /// Whether a finalizer of a leftover may be released.
    #[must_use]
    pub fn may_release(&self, held: &Held) -> bool {
        self.keeps(held).is_none()
    }

    /// Whether a rule accepts that this could not be looked at.
    #[must_use]
    pub fn accepts(&self, gap: &Gap) -> bool {
        self.rule.as_ref().is_some_and(|rule| rule.accepts(gap))
    }
}

fn harmful(held: &Held) -> String {
    format!(
        "removing it does harm: {}; to release it all the same, add --release-finalizer={}",
        held.harm(),
        held.finalizer
    )
}
