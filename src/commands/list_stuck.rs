//! `nsfix list-stuck`: every namespace in Terminating.

use jiff::Timestamp;

use super::Session;
use crate::cli::{ListFormat, ListStuckOptions};
use crate::cluster::{Cluster, NamespaceQuery};
use crate::diagnose::{State, age, reason};
use crate::exit::Exit;
use crate::model::Namespace;
use crate::output::document::{Document, StuckNamespace};
use crate::output::{Failure, Terminal, human_duration, table};

/// A namespace and the context it was seen through.
struct Found<'a> {
    context: Option<&'a str>,
    namespace: Namespace,
}

pub(super) async fn run(
    options: &ListStuckOptions,
    session: &Session,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let query = NamespaceQuery { terminating: true, selector: options.selector.clone() };
    let clusters = session.clusters();
    let lists = futures::future::join_all(clusters.iter().map(|cluster| cluster.namespaces(&query))).await;
    let now = Timestamp::now();
    let several = clusters.len() > 1;
    let (mut found, mut exits) = (Vec::new(), Vec::new());
    for (cluster, list) in clusters.iter().zip(lists) {
        match list {
            Ok(namespaces) => {
                exits.push(Exit::Done);
                let wanted = namespaces.into_iter().filter(|namespace| old_enough(namespace, options, now));
                found
                    .extend(wanted.map(|namespace| Found { context: cluster.context.as_deref(), namespace }));
            }
            Err(error) if several => {
                exits.push(Exit::Error);
                terminal.fail(&in_context(cluster, error.into()));
            }
            Err(error) => return Err(error.into()),
        }
    }
    print(&found, options, several, now, terminal)?;
    match Exit::merge(exits) {
        Exit::Done if options.exit_code && !found.is_empty() => Ok(Exit::StuckFound),
        exit => Ok(exit),
    }
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

fn print(
    found: &[Found<'_>],
    options: &ListStuckOptions,
    with_context: bool,
    now: Timestamp,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let document = || {
        let items = found.iter().map(|Found { context, namespace }| {
            StuckNamespace::new(namespace, context.filter(|_| with_context), now)
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
        None => as_table(found, false, with_context, options, now),
        Some(ListFormat::Wide) => as_table(found, true, with_context, options, now),
    };
    Ok(terminal.data(&text)?)
}

fn as_table(
    found: &[Found<'_>],
    wide: bool,
    with_context: bool,
    options: &ListStuckOptions,
    now: Timestamp,
) -> String {
    let mut headers = vec!["NAME", "STATE", "REASON", "FINALIZERS", "AGE"];
    if wide {
        headers.insert(4, "DELETED");
        headers.insert(5, "UID");
    }
    if with_context {
        headers.insert(0, "CONTEXT");
    }
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|Found { context, namespace }| {
            let age = age(namespace, now).unwrap_or_default();
            let mut row = vec![
                namespace.name.clone(),
                State::of(namespace, now).to_string(),
                reason(namespace),
                finalizers(namespace),
                human_duration(age),
            ];
            if wide {
                row.insert(4, namespace.deleted.map(|time| time.to_string()).unwrap_or_default());
                row.insert(5, namespace.uid.clone());
            }
            if with_context {
                row.insert(0, context.unwrap_or_default().to_owned());
            }
            row
        })
        .collect();
    table::render((!options.no_headers).then_some(headers.as_slice()), &rows)
}

/// `spec:kubernetes,metadata:example.com/hold`: where a finalizer stands decides what removes it.
fn finalizers(namespace: &Namespace) -> String {
    let spec = namespace.spec_finalizers.iter().map(|name| format!("spec:{name}"));
    let metadata = namespace.metadata_finalizers.iter().map(|name| format!("metadata:{name}"));
    spec.chain(metadata).collect::<Vec<_>>().join(",")
}
