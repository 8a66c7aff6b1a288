//! Observing, in the order in which one look gives reason to the next.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use jiff::Timestamp;

use crate::cluster::{ApiError, Cluster, Discovered, LIST_CONCURRENCY};
use crate::diagnose::{Intercepted, PATIENCE, age, conversion_failures, queries, sees};
use crate::model::{
    Facts, Interceptor, Inventory, Namespace, OwnerTraces, Pod, Rehearsal, ResourceType, ServiceRef,
    Surroundings,
};

/// How close to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// Enough for the reason in few words.
    Overview,
    /// Enough to plan.
    Close,
    /// Owners and complaints as well.
    Whole,
}

/// Pods and rehearsals are looked at one namespace at a time; an overview does so for this many.
const OVERVIEW_CLOSE_LOOKS: usize = 20;

/// Observes namespaces, and returns the facts in their order. At most `keep` leftovers of a type are remembered one by one. Fails only where the
/// server as a whole is of no use.
pub(super) async fn observe(
    cluster: &Cluster,
    namespaces: Vec<Namespace>,
    keep: usize,
    depth: Depth,
) -> Result<Vec<Facts>, ApiError> {
    let discovered = cluster.discover().await?;
    let names: Vec<&str> = namespaces.iter().map(|namespace| namespace.name.as_str()).collect();
    let (mut inventories, mut surroundings) =
        futures::try_join!(cluster.take_stock(&discovered, &names, keep), cluster.surroundings(&discovered))?;
    convert(cluster, &discovered, &namespaces, &mut inventories, &mut surroundings, keep).await?;
    let now = Timestamp::now();
    let waits_for_report = |namespace: &Namespace| {
        namespace.conditions.is_empty() && age(namespace, now).is_some_and(|age| age >= PATIENCE)
    };
    let silent = namespaces.iter().any(waits_for_report);
    let services = services_in_question(&namespaces, &inventories, &surroundings);
    let (backends, lease, owners) = futures::join!(
        backends(cluster, services),
        async {
            if silent { cluster.lease("kube-system", "kube-controller-manager").await } else { Ok(None) }
        },
        async {
            if depth == Depth::Whole { owners(cluster, inventories.values()).await } else { BTreeMap::new() }
        },
    );
    surroundings.backends.extend(backends);
    surroundings.controller_lease = lease.unwrap_or_default();
    surroundings.owners = owners;
    let close = if depth == Depth::Overview { OVERVIEW_CLOSE_LOOKS } else { usize::MAX };
    let looks = namespaces.into_iter().enumerate().map(|(index, namespace)| {
        let inventory = inventories.remove(&namespace.name).unwrap_or_default();
        look_closer(cluster, namespace, inventory, surroundings.clone(), (index < close).then_some(depth))
    });
    Ok(futures::stream::iter(looks).buffered(LIST_CONCURRENCY).collect().await)
}

async fn look_closer(
    cluster: &Cluster,
    namespace: Namespace,
    inventory: Inventory,
    surroundings: Surroundings,
    depth: Option<Depth>,
) -> Facts {
    let mut facts = Facts {
        now: Timestamp::now(),
        namespace,
        inventory,
        surroundings,
        pods: Vec::new(),
        rehearsals: Vec::new(),
        complaints: Vec::new(),
    };
    let Some(depth) = depth else { return facts };
    let (pods, rehearsals, complaints) =
        futures::join!(pods(cluster, &facts), rehearse(cluster, &facts), async {
            if depth == Depth::Whole { complaints(cluster, &facts.inventory).await } else { Vec::new() }
        });
    (facts.pods, facts.rehearsals, facts.complaints) = (pods, rehearsals, complaints);
    facts
}

/// Types whose lists failed over their conversion webhook, or whose deletion did: how they convert, and what
/// is there, read through a version in which all of them are stored, if there is one.
async fn convert(
    cluster: &Cluster,
    discovered: &Discovered,
    namespaces: &[Namespace],
    inventories: &mut BTreeMap<String, Inventory>,
    surroundings: &mut Surroundings,
    keep: usize,
) -> Result<(), ApiError> {
    for (ty, message) in unconvertible(discovered, namespaces, inventories) {
        let crd = ty.to_string();
        let Ok(mut conversion) = cluster.conversion(&crd, &message).await else { continue };
        for version in &conversion.stored_versions {
            let stored = ResourceType { version: version.clone(), ..ty.clone() };
            let names: Vec<&str> = inventories.keys().map(String::as_str).collect();
            let again = cluster.take_stock_of(vec![stored], &names, keep).await?;
            if again.values().any(|found| found.coverage.looked == 0) {
                continue;
            }
            for (name, found) in again {
                if let Some(inventory) = inventories.get_mut(&name) {
                    inventory.replace(&ty, found);
                }
            }
            conversion.readable_through = Some(version.clone());
            break;
        }
        surroundings.conversions.insert(crd, conversion);
    }
    Ok(())
}

/// The types in question, and what was said of each.
fn unconvertible(
    discovered: &Discovered,
    namespaces: &[Namespace],
    inventories: &BTreeMap<String, Inventory>,
) -> BTreeMap<ResourceType, String> {
    let types = discovered.holding_types();
    let mut found = BTreeMap::new();
    for gap in inventories.values().flat_map(|inventory| &inventory.coverage.gaps) {
        let ty = types.iter().find(|ty| ty.group == gap.group && Some(&ty.resource) == gap.resource.as_ref());
        if let Some(ty) = ty
            && gap.detail.contains("conversion webhook for ")
        {
            found.insert(ty.clone(), gap.detail.clone());
        }
    }
    for condition in namespaces.iter().flat_map(|namespace| &namespace.conditions) {
        if condition.status != "True" {
            continue;
        }
        for (group, kind, said) in conversion_failures(&condition.message) {
            if let Some(ty) = types.iter().find(|ty| ty.group == group && ty.kind == kind) {
                found.entry(ty.clone()).or_insert(said);
            }
        }
    }
    found
}

/// The Services behind what may be in the way.
fn services_in_question(
    namespaces: &[Namespace],
    inventories: &BTreeMap<String, Inventory>,
    surroundings: &Surroundings,
) -> BTreeSet<ServiceRef> {
    let dead = surroundings.api_services.iter().filter(|service| service.available == Some(false));
    let mut services: BTreeSet<ServiceRef> = dead.map(|service| service.service.clone()).collect();
    services.extend(surroundings.conversions.values().filter_map(|conversion| conversion.service.clone()));
    for interceptor in &surroundings.interceptors {
        let in_question = namespaces.iter().any(|namespace| {
            inventories
                .get(&namespace.name)
                .is_some_and(|inventory| !sees(interceptor, namespace, inventory).is_empty())
        });
        services.extend(interceptor.service.clone().filter(|_| in_question));
    }
    services
}

async fn backends(
    cluster: &Cluster,
    services: BTreeSet<ServiceRef>,
) -> BTreeMap<ServiceRef, crate::model::Backend> {
    let looks = services.into_iter().map(|service| async move {
        let backend = cluster.backend(&service).await;
        (service, backend)
    });
    futures::future::join_all(looks).await.into_iter().collect()
}

async fn owners<'a>(
    cluster: &Cluster,
    inventories: impl Iterator<Item = &'a Inventory>,
) -> BTreeMap<String, OwnerTraces> {
    let looks = queries(inventories).into_iter().map(|query| async move {
        let mut traces = OwnerTraces::default();
        for (namespace, selector) in &query.pods {
            cluster.owner_pods(namespace.as_deref(), selector, &mut traces).await;
        }
        if let Some((namespace, name)) = &query.lease {
            match cluster.lease(namespace, name).await {
                Ok(lease) => traces.lease = lease,
                Err(error) => traces.unreadable.push(format!("lease {namespace}/{name}: {}", error.detail())),
            }
        }
        (query.name, traces)
    });
    futures::future::join_all(looks).await.into_iter().collect()
}

async fn pods(cluster: &Cluster, facts: &Facts) -> Vec<Pod> {
    let remain = facts
        .inventory
        .types
        .iter()
        .any(|of_type| of_type.resource.group.is_empty() && of_type.resource.resource == "pods");
    if !remain {
        return Vec::new();
    }
    // What cannot be looked at one by one is still counted in the inventory.
    cluster.pods(&facts.namespace.name).await.unwrap_or_default()
}

/// Dry runs of what webhooks and policies may refuse; none where nothing intercepts anything.
async fn rehearse(cluster: &Cluster, facts: &Facts) -> Vec<Rehearsal> {
    if !facts.namespace.is_terminating() {
        return Vec::new();
    }
    let (mut finalize, mut delete, mut release) = (false, BTreeSet::new(), BTreeSet::new());
    let index = |of_type: &crate::model::TypeLeftovers| {
        facts.inventory.types.iter().position(|each| each.resource == of_type.resource)
    };
    for interceptor in facts.surroundings.interceptors.iter().filter(|interceptor| may_refuse(interceptor)) {
        for seen in sees(interceptor, &facts.namespace, &facts.inventory) {
            match seen {
                Intercepted::Finalize => finalize = true,
                Intercepted::Delete(of_type) => delete.extend(index(of_type)),
                Intercepted::Release(of_type) => release.extend(index(of_type)),
            }
        }
    }
    let first = |index: &usize| {
        let of_type = &facts.inventory.types[*index];
        let held = of_type.sample.iter().find(|leftover| !leftover.finalizers.is_empty());
        held.or(of_type.sample.first()).map(|leftover| (&of_type.resource, leftover))
    };
    let finalizing =
        async { if finalize { cluster.rehearse_finalize(&facts.namespace).await } else { None } };
    let deleting = futures::future::join_all(
        delete.iter().filter_map(first).map(|(ty, leftover)| cluster.rehearse_delete(ty, leftover)),
    );
    let releasing = futures::future::join_all(
        release.iter().filter_map(first).map(|(ty, leftover)| cluster.rehearse_release(ty, leftover)),
    );
    let (finalizing, deleting, releasing) = futures::join!(finalizing, deleting, releasing);
    finalizing
        .into_iter()
        .chain(deleting.into_iter().flatten())
        .chain(releasing.into_iter().flatten())
        .collect()
}

/// One that fails open and is dead refuses nothing; everything else may.
fn may_refuse(interceptor: &Interceptor) -> bool {
    interceptor.fails_closed || interceptor.service.is_some() || interceptor.url.is_some()
}

/// What the first held object of each type says of itself.
async fn complaints(cluster: &Cluster, inventory: &Inventory) -> Vec<crate::model::Complaint> {
    let held = inventory.types.iter().filter_map(|of_type| {
        let leftover = of_type.sample.iter().find(|leftover| !leftover.finalizers.is_empty())?;
        // Built-in types have no owner of their own that would complain.
        of_type.resource.group.contains('.').then_some((&of_type.resource, leftover))
    });
    let looks = held.map(|(ty, leftover)| cluster.complaint(ty, leftover));
    futures::future::join_all(looks).await.into_iter().flatten().collect()
}
