//! All that is stuck, by cause: each cause once, and the namespaces below it. Fifty namespaces are a page.

use super::explain::Explained;
use super::lines::{Lines, Paint};
use super::{Style, excerpt, human_duration, sanitise, tree, words};
use crate::diagnose::{CauseGroup, Diagnosis, State, by_cause};
use crate::model::{Invocation, ShellCommand, counted, counted_with};
use crate::plan::{self, Plan};

/// How many namespaces of a cause are named where all are not wanted.
const NAMED: usize = 8;

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// `nsfix` alone: causes, namespaces, and the next command.
    Short,
    /// `explain` without names: what to do about each cause, and what it costs.
    Full,
}

/// What is stuck, and why.
#[must_use]
pub(super) fn of(
    explained: &[Explained],
    extent: Extent,
    invocation: &Invocation,
    width: Option<usize>,
    paint: Paint<'_>,
) -> String {
    let groups = by_cause(explained.iter().map(|each| &each.diagnosis));
    let mut lines = Lines::new(width, paint);
    let summary = summary(explained, groups.len(), &lines);
    lines.push(0, &summary);
    for group in &groups {
        lines.push(0, "");
        of_group(&mut lines, group, explained, extent, invocation);
    }
    lines.push(0, "");
    next(&mut lines, &groups, extent, invocation);
    lines.into_text()
}

fn summary(explained: &[Explained], causes: usize, lines: &Lines<'_>) -> String {
    let is_young = |each: &&Explained| each.diagnosis.state == Some(State::Progressing);
    let young = explained.iter().filter(is_young).count() as u64;
    let stuck = explained.len() as u64 - young;
    let said = match (stuck, young) {
        (0, young) => counted_with(young, "namespace", "is still terminating", "are still terminating"),
        (stuck, 0) => counted_with(stuck, "namespace", "is stuck", "are stuck"),
        (stuck, young) => {
            let stuck = counted_with(stuck, "namespace", "is stuck", "are stuck");
            format!("{stuck}, {young} more {} still terminating", if young == 1 { "is" } else { "are" })
        }
    };
    let behind = if causes > 1 { format!(", by {causes} causes") } else { String::new() };
    lines.paint(Style::Strong, &format!("{said}{behind}"))
}

fn of_group(
    lines: &mut Lines<'_>,
    group: &CauseGroup<'_>,
    explained: &[Explained],
    extent: Extent,
    invocation: &Invocation,
) {
    let CauseGroup { cause, diagnoses } = group;
    let why = cause.map_or_else(|| diagnoses[0].reason(), words::shared);
    let why = lines.paint(Style::Bad, &excerpt(&why));
    lines.push(0, &format!("{why} ({})", counted(diagnoses.len() as u64, "namespace")));
    lines.hanging(1, 4, &sanitise(&names(diagnoses, extent)));
    if extent == Extent::Short {
        return;
    }
    let Some(cause) = cause else { return };
    for advice in plan::advice(std::slice::from_ref(*cause)) {
        lines.hanging(1, 11, &format!("better:  {}", excerpt(&advice.text)));
        if let Some(command) = advice.command {
            lines.command(1, &format!("         {}", command.render(invocation)));
        }
    }
    let of_group = |each: &&Explained| {
        diagnoses.iter().any(|diagnosis| diagnosis.namespace.uid == each.diagnosis.namespace.uid)
    };
    let plans = explained.iter().filter(of_group).filter_map(|each| each.plan.as_ref().ok());
    // What the server would refuse as things are is no way out.
    let plans: Vec<&Plan> = plans.filter(|plan| !plan.is_refused).collect();
    let waits =
        plans.iter().all(|plan| plan.steps.iter().all(|step| step.kubectl.is_some() && is_wait(step)));
    if plans.is_empty() || waits {
        return;
    }
    let clear = ShellCommand::nsfix(["clear", "--leftovers=release"])
        .names(plans.iter().map(|plan| plan.namespace.name.as_str()));
    lines.command(1, &format!("by force: {}", clear.render(invocation)));
    let mut costs: Vec<String> = plans.iter().map(|plan| tree::cost(plan)).collect();
    costs.sort();
    costs.dedup();
    // Said only where it is true of all of them.
    if costs.len() > 1 {
        costs.retain(|cost| cost != tree::NOTHING_LOST);
    }
    lines.hanging(1, 11, &format!("costs:   {}", sanitise(&costs.join("; "))));
}

fn is_wait(step: &plan::Step) -> bool {
    matches!(step.action, plan::Action::Wait)
}

/// `shop (3d), cart (2d) and 4 more`; what else holds one of them is counted.
fn names(diagnoses: &[&Diagnosis], extent: Extent) -> String {
    let name = |diagnosis: &&Diagnosis| {
        let others = diagnosis.causes.len().saturating_sub(1) as u64;
        let others =
            if others == 0 { String::new() } else { format!(", and {}", counted(others, "other cause")) };
        format!("{} ({}{others})", diagnosis.namespace.name, human_duration(diagnosis.age()))
    };
    let named = if extent == Extent::Full { diagnoses.len() } else { NAMED };
    let said: Vec<String> = diagnoses.iter().take(named).map(name).collect();
    match diagnoses.len().saturating_sub(named) {
        0 => said.join(", "),
        more => format!("{} and {more} more", said.join(", ")),
    }
}

/// The one command to run next.
fn next(lines: &mut Lines<'_>, groups: &[CauseGroup<'_>], extent: Extent, invocation: &Invocation) {
    let all: usize = groups.iter().map(|group| group.diagnoses.len()).sum();
    let explain = match (groups.first(), extent) {
        (Some(group), Extent::Full) => explain_one(group),
        (Some(group), Extent::Short) if all == 1 => explain_one(group),
        _ => ShellCommand::nsfix(["explain"]),
    };
    let why = if extent == Extent::Full { "one of them in detail: " } else { "Next: " };
    lines.command(0, &format!("{why}{}", explain.render(invocation)));
}

fn explain_one(group: &CauseGroup<'_>) -> ShellCommand {
    ShellCommand::nsfix(["explain"]).names([&group.diagnoses[0].namespace.name])
}
