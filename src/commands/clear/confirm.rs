//! The question before the first write.

use anyhow::Result;

use super::Clear;
use crate::cli::{ClearOptions, DryRunChoice};
use crate::commands::confirm::{ask, is_yes};
use crate::model::Inventory;
use crate::output::consent;
use crate::plan::{Leftovers, Plan, Refusal};

/// What came of the question.
pub(super) enum Confirmation {
    /// Go on.
    GoOn,
    /// The person said no, or nothing.
    No,
    /// `--yes` is not enough here.
    Refused(Refusal),
}

/// Why `--yes`, or a policy, does not allow this plan.
pub(super) fn refusal(options: &ClearOptions, plan: &Plan) -> Option<Refusal> {
    let asks = options.yes || options.dry_run != DryRunChoice::None || options.leftovers == Leftovers::Refuse;
    let (name, live) = (plan.namespace.name.clone(), plan.live_at_stake);
    (live > 0 && asks).then_some(Refusal::LiveLeftovers { name, live })
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
    consent::show(clear.terminal, plan, stock);
    let question = consent::question(plan, &clear.cluster.server, clear.cluster.context.as_deref());
    let answer = ask(clear.terminal, clear.shutdown, &question).await?.unwrap_or_default();
    let yes = if live > 0 { answer == *name } else { is_yes(&answer) };
    Ok(if yes { Confirmation::GoOn } else { Confirmation::No })
}
