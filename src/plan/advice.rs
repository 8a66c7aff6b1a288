//! What nsfix will not do itself.

use crate::diagnose::{Cause, CauseKind};
use crate::model::ShellCommand;

/// Something for the person to do, with the exact command where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What, and why.
    pub text: String,
    pub command: Option<ShellCommand>,
}

/// The remedies of the causes that lie outside the namespace, or with its owners. What helps against several of them
/// is said once.
#[must_use]
pub fn advice(causes: &[Cause]) -> Vec<Advice> {
    let outside = causes.iter().filter(|cause| {
        !cause.remedy.is_empty() && !matches!(cause.kind, CauseKind::Progressing | CauseKind::LiveObjects)
    });
    let mut remedies: Vec<(Vec<&str>, &Cause)> = Vec::new();
    for cause in outside {
        let same = |(_, known): &&mut (Vec<&str>, &Cause)| {
            known.remedy == cause.remedy && known.command == cause.command
        };
        match remedies.iter_mut().find(same) {
            Some((subjects, _)) if subjects.contains(&cause.subject.as_str()) => {}
            Some((subjects, _)) => subjects.push(&cause.subject),
            None => remedies.push((vec![&cause.subject], cause)),
        }
    }
    remedies
        .into_iter()
        .map(|(subjects, cause)| Advice {
            text: format!("{}: {}", subjects.join(", "), cause.remedy),
            command: cause.command.clone(),
        })
        .collect()
}
