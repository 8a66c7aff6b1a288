//! A further look at a namespace between two rounds.

use crate::cluster::{ApiError, Cluster};
use crate::diagnose::{Diagnosis, diagnose};
use crate::observe::{Depth, observe};

/// How many leftovers of a type are remembered by name, to name the orphans afterwards.
pub(super) const KEEP: usize = 20;

/// Why there is nothing to diagnose any more.
pub(super) enum Gone {
    /// The namespace does not exist.
    Missing,
    /// Another one of its name exists.
    Replaced,
    /// It could not be looked at.
    Unknown(ApiError),
}

/// Diagnoses a namespace as it is now, if it is still the one with this uid.
pub(super) async fn diagnose_again(
    cluster: &Cluster,
    name: &str,
    uid: &str,
    depth: Depth,
) -> Result<Diagnosis, Gone> {
    let fresh = match cluster.namespace(name).await {
        Ok(fresh) if fresh.uid == uid => fresh,
        Ok(_) => return Err(Gone::Replaced),
        Err(error) if error.is_missing_namespace() => return Err(Gone::Missing),
        Err(error) => return Err(Gone::Unknown(error)),
    };
    let facts = observe(cluster, vec![fresh], KEEP, depth).await.map_err(Gone::Unknown)?;
    // There are facts for every namespace that is asked about; to claim that it is gone would take a 404.
    facts.into_iter().next().map(diagnose).ok_or(Gone::Replaced)
}
