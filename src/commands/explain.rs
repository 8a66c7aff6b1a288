//! `nsfix explain`: why a namespace is stuck, and what would end it.

use super::Session;
use crate::cli::ExplainOptions;
use crate::diagnose::diagnose;
use crate::exit::Exit;
use crate::observe::{Depth, observe};
use crate::output::explain::{self, Explained};
use crate::output::{Failure, Terminal};
use crate::plan::{Leftovers, Policy, plan};

/// How many leftovers of a type are named unless all are wanted.
const CAP: usize = 5;
/// In a document a few more do no harm.
const DOCUMENT_CAP: usize = 500;

pub(super) async fn run(
    options: &ExplainOptions,
    session: &Session,
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let cluster = session.the_cluster()?;
    let mut names: Vec<&str> = Vec::new();
    for name in &options.names {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let reads = futures::future::join_all(names.iter().map(|name| cluster.namespace(name))).await;
    let (mut namespaces, mut exits) = (Vec::new(), Vec::new());
    for read in reads {
        match read {
            Ok(namespace) => namespaces.push(namespace),
            Err(error) if error.is_fatal() => return Err(error.into()),
            Err(error) => {
                exits.push(Exit::Error);
                terminal.fail(&error.into());
            }
        }
    }
    let keep = match (options.all_objects, options.output) {
        (true, _) => usize::MAX,
        (false, None) => CAP,
        (false, Some(_)) => DOCUMENT_CAP,
    };
    let mut explained = Vec::new();
    if !namespaces.is_empty() {
        let progress = terminal.progress("looking at what is inside, and at what could hold it");
        let observed = observe(cluster, namespaces, keep, Depth::Whole).await;
        progress.done();
        let facts = observed?;
        // What would end it without leaving anything behind.
        let policy = Policy { leftovers: Leftovers::Release, ..Policy::default() };
        explained.extend(facts.into_iter().map(|facts| {
            exits.push(Exit::Done);
            let diagnosis = diagnose(facts);
            let plan = plan(&diagnosis, &policy);
            Explained { diagnosis, plan }
        }));
    }
    explain::print(&explained, options.output, terminal)?;
    Ok(Exit::merge(exits))
}
