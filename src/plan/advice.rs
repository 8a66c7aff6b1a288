//! What nsfix will not do itself.

use crate::diagnose::{Cause, CauseKind};
use crate::model::ShellCommand;

/// Something for the person to do, with the exact command where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What, and why.
    pub text: String,
    /// How.
    pub command: Option<ShellCommand>,
}

/// The remedies of the causes that lie outside the namespace, or with its owners.
#[must_use]
pub fn advice(causes: &[Cause]) -> Vec<Advice> {
    let outside = causes.iter().filter(|cause| {
        !cause.remedy.is_empty() && !matches!(cause.kind, CauseKind::Progressing | CauseKind::LiveObjects)
    });
    outside
        .map(|cause| Advice {
            text: format!("{}: {}", cause.subject, cause.remedy),
            command: cause.command.clone(),
        })
        .collect()
}
