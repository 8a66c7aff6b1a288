//! Whether the owner of a finalizer would be there to do its work when the namespace is deleted.

use jiff::Timestamp;

use super::CouldNotLook;
use super::rights::accounts_for;
use crate::diagnose::catalogue::{self, Place, Runs};
use crate::diagnose::{Held, OwnerQuery, owners};
use crate::model::{
    AccountPods, DeletionFacts, Facts, FinalizerSetBy, Inventory, Lease, Namespace, OwnerTraces, ResourceType,
};

/// A lease that was not renewed for that long says nothing of the present.
const FRESH_SECONDS: i64 = 120;

/// What would become of the owner of a finalizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OwnerPlace {
    /// It runs, and does not go with the namespace.
    Elsewhere,
    /// It runs in this namespace alone, whose pods are deleted first.
    HereAlone(String),
    /// It runs elsewhere, and may work here because of a RoleBinding that goes with the namespace.
    BoundHere(String),
    /// Nothing was seen of it.
    Absent(Option<String>),
    /// Nothing was seen of it, and not everything could be looked at.
    Unknown(String),
}

/// A finalizer, and its owner's place.
#[derive(Clone, Debug)]
pub(super) struct Standing<'a> {
    pub(super) held: &'a Held,
    pub(super) place: OwnerPlace,
}

impl Standing<'_> {
    /// An owner that is not known to be there or gone.
    pub(super) fn could_not_look(&self) -> Option<CouldNotLook> {
        let OwnerPlace::Unknown(why) = &self.place else { return None };
        Some(CouldNotLook {
            what: format!("the owner of finalizer {}", self.held.finalizer),
            why: why.clone(),
            may_matter: true,
        })
    }
}

pub(super) fn standings<'a>(facts: &Facts, deletion: &DeletionFacts, held: &'a [Held]) -> Vec<Standing<'a>> {
    held.iter().map(|held| Standing { held, place: place(facts, deletion, held) }).collect()
}

fn place(facts: &Facts, deletion: &DeletionFacts, held: &Held) -> OwnerPlace {
    let name = &facts.namespace.name;
    let runs = held.entry.map(|entry| entry.owner.runs);
    if runs == Some(Runs::ControlPlane) {
        return OwnerPlace::Elsewhere;
    }
    let nothing = OwnerTraces::default();
    let traces = facts.extensions.owners.get(&held.owner).unwrap_or(&nothing);
    let by_account = place_of_accounts(facts, deletion, held);
    if matches!(by_account, Some(OwnerPlace::Elsewhere | OwnerPlace::BoundHere(_))) {
        return by_account.unwrap_or(OwnerPlace::Elsewhere);
    }
    if runs_elsewhere(traces, name, facts.now) {
        return OwnerPlace::Elsewhere;
    }
    if let Some(here) = by_account.or_else(|| runs_here(traces, name)) {
        return here;
    }
    let rbac = deletion.of_cluster.gaps.iter().find(|gap| gap.group == "rbac.authorization.k8s.io");
    let unreadable = traces
        .unreadable
        .first()
        .cloned()
        .or_else(|| Some(format!("could not look at {}: {}", rbac?, rbac?.detail)));
    // A cloud's controllers may run where the cluster does not show them.
    let outside = runs == Some(Runs::MaybeElsewhere) && deletion.of_cluster.has_cloud_provider != Some(false);
    match unreadable {
        _ if outside => OwnerPlace::Elsewhere,
        Some(why) => OwnerPlace::Unknown(why),
        // Where no pods were looked for by their labels, nothing else says what was seen.
        None => OwnerPlace::Absent(traces.looked_for.is_empty().then(|| {
            format!(
                "no ServiceAccount whose rights name {} or the finalizer's domain has a running pod",
                held.resource
            )
        })),
    }
}

/// The place of those whose rights say that they look after the type.
fn place_of_accounts(facts: &Facts, deletion: &DeletionFacts, held: &Held) -> Option<OwnerPlace> {
    let here = &facts.namespace.name;
    let around = &deletion.of_cluster;
    let accounts = accounts_for(&around.grants, &held.resource, &held.finalizer);
    let none = AccountPods::default();
    let mut found: Vec<OwnerPlace> = Vec::new();
    let mut unreadable = None;
    for (account, grants) in accounts {
        let pods = around.account_pods.get(account).unwrap_or(&none);
        unreadable = unreadable.or_else(|| pods.unreadable.clone());
        let Some(first) = pods.running.first() else { continue };
        let everywhere = grants.iter().any(|grant| grant.namespace.is_none());
        let bound_here = grants.iter().find(|grant| grant.namespace.as_ref() == Some(here));
        if account.namespace == *here {
            found.push(OwnerPlace::HereAlone(format!(
                "its pods are in this very namespace, and are deleted first: {first} (ServiceAccount {account})"
            )));
        } else if everywhere {
            return Some(OwnerPlace::Elsewhere);
        } else if let Some(grant) = bound_here {
            found.push(OwnerPlace::BoundHere(format!(
                "ServiceAccount {account} may work here by RoleBinding {} of this namespace alone",
                grant.binding
            )));
        }
    }
    found.sort_by_key(|place| matches!(place, OwnerPlace::HereAlone(_)));
    found.into_iter().next().or_else(|| unreadable.map(OwnerPlace::Unknown))
}

/// Whether its pods or its lease show that it works, and not in this namespace.
pub(super) fn runs_elsewhere(traces: &OwnerTraces, namespace: &str, now: Timestamp) -> bool {
    let inside = format!("{namespace}/");
    let runs = |pod: &&String| pod.ends_with("(Running)");
    let elsewhere = traces.pods.iter().filter(runs).any(|pod| !pod.starts_with(&inside));
    let here = traces.pods.iter().any(|pod| pod.starts_with(&inside));
    elsewhere || (!here && traces.lease.as_ref().is_some_and(|lease| is_fresh(lease, now)))
}

fn is_fresh(lease: &Lease, now: Timestamp) -> bool {
    let patience = lease.duration_seconds.saturating_mul(3).max(FRESH_SECONDS);
    lease.renewed.is_some_and(|renewed| now.duration_since(renewed).as_secs() < patience)
}

fn runs_here(traces: &OwnerTraces, namespace: &str) -> Option<OwnerPlace> {
    let inside = format!("{namespace}/");
    let here = traces.pods.iter().any(|pod| pod.starts_with(&inside) && pod.ends_with("(Running)"));
    // The evidence of the finalizer names them.
    (here && traces.running > 0).then(|| OwnerPlace::HereAlone("they are deleted first".to_owned()))
}

/// The held types whose owners are worth looking for by their rights: control planes have none.
#[must_use]
pub fn needs_owner_account(inventory: &Inventory) -> Vec<(ResourceType, String)> {
    let held = inventory
        .types
        .iter()
        .flat_map(|of_type| of_type.finalizers.keys().map(move |finalizer| (&of_type.resource, finalizer)));
    held.filter(|(ty, finalizer)| {
        let entry = catalogue::look_up(finalizer, &ty.group, &ty.kind, Place::Object);
        entry.is_none_or(|entry| entry.owner.runs != Runs::ControlPlane)
    })
    .map(|(ty, finalizer)| (ty.clone(), finalizer.clone()))
    .collect()
}

/// Where to look for the owners of a namespace's own finalizers, by the finalizer.
#[must_use]
pub fn namespace_queries(namespace: &Namespace) -> Vec<(String, OwnerQuery)> {
    let spec = namespace.foreign_spec_finalizers().map(|name| (name, Place::NamespaceSpec));
    let metadata = namespace.metadata_finalizers.iter();
    let metadata = metadata.map(|name| (name.as_str(), Place::NamespaceMetadata));
    spec.chain(metadata)
        .filter_map(|(name, place)| {
            let entry = catalogue::look_up(name, "", "Namespace", place);
            let set_by = set_by(namespace, name);
            Some((name.to_owned(), owners::query(entry, set_by.as_ref())?))
        })
        .collect()
}

fn set_by(namespace: &Namespace, finalizer: &str) -> Option<FinalizerSetBy> {
    let entries = namespace.json.pointer("/metadata/managedFields")?.as_array()?;
    let key = format!("v:\"{finalizer}\"");
    let entry =
        entries.iter().find(|entry| !entry["fieldsV1"]["f:metadata"]["f:finalizers"][&key].is_null())?;
    let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    Some(FinalizerSetBy {
        finalizer: finalizer.to_owned(),
        manager: text("manager"),
        operation: text("operation"),
        time: text("time").parse().ok(),
    })
}
