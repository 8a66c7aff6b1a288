//! What is read, and rehearsed, of Active namespaces whose deletion is asked about.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt;

use super::backends;
use super::dry_runs::may_refuse;
use crate::cluster::{Cluster, Discovered, ForbiddenReads, LIST_CONCURRENCY, not_allowed};
use crate::diagnose::predict::{accounts_for, is_own_right, namespace_queries, needs_owner_account};
use crate::diagnose::{Intercepted, sees, sees_deletion};
use crate::model::{
    Account, AccountPods, AdmissionHook, ClusterDeletionFacts, ClusterExtensions, DeletionFacts,
    DryRunResult, Facts, Gap, Grant, HeldObject, Leftover, OwnerTraces, ResourceType, ServiceRef,
    TypeLeftovers, Unreadable, Unrehearsed,
};

/// So many accounts of owners are looked for.
const MAX_ACCOUNTS: usize = 40;

/// Reads what the deletion of these namespaces depends on, and rehearses it. Where every write is forbidden (an
/// account that only reports), nothing is rehearsed, and that is said.
pub async fn before_deletion(
    cluster: &Cluster,
    discovered: &Discovered,
    facts: Vec<Facts>,
) -> Vec<(Facts, DeletionFacts)> {
    if facts.is_empty() {
        return Vec::new();
    }
    let (of_cluster, backends) = Box::pin(of_cluster(cluster, discovered, &facts)).await;
    let of_cluster = Arc::new(of_cluster);
    let extensions = facts.first().map(|facts| with_backends(&facts.extensions, backends));
    let looks = facts.into_iter().map(|mut facts| {
        facts.extensions = extensions.clone().unwrap_or_default();
        look(cluster, discovered, facts, Arc::clone(&of_cluster))
    });
    futures::stream::iter(looks).buffered(LIST_CONCURRENCY).collect().await
}

fn with_backends(
    extensions: &Arc<ClusterExtensions>,
    backends: BTreeMap<ServiceRef, crate::model::Backend>,
) -> Arc<ClusterExtensions> {
    let mut extensions = (**extensions).clone();
    extensions.backends.extend(backends);
    Arc::new(extensions)
}

/// What is looked at once, however many namespaces there are.
async fn of_cluster(
    cluster: &Cluster,
    discovered: &Discovered,
    facts: &[Facts],
) -> (ClusterDeletionFacts, BTreeMap<ServiceRef, crate::model::Backend>) {
    let holds = |resource: &str| {
        facts
            .iter()
            .flat_map(|facts| &facts.inventory.types)
            .any(|of_type| of_type.resource.group.is_empty() && of_type.resource.resource == resource)
    };
    let has_claims = holds("persistentvolumeclaims");
    let forbidden = ForbiddenReads::default();
    let (crds, volumes, applications, cloud, grants, (namespace_owners, backends)) = futures::join!(
        cluster.converted_crds(discovered),
        async { if has_claims { cluster.volumes(discovered).await } else { Ok(BTreeMap::new()) } },
        cluster.applications(discovered),
        cloud_provider(cluster, facts),
        grants(cluster, discovered, facts),
        async { futures::join!(namespace_owners(cluster, facts), guards(cluster, facts, &forbidden)) },
    );
    let mut around = ClusterDeletionFacts { namespace_owners, ..ClusterDeletionFacts::default() };
    let mut crds = keep(crds, &mut around.gaps);
    let failures = crds.iter().map(|crd| conversion_failure(cluster, discovered, facts, &crd.name));
    let failures = futures::future::join_all(failures).await;
    crds.iter_mut().zip(failures).for_each(|(crd, failure)| crd.failure = failure);
    around.converted_crds = crds;
    around.volumes = keep(volumes, &mut around.gaps);
    around.applications = keep(applications, &mut around.gaps);
    around.has_cloud_provider = cloud;
    let (grants, pods, gaps) = grants;
    (around.grants, around.account_pods) = (grants, pods);
    around.gaps.extend(gaps);
    around.gaps.extend(forbidden.into_gaps());
    (around, backends)
}

fn keep<T: Default>(read: Result<T, Gap>, gaps: &mut Vec<Gap>) -> T {
    read.unwrap_or_else(|gap| {
        gaps.push(gap);
        T::default()
    })
}

/// Nodes matter only where the absence of an owner might be that of a hosted control plane.
async fn cloud_provider(cluster: &Cluster, facts: &[Facts]) -> Option<bool> {
    let asked = facts.iter().any(|facts| !needs_owner_account(&facts.inventory).is_empty());
    if !asked {
        return None;
    }
    cluster.has_cloud_provider().await.ok()
}

/// A list through the server's cache, in one namespace: its answer is the same in all.
async fn conversion_failure(
    cluster: &Cluster,
    discovered: &Discovered,
    facts: &[Facts],
    crd: &str,
) -> Option<String> {
    let (resource, group) = crd.split_once('.')?;
    let ty = discovered.find(group, resource).filter(|ty| ty.namespaced)?;
    cluster.conversion_failure(ty, &facts.first()?.namespace.name).await
}

/// The rights of those who may be the owners of what is held, and their pods.
async fn grants(
    cluster: &Cluster,
    discovered: &Discovered,
    facts: &[Facts],
) -> (Vec<Grant>, BTreeMap<Account, AccountPods>, Vec<Gap>) {
    let held: BTreeSet<(ResourceType, String)> =
        facts.iter().flat_map(|facts| needs_owner_account(&facts.inventory)).collect();
    if held.is_empty() {
        return (Vec::new(), BTreeMap::new(), Vec::new());
    }
    let (mut grants, gaps) = match cluster.grants(discovered).await {
        Ok(read) => read,
        Err(error) => {
            let gap = Gap {
                group: "rbac.authorization.k8s.io".to_owned(),
                version: "v1".to_owned(),
                resource: Some("rolebindings".to_owned()),
                why: Unreadable::Failed,
                detail: error.detail(),
            };
            return (Vec::new(), BTreeMap::new(), vec![gap]);
        }
    };
    grants.retain(|grant| grant.rights.iter().any(is_own_right));
    let accounts: BTreeSet<Account> = held
        .iter()
        .flat_map(|(ty, finalizer)| accounts_for(&grants, ty, finalizer).into_keys().cloned())
        .take(MAX_ACCOUNTS)
        .collect();
    let pods = accounts.iter().map(|account| cluster.account_pods(account));
    let pods = futures::future::join_all(pods).await;
    grants.retain(|grant| accounts.contains(&grant.account));
    (grants, accounts.into_iter().zip(pods).collect(), gaps)
}

/// What is seen of the owners of the namespaces' own finalizers.
async fn namespace_owners(cluster: &Cluster, facts: &[Facts]) -> BTreeMap<String, OwnerTraces> {
    let queries: BTreeMap<String, _> =
        facts.iter().flat_map(|facts| namespace_queries(&facts.namespace)).collect();
    let looks = queries.into_iter().map(|(finalizer, query)| async move {
        let pods = query.pods.iter().map(|(namespace, selector)| async move {
            cluster.owner_pods(namespace.as_deref(), selector).await
        });
        let mut traces = OwnerTraces::default();
        futures::future::join_all(pods).await.into_iter().for_each(|found| traces.add(found));
        (finalizer, traces)
    });
    futures::future::join_all(looks).await.into_iter().collect()
}

/// Who answers for the webhooks that see the deletion of the namespaces themselves.
async fn guards(
    cluster: &Cluster,
    facts: &[Facts],
    forbidden: &ForbiddenReads,
) -> BTreeMap<ServiceRef, crate::model::Backend> {
    let Some(first) = facts.first() else { return BTreeMap::new() };
    let guards = first.extensions.admission_hooks.iter().filter(|hook| {
        facts.iter().any(|facts| crate::diagnose::predict::sees_deletion_of_namespace(hook, facts))
    });
    let services: BTreeSet<ServiceRef> = guards
        .filter_map(|hook| hook.service.clone())
        .filter(|service| !first.extensions.backends.contains_key(service))
        .collect();
    backends(cluster, forbidden, services, &[]).await
}

/// What concerns one namespace alone.
async fn look(
    cluster: &Cluster,
    discovered: &Discovered,
    mut facts: Facts,
    of_cluster: Arc<ClusterDeletionFacts>,
) -> (Facts, DeletionFacts) {
    let name = facts.namespace.name.clone();
    let has_services = facts
        .inventory
        .types
        .iter()
        .any(|of_type| of_type.resource.group.is_empty() && of_type.resource.resource == "services");
    let (rehearsed, releases, balancers, held) = futures::join!(
        Box::pin(rehearse(cluster, &facts)),
        releases(cluster, &facts),
        async { if has_services { cluster.load_balancers(discovered, &name).await } else { Ok(Vec::new()) } },
        held_objects(cluster, &facts),
    );
    let mut deletion = DeletionFacts { releases, of_cluster, ..DeletionFacts::default() };
    let (held, gaps) = held;
    deletion.gaps = gaps;
    deletion.held_objects = held;
    deletion.load_balancers = keep(balancers, &mut deletion.gaps);
    let (dry_runs, unrehearsed) = rehearsed;
    facts.dry_runs = dry_runs;
    deletion.unrehearsed = unrehearsed;
    (facts, deletion)
}

/// Rehearses the deletion of one object of each type, of one that each webhook or policy sees besides, and of the
/// namespace itself.
async fn rehearse(cluster: &Cluster, facts: &Facts) -> (Vec<DryRunResult>, Vec<Unrehearsed>) {
    let all = cluster.may_delete_all_in(&facts.namespace.name).await;
    let hooks: Vec<&AdmissionHook> =
        facts.extensions.admission_hooks.iter().filter(|each| may_refuse(each)).collect();
    let types = facts.inventory.types.iter().map(|of_type| {
        let hooks = &hooks;
        async move {
            let ty = &of_type.resource;
            if !all && !cluster.may_delete(ty, &facts.namespace.name).await {
                return vec![Err(not_allowed(&ty.to_string()))];
            }
            let objects = examples(facts, of_type, hooks);
            futures::future::join_all(objects.into_iter().map(|object| cluster.rehearse_deletion(ty, object)))
                .await
        }
    });
    let (namespace, types) =
        futures::join!(cluster.rehearse_deletion_of(&facts.namespace), futures::future::join_all(types));
    let (mut dry_runs, mut unrehearsed) = (Vec::new(), Vec::new());
    for result in std::iter::once(namespace).chain(types.into_iter().flatten()) {
        match result {
            Ok(result) => dry_runs.extend(result),
            Err(why) => unrehearsed.push(why),
        }
    }
    (dry_runs, unrehearsed)
}

/// The first object of a type that is not Kubernetes' own, and the first that each of the hooks sees.
fn examples<'a>(facts: &Facts, of_type: &'a TypeLeftovers, hooks: &[&AdmissionHook]) -> Vec<&'a Leftover> {
    let live = || of_type.sample.iter().filter(|object| object.deleted.is_none());
    let is_default = |object: &&Leftover| ["default", "kube-root-ca.crt"].contains(&object.name.as_str());
    let mut found: Vec<&Leftover> =
        live().find(|object| !is_default(object)).or_else(|| live().next()).into_iter().collect();
    for hook in hooks {
        let seen = live().find(|object| sees_deletion(hook, &facts.namespace, &of_type.resource, object));
        found.extend(seen.filter(|seen| found.iter().all(|known| known.uid != seen.uid)));
    }
    found
}

/// Rehearses taking the finalizers off one object of each type and finalizer whose updates something may refuse.
async fn releases(cluster: &Cluster, facts: &Facts) -> Vec<DryRunResult> {
    let mut objects: Vec<(&ResourceType, &Leftover)> = Vec::new();
    for hook in facts.extensions.admission_hooks.iter().filter(|each| may_refuse(each)) {
        for seen in sees(hook, &facts.namespace, &facts.inventory) {
            let Intercepted::Release(of_type) = seen else { continue };
            let Some(of_type) = facts.inventory.types.iter().find(|each| each.resource == of_type.resource)
            else {
                continue;
            };
            let held = of_type.sample.iter().find(|object| !object.finalizers.is_empty());
            objects.extend(held.map(|object| (&of_type.resource, object)));
        }
    }
    objects.sort_by_key(|(_, object)| &object.uid);
    objects.dedup_by_key(|(_, object)| &object.uid);
    let runs = objects.into_iter().map(|(ty, object)| cluster.dry_run_release(ty, object));
    futures::future::join_all(runs).await.into_iter().flatten().collect()
}

/// Held objects of custom types, whole: what their spec refers to decides what goes first.
async fn held_objects(cluster: &Cluster, facts: &Facts) -> (Vec<HeldObject>, Vec<Gap>) {
    let types: BTreeSet<ResourceType> =
        needs_owner_account(&facts.inventory).into_iter().map(|(ty, _)| ty).collect();
    let custom = types.iter().filter(|ty| ty.group.contains('.'));
    let reads = custom.map(|ty| async move { (ty, cluster.first_objects(ty, &facts.namespace.name).await) });
    let (mut objects, mut gaps) = (Vec::new(), Vec::new());
    for (ty, read) in futures::future::join_all(reads).await {
        let found = keep(read, &mut gaps).into_iter().map(|json| HeldObject { resource: ty.clone(), json });
        objects.extend(found.filter(|object| object.finalizers().next().is_some()));
    }
    (objects, gaps)
}
