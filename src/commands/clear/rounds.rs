//! Observe, plan and execute again, until the namespace is gone, the consent is used up, or the time is over.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Clear;
use super::prepare::Prepared;
use crate::commands::look_again::{Gone, diagnose_again};
use crate::diagnose::age;
use crate::execute::{Activity, Executor, Outcome, Problem, Report, Settings, StepResult, WaitFor};
use crate::model::{Hint, Inventory, Namespace, ShellCommand, TypeLeftovers, at_least, counted_with};
use crate::output::{Topic, human_duration};
use crate::plan::{Plan, StepKind, plan};

/// Between two looks at a namespace that the controller may still end by itself.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What was agreed to: no later round may do more.
struct Consent {
    /// How many live objects may be abandoned.
    live: u64,
    /// The types of which all was shown, default objects aside.
    types: BTreeSet<String>,
    /// The types of which all was seen, and saved.
    saved: BTreeSet<String>,
}

impl Consent {
    fn of(plan: &Plan, inventory: &Inventory) -> Self {
        Self {
            live: plan.live_at_stake,
            types: types(inventory, TypeLeftovers::besides_defaults),
            saved: types(inventory, TypeLeftovers::total),
        }
    }

    /// What a later round has found beyond it.
    fn exceeded_by(&self, plan: &Plan, inventory: &Inventory) -> Option<String> {
        let name = &plan.namespace.name;
        // Default objects need no consent, but a backup.
        let written = plan.steps.iter().filter_map(|step| step.action.resource());
        let unsaved = written.filter(|ty| !self.saved.contains(ty));
        let shown = types(inventory, TypeLeftovers::besides_defaults);
        if let Some(new) = shown.difference(&self.types).cloned().chain(unsaved).next() {
            return Some(format!("{new} were found in namespace {name:?} that were not seen before"));
        }
        (plan.live_at_stake > self.live).then(|| {
            format!(
                "{} left in namespace {name:?}, more than were agreed to ({})",
                at_least(plan.live_is_part, counted_with(plan.live_at_stake, "live object", "is", "are")),
                self.live
            )
        })
    }
}

/// Of a type that could not be listed to its end not all was shown, and nothing is written to it.
fn types(inventory: &Inventory, count: impl Fn(&TypeLeftovers) -> u64) -> BTreeSet<String> {
    let left = inventory.types.iter().filter(|of_type| !of_type.at_least && count(of_type) > 0);
    left.map(|of_type| of_type.resource.to_string()).collect()
}

impl Clear<'_> {
    /// Waits until the controller has had its time with a young namespace, and plans anew from what is then
    /// there. However short `--timeout` is, the patience is not: then nothing is written.
    pub(super) async fn wait_for_controller(
        &self,
        namespace: &Namespace,
        deadline: Option<Instant>,
        settings: &Settings,
    ) -> Prepared {
        let Namespace { name, uid, .. } = namespace;
        let ended = |outcome, problem| Prepared::ended(Report::new(name, uid).ended(outcome, problem));
        let patience = settings.policy.patience;
        let ((so_far, left), since) = (patience_left(namespace, patience), Instant::now());
        let until = since + left;
        let limit = deadline.map_or(left, |deadline| left.min(deadline.saturating_duration_since(since)));
        if deadline.is_some() {
            self.terminal.note_on(
                Topic::namespace(name),
                &format!(
                    "namespace/{name} has been terminating for {}: waiting up to {} for the controller",
                    human_duration(so_far),
                    human_duration(limit)
                ),
            );
        }
        loop {
            match self.cluster.namespace(name).await {
                Err(error) if error.is_missing_namespace() => return Prepared::ended(Report::new(name, uid)),
                Ok(fresh) if fresh.uid != *uid => return Prepared::ended(Report::new(name, uid)),
                Err(error) if error.is_fatal() => return ended(Outcome::Failed, Problem::from(&error)),
                Ok(_) | Err(_) => {}
            }
            if self.shutdown.requested().is_some() {
                return Prepared::ended(super::interrupted(name));
            }
            if Instant::now() >= until {
                return self.look_again(name, uid, settings).await;
            }
            if deadline.is_none_or(|deadline| Instant::now() >= deadline) {
                return ended(Outcome::Refused, too_young(name, patience));
            }
            self.acting.set(name, Activity::Waiting { what: WaitFor::Controller, since, limit });
            tokio::select! {
                () = sleep(LOOK_EVERY) => {}
                _ = self.shutdown.wait() => {}
            }
        }
    }

    /// How a wait for the controller would end, as far as that is certain.
    pub(super) fn would_be_too_young(&self, namespace: &Namespace, settings: &Settings) -> Option<Problem> {
        let patience = settings.policy.patience;
        let time = settings.wait.map_or(Duration::ZERO, |_| self.time);
        (time < patience_left(namespace, patience).1).then(|| too_young(&namespace.name, patience))
    }

    /// Observes one namespace again, and plans under the same policy.
    async fn look_again(&self, name: &str, uid: &str, settings: &Settings) -> Prepared {
        let ended = |outcome, problem| Prepared::ended(Report::new(name, uid).ended(outcome, problem));
        self.acting.set(name, Activity::Looking);
        let diagnosis = match diagnose_again(self.cluster, name, uid, self.depth()).await {
            Ok(diagnosis) => diagnosis,
            Err(Gone::Missing | Gone::Replaced) => return Prepared::ended(Report::new(name, uid)),
            Err(Gone::Unknown(error)) => return ended(Outcome::Failed, Problem::from(&error)),
        };
        match plan(&diagnosis, &settings.policy) {
            Ok(plan) => Prepared::Planned(Box::new(plan), diagnosis.inventory),
            Err(refusal) => ended(Outcome::Refused, Problem::refused(&refusal, &settings.policy)),
        }
    }

    /// Carries the plan out, and goes round while something was released and the namespace is still there.
    pub(super) async fn execute_in_rounds(
        &self,
        executor: &Executor<'_>,
        plan: &Plan,
        inventory: &Inventory,
    ) -> Report {
        let consent = Consent::of(plan, inventory);
        let mut report = executor.run(plan, inventory).await;
        // What any round touches was saved before the first one.
        let settings = Settings { backups: None, ..executor.settings.clone() };
        let later = Executor { settings: &settings, ..*executor };
        while report.outcome == Outcome::Released
            && settings.wait.is_some()
            && report.problem.is_some()
            && later.halted().is_none()
        {
            match self.look_again(&report.namespace, &report.uid, &settings).await {
                Prepared::Ended(ended) => {
                    merge(&mut report, *ended);
                    // Rule 8: it went between two rounds, and what was inside may not have.
                    if report.outcome.is_gone() {
                        report = later.look_for_orphans(inventory, report).await;
                    }
                    break;
                }
                Prepared::Planned(next, inventory) => {
                    if let Some(message) = consent.exceeded_by(&next, &inventory) {
                        let explain = ShellCommand::nsfix(["explain", &report.namespace]);
                        let hint = Hint::from(explain).text(" shows what is there now");
                        report.problem = Some(Problem { message, hint: Some(hint) });
                        break;
                    }
                    let next = later.run(&next, &inventory).await;
                    merge(&mut report, next);
                }
            }
        }
        report
    }
}

/// For how long a namespace has been terminating, and how much of the patience is left.
fn patience_left(namespace: &Namespace, patience: Duration) -> (Duration, Duration) {
    let so_far = age(namespace, jiff::Timestamp::now()).unwrap_or_default();
    (so_far, patience.saturating_sub(so_far))
}

/// Its controller has not had its time, and will not have it in this run.
fn too_young(name: &str, patience: Duration) -> Problem {
    Problem {
        message: format!(
            "namespace {name:?} has been terminating for less than {}: the controller may still be at work, and it was not \
             forced",
            human_duration(patience)
        ),
        hint: Some("run the command again later, or wait longer with --timeout".into()),
    }
}

/// Adds what a later round did to the report.
fn merge(report: &mut Report, next: Report) {
    // A wait that was over in an earlier round is no news.
    report.steps.retain(|step| step.step != StepKind::Wait || step.result != StepResult::Skipped);
    report.add_round(next);
}
