//! `nsfix clear`: end namespaces that are stuck in Terminating.

mod apply;
mod confirm;
mod journal;
mod prepare;
mod rounds;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use super::Session;
use super::run_metrics::RunMetrics;
use crate::cli::{ClearOptions, DryRunChoice, ReportFormat};
use crate::cluster::{Cluster, DryRun};
use crate::commands::backups_in;
use crate::diagnose::CauseKind;
use crate::execute::{Outcome, Problem, Report, Settings};
use crate::exit::Exit;
use crate::metrics::Stuck;
use crate::output::document::{Document, Repaired};
use crate::output::{Failure, Terminal, report as show};
use crate::plan::Policy;
use crate::shutdown::Shutdown;
use prepare::Prepared;

/// How a run ends that was told to before it knew what to do.
const INTERRUPTED: &str = "interrupted; nothing was written";

struct Clear<'a> {
    options: &'a ClearOptions,
    settings: Settings,
    cluster: &'a Cluster,
    terminal: &'a Terminal,
    shutdown: &'a Shutdown,
    /// What was warned about already.
    warned: RefCell<BTreeSet<String>>,
    /// What was diagnosed.
    seen: RefCell<Vec<Seen>>,
}

/// What a diagnosis has found, as far as it counts.
struct Seen {
    name: String,
    cause: Option<CauseKind>,
    age: Duration,
}

pub(super) async fn run(
    options: &ClearOptions,
    session: &Session,
    terminal: &Terminal,
    shutdown: &Shutdown,
    run: &RunMetrics,
) -> Result<Exit, Failure> {
    if options.dry_run == DryRunChoice::None && !options.yes && !terminal.interactive {
        return Err(Failure::refused("clear writes, and there is no terminal to ask on")
            .hint("add --yes to go on without a question, or --dry-run=client to see what would be sent"));
    }
    if let Some(journal) = options.journal.as_deref().filter(|_| options.dry_run == DryRunChoice::None) {
        journal::check(journal)?;
    }
    let settings = settings(options)?;
    let cluster = session.the_cluster()?;
    if options.dry_run == DryRunChoice::Client {
        cluster.only_read();
    }
    let (warned, seen) = (RefCell::default(), RefCell::default());
    let clear = Clear { options, settings, cluster, terminal, shutdown, warned, seen };
    let looked = tokio::select! {
        looked = clear.look() => Some(looked?),
        _ = shutdown.wait() => None,
    };
    let knows = looked.is_some();
    let looked = looked
        .unwrap_or_else(|| options.names.iter().map(|name| Prepared::ended(interrupted(name))).collect());
    let (reports, failure) = clear.apply_all(looked).await;
    if knows {
        run.found(clear.still_stuck(&reports));
        run.did(&reports);
    }
    let exit = match shutdown.requested() {
        Some(exit) => exit,
        None => Exit::merge(reports.iter().map(|report| report.outcome.exit())),
    };
    let tally = if knows { show::tally(&reports) } else { INTERRUPTED.to_owned() };
    if options.unattended.all {
        terminal.note(&tally);
    }
    terminal.summarise(&show::summary(tally, &reports));
    let items =
        || Document::new(reports.iter().map(|report| Repaired::new(report, terminal.invocation())).collect());
    match options.output {
        None | Some(ReportFormat::Name) => {}
        Some(ReportFormat::Json) => terminal.data(&items().to_json()?)?,
        Some(ReportFormat::Yaml) => terminal.data(&items().to_yaml()?)?,
    }
    failure.map_or(Ok(exit), Err)
}

/// The report of a namespace that nothing was done to because a signal came first.
fn interrupted(name: &str) -> Report {
    Report::new(name, "").ended(Outcome::Failed, Problem::new(INTERRUPTED))
}

fn settings(options: &ClearOptions) -> Result<Settings, Failure> {
    let backups = if options.no_backup || options.dry_run != DryRunChoice::None {
        None
    } else {
        Some(backups_in(options.backup_dir.as_deref())?)
    };
    Ok(Settings {
        policy: Policy {
            leftovers: options.leftovers,
            allow_protected: options.allow_protected,
            release_finalizers: options.release_finalizer.clone(),
            finalizers: options.finalizer.clone(),
            patience: options.patience,
            deletes_no_namespace: options.unattended.all,
            rule: None,
        },
        dry_run: if options.dry_run == DryRunChoice::Server { DryRun::Server } else { DryRun::None },
        backups,
        limits: options.unattended.limits(),
        decided: None,
        wait: options.wait.then_some(options.timeout),
        heed_trouble: options.unattended.all,
    })
}

impl Clear<'_> {
    /// What was found stuck, without those that are gone.
    fn still_stuck(&self, reports: &[Report]) -> Stuck {
        let gone = |report: &&Report| matches!(report.outcome, Outcome::Cleared | Outcome::Unchanged);
        let gone: BTreeSet<&str> =
            reports.iter().filter(gone).map(|report| report.namespace.as_str()).collect();
        let mut stuck = Stuck::default();
        for seen in self.seen.borrow().iter().filter(|seen| !gone.contains(seen.name.as_str())) {
            stuck.add(seen.cause, seen.age);
        }
        stuck
    }
}
