//! What the deletion does outside of the cluster: load balancers, volumes, infrastructure.

use serde_json::Value;

use super::owner::Standing;
use crate::diagnose::owners::is_infrastructure;
use crate::model::{DeletionFacts, Facts, HeldObject, LoadBalancer, Volume, is_custom_group};

/// Something outside of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    pub kind: OutsideKind,
    /// The object that stands for it: `services/public`.
    pub subject: String,
    /// What becomes of it.
    pub fate: OutsideOutcome,
    /// In one sentence.
    pub detail: String,
}

/// What kind of thing is outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::VariantArray)]
pub enum OutsideKind {
    LoadBalancer,
    /// A volume with data.
    Volume,
    /// What a custom resource stands for: a machine, a database, a bucket.
    Infrastructure,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::VariantArray)]
pub enum OutsideOutcome {
    /// It is deleted, for good.
    Deleted,
    /// It stays, and nothing in the cluster knows of it any more.
    Leaked,
}

pub(super) fn outside(facts: &Facts, deletion: &DeletionFacts, standings: &[Standing<'_>]) -> Vec<Outside> {
    let volumes = deletion.of_cluster.volumes.get(&facts.namespace.name);
    let mut found: Vec<Outside> = deletion.load_balancers.iter().map(load_balancer).collect();
    found.extend(volumes.into_iter().flatten().map(volume));
    found.extend(infrastructure(deletion, standings));
    found
}

fn load_balancer(service: &LoadBalancer) -> Outside {
    let LoadBalancer { service, addresses } = service;
    let at = if addresses.is_empty() { String::new() } else { format!(" at {}", addresses.join(", ")) };
    Outside {
        kind: OutsideKind::LoadBalancer,
        subject: format!("services/{service}"),
        fate: OutsideOutcome::Deleted,
        detail: format!("the load balancer{at} is deleted, and its address is lost"),
    }
}

fn volume(volume: &Volume) -> Outside {
    let Volume { name, claim, reclaim_policy } = volume;
    let (fate, becomes) = match reclaim_policy.as_str() {
        "Retain" => (
            OutsideOutcome::Leaked,
            "stays with its data (reclaim policy Retain); no other claim gets it until it is cleaned by hand",
        ),
        "Recycle" => (OutsideOutcome::Deleted, "is emptied (reclaim policy Recycle)"),
        _ => (OutsideOutcome::Deleted, "is deleted with its data (reclaim policy Delete)"),
    };
    Outside {
        kind: OutsideKind::Volume,
        subject: format!("persistentvolumeclaims/{claim}"),
        fate,
        detail: format!("volume {name} {becomes}"),
    }
}

/// Custom resources whose finalizer does harm when it is removed, or whose group stands for infrastructure.
fn infrastructure(deletion: &DeletionFacts, standings: &[Standing<'_>]) -> Vec<Outside> {
    let mut found: Vec<Outside> = Vec::new();
    let mut types: Vec<_> = standings.iter().map(|standing| standing.held).collect();
    types.retain(|held| {
        is_custom_group(&held.resource.group)
            && (is_infrastructure(&held.resource.group) || held.entry.is_some_and(|entry| entry.dangerous))
    });
    types.dedup_by(|next, first| next.resource == first.resource);
    for held in types {
        let objects = deletion.held_objects.iter().filter(|object| object.resource == held.resource);
        let (kept, gone): (Vec<&HeldObject>, Vec<&HeldObject>) = objects.partition(|object| keeps(object));
        let entry = |objects: &[&HeldObject], fate, becomes: &str| {
            let names: Vec<&str> = objects.iter().map(|object| object.name()).take(3).collect();
            let more = if objects.len() > names.len() { ", …" } else { "" };
            Outside {
                kind: OutsideKind::Infrastructure,
                subject: held.resource.to_string(),
                fate,
                detail: format!(
                    "what {} ({}{more}) {} for outside of the cluster {becomes}",
                    held.resource.counted(objects.len() as u64),
                    names.join(", "),
                    if objects.len() == 1 { "stands" } else { "stand" },
                ),
            }
        };
        if !gone.is_empty() {
            found.push(entry(&gone, OutsideOutcome::Deleted, "is deleted too"));
        }
        if !kept.is_empty() {
            found.push(entry(&kept, OutsideOutcome::Leaked, "stays (its deletion policy says so)"));
        }
    }
    found
}

/// Crossplane's and Config Connector's ways to say that what it stands for outlives the object.
fn keeps(object: &HeldObject) -> bool {
    let says = |value: Option<&Value>| {
        let value = value.and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
        ["orphan", "retain", "abandon"].contains(&value.as_str())
    };
    let annotations = object.json.pointer("/metadata/annotations").and_then(Value::as_object);
    says(object.json.pointer("/spec/deletionPolicy"))
        || annotations
            .into_iter()
            .flatten()
            .any(|(key, value)| key.ends_with("/deletion-policy") && says(Some(value)))
}
