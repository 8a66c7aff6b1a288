//! What is shown before the first write, and the question.

use jiff::Timestamp;

use super::{Terminal, human_duration, inventory};
use crate::diagnose::age;
use crate::model::{Inventory, counted};
use crate::plan::{Action, Plan};

/// What a person has to type to go on: a yes, or the name where live objects would be abandoned.
#[must_use]
pub fn question(plan: &Plan, server: &str, context: Option<&str>) -> String {
    let (name, live) = (&plan.namespace.name, plan.live_at_stake);
    let place = place(server, context);
    if live > 0 {
        let live = counted(live, "live object");
        format!("{live} will be abandoned on {place}. Type the namespace's name to go on: ")
    } else {
        format!("Go on with namespace/{name} on {place}? [y/N] ")
    }
}

/// `10.0.0.1:6443 (context lab)`
fn place(server: &str, context: Option<&str>) -> String {
    let host = server.split_once("://").map_or(server, |(_, host)| host).trim_end_matches('/');
    context.map_or_else(|| host.to_owned(), |context| format!("{host} (context {context})"))
}

/// What will be sent, and what is lost by it.
pub fn show(terminal: &Terminal, plan: &Plan, inside: &Inventory) {
    let namespace = &plan.namespace;
    let name = &namespace.name;
    let age = human_duration(age(namespace, Timestamp::now()).unwrap_or_default());
    terminal.note(&format!("namespace/{name}: Terminating for {age}"));
    terminal.note(&format!("  still inside: {}", inventory::leftovers(inside)));
    terminal.note(&format!("  {}", inventory::coverage(&inside.coverage)));
    terminal.note("This will be done:");
    for (index, step) in plan.steps.iter().enumerate() {
        terminal.note(&format!("  {}. {} {}: {}", index + 1, step.action.kind(), step.target, step.request));
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
