//! What is shown before the first write, and the question.

use jiff::Timestamp;

use super::lines::Lines;
use super::{Terminal, human_duration, inventory, sanitise, tree, words};
use crate::diagnose::age;
use crate::model::Inventory;
use crate::plan::{Action, Plan};

/// What a person is asked.
pub struct Question<'a> {
    /// What would be done.
    pub plan: &'a Plan,
    /// What is still inside.
    pub inside: &'a Inventory,
    /// Why the namespace is stuck.
    pub reason: &'a str,
    /// What would be done instead, which leaves nothing behind.
    pub release: Option<&'a Plan>,
    /// Host and port of the server.
    pub server: &'a str,
    /// The context, where one was named.
    pub context: Option<&'a str>,
}

impl Question<'_> {
    /// What a person has to type to go on: a word, a yes, or the name where live objects would be abandoned.
    #[must_use]
    pub fn text(&self) -> String {
        let name = &self.plan.namespace.name;
        let place = self.place();
        let live = (self.plan.live_at_stake > 0).then(|| self.plan.live_objects());
        match (self.release, live) {
            (Some(_), Some(live)) => {
                format!(
                    "Type release to clear it on {place} without leaving anything behind, or {name} to abandon {live} [NO]: "
                )
            }
            (Some(_), None) => {
                format!("Release or orphan what is inside namespace/{name} on {place}? [release/orphan/NO] ")
            }
            (None, Some(live)) => {
                format!("{live} will be abandoned on {place}. Type the namespace's name to go on: ")
            }
            (None, None) => format!("Go on with namespace/{name} on {place}? [y/N] "),
        }
    }

    /// `10.0.0.1:6443 (context lab)`
    fn place(&self) -> String {
        let host = self.server.split_once("://").map_or(self.server, |(_, host)| host).trim_end_matches('/');
        self.context.map_or_else(|| host.to_owned(), |context| format!("{host} (context {context})"))
    }
}

/// The cluster, the cause, what is inside; what is better; what will be sent, and what is lost by it.
pub fn show(terminal: &Terminal, question: &Question<'_>) {
    let Question { plan, inside, reason, release, .. } = question;
    let namespace = &plan.namespace;
    let name = &namespace.name;
    let age = human_duration(age(namespace, Timestamp::now()).unwrap_or_default());
    let plain = |_, text: &str| text.to_owned();
    let mut lines = Lines::new(terminal.width_of_messages(), &plain);
    lines.push(0, &sanitise(&format!("namespace/{name} has been terminating for {age}: {reason}")));
    lines.push(1, &sanitise(&format!("cluster: {}", question.place())));
    lines.push(1, &sanitise(&format!("still inside: {}", inventory::leftovers(inside))));
    lines.push(1, &sanitise(&inventory::coverage(&inside.coverage)));
    match release {
        Some(release) => {
            lines.push(0, "release (better: nothing is left behind):");
            steps(&mut lines, release);
            lines.push(0, "orphan:");
        }
        None => lines.push(0, "This will be done:"),
    }
    steps(&mut lines, plan);
    for line in lines.into_text().lines() {
        terminal.note(line);
    }
}

fn steps(lines: &mut Lines<'_>, plan: &Plan) {
    let namespace = &plan.namespace;
    for (index, step) in plan.steps.iter().enumerate() {
        let what = words::step(step.action.kind());
        let line = format!("{}. {what} {}: {}", index + 1, step.target, step.request);
        lines.hanging(1, 5, &sanitise(&line));
        if let Action::Finalize { removes } = &step.action {
            let rest = namespace.spec_finalizers.iter().filter(|each| !removes.contains(each));
            let line = format!(
                "   spec.finalizers: [{}] becomes [{}]; nothing else changes",
                namespace.spec_finalizers.join(", "),
                rest.cloned().collect::<Vec<_>>().join(", ")
            );
            lines.hanging(1, 5, &sanitise(&line));
        }
    }
    lines.push(1, &sanitise(&format!("lost: {}", tree::cost(plan))));
}
