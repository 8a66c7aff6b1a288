//! The list of stuck namespaces.

use jiff::Timestamp;

use super::document::{Document, StuckNamespace, Unread, UnreadContextItem, as_value};
use super::jsonpath::Path;
use super::{Failure, Format, OutputError, Style, Terminal, human_duration, sort_by, table};
use crate::diagnose::{CommonCause, Diagnosis, State, age, common_causes, reason};
use crate::model::{Gap, KUBERNETES_FINALIZER, Namespace, Unreadable, counted};
use crate::plan::LeftAlone;

/// How much of a reason, and of a list of finalizers, stays readable on a narrow terminal.
const LEAST_REASON: usize = 28;
const LEAST_FINALIZERS: usize = 12;
/// The same beside names that take most of it.
const LEAST_BESIDE_LONG_NAMES: usize = 10;

/// A namespace, the context it was seen through, and with `-o wide` what was found out about it.
pub struct FoundNamespace {
    /// Where several clusters were asked.
    pub context: Option<String>,
    /// The contexts that lead to the same cluster.
    pub other_contexts: Vec<String>,
    pub namespace: Namespace,
    /// What was found out about it.
    pub diagnosis: Option<Diagnosis>,
    /// What is particular to it, in few words.
    pub reason: String,
    /// Why nobody wants it touched.
    pub left_alone: Option<LeftAlone>,
}

/// The causes that several namespaces of one cluster share. Clusters share none.
pub struct SharedCauses {
    /// The context it was seen through.
    pub context: Option<String>,
    /// The causes.
    pub common: Vec<CommonCause>,
}

impl FoundNamespace {
    /// One that was looked at from afar.
    #[must_use]
    pub fn plain(context: Option<&str>, namespace: Namespace) -> Self {
        let reason = reason(&namespace);
        let context = context.map(str::to_owned);
        Self { context, other_contexts: Vec::new(), namespace, diagnosis: None, reason, left_alone: None }
    }

    /// All that were diagnosed in a cluster, and what several of them share.
    #[must_use]
    pub fn diagnosed(context: Option<&str>, diagnoses: Vec<Diagnosis>) -> (Vec<Self>, SharedCauses) {
        let common = common_causes(&diagnoses);
        let context = context.map(str::to_owned);
        let found = diagnoses.into_iter().map(|diagnosis| Self {
            context: context.clone(),
            other_contexts: Vec::new(),
            namespace: diagnosis.namespace.clone(),
            reason: diagnosis.reason_besides(&common),
            diagnosis: Some(diagnosis),
            left_alone: None,
        });
        (found.collect(), SharedCauses { context, common })
    }

    fn document(&self, shape: &Shape<'_>) -> StuckNamespace {
        let context = self.context.as_deref().filter(|_| shape.with_context);
        match &self.diagnosis {
            Some(diagnosis) => StuckNamespace::diagnosed(diagnosis, context),
            None => StuckNamespace::new(&self.namespace, context, shape.now),
        }
        .left_alone(self.left_alone.as_ref())
        .other_contexts(&self.other_contexts)
    }

    /// The reason, and before it that nobody wants it touched.
    fn marked_reason(&self) -> String {
        match &self.left_alone {
            Some(why) => left_alone_reason(why, &self.reason),
            None => self.reason.clone(),
        }
    }
}

pub(super) fn left_alone_reason(why: &LeftAlone, reason: &str) -> String {
    format!("left alone, {why}: {reason}")
}

/// A context whose cluster could not be looked at.
#[derive(Debug)]
pub struct UnreadContext {
    pub context: String,
    /// `None` where its configuration leads to no cluster.
    pub why: Option<Unreadable>,
    pub failure: Failure,
}

/// How the list is printed.
#[derive(Clone, Copy, Debug)]
pub struct Shape<'a> {
    /// How many clusters were asked, and which of them could not be looked at.
    pub asked: usize,
    pub unread: &'a [UnreadContext],
    pub format: Option<&'a Format>,
    /// Whether a table has a header line.
    pub headers: bool,
    /// Whether each row names its context.
    pub with_context: bool,
    /// When it was looked.
    pub now: Timestamp,
}

/// Sorts the list by what a path finds in the document of each.
pub fn sort(found: &mut Vec<FoundNamespace>, path: &Path, shape: &Shape<'_>) -> Result<(), Failure> {
    sort_by(found, path, |found| as_value(&found.document(shape)).unwrap_or_default())
}

/// Text about a cluster, which says so where there are others.
fn of_cluster(context: Option<&str>, shape: &Shape<'_>, text: String) -> String {
    match context.filter(|_| shape.with_context) {
        Some(context) => format!("context {context:?}: {text}"),
        None => text,
    }
}

/// Says what is not in the table: the causes that namespaces share, once, and what could not be looked at.
pub fn warn(found: &[FoundNamespace], shared: &[SharedCauses], shape: &Shape<'_>, terminal: &Terminal) {
    for SharedCauses { context, common } in shared {
        let context = context.as_deref();
        let invocation = match context {
            Some(context) if shape.with_context => &terminal.invocation().in_context(context),
            _ => terminal.invocation(),
        };
        for cause in common {
            let warning = terminal.hint_in(invocation, &cause.warning());
            terminal.warn(&of_cluster(context, shape, warning));
        }
    }
    for SharedCauses { context, .. } in shared {
        warn_of_gaps(found, context.as_deref(), shape, terminal);
    }
}

/// The table has no room for it, and whoever reads a reason has to know what it does not take into account.
fn warn_of_gaps(found: &[FoundNamespace], context: Option<&str>, shape: &Shape<'_>, terminal: &Terminal) {
    let here = found.iter().filter(|found| found.context.as_deref() == context);
    if let Some(warning) = gaps(here.filter_map(|found| found.diagnosis.as_ref())) {
        terminal.warn(&of_cluster(context, shape, warning));
    }
}

/// What could not be looked at around several namespaces, in a sentence.
pub(super) fn gaps<'a>(diagnoses: impl Iterator<Item = &'a Diagnosis>) -> Option<String> {
    let inventories = diagnoses.map(|each| &each.inventory);
    let mut gaps: Vec<&Gap> = inventories.flat_map(|inventory| inventory.coverage.all_gaps()).collect();
    gaps.retain(|gap| !gap.holds_nothing());
    gaps.sort();
    gaps.dedup_by_key(|gap| gap.to_string());
    let first = gaps.first()?;
    let names: Vec<String> = gaps.iter().map(ToString::to_string).collect();
    Some(format!("could not look at {} ({})", names.join(", "), first.detail))
}

/// Prints the list in its format.
pub fn print(found: &[FoundNamespace], shape: &Shape<'_>, terminal: &Terminal) -> Result<(), OutputError> {
    let text = match shape.format {
        // One stream in Kubernetes: the list is lines of the log.
        None | Some(Format::Wide) if terminal.keeps_log() => {
            let lines = found.iter().map(|found| serde_json::to_string(&found.document(shape)));
            lines.map(|line| line.map(|line| line + "\n")).collect::<Result<String, _>>()?
        }
        None | Some(Format::Wide) if found.is_empty() => {
            match (shape.asked - shape.unread.len(), shape.unread.is_empty()) {
                (0, _) => {}
                (_, true) => terminal.note("No stuck namespaces found."),
                (read, false) => terminal.note(&format!(
                    "No stuck namespaces found in {} of {}; what is in the others is unknown.",
                    read,
                    counted(shape.asked as u64, "context")
                )),
            }
            return Ok(());
        }
        None => as_table(found, false, shape, terminal),
        Some(Format::Wide) => as_table(found, true, shape, terminal),
        Some(format) => {
            let items = found.iter().map(|found| found.document(shape));
            let contexts = shape.unread.iter().map(|unread| Unread::Context(UnreadContextItem::new(unread)));
            let unread = shape.with_context.then(|| contexts.collect());
            Document::new(items.collect()).could_not_look(unread).render(format, shape.headers)?
        }
    };
    terminal.data(&text)
}

/// What a pod leaves behind: how many, why all of them, and then one line for each.
#[must_use]
pub fn summary(found: &[FoundNamespace], shared: &[SharedCauses], shape: &Shape<'_>) -> String {
    let mut lines = vec![counted(found.len() as u64, "stuck namespace")];
    lines.extend(shape.unread.iter().map(|unread| unread.failure.message.clone()));
    lines.extend(shared.iter().flat_map(|SharedCauses { context, common }| {
        common.iter().map(|cause| of_cluster(context.as_deref(), shape, cause.sentence()))
    }));
    lines.extend(found.iter().map(|found| {
        let state = State::of(&found.namespace, shape.now);
        let line = format!("{state} {}: {}", found.namespace.name, found.marked_reason());
        of_cluster(found.context.as_deref(), shape, line)
    }));
    lines.join("\n")
}

fn as_table(found: &[FoundNamespace], wide: bool, shape: &Shape<'_>, terminal: &Terminal) -> String {
    let Shape { with_context, now, .. } = *shape;
    let mut headers = if with_context { vec!["CONTEXT"] } else { Vec::new() };
    headers.extend(["NAME", "STATE", "AGE", "FINALIZERS"]);
    let (state, finalizers) = (headers.len() - 3, headers.len() - 1);
    if wide {
        headers.extend(["DELETING", "LIVE", "UID"]);
    }
    headers.push("REASON");
    let rows: Vec<Vec<String>> =
        found.iter().map(|found| whole_row(found, wide, with_context, now)).collect();
    let reason = headers.len() - 1;
    let yielding = [
        (reason, LEAST_REASON),
        (finalizers, LEAST_FINALIZERS),
        // Better than a row that is wrapped.
        (reason, LEAST_BESIDE_LONG_NAMES),
        (finalizers, LEAST_BESIDE_LONG_NAMES),
    ];
    // What is wide is for a wide terminal, or for a file.
    let fit = table::Fit { width: terminal.width().filter(|_| !wide), yielding: &yielding };
    let style = |column, cell: &str| if column == state { style_of(cell) } else { Style::Plain };
    let headers = shape.headers.then_some(headers.as_slice());
    table::fitted(headers, &rows, fit, style, |style, text| terminal.paint(style, text))
}

/// NAME, STATE, AGE, FINALIZERS and REASON of what the namespace itself says.
pub(super) fn row(namespace: &Namespace, now: Timestamp) -> Vec<String> {
    vec![
        namespace.name.clone(),
        State::of(namespace, now).to_string(),
        human_duration(age(namespace, now).unwrap_or_default()),
        finalizers(namespace),
        reason(namespace),
    ]
}

fn whole_row(found: &FoundNamespace, wide: bool, with_context: bool, now: Timestamp) -> Vec<String> {
    let FoundNamespace { context, namespace, diagnosis, .. } = found;
    let mut row = Vec::new();
    if with_context {
        row.push(context.clone().unwrap_or_default());
    }
    row.extend(self::row(namespace, now).into_iter().take(4));
    if wide {
        let inventory = diagnosis.as_ref().map(|diagnosis| &diagnosis.inventory);
        let counts = inventory.map(|inventory| {
            // A list that failed before its end shows some of them.
            let more = if inventory.is_part() { "+" } else { "" };
            [inventory.deleting(), inventory.live()].map(|count| format!("{count}{more}"))
        });
        row.extend(counts.unwrap_or_default());
        row.push(namespace.uid.clone());
    }
    row.push(found.marked_reason());
    row
}

pub(super) fn style_of(state: &str) -> Style {
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
