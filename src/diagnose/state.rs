//! What a stuck namespace looks like from the namespace object alone.

use std::time::Duration;

use jiff::Timestamp;

use super::reason_from_conditions;
use crate::model::Namespace;

/// How long the namespace controller may take without anything being wrong: 5 s of delay, one pass, and the
/// 60 s cap of its retry backoff (kubernetes' pkg/controller/namespace/namespace_controller.go).
pub const PATIENCE: Duration = Duration::from_secs(90);

/// The state of a namespace in Terminating.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::VariantArray)]
pub enum State {
    /// So young that the controller may still be at work.
    Progressing,
    /// Not gone after all that time.
    Stuck,
    /// No finalizer is left anywhere; nothing will ever remove it.
    Zombie,
}

impl State {
    /// Judges a terminating namespace by its age and finalizers.
    #[must_use]
    pub fn of(namespace: &Namespace, now: Timestamp) -> Self {
        if namespace.is_zombie() {
            Self::Zombie
        } else if age(namespace, now).is_none_or(|age| age < PATIENCE) {
            Self::Progressing
        } else {
            Self::Stuck
        }
    }
}

/// Time since the deletionTimestamp; zero where the clocks disagree.
#[must_use]
pub fn age(namespace: &Namespace, now: Timestamp) -> Option<Duration> {
    namespace.deleted.map(|deleted| Duration::try_from(now.duration_since(deleted)).unwrap_or_default())
}

/// Why the namespace is stuck, in few words, as far as the namespace object itself tells.
#[must_use]
pub fn reason(namespace: &Namespace) -> String {
    let list = |names: &[String]| names.join(", ");
    let foreign: Vec<String> = namespace.foreign_spec_finalizers().map(str::to_owned).collect();
    if namespace.is_zombie() {
        "no finalizer left; nothing will remove it".to_owned()
    } else if namespace.has_kubernetes_finalizer() {
        reason_from_conditions(namespace)
    } else if foreign.is_empty() {
        format!("held by metadata finalizer {}", list(&namespace.metadata_finalizers))
    } else {
        format!("held by spec finalizer {}", list(&foreign))
    }
}
