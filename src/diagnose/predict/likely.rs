//! What would probably hold the namespace: owners that are gone or go first, and what they need.

use std::time::Duration;

use super::owner::{OwnerPlace, Standing};
use super::references;
use crate::diagnose::causes::content::{LONG_GRACE, held_by};
use crate::diagnose::causes::{of_releases, of_terminating_crds};
use crate::diagnose::{Cause, CauseKind, Held, Intercepted, sees};
use crate::model::{AdmissionHook, DeletionFacts, Facts, NodeState, Pod, ShellCommand, counted};

/// A cloud may take minutes to delete something; what has taken longer is stuck already.
const LONG_DELETION: Duration = Duration::from_secs(15 * 60);
/// How many objects are named.
const NAMED: usize = 3;

pub(super) fn causes(facts: &Facts, deletion: &DeletionFacts, standings: &[Standing<'_>]) -> Vec<Cause> {
    let mut causes: Vec<Cause> = standings.iter().filter_map(|standing| held(facts, standing)).collect();
    causes.extend(deadlocks(facts, deletion, standings));
    causes.extend(own_webhooks(facts));
    causes.extend(pods_on_lost_nodes(facts));
    causes.extend(long_grace_periods(facts));
    causes.extend(terminating_crds(facts));
    let rehearsed = Facts { dry_runs: deletion.releases.clone(), ..facts.clone() };
    causes.extend(of_releases(&rehearsed));
    let mut seen = Vec::new();
    causes.retain(|cause| {
        let key = (cause.kind, cause.subject.clone(), cause.detail.clone());
        let new = !seen.contains(&key);
        seen.push(key);
        new
    });
    causes.sort_by_key(|cause| cause.kind);
    causes
}

/// Objects whose owner is gone, or goes first.
fn held(facts: &Facts, standing: &Standing<'_>) -> Option<Cause> {
    let cause = || held_by(facts, standing.held);
    match &standing.place {
        OwnerPlace::Absent(seen) => Some(cause().evidence(seen.clone())),
        OwnerPlace::HereAlone(seen) => Some(
            cause()
                .evidence([seen.clone()])
                .remedy("delete these objects while their owner still runs, and the namespace after them"),
        ),
        OwnerPlace::BoundHere(seen) => Some(
            Cause::new(
                CauseKind::Deadlock,
                standing.held.resource.to_string(),
                format!(
                    "the owner of {} could not work: the RoleBinding it needs would go first",
                    standing.held.resource
                ),
            )
            .evidence([seen.clone()])
            .remedy("delete these objects while the RoleBinding is there, and the namespace after them"),
        ),
        OwnerPlace::Elsewhere | OwnerPlace::Unknown(_) => {
            let since = deleting_since(facts, standing.held)?;
            Some(cause().evidence([format!("it is being deleted since {since}, and has not gone")]))
        }
    }
}

/// Since when an object with this finalizer has been waiting for longer than a deletion takes.
fn deleting_since(facts: &Facts, held: &Held) -> Option<jiff::Timestamp> {
    let of_type = facts.inventory.types.iter().find(|of_type| of_type.resource == held.resource)?;
    let mut waiting = of_type.sample.iter().filter(|leftover| leftover.finalizers.contains(&held.finalizer));
    waiting.find_map(|leftover| {
        let since = leftover.deleted?;
        let waited = Duration::try_from(facts.now.duration_since(since)).unwrap_or_default();
        (waited > LONG_DELETION).then_some(since)
    })
}

/// Objects whose owner runs, and needs what goes at the same time.
fn deadlocks(facts: &Facts, deletion: &DeletionFacts, standings: &[Standing<'_>]) -> Vec<Cause> {
    let waits = |object: &crate::model::HeldObject| {
        standings.iter().any(|standing| {
            // Where the owner is gone, what it needs is the smaller trouble.
            matches!(standing.place, OwnerPlace::Elsewhere | OwnerPlace::Unknown(_))
                && !is_control_plane(standing.held)
                && standing.held.resource == object.resource
                && object.finalizers().any(|finalizer| finalizer == standing.held.finalizer)
        })
    };
    let objects = deletion.held_objects.iter().filter(|object| waits(object));
    objects
        .filter_map(|object| {
            let needed = references::of(object, &facts.namespace.name, &facts.inventory);
            let first = needed.first()?;
            let id = object.id();
            Some(
                Cause::new(
                    CauseKind::Deadlock,
                    id.clone(),
                    format!("the owner of {id} could not work: the {} it needs would go first", first.kind),
                )
                .evidence(
                    needed.iter().map(|each| {
                        format!("{} names {} {} of this namespace", each.path, each.kind, each.name)
                    }),
                )
                .remedy(format!("delete {id} while the {} is there, and the namespace after it", first.kind)),
            )
        })
        .collect()
}

fn is_control_plane(held: &Held) -> bool {
    held.entry.is_some_and(|entry| entry.owner.runs == crate::diagnose::catalogue::Runs::ControlPlane)
}

/// Webhooks that are served from this namespace and see its own end: their pods go first.
pub(super) fn own_webhooks(facts: &Facts) -> Vec<Cause> {
    let here = &facts.namespace.name;
    let hooks = facts.extensions.admission_hooks.iter().filter(|hook| {
        let served_here = hook.service.as_ref().is_some_and(|service| service.namespace == *here);
        served_here && hook.fails_closed && !hook.has_conditions
    });
    hooks
        .filter_map(|hook| {
            let seen = sees(hook, &facts.namespace, &facts.inventory);
            let after_pods = seen.iter().filter(|each| !is_of_pods(each));
            let words: Vec<String> = after_pods.map(Intercepted::words).collect();
            let AdmissionHook { kind, configuration, name, .. } = hook;
            (!words.is_empty()).then(|| {
                let what = words.join(", ");
                Cause::new(
                    CauseKind::FailingAdmissionWebhook,
                    format!("{}/{configuration}", kind.resource()),
                    format!("webhook {name} would have nothing behind it by then, which refuses {what}"),
                )
                .evidence([
                    format!("it sees {what}"),
                    "it is served from this very namespace, whose pods are deleted first".to_owned(),
                ])
                .remedy(
                    "delete the webhook configuration before the namespace, or take the webhook out of it",
                )
                .command_if(super::others::deletion_of(facts, hook))
            })
        })
        .collect()
}

fn is_of_pods(seen: &Intercepted<'_>) -> bool {
    match seen {
        Intercepted::Finalize => false,
        Intercepted::Delete(of_type) | Intercepted::Release(of_type) => {
            of_type.resource.group.is_empty() && of_type.resource.resource == "pods"
        }
    }
}

/// Pods whose node does not answer: no kubelet would report that they ended.
fn pods_on_lost_nodes(facts: &Facts) -> Option<Cause> {
    let lost = |pod: &&Pod| matches!(pod.node_state, NodeState::Missing | NodeState::NotReady);
    let pods: Vec<&Pod> = facts.pods.iter().filter(lost).collect();
    let first = pods.first()?;
    let evidence = pods.iter().take(NAMED).map(|pod| {
        let node = pod.node.as_deref().unwrap_or_default();
        let state = if pod.node_state == NodeState::Missing { "does not exist" } else { "is not ready" };
        format!("pod {} is on node {node}, which {state}", pod.name)
    });
    let names: Vec<&str> = pods.iter().map(|pod| pod.name.as_str()).collect();
    let (remedy, command) = match first.node.as_deref().filter(|_| first.node_state == NodeState::NotReady) {
        Some(node) => (
            "bring the node back, or delete the Node once it is certain that it is gone or powered off: its pods \
             are then removed",
            ShellCommand::kubectl(["get", "node", "-o", "wide"]).names([node]),
        ),
        // kube-controller-manager's pod garbage collector deletes these within a minute.
        None => (
            "Kubernetes removes such pods within a minute or two, unless kube-controller-manager does not work; once \
             it is certain that the machine is gone, delete them without waiting for it",
            ShellCommand::delete_pods_at_once(&facts.namespace, &names),
        ),
    };
    Some(
        Cause::new(
            CauseKind::PodsOnLostNode,
            "pods",
            format!("{} would wait for a node that does not answer", counted(pods.len() as u64, "pod")),
        )
        .evidence(evidence)
        .remedy(remedy)
        .command(command),
    )
}

/// Pods that would have hours or years to end.
fn long_grace_periods(facts: &Facts) -> Option<Cause> {
    let pods: Vec<&Pod> = facts.pods.iter().filter(|pod| pod.grace_seconds > LONG_GRACE).collect();
    pods.first()?;
    let names: Vec<&str> = pods.iter().map(|pod| pod.name.as_str()).collect();
    let evidence =
        pods.iter().take(NAMED).map(|pod| format!("pod {} has {}s to end", pod.name, pod.grace_seconds));
    Some(
        Cause::new(
            CauseKind::LongGracePeriod,
            "pods",
            format!("{} with a grace period of more than an hour", counted(pods.len() as u64, "pod")),
        )
        .evidence(evidence)
        .remedy("if they need not finish what they do, delete them with a shorter grace period")
        .command(ShellCommand::delete_pods_soon(&facts.namespace, &names)),
    )
}

/// A CRD that is being deleted, and whose objects here have finalizers.
fn terminating_crds(facts: &Facts) -> Vec<Cause> {
    let held = |cause: &Cause| {
        let mut types = facts.inventory.types.iter();
        types.any(|of_type| of_type.resource.to_string() == cause.subject && !of_type.finalizers.is_empty())
    };
    of_terminating_crds(facts).into_iter().filter(held).collect()
}
