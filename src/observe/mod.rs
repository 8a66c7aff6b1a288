//! Observing, in the order in which one look gives reason to the next.

mod deletion;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt;
use jiff::Timestamp;

use crate::cluster::{ApiError, Cluster, Discovered, ForbiddenReads, LIST_CONCURRENCY};
use crate::diagnose::{Intercepted, OwnerQuery, PATIENCE, age, conversion_failures, queries, sees};
use crate::model::{
    AdmissionHook, Backend, ClusterExtensions, Conversion, DryRunResult, Facts, Gap, Inventory, Lease,
    Namespace, NodeState, OwnerTraces, Pod, Presence, ResourceType, ServiceRef, Unreadable,
};

pub use deletion::before_deletion;

/// How close to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Enough for the reason in few words.
    Overview,
    /// Enough to plan.
    Close,
    /// Owners and the failing conditions of held objects as well.
    Whole,
}

/// Pods and dry runs are looked at one namespace at a time; an overview does so for this many.
const OVERVIEW_CLOSE_LOOKS: usize = 20;

/// What every closer look needs.
struct Look<'a> {
    cluster: &'a Cluster,
    discovered: &'a Discovered,
    /// How many leftovers of a type are remembered.
    keep: usize,
    forbidden: ForbiddenReads,
}

/// Observes namespaces, and returns the facts in their order. At most `keep` leftovers of a type are remembered
/// one by one. Fails only where the server as a whole is of no use.
pub async fn observe(
    cluster: &Cluster,
    namespaces: Vec<Namespace>,
    keep: usize,
    depth: Depth,
) -> Result<Vec<Facts>, ApiError> {
    let discovered = cluster.discover().await?;
    observe_discovered(cluster, &discovered, namespaces, keep, depth).await
}

/// The same with what the server has said that it serves.
pub async fn observe_discovered(
    cluster: &Cluster,
    discovered: &Discovered,
    namespaces: Vec<Namespace>,
    keep: usize,
    depth: Depth,
) -> Result<Vec<Facts>, ApiError> {
    let names: Vec<&str> = namespaces.iter().map(|namespace| namespace.name.as_str()).collect();
    let (mut inventories, mut extensions) = futures::try_join!(
        cluster.list_leftovers(discovered, &names, keep),
        Box::pin(cluster.extensions(discovered))
    )?;
    let look = Look { cluster, discovered, keep, forbidden: ForbiddenReads::default() };
    convert(&look, &namespaces, &mut inventories, &mut extensions).await?;
    tell_backends_refusals(cluster, &mut inventories, &extensions).await;
    let now = Timestamp::now();
    let waits_for_report = |namespace: &Namespace| {
        namespace.conditions.is_empty() && age(namespace, now).is_some_and(|age| age >= PATIENCE)
    };
    let silent = namespaces.iter().any(waits_for_report);
    let services = services_in_question(&namespaces, &inventories, &extensions);
    let queries = if depth == Depth::Whole { queries(inventories.values()) } else { Vec::new() };
    let controller = ("kube-system".to_owned(), "kube-controller-manager".to_owned());
    let (backends, (owners, mut leases)) = futures::join!(
        backends(cluster, &look.forbidden, services, &namespaces),
        owners(&look, &queries, silent.then(|| controller.clone())),
    );
    extensions.backends.extend(backends);
    extensions.controller_lease = leases.remove(&controller).and_then(Result::ok).flatten();
    extensions.owners = owners;
    let close = if depth == Depth::Overview { OVERVIEW_CLOSE_LOOKS } else { usize::MAX };
    let mut pods = pods(&look, &namespaces[..close.min(namespaces.len())], &inventories).await;
    extensions.gaps.extend(look.forbidden.into_gaps());
    let extensions = Arc::new(extensions);
    let looks = namespaces.into_iter().enumerate().map(|(index, namespace)| {
        let facts = Facts {
            now: Timestamp::now(),
            inventory: inventories.remove(&namespace.name).unwrap_or_default(),
            pods: pods.remove(&namespace.name).unwrap_or_default(),
            namespace,
            extensions: Arc::clone(&extensions),
            dry_runs: Vec::new(),
            failing_conditions: Vec::new(),
        };
        look_closer(cluster, facts, (index < close).then_some(depth))
    });
    Ok(futures::stream::iter(looks).buffered(LIST_CONCURRENCY).collect().await)
}

async fn look_closer(cluster: &Cluster, mut facts: Facts, depth: Option<Depth>) -> Facts {
    let Some(depth) = depth else { return facts };
    let (dry_runs, failing_conditions) = futures::join!(Box::pin(dry_runs(cluster, &facts, depth)), async {
        if depth == Depth::Whole { failing_conditions(cluster, &facts.inventory).await } else { Vec::new() }
    });
    (facts.dry_runs, facts.failing_conditions) = (dry_runs, failing_conditions);
    facts
}

/// A 403 for a type that this account may list comes from whoever serves an aggregated API.
async fn tell_backends_refusals(
    cluster: &Cluster,
    inventories: &mut BTreeMap<String, Inventory>,
    extensions: &ClusterExtensions,
) {
    let refused = |gap: &Gap| gap.why == Unreadable::Forbidden && extensions.serves(gap).is_some();
    let gaps = inventories.values().flat_map(|inventory| &inventory.coverage.gaps);
    let types: BTreeSet<(String, String)> = gaps
        .filter(|gap| refused(gap))
        .filter_map(|gap| Some((gap.group.clone(), gap.resource.clone()?)))
        .collect();
    for (group, resource) in types {
        let list = crate::model::Permission::new("list", &group, &resource);
        if !cluster.can_i(&list).await.is_ok_and(|access| access.allowed) {
            continue;
        }
        let gaps = inventories.values_mut().flat_map(|inventory| &mut inventory.coverage.gaps);
        let of_type = gaps.filter(|gap| gap.group == group && gap.resource.as_ref() == Some(&resource));
        of_type.for_each(|gap| gap.why = Unreadable::Failed);
    }
}

/// Types whose lists failed over their conversion webhook, or whose deletion did: how they convert, and where
/// it works, what is there in their storage version.
async fn convert(
    look: &Look<'_>,
    namespaces: &[Namespace],
    inventories: &mut BTreeMap<String, Inventory>,
    extensions: &mut ClusterExtensions,
) -> Result<(), ApiError> {
    for (ty, message) in unconvertible(look.discovered, namespaces, inventories) {
        let crd = ty.to_string();
        let read = look.cluster.conversion(&crd, &message, &look.forbidden).await;
        let Ok(mut conversion) = read else { continue };
        conversion.read_as = read_as_stored(look, &ty, &conversion, inventories).await?;
        extensions.conversions.insert(crd, conversion);
    }
    Ok(())
}

/// Reads a type through the versions in which it may be stored, until one shows all of it: a list in a
/// version fails if anything in it has to be converted.
async fn read_as_stored(
    look: &Look<'_>,
    ty: &ResourceType,
    conversion: &Conversion,
    inventories: &mut BTreeMap<String, Inventory>,
) -> Result<Option<String>, ApiError> {
    let names: Vec<String> = inventories.keys().cloned().collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let is_of_type = |gap: &Gap| gap.group == ty.group && gap.resource.as_ref() == Some(&ty.resource);
    if !inventories.values().any(|inventory| inventory.coverage.gaps.iter().any(is_of_type)) {
        return Ok(Some(ty.version.clone()));
    }
    for version in conversion.stored_versions.iter().filter(|version| **version != ty.version) {
        let stored = ResourceType { version: version.clone(), ..ty.clone() };
        let again = look.cluster.list_leftovers_of(vec![stored], &names, look.keep).await?;
        if again.values().any(|found| found.coverage.looked == 0) {
            continue;
        }
        for (name, found) in again {
            if let Some(inventory) = inventories.get_mut(&name) {
                inventory.replace(ty, found);
            }
        }
        return Ok(Some(version.clone()));
    }
    Ok(None)
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
    extensions: &ClusterExtensions,
) -> BTreeSet<ServiceRef> {
    let gaps = || inventories.values().flat_map(|inventory| &inventory.coverage.gaps);
    let dead = extensions
        .api_services
        .iter()
        .filter(|service| service.available == Some(false) || gaps().any(|gap| service.serves(gap)));
    let mut services: BTreeSet<ServiceRef> = dead.map(|service| service.service.clone()).collect();
    services.extend(extensions.conversions.values().filter_map(|conversion| conversion.service.clone()));
    for hook in &extensions.admission_hooks {
        let in_question = namespaces.iter().any(|namespace| {
            inventories
                .get(&namespace.name)
                .is_some_and(|inventory| !sees(hook, namespace, inventory).is_empty())
        });
        services.extend(hook.service.clone().filter(|_| in_question));
    }
    services
}

async fn backends(
    cluster: &Cluster,
    forbidden: &ForbiddenReads,
    services: BTreeSet<ServiceRef>,
    known: &[Namespace],
) -> BTreeMap<ServiceRef, Backend> {
    let homes: BTreeSet<&str> = services.iter().map(|service| service.namespace.as_str()).collect();
    let homes = homes.into_iter().map(|name| async move {
        let presence = match known.iter().find(|namespace| namespace.name == name) {
            Some(namespace) if namespace.is_terminating() => Presence::Terminating,
            Some(_) => Presence::Present,
            None => cluster.presence_of(name, forbidden).await,
        };
        (name, presence)
    });
    let looks = services.iter().map(|service| cluster.backend(service, forbidden));
    let (homes, looks) = futures::join!(futures::future::join_all(homes), futures::future::join_all(looks));
    let homes: BTreeMap<&str, Presence> = homes.into_iter().collect();
    let backend = |(service, (presence, ready)): (&ServiceRef, (Presence, Option<usize>))| {
        let namespace = homes.get(service.namespace.as_str()).copied().unwrap_or(Presence::Unknown);
        (service.clone(), Backend { namespace, service: presence, ready })
    };
    services.iter().zip(looks).map(backend).collect()
}

/// What was read of each lease.
type Leases = BTreeMap<(String, String), Result<Option<Lease>, ApiError>>;

/// The owners of finalizers, and the leases that were asked for; owners have pods and leases in common.
async fn owners(
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

/// The pods that remain, by namespace, each with the state of its node.
async fn pods(
    look: &Look<'_>,
    namespaces: &[Namespace],
    inventories: &BTreeMap<String, Inventory>,
) -> BTreeMap<String, Vec<Pod>> {
    let remain = |namespace: &&Namespace| {
        let types = inventories.get(&namespace.name).into_iter().flat_map(|inventory| &inventory.types);
        types.into_iter().any(|each| each.resource.group.is_empty() && each.resource.resource == "pods")
    };
    let looks = namespaces.iter().filter(remain).map(|namespace| async {
        // What cannot be looked at one by one is still counted in the inventory.
        (namespace.name.clone(), look.cluster.pods(&namespace.name).await.unwrap_or_default())
    });
    let mut pods: BTreeMap<String, Vec<Pod>> = futures::future::join_all(looks).await.into_iter().collect();
    let nodes: BTreeSet<String> = pods.values().flatten().filter_map(|pod| pod.node.clone()).collect();
    let states =
        futures::future::join_all(nodes.iter().map(|name| look.cluster.node_state(name, &look.forbidden)))
            .await;
    let states: BTreeMap<&String, NodeState> = nodes.iter().zip(states).collect();
    for pod in pods.values_mut().flatten() {
        let state = pod.node.as_ref().and_then(|node| states.get(node));
        pod.node_state = state.copied().unwrap_or(NodeState::Unknown);
    }
    pods
}

/// Dry runs: of one release for each type and finalizer, because validation may refuse it, and of what webhooks
/// and policies may refuse. An overview has those alone.
async fn dry_runs(cluster: &Cluster, facts: &Facts, depth: Depth) -> Vec<DryRunResult> {
    if !facts.namespace.is_terminating() {
        return Vec::new();
    }
    let (mut finalize, mut delete, mut release) = (false, BTreeSet::new(), BTreeSet::new());
    let index = |of_type: &crate::model::TypeLeftovers| {
        facts.inventory.types.iter().position(|each| each.resource == of_type.resource)
    };
    for hook in facts.extensions.admission_hooks.iter().filter(|each| may_refuse(each)) {
        for seen in sees(hook, &facts.namespace, &facts.inventory) {
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
    let mut releases: Vec<_> = release.iter().filter_map(first).collect();
    if depth != Depth::Overview {
        releases.extend(facts.inventory.types.iter().flat_map(one_of_each_finalizer));
    }
    releases.sort_by_key(|(_, leftover)| &leftover.uid);
    releases.dedup_by_key(|(_, leftover)| &leftover.uid);
    let finalizing = async { if finalize { cluster.dry_run_finalize(&facts.namespace).await } else { None } };
    let deleting = futures::future::join_all(
        delete.iter().filter_map(first).map(|(ty, leftover)| cluster.dry_run_delete(ty, leftover)),
    );
    let releasing = futures::future::join_all(
        releases.into_iter().map(|(ty, leftover)| cluster.dry_run_release(ty, leftover)),
    );
    let (finalizing, deleting, releasing) = futures::join!(finalizing, deleting, releasing);
    finalizing
        .into_iter()
        .chain(deleting.into_iter().flatten())
        .chain(releasing.into_iter().flatten())
        .collect()
}

/// One object of a type with each of its finalizers; one that is being deleted, where there is any.
fn one_of_each_finalizer(
    of_type: &crate::model::TypeLeftovers,
) -> impl Iterator<Item = (&ResourceType, &crate::model::Leftover)> {
    of_type.finalizers.keys().filter_map(|finalizer| {
        let held = of_type.sample.iter().filter(|leftover| leftover.finalizers.contains(finalizer));
        held.min_by_key(|leftover| leftover.deleted.is_none()).map(|leftover| (&of_type.resource, leftover))
    })
}

/// One that fails open and is dead refuses nothing; everything else may.
fn may_refuse(hook: &AdmissionHook) -> bool {
    hook.fails_closed || hook.service.is_some() || hook.url.is_some()
}

/// What the first held object of each type says of itself.
async fn failing_conditions(cluster: &Cluster, inventory: &Inventory) -> Vec<crate::model::FailingCondition> {
    let held = inventory.types.iter().filter_map(|of_type| {
        let leftover = of_type.sample.iter().find(|leftover| !leftover.finalizers.is_empty())?;
        // Built-in types have no owner of their own that would complain.
        of_type.resource.group.contains('.').then_some((&of_type.resource, leftover))
    });
    let looks = held.map(|(ty, leftover)| cluster.failing_conditions(ty, leftover));
    futures::future::join_all(looks).await.into_iter().flatten().collect()
}
