//! A diagnosis that a tired person can read in ten seconds: why, what to do, what it costs; then what is better than
//! force, and the details.

use super::lines::{Lines, Paint};
use super::{Style, excerpt, human_duration, inventory, sanitise, words};
use crate::diagnose::{Cause, CommonCause, Diagnosis, Held, State, age};
use crate::model::{Hint, Invocation, ShellCommand, TypeLeftovers, at_least};
use crate::plan::{self, Action, Advice, Plan, Refusal};

/// Where a step depends on what the steps before it leave behind.
pub(super) const NO_COMMAND: &str = "(no kubectl line: nsfix first checks that nothing is left inside)";

/// The whole diagnosis of one namespace.
#[must_use]
pub(super) fn explain(
    diagnosis: &Diagnosis,
    plan: Result<&Plan, &Refusal>,
    shared: &[CommonCause],
    invocation: &Invocation,
    width: Option<usize>,
    paint: Paint<'_>,
) -> String {
    let mut lines = Lines::new(width, paint);
    let is_deleted = diagnosis.state.is_some();
    let verdict = verdict(diagnosis, shared, &lines);
    lines.push(0, &verdict);
    if is_deleted {
        // What is told above is not told again.
        let name = &diagnosis.namespace.name;
        let is_own = |cause: &&Cause| !shared.iter().any(|common| common.covers(name, cause));
        let own: Vec<Cause> = diagnosis.causes.iter().filter(is_own).cloned().collect();
        let advices = plan::advice(&own);
        in_short(&mut lines, diagnosis, plan, &advices, invocation);
        let told = plan.map_or(true, |plan| plan.is_refused);
        advice(&mut lines, &advices, told, invocation);
        causes(&mut lines, diagnosis, shared);
    }
    leftovers(&mut lines, diagnosis);
    lines.heading("Coverage");
    lines.push(1, &sanitise(&inventory::coverage(&diagnosis.inventory.coverage)));
    if let Err(refusal @ Refusal::NotTerminating { disarmed: true, .. }) = plan {
        lines.hint(0, "", &refusal.hint(), invocation);
    } else if is_deleted {
        steps(&mut lines, plan, invocation);
    }
    lines.into_text()
}

/// The causes behind several of the namespaces, each once, with what mends it; nothing where there is none.
#[must_use]
pub(super) fn shared(
    shared: &[CommonCause],
    invocation: &Invocation,
    width: Option<usize>,
    paint: Paint<'_>,
) -> Option<String> {
    let mut lines = Lines::new(width, paint);
    // Which objects a finalizer holds is told of each namespace.
    let told = |common: &&CommonCause| common.covers(&common.namespaces[0], &common.cause);
    let told: Vec<&CommonCause> = shared.iter().filter(told).collect();
    if told.is_empty() {
        return None;
    }
    lines.heading("Shared causes");
    for CommonCause { cause, namespaces } in told {
        let detail = lines.paint(Style::Bad, &excerpt(&cause.detail));
        lines.push(1, &detail);
        lines.push(2, &sanitise(&format!("- behind {} namespaces: {}", namespaces.len(), named(namespaces))));
        for evidence in &cause.evidence {
            lines.push(2, &format!("- {}", excerpt(evidence)));
        }
        if !cause.remedy.is_empty() {
            lines.push(2, &format!("to do: {}", excerpt(&cause.remedy)));
        }
        if let Some(command) = &cause.command {
            lines.command(3, &command.render(invocation));
        }
    }
    Some(lines.into_text())
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

fn verdict(diagnosis: &Diagnosis, shared: &[CommonCause], lines: &Lines<'_>) -> String {
    let Diagnosis { namespace, state, .. } = diagnosis;
    let name = lines.paint(Style::Strong, &format!("namespace/{}", namespace.name));
    let Some(state) = state else {
        let warning = if namespace.has_kubernetes_finalizer() {
            String::new()
        } else {
            let text = "it has lost its \"kubernetes\" finalizer: deleting it would leave its content behind";
            format!("; {}", lines.paint(Style::Bad, text))
        };
        return format!("{name} is Active, not Terminating{warning}");
    };
    let (style, what) = match state {
        State::Progressing => (Style::Caution, "terminating"),
        State::Stuck | State::Zombie => (Style::Bad, "stuck"),
    };
    let age = human_duration(age(namespace, diagnosis.now).unwrap_or_default());
    let since = lines.paint(style, &format!("has been {what} for {age}"));
    format!("{name} {since}: {}", excerpt(&diagnosis.reason_besides(shared)))
}

/// The second and the third line: one command, and what is lost by it.
fn in_short(
    lines: &mut Lines<'_>,
    diagnosis: &Diagnosis,
    plan: Result<&Plan, &Refusal>,
    advices: &[Advice],
    invocation: &Invocation,
) {
    let name = &diagnosis.namespace.name;
    match plan {
        Ok(plan) if !plan.has(|action| !matches!(action, Action::Wait)) => {
            lines.command(1, "to do: wait; the controller is at work");
            lines.push(1, "costs: nothing");
        }
        // What the server would refuse as things are is no way out.
        Ok(plan) if plan.is_refused => {
            let to_do = advices
                .first()
                .map_or("mend what is said above; the server refuses the plan as things are", |first| {
                    &first.text
                });
            lines.hanging(1, 9, &format!("to do: {}", excerpt(to_do)));
            lines.hanging(
                1,
                9,
                "costs: nothing; the plan below is refused by the server until that is mended",
            );
        }
        Ok(plan) => {
            let clear = ShellCommand::nsfix(["clear", name, "--leftovers=release"]);
            lines.command(1, &format!("to do: {}", clear.render(invocation)));
            lines.hanging(1, 9, &format!("costs: {}", sanitise(&cost(plan))));
            if !plan.remains.is_empty() {
                let leaves = "leaves: what the plan below says; until that is mended the namespace stays";
                lines.hanging(1, 9, leaves);
            }
        }
        Err(refusal) => {
            let to_do = advices.first().map_or_else(|| refusal.hint(), |advice| Hint::from(&advice.text));
            lines.hint(1, "to do: ", &to_do, invocation);
            let by_force =
                harm_of(&diagnosis.held).map(|harm| format!("; by force: {harm}")).unwrap_or_default();
            lines.hanging(1, 9, &sanitise(&format!("costs: nothing{by_force}")));
        }
    }
}

pub(super) const NOTHING_LOST: &str = "nothing is lost";

/// What is lost when the plan is carried out, each loss once.
pub(super) fn cost(plan: &Plan) -> String {
    let mut lost: Vec<&str> = Vec::new();
    for step in plan.steps.iter().filter(|step| !step.harm.is_empty()) {
        if !lost.contains(&step.harm.as_str()) {
            lost.push(&step.harm);
        }
    }
    if lost.is_empty() { NOTHING_LOST.to_owned() } else { lost.join("; ") }
}

fn harm_of(held: &[Held]) -> Option<String> {
    let mut lost: Vec<&str> = held.iter().map(Held::harm).collect();
    lost.sort_unstable();
    lost.dedup();
    (!lost.is_empty()).then(|| lost.join("; "))
}

fn causes(lines: &mut Lines<'_>, diagnosis: &Diagnosis, shared: &[CommonCause]) {
    let Diagnosis { namespace, causes, tried, .. } = diagnosis;
    lines.heading("Causes");
    if causes.is_empty() {
        lines.push(1, "none was found. Looked at:");
        for tried in tried {
            lines.push(2, &format!("- {}", excerpt(tried)));
        }
    }
    for cause in causes {
        let told = shared.iter().find(|common| common.covers(&namespace.name, cause)).map(|each| &each.cause);
        let detail = match told {
            Some(told) if told.detail == cause.detail => format!("{}, see above", cause.subject),
            _ => cause.detail.clone(),
        };
        let detail = lines.paint(Style::Bad, &excerpt(&detail));
        lines.push(1, &detail);
        let is_news = |evidence: &&String| told.is_none_or(|told| !told.evidence.contains(evidence));
        for evidence in cause.evidence.iter().filter(is_news) {
            lines.push(2, &format!("- {}", excerpt(evidence)));
        }
    }
}

fn leftovers(lines: &mut Lines<'_>, diagnosis: &Diagnosis) {
    lines.heading("Leftovers");
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
        of_one_type(lines, of_type, &diagnosis.held);
    }
}

/// Two lines, however many there are: the names, and what holds them.
fn of_one_type(lines: &mut Lines<'_>, of_type: &TypeLeftovers, held: &[Held]) {
    let mixed = of_type.deleting > 0 && of_type.live > 0;
    let name = |leftover: &crate::model::Leftover| {
        let live = if mixed && leftover.deleted.is_none() { " (live)" } else { "" };
        format!("{}{live}", leftover.name)
    };
    let mut names: Vec<String> = of_type.sample.iter().map(name).collect();
    let more = of_type.total() - of_type.sample.len() as u64;
    if more > 0 {
        let more = at_least(of_type.at_least, format!("{more} more"));
        names.push(format!("… {more} (--all-objects shows them)"));
    }
    let line = format!("{}: {}", inventory::of_type(of_type), names.join(", "));
    lines.push(1, &sanitise(&line));
    for held in held.iter().filter(|held| held.resource == of_type.resource) {
        let owner =
            if held.owner.is_empty() { "unknown owner".to_owned() } else { format!("owner: {}", held.owner) };
        let on = if held.count == of_type.total() {
            String::new()
        } else {
            format!(" ({})", at_least(held.at_least, format!("{} of them", held.count)))
        };
        let danger = if held.is_dangerous() { lines.paint(Style::Bad, ", dangerous") } else { String::new() };
        let line = format!("held by {}{on}, {owner}", held.finalizer);
        lines.push(2, &format!("{}{danger}", sanitise(&line)));
    }
}

fn steps(lines: &mut Lines<'_>, plan: Result<&Plan, &Refusal>, invocation: &Invocation) {
    lines.heading("Plan");
    let plan = match plan {
        Ok(plan) => plan,
        Err(refusal) => {
            lines.push(1, &excerpt(&refusal.to_string()));
            lines.hint(1, "", &refusal.hint(), invocation);
            return;
        }
    };
    for (index, step) in plan.steps.iter().enumerate() {
        let what = words::step(step.action.kind());
        lines.hanging(1, 5, &sanitise(&format!("{}. {what} {}: {}", index + 1, step.target, step.request)));
        match &step.kubectl {
            Some(command) => lines.command(3, &command.render(invocation)),
            None => lines.push(3, NO_COMMAND),
        }
    }
    for warning in &plan.warnings {
        let label = lines.paint(Style::Caution, "Warning:");
        lines.push(1, &format!("{label} {}", excerpt(warning)));
    }
}

/// `told`: the text of the first one stands above already.
fn advice(lines: &mut Lines<'_>, advice: &[Advice], told: bool, invocation: &Invocation) {
    let is_news = |(index, each): &(usize, &Advice)| *index > 0 || !told || each.command.is_some();
    let advice: Vec<(usize, &Advice)> = advice.iter().enumerate().filter(is_news).collect();
    if advice.is_empty() {
        return;
    }
    lines.heading("Better than force");
    for (index, each) in advice {
        let text = if told && index == 0 { "to do it:".into() } else { excerpt(&each.text) };
        lines.push(1, &format!("- {text}"));
        if let Some(command) = &each.command {
            lines.command(2, &command.render(invocation));
        }
    }
}
