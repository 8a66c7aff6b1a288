//! What a rule of a policy file consents to, where no person is asked.

use crate::diagnose::Held;
use crate::model::{Gap, Unreadable};

/// What a rule allows besides [`super::Leftovers`] and the finalizers that it names. The default allows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleConsent {
    /// Where the rule stands: `rules[0] (line 6)`.
    pub place: String,
    /// The flags of `clear --all` say it: then a finalizer whose removal does no harm need not be named.
    pub by_flags: bool,
    /// Nothing is released without evidence that its owner is gone.
    pub only_if_owner_absent: bool,
    /// Metadata finalizers of the namespace that are removed.
    pub metadata_finalizers: Vec<String>,
    /// API groups that may be unavailable.
    pub unavailable_apis: Vec<String>,
    /// Types that may not be listed.
    pub unlisted_types: Vec<String>,
    /// What happens to a zombie.
    pub zombies: ZombieConsent,
}

/// Which zombies are rearmed, so that the controller deletes what is inside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ZombieConsent {
    /// None: they are refused and named.
    #[default]
    Report,
    /// Those that are known to hold nothing.
    RearmEmpty,
    /// All of them.
    Rearm,
}

impl RuleConsent {
    /// Whether the rule accepts that this API is unavailable. A forbidden type is not unavailable.
    pub(super) fn accepts(&self, gap: &Gap) -> bool {
        match (gap.why, &gap.resource) {
            (Unreadable::Forbidden, Some(_)) => self.unlisted_types.contains(&gap.to_string()),
            (Unreadable::Forbidden, None) => false,
            _ => self.unavailable_apis.contains(&gap.group),
        }
    }

    /// Why the rule does not let go of a finalizer that it names.
    pub(super) fn keeps(&self, held: &Held) -> Option<String> {
        (self.only_if_owner_absent && !held.owner_absent).then(|| {
            let evidence = match held.evidence.last() {
                Some(evidence) => format!(" ({evidence})"),
                None => String::new(),
            };
            format!("it is not proven that its owner is gone{evidence}")
        })
    }
}
