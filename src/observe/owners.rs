//! Who put finalizers on what is inside, and what was seen of them.

use std::collections::{BTreeMap, BTreeSet};

use super::Look;
use crate::cluster::ApiError;
use crate::diagnose::OwnerQuery;
use crate::model::{Lease, OwnerTraces};

/// What was read of each lease.
pub(super) type Leases = BTreeMap<(String, String), Result<Option<Lease>, ApiError>>;

/// The owners of finalizers, and the leases that were asked for; owners have pods and leases in common.
pub(super) async fn owners(
    look: &Look<'_>,
    queries: &[OwnerQuery],
    more_leases: Option<(String, String)>,
) -> (BTreeMap<String, OwnerTraces>, Leases) {
    let places: BTreeSet<_> = queries.iter().flat_map(|query| &query.pods).collect();
    let leases: BTreeSet<_> =
        queries.iter().filter_map(|query| query.lease.clone()).chain(more_leases).collect();
    let pods = places.into_iter().map(|place| async move {
        let (namespace, selector) = place;
        (place, look.cluster.owner_pods(namespace.as_deref(), selector).await)
    });
    let leases = leases.into_iter().map(|(namespace, name)| async move {
        let lease = look.cluster.lease(&namespace, &name, &look.forbidden).await;
        ((namespace, name), lease)
    });
    let (pods, leases) = futures::join!(futures::future::join_all(pods), futures::future::join_all(leases));
    let pods: BTreeMap<_, OwnerTraces> = pods.into_iter().collect();
    let selectors: BTreeSet<&String> = queries.iter().flat_map(|query| &query.anywhere).collect();
    let looks = selectors
        .into_iter()
        .map(|selector| async move { (selector, look.cluster.is_anywhere(selector).await) });
    let anywhere: BTreeMap<&String, Option<bool>> =
        futures::future::join_all(looks).await.into_iter().collect();
    let leases: Leases = leases.into_iter().collect();
    let traces = queries.iter().map(|query| {
        let mut traces = OwnerTraces::default();
        let found = query.pods.iter().filter_map(|place| pods.get(place));
        found.for_each(|found| traces.add(found.clone()));
        match query.lease.as_ref().and_then(|lease| leases.get_key_value(lease)) {
            Some((_, Ok(lease))) => traces.lease.clone_from(lease),
            Some(((namespace, name), Err(error))) => {
                traces.unreadable.push(format!("lease {namespace}/{name}: {}", error.detail()));
            }
            None => {}
        }
        traces.anywhere =
            all_of(query.anywhere.iter().map(|selector| anywhere.get(selector).copied().flatten()));
        (query.name.clone(), traces)
    });
    (traces.collect(), leases)
}

/// Found in one look, or in none of them; `None` where one is not known or none was made.
fn all_of(looks: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    looks.reduce(|one, other| match (one, other) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    })?
}
