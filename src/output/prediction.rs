//! A prediction that a person reads before `kubectl delete namespace`: one line where nothing is expected.

use std::fmt::Write;

use super::document::{Document, PredictionItem};
use super::{Format, OutputError, Style, Terminal, sanitise};
use crate::diagnose::Cause;
use crate::diagnose::predict::{Expectation, OutsideOutcome, Prediction};
use crate::model::Invocation;

/// Paints a piece of text, or does not.
type Paint<'a> = &'a dyn Fn(Style, &str) -> String;

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
        predictions.iter().map(|each| predicted(each, invocation, paint)).collect()
    };
    terminal.data(&text)
}

/// The whole prediction for one namespace.
#[must_use]
pub fn predicted(
    prediction: &Prediction,
    invocation: &Invocation,
    paint: impl Fn(Style, &str) -> String,
) -> String {
    let paint: Paint<'_> = &paint;
    let mut lines = Lines::default();
    let name = paint(Style::Strong, &format!("namespace/{}", prediction.namespace.name));
    lines.push(0, &format!("{name}: {}", verdict(prediction, paint)));
    sections(&mut lines, prediction, invocation, paint);
    lines.0
}

/// What `explain` adds for a namespace that is Active.
#[must_use]
pub fn if_deleted(
    prediction: &Prediction,
    invocation: &Invocation,
    paint: impl Fn(Style, &str) -> String,
) -> String {
    let paint: Paint<'_> = &paint;
    let mut lines = Lines::default();
    lines.push(0, &format!("{}: {}", paint(Style::Strong, "If it were deleted"), verdict(prediction, paint)));
    sections(&mut lines, prediction, invocation, paint);
    lines.0
}

fn sections(lines: &mut Lines, prediction: &Prediction, invocation: &Invocation, paint: Paint<'_>) {
    causes(lines, "Certain", &prediction.certain, invocation, paint);
    causes(lines, "Likely", &prediction.likely, invocation, paint);
    causes(lines, "Breaks others", &prediction.breaks_others, invocation, paint);
    if !prediction.outside.is_empty() {
        lines.heading("Deleted or leaked outside", paint);
    }
    for outside in &prediction.outside {
        let style = if outside.fate == OutsideOutcome::Leaked { Style::Bad } else { Style::Caution };
        let fate = paint(style, &outside.fate.to_string());
        let line = format!("{} {}: {}", outside.kind, outside.subject, outside.detail);
        lines.push(1, &format!("{fate}: {}", sanitise(&line)));
    }
    if !prediction.comes_back.is_empty() {
        lines.heading("Comes back", paint);
    }
    for each in &prediction.comes_back {
        lines.push(1, &sanitise(&format!("{}: {}", each.by, each.detail)));
    }
    if !prediction.could_not_look.is_empty() {
        lines.heading("Could not look", paint);
    }
    for each in &prediction.could_not_look {
        // A refusal begins with what it refuses.
        let said = each.why.starts_with(&each.what);
        let line = if said { each.why.clone() } else { format!("{}: {}", each.what, each.why) };
        lines.push(1, &sanitise(&line));
    }
    if !prediction.order.is_empty() {
        lines.heading("An order that works", paint);
    }
    for (index, step) in prediction.order.iter().enumerate() {
        lines.push(1, &sanitise(&format!("{}. {}", index + 1, step.text)));
        if let Some(command) = &step.command {
            lines.push(3, &paint(Style::Faint, &command.render(invocation)));
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

fn causes(lines: &mut Lines, heading: &str, causes: &[Cause], invocation: &Invocation, paint: Paint<'_>) {
    if causes.is_empty() {
        return;
    }
    lines.heading(heading, paint);
    for cause in causes {
        let kind = paint(Style::Bad, &cause.kind.to_string());
        lines.push(1, &format!("{kind}: {}", sanitise(&cause.detail)));
        for evidence in &cause.evidence {
            lines.push(2, &format!("- {}", sanitise(evidence)));
        }
        lines.push(2, &format!("to do: {}", sanitise(&cause.remedy)));
        if let Some(command) = &cause.command {
            lines.push(3, &paint(Style::Faint, &command.render(invocation)));
        }
    }
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
