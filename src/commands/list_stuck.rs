//! `nsfix list-stuck`: every namespace in Terminating.

use jiff::Timestamp;

use super::Session;
use super::run_metrics::RunMetrics;
use crate::cli::{ListFormat, ListStuckOptions};
use crate::cluster::{ApiError, Cluster, NamespaceQuery};
use crate::diagnose::{CommonCause, Diagnosis, State, age, common_causes, diagnose, reason};
use crate::exit::Exit;
use crate::metrics::Stuck;
use crate::model::{Facts, Gap, KUBERNETES_FINALIZER, Namespace, counted};
use crate::observe::{Depth, observe};
use crate::output::document::{Document, StuckNamespace};
use crate::output::{Failure, Style, Terminal, human_duration, sanitise, table};

/// How much of a reason, and of a list of finalizers, stays readable on a narrow terminal.
const LEAST_REASON: usize = 28;
const LEAST_FINALIZERS: usize = 12;
/// Enough to match webhooks' object selectors against.
const KEEP: usize = 20;

/// A namespace, the context it was seen through, and with `-o wide` what was found out about it.
struct FoundNamespace<'a> {
    context: Option<&'a str>,
    namespace: Namespace,
    diagnosis: Option<Diagnosis>,
}

impl FoundNamespace<'_> {
    fn reason(&self) -> String {
        self.diagnosis.as_ref().map_or_else(|| reason(&self.namespace), Diagnosis::reason)
    }
}

pub(super) async fn run(
    options: &ListStuckOptions,
    session: &Session,
    terminal: &Terminal,
    run: &RunMetrics,
) -> Result<Exit, Failure> {
    let clusters = session.clusters();
    let now = Timestamp::now();
    let progress = terminal.progress("looking for stuck namespaces");
    let looks = clusters.iter().map(|cluster| look(cluster, options, now));
    let looks = futures::future::join_all(looks).await;
    progress.done();
    let several = clusters.len() > 1;
    let (mut found, mut exits) = (Vec::new(), Vec::new());
    for (cluster, look) in clusters.iter().zip(looks) {
        match look {
            Ok(namespaces) => {
                exits.push(Exit::Done);
                found.extend(namespaces);
            }
            Err(error) if several => {
                exits.push(Exit::Error);
                terminal.fail(&in_context(cluster, error.into()));
            }
            Err(error) => return Err(error.into()),
        }
    }
    // Clusters share no cause, and the command for it is that of one cluster.
    let mut common = Vec::new();
    for cluster in clusters {
        let here = found.iter().filter(|found| found.context == cluster.context.as_deref());
        let causes = common_causes(here.filter_map(|found| found.diagnosis.as_ref()));
        let invocation = match &cluster.context {
            Some(context) if several => &terminal.invocation().in_context(context),
            _ => terminal.invocation(),
        };
        for cause in &causes {
            terminal.warn(&cause.warning().render(invocation, |text| sanitise(text).into_owned()));
        }
        common.extend(causes);
    }
    warn_of_gaps(&found, terminal);
    run.found(Stuck::of(found.iter().filter_map(|found| found.diagnosis.as_ref())));
    terminal.summarise(&summary(&found, &common, now));
    print(&found, options, several, now, terminal)?;
    match Exit::merge(exits) {
        Exit::Done if options.exit_code && !found.is_empty() => Ok(Exit::StuckFound),
        exit => Ok(exit),
    }
}

async fn look<'a>(
    cluster: &'a Cluster,
    options: &ListStuckOptions,
    now: Timestamp,
) -> Result<Vec<FoundNamespace<'a>>, ApiError> {
    let query = NamespaceQuery { terminating: true, selector: options.selector.clone() };
    let mut namespaces = cluster.namespaces(&query).await?;
    namespaces.retain(|namespace| old_enough(namespace, options, now));
    let context = cluster.context.as_deref();
    let diagnoses = options.output == Some(ListFormat::Wide) || options.metrics.any();
    if !diagnoses || namespaces.is_empty() {
        let plain = |namespace| FoundNamespace { context, namespace, diagnosis: None };
        return Ok(namespaces.into_iter().map(plain).collect());
    }
    let facts = observe(cluster, namespaces, KEEP, Depth::Overview).await?;
    let diagnosed = |facts: Facts| {
        let diagnosis = diagnose(facts);
        FoundNamespace { context, namespace: diagnosis.namespace.clone(), diagnosis: Some(diagnosis) }
    };
    Ok(facts.into_iter().map(diagnosed).collect())
}

fn old_enough(namespace: &Namespace, options: &ListStuckOptions, now: Timestamp) -> bool {
    options.older_than.is_none_or(|wanted| age(namespace, now).is_some_and(|age| age >= wanted))
}

fn in_context(cluster: &Cluster, mut failure: Failure) -> Failure {
    if let Some(context) = &cluster.context {
        failure.message = format!("context {context:?}: {}", failure.message);
    }
    failure
}

/// The table has no room for it, and whoever reads a reason has to know what it does not take into account.
fn warn_of_gaps(found: &[FoundNamespace<'_>], terminal: &Terminal) {
    let inventories = found.iter().filter_map(|found| found.diagnosis.as_ref()).map(|each| &each.inventory);
    let mut gaps: Vec<&Gap> = inventories.flat_map(|inventory| &inventory.coverage.gaps).collect();
    gaps.sort();
    gaps.dedup_by_key(|gap| gap.to_string());
    if let Some(first) = gaps.first() {
        let names: Vec<String> = gaps.iter().map(ToString::to_string).collect();
        terminal.warn(&format!("could not look at {} ({})", names.join(", "), first.detail));
    }
}

fn print(
    found: &[FoundNamespace<'_>],
    options: &ListStuckOptions,
    with_context: bool,
    now: Timestamp,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let document = || {
        let items = found.iter().map(|found| {
            let context = found.context.filter(|_| with_context);
            match &found.diagnosis {
                Some(diagnosis) => StuckNamespace::diagnosed(diagnosis, context),
                None => StuckNamespace::new(&found.namespace, context, now),
            }
        });
        Document::new(items.collect())
    };
    let text = match options.output {
        Some(ListFormat::Json) => document().to_json()?,
        Some(ListFormat::Yaml) => document().to_yaml()?,
        Some(ListFormat::Name) => {
            found.iter().flat_map(|found| ["namespace/", &found.namespace.name, "\n"]).collect()
        }
        None | Some(ListFormat::Wide) if found.is_empty() => {
            terminal.note("No stuck namespaces found.");
            return Ok(());
        }
        None => as_table(found, false, with_context, options, now, terminal),
        Some(ListFormat::Wide) => as_table(found, true, with_context, options, now, terminal),
    };
    Ok(terminal.data(&text)?)
}

/// What a pod leaves behind: how many, why all of them, and then one line for each.
fn summary(found: &[FoundNamespace<'_>], common: &[CommonCause], now: Timestamp) -> String {
    let mut lines = vec![counted(found.len() as u64, "stuck namespace")];
    lines.extend(common.iter().map(CommonCause::sentence));
    lines.extend(found.iter().map(|found| {
        let state = State::of(&found.namespace, now);
        format!("{state} {}: {}", found.namespace.name, found.reason())
    }));
    lines.join("\n")
}

fn as_table(
    found: &[FoundNamespace<'_>],
    wide: bool,
    with_context: bool,
    options: &ListStuckOptions,
    now: Timestamp,
    terminal: &Terminal,
) -> String {
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
    let headers = (!options.no_headers).then_some(headers.as_slice());
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
