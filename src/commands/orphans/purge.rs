//! `nsfix orphans --purge`: create the namespace, delete it at once, let it be emptied.
//!
//! Once it is Terminating nothing can be created in it, so no controller can wake workloads up, while updates
//! are allowed again, so that finalizers can be released. A plain re-creation would make Secrets and
//! RoleBindings effective.

use super::FoundOrphans;
use crate::backup::Backups;
use crate::cli::{DryRunChoice, OrphansOptions};
use crate::cluster::{ApiError, Cluster, DryRun};
use crate::commands::backups_in;
use crate::commands::clear::{exit_of, render};
use crate::commands::confirm::ask_yes;
use crate::diagnose::diagnose;
use crate::execute::{Executor, Outcome, Problem, Report, Settings, StepReport, StepResult};
use crate::exit::Exit;
use crate::model::{Inventory, Namespace};
use crate::observe::{Depth, observe};
use crate::output::document::{Document, Repaired};
use crate::output::{Failure, Terminal, inventory};
use crate::plan::{Leftovers, Policy, is_protected, plan};
use crate::shutdown::Shutdown;

/// How many orphans of a type are remembered by name.
const KEEP: usize = 20;

struct Purge<'a> {
    options: &'a OrphansOptions,
    settings: Settings,
    backups: Option<Backups>,
    cluster: &'a Cluster,
    terminal: &'a Terminal,
    shutdown: &'a Shutdown,
}

pub(super) async fn run(
    options: &OrphansOptions,
    cluster: &Cluster,
    terminal: &Terminal,
    shutdown: &Shutdown,
    found: FoundOrphans,
) -> Result<Exit, Failure> {
    let mut names: Vec<(String, Inventory)> = found.orphans.into_iter().collect();
    names.extend(found.unfinished.into_iter().map(|name| (name, Inventory::default())));
    if names.is_empty() {
        terminal.note(&format!("No orphans found; {}.", inventory::coverage(&found.looked.coverage)));
        return Ok(Exit::Done);
    }
    for (name, orphans) in &names {
        terminal.note(&format!("namespace {name}: {}", inventory::leftovers(orphans)));
    }
    if options.dry_run == DryRunChoice::Client {
        return dry_run(&names, terminal);
    }
    if !options.yes {
        let question = format!("Remove these orphans of {} namespaces? [y/N] ", names.len());
        if !ask_yes(terminal, shutdown, &question).await? {
            return Err(Failure::refused("not confirmed; nothing was written"));
        }
    }
    let purge = Purge {
        options,
        settings: settings(options),
        backups: backups(options)?,
        cluster,
        terminal,
        shutdown,
    };
    purge.all(&names).await
}

fn dry_run(names: &[(String, Inventory)], terminal: &Terminal) -> Result<Exit, Failure> {
    for (name, _) in names {
        terminal.data(&format!(
            "# POST /api/v1/namespaces, then at once DELETE /api/v1/namespaces/{name}\n\
             kubectl create namespace {name} && kubectl delete namespace {name} --wait=false\n\
             nsfix clear {name} --leftovers=release\n\
             namespace/{name} purged (dry run)\n"
        ))?;
    }
    Ok(Exit::Done)
}

fn settings(options: &OrphansOptions) -> Settings {
    Settings {
        policy: Policy {
            leftovers: Leftovers::Release,
            release_finalizers: options.release_finalizer.clone(),
            ..Policy::default()
        },
        dry_run: DryRun::None,
        // The orphans are saved before the namespace is created.
        backups: None,
        wait: Some(options.timeout),
        heed_trouble: false,
    }
}

fn backups(options: &OrphansOptions) -> Result<Option<Backups>, Failure> {
    if options.no_backup {
        return Ok(None);
    }
    Ok(Some(backups_in(options.backup_dir.as_deref())?))
}

impl Purge<'_> {
    async fn all(&self, names: &[(String, Inventory)]) -> Result<Exit, Failure> {
        let mut reports = Vec::new();
        for (name, orphans) in names {
            if self.shutdown.requested().is_some() {
                break;
            }
            let report = self.one(name, orphans).await;
            render::report(self.terminal, &report, self.options.report_format(), DryRunChoice::None)?;
            reports.push(report);
        }
        let exit = Exit::merge(reports.iter().map(|report| exit_of(report.outcome)));
        if let Some(format) = self.options.output {
            let document = Document::new(reports.iter().map(Repaired::from).collect());
            self.terminal.data(&document.render(format)?)?;
        }
        Ok(self.shutdown.requested().unwrap_or(exit))
    }

    async fn one(&self, name: &str, orphans: &Inventory) -> Report {
        let failed = |report: Report, error: &ApiError| report.ended(Outcome::Failed, Problem::from(error));
        if is_protected(name) {
            let problem =
                Problem::new(format!("namespace {name:?} is protected: it is not created by a purge"));
            return Report::new(name, "").ended(Outcome::Refused, problem);
        }
        let mut report = Report::new(name, "");
        let on_step = |report: &Report, step: &StepReport| render::step(self.terminal, report, step);
        let executor = Executor {
            cluster: self.cluster,
            settings: &self.settings,
            shutdown: self.shutdown,
            on_step: &on_step,
        };
        if let Some(backups) = &self.backups {
            let namespace =
                serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            match executor.save(backups, &namespace, name, orphans).await {
                Ok(path) => report.backup = Some(path),
                Err(problem) => return report.ended(Outcome::Failed, problem),
            }
        }
        let namespace = match self.terminating_namespace(name).await {
            Ok(Some(namespace)) => namespace,
            Ok(None) => {
                let problem = Problem::new(format!("namespace {name:?} exists by now, and not for a purge"));
                return report.ended(Outcome::Refused, problem);
            }
            Err(error) => return failed(report, &error),
        };
        let step = StepReport {
            step: "PurgeOrphan".to_owned(),
            target: format!("namespace/{name}"),
            result: StepResult::Done,
            message: "created and deleted at once, so that it can be emptied".to_owned(),
        };
        let facts = match observe(self.cluster, vec![namespace], KEEP, Depth::Close).await {
            Ok(facts) => facts,
            Err(error) => return failed(report, &error),
        };
        let Some(facts) = facts.into_iter().next() else { return report };
        let diagnosis = diagnose(facts);
        let mut done = match plan(&diagnosis, &self.settings.policy) {
            Ok(plan) => executor.run(&plan, &diagnosis.inventory).await,
            Err(refusal) => {
                let report = Report::new(name, &diagnosis.namespace.uid);
                report.ended(Outcome::Refused, Problem::from(&refusal))
            }
        };
        done.steps.insert(0, step);
        done.backup = report.backup;
        done
    }

    /// The namespace in Terminating: created and deleted at once, or left over from an interrupted purge.
    /// `None` where one exists that is not ours.
    async fn terminating_namespace(&self, name: &str) -> Result<Option<Namespace>, ApiError> {
        let created = match self.cluster.create_for_purge(name).await {
            Ok(created) => created,
            // It exists; or the answer to our own request was lost.
            Err(error) if error.is_conflict() || error.leaves_write_unknown() => {
                self.cluster.namespace(name).await?
            }
            Err(error) => return Err(error),
        };
        if !created.labels.contains_key(crate::cluster::PURGE_LABEL) {
            return Ok(None);
        }
        if !created.is_terminating() {
            let path = format!("/api/v1/namespaces/{name}");
            self.cluster.delete_by_uid(&path, &created.uid).await?;
        }
        self.cluster.namespace(name).await.map(Some)
    }
}
