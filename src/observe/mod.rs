//! Observing, in the order in which one look gives reason to the next.

mod conversions;
mod deletion;
mod dry_runs;
mod owners;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt;
use jiff::Timestamp;

use crate::cluster::{ApiError, Cluster, Discovered, ForbiddenReads, LIST_CONCURRENCY};
use crate::diagnose::{HookIndex, PATIENCE, age, queries, sees};
use crate::model::{
    Backend, ClusterExtensions, Facts, FailingCondition, Gap, Inventory, Namespace, NodeState, Pod, Presence,
    ServiceRef, Unreadable,
};
use conversions::{ask_about_named_types, convert};
use dry_runs::{Rights, dry_runs};
use owners::owners;

pub use deletion::before_deletion;

/// How close to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Enough for the reason in few words.
    Overview,
    /// Enough to plan.
    Close,
    /// Also whether the owners of finalizers seem to be alive.
    Owners,
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
    extensions.types = discovered.holding_types();
    ask_about_named_types(&look, &namespaces, &mut inventories).await;
    convert(&look, &namespaces, &mut inventories, &mut extensions).await?;
    classify_backend_refusals(cluster, &mut inventories, &extensions).await;
    let now = Timestamp::now();
    let waits_for_report = |namespace: &Namespace| {
        namespace.conditions.is_empty() && age(namespace, now).is_some_and(|age| age >= PATIENCE)
    };
    let silent = namespaces.iter().any(waits_for_report);
    let hooks = HookIndex::new(&extensions.admission_hooks, inventories.values());
    let services = services_in_question(&namespaces, &inventories, &extensions, &hooks);
    let reads_owners = matches!(depth, Depth::Owners | Depth::Whole);
    let queries = if reads_owners { queries(inventories.values()) } else { Vec::new() };
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
    let rights = Rights::new(cluster, hooks);
    let looks = namespaces.into_iter().enumerate().map(|(index, namespace)| {
        let inventory = inventories.remove(&namespace.name).unwrap_or_default();
        let pods = pods.remove(&namespace.name);
        let facts = facts(namespace, inventory, pods, Arc::clone(&extensions));
        look_closer(&rights, facts, (index < close).then_some(depth))
    });
    Ok(futures::stream::iter(looks).buffered(LIST_CONCURRENCY).collect().await)
}

/// What every look gives; `pods` is missing where they were not looked at one by one.
fn facts(
    namespace: Namespace,
    inventory: Inventory,
    pods: Option<KnownPods>,
    extensions: Arc<ClusterExtensions>,
) -> Facts {
    Facts {
        now: Timestamp::now(),
        all_pods_known: pods.as_ref().map_or_else(|| has_no_pods(&inventory), |pods| pods.all_known),
        inventory,
        pods: pods.map(|pods| pods.pods).unwrap_or_default(),
        namespace,
        extensions,
        dry_runs: Vec::new(),
        failing_conditions: Vec::new(),
    }
}

async fn look_closer(rights: &Rights<'_>, mut facts: Facts, depth: Option<Depth>) -> Facts {
    let Some(depth) = depth else { return facts };
    let (dry_runs, failing_conditions) = futures::join!(Box::pin(dry_runs(rights, &facts, depth)), async {
        if depth == Depth::Whole {
            failing_conditions(rights.cluster(), &facts.inventory).await
        } else {
            Vec::new()
        }
    });
    (facts.dry_runs, facts.failing_conditions) = (dry_runs, failing_conditions);
    facts
}

/// A 403 for a type that this account may list comes from the aggregated API server itself.
async fn classify_backend_refusals(
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

/// The Services behind the APIServices and webhooks that may be a cause.
fn services_in_question(
    namespaces: &[Namespace],
    inventories: &BTreeMap<String, Inventory>,
    extensions: &ClusterExtensions,
    hooks: &HookIndex,
) -> BTreeSet<ServiceRef> {
    let gaps = || inventories.values().flat_map(|inventory| &inventory.coverage.gaps);
    let dead = extensions
        .api_services
        .iter()
        .filter(|service| service.available == Some(false) || gaps().any(|gap| service.serves(gap)));
    let mut services: BTreeSet<ServiceRef> = dead.map(|service| service.service.clone()).collect();
    services.extend(extensions.conversions.values().filter_map(|conversion| conversion.service.clone()));
    for namespace in namespaces {
        let Some(inventory) = inventories.get(&namespace.name) else { continue };
        for hook in hooks.that_may_see(&extensions.admission_hooks, inventory) {
            if let Some(service) = &hook.service
                && !services.contains(service)
                && !sees(hook, namespace, inventory).is_empty()
            {
                services.insert(service.clone());
            }
        }
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

/// Pods were listed, and there are none.
fn has_no_pods(inventory: &Inventory) -> bool {
    inventory.coverage.types.contains("pods") && inventory.count("", "pods") == 0
}

/// The pods of a namespace.
#[derive(Default)]
struct KnownPods {
    pods: Vec<Pod>,
    /// Whether these are all of them.
    all_known: bool,
}

/// The pods that remain, by namespace, each with the state of its node.
async fn pods(
    look: &Look<'_>,
    namespaces: &[Namespace],
    inventories: &BTreeMap<String, Inventory>,
) -> BTreeMap<String, KnownPods> {
    let remain = |namespace: &&Namespace| {
        let types = inventories.get(&namespace.name).into_iter().flat_map(|inventory| &inventory.types);
        types.into_iter().any(|each| each.resource.group.is_empty() && each.resource.resource == "pods")
    };
    let looks = namespaces.iter().filter(remain).map(|namespace| async {
        // What cannot be looked at one by one is still counted in the inventory.
        let pods = look.cluster.pods(&namespace.name).await.unwrap_or_default();
        let counted = inventories.get(&namespace.name).map_or(0, |inventory| inventory.count("", "pods"));
        let all_known = pods.len() as u64 >= counted;
        (namespace.name.clone(), KnownPods { pods, all_known })
    });
    let mut pods: BTreeMap<String, KnownPods> = futures::future::join_all(looks).await.into_iter().collect();
    let each = || pods.values().flat_map(|known| &known.pods);
    let nodes: BTreeSet<String> = each().filter_map(|pod| pod.node.clone()).collect();
    let states =
        futures::future::join_all(nodes.iter().map(|name| look.cluster.node_state(name, &look.forbidden)))
            .await;
    let states: BTreeMap<&String, NodeState> = nodes.iter().zip(states).collect();
    for pod in pods.values_mut().flat_map(|known| &mut known.pods) {
        let state = pod.node.as_ref().and_then(|node| states.get(node));
        pod.node_state = state.copied().unwrap_or(NodeState::Unknown);
    }
    pods
}

/// What the first held object of each type says of itself.
async fn failing_conditions(cluster: &Cluster, inventory: &Inventory) -> Vec<FailingCondition> {
    let held = inventory.types.iter().filter_map(|of_type| {
        let leftover = of_type.sample.iter().find(|leftover| !leftover.finalizers.is_empty())?;
        // Built-in types have no owner of their own that would complain.
        of_type.resource.group.contains('.').then_some((&of_type.resource, leftover))
    });
    let looks = held.map(|(ty, leftover)| cluster.failing_conditions(ty, leftover));
    futures::future::join_all(looks).await.into_iter().flatten().collect()
}
