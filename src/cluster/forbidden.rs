//! Reads that were refused with 403.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use k8s_openapi::Resource;

use super::ApiError;
use crate::model::{Gap, Unreadable};

/// Collects what was forbidden during a closer look, each type once. The look goes on without it, so it has to
/// be said.
#[derive(Debug, Default)]
pub struct ForbiddenReads(Mutex<BTreeMap<(&'static str, &'static str, &'static str), String>>);

impl ForbiddenReads {
    /// Remembers a failure, if it is one of permission.
    pub(super) fn note<K: Resource, T>(&self, read: &Result<T, ApiError>) {
        if let Err(error) = read
            && error.unreadable() == Unreadable::Forbidden
        {
            let mut forbidden = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            forbidden.entry((K::GROUP, K::VERSION, K::URL_PATH_SEGMENT)).or_insert_with(|| error.detail());
        }
    }

    /// All of it.
    #[must_use]
    pub fn into_gaps(self) -> Vec<Gap> {
        let forbidden = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let gap = |((group, version, resource), detail): ((&str, &str, &str), String)| Gap {
            group: group.to_owned(),
            version: version.to_owned(),
            resource: Some(resource.to_owned()),
            why: Unreadable::Forbidden,
            detail,
        };
        forbidden.into_iter().map(gap).collect()
    }
}
