//! `nsfix clear`: end namespaces that are stuck in Terminating.

mod confirm;
mod render;

use jiff::Timestamp;

use super::Session;
use crate::cli::{ClearOptions, DryRunChoice, ReportFormat};
use crate::cluster::{Cluster, Discovered, DryRun};
use crate::diagnose::age;
use crate::exit::Exit;
use crate::model::{Inventory, Namespace};
use crate::output::document::{Document, Repaired};
use crate::output::{Failure, Terminal};
use crate::plan::{Plan, Policy, check, plan};
use crate::repair::{Backups, Outcome, Problem, Repair, Report, Settings, default_backup_dir};
use crate::stop::Stop;
use confirm::Answer;

/// How many leftovers of a type are remembered by name, to name the orphans afterwards.
const KEEP: usize = 20;

struct Clear<'a> {
    options: &'a ClearOptions,
    settings: Settings,
    cluster: &'a Cluster,
    terminal: &'a Terminal,
    stop: &'a Stop,
}

pub(super) async fn run(
    options: &ClearOptions,
    session: &Session,
    terminal: &Terminal,
    stop: &Stop,
) -> Result<Exit, Failure> {
    if options.dry_run == DryRunChoice::None && !options.yes && !terminal.interactive {
        return Err(Failure::refused("clear writes, and there is no terminal to ask on")
            .hint("add --yes to go on without a question, or --dry-run=client to see what would be sent"));
    }
    let settings = settings(options)?;
    let clear = Clear { options, settings, cluster: session.the_cluster()?, terminal, stop };
    let mut names = options.names.clone();
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    let reports = clear.all(&names).await?;
    let exit = match stop.requested() {
        Some(exit) => exit,
        None => Exit::merge(reports.iter().map(|report| exit_of(report.outcome))),
    };
    let items = || Document::new(reports.iter().map(Repaired::from).collect());
    match options.output {
        None | Some(ReportFormat::Name) => {}
        Some(ReportFormat::Json) => terminal.data(&items().to_json()?)?,
        Some(ReportFormat::Yaml) => terminal.data(&items().to_yaml()?)?,
    }
    Ok(exit)
}

fn settings(options: &ClearOptions) -> Result<Settings, Failure> {
    let backups = if options.no_backup || options.dry_run != DryRunChoice::None {
        None
    } else {
        let dir = options.backup_dir.clone().or_else(default_backup_dir).ok_or_else(|| {
            Failure::usage("there is no home directory to save backups in")
                .hint("name a place with --backup-dir, or do without with --no-backup")
        })?;
        Some(Backups::in_dir(dir))
    };
    Ok(Settings {
        policy: Policy { leftovers: options.leftovers, allow_protected: options.allow_protected },
        dry_run: if options.dry_run == DryRunChoice::Server { DryRun::Server } else { DryRun::None },
        backups,
        wait: options.wait.then_some(options.timeout),
    })
}

fn exit_of(outcome: Outcome) -> Exit {
    match outcome {
        Outcome::Cleared | Outcome::Unchanged | Outcome::DryRun => Exit::Done,
        Outcome::Refused => Exit::Refused,
        Outcome::Failed => Exit::Error,
    }
}

impl Clear<'_> {
    /// One after the other; one failing does not stop the others, a signal does.
    async fn all(&self, names: &[String]) -> Result<Vec<Report>, Failure> {
        let mut reports = Vec::new();
        let mut discovered = None;
        for name in names {
            if self.stop.requested().is_some() {
                break;
            }
            let report = tokio::select! {
                looked = self.look(name, &mut discovered) => match looked {
                    Ok((plan, inventory)) => {
                        self.act(&plan, &inventory, discovered.as_ref()).await?
                    }
                    Err(report) => *report,
                },
                _ = self.stop.wait() => break,
            };
            render::report(self.terminal, &report, self.options.output)?;
            reports.push(report);
        }
        Ok(reports)
    }

    /// Observes and plans; reads only. `Err` carries the report of what ends here.
    async fn look(
        &self,
        name: &str,
        discovered: &mut Option<Discovered>,
    ) -> Result<(Plan, Inventory), Box<Report>> {
        let failed =
            |uid: &str, error| Box::new(Report::new(name, uid).ended(Outcome::Failed, Problem::from(&error)));
        let namespace = match self.cluster.namespace(name).await {
            Ok(namespace) => namespace,
            Err(error) if error.is_not_found() => return Err(Box::new(Report::new(name, ""))),
            Err(error) => return Err(failed("", error)),
        };
        let refused = |refusal| {
            let report = Report::new(name, &namespace.uid);
            Box::new(report.ended(Outcome::Refused, Problem::from(&refusal)))
        };
        check(&namespace, &self.settings.policy).map_err(refused)?;
        if discovered.is_none() {
            *discovered = Some(self.cluster.discover().await.map_err(|error| failed(&namespace.uid, error))?);
        }
        let types = discovered.clone().unwrap_or_default();
        let inventory = self
            .cluster
            .take_stock(&types, &[name], KEEP)
            .await
            .map_err(|error| failed(&namespace.uid, error))?
            .remove(name)
            .unwrap_or_default();
        let plan = plan(&namespace, &inventory, &self.settings.policy).map_err(refused)?;
        Ok((plan, inventory))
    }

    async fn act(
        &self,
        plan: &Plan,
        inventory: &Inventory,
        discovered: Option<&Discovered>,
    ) -> Result<Report, Failure> {
        for warning in &plan.warnings {
            self.terminal.warn(warning);
        }
        if self.options.dry_run == DryRunChoice::Client {
            render::request(self.terminal, plan, self.options.output)?;
            let mut report = Report::new(&plan.namespace.name, &plan.namespace.uid);
            report.outcome = Outcome::DryRun;
            report.warnings.clone_from(&plan.warnings);
            return Ok(report);
        }
        let refused =
            |problem| Report::new(&plan.namespace.name, &plan.namespace.uid).ended(Outcome::Refused, problem);
        if self.options.dry_run == DryRunChoice::None {
            match confirm::confirm(self, plan, inventory).await? {
                Answer::GoOn => {}
                Answer::No => return Ok(refused(Problem::new("not confirmed; nothing was written"))),
                Answer::Refused(refusal) => return Ok(refused(Problem::from(&refusal))),
            }
        }
        let repair = Repair { cluster: self.cluster, settings: &self.settings, stop: self.stop };
        Ok(repair.carry_out(plan, discovered.unwrap_or(&Discovered::default()), inventory).await)
    }

    /// `Terminating for 3d`.
    fn terminating_for(namespace: &Namespace) -> String {
        let age = age(namespace, Timestamp::now()).unwrap_or_default();
        format!("Terminating for {}", crate::output::human_duration(age))
    }
}
