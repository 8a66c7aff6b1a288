//! The stuck namespaces by what keeps them: each of them once, below its most fundamental cause.

use super::{Cause, CauseKind, Diagnosis};

/// A cause with the namespaces that it keeps first of all.
#[derive(Debug)]
pub struct CauseGroup<'a> {
    /// The cause as it was found in the first of them; `None` where none was found.
    pub cause: Option<&'a Cause>,
    /// The namespaces, the oldest first.
    pub diagnoses: Vec<&'a Diagnosis>,
}

/// The groups, the largest first; of two of a size, the more fundamental.
#[must_use]
pub fn by_cause<'a>(diagnoses: impl IntoIterator<Item = &'a Diagnosis>) -> Vec<CauseGroup<'a>> {
    let mut groups: Vec<CauseGroup<'a>> = Vec::new();
    for diagnosis in diagnoses {
        let cause = diagnosis.causes.first();
        match groups.iter_mut().find(|group| same(group.cause, cause)) {
            Some(group) => group.diagnoses.push(diagnosis),
            None => groups.push(CauseGroup { cause, diagnoses: vec![diagnosis] }),
        }
    }
    for group in &mut groups {
        group.diagnoses.sort_by(|left, right| {
            right.age().cmp(&left.age()).then_with(|| left.namespace.name.cmp(&right.namespace.name))
        });
    }
    groups.sort_by_key(|group| {
        (
            std::cmp::Reverse(group.diagnoses.len()),
            group.cause.map_or(CauseKind::Unexplained, |cause| cause.kind),
        )
    });
    groups
}

/// Causes that lie inside a namespace are the same by their kind, those outside by what they are about.
fn same(left: Option<&Cause>, right: Option<&Cause>) -> bool {
    let (Some(left), Some(right)) = (left, right) else { return left.is_none() && right.is_none() };
    let by_kind = matches!(
        left.kind,
        CauseKind::Zombie
            | CauseKind::PodsOnLostNode
            | CauseKind::LongGracePeriod
            | CauseKind::LiveObjects
            | CauseKind::Progressing
    );
    left.kind == right.kind && (by_kind || left.subject == right.subject)
}
