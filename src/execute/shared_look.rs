//! One look for several namespaces: each has to be asked about right before its last write, and where something could not
//! be looked at, after its end.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use tokio::sync::{Mutex, oneshot};

use crate::cluster::{ApiError, Cluster, LIST_CONCURRENCY};
use crate::model::{Gap, Inventory, ResourceType, Unreadable};

/// What is asked about a namespace.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// Every type that is served now.
    pub(super) everything: bool,
    /// These types, also where they are not served any more.
    pub(super) held: Vec<ResourceType>,
    /// The types that could not be looked at before.
    pub(super) unknown: Vec<Gap>,
    /// How many objects of a type are to be remembered.
    pub(super) keep: usize,
}

/// What was found of one namespace.
#[derive(Clone, Debug)]
pub(super) struct Looked {
    pub(super) inside: Inventory,
    /// The types that were asked for, successfully or not.
    pub(super) types: Arc<Vec<ResourceType>>,
}

type Found = Result<Looked, ApiError>;

#[derive(Debug)]
struct Waiting {
    namespace: String,
    wanted: Wanted,
    sender: oneshot::Sender<Found>,
}

/// Namespaces that ask while a look is under way share the next one: with hundreds of types a list of each over all of
/// them is much less than one for each of them.
#[derive(Debug, Default)]
pub struct SharedLook {
    waiting: RefCell<Vec<Waiting>>,
    under_way: Mutex<()>,
}

impl Wanted {
    /// Every type; one object of each is remembered.
    pub(super) fn everything() -> Self {
        Self { everything: true, keep: 1, ..Self::default() }
    }

    fn covers(&self, ty: &ResourceType) -> bool {
        self.everything
            || self.held.iter().any(|held| held.is_same_in_any_version(ty))
            || self.unknown.iter().any(|gap| gap.covers(ty))
    }

    /// Whether something that is asked about may be in what could not be looked at.
    fn may_be_in(&self, gap: &Gap) -> bool {
        self.everything
            || self.held.iter().any(|held| gap.covers(held))
            || self.unknown.iter().any(|unknown| unknown.overlaps(gap))
    }
}

impl SharedLook {
    /// What is inside a namespace, asked for after this call has begun.
    pub(super) async fn at(&self, cluster: &Cluster, namespace: &str, wanted: Wanted) -> Found {
        loop {
            let (sender, mut found) = oneshot::channel();
            let waiting = Waiting { namespace: namespace.to_owned(), wanted: wanted.clone(), sender };
            self.waiting.borrow_mut().push(waiting);
            tokio::select! {
                biased;
                found = &mut found => if let Ok(found) = found { return found },
                _turn = self.under_way.lock() => look(cluster, self.waiting.take()).await,
            }
            // Whoever has looked for both may have ended in the middle of it.
            if let Ok(found) = found.try_recv() {
                return found;
            }
        }
    }
}

async fn look(cluster: &Cluster, waiting: Vec<Waiting>) {
    // Nobody waits for it any more where a run has ended.
    let waiting: Vec<Waiting> = waiting.into_iter().filter(|each| !each.sender.is_closed()).collect();
    if waiting.is_empty() {
        return;
    }
    let (served, not_discovered) = match cluster.discover().await {
        Ok(discovered) => (discovered.holding_types(), discovered.gaps),
        Err(error) => return tell(waiting, &Err(error)),
    };
    let mut types: Vec<ResourceType> =
        served.into_iter().filter(|ty| waiting.iter().any(|each| each.wanted.covers(ty))).collect();
    for held in waiting.iter().flat_map(|each| &each.wanted.held) {
        if !types.iter().any(|ty| ty.is_same_in_any_version(held)) {
            types.push(held.clone());
        }
    }
    let names: Vec<&str> = waiting.iter().map(|each| each.namespace.as_str()).collect();
    let keep = waiting.iter().map(|each| each.wanted.keep).max().unwrap_or_default();
    let mut found = cluster.list_leftovers_of(types.clone(), &names, keep).await;
    if let Ok(found) = &mut found
        && let Err(error) = ask_alone(cluster, &types, found, keep).await
    {
        return tell(waiting, &Err(error));
    }
    let types = Arc::new(types);
    tell(
        waiting,
        &found.map(|mut found| {
            for inside in found.values_mut() {
                inside.coverage.gaps.extend(not_discovered.iter().cloned());
                inside.coverage.gaps.sort();
            }
            (found, types)
        }),
    );
}

/// Each counts for itself here: where a list over all of them did not do, or one of them was left out because of the
/// others, it is asked about alone.
async fn ask_alone(
    cluster: &Cluster,
    types: &[ResourceType],
    found: &mut BTreeMap<String, Inventory>,
    keep: usize,
) -> Result<(), ApiError> {
    if found.len() == 1 {
        return Ok(());
    }
    let own = |inside: &Inventory| -> Vec<ResourceType> {
        let gaps: Vec<&Gap> = inside.coverage.gaps.iter().filter(|gap| may_do_better_alone(gap)).collect();
        types.iter().filter(|ty| gaps.iter().any(|gap| gap.covers(ty))).cloned().collect()
    };
    let asked: Vec<(String, Vec<ResourceType>)> = found
        .iter()
        .map(|(name, inside)| (name.clone(), own(inside)))
        .filter(|(_, own)| !own.is_empty())
        .collect();
    let alone: Vec<(String, Vec<ResourceType>, Option<Inventory>)> = futures::stream::iter(asked)
        .map(|(name, own)| async move {
            let mut alone = cluster.list_leftovers_of(own.clone(), &[&name], keep).await?;
            let of_it = alone.remove(&name);
            Ok::<_, ApiError>((name, own, of_it))
        })
        .buffer_unordered(LIST_CONCURRENCY)
        .try_collect()
        .await?;
    for (name, own, alone) in alone {
        if let (Some(inside), Some(alone)) = (found.get_mut(&name), alone) {
            take_over(inside, &own, alone);
        }
    }
    Ok(())
}

/// What a list of one namespace says counts, unless it has failed as well and shows less.
fn take_over(inside: &mut Inventory, asked: &[ResourceType], alone: Inventory) {
    inside.coverage.gaps.retain(|gap| !may_do_better_alone(gap));
    inside.types.retain(|known| {
        let ty = &known.resource;
        let better =
            alone.types.iter().any(|of_type| of_type.resource == *ty && of_type.total() >= known.total());
        let failed = alone.coverage.gaps.iter().any(|gap| gap.covers(ty));
        !asked.contains(ty) || failed && !better
    });
    for of_type in alone.types {
        if inside.types.iter().all(|known| known.resource != of_type.resource) {
            inside.types.push(of_type);
        }
    }
    inside.types.sort_by(|a, b| a.resource.cmp(&b.resource));
    inside.coverage.gaps.extend(alone.coverage.gaps);
}

/// Not where the answer is the same everywhere, or was given for this namespace already.
fn may_do_better_alone(gap: &Gap) -> bool {
    gap.resource.is_some()
        && matches!(gap.why, Unreadable::NotAsked | Unreadable::TimedOut | Unreadable::Failed)
}

type OfAll = (BTreeMap<String, Inventory>, Arc<Vec<ResourceType>>);

fn tell(waiting: Vec<Waiting>, found: &Result<OfAll, ApiError>) {
    for Waiting { namespace, wanted, sender } in waiting {
        let of_it = match found {
            Ok((found, types)) => {
                let mut inside = found.get(&namespace).cloned().unwrap_or_default();
                inside.coverage.gaps.retain(|gap| wanted.may_be_in(gap));
                Ok(Looked { inside, types: Arc::clone(types) })
            }
            Err(error) => Err(error.clone()),
        };
        // The same as above.
        let _ = sender.send(of_it);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Leftover, TypeLeftovers, resource};

    fn some(name: &str, count: u64, at_least: bool) -> TypeLeftovers {
        let mut of_type = TypeLeftovers::none(resource("", name, name));
        (of_type.live, of_type.at_least, of_type.sample) = (count, at_least, Vec::<Leftover>::new());
        of_type
    }

    fn gap(name: Option<&str>, why: Unreadable) -> Gap {
        let resource = name.map(str::to_owned);
        Gap { group: String::new(), version: "v1".to_owned(), resource, why, detail: "no".to_owned() }
    }

    fn inventory(types: &[TypeLeftovers], gaps: &[Gap]) -> Inventory {
        let mut inventory = Inventory { types: types.to_vec(), ..Inventory::default() };
        inventory.coverage.gaps = gaps.to_vec();
        inventory
    }

    /// What is inside once secrets and configmaps were asked about alone.
    fn after(alone: &Inventory) -> (Vec<(String, u64, bool)>, Vec<String>) {
        let seen = [some("configmaps", 3, true), some("pods", 1, false)];
        let gaps = [
            gap(Some("configmaps"), Unreadable::Failed),
            gap(Some("leases"), Unreadable::Forbidden),
            gap(None, Unreadable::TimedOut),
            gap(Some("secrets"), Unreadable::NotAsked),
        ];
        let mut inside = inventory(&seen, &gaps);
        let asked = ["secrets", "configmaps"].map(|name| resource("", name, name));
        take_over(&mut inside, &asked, alone.clone());
        let types = inside.types.iter();
        let types = types.map(|of_type| (of_type.resource.to_string(), of_type.total(), of_type.at_least));
        (types.collect(), inside.coverage.gaps.iter().map(ToString::to_string).collect())
    }

    fn found(types: &[(&str, u64, bool)]) -> Vec<(String, u64, bool)> {
        types.iter().map(|(name, count, at_least)| ((*name).to_owned(), *count, *at_least)).collect()
    }

    #[test]
    fn what_a_namespace_says_alone_is_what_is_inside() {
        let (types, gaps) = after(&inventory(&[some("secrets", 2, false)], &[]));
        assert_eq!(types, found(&[("pods", 1, false), ("secrets", 2, false)]));
        assert_eq!(gaps, ["leases", "v1"]);
        let (types, _) = after(&inventory(&[some("configmaps", 1, false)], &[]));
        assert_eq!(types, found(&[("configmaps", 1, false), ("pods", 1, false)]));
    }

    #[test]
    fn where_it_has_failed_alone_as_well_the_larger_of_both_counts() {
        let failed = [gap(Some("configmaps"), Unreadable::Failed)];
        for (alone, counts) in [(0, 3), (2, 3), (3, 3), (5, 5)] {
            let seen: Vec<TypeLeftovers> =
                (alone > 0).then(|| some("configmaps", alone, true)).into_iter().collect();
            let (types, gaps) = after(&inventory(&seen, &failed));
            assert_eq!(types, found(&[("configmaps", counts, true), ("pods", 1, false)]), "{alone}");
            assert_eq!(gaps, ["leases", "v1", "configmaps"]);
        }
        // Another type's larger number says nothing of it.
        let (types, _) = after(&inventory(&[some("secrets", 9, false)], &failed));
        assert_eq!(types, found(&[("configmaps", 3, true), ("pods", 1, false), ("secrets", 9, false)]));
    }
}
