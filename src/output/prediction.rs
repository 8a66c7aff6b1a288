//! A prediction that a person reads before `kubectl delete namespace`: one line where nothing is expected.

use super::document::{Document, PredictionItem};
use super::lines::{Lines, Paint};
use super::{Format, OutputError, Style, Terminal, excerpt, sanitise};
use crate::diagnose::Cause;
use crate::diagnose::predict::{Expectation, OutsideOutcome, Prediction};
use crate::model::Invocation;

/// Prints them in their format.
pub fn print(
    predictions: &[Prediction],
    context: Option<&str>,
    server: &str,
    format: Option<&Format>,
    terminal: &Terminal,
) -> Result<(), OutputError> {
    let invocation = terminal.invocation();
    let text = if let Some(format) = format {
        let item = |each| PredictionItem::new(each, context, server, invocation);
        Document::new(predictions.iter().map(item).collect()).render(format, true)?
    } else {
        let paint = |style: Style, text: &str| terminal.paint(style, text);
        predictions.iter().map(|each| predicted(each, invocation, terminal.width(), &paint)).collect()
    };
    terminal.data(&text)
}

/// The whole prediction for one namespace.
#[must_use]
fn predicted(
    prediction: &Prediction,
    invocation: &Invocation,
    width: Option<usize>,
    paint: Paint<'_>,
) -> String {
    let mut lines = Lines::new(width, paint);
    let name = paint(Style::Strong, &format!("namespace/{}", prediction.namespace.name));
    lines.push(0, &format!("{name}: {}", verdict(prediction, paint)));
    sections(&mut lines, prediction, invocation, paint);
    lines.into_text()
}

/// What `explain` adds for a namespace that is Active.
#[must_use]
pub(super) fn if_deleted(
    prediction: &Prediction,
    invocation: &Invocation,
    width: Option<usize>,
    paint: Paint<'_>,
) -> String {
    let mut lines = Lines::new(width, paint);
    lines.push(0, &format!("{}: {}", paint(Style::Strong, "If it were deleted"), verdict(prediction, paint)));
    sections(&mut lines, prediction, invocation, paint);
    lines.into_text()
}

fn sections(lines: &mut Lines<'_>, prediction: &Prediction, invocation: &Invocation, paint: Paint<'_>) {
    causes(lines, "Certain", &prediction.certain, invocation, paint);
    causes(lines, "Likely", &prediction.likely, invocation, paint);
    causes(lines, "Breaks others", &prediction.breaks_others, invocation, paint);
    if !prediction.outside.is_empty() {
        lines.heading("Deleted or leaked outside");
    }
    for outside in &prediction.outside {
        let style = if outside.fate == OutsideOutcome::Leaked { Style::Bad } else { Style::Caution };
        let fate = paint(style, &outside.fate.to_string());
        let line = format!("{} {}: {}", outside.kind, outside.subject, outside.detail);
        lines.push(1, &format!("{fate}: {}", sanitise(&line)));
    }
    if !prediction.comes_back.is_empty() {
        lines.heading("Comes back");
    }
    for each in &prediction.comes_back {
        lines.push(1, &sanitise(&format!("{}: {}", each.by, each.detail)));
    }
    if !prediction.could_not_look.is_empty() {
        lines.heading("Could not look");
    }
    for each in &prediction.could_not_look {
        // A refusal begins with what it refuses.
        let said = each.why.starts_with(&each.what);
        let line = if said { each.why.clone() } else { format!("{}: {}", each.what, each.why) };
        lines.push(1, &excerpt(&line));
    }
    if !prediction.order.is_empty() {
        lines.heading("An order that works");
    }
    for (index, step) in prediction.order.iter().enumerate() {
        lines.push(1, &sanitise(&format!("{}. {}", index + 1, step.text)));
        if let Some(command) = &step.command {
            lines.command(3, &command.render(invocation));
        }
    }
}

/// The sentence that says it all.
fn verdict(prediction: &Prediction, paint: Paint<'_>) -> String {
    let leaks = prediction.outside.iter().filter(|each| each.fate == OutsideOutcome::Leaked).count();
    match prediction.expectation() {
        Expectation::NothingExpected => paint(Style::Good, "nothing would get stuck, break or leak"),
        Expectation::Unknown => {
            paint(Style::Caution, "nothing was found, but not everything could be looked at")
        }
        Expectation::TroubleExpected => {
            let counts = [
                ("certain to hold it", prediction.certain.len()),
                ("likely to hold it", prediction.likely.len()),
                ("broken elsewhere", prediction.breaks_others.len()),
                ("leaked outside", leaks),
            ];
            let counts = counts.iter().filter(|(_, count)| *count > 0);
            let said: Vec<String> = counts.map(|(what, count)| format!("{count} {what}")).collect();
            paint(Style::Bad, &format!("do not delete it yet: {}", said.join(", ")))
        }
    }
}

fn causes(lines: &mut Lines<'_>, heading: &str, causes: &[Cause], invocation: &Invocation, paint: Paint<'_>) {
    if causes.is_empty() {
        return;
    }
    lines.heading(heading);
    for cause in causes {
        lines.push(1, &paint(Style::Bad, &excerpt(&cause.detail)));
        for evidence in &cause.evidence {
            lines.push(2, &format!("- {}", excerpt(evidence)));
        }
        lines.push(2, &format!("to do: {}", excerpt(&cause.remedy)));
        if let Some(command) = &cause.command {
            lines.command(3, &command.render(invocation));
        }
    }
}
