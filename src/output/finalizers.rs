//! The catalogue of finalizers.

use serde::Serialize;

use super::document::{Document, Item};
use super::{Format, OutputError, Style, Terminal, table, text};
use crate::diagnose::catalogue::Entry;

/// What a narrow terminal takes from the columns, one after the other. A name in full is in `-o name`.
const NARROWER: [(usize, usize); 5] = [(3, 24), (2, 12), (3, 12), (2, 8), (0, 40)];

/// One item of a `FinalizerList`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FinalizerItem {
    name: &'static str,
    on: &'static str,
    owner: &'static str,
    protects: &'static str,
    if_removed: &'static str,
    instead: &'static str,
    dangerous: bool,
    source: &'static str,
}

impl Item for FinalizerItem {
    const LIST_KIND: &'static str = "FinalizerList";

    fn resource_name(&self) -> String {
        self.name.to_owned()
    }
}

/// Prints entries: whole where they are what was asked for, else a line each.
pub fn print(
    found: &[&'static Entry],
    whole: bool,
    format: Option<&Format>,
    terminal: &Terminal,
) -> Result<(), OutputError> {
    let text = match format {
        Some(format) => Document::new(items(found)).render(format, true)?,
        None if whole => found.iter().map(|entry| explained(entry, terminal)).collect::<Vec<_>>().join("\n"),
        None => as_table(found, terminal),
    };
    terminal.data(&text)
}

fn items(found: &[&'static Entry]) -> Vec<FinalizerItem> {
    let of_entry = |entry: &&'static Entry| {
        let Entry { on, owner, protects, if_removed, remedy: instead, dangerous, source, .. } = **entry;
        let item = move |name| FinalizerItem {
            name,
            on,
            owner: owner.name,
            protects,
            if_removed,
            instead,
            dangerous,
            source,
        };
        entry.names.iter().map(move |name| item(name)).collect::<Vec<_>>()
    };
    found.iter().flat_map(of_entry).collect()
}

fn as_table(found: &[&'static Entry], terminal: &Terminal) -> String {
    let row = |item: FinalizerItem| {
        let dangerous = if item.dangerous { "yes" } else { "no" };
        [item.name, dangerous, item.owner, item.if_removed].map(str::to_owned).to_vec()
    };
    let rows: Vec<Vec<String>> = items(found).into_iter().map(row).collect();
    let fit = table::Fit { width: terminal.width(), yielding: &NARROWER };
    let style = |column, cell: &str| if column == 1 && cell == "yes" { Style::Bad } else { Style::Plain };
    let headers = ["FINALIZER", "DANGEROUS", "OWNER", "IF REMOVED"];
    table::fitted(Some(&headers), &rows, fit, style, |style, text| terminal.paint(style, text))
}

fn explained(entry: &Entry, terminal: &Terminal) -> String {
    let danger = if entry.dangerous {
        terminal
            .paint(Style::Bad, "dangerous: it is released only where it is named with --release-finalizer")
    } else {
        terminal.paint(Style::Good, "not dangerous: --leftovers=release takes it off what is being deleted")
    };
    let lines = [
        terminal.paint(Style::Strong, &entry.names.join(", ")),
        format!("  on:          {}", entry.on),
        format!("  owner:       {}", entry.owner.name),
        format!("  protects:    {}", entry.protects),
        format!("  if removed:  {}", entry.if_removed),
        format!("  instead:     {}", entry.remedy),
        format!("  {danger}"),
        format!("  source:      {}", entry.source),
    ];
    lines.iter().map(|line| text::wrap(line, terminal.width(), 15) + "\n").collect()
}
