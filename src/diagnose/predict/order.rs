//! An order of deletion that works: what needs something goes before what it needs.

use std::collections::BTreeSet;

use super::owner::{OwnerPlace, Standing};
use super::{Prediction, likely};
use crate::diagnose::{Cause, CauseKind};
use crate::model::{Facts, Namespace, ResourceType, ShellCommand, is_custom_group};

/// How long kubectl waits for objects to go.
const TIMEOUT: &str = "--timeout=5m";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderStep {
    /// What, and why here.
    pub text: String,
    /// The command, where one does it.
    pub command: Option<ShellCommand>,
}

impl OrderStep {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), command: None }
    }

    fn command(self, command: ShellCommand) -> Self {
        Self { command: Some(command), ..self }
    }
}

pub(super) fn order(facts: &Facts, prediction: &Prediction, standings: &[Standing<'_>]) -> Vec<OrderStep> {
    let namespace = &facts.namespace;
    let mut steps = Vec::new();
    if !prediction.certain.is_empty() {
        let subjects: BTreeSet<&str> =
            prediction.certain.iter().map(|cause| cause.subject.as_str()).collect();
        let subjects: Vec<&str> = subjects.into_iter().collect();
        steps.push(OrderStep::new(format!("mend what holds now: {}", subjects.join(", "))));
    }
    steps.extend(
        prediction
            .comes_back
            .iter()
            .filter(|each| !each.by.starts_with("Helm"))
            .map(|each| OrderStep::new(format!("keep {} from making its objects again", each.by))),
    );
    steps.extend(owners_that_are_gone(standings));
    steps.extend(custom_resources(namespace, standings));
    steps.extend(held_built_ins(facts, standings));
    steps.extend(served_from_here(facts, prediction));
    if prediction
        .likely
        .iter()
        .any(|cause| matches!(cause.kind, CauseKind::PodsOnLostNode | CauseKind::LongGracePeriod))
    {
        steps.push(OrderStep::new("get the pods named above out of the way"));
    }
    let name = &namespace.name;
    steps.push(
        OrderStep::new("look again: nothing but what goes with the namespace should be left")
            .command(ShellCommand::nsfix(["check"]).names([name])),
    );
    steps.push(OrderStep::new("the namespace").command(
        ShellCommand::if_still(namespace).and(ShellCommand::kubectl(["delete", "namespace"]).names([name])),
    ));
    steps
}

/// Nothing can be deleted properly before its owner is back.
fn owners_that_are_gone(standings: &[Standing<'_>]) -> Option<OrderStep> {
    let gone = standings.iter().filter(|standing| matches!(standing.place, OwnerPlace::Absent(_)));
    let finalizers: BTreeSet<&str> = gone.map(|standing| standing.held.finalizer.as_str()).collect();
    let finalizers: Vec<&str> = finalizers.into_iter().collect();
    (!finalizers.is_empty()).then(|| {
        OrderStep::new(format!(
            "bring the owner of {} back; if it is gone for good, clean up by hand what it protects, and take the \
             finalizer off",
            finalizers.join(", ")
        ))
    })
}

/// Custom resources first, while what they need is there; what configures others after the others.
fn custom_resources(namespace: &Namespace, standings: &[Standing<'_>]) -> Vec<OrderStep> {
    let mut types: Vec<&ResourceType> = standings.iter().map(|standing| &standing.held.resource).collect();
    types.retain(|ty| is_custom_group(&ty.group));
    types.sort();
    types.dedup();
    types.sort_by_key(|ty| configures_others(ty));
    let delete = |ty: &&ResourceType| {
        let delete =
            ["delete", &ty.to_string(), "-n", &namespace.name, "--all", "--wait", TIMEOUT].map(str::to_owned);
        OrderStep::new(format!("{ty}, while their owner runs and what they need is there"))
            .command(ShellCommand::if_still(namespace).and(ShellCommand::kubectl(delete)))
    };
    types.iter().map(delete).collect()
}

fn configures_others(ty: &ResourceType) -> bool {
    ["Config", "Class", "Provider", "Store", "Issuer", "Credentials"]
        .iter()
        .any(|word| ty.kind.ends_with(word))
}

/// Objects of built-in types that stand for something outside the cluster: load balancers, ingresses.
fn held_built_ins(facts: &Facts, standings: &[Standing<'_>]) -> Vec<OrderStep> {
    let mut types: Vec<&ResourceType> = standings
        .iter()
        .map(|standing| standing.held)
        .filter(|held| {
            let runs = held.entry.map(|entry| entry.owner.runs);
            !is_custom_group(&held.resource.group)
                && runs != Some(crate::diagnose::catalogue::Runs::ControlPlane)
        })
        .map(|held| &held.resource)
        .collect();
    types.sort();
    types.dedup();
    let step = |ty: &&ResourceType| {
        let of_type = facts.inventory.types.iter().find(|of_type| of_type.resource == **ty)?;
        let held = of_type.sample.iter().filter(|leftover| !leftover.finalizers.is_empty());
        let names: Vec<&str> = held.map(|leftover| leftover.name.as_str()).collect();
        let text = format!("the {ty}, which have to be cleaned up outside the cluster");
        // A command that leaves some out would look like one that does it all.
        if names.is_empty() || !of_type.is_all_kept() {
            return Some(OrderStep::new(text));
        }
        let delete =
            ["delete", &ty.to_string(), "-n", &facts.namespace.name, "--wait", TIMEOUT].map(str::to_owned);
        let delete = ShellCommand::kubectl(delete).names(names);
        Some(OrderStep::new(text).command(ShellCommand::if_still(&facts.namespace).and(delete)))
    };
    types.iter().filter_map(step).collect()
}

/// What answers for others goes after what it answers for, and before the namespace that it is served from.
fn served_from_here(facts: &Facts, prediction: &Prediction) -> Vec<OrderStep> {
    let own = likely::own_webhooks(facts);
    let mut seen = BTreeSet::new();
    let causes = prediction.breaks_others.iter().chain(&own);
    causes
        .filter(|cause| seen.insert((cause.kind, cause.subject.as_str())))
        .map(|cause| {
            let Cause { kind, subject, command, .. } = cause;
            if *kind == CauseKind::FailingConversionWebhook {
                return OrderStep::new(format!("see to CRD {subject}, which is converted from here"));
            }
            let what = if *kind == CauseKind::UnavailableApi { "APIService " } else { "" };
            OrderStep {
                text: format!("{what}{subject}, which is served from here"),
                command: command.clone(),
            }
        })
        .collect()
}
