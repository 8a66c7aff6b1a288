//! From what was observed to what would be done. Pure, and the one place where safety is decided.

mod advice;
mod consent;
mod permissions;
mod policy;
pub mod policy_file;
mod protected;
mod refusal;
mod selection;
mod step;
mod unknown;
mod warnings;

pub use advice::{Advice, advice};
pub use consent::{RuleConsent, ZombieConsent};
pub use permissions::{Capability, capabilities};
pub use policy::{Leftovers, Policy};
pub use protected::is_protected;
pub use refusal::Refusal;
pub use selection::{BulkLimits, Glob, LeftAlone, LimitsFrom, SKIP_ANNOTATION, Selection, select, spared};
pub use step::{Action, Step, StepKind};
pub use unknown::{is_empty_for, unlisted};

use std::collections::BTreeSet;

use crate::diagnose::{CauseKind, Diagnosis, Held};
use crate::model::{Namespace, TypeLeftovers, at_least, counted};
use unknown::{is_known_empty, left, unknown};
use warnings::{awaits_kubernetes, rehearsed_steps, warnings};

/// What would end a namespace.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The namespace as it was when the plan was made.
    pub namespace: Namespace,
    /// What is done, in this order.
    pub steps: Vec<Step>,
    /// What nsfix will not do itself.
    pub advice: Vec<Advice>,
    /// What goes wrong, or may, when the plan is carried out.
    pub warnings: Vec<String>,
    /// Whether the server has said in a dry run that it would not carry out one of the steps.
    pub is_refused: bool,
    /// What stays under this consent and will keep the namespace: kept finalizers, content that could not be
    /// looked at. Where there is any, nothing is abandoned and the namespace is not finalized.
    pub remains: Vec<String>,
    /// Whether the controller is to be waited for first: the namespace is so young that it may still be at work.
    pub waits_first: bool,
    /// Not zero: `--yes` alone is no consent to this, because live leftovers would be abandoned or deleted.
    pub live_at_stake: u64,
    /// Whether there may be more of them: a list failed before its end.
    pub live_is_part: bool,
}

impl Plan {
    /// `3 live objects`, `at least 500 live objects`
    #[must_use]
    pub fn live_objects(&self) -> String {
        at_least(self.live_is_part, counted(self.live_at_stake, "live object"))
    }

    /// Whether a step of this kind is part of it.
    #[must_use]
    pub fn has(&self, wanted: impl Fn(&Action) -> bool) -> bool {
        self.steps.iter().any(|step| wanted(&step.action))
    }

    /// Whether anything is written, or may be once the controller was waited for.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.waits_first || self.has(|action| !matches!(action, Action::Wait))
    }

    /// The spec finalizers that the PUT to /finalize removes.
    #[must_use]
    pub fn removes(&self) -> Vec<&str> {
        let named = self.steps.iter().find_map(|step| match &step.action {
            Action::Finalize { removes } => Some(removes.iter().map(String::as_str).collect()),
            _ => None,
        });
        named.unwrap_or_default()
    }
}

/// Makes the plan for one namespace, or says which rule forbids it.
pub fn plan(diagnosis: &Diagnosis, policy: &Policy) -> Result<Plan, Refusal> {
    let Diagnosis { namespace, inventory, held, .. } = diagnosis;
    check(namespace, policy)?;
    check_zombie(diagnosis, policy)?;
    check_leftovers(diagnosis, policy)?;
    let releases = policy.leftovers == Leftovers::Release;
    let waits_first = is_young(diagnosis, policy);
    let skipped: Vec<&Held> =
        if releases { held.iter().filter(|held| !policy.may_release(held)).collect() } else { Vec::new() };
    let (awaited, skipped): (Vec<&Held>, Vec<&Held>) =
        skipped.into_iter().partition(|held| held.is_left_to_kubernetes());
    let rearms = namespace.is_zombie() && !is_known_empty(diagnosis, policy);
    let remains = if releases { remains(diagnosis, policy, &skipped) } else { Vec::new() };
    let steps = steps(diagnosis, policy, &remains);
    let mut warnings = warnings(diagnosis, policy, &skipped);
    warnings.extend(awaited.iter().map(|held| awaits_kubernetes(held)));
    let (rehearsed, is_refused) = rehearsed_steps(&steps, &diagnosis.dry_runs);
    warnings.extend(rehearsed);
    let plan = Plan {
        namespace: namespace.clone(),
        steps,
        advice: advice(&diagnosis.causes),
        warnings,
        is_refused,
        live_at_stake: match policy.leftovers {
            Leftovers::Ask | Leftovers::Refuse if !rearms && !waits_first => {
                inventory.live_besides_defaults()
            }
            _ => 0,
        },
        live_is_part: inventory.live_is_part(),
        remains,
        waits_first,
    };
    let writes = plan.has(|action| !matches!(action, Action::Wait));
    if !plan.remains.is_empty() && !writes && !waits_first {
        let names = |unproven| -> Vec<String> {
            let held = skipped.iter().filter(|held| policy.lacks_proof(held) == unproven);
            let names: BTreeSet<&String> = held.map(|held| &held.finalizer).collect();
            names.into_iter().cloned().collect()
        };
        return Err(Refusal::Remains {
            name: namespace.name.clone(),
            remains: plan.remains,
            finalizers: names(false),
            unproven: names(true),
        });
    }
    Ok(plan)
}

/// What a release leaves: finalizers that may not be removed, and whatever could not be looked at.
fn remains(diagnosis: &Diagnosis, policy: &Policy, skipped: &[&Held]) -> Vec<String> {
    let kept = skipped.iter().map(|held| format!("{} held by {}", held.counted(), held.finalizer));
    let unknown = unknown(&diagnosis.namespace, &diagnosis.inventory, policy);
    // The first reason stands for all: they are the same where a whole server or account is the trouble.
    let why = diagnosis.inventory.coverage.unknown().find(|gap| !policy.accepts(gap));
    let why = why.map(|gap| format!(" ({})", gap.detail)).unwrap_or_default();
    let unknown = (!unknown.is_empty()).then(|| format!("whatever is in {}{why}", unknown.join(", ")));
    kept.chain(unknown).collect()
}

/// An unattended run changes a zombie only where its rule says so; a person's `refuse` only one that is known to be empty.
fn check_zombie(diagnosis: &Diagnosis, policy: &Policy) -> Result<(), Refusal> {
    let Diagnosis { namespace, inventory, .. } = diagnosis;
    let may = match &policy.rule {
        Some(rule) => match rule.zombies {
            ZombieConsent::Report => false,
            ZombieConsent::RearmEmpty => is_known_empty(diagnosis, policy),
            ZombieConsent::Rearm => true,
        },
        None => policy.leftovers != Leftovers::Refuse || is_known_empty(diagnosis, policy),
    };
    if may || !namespace.is_zombie() {
        return Ok(());
    }
    Err(Refusal::Zombie {
        name: namespace.name.clone(),
        left: left(inventory),
        unknown: unknown(namespace, inventory, policy),
    })
}

/// Under `refuse` nothing is done to a namespace that is not known to be empty.
fn check_leftovers(diagnosis: &Diagnosis, policy: &Policy) -> Result<(), Refusal> {
    let Diagnosis { namespace, inventory, .. } = diagnosis;
    if policy.leftovers != Leftovers::Refuse
        || is_young(diagnosis, policy)
        || namespace.is_zombie()
        || is_known_empty(diagnosis, policy)
    {
        return Ok(());
    }
    Err(Refusal::Leftovers {
        name: namespace.name.clone(),
        left: left(inventory),
        unknown: unknown(namespace, inventory, policy),
    })
}

/// So young that the controller may still be at work, and with more inside than Kubernetes itself puts there.
fn is_young(diagnosis: &Diagnosis, policy: &Policy) -> bool {
    let Diagnosis { namespace, inventory, .. } = diagnosis;
    diagnosis.age() < policy.patience
        && namespace.has_kubernetes_finalizer()
        && !(inventory.holds_only_defaults()
            && inventory.coverage.is_complete()
            && unlisted(namespace, inventory, policy).is_empty())
}

fn steps(diagnosis: &Diagnosis, policy: &Policy, remains: &[String]) -> Vec<Step> {
    let Diagnosis { namespace, inventory, .. } = diagnosis;
    let releases = policy.leftovers == Leftovers::Release;
    let metadata = namespace.metadata_finalizers.iter().filter(|name| policy.names_metadata(name));
    let metadata = metadata.map(|name| {
        step::remove_metadata_finalizer(namespace, name, releases && !is_known_empty(diagnosis, policy))
    });
    if namespace.is_zombie() {
        return steps_for_zombie(diagnosis, policy);
    }
    if releases && is_healthy(diagnosis) && !is_known_empty(diagnosis, policy) {
        return vec![step::wait(namespace)];
    }
    let mut steps = Vec::new();
    if is_young(diagnosis, policy) {
        steps.push(step::wait(namespace));
    }
    if releases {
        let released = release_all(diagnosis, policy);
        let may_end = remains.is_empty() && (!inventory.is_empty() || is_healthy(diagnosis));
        let waits = !released.is_empty() || may_end && steps.is_empty();
        steps.extend(released);
        if waits {
            steps.push(step::wait(namespace));
        }
    }
    // After a release the PUT is sent only if nothing is left inside: an owner that was not released by force
    // may still be at work.
    if !remains.is_empty() {
        return steps;
    }
    let removes = removes(namespace, policy);
    if !removes.is_empty() {
        steps.push(step::finalize(namespace, inventory, &removes, releases));
    }
    steps.extend(metadata);
    steps
}

/// After a rearm it is the controller's again, which deletes what is live.
fn steps_for_zombie(diagnosis: &Diagnosis, policy: &Policy) -> Vec<Step> {
    let Diagnosis { namespace, inventory, .. } = diagnosis;
    if is_known_empty(diagnosis, policy) && !policy.deletes_no_namespace {
        return vec![step::delete_again(namespace)];
    }
    let mut steps = vec![step::rearm(namespace), step::wait(namespace)];
    if policy.leftovers == Leftovers::Release {
        let before = steps.len();
        let whole = inventory.types.iter().filter(|of_type| !of_type.at_least);
        steps.extend(whole.filter_map(|of_type| release(of_type, diagnosis, policy)));
        if steps.len() > before {
            steps.push(step::wait(namespace));
        }
    }
    steps
}

/// Nothing is wrong with it: it is young, or its pods take the time they have, during which the rest is live.
fn is_healthy(diagnosis: &Diagnosis) -> bool {
    let pods_remain = diagnosis.inventory.types.iter().any(is_pods);
    let harmless = |kind: CauseKind| match kind {
        CauseKind::Progressing => true,
        CauseKind::LiveObjects => pods_remain,
        _ => false,
    };
    let kinds = || diagnosis.causes.iter().map(|cause| cause.kind);
    kinds().any(|kind| kind == CauseKind::Progressing) && kinds().all(harmless)
}

/// Everything that gets leftovers out of the way. Pods first: since 1.33 the controller touches nothing else
/// before they are gone.
fn release_all(diagnosis: &Diagnosis, policy: &Policy) -> Vec<Step> {
    let Diagnosis { namespace, inventory, pods_on_lost_node, .. } = diagnosis;
    let mut steps = Vec::new();
    if !pods_on_lost_node.is_empty() {
        steps.push(step::delete_pods_on_lost_node(pods_on_lost_node, namespace));
    }
    if !diagnosis.pods_with_long_grace.is_empty() {
        steps.push(step::shorten_grace_period(&diagnosis.pods_with_long_grace, namespace));
    }
    let (pods, others): (Vec<_>, Vec<_>) = inventory.types.iter().partition(|of_type| is_pods(of_type));
    // A step writes to all there is of a type: where that was not seen, it was not shown and will not be saved.
    for of_type in pods.into_iter().chain(others).filter(|of_type| !of_type.at_least) {
        steps.extend(step::delete(of_type, namespace));
        steps.extend(release(of_type, diagnosis, policy));
    }
    steps
}

/// The rules that need nothing but the namespace itself; checked again on every fresh read before a write.
pub fn check(namespace: &Namespace, policy: &Policy) -> Result<(), Refusal> {
    let name = namespace.name.clone();
    if !namespace.is_terminating() {
        let disarmed = !namespace.has_kubernetes_finalizer();
        return Err(Refusal::NotTerminating { name, disarmed });
    }
    if is_protected(&name) && !policy.allow_protected {
        return Err(Refusal::Protected { name });
    }
    let named = namespace.metadata_finalizers.iter().any(|name| policy.names_metadata(name));
    let foreign = namespace.foreign_spec_finalizers().filter(|name| !policy.names_spec(name));
    let foreign: Vec<String> = foreign.map(str::to_owned).collect();
    let metadata = namespace.metadata_finalizers.iter().filter(|name| !policy.names_metadata(name));
    let metadata: Vec<String> = metadata.cloned().collect();
    if removes(namespace, policy).is_empty() && !named && !namespace.is_zombie() {
        return Err(Refusal::NothingToFinalize { name, foreign, metadata });
    }
    // The PUT would abandon what is inside, and the namespace would stay all the same.
    if !foreign.is_empty() || !metadata.is_empty() {
        return Err(Refusal::HeldBesides { name, foreign, metadata });
    }
    Ok(())
}

/// The spec finalizers to be removed: `kubernetes`, and those that were named.
fn removes(namespace: &Namespace, policy: &Policy) -> Vec<String> {
    namespace.spec_finalizers.iter().filter(|name| policy.names_spec(name)).cloned().collect()
}

fn is_pods(of_type: &TypeLeftovers) -> bool {
    of_type.resource.group.is_empty() && of_type.resource.resource == "pods"
}

fn release(of_type: &TypeLeftovers, diagnosis: &Diagnosis, policy: &Policy) -> Option<Step> {
    let held = diagnosis.held.iter();
    let held: Vec<&Held> =
        held.filter(|held| held.resource == of_type.resource && policy.may_release(held)).collect();
    (!held.is_empty()).then(|| step::release(of_type, &held, &diagnosis.namespace))
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
