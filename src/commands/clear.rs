//! `nsfix clear`: end namespaces that are stuck in Terminating.

mod confirm;
mod journal;
pub(super) mod render;

use std::cell::Cell;

use futures::StreamExt;
use jiff::Timestamp;

use super::Session;
use super::observe::{Depth, observe};
use crate::cli::{ClearOptions, DryRunChoice, ReportFormat};
use crate::cluster::{Cluster, DryRun};
use crate::commands::backups_in;
use crate::diagnose::{age, diagnose};
use crate::exit::Exit;
use crate::model::{Inventory, Namespace, Permission};
use crate::output::document::{Document, Repaired};
use crate::output::{Failure, Terminal};
use crate::plan::{Plan, Policy, check, plan};
use crate::repair::{Outcome, Problem, Repair, Report, Settings};
use crate::stop::Stop;
use confirm::Answer;

/// How many leftovers of a type are remembered by name, to name the orphans afterwards.
const KEEP: usize = 20;
/// How many namespaces are worked on at once, where nobody has to be asked. Most of that is waiting for the
/// controller; how many requests are under way is bounded by the connection.
const CONCURRENCY: usize = 32;

struct Clear<'a> {
    options: &'a ClearOptions,
    settings: Settings,
    cluster: &'a Cluster,
    terminal: &'a Terminal,
    stop: &'a Stop,
}

/// A namespace on its way.
enum Looked {
    /// What would be done to it.
    Planned(Box<Plan>, Inventory),
    /// It ends here.
    Ended(Box<Report>),
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
    let cluster = session.the_cluster()?;
    if options.dry_run == DryRunChoice::Client {
        cluster.only_read();
    }
    let clear = Clear { options, settings, cluster, terminal, stop };
    let mut names = options.names.clone();
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    let looked = tokio::select! {
        looked = clear.look(&names) => looked?,
        _ = stop.wait() => names.iter().map(|name| Looked::Ended(Box::new(interrupted(name, "")))).collect(),
    };
    let (reports, failure) = clear.act_on_all(looked).await;
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
    failure.map_or(Ok(exit), Err)
}

/// The report of a namespace that nothing was done to because a signal came first.
fn interrupted(name: &str, uid: &str) -> Report {
    Report::new(name, uid).ended(Outcome::Failed, Problem::new("interrupted; nothing was written"))
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
        },
        dry_run: if options.dry_run == DryRunChoice::Server { DryRun::Server } else { DryRun::None },
        backups,
        wait: options.wait.then_some(options.timeout),
    })
}

pub(super) fn exit_of(outcome: Outcome) -> Exit {
    match outcome {
        Outcome::Cleared | Outcome::Unchanged | Outcome::DryRun => Exit::Done,
        Outcome::Refused => Exit::Refused,
        Outcome::Failed | Outcome::Released => Exit::Error,
    }
}

impl Clear<'_> {
    /// Observes all of them together, and plans. Reads only.
    async fn look(&self, names: &[String]) -> Result<Vec<Looked>, Failure> {
        let reads = futures::future::join_all(names.iter().map(|name| self.cluster.namespace(name))).await;
        let mut eligible = Vec::new();
        let mut looked: Vec<Option<Looked>> = Vec::new();
        for (name, read) in names.iter().zip(reads) {
            let ended = |report: Report| Some(Looked::Ended(Box::new(report)));
            looked.push(match read {
                Err(error) if error.is_fatal() => return Err(error.into()),
                Err(error) if error.is_not_found() => ended(Report::new(name, "")),
                Err(error) => ended(Report::new(name, "").ended(Outcome::Failed, Problem::from(&error))),
                Ok(namespace) => {
                    if let Err(refusal) = check(&namespace, &self.settings.policy) {
                        let report = Report::new(name, &namespace.uid);
                        ended(report.ended(Outcome::Refused, Problem::from(&refusal)))
                    } else {
                        eligible.push(namespace);
                        None
                    }
                }
            });
        }
        let mut planned = self.plan_all(eligible).await?.into_iter();
        Ok(looked.into_iter().filter_map(|each| each.or_else(|| planned.next())).collect())
    }

    async fn plan_all(&self, namespaces: Vec<Namespace>) -> Result<Vec<Looked>, Failure> {
        if namespaces.is_empty() {
            return Ok(Vec::new());
        }
        let progress = self.terminal.progress("taking stock of what is inside");
        let observed = observe(self.cluster, namespaces, KEEP, Depth::Close).await;
        progress.done();
        let planned = observed?.into_iter().map(|facts| {
            let diagnosis = diagnose(&facts);
            match plan(&diagnosis, &self.settings.policy) {
                Ok(plan) => Looked::Planned(Box::new(plan), diagnosis.inventory),
                Err(refusal) => {
                    let report = Report::new(&facts.namespace.name, &facts.namespace.uid);
                    Looked::Ended(Box::new(report.ended(Outcome::Refused, Problem::from(&refusal))))
                }
            }
        });
        Ok(planned.collect())
    }

    /// One failing does not stop the others, a signal does. Several at once where nobody has to be asked.
    /// Where a report cannot be written, what is under way is brought to its end, and nothing else begun.
    async fn act_on_all(&self, looked: Vec<Looked>) -> (Vec<Report>, Option<Failure>) {
        let asks = self.options.dry_run == DryRunChoice::None && !self.options.yes;
        let concurrency = if asks { 1 } else { CONCURRENCY };
        let failing = Cell::new(false);
        let mut acts = futures::stream::iter(looked)
            .take_while(|_| futures::future::ready(!failing.get()))
            .map(|looked| self.act(looked))
            .buffered(concurrency);
        let (mut reports, mut failure) = (Vec::new(), None);
        while let Some(report) = acts.next().await {
            let told = report.and_then(|report| {
                let told = self.tell(&report);
                reports.push(report);
                told
            });
            if let Err(error) = told {
                failing.set(true);
                failure.get_or_insert(error);
            }
        }
        (reports, failure)
    }

    fn tell(&self, report: &Report) -> Result<(), Failure> {
        // Into the journal first: whoever reads stdout may be gone.
        if let Some(journal) = &self.options.journal {
            journal::append(journal, report)?;
        }
        render::report(self.terminal, report, self.options.output, self.options.dry_run)
    }

    async fn act(&self, looked: Looked) -> Result<Report, Failure> {
        let repair = Repair { cluster: self.cluster, settings: &self.settings, stop: self.stop };
        let (plan, inventory) = match looked {
            Looked::Ended(mut report) => {
                // It may have gone during the look.
                repair.settle(&mut report).await;
                return Ok(*report);
            }
            Looked::Planned(plan, inventory) => (plan, inventory),
        };
        if self.stop.requested().is_some() {
            return Ok(interrupted(&plan.namespace.name, &plan.namespace.uid));
        }
        for warning in &plan.warnings {
            self.terminal.warn(warning);
        }
        let nothing_done = || Report::new(&plan.namespace.name, &plan.namespace.uid);
        if self.options.dry_run == DryRunChoice::Client {
            render::requests(self.terminal, &plan, self.options.output)?;
            let mut report = nothing_done();
            report.outcome = Outcome::DryRun;
            report.warnings.clone_from(&plan.warnings);
            return Ok(report);
        }
        if let Some(problem) = self.missing_permissions(&plan).await {
            return Ok(nothing_done().ended(Outcome::Failed, problem));
        }
        if self.options.dry_run == DryRunChoice::None {
            let refused = |problem| nothing_done().ended(Outcome::Refused, problem);
            match confirm::confirm(self, &plan, &inventory).await? {
                Answer::GoOn => {}
                Answer::No => return Ok(refused(Problem::new("not confirmed; nothing was written"))),
                Answer::Refused(refusal) => return Ok(refused(Problem::from(&refusal))),
            }
        }
        Ok(repair.carry_out(&plan, &inventory).await)
    }

    /// Rather not begin than stop half-way. Where the server does not say, the write itself will.
    async fn missing_permissions(&self, plan: &Plan) -> Option<Problem> {
        let needed = plan.permissions();
        let reviews = needed.iter().map(|permission| self.cluster.may(permission));
        let answers = futures::future::join_all(reviews).await;
        let missing: Vec<&Permission> = needed
            .iter()
            .zip(answers)
            .filter(|(_, answer)| answer.as_ref().is_ok_and(|access| !access.allowed))
            .map(|(permission, _)| permission)
            .collect();
        let list: Vec<String> = missing.iter().map(ToString::to_string).collect();
        let rules: Vec<String> = missing.iter().map(|permission| permission.rule()).collect();
        (!missing.is_empty()).then(|| Problem {
            message: format!("you are not allowed to {}; nothing was written", list.join(", nor to ")),
            hint: Some(format!("these RBAC rules grant it: {}", rules.join(", "))),
        })
    }

    /// `Terminating for 3d`.
    fn terminating_for(namespace: &Namespace) -> String {
        let age = age(namespace, Timestamp::now()).unwrap_or_default();
        format!("Terminating for {}", crate::output::human_duration(age))
    }
}
