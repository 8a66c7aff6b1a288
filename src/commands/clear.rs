//! `nsfix clear`: end namespaces that are stuck in Terminating.

mod apply;
mod confirm;
mod journal;
mod policy;
mod prepare;
mod rounds;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::policy_file;
use super::report_file::{self, cluster_name};
use super::{Session, VerbResult};
use crate::cli::{ClearOptions, DryRunChoice, Format, Refusals};
use crate::cluster::{Cluster, DryRun};
use crate::commands::backups_in;
use crate::diagnose::{CauseKind, Diagnosis};
use crate::execute::{Outcome, Problem, Report, Settings, SharedLook};
use crate::exit::Exit;
use crate::metrics::Stuck;
use crate::output::acting::Acting;
use crate::output::document::{Document, Repaired};
use crate::output::html::Entry;
use crate::output::{Failure, Terminal, report as show};
use crate::plan::Policy;
use crate::plan::policy_file::ClearPolicy;
use crate::shutdown::Shutdown;
use journal::Journal;
use prepare::{Preparation, Prepared};

/// Message when a signal arrives before the plan is made.
const INTERRUPTED: &str = "interrupted; nothing was written";

struct Clear<'a> {
    options: &'a ClearOptions,
    /// What is left to each namespace of `--timeout`: the look at those that were named is part of it.
    time: Duration,
    /// What the flags say; a policy file says it for each namespace.
    settings: Settings,
    file: Option<Arc<ClearPolicy>>,
    journal: Option<Journal>,
    cluster: &'a Cluster,
    terminal: &'a Terminal,
    shutdown: &'a Shutdown,
    acting: &'a Acting<'a>,
    looks: &'a SharedLook,
}

/// What a diagnosis has found, as far as it counts.
struct Seen {
    name: String,
    cause: Option<CauseKind>,
    age: Duration,
    /// For the page of `--report-file`.
    entry: Entry,
}

impl Seen {
    fn of(diagnosis: &Diagnosis, cluster: &Cluster) -> Self {
        let name = diagnosis.namespace.name.clone();
        Self {
            name,
            cause: diagnosis.first_cause(),
            age: diagnosis.age(),
            entry: Entry::of(diagnosis, cluster_name(cluster)),
        }
    }
}

pub(super) async fn run(
    options: &ClearOptions,
    session: &Session,
    terminal: &Terminal,
    shutdown: &Shutdown,
) -> Result<VerbResult> {
    if options.dry_run == DryRunChoice::None && !options.yes && !terminal.interactive {
        bail!(
            Failure::refused("clear writes, and there is no terminal to ask on")
                .hint("add --yes to go on without a question, or --dry-run=client to see what would be sent")
        );
    }
    let journal = options.journal.as_deref().filter(|_| options.dry_run == DryRunChoice::None);
    let journal = journal.map(Journal::open).transpose()?;
    let file = options.unattended.policy.as_deref().map(policy_file::read).transpose()?;
    let settings = settings(options, file.as_deref(), session)?;
    let cluster = session.the_cluster();
    if options.dry_run == DryRunChoice::Client {
        cluster.only_read();
    }
    let (acting, looks) = (&Acting::new(terminal, "namespace"), &SharedLook::default());
    let time = options.timeout;
    let mut clear =
        Clear { options, time, settings, file, journal, cluster, terminal, shutdown, acting, looks };
    let began = Instant::now();
    let preparation = tokio::select! {
        preparation = clear.prepare() => preparation?,
        _ = shutdown.wait() => Preparation::ended(&options.names, interrupted),
        () = clear.out_of_time() => Preparation::ended(&options.names, out_of_time),
    };
    if !options.unattended.all {
        clear.time = clear.time.saturating_sub(began.elapsed());
    }
    let Preparation { namespaces, seen, stopped, left_alone, mut summary } = preparation;
    summary.extend(clear.begin_journal(&namespaces)?);
    let (reports, error) = clear.apply_all(namespaces).await;
    let interrupted = seen.is_none() && shutdown.requested().is_some();
    let tally = if interrupted { INTERRUPTED.to_owned() } else { show::tally(&reports) };
    if options.unattended.all {
        terminal.note(&tally);
    }
    summary.push(show::summary(tally.clone(), &reports));
    let error = error.or_else(|| clear.print(&reports).err().map(Failure::of));
    let ignores = options.unattended.refusals == Refusals::Ignore && !stopped;
    let exit = shutdown.requested().unwrap_or_else(|| merged(&reports, ignores));
    let ended = clear.journal.as_ref().map_or(Ok(()), |journal| journal.end(exit.code(), &tally));
    let error = error.or_else(|| ended.err().map(Failure::of));
    let entries: Vec<Entry> = seen.iter().flatten().map(|seen| seen.entry.clone()).collect();
    report_file::write(options.report_file.as_deref(), &entries, Some(&reports), &[], terminal);
    let result = VerbResult {
        stuck: seen.as_ref().map(|seen| still_stuck(seen, &reports).beside(left_alone)),
        reports: (!interrupted).then_some(reports),
        summary,
        ..exit.into()
    };
    Ok(match error {
        Some(error) => result.failed(error),
        None => result,
    })
}

/// The report of a namespace that nothing was done to because a signal came first.
fn interrupted(name: &str) -> Report {
    Report::new(name, "").ended(Outcome::NotBegun, Problem::not_begun(name))
}

/// The report of a namespace that could not be looked at in time.
fn out_of_time(name: &str) -> Report {
    let message = format!(
        "namespace {name:?}: the time of --timeout was over before everything inside was looked at; nothing was written"
    );
    let hint = Some("give it more time with --timeout".into());
    Report::new(name, "").ended(Outcome::Failed, Problem { message, hint })
}

fn settings(options: &ClearOptions, file: Option<&ClearPolicy>, session: &Session) -> Result<Settings> {
    let backups = if options.no_backup || options.dry_run != DryRunChoice::None {
        None
    } else {
        Some(backups_in(options.backup_dir.as_deref(), session)?)
    };
    Ok(Settings {
        policy: Policy {
            leftovers: options.leftovers,
            allow_protected: options.allow_protected,
            release_finalizers: options.release_finalizer.clone(),
            finalizers: options.finalizer.clone(),
            patience: options.patience.patience,
            deletes_no_namespace: options.unattended.all,
            rule: options.unattended.consent(options.leftovers),
        },
        dry_run: if options.dry_run == DryRunChoice::Server { DryRun::Server } else { DryRun::None },
        backups,
        limits: match file {
            Some(file) => Some(file.limits(options.unattended.selector.clone())),
            None => options.unattended.limits(),
        },
        decided: None,
        wait: options.wait.then_some(options.timeout),
        heed_trouble: options.unattended.all,
    })
}

/// How a run over all of them ends. What a rule refuses and nobody wants to be told by the exit code is left out,
/// also beside a failure: that is then retried as the failure that it is.
fn merged(reports: &[Report], ignores_refusals: bool) -> Exit {
    let outcomes = reports.iter().map(|report| report.outcome.exit());
    Exit::merge(outcomes.filter(|exit| !(ignores_refusals && *exit == Exit::Refused)))
}

/// What was found stuck, without those that are gone.
fn still_stuck(seen: &[Seen], reports: &[Report]) -> Stuck {
    let gone = |report: &&Report| report.outcome.is_gone();
    let gone: BTreeSet<&str> = reports.iter().filter(gone).map(|report| report.namespace.as_str()).collect();
    let mut stuck = Stuck::default();
    for seen in seen.iter().filter(|seen| !gone.contains(seen.name.as_str())) {
        stuck.add(seen.cause, seen.age);
    }
    stuck
}

impl Clear<'_> {
    /// Waits until the time of `--timeout` is over. The look at all of them, of `--all`, is nobody's own.
    async fn out_of_time(&self) {
        if self.options.unattended.all {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(self.time).await;
    }

    /// Says what the last run has left undone, and writes down what this one is about to begin.
    fn begin_journal(&self, namespaces: &[Prepared]) -> Result<Option<String>> {
        let Some(journal) = &self.journal else { return Ok(None) };
        let undone = journal.left_undone();
        if let Some(undone) = &undone {
            self.terminal.note(undone);
        }
        let planned = namespaces.iter().filter_map(|prepared| match prepared {
            Prepared::Planned(plan, _) => Some(plan.namespace.name.as_str()),
            Prepared::Ended(_) => None,
        });
        journal.begin(planned.collect())?;
        Ok(undone)
    }

    /// The document of all reports, where one is wanted.
    fn print(&self, reports: &[Report]) -> Result<()> {
        let invocation = self.terminal.invocation();
        let document =
            || Document::new(reports.iter().map(|report| Repaired::new(report, invocation)).collect());
        match &self.options.output {
            // Names are printed as the namespaces go.
            None | Some(Format::Name) => Ok(()),
            Some(format) => Ok(self.terminal.data(&document().render(format, true)?)?),
        }
    }
}
