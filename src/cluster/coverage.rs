//! What a list that fails means for the coverage: the content of the type is unknown, never empty.

use super::ApiError;
use crate::model::{Gap, ResourceType, Unreadable};

/// What the list of a type came to.
pub(super) enum Listed<T> {
    /// It was read to its end.
    Found(T),
    /// It was not, and the rest of the cluster can be looked at all the same.
    Unknown(Gap),
}

impl<T> Listed<T> {
    /// Fails where the server as a whole is of no use.
    pub(super) fn of(ty: &ResourceType, read: Result<T, ApiError>) -> Result<Self, ApiError> {
        match read {
            Ok(found) => Ok(Self::Found(found)),
            Err(error) if error.is_fatal() => Err(error),
            Err(error) => Ok(Self::Unknown(gap(ty, &error))),
        }
    }

    /// What was found; a gap is noted among the others.
    pub(super) fn or_note(self, gaps: &mut Vec<Gap>) -> T
    where
        T: Default,
    {
        self.found().unwrap_or_else(|gap| {
            gaps.push(gap);
            T::default()
        })
    }

    /// What was found, or the gap.
    pub(super) fn found(self) -> Result<T, Gap> {
        match self {
            Self::Found(found) => Ok(found),
            Self::Unknown(gap) => Err(gap),
        }
    }
}

/// What a failed list of a type means for the coverage.
pub(super) fn gap(ty: &ResourceType, error: &ApiError) -> Gap {
    let why = match error.code() {
        // Not in the words in which the API server refuses an account: who serves the type says this.
        Some(401) => Unreadable::Failed,
        Some(403) if error.forbidden_resource() != Some((&ty.resource, &ty.group)) => Unreadable::Failed,
        _ => error.unreadable(),
    };
    Gap {
        group: ty.group.clone(),
        version: ty.version.clone(),
        resource: Some(ty.resource.clone()),
        why,
        detail: answer_of(ty, error),
    }
}

/// An aggregated API server may answer for a group: its odd answer is not one of the kube-apiserver.
fn answer_of(ty: &ResourceType, error: &ApiError) -> String {
    match error {
        ApiError::NotKubernetes { what, .. } if !ty.group.is_empty() => {
            format!("the answer is not one of a Kubernetes API: {what}")
        }
        ApiError::BrokenOff { what, .. } if !ty.group.is_empty() => format!("the answer broke off: {what}"),
        _ => error.detail(),
    }
}
