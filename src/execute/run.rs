//! The loop over the steps of a plan: the only place that fills the report in.

use std::ops::ControlFlow::{self, Break, Continue};

use super::save::Saved;
use super::{Executor, Outcome, Problem, Report, StepReport, StepResult};
use crate::cluster::DryRun;
use crate::model::{Hint, Inventory, ShellCommand};
use crate::plan::{Plan, Step};

/// What a step did, as far as it belongs into the report.
#[derive(Default)]
pub(super) struct StepOutcome {
    pub(super) steps: Vec<StepReport>,
    pub(super) warnings: Vec<String>,
    /// Whether a write was carried out, or may have been.
    pub(super) wrote: bool,
    /// Whether the namespace was gone before it could be written to what is inside.
    pub(super) ended_by_others: bool,
}

/// How a plan ends, before its last step or with it.
pub(super) enum End {
    /// With this outcome.
    With(Outcome, Option<Problem>),
    /// Another namespace has the name by now.
    Replaced,
    /// Nothing more may be begun. The step that says so was not begun.
    Halted(String),
    /// The same in the middle of a step, which has said how far it is.
    HaltedHalfWay(String),
}

/// Whether to go on; either way with what the step did.
pub(super) type StepFlow = ControlFlow<(StepOutcome, End), StepOutcome>;

/// A plan on its way, as one of its steps sees it.
pub(super) struct Run<'a> {
    pub(super) executor: &'a Executor<'a>,
    pub(super) plan: &'a Plan,
    /// What was inside when the plan was made.
    pub(super) before: &'a Inventory,
    /// Whether this is the last step.
    pub(super) last: bool,
    /// Whether a step before this one has written.
    pub(super) wrote: bool,
}

impl StepOutcome {
    /// Goes on.
    pub(super) fn go_on(self) -> StepFlow {
        Continue(self)
    }

    /// Ends with this outcome.
    pub(super) fn end(self, outcome: Outcome, problem: Option<Problem>) -> StepFlow {
        Break((self, End::With(outcome, problem)))
    }

    /// Ends because another namespace has the name by now.
    pub(super) fn replaced(self) -> StepFlow {
        Break((self, End::Replaced))
    }

    /// Ends because nothing more may be begun.
    pub(super) fn halted(self, why: String) -> StepFlow {
        Break((self, End::Halted(why)))
    }

    /// Ends because nothing more may be begun, in the middle of the step.
    pub(super) fn halted_half_way(self, why: String) -> StepFlow {
        Break((self, End::HaltedHalfWay(why)))
    }
}

impl Executor<'_> {
    /// Carries the plan out. Never fails as a call: whatever happens is in the report.
    pub async fn run(&self, plan: &Plan, before: &Inventory) -> Report {
        let mut report = Report::new(&plan.namespace.name, &plan.namespace.uid);
        report.warnings.clone_from(&plan.warnings);
        let backups = self.settings.backups.as_ref().filter(|_| self.settings.dry_run == DryRun::None);
        if let Some(backups) = backups {
            match self.save(backups, &plan.namespace.json, &report.namespace, before).await {
                Ok(Saved { path, warnings }) => {
                    report.backup = Some(path);
                    report.warnings.extend(warnings);
                }
                // The namespace may have gone in the middle of it.
                Err(problem) => return self.settle(report.ended(self.nothing_written(), problem)).await,
            }
        }
        let report = self.take_steps(plan, before, report).await;
        let mut report = self.settle(report).await;
        if self.settings.dry_run == DryRun::Server && report.problem.is_none() {
            report.outcome = Outcome::DryRun;
        }
        // Whoever has ended it: nobody but the controller has looked whether it was empty.
        if report.outcome.is_gone() || report.replaced {
            report = self.look_for_orphans(before, report).await;
        }
        report
    }

    async fn take_steps(&self, plan: &Plan, before: &Inventory, mut report: Report) -> Report {
        for (index, step) in plan.steps.iter().enumerate() {
            let last = index + 1 == plan.steps.len();
            let run = Run { executor: self, plan, before, last, wrote: report.wrote };
            let (done, end) = match run.take(step).await {
                Continue(done) => (done, None),
                Break((done, end)) => (done, Some(end)),
            };
            report.steps.extend(done.steps);
            report.warnings.extend(done.warnings);
            report.wrote |= done.wrote;
            report.ended_by_others |= done.ended_by_others;
            match end {
                None => {}
                Some(End::With(outcome, problem)) => {
                    (report.outcome, report.problem) = (outcome, problem);
                    return report;
                }
                Some(End::Replaced) => return report.another(),
                Some(End::Halted(why)) => return self.interrupted(&plan.steps[index..], &why, report),
                Some(End::HaltedHalfWay(why)) => {
                    return self.interrupted(&plan.steps[index + 1..], &why, report);
                }
            }
        }
        if self.settings.dry_run == DryRun::Server {
            return report;
        }
        // It was not seen gone: the caller looks.
        let outcome = if report.wrote { Outcome::Released } else { Outcome::Failed };
        report.ended(outcome, not_done(plan))
    }

    /// How it ended where nothing was written.
    fn nothing_written(&self) -> Outcome {
        if self.shutdown.requested().is_some() { Outcome::NotBegun } else { Outcome::Failed }
    }

    /// These steps are not begun any more.
    fn interrupted(&self, steps: &[Step], why: &str, mut report: Report) -> Report {
        for step in steps {
            let step = self.step_report(&report.namespace, step, StepResult::Skipped, why.to_owned());
            report.steps.push(step);
        }
        let outcome = if report.wrote { Outcome::Failed } else { self.nothing_written() };
        let problem = Problem {
            message: format!("{why}; namespace {:?} is not done yet", report.namespace),
            hint: Some("the same command, run again, goes on from here".into()),
        };
        report.ended(outcome, problem)
    }

    /// What became of a step, for the report, and shown at once.
    pub(super) fn step_report(
        &self,
        namespace: &str,
        step: &Step,
        result: StepResult,
        message: String,
    ) -> StepReport {
        let report = StepReport { step: step.action.kind(), target: step.target.clone(), result, message };
        (self.on_step)(namespace, &report);
        report
    }
}

/// All that may be done was done.
pub(super) fn not_done(plan: &Plan) -> Problem {
    let name = &plan.namespace.name;
    let left = match plan.remains.as_slice() {
        [] => "nothing more can be done about it now".to_owned(),
        remains => format!("it still holds {}", remains.join(", ")),
    };
    Problem {
        message: format!("namespace {name:?} is still there: {left}"),
        hint: Some(Hint::from(ShellCommand::nsfix(["explain", name])).text(" shows what is there now")),
    }
}
