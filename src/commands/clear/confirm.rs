//! The question before the first write.

use super::Clear;
use crate::cli::{ClearOptions, DryRunChoice};
use crate::commands::confirm::{ask, is_yes};
use crate::model::{Inventory, counted};
use crate::output::{Failure, inventory};
use crate::plan::{Action, Leftovers, Plan, Refusal};

/// What came of the question.
pub(super) enum Answer {
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

/// Rule 5: `--yes` answers the question that was asked and no other.
pub(super) async fn confirm(clear: &Clear<'_>, plan: &Plan, stock: &Inventory) -> Result<Answer, Failure> {
    let (name, live) = (&plan.namespace.name, plan.live_at_stake);
    if let Some(refusal) = refusal(clear.options, plan) {
        return Ok(Answer::Refused(refusal));
    }
    if clear.options.yes {
        return Ok(Answer::GoOn);
    }
    show(clear, plan, stock);
    let place = place(&clear.cluster.server, clear.cluster.context.as_deref());
    let question = if live > 0 {
        let live = counted(live, "live object");
        format!("{live} will be abandoned on {place}. Type the namespace's name to go on: ")
    } else {
        format!("Go on with namespace/{name} on {place}? [y/N] ")
    };
    let answer = ask(clear.terminal, clear.shutdown, &question).await?.unwrap_or_default();
    let yes = if live > 0 { answer == *name } else { is_yes(&answer) };
    Ok(if yes { Answer::GoOn } else { Answer::No })
}

/// `10.0.0.1:6443 (context lab)`
fn place(server: &str, context: Option<&str>) -> String {
    let host = server.split_once("://").map_or(server, |(_, host)| host).trim_end_matches('/');
    context.map_or_else(|| host.to_owned(), |context| format!("{host} (context {context})"))
}

/// What will be sent, and what is lost by it.
fn show(clear: &Clear<'_>, plan: &Plan, stock: &Inventory) {
    let (terminal, namespace) = (clear.terminal, &plan.namespace);
    let name = &namespace.name;
    terminal.note(&format!("namespace/{name}: {}", Clear::terminating_for(namespace)));
    terminal.note(&format!("  still inside: {}", inventory::leftovers(stock)));
    terminal.note(&format!("  {}", inventory::coverage(&stock.coverage)));
    terminal.note("This will be done:");
    for (index, step) in plan.steps.iter().enumerate() {
        terminal.note(&format!("  {}. {} {}: {}", index + 1, step.action, step.target, step.request));
        if let Action::Finalize { removes } = &step.action {
            let rest = namespace.spec_finalizers.iter().filter(|each| !removes.contains(each));
            terminal.note(&format!(
                "     spec.finalizers: [{}] becomes [{}]; nothing else changes",
                namespace.spec_finalizers.join(", "),
                rest.cloned().collect::<Vec<_>>().join(", ")
            ));
        }
        if !step.harm.is_empty() {
            terminal.note(&format!("     harm: {}", step.harm));
        }
    }
}
