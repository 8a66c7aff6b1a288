//! A diagnosis that a tired person can read in ten seconds: verdict, causes, leftovers, coverage, plan, advice.

use std::fmt::Write;

use super::{Style, human_duration, inventory, sanitise};
use crate::diagnose::{Cause, CommonCause, Diagnosis, Held, State, age};
use crate::model::{Hint, Invocation, ShellCommand, TypeLeftovers};
use crate::plan::{self, Advice, Plan, Refusal};

/// Where a step depends on what the steps before it leave behind.
pub(super) const NO_COMMAND: &str = "(no kubectl line: nsfix first checks that nothing is left inside)";

/// Paints a piece of text, or does not.
type Paint<'a> = &'a dyn Fn(Style, &str) -> String;

/// The whole diagnosis of one namespace.
#[must_use]
pub(super) fn explain(
    diagnosis: &Diagnosis,
    plan: Result<&Plan, &Refusal>,
    shared: &[CommonCause],
    invocation: &Invocation,
    paint: impl Fn(Style, &str) -> String,
) -> String {
    let paint: Paint<'_> = &paint;
    let mut lines = Lines::default();
    lines.push(0, &verdict(diagnosis, shared, paint));
    if diagnosis.state.is_some() {
        causes(&mut lines, diagnosis, shared, paint);
    }
    leftovers(&mut lines, diagnosis, paint);
    lines.heading("Coverage", paint);
    lines.push(1, &sanitise(&inventory::coverage(&diagnosis.inventory.coverage)));
    if let Err(refusal @ Refusal::NotTerminating { disarmed: true, .. }) = plan {
        lines.push(0, &shown(&refusal.hint(), invocation));
    } else if diagnosis.state.is_some() {
        steps(&mut lines, diagnosis, plan, shared, invocation, paint);
    }
    lines.0
}

/// The causes behind several of the namespaces, each once, with what mends it; nothing where there is none.
#[must_use]
pub(super) fn shared(
    shared: &[CommonCause],
    invocation: &Invocation,
    paint: impl Fn(Style, &str) -> String,
) -> Option<String> {
    let paint: Paint<'_> = &paint;
    let mut lines = Lines::default();
    // Which objects a finalizer holds is told of each namespace.
    let told = |common: &&CommonCause| common.covers(&common.namespaces[0], &common.cause);
    for CommonCause { cause, namespaces } in shared.iter().filter(told) {
        if lines.0.is_empty() {
            lines.heading("Shared causes", paint);
        }
        let kind = paint(Style::Bad, &cause.kind.to_string());
        lines.push(1, &format!("{kind}: {}", sanitise(&cause.detail)));
        lines.push(2, &sanitise(&format!("- behind {} namespaces: {}", namespaces.len(), named(namespaces))));
        for evidence in &cause.evidence {
            lines.push(2, &format!("- {}", sanitise(evidence)));
        }
        if !cause.remedy.is_empty() {
            lines.push(2, &format!("to do: {}", sanitise(&cause.remedy)));
        }
        if let Some(command) = &cause.command {
            lines.push(3, &paint(Style::Faint, &command.render(invocation)));
        }
    }
    (!lines.0.is_empty()).then_some(lines.0)
}

/// The first few names.
fn named(names: &[String]) -> String {
    const NAMED: usize = 5;
    let mut named: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
    if names.len() > named.len() {
        named.push("…");
    }
    named.join(", ")
}

fn shown(hint: &Hint, invocation: &Invocation) -> String {
    hint.render(invocation, |text| sanitise(text).into_owned())
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    fn push(&mut self, depth: usize, text: &str) {
        // Writing to a String does not fail.
        let _ = writeln!(self.0, "{:indent$}{text}", "", indent = depth * 2);
    }

    fn heading(&mut self, text: &str, paint: Paint<'_>) {
        self.push(0, &paint(Style::Strong, text));
    }
}

fn verdict(diagnosis: &Diagnosis, shared: &[CommonCause], paint: Paint<'_>) -> String {
    let Diagnosis { namespace, state, .. } = diagnosis;
    let name = paint(Style::Strong, &format!("namespace/{}", namespace.name));
    let Some(state) = state else {
        let warning = if namespace.has_kubernetes_finalizer() {
            String::new()
        } else {
            let text = "it has lost its \"kubernetes\" finalizer: deleting it would leave its content behind";
            format!("; {}", paint(Style::Bad, text))
        };
        return format!("{name} is Active, not Terminating{warning}");
    };
    let style = if *state == State::Progressing { Style::Caution } else { Style::Bad };
    let since = human_duration(age(namespace, diagnosis.now).unwrap_or_default());
    let state = paint(style, &format!("{state} since {since}"));
    format!("{name} is {state}: {}", sanitise(&diagnosis.reason_besides(shared)))
}

fn causes(lines: &mut Lines, diagnosis: &Diagnosis, shared: &[CommonCause], paint: Paint<'_>) {
    let Diagnosis { namespace, causes, tried, .. } = diagnosis;
    lines.heading("Causes", paint);
    if causes.is_empty() {
        lines.push(1, "none was found. Looked at:");
        for tried in tried {
            lines.push(2, &format!("- {}", sanitise(tried)));
        }
    }
    for cause in causes {
        let told = shared.iter().find(|common| common.covers(&namespace.name, cause)).map(|each| &each.cause);
        let detail = match told {
            Some(told) if told.detail == cause.detail => format!("{}, see above", cause.subject),
            _ => cause.detail.clone(),
        };
        lines.push(1, &format!("{}: {}", paint(Style::Bad, &cause.kind.to_string()), sanitise(&detail)));
        let is_news = |evidence: &&String| told.is_none_or(|told| !told.evidence.contains(evidence));
        for evidence in cause.evidence.iter().filter(is_news) {
            lines.push(2, &format!("- {}", sanitise(evidence)));
        }
    }
}

fn leftovers(lines: &mut Lines, diagnosis: &Diagnosis, paint: Paint<'_>) {
    lines.heading("Leftovers", paint);
    if diagnosis.inventory.is_empty() {
        let everywhere = diagnosis.inventory.coverage.is_complete();
        lines.push(
            1,
            if everywhere {
                "nothing was found"
            } else {
                "nothing was found in the types that could be listed"
            },
        );
    }
    for of_type in &diagnosis.inventory.types {
        of_one_type(lines, of_type, &diagnosis.held, paint);
    }
}

fn of_one_type(lines: &mut Lines, of_type: &TypeLeftovers, held: &[Held], paint: Paint<'_>) {
    lines.push(1, &sanitise(&inventory::of_type(of_type)));
    for held in held.iter().filter(|held| held.resource == of_type.resource) {
        let owner =
            if held.owner.is_empty() { "unknown owner".to_owned() } else { format!("owner: {}", held.owner) };
        let danger = if held.is_dangerous() { paint(Style::Bad, " dangerous") } else { String::new() };
        let line = format!("finalizer {} on {} ({owner})", held.finalizer, held.count);
        lines.push(2, &format!("{}{danger}", sanitise(&line)));
    }
    for leftover in &of_type.sample {
        let state = if leftover.deleted.is_some() { "deleting" } else { "live" };
        let finalizers = if leftover.finalizers.is_empty() {
            String::new()
        } else {
            format!(" [{}]", leftover.finalizers.join(", "))
        };
        lines.push(2, &paint(Style::Faint, &sanitise(&format!("{} {state}{finalizers}", leftover.name))));
    }
    let more = of_type.total() - of_type.sample.len() as u64;
    if more > 0 {
        lines.push(2, &paint(Style::Faint, &format!("… {more} more (--all-objects shows them)")));
    }
}

fn steps(
    lines: &mut Lines,
    diagnosis: &Diagnosis,
    plan: Result<&Plan, &Refusal>,
    shared: &[CommonCause],
    invocation: &Invocation,
    paint: Paint<'_>,
) {
    let namespace = &diagnosis.namespace;
    let is_own = |cause: &&Cause| !shared.iter().any(|common| common.covers(&namespace.name, cause));
    let own: Vec<Cause> = diagnosis.causes.iter().filter(is_own).cloned().collect();
    lines.heading("Plan", paint);
    let plan = match plan {
        Ok(plan) => plan,
        Err(refusal) => {
            lines.push(1, &sanitise(&refusal.to_string()));
            lines.push(1, &shown(&refusal.hint(), invocation));
            // Where the plan is refused, the remedy without force matters most.
            advice(lines, &plan::advice(&own), invocation, paint);
            return;
        }
    };
    for (index, step) in plan.steps.iter().enumerate() {
        lines.push(
            1,
            &sanitise(&format!("{}. {} {}: {}", index + 1, step.action.kind(), step.target, step.request)),
        );
        if !step.harm.is_empty() {
            lines.push(3, &paint(Style::Caution, &sanitise(&format!("harm: {}", step.harm))));
        }
        let how =
            step.kubectl.as_ref().map_or_else(|| NO_COMMAND.to_owned(), |command| command.render(invocation));
        lines.push(3, &paint(Style::Faint, &how));
    }
    for warning in &plan.warnings {
        lines.push(1, &format!("{} {}", paint(Style::Caution, "Warning:"), sanitise(warning)));
    }
    let clear = ShellCommand::nsfix(["clear", &namespace.name, "--leftovers=release"]);
    lines.push(1, &format!("to carry it out: {}", clear.render(invocation)));
    // The plan's, without what is told above.
    advice(lines, &plan::advice(&own), invocation, paint);
}

fn advice(lines: &mut Lines, advice: &[Advice], invocation: &Invocation, paint: Paint<'_>) {
    if advice.is_empty() {
        return;
    }
    lines.heading("Better than force", paint);
    for each in advice {
        lines.push(1, &format!("- {}", sanitise(&each.text)));
        if let Some(command) = &each.command {
            lines.push(2, &paint(Style::Faint, &command.render(invocation)));
        }
    }
}
