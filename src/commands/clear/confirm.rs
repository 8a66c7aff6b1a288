//! The question before the first write.

use anyhow::Result;

use super::Clear;
use crate::cli::{ClearOptions, DryRunChoice};
use crate::commands::confirm::{ask, is_yes};
use crate::commands::look_again::diagnose_again;
use crate::execute::Problem;
use crate::model::Inventory;
use crate::output::consent::{self, Question};
use crate::plan::{Action, Leftovers, Plan, Policy, Refusal, plan as plan_for};

/// What came of the question.
pub(super) enum Confirmation {
    /// Go on.
    GoOn,
    /// Do this instead, which leaves nothing behind.
    Release(Box<Plan>, Inventory),
    /// The person said no, or nothing.
    No,
    /// `--yes` is not enough here.
    Refused(Refusal),
}

/// Why `--yes`, or a policy, does not allow this plan.
pub(super) fn refusal(options: &ClearOptions, plan: &Plan) -> Option<Refusal> {
    let asks = options.yes || options.dry_run != DryRunChoice::None || options.leftovers == Leftovers::Refuse;
    let (name, live) = (plan.namespace.name.clone(), plan.live_objects());
    (plan.live_at_stake > 0 && asks).then_some(Refusal::LiveLeftovers { name, live })
}

/// After a rearm the controller deletes all that is inside.
pub(super) fn cannot_be_saved(
    options: &ClearOptions,
    plan: &Plan,
    inside: &Inventory,
    policy: &Policy,
) -> Option<Problem> {
    if options.no_backup || !plan.has(|action| matches!(action, Action::Rearm)) {
        return None;
    }
    let unknown = inside.coverage.unknown().filter(|gap| !policy.accepts(gap));
    Problem::unsaved(&format!("namespace {:?} was", plan.namespace.name), unknown)
}

/// Rule 5: `--yes` does not allow abandoning live objects.
pub(super) async fn confirm(clear: &Clear<'_>, plan: &Plan, stock: &Inventory) -> Result<Confirmation> {
    let (name, live) = (&plan.namespace.name, plan.live_at_stake);
    if let Some(refusal) = refusal(clear.options, plan) {
        return Ok(Confirmation::Refused(refusal));
    }
    if clear.options.yes {
        return Ok(Confirmation::GoOn);
    }
    let (reason, instead) = look_closer(clear, plan, stock).await;
    let question = Question {
        plan,
        inside: stock,
        reason: &reason,
        release: instead.as_ref().map(|(plan, _)| &**plan),
        server: &clear.cluster.server,
        context: clear.cluster.context.as_deref(),
    };
    consent::show(clear.terminal, &question);
    let answer = ask(clear.terminal, clear.shutdown, &question.text()).await?.unwrap_or_default();
    Ok(match instead {
        Some((release, inventory)) if is_release(&answer) => Confirmation::Release(release, inventory),
        _ if live > 0 && answer == *name => Confirmation::GoOn,
        Some(_) if live == 0 && is_orphan(&answer) => Confirmation::GoOn,
        None if live == 0 && is_yes(&answer) => Confirmation::GoOn,
        _ => Confirmation::No,
    })
}

fn is_release(answer: &str) -> bool {
    answer.eq_ignore_ascii_case("r") || answer.eq_ignore_ascii_case("release")
}

fn is_orphan(answer: &str) -> bool {
    answer.eq_ignore_ascii_case("o") || answer.eq_ignore_ascii_case("orphan")
}

/// Why it is stuck, and the plan that leaves nothing behind, where this one would and there is one.
async fn look_closer(
    clear: &Clear<'_>,
    plan: &Plan,
    stock: &Inventory,
) -> (String, Option<(Box<Plan>, Inventory)>) {
    let (name, uid) = (&plan.namespace.name, &plan.namespace.uid);
    let progress = clear.terminal.progress("looking at why it is stuck");
    let diagnosis = diagnose_again(clear.cluster, name, uid, clear.depth()).await;
    progress.done();
    let Ok(diagnosis) = diagnosis else { return (crate::diagnose::reason(&plan.namespace), None) };
    let reason = diagnosis.reason();
    let abandons = clear.settings.policy.leftovers == Leftovers::Ask
        && plan.has(|action| matches!(action, Action::Finalize { .. }))
        && !stock.holds_only_defaults();
    if !abandons {
        return (reason, None);
    }
    let policy = Policy { leftovers: Leftovers::Release, ..clear.settings.policy.clone() };
    let release = plan_for(&diagnosis, &policy).ok().filter(|plan| plan.remains.is_empty());
    (reason, release.map(|release| (Box::new(release), diagnosis.inventory)))
}
