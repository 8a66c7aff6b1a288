//! What is still inside: held, live, or on a node that is gone.

use crate::diagnose::conditions::{finalizers_in, remaining_finalizers};
use crate::diagnose::{Cause, CauseKind, Held};
use crate::model::{Facts, NodeState, Pod, ShellCommand, at_least, counted, counted_with as verb};

/// A pod that has longer than this to end keeps its namespace for hours.
pub(in crate::diagnose) const LONG_GRACE: i64 = 3600;
/// How many objects of a type are named.
const NAMED: usize = 3;

/// Pods past their grace period whose node does not answer: no kubelet will report that they ended.
pub(in crate::diagnose) fn pods_on_lost_nodes(facts: &Facts) -> Vec<&Pod> {
    let is_ghost = |pod: &&Pod| {
        let gone = matches!(pod.node_state, NodeState::Missing | NodeState::NotReady);
        // The timestamp of a pod includes its grace period.
        let overdue = pod.deleted.is_some_and(|deleted| facts.now >= deleted);
        gone && overdue && pod.finalizers.is_empty()
    };
    facts.pods.iter().filter(is_ghost).collect()
}

pub(super) fn pods_on_lost_node(facts: &Facts) -> Option<Cause> {
    let pods_on_lost_nodes = pods_on_lost_nodes(facts);
    pods_on_lost_nodes.first()?;
    let evidence = pods_on_lost_nodes.iter().take(NAMED).map(|pod| {
        let node = pod.node.as_deref().unwrap_or_default();
        let state = if pod.node_state == NodeState::Missing { "does not exist" } else { "is not ready" };
        format!("pod {} was on node {node}, which {state}; it had {}s to end", pod.name, pod.grace_seconds)
    });
    let names: Vec<&str> = pods_on_lost_nodes.iter().map(|pod| pod.name.as_str()).collect();
    Some(
        Cause::new(
            CauseKind::PodsOnLostNode,
            "pods",
            format!(
                "{} for a node that does not answer",
                verb(pods_on_lost_nodes.len() as u64, "Pod", "waits", "wait")
            ),
        )
        .evidence(evidence)
        .remedy(
            "once it is certain that the node is gone or powered off, delete the pods without waiting for it",
        )
        .command(ShellCommand::delete_pods_at_once(&facts.namespace, &names)),
    )
}

/// Whether a pod still has hours or years to end.
pub(super) fn has_long_grace(pod: &Pod, now: jiff::Timestamp) -> bool {
    pod.grace_seconds > LONG_GRACE && pod.deleted.is_some_and(|until| until > now)
}

/// Pods that were given hours or years to end. A finalizer would hold them all the same.
pub(in crate::diagnose) fn pods_with_long_grace(facts: &Facts) -> impl Iterator<Item = &Pod> {
    facts.pods.iter().filter(|pod| has_long_grace(pod, facts.now))
}

pub(super) fn long_grace_periods(facts: &Facts) -> Option<Cause> {
    let pods: Vec<&Pod> = pods_with_long_grace(facts).collect();
    pods.first()?;
    let evidence = pods.iter().take(NAMED).map(|pod| {
        let until = pod.deleted.map(|until| until.to_string()).unwrap_or_default();
        let node = match pod.node_state {
            NodeState::Ready => "which is ready",
            NodeState::NotReady => "which is not ready",
            NodeState::Missing => "which does not exist",
            NodeState::Unknown => "which could not be looked at",
        };
        let on =
            pod.node.as_ref().map(|node_name| format!(" on node {node_name}, {node};")).unwrap_or_default();
        format!("pod {}{on} has {}s to end, until {until}", pod.name, pod.grace_seconds)
    });
    let names: Vec<&str> = pods.iter().map(|pod| pod.name.as_str()).collect();
    Some(
        Cause::new(
            CauseKind::LongGracePeriod,
            "pods",
            format!("{} a grace period of more than an hour", verb(pods.len() as u64, "Pod", "has", "have")),
        )
        .evidence(evidence)
        .remedy("if they need not finish what they do, delete them again with a shorter grace period")
        .command(ShellCommand::delete_pods_soon(&facts.namespace, &names)),
    )
}

/// What the objects of a type say of failing, as evidence for what holds them.
fn said_by<'a>(facts: &'a Facts, held: &'a Held) -> impl Iterator<Item = String> + 'a {
    let prefix = format!("{}/", held.resource);
    let of_type = facts.failing_conditions.iter().filter(move |failing| failing.object.starts_with(&prefix));
    of_type.map(|failing| format!("{} says of itself: {}", failing.object, failing.message))
}

/// Leftovers that are being deleted and wait for finalizers.
pub(super) fn held_objects(facts: &Facts, held: &[Held]) -> Vec<Cause> {
    held.iter().filter(|held| is_deleting(facts, held)).map(|held| held_by(facts, held)).collect()
}

/// Objects that wait, or will wait, for a finalizer.
pub(in crate::diagnose) fn held_by(facts: &Facts, held: &Held) -> Cause {
    let Held { finalizer, entry, owner, .. } = held;
    let unused = is_unused_claim(facts, held);
    let mut detail = format!("{} held by {finalizer}", held.counted());
    if unused {
        detail.push_str(", and no pod uses them");
    }
    let mut evidence = names(facts, held).into_iter().collect::<Vec<_>>();
    evidence.extend(held.evidence.iter().cloned());
    evidence.extend(said_by(facts, held));
    if let Some(entry) = entry {
        evidence.push(format!("it protects: {}", entry.protects));
    }
    evidence.push(format!("if removed by force: {}", held.harm()));
    if unused {
        evidence
            .push("no pod in this namespace uses them: the protection controller has not acted".to_owned());
    } else if is_claim(held) {
        evidence.extend(users(facts, held));
    }
    if entry.is_none() && owner.is_empty() {
        evidence.extend(possible_owners(facts));
    }
    let remedy = match (entry, owner.as_str()) {
        _ if unused => {
            "see that kube-controller-manager runs its persistentvolumeclaim-protection controller; with no \
             pod that uses the claim, removing the finalizer does no harm to data"
                .to_owned()
        }
        (Some(entry), _) => entry.remedy.to_owned(),
        (None, "") => "find out which controller sets this finalizer, and bring it back".to_owned(),
        (None, owner) => format!("bring {owner} back, and it will finish its work"),
    };
    Cause::new(CauseKind::HeldObjects, finalizer.clone(), detail).evidence(evidence).remedy(remedy)
}

const PVC_PROTECTION: &str = "kubernetes.io/pvc-protection";

fn is_claim(held: &Held) -> bool {
    held.finalizer == PVC_PROTECTION && held.resource.resource == "persistentvolumeclaims"
}

/// Whether these are claims that no pod uses; only where all pods are known (kubernetes'
/// pkg/controller/volume/pvcprotection/pvc_protection_controller.go: podUsesPVC).
fn is_unused_claim(facts: &Facts, held: &Held) -> bool {
    is_claim(held)
        && facts.namespace.is_terminating()
        && facts.all_pods_known
        && claims(facts, held).next().is_some()
        && users(facts, held).is_empty()
}

/// The names of the claims that are remembered.
fn claims<'a>(facts: &'a Facts, held: &Held) -> impl Iterator<Item = &'a str> {
    let of_type = facts.inventory.types.iter().find(|of_type| of_type.resource == held.resource);
    of_type.into_iter().flat_map(|of_type| &of_type.sample).map(|leftover| leftover.name.as_str())
}

/// The pods that use them, each in a sentence.
fn users(facts: &Facts, held: &Held) -> Vec<String> {
    let claims: Vec<&str> = claims(facts, held).collect();
    let pods = facts.pods.iter();
    let using = pods.filter_map(|pod| {
        let claim = pod.claims.iter().find(|claim| claims.contains(&claim.as_str()))?;
        Some(format!("pod {} uses {claim}", pod.name))
    });
    using.take(NAMED).collect()
}

/// Workloads of the namespace itself that may be the unknown owner.
fn possible_owners(facts: &Facts) -> Option<String> {
    let workloads = facts.inventory.types.iter().filter(|of_type| {
        of_type.resource.group == "apps"
            && ["deployments", "statefulsets"].contains(&of_type.resource.resource.as_str())
    });
    let looks_like =
        |name: &str| ["operator", "controller", "manager"].iter().any(|word| name.contains(word));
    let mut names = workloads.flat_map(|of_type| {
        of_type.sample.iter().map(|leftover| leftover.name.as_str()).filter(|name| looks_like(name))
    });
    let first = names.next()?;
    Some(format!(
        "{first} is in this very namespace: if it is the owner, its pods cannot be created here any more"
    ))
}

/// Whether any of what it holds is being deleted, as far as the objects that are remembered tell.
fn is_deleting(facts: &Facts, held: &Held) -> bool {
    let Some(of_type) = facts.inventory.types.iter().find(|of_type| of_type.resource == held.resource) else {
        return false;
    };
    let seen = of_type.sample.iter().filter(|leftover| leftover.finalizers.contains(&held.finalizer));
    let (mut count, mut deleting) = (0, false);
    for leftover in seen {
        count += 1;
        deleting |= leftover.deleted.is_some();
    }
    deleting || (count < held.count && of_type.deleting > 0)
}

/// Finalizers that the controller has counted on content that could not be looked at.
pub(super) fn held_out_of_sight(facts: &Facts, held: &[Held]) -> Vec<Cause> {
    let gaps = &facts.inventory.coverage.gaps;
    let Some(condition) = remaining_finalizers(&facts.namespace).filter(|_| !gaps.is_empty()) else {
        return Vec::new();
    };
    let not_seen: Vec<String> = gaps.iter().map(ToString::to_string).collect();
    let not_seen = format!("could not look at {}: it may be there", not_seen.join(", "));
    let unknown = finalizers_in(&condition.message)
        .into_iter()
        .filter(|(finalizer, _)| held.iter().all(|held| held.finalizer != *finalizer));
    unknown
        .map(|(finalizer, count)| {
            let detail =
                format!("{} held by {finalizer}, which could not be looked at", counted(count, "object"));
            Cause::new(CauseKind::HeldObjects, finalizer, detail)
                .evidence([format!("the namespace controller says: {}", condition.message)])
                .evidence([not_seen.clone()])
                .remedy("look again with an account that may list every type")
        })
        .collect()
}

fn names(facts: &Facts, held: &Held) -> Option<String> {
    let of_type = facts.inventory.types.iter().find(|of_type| of_type.resource == held.resource)?;
    let held_by_it = of_type.sample.iter().filter(|leftover| leftover.finalizers.contains(&held.finalizer));
    let mut names: Vec<&str> = held_by_it.take(NAMED).map(|leftover| leftover.name.as_str()).collect();
    if held.at_least || held.count > names.len() as u64 {
        names.push("…");
    }
    (!names.is_empty()).then(|| format!("on {}", names.join(", ")))
}

/// Leftovers without a deletionTimestamp.
pub(super) fn live_objects(facts: &Facts) -> Option<Cause> {
    let live: Vec<String> = facts
        .inventory
        .types
        .iter()
        .filter(|of_type| of_type.live > 0)
        .map(|of_type| of_type.counted(of_type.live))
        .collect();
    if live.is_empty() {
        return None;
    }
    let pods = facts.inventory.types.iter().find(|of_type| {
        of_type.resource.group.is_empty() && of_type.resource.resource == "pods" && of_type.total() > 0
    });
    let mut evidence = vec![live.join(", ")];
    let remedy = match pods {
        Some(pods) if facts.namespace.has_kubernetes_finalizer() => {
            evidence.push(format!(
                "{}, and since Kubernetes 1.33 nothing else is deleted before the pods are gone",
                at_least(pods.at_least, verb(pods.total(), "Pod", "remains", "remain"))
            ));
            let conditions = &facts.namespace.conditions;
            if !conditions.is_empty() && conditions.iter().all(|condition| condition.status != "True") {
                evidence.push(
                    "the conditions say that all content is removed; while pods remain they are wrong"
                        .to_owned(),
                );
            }
            "get the pods out of the way, and the controller will delete the rest"
        }
        _ if !facts.namespace.has_kubernetes_finalizer() => {
            "the controller will not delete them, because the namespace has lost its \"kubernetes\" finalizer"
        }
        _ => "the controller has not come to delete them yet, or may not; see the other causes",
    };
    Some(
        Cause::new(
            CauseKind::LiveObjects,
            "leftovers",
            at_least(
                facts.inventory.live_is_part(),
                format!("{} live", verb(facts.inventory.live(), "object", "is", "are")),
            ),
        )
        .evidence(evidence)
        .remedy(remedy),
    )
}
