//! Indented lines that fit the terminal.

use std::fmt::Write;

use super::{Style, sanitise, text};
use crate::model::{Hint, Invocation};

/// Paints a piece of text, or does not.
pub(super) type Paint<'a> = &'a dyn Fn(Style, &str) -> String;

/// Lines, each with its indent. Sentences are wrapped to the terminal and keep the indent; commands stay whole,
/// because they are copied.
pub(super) struct Lines<'a> {
    text: String,
    width: Option<usize>,
    pub(super) paint: Paint<'a>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(width: Option<usize>, paint: Paint<'a>) -> Self {
        Self { text: String::new(), width, paint }
    }

    /// A sentence.
    pub(super) fn push(&mut self, depth: usize, sentence: &str) {
        self.hanging(depth, depth * 2 + 2, sentence);
    }

    /// A sentence whose further lines have an indent of their own.
    pub(super) fn hanging(&mut self, depth: usize, hanging: usize, sentence: &str) {
        let line = format!("{:indent$}{sentence}", "", indent = depth * 2);
        // Writing to a String does not fail.
        let _ = writeln!(self.text, "{}", text::wrap(&line, self.width, hanging));
    }

    /// What is to be copied: neither broken nor dimmed.
    pub(super) fn command(&mut self, depth: usize, command: &str) {
        let _ = writeln!(self.text, "{:indent$}{command}", "", indent = depth * 2);
    }

    /// A sentence with commands in it, after a label.
    pub(super) fn hint(&mut self, depth: usize, label: &str, hint: &Hint, invocation: &Invocation) {
        let text = hint.render_with(
            |text| sanitise(text).into_owned(),
            |command| text::unbroken(&command.render(invocation)),
        );
        self.hanging(depth, depth * 2 + label.len(), &format!("{label}{text}"));
    }

    pub(super) fn heading(&mut self, heading: &str) {
        let painted = (self.paint)(Style::Strong, heading);
        self.push(0, &painted);
    }

    pub(super) fn paint(&self, style: Style, piece: &str) -> String {
        (self.paint)(style, piece)
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}
