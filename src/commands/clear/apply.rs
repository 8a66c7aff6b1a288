//! Carrying the plans out, several at once where no question is asked.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use futures::StreamExt;
use futures::stream::{FuturesOrdered, FuturesUnordered};
use tokio::time::Instant;

use super::Clear;
use super::confirm::{self, Confirmation};
use super::prepare::Prepared;
use crate::cli::{ClearOptions, DryRunChoice};
use crate::cluster::NamespaceEvent;
use crate::commands::look_again::KEEP;
use crate::execute::{Executor, Outcome, Problem, Report, Settings, StepReport};
use crate::exit::Exit;
use crate::model::{Inventory, Permission};
use crate::output::{Failure, Topic, report as show};
use crate::plan::{Action, Leftovers, Plan, Policy};

/// How many namespaces are worked on at once, where no question is asked. Most of that is waiting for the
/// controller; how many requests are under way is bounded by the connection.
const CONCURRENCY: usize = 32;
/// The same with `--all` at first: few enough that a failing server is noticed before most of them have begun. Each
/// that goes well makes room for one more, and one that fails takes all of that back.
const UNATTENDED_CONCURRENCY: usize = 4;

/// What comes before the first write.
enum Decision {
    /// The plan is carried out.
    GoOn,
    /// This one is carried out instead.
    Release(Box<Plan>, Inventory),
    /// Nothing is written.
    Ended(Box<Report>),
}

/// The namespaces that are under way. A person sees what became of each at once; a script sees them in order.
enum UnderWay<F: Future> {
    AsTheyCome(FuturesUnordered<F>),
    InOrder(FuturesOrdered<F>),
}

impl<F: Future> UnderWay<F> {
    fn new(as_they_come: bool) -> Self {
        if as_they_come {
            Self::AsTheyCome(FuturesUnordered::new())
        } else {
            Self::InOrder(FuturesOrdered::new())
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::AsTheyCome(some) => some.len(),
            Self::InOrder(some) => some.len(),
        }
    }

    fn extend(&mut self, more: impl Iterator<Item = F>) {
        match self {
            Self::AsTheyCome(some) => some.extend(more),
            Self::InOrder(some) => some.extend(more),
        }
    }

    async fn next(&mut self) -> Option<F::Output> {
        match self {
            Self::AsTheyCome(some) => some.next().await,
            Self::InOrder(some) => some.next().await,
        }
    }
}

impl Clear<'_> {
    /// One failing does not stop the others, a signal does. Where a report cannot be written, what is under
    /// way is brought to its end, and nothing else begun.
    pub(super) async fn apply_all(&self, prepared: Vec<Prepared>) -> (Vec<Report>, Option<Failure>) {
        let mut concurrency = match (self.asks(), self.options.unattended.all) {
            (true, _) => 1,
            (false, true) => UNATTENDED_CONCURRENCY,
            (false, false) => CONCURRENCY,
        };
        self.acting.expect(prepared.len());
        let (mut reports, mut failure) = (BTreeMap::new(), None);
        let mut waiting = prepared.into_iter().enumerate();
        let mut under_way = UnderWay::new(self.terminal.is_watched());
        loop {
            // After a failure nothing else is begun.
            let free = if failure.is_some() { 0 } else { concurrency.saturating_sub(under_way.len()) };
            under_way
                .extend(waiting.by_ref().take(free).map(|(place, prepared)| self.apply_one(place, prepared)));
            let Some((place, report)) = under_way.next().await else {
                return (reports.into_values().collect(), failure);
            };
            if self.options.unattended.all && !self.asks() {
                concurrency = match report.as_ref().map(|report| report.outcome) {
                    Ok(outcome) if outcome.is_gone() => CONCURRENCY.min(concurrency + 1),
                    Ok(Outcome::Refused) => concurrency,
                    _ => UNATTENDED_CONCURRENCY,
                };
            }
            let shown = report.and_then(|report| {
                let shown = self.show(&report);
                reports.insert(place, report);
                shown
            });
            if let Err(error) = shown {
                let mut error = Failure::of(error);
                // A reader who has gone away does not make half a run a whole one.
                if error.exit == Exit::Done {
                    error.exit = Exit::Error;
                }
                failure.get_or_insert(error);
            }
        }
    }

    /// The same with its place among the others.
    async fn apply_one(&self, place: usize, prepared: Prepared) -> (usize, Result<Report>) {
        let name = prepared.name().to_owned();
        let report = self.apply(prepared).await;
        self.acting.ended(&name);
        (place, report)
    }

    fn asks(&self) -> bool {
        self.options.dry_run == DryRunChoice::None && !self.options.yes
    }

    fn show(&self, report: &Report) -> Result<()> {
        // Into the journal first: the reader of stdout may be gone.
        if let Some(journal) = &self.journal {
            journal.report(report, self.terminal.invocation())?;
        }
        // The same problem of many is said once; the tally names them all, and a log has a line for each.
        let problem = report.problem.as_ref().map(|problem| problem.message.clone());
        let said_before = problem.is_some_and(|message| !self.terminal.is_news(&message));
        let quiet =
            (said_before && !self.terminal.keeps_log()).then(|| Report { problem: None, ..report.clone() });
        let report = quiet.as_ref().unwrap_or(report);
        Ok(show::report(self.terminal, report, self.options.output.as_ref(), self.options.dry_run)?)
    }

    async fn apply(&self, prepared: Prepared) -> Result<Report> {
        let on_step = |namespace: &str, step: &StepReport| self.on_step(namespace, step);
        let on_activity = |namespace: &str, activity| self.acting.set(namespace, activity);
        let deadline = Some(Instant::now() + self.time);
        let waits_until = deadline.filter(|_| self.settings.wait.is_some());
        let planned = match &prepared {
            Prepared::Planned(plan, _) => Some(self.settings_for(&plan.namespace)),
            Prepared::Ended(_) => None,
        };
        let settings = planned.as_ref().unwrap_or(&self.settings);
        let executor = Executor {
            cluster: self.cluster,
            settings,
            looks: self.looks,
            shutdown: self.shutdown,
            deadline,
            on_step: &on_step,
            on_activity: &on_activity,
        };
        let prepared = match prepared {
            Prepared::Planned(plan, inside)
                if plan.waits_first && self.options.dry_run == DryRunChoice::None =>
            {
                match self.wait_for_controller(&plan.namespace, waits_until, settings).await {
                    // Rule 8: it may have been somebody else who has ended it.
                    Prepared::Ended(report) if report.outcome == Outcome::Unchanged => {
                        let report = executor.look_for_orphans(&inside, *report).await;
                        self.say_warnings(&report);
                        Prepared::ended(report)
                    }
                    other => other,
                }
            }
            other => other,
        };
        let report = match prepared {
            Prepared::Ended(report) => without_a_write(&executor, *report).await,
            Prepared::Planned(plan, inventory) => self.decide(&executor, &plan, &inventory).await?,
        };
        // After a signal no request is sent about a namespace that was not begun.
        if report.wrote || executor.halted().is_none() {
            self.leave_event(&report).await;
        }
        Ok(match &planned {
            Some(settings) => self.with_rule(report, settings),
            None => report,
        })
    }

    /// Into the log and into the journal, at once: the pod may be gone before the namespace is.
    fn on_step(&self, namespace: &str, step: &StepReport) {
        show::step(self.terminal, namespace, step);
        if let Some(journal) = &self.journal
            && let Err(error) = journal.step(namespace, step)
        {
            self.terminal.warn_once(Topic::default(), &Failure::of(error).message);
        }
    }

    /// Asks where there is somebody to ask, and does what was decided.
    async fn decide(&self, executor: &Executor<'_>, plan: &Plan, inventory: &Inventory) -> Result<Report> {
        let asked = Instant::now();
        let decision = self.before_the_first_write(executor, plan, inventory).await?;
        // The time in which a person reads and answers is no time of the run's.
        let reading = if self.asks() { asked.elapsed() } else { Duration::ZERO };
        let deadline = executor.deadline.map(|deadline| deadline + reading);
        match decision {
            Decision::Release(plan, inventory) => {
                let released = self.releasing();
                let executor = Executor { deadline, settings: &released.settings, ..*executor };
                Ok(released.carry_out(&executor, &plan, &inventory).await)
            }
            Decision::GoOn => {
                let executor = Executor { deadline, ..*executor };
                let report = self.carry_out(&executor, plan, inventory).await;
                let rehearsed = report.outcome == Outcome::DryRun;
                Ok(if rehearsed { predict(report, plan, self.options) } else { report })
            }
            Decision::Ended(report) => Ok(without_a_write(executor, *report).await),
        }
    }

    async fn carry_out(&self, executor: &Executor<'_>, plan: &Plan, inventory: &Inventory) -> Report {
        if self.settings.policy.leftovers == Leftovers::Release
            && self.options.leftovers == Leftovers::Ask
            && let Some(problem) = self.missing_permissions(plan).await
        {
            let report = Report::new(&plan.namespace.name, &plan.namespace.uid);
            return report.ended(Outcome::Failed, problem);
        }
        let report = self.execute_in_rounds(executor, plan, inventory).await;
        self.say_warnings(&report);
        report
    }

    fn say_warnings(&self, report: &Report) {
        for warning in &report.warnings {
            self.terminal.warn_once(Topic::namespace(&report.namespace), warning);
        }
    }

    /// The same run for a person who has chosen to release.
    fn releasing(&self) -> Clear<'_> {
        let policy = Policy { leftovers: Leftovers::Release, ..self.settings.policy.clone() };
        Clear { settings: Settings { policy, ..self.settings.clone() }, file: None, journal: None, ..*self }
    }

    /// The checks before the first write: halted, permissions, consent.
    async fn before_the_first_write(
        &self,
        executor: &Executor<'_>,
        plan: &Plan,
        inventory: &Inventory,
    ) -> Result<Decision> {
        let Plan { namespace, warnings, .. } = plan;
        let ended = |outcome, problem| {
            let report = Report::new(&namespace.name, &namespace.uid).ended(outcome, problem);
            Ok(Decision::Ended(Box::new(report)))
        };
        if self.shutdown.requested().is_some() {
            return ended(Outcome::NotBegun, Problem::not_begun(&namespace.name));
        }
        if let Some(why) = executor.halted() {
            return ended(Outcome::Failed, Problem::new(format!("{why}; nothing was written")));
        }
        for warning in warnings {
            // What is no business of one namespace alone is warned about once.
            self.terminal.warn_once(Topic::namespace(&namespace.name), warning);
        }
        if plan.waits_first
            && self.options.dry_run != DryRunChoice::None
            && let Some(problem) = self.would_be_too_young(namespace, executor.settings)
        {
            return ended(Outcome::Refused, problem);
        }
        if let Some(problem) =
            confirm::cannot_be_saved(self.options, plan, inventory, &executor.settings.policy)
        {
            return ended(Outcome::Refused, problem);
        }
        if self.options.dry_run == DryRunChoice::Client {
            if let Some(refusal) = confirm::refusal(self.options, plan) {
                return ended(Outcome::Refused, Problem::from(&refusal));
            }
            show::requests(self.terminal, plan, self.options.output.as_ref())?;
            let mut report = Report::new(&namespace.name, &namespace.uid);
            report.outcome = Outcome::DryRun;
            report.warnings.clone_from(warnings);
            return Ok(Decision::Ended(Box::new(predict(report, plan, self.options))));
        }
        if let Some(problem) = self.missing_permissions(plan).await {
            return ended(Outcome::Failed, problem);
        }
        if self.options.dry_run == DryRunChoice::Server {
            return match confirm::refusal(self.options, plan) {
                Some(refusal) => ended(Outcome::Refused, Problem::from(&refusal)),
                None => Ok(Decision::GoOn),
            };
        }
        match confirm::confirm(self, plan, inventory).await? {
            Confirmation::GoOn => Ok(Decision::GoOn),
            Confirmation::Release(plan, inventory) => Ok(Decision::Release(plan, inventory)),
            Confirmation::No => ended(Outcome::Refused, Problem::new("not confirmed; nothing was written")),
            Confirmation::Refused(refusal) => ended(Outcome::Refused, Problem::from(&refusal)),
        }
    }

    /// Rather not begin than stop half-way. Where the server does not say, the write itself will.
    async fn missing_permissions(&self, plan: &Plan) -> Option<Problem> {
        let needed = plan.permissions();
        let reviews = needed.iter().map(|permission| self.cluster.can_i(permission));
        let answers = futures::future::join_all(reviews).await;
        let missing: Vec<&Permission> = needed
            .iter()
            .zip(answers)
            .filter(|(_, answer)| answer.as_ref().is_ok_and(|access| !access.allowed))
            .map(|(permission, _)| permission)
            .collect();
        (!missing.is_empty()).then(|| Problem::not_allowed(&missing))
    }

    /// An Event about the namespace. What cannot be left is warned about once, and changes nothing
    /// about how the run ends.
    async fn leave_event(&self, report: &Report) {
        let wanted = self.options.unattended.leaves_events() && self.options.dry_run == DryRunChoice::None;
        let (true, Some((reason, warning))) = (wanted, happened(report.outcome)) else { return };
        let note = show::sentence(report);
        let event =
            NamespaceEvent { namespace: &report.namespace, uid: &report.uid, reason, warning, note: &note };
        if let Err(error) = self.cluster.leave_event(&event).await {
            let text = format!("unable to leave an Event: {}", error.detail());
            self.terminal.warn_once(Topic::namespace(&report.namespace), &text);
        }
    }
}

/// A rehearsal ends as the real run would: where something stays that may not be abandoned, that is no success.
fn predict(report: Report, plan: &Plan, options: &ClearOptions) -> Report {
    let name = &plan.namespace.name;
    if let Some(refusal) = confirm::refusal(options, plan) {
        return report.ended(Outcome::Refused, Problem::from(&refusal));
    }
    if !plan.remains.is_empty() {
        let message = format!(
            "namespace {name:?} would still hold {}, and would not be finalized",
            plan.remains.join(", ")
        );
        return report.ended(Outcome::Released, Problem::new(message));
    }
    if !options.wait && plan.has(|action| matches!(action, Action::Wait)) {
        let first = plan.steps.first().is_some_and(|step| matches!(step.action, Action::Wait));
        let outcome = if first { Outcome::Refused } else { Outcome::Released };
        let message = format!("namespace {name:?} would not be waited for, and not be forced");
        let hint = Some("without --wait=false it would be".into());
        return report.ended(outcome, Problem { message, hint });
    }
    report
}

/// The namespace may have gone since it was read; then it is reported as gone, with what it has left behind.
async fn without_a_write(executor: &Executor<'_>, report: Report) -> Report {
    if executor.silenced().is_some() {
        return report;
    }
    let before = report.outcome;
    let settled = executor.settle(report).await;
    if settled.outcome == Outcome::Unchanged && before != Outcome::Unchanged {
        return executor.look_for_any_orphans(settled, KEEP).await;
    }
    settled
}

/// The reason of the Event about it, and whether that is a warning.
fn happened(outcome: Outcome) -> Option<(&'static str, bool)> {
    match outcome {
        Outcome::Cleared => Some(("NamespaceCleared", false)),
        Outcome::Refused => Some(("NamespaceClearRefused", true)),
        Outcome::Failed | Outcome::Released => Some(("NamespaceClearFailed", true)),
        Outcome::Unchanged | Outcome::DryRun | Outcome::NotBegun => None,
    }
}
