//! `nsfix orphans --purge`: create the namespace, delete it at once, let it be emptied.
//!
//! Once it is Terminating nothing can be created in it, so no controller can wake workloads up, while updates
//! are allowed again, so that finalizers can be released. A plain re-creation would make Secrets and
//! RoleBindings effective.

use std::hash::{BuildHasher, RandomState};

use anyhow::{Result, bail};

use super::begin::{Begun, begin};
use super::permitted;
use crate::backup::Backups;
use crate::cli::{DryRunChoice, Format, OrphansOptions};
use crate::cluster::{Cluster, DryRun};
use crate::commands::confirm::ask_yes;
use crate::commands::look_again::KEEP;
use crate::commands::{Session, VerbResult, backups_in};
use crate::execute::{
    Activity, Executor, Outcome, Problem, Report, Saved, Settings, SharedLook, StepReport, StepResult,
};
use crate::exit::Exit;
use crate::model::{Inventory, Namespace};
use crate::output::acting::Acting;
use crate::output::document::{Document, Repaired};
use crate::output::orphans::{
    FoundOrphans, how_to_delete, left_active, nobody_knows, note_existing, note_none, purge_script,
};
use crate::output::{Failure, Terminal, inventory, report as show};
use crate::plan::{Leftovers, Policy, StepKind, is_protected};
use crate::shutdown::Shutdown;

/// What a purge finds under a name.
enum PurgeTarget {
    /// Orphans of a namespace that does not exist.
    Missing(Inventory),
    /// The namespace in Terminating that an earlier purge did not finish.
    Unfinished(Box<Namespace>),
    /// An Active namespace with the label of a purge.
    Active,
    /// Whether it exists is not known, because of this.
    Unreadable(String),
}

pub(super) struct Purge<'a> {
    pub(super) options: &'a OrphansOptions,
    pub(super) settings: Settings,
    pub(super) backups: Option<Backups>,
    pub(super) cluster: &'a Cluster,
    pub(super) terminal: &'a Terminal,
    pub(super) shutdown: &'a Shutdown,
    pub(super) acting: Acting<'a>,
    pub(super) looks: SharedLook,
}

pub(super) async fn run(
    options: &OrphansOptions,
    session: &Session,
    terminal: &Terminal,
    shutdown: &Shutdown,
    found: FoundOrphans,
) -> Result<VerbResult> {
    let cluster = session.the_cluster();
    let (looked, existing) = (found.looked.clone(), found.existing.clone());
    let exit = super::exit(&options.names, &found);
    let targets = targets(found);
    if targets.is_empty() {
        note_none(&looked, &existing, terminal);
        return Ok(VerbResult { exit, ..finish(options, terminal, Vec::new())? });
    }
    note_existing(&existing, terminal);
    for (name, target) in &targets {
        match target {
            PurgeTarget::Missing(inside) => {
                terminal.note(&format!("namespace {name}: {}", inventory::leftovers(inside)));
            }
            PurgeTarget::Unfinished(_) => {
                terminal.note(&format!("namespace {name}: an earlier purge was not finished"));
            }
            PurgeTarget::Active | PurgeTarget::Unreadable(_) => {}
        }
    }
    if options.dry_run == DryRunChoice::Client {
        return dry_run(&targets, options, terminal);
    }
    let writes = targets.iter().filter(|(name, target)| refusal(name, target, options).is_none()).count();
    if !options.yes && writes > 0 {
        let question = format!("Remove these orphans of {writes} namespaces? [y/N] ");
        if !ask_yes(terminal, shutdown, &question).await? {
            bail!(Failure::refused("not confirmed; nothing was written"));
        }
    }
    let purge = Purge {
        options,
        settings: settings(options),
        backups: backups(options, session)?,
        cluster,
        terminal,
        shutdown,
        acting: Acting::new(terminal, "namespace"),
        looks: SharedLook::default(),
    };
    purge.all(targets).await
}

fn targets(found: FoundOrphans) -> Vec<(String, PurgeTarget)> {
    let FoundOrphans { orphans, looked: _, existing: _, unfinished, active, unreadable } = found;
    let mut targets: Vec<(String, PurgeTarget)> =
        orphans.into_iter().map(|(name, inside)| (name, PurgeTarget::Missing(inside))).collect();
    targets.extend(
        unfinished.into_iter().map(|each| (each.name.clone(), PurgeTarget::Unfinished(Box::new(each)))),
    );
    targets.extend(active.into_iter().map(|each| (each.name, PurgeTarget::Active)));
    targets.extend(unreadable.into_iter().map(|(name, why)| (name, PurgeTarget::Unreadable(why))));
    targets
}

/// What ends a purge before anything is asked of the server.
fn refusal(name: &str, target: &PurgeTarget, options: &OrphansOptions) -> Option<(Outcome, Problem)> {
    if is_protected(name) {
        let problem = Problem::new(format!("namespace {name:?} is protected: it is not created by a purge"));
        return Some((Outcome::Refused, problem));
    }
    match target {
        PurgeTarget::Active => {
            let problem = Problem { message: left_active(name), hint: Some(how_to_delete(name)) };
            Some((Outcome::Refused, problem))
        }
        PurgeTarget::Unreadable(why) => {
            let problem = Problem::new(format!("{}; nothing was written", nobody_knows(name, why)));
            Some((Outcome::Failed, problem))
        }
        PurgeTarget::Missing(inside) if !options.no_backup => {
            // The controller empties the namespace that is created, and what was not seen goes with it.
            let orphans = format!("orphans of namespace {name:?} were");
            Some((Outcome::Refused, Problem::unsaved(&orphans, inside.coverage.unknown())?))
        }
        PurgeTarget::Missing(_) | PurgeTarget::Unfinished(_) => None,
    }
}

/// Ends as the real purge would, as far as reads can tell.
fn dry_run(
    targets: &[(String, PurgeTarget)],
    options: &OrphansOptions,
    terminal: &Terminal,
) -> Result<VerbResult> {
    let mut reports = Vec::new();
    for (name, target) in targets {
        let mut report = Report::new(name, "");
        match (refusal(name, target, options), target) {
            (Some((outcome, problem)), _) => report = report.ended(outcome, problem),
            (None, target) => {
                report.outcome = Outcome::DryRun;
                if options.output.is_none() {
                    let released = &options.release_finalizer;
                    purge_script(terminal, name, matches!(target, PurgeTarget::Missing(_)), released)?;
                }
            }
        }
        if report.outcome != Outcome::DryRun {
            show::report(terminal, &report, options.output.as_ref(), options.dry_run)?;
        }
        reports.push(report);
    }
    finish(options, terminal, reports)
}

/// The document, where one is wanted, and the exit code.
fn finish(options: &OrphansOptions, terminal: &Terminal, reports: Vec<Report>) -> Result<VerbResult> {
    if let Some(format) = options.output.as_ref().filter(|format| **format != Format::Name) {
        let document = Document::new(
            reports.iter().map(|report| Repaired::new(report, terminal.invocation())).collect(),
        );
        terminal.data(&document.render(format, true)?)?;
    }
    let exit = Exit::merge(reports.iter().map(|report| report.outcome.exit()));
    Ok(VerbResult { reports: Some(reports), ..exit.into() })
}

fn settings(options: &OrphansOptions) -> Settings {
    Settings {
        policy: Policy {
            leftovers: Leftovers::Release,
            release_finalizers: options.release_finalizer.clone(),
            patience: options.patience.patience,
            ..Policy::default()
        },
        dry_run: DryRun::None,
        // The orphans are saved before the namespace is created.
        backups: None,
        limits: None,
        decided: None,
        wait: Some(options.timeout),
        heed_trouble: false,
    }
}

fn backups(options: &OrphansOptions, session: &Session) -> Result<Option<Backups>> {
    if options.no_backup {
        return Ok(None);
    }
    Ok(Some(backups_in(options.backup_dir.as_deref(), session)?))
}

impl Purge<'_> {
    async fn all(&self, targets: Vec<(String, PurgeTarget)>) -> Result<VerbResult> {
        let mut reports = Vec::new();
        self.acting.expect(targets.len());
        for (name, target) in targets {
            let report = if self.shutdown.requested().is_some() {
                Report::new(&name, "").ended(Outcome::NotBegun, Problem::not_begun(&name))
            } else {
                Box::pin(self.one(&name, target)).await
            };
            self.acting.ended(&name);
            show::report(self.terminal, &report, self.options.output.as_ref(), DryRunChoice::None)?;
            reports.push(report);
        }
        let result = finish(self.options, self.terminal, reports)?;
        Ok(VerbResult { exit: self.shutdown.requested().unwrap_or(result.exit), ..result })
    }

    /// For what is no round, and has no steps.
    pub(super) fn executor<'a>(&'a self, on_activity: &'a dyn Fn(&str, Activity)) -> Executor<'a> {
        Executor {
            cluster: self.cluster,
            settings: &self.settings,
            looks: &self.looks,
            shutdown: self.shutdown,
            deadline: None,
            on_step: &|_, _| {},
            on_activity,
        }
    }

    async fn one(&self, name: &str, target: PurgeTarget) -> Report {
        let mut report = Report::new(name, "");
        let on_activity = |name: &str, activity| self.acting.set(name, activity);
        if let Some((outcome, problem)) = refusal(name, &target, self.options) {
            return report.ended(outcome, problem);
        }
        match target {
            PurgeTarget::Missing(inside) => {
                self.missing(&inside, &mut report).await;
                // Rule 8: the namespace being gone does not prove that what was in it is.
                if report.outcome == Outcome::Cleared && report.orphans.is_empty() {
                    report = self.executor(&on_activity).look_for_orphans(&inside, report).await;
                }
            }
            PurgeTarget::Unfinished(namespace) => {
                report.uid.clone_from(&namespace.uid);
                // Nothing is saved yet: the first round saves everything inside.
                self.rounds(*namespace, &Inventory::default(), &mut report).await;
                if report.outcome == Outcome::Cleared && !report.wrote {
                    // It went without this run, which has not seen what was inside.
                    report = self.executor(&on_activity).look_for_any_orphans(report, KEEP).await;
                }
            }
            PurgeTarget::Active | PurgeTarget::Unreadable(_) => {}
        }
        // It may have gone since the last look.
        self.executor(&on_activity).settle(report).await
    }

    async fn missing(&self, inside: &Inventory, report: &mut Report) {
        let name = report.namespace.clone();
        let run = run_id();
        if let Some((outcome, problem)) = permitted::refusal(self.cluster, &name, &run, inside).await {
            (report.outcome, report.problem) = (outcome, Some(problem));
            return;
        }
        if let Some(backups) = &self.backups {
            let namespace =
                serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            let on_activity = |name: &str, activity| self.acting.set(name, activity);
            match self.executor(&on_activity).save(backups, &namespace, &name, inside).await {
                Ok(Saved { path, warnings }) => {
                    report.backup = Some(path);
                    self.also_warn(report, warnings);
                }
                Err(problem) => {
                    (report.outcome, report.problem) = (Outcome::Failed, Some(problem));
                    return;
                }
            }
        }
        if self.shutdown.requested().is_some() {
            (report.outcome, report.problem) = (Outcome::NotBegun, Some(Problem::not_begun(&name)));
            return;
        }
        self.acting.set(&name, Activity::Creating);
        match begin(self.cluster, &name, &run).await {
            Begun::Terminating(namespace) => {
                report.uid.clone_from(&namespace.uid);
                self.created(
                    report,
                    StepResult::Done,
                    "created and deleted at once, so that it can be emptied",
                );
                self.rounds(*namespace, inside, report).await;
            }
            Begun::Gone { uid } => {
                report.uid = uid;
                self.created(report, StepResult::Done, "created and deleted at once; it is gone already");
                report.outcome = Outcome::Cleared;
            }
            Begun::Ended { outcome, problem, uid } => {
                if let Some(uid) = uid {
                    report.uid = uid;
                    self.created(report, StepResult::Failed, "created, and could not be deleted");
                }
                (report.outcome, report.problem) = (outcome, Some(problem));
            }
        }
    }

    fn created(&self, report: &mut Report, result: StepResult, message: &str) {
        let (step, target) = (StepKind::PurgeOrphan, format!("namespace/{}", report.namespace));
        let step = StepReport { step, target, result, message: message.to_owned() };
        show::step(self.terminal, &report.namespace, &step);
        report.steps.push(step);
        report.wrote = true;
    }
}

/// Something that no other run has.
fn run_id() -> String {
    let [first, second] = [(); 2].map(|()| RandomState::new().hash_one(std::process::id()));
    format!("{first:016x}{second:016x}")
}
