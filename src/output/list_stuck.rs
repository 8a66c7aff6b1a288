//! The list of stuck namespaces.

use jiff::Timestamp;

use super::document::{Document, StuckNamespace, as_value};
use super::jsonpath::Path;
use super::{Failure, Format, OutputError, Style, Terminal, human_duration, sort_by, table};
use crate::diagnose::{CommonCause, Diagnosis, State, age, reason};
use crate::model::{Gap, KUBERNETES_FINALIZER, Namespace, counted};

/// How much of a reason, and of a list of finalizers, stays readable on a narrow terminal.
const LEAST_REASON: usize = 28;
const LEAST_FINALIZERS: usize = 12;

/// A namespace, the context it was seen through, and with `-o wide` what was found out about it.
pub struct FoundNamespace<'a> {
    /// Where several clusters were asked.
    pub context: Option<&'a str>,
    pub namespace: Namespace,
    /// What was found out about it.
    pub diagnosis: Option<Diagnosis>,
}

impl FoundNamespace<'_> {
    fn reason(&self) -> String {
        self.diagnosis.as_ref().map_or_else(|| reason(&self.namespace), Diagnosis::reason)
    }

    fn document(&self, shape: &Shape<'_>) -> StuckNamespace {
        let context = self.context.filter(|_| shape.with_context);
        match &self.diagnosis {
            Some(diagnosis) => StuckNamespace::diagnosed(diagnosis, context),
            None => StuckNamespace::new(&self.namespace, context, shape.now),
        }
    }
}

/// How the list is printed.
#[derive(Clone, Copy, Debug)]
pub struct Shape<'a> {
    pub format: Option<&'a Format>,
    /// Whether a table has a header line.
    pub headers: bool,
    /// Whether each row names its context.
    pub with_context: bool,
    /// When it was looked.
    pub now: Timestamp,
}

/// Sorts the list by what a path finds in the document of each.
pub fn sort(found: &mut Vec<FoundNamespace<'_>>, path: &Path, shape: &Shape<'_>) -> Result<(), Failure> {
    sort_by(found, path, |found| as_value(&found.document(shape)).unwrap_or_default())
}

/// The table has no room for it, and whoever reads a reason has to know what it does not take into account.
pub fn warn_of_gaps(found: &[FoundNamespace<'_>], terminal: &Terminal) {
    let inventories = found.iter().filter_map(|found| found.diagnosis.as_ref()).map(|each| &each.inventory);
    let mut gaps: Vec<&Gap> = inventories.flat_map(|inventory| inventory.coverage.all_gaps()).collect();
    gaps.sort();
    gaps.dedup_by_key(|gap| gap.to_string());
    if let Some(first) = gaps.first() {
        let names: Vec<String> = gaps.iter().map(ToString::to_string).collect();
        terminal.warn(&format!("could not look at {} ({})", names.join(", "), first.detail));
    }
}

/// Prints the list in its format.
pub fn print(
    found: &[FoundNamespace<'_>],
    shape: &Shape<'_>,
    terminal: &Terminal,
) -> Result<(), OutputError> {
    let text = match shape.format {
        None | Some(Format::Wide) if found.is_empty() => {
            terminal.note("No stuck namespaces found.");
            return Ok(());
        }
        None => as_table(found, false, shape, terminal),
        Some(Format::Wide) => as_table(found, true, shape, terminal),
        Some(format) => {
            let items = found.iter().map(|found| found.document(shape));
            Document::new(items.collect()).render(format, shape.headers)?
        }
    };
    terminal.data(&text)
}

/// What a pod leaves behind: how many, why all of them, and then one line for each.
#[must_use]
pub fn summary(found: &[FoundNamespace<'_>], common: &[CommonCause], now: Timestamp) -> String {
    let mut lines = vec![counted(found.len() as u64, "stuck namespace")];
    lines.extend(common.iter().map(CommonCause::sentence));
    lines.extend(found.iter().map(|found| {
        let state = State::of(&found.namespace, now);
        format!("{state} {}: {}", found.namespace.name, found.reason())
    }));
    lines.join("\n")
}

fn as_table(found: &[FoundNamespace<'_>], wide: bool, shape: &Shape<'_>, terminal: &Terminal) -> String {
    let Shape { with_context, now, .. } = *shape;
    let mut headers = if with_context { vec!["CONTEXT"] } else { Vec::new() };
    headers.extend(["NAME", "STATE", "AGE", "FINALIZERS"]);
    let (state, finalizers) = (headers.len() - 3, headers.len() - 1);
    if wide {
        headers.extend(["DELETING", "LIVE", "UID"]);
    }
    headers.push("REASON");
    let rows: Vec<Vec<String>> = found.iter().map(|found| row(found, wide, with_context, now)).collect();
    let yielding = [(headers.len() - 1, LEAST_REASON), (finalizers, LEAST_FINALIZERS)];
    // What is wide is for a wide terminal, or for a file.
    let fit = table::Fit { width: terminal.width().filter(|_| !wide), yielding: &yielding };
    let style = |column, cell: &str| if column == state { style_of(cell) } else { Style::Plain };
    let headers = shape.headers.then_some(headers.as_slice());
    table::fitted(headers, &rows, fit, style, |style, text| terminal.paint(style, text))
}

fn row(found: &FoundNamespace<'_>, wide: bool, with_context: bool, now: Timestamp) -> Vec<String> {
    let FoundNamespace { context, namespace, diagnosis } = found;
    let mut row = Vec::new();
    if with_context {
        row.push(context.unwrap_or_default().to_owned());
    }
    row.extend([
        namespace.name.clone(),
        State::of(namespace, now).to_string(),
        human_duration(age(namespace, now).unwrap_or_default()),
        finalizers(namespace),
    ]);
    if wide {
        let inventory = diagnosis.as_ref().map(|diagnosis| &diagnosis.inventory);
        row.push(inventory.map(|inventory| inventory.deleting().to_string()).unwrap_or_default());
        row.push(inventory.map(|inventory| inventory.live().to_string()).unwrap_or_default());
        row.push(namespace.uid.clone());
    }
    row.push(found.reason());
    row
}

fn style_of(state: &str) -> Style {
    if state == State::Progressing.to_string() { Style::Caution } else { Style::Bad }
}

/// `kubernetes,metadata:example.com/hold`: where a finalizer stands decides what removes it. `kubernetes` stands in
/// the spec.
fn finalizers(namespace: &Namespace) -> String {
    let spec = namespace.spec_finalizers.iter().map(|name| match name.as_str() {
        KUBERNETES_FINALIZER => name.clone(),
        _ => format!("spec:{name}"),
    });
    let metadata = namespace.metadata_finalizers.iter().map(|name| format!("metadata:{name}"));
    spec.chain(metadata).collect::<Vec<_>>().join(",")
}
