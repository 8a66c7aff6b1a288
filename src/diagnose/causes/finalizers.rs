//! The finalizers of the namespace itself, and the absence of any.

use super::content::has_long_grace;
use crate::diagnose::catalogue::{self, Place};
use crate::diagnose::conditions::counted_remaining;
use crate::diagnose::owners::describe_set_by;
use crate::diagnose::{Cause, CauseKind, PATIENCE, age};
use crate::model::{Facts, FinalizerSetBy, Namespace, NodeState, ShellCommand};

/// Spec finalizers besides `kubernetes`.
pub(super) fn foreign_spec(facts: &Facts) -> Vec<Cause> {
    let names: Vec<String> = facts.namespace.foreign_spec_finalizers().map(str::to_owned).collect();
    names
        .iter()
        .map(|name| {
            held(facts, CauseKind::ForeignSpecFinalizers, name, Place::NamespaceSpec, "spec finalizer")
        })
        .collect()
}

/// Metadata finalizers of the namespace.
pub(super) fn of_metadata(facts: &Facts) -> Vec<Cause> {
    let names = facts.namespace.metadata_finalizers.iter();
    names
        .map(|name| {
            let kind = CauseKind::NamespaceMetadataFinalizers;
            held(facts, kind, name, Place::NamespaceMetadata, "metadata finalizer")
        })
        .collect()
}

fn held(facts: &Facts, kind: CauseKind, name: &str, place: Place, what: &str) -> Cause {
    let entry = catalogue::look_up(name, "", "Namespace", place);
    let mut evidence = vec![match place {
        Place::NamespaceSpec => "it stands in spec.finalizers; only a PUT to /finalize removes it".to_owned(),
        _ => "it stands in metadata.finalizers; a PUT to /finalize does not end the namespace".to_owned(),
    }];
    evidence.extend(set_by(&facts.namespace, name, place));
    if let Some(entry) = entry {
        evidence.push(format!("owner: {}", entry.owner.name));
        evidence.push(format!("it protects: {}", entry.protects));
        evidence.push(format!("if removed by force: {}", entry.if_removed));
    }
    let remedy = entry.map_or("the controller that put it there has to remove it", |entry| entry.remedy);
    let cause = Cause::new(kind, name, format!("held by {what} {name}")).evidence(evidence).remedy(remedy);
    match place {
        Place::NamespaceSpec => cause,
        _ => cause.command(
            ShellCommand::kubectl(["get", "namespace", "-o", "yaml", "--show-managed-fields"])
                .names([&facts.namespace.name]),
        ),
    }
}

/// Which manager set a finalizer of the namespace itself. `spec.finalizers` is owned as a whole.
fn set_by(namespace: &Namespace, name: &str, place: Place) -> Option<String> {
    let entries = namespace.json.pointer("/metadata/managedFields")?.as_array()?;
    let entry = entries.iter().find(|entry| {
        let fields = &entry["fieldsV1"];
        match place {
            Place::NamespaceSpec => !fields["f:spec"]["f:finalizers"].is_null(),
            _ => !fields["f:metadata"]["f:finalizers"][format!("v:\"{name}\"")].is_null(),
        }
    })?;
    let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    Some(describe_set_by(&FinalizerSetBy {
        finalizer: name.to_owned(),
        manager: text("manager"),
        operation: text("operation"),
        time: text("time").parse().ok(),
    }))
}

/// Terminating with no finalizer left: the controller takes it for done and never looks again.
pub(super) fn zombie(facts: &Facts) -> Option<Cause> {
    let namespace = &facts.namespace;
    if !namespace.is_zombie() {
        return None;
    }
    let known_empty = facts.inventory.is_empty() && facts.inventory.coverage.is_complete();
    let rearm = "rearm it: give it its \"kubernetes\" finalizer back, and the controller cleans it properly";
    let (seen, remedy) = if known_empty {
        ("nothing is left inside", "delete it once more, and it is gone")
    } else if facts.inventory.is_empty() {
        ("not everything could be looked at: deleting it once more may abandon something inside", rearm)
    } else {
        ("deleting it once more would abandon what is inside", rearm)
    };
    let cause =
        Cause::new(CauseKind::Zombie, namespace.name.clone(), "no finalizer left; nothing will remove it")
            .evidence([
                "it was finalized while it was Active; the controller takes it for done".to_owned(),
                seen.to_owned(),
            ])
            .remedy(remedy);
    Some(if known_empty { cause.command(ShellCommand::delete_namespace_again(namespace)) } else { cause })
}

/// Young, or its count falls; only said where nothing else is.
pub(super) fn progressing(facts: &Facts, alone: bool) -> Option<Cause> {
    let age = age(&facts.namespace, facts.now).unwrap_or_default();
    let young = age < PATIENCE && !facts.namespace.is_zombie();
    let moving: Vec<String> = draining(facts).into_iter().chain(falling(facts)).collect();
    if !young && !alone && moving.is_empty() {
        return None;
    }
    if !young && facts.inventory.coverage.is_complete() && facts.inventory.is_empty() {
        return Some(
            Cause::new(
                CauseKind::Progressing,
                facts.namespace.name.clone(),
                "empty; the controller should finish it",
            )
            .evidence(["nothing is left inside, and nothing was found that holds it".to_owned()])
            .remedy("look again in a minute: after a failure the controller waits up to 60 s"),
        );
    }
    (young || !moving.is_empty()).then(|| {
        let recent = young.then(|| {
            format!("it was deleted {}s ago; the controller may need {}s", age.as_secs(), PATIENCE.as_secs())
        });
        Cause::new(CauseKind::Progressing, facts.namespace.name.clone(), "still being deleted")
            .evidence(recent)
            .evidence(moving)
            .remedy("wait")
    })
}

/// Fewer objects than the controller counted when it last looked; only where all of them could be looked at.
fn falling(facts: &Facts) -> Option<String> {
    let counted = counted_remaining(&facts.namespace)?;
    let now = facts.inventory.deleting() + facts.inventory.live();
    (facts.inventory.coverage.is_complete() && now > 0 && now < counted)
        .then(|| format!("the controller counted {counted} objects when it last looked, and {now} are left"))
}

/// Pods that still have time to stop; their deletionTimestamp is the end of it.
fn draining(facts: &Facts) -> Vec<String> {
    let pods = facts.pods.iter().filter_map(|pod| Some((pod, pod.deleted?)));
    let in_time = pods.filter(|(pod, until)| {
        *until > facts.now && pod.node_state != NodeState::Missing && !has_long_grace(pod, facts.now)
    });
    in_time.map(|(pod, until)| format!("pod {} has until {until} to stop", pod.name)).collect()
}
