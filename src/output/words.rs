//! People's words for what the documents call by identifiers.

use crate::diagnose::{Cause, CauseKind};
use crate::plan::StepKind;

/// What a step does: `release`, `wait for`.
#[must_use]
pub(super) fn step(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Wait => "wait for",
        StepKind::ReleaseObject => "release",
        StepKind::DeleteObject => "delete",
        StepKind::RemoveMetadataFinalizer => "take the metadata finalizer off",
        StepKind::Rearm => "rearm",
        StepKind::Finalize => "finalize",
        StepKind::DeleteAgain => "delete again",
        StepKind::PurgeOrphan => "purge",
    }
}

/// What several namespaces have in common by their first cause.
#[must_use]
pub(super) fn shared(cause: &Cause) -> String {
    let Cause { kind, subject, detail, .. } = cause;
    match kind {
        CauseKind::HeldObjects => format!("objects inside are held by {subject}"),
        CauseKind::PodsOnLostNode => "pods are on a node that does not answer".to_owned(),
        CauseKind::LongGracePeriod => "pods were given hours to end".to_owned(),
        CauseKind::LiveObjects => "objects inside that nobody has deleted".to_owned(),
        CauseKind::Zombie => "no finalizer is left; nothing will remove it".to_owned(),
        CauseKind::Progressing => "deleted a moment ago; the controller may still be at work".to_owned(),
        _ => detail.clone(),
    }
}
