//! Dry runs of what has to happen: the server says beforehand what it would refuse.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::lock::Mutex;

use super::Depth;
use crate::cluster::{Cluster, LIST_CONCURRENCY};
use crate::diagnose::{HookIndex, Intercepted, sees};
use crate::model::{AdmissionHook, DryRunResult, Facts, Leftover, Permission, ResourceType, TypeLeftovers};

/// What this account may do, asked once and only where it matters: an account that only reports is never seen trying
/// to write. An account that may do it to all types is not asked type by type.
pub(super) struct Rights<'a> {
    cluster: &'a Cluster,
    hooks: HookIndex,
    everything: Mutex<BTreeMap<&'static str, bool>>,
    types: Mutex<BTreeMap<(&'static str, String, String), bool>>,
}

impl<'a> Rights<'a> {
    pub(super) fn new(cluster: &'a Cluster, hooks: HookIndex) -> Self {
        Self { cluster, hooks, everything: Mutex::default(), types: Mutex::default() }
    }

    pub(super) fn cluster(&self) -> &'a Cluster {
        self.cluster
    }

    async fn ask(&self, permission: Permission) -> bool {
        self.cluster.can_i(&permission).await.is_ok_and(|access| access.allowed)
    }

    async fn may_everything(&self, verb: &'static str) -> bool {
        // Held while the question is under way, so that it is asked once.
        let mut known = self.everything.lock().await;
        if let Some(known) = known.get(verb) {
            return *known;
        }
        let allowed = self.ask(Permission::new(verb, "*", "*")).await;
        known.insert(verb, allowed);
        allowed
    }

    async fn can_i(&self, verb: &'static str, ty: &ResourceType, namespace: &str) -> bool {
        if self.may_everything(verb).await {
            return true;
        }
        let key = (verb, ty.to_string(), namespace.to_owned());
        let mut types = self.types.lock().await;
        if let Some(known) = types.get(&key) {
            return *known;
        }
        let allowed = self.ask(Permission::new(verb, &ty.group, &ty.resource).within(namespace)).await;
        types.insert(key, allowed);
        allowed
    }

    async fn may_finalize(&self, namespace: &str) -> bool {
        let update = Permission::new("update", "", "namespaces").subresource("finalize");
        self.ask(update.on_namespace(namespace)).await
    }
}

/// Of one release for each type and finalizer, because validation may refuse it, and of what webhooks and policies
/// may refuse. An overview has those alone.
pub(super) async fn dry_runs(rights: &Rights<'_>, facts: &Facts, depth: Depth) -> Vec<DryRunResult> {
    if !facts.namespace.is_terminating() {
        return Vec::new();
    }
    let wanted = wanted(facts, depth, &rights.hooks);
    let cluster = rights.cluster;
    let mut requests: Vec<BoxFuture<'_, Option<DryRunResult>>> = Vec::new();
    if wanted.finalize {
        requests.push(Box::pin(async {
            let allowed = rights.may_finalize(&facts.namespace.name).await;
            if allowed { cluster.dry_run_finalize(&facts.namespace).await } else { None }
        }));
    }
    for (ty, leftover) in wanted.deletes {
        requests.push(Box::pin(async move {
            let allowed = rights.can_i("delete", ty, &leftover.namespace).await;
            if allowed { cluster.dry_run_delete(ty, leftover).await } else { None }
        }));
    }
    for (ty, leftover) in wanted.releases {
        requests.push(Box::pin(async move {
            let allowed = rights.can_i("patch", ty, &leftover.namespace).await;
            if allowed { cluster.dry_run_release(ty, leftover).await } else { None }
        }));
    }
    let under_way = futures::stream::iter(requests).buffer_unordered(LIST_CONCURRENCY);
    let in_time = under_way.take_until(Box::pin(cluster.dry_runs_are_over()));
    let mut results: Vec<DryRunResult> = in_time.filter_map(std::future::ready).collect().await;
    results.sort_by(|a, b| a.request.cmp(&b.request));
    results
}

/// What is to be rehearsed.
struct Wanted<'a> {
    finalize: bool,
    deletes: Vec<(&'a ResourceType, &'a Leftover)>,
    releases: Vec<(&'a ResourceType, &'a Leftover)>,
}

fn wanted<'a>(facts: &'a Facts, depth: Depth, hooks: &HookIndex) -> Wanted<'a> {
    let types = &facts.inventory.types;
    let (mut finalize, mut delete, mut release) = (false, BTreeSet::new(), BTreeSet::new());
    let index = |of_type: &TypeLeftovers| types.iter().position(|each| each.resource == of_type.resource);
    let hooks = hooks.that_may_see(&facts.extensions.admission_hooks, &facts.inventory);
    for hook in hooks.into_iter().filter(|each| may_refuse(each)) {
        for seen in sees(hook, &facts.namespace, &facts.inventory) {
            match seen {
                Intercepted::Finalize => finalize = true,
                Intercepted::Delete(of_type) => delete.extend(index(of_type)),
                Intercepted::Release(of_type) => release.extend(index(of_type)),
            }
        }
    }
    let first = |index: &usize| {
        let of_type = &types[*index];
        let held = of_type.sample.iter().find(|leftover| !leftover.finalizers.is_empty());
        held.or(of_type.sample.first()).map(|leftover| (&of_type.resource, leftover))
    };
    let mut releases: Vec<_> = release.iter().filter_map(first).collect();
    if depth != Depth::Overview {
        releases.extend(types.iter().flat_map(one_of_each_finalizer));
    }
    releases.sort_by_key(|(_, leftover)| &leftover.uid);
    releases.dedup_by_key(|(_, leftover)| &leftover.uid);
    Wanted { finalize, deletes: delete.iter().filter_map(first).collect(), releases }
}

/// One object of a type with each of its finalizers; one that is being deleted, where there is any.
fn one_of_each_finalizer(of_type: &TypeLeftovers) -> impl Iterator<Item = (&ResourceType, &Leftover)> {
    of_type.finalizers.keys().filter_map(|finalizer| {
        let held = of_type.sample.iter().filter(|leftover| leftover.finalizers.contains(finalizer));
        held.min_by_key(|leftover| leftover.deleted.is_none()).map(|leftover| (&of_type.resource, leftover))
    })
}

/// One that fails open and is dead refuses nothing; everything else may.
pub(super) fn may_refuse(hook: &AdmissionHook) -> bool {
    hook.fails_closed || hook.service.is_some() || hook.url.is_some()
}
