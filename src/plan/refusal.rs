//! Why a plan is not made.

use super::Policy;
use crate::model::{Hint, ShellCommand};

/// A safety rule that says no, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Rule 1: only a namespace that is being deleted may be finalized.
    #[error("namespace {name:?} is Active, not Terminating: finalizing it would abandon everything inside")]
    NotTerminating {
        name: String,
        /// Whether it has lost its `kubernetes` finalizer already.
        disarmed: bool,
    },
    /// Rule 1: a namespace that the cluster does not survive losing.
    #[error("namespace {name:?} is protected: the cluster depends on it")]
    Protected { name: String },
    /// The `kubernetes` finalizer is not what holds it.
    #[error("{}", nothing_to_finalize(name, foreign, metadata))]
    NothingToFinalize {
        name: String,
        /// Its other spec finalizers.
        foreign: Vec<String>,
        /// Its metadata finalizers.
        metadata: Vec<String>,
    },
    /// Other finalizers keep the namespace, with or without the PUT.
    #[error(
        "{}; removing \"kubernetes\" alone would abandon what is inside and not end it",
        held_besides(name, foreign, metadata)
    )]
    HeldBesides {
        name: String,
        /// Its other spec finalizers, those that were not named.
        foreign: Vec<String>,
        /// Its metadata finalizers, those that were not named.
        metadata: Vec<String>,
    },
    /// `--leftovers=release` may not do more, and something is left or unknown.
    #[error("namespace {name:?} still holds {}, which may not be abandoned", remains.join(", "))]
    Remains {
        name: String,
        /// What is left, or may be.
        remains: Vec<String>,
        /// The finalizers that were kept because removing them does harm, or because nobody has named them.
        finalizers: Vec<String>,
        /// Those that were kept because it is not proven that their owners are gone.
        unproven: Vec<String>,
    },
    /// `--leftovers=refuse`.
    #[error("namespace {name:?} {}", not_known_empty(left, unknown))]
    Leftovers {
        name: String,
        /// What is inside, by type.
        left: Vec<String>,
        /// What could not be looked at.
        unknown: Vec<String>,
    },
    /// A zombie, without consent to rearm it.
    #[error("namespace {name:?} is a zombie: it has no finalizer left, and {}", inside_zombie(left, unknown))]
    Zombie {
        name: String,
        /// What is inside, by type.
        left: Vec<String>,
        /// What could not be looked at.
        unknown: Vec<String>,
    },
    /// Rule 5: `--yes` does not allow abandoning live objects.
    #[error("namespace {name:?} still holds {live} that nobody has asked to delete")]
    LiveLeftovers { name: String, live: String },
}

impl Refusal {
    /// What can be done instead, by flags or in the policy file, whichever has decided.
    #[must_use]
    pub fn hint_under(&self, policy: &Policy) -> Hint {
        match &policy.rule {
            Some(rule) if !rule.by_flags => self.hint_in_file(&rule.place),
            _ => self.hint(),
        }
    }

    /// What can be written into the policy file.
    fn hint_in_file(&self, place: &str) -> Hint {
        match self {
            Self::Protected { .. } => {
                "no policy clears it; to leave it alone without a word, write its name into exclude".into()
            }
            Self::HeldBesides { foreign, metadata, .. } | Self::NothingToFinalize { foreign, metadata, .. }
                if foreign.is_empty() && !metadata.is_empty() =>
            {
                format!(
                    "the controllers that put them there have to remove them; if those are gone for good, write {} \
                     into metadataFinalizers of {place}",
                    metadata.join(", ")
                )
                .into()
            }
            Self::HeldBesides { name, .. } | Self::NothingToFinalize { name, .. } => {
                Hint::from("no policy removes a foreign spec finalizer: ")
                    .command(ShellCommand::nsfix(["explain", name]))
                    .text(" says whose it is")
            }
            Self::Remains { finalizers, unproven, .. } if finalizers.is_empty() && unproven.is_empty() => format!(
                "mend what keeps it from being listed, or give it up in acceptUnavailableApis or acceptUnlistedTypes \
                 of {place}"
            )
            .into(),
            Self::Remains { finalizers, unproven, name, .. } => {
                let mut hint = Hint::from(ShellCommand::nsfix(["explain", name])).text(" says who the owners are");
                if !finalizers.is_empty() {
                    let names = finalizers.join(", ");
                    hint = hint.text(format!(
                        "; to release what is held, write {names} into release.finalizers of {place}"
                    ));
                }
                if !unproven.is_empty() {
                    let names = unproven.join(", ");
                    hint = hint.text(format!(
                        "; onlyIfOwnerAbsent of {place} keeps {names}: it is not proven that the owner is gone"
                    ));
                }
                hint
            }
            Self::Zombie { name, .. } => format!(
                "zombies: rearm in {place} has the controller delete what is inside; to leave it alone, write {name} \
                 into exclude. Any change to it, an annotation too, removes it at once and abandons its content"
            )
            .into(),
            _ => self.hint(),
        }
    }

    /// What can be done instead.
    #[must_use]
    pub fn hint(&self) -> Hint {
        match self {
            Self::NotTerminating { name, disarmed: false } => {
                Hint::from("what its deletion would do: ").command(ShellCommand::nsfix(["check"]).names([name]))
            }
            Self::NotTerminating { name, disarmed: true } => Hint::from(
                "it has also lost its \"kubernetes\" finalizer, so that deleting it now would leave its content \
                 behind; to rearm it: ",
            )
            .command(super::step::rearm_active_command(name)),
            Self::Protected { .. } => "if it is really meant, name it by hand with --allow-protected".into(),
            Self::NothingToFinalize { name, foreign, metadata } if foreign.is_empty() && metadata.is_empty() => {
                Hint::from("deleting it once more removes it: ")
                    .command(ShellCommand::kubectl(["delete", "namespace"]).names([name]))
            }
            Self::NothingToFinalize { foreign, metadata, .. } if foreign.len() + metadata.len() == 1 => format!(
                "the controller that put the finalizer there has to remove it; if it is gone for good, add {}",
                flags("finalizer", foreign.iter().chain(metadata))
            )
            .into(),
            Self::HeldBesides { foreign, metadata, .. } | Self::NothingToFinalize { foreign, metadata, .. } => format!(
                "the controllers that put them there have to remove them; if those are gone for good, add {}",
                flags("finalizer", foreign.iter().chain(metadata))
            )
            .into(),
            Self::Remains { finalizers, unproven, name, .. } if finalizers.is_empty() && !unproven.is_empty() => {
                let names = unproven.join(", ");
                Hint::from(format!(
                    "--only-if-owner-absent keeps {names}: it is not proven that the owner is gone; "
                ))
                .command(ShellCommand::nsfix(["explain", name]))
                .text(" says what was seen of it")
            }
            Self::Remains { finalizers, .. } if finalizers.is_empty() => {
                "mend what keeps it from being listed, or look again as an account that may; --leftovers=orphan abandons it".into()
            }
            Self::Remains { finalizers, .. } => format!(
                "to release it although that does harm, add {}; --leftovers=orphan abandons it",
                flags("release-finalizer", finalizers)
            )
            .into(),
            Self::Leftovers { name, .. } => Hint::from(ShellCommand::nsfix(["explain", name]))
                .text(" shows why it is stuck, and what would end it"),
            Self::Zombie { name, .. } => Hint::from(ShellCommand::nsfix(["clear", name]))
                .text(" rearms it, so that the controller deletes what is inside; to leave it alone: ")
                .text(format!("--exclude={name}"))
                .text(". Any change to it, an annotation too, removes it at once and abandons its content"),
            Self::LiveLeftovers { .. } => {
                "to have them deleted first, add --leftovers=release; to abandon them in etcd, --leftovers=orphan".into()
            }
        }
    }
}

/// `--FLAG=NAME` for each of the names.
fn flags<'a>(flag: &str, names: impl IntoIterator<Item = &'a String>) -> String {
    let flags: Vec<String> = names.into_iter().map(|name| format!("--{flag}={name}")).collect();
    flags.join(" ")
}

/// How many types are named before the rest is only counted.
const NAMED: usize = 3;

fn not_known_empty(left: &[String], unknown: &[String]) -> String {
    let list = |names: &[String]| match names.len().saturating_sub(NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names[..NAMED].join(", ")),
    };
    let holds = format!("still holds {}", list(left));
    let incomplete = format!("could not be looked at completely (not at {})", list(unknown));
    match (left, unknown) {
        (_, []) => holds,
        ([], _) => incomplete,
        _ => format!("{holds}, and {incomplete}"),
    }
}

fn inside_zombie(left: &[String], unknown: &[String]) -> String {
    match (left, unknown) {
        ([], []) => "nothing will remove it".to_owned(),
        _ => not_known_empty(left, unknown),
    }
}

fn held_besides(name: &str, foreign: &[String], metadata: &[String]) -> String {
    let foreign = foreign.iter().map(|finalizer| format!("spec finalizer {finalizer}"));
    let metadata = metadata.iter().map(|finalizer| format!("metadata finalizer {finalizer}"));
    let held: Vec<String> = foreign.chain(metadata).collect();
    format!("namespace {name:?} is also held by {}", held.join(", "))
}

fn nothing_to_finalize(name: &str, foreign: &[String], metadata: &[String]) -> String {
    let mut held: Vec<String> =
        foreign.iter().map(|finalizer| format!("spec finalizer {finalizer}")).collect();
    held.extend(metadata.iter().map(|finalizer| format!("metadata finalizer {finalizer}")));
    if held.is_empty() {
        return format!("namespace {name:?} has no finalizer left: there is nothing to finalize");
    }
    format!("namespace {name:?} is not held by the \"kubernetes\" finalizer but by {}", held.join(", "))
}
