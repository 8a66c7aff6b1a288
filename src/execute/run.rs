//! Step by step through a plan.

use std::time::Duration;

use super::namespace::{NamespaceWrite, NamespaceWriteOutcome, replaced};
use super::objects::{ObjectWrite, ObjectsError, WriteCounts};
use super::verify::{WaitOutcome, held_by, still_there};
use super::{Executor, Outcome, Problem, Report, StepReport, StepResult};
use crate::cluster::{ApiError, DryRun};
use crate::model::{Hint, Inventory, Namespace, ResourceType, ShellCommand};
use crate::plan::{Action, Leftovers, Plan, Policy, Step, is_empty_for, unlisted};

/// The controller looks again 8 s after a pass that found finalizers (half of its estimate of 15 s, and one;
/// kubernetes' pkg/controller/namespace/namespace_controller.go).
const CONTROLLER_PATIENCE: Duration = Duration::from_secs(12);
/// Time to see what a release has come to, also where no patience is wanted.
const LEAST_PATIENCE: Duration = Duration::from_millis(300);
/// An owner that is alive puts its finalizer back; that is not a fight to win.
const MAX_ROUNDS: u32 = 3;

/// Whether to go on.
enum Next {
    GoOn,
    /// The namespace is gone, or the report says why this is the end.
    End,
}

impl Executor<'_> {
    /// Carries the plan out. Never fails as a call: whatever happens is in the report.
    pub async fn run(&self, plan: &Plan, before: &Inventory) -> Report {
        let mut report = Report::new(&plan.namespace.name, &plan.namespace.uid);
        report.warnings.clone_from(&plan.warnings);
        if let Some(backups) =
            self.settings.backups.as_ref().filter(|_| self.settings.dry_run == DryRun::None)
        {
            match self.save(backups, &plan.namespace.json, &report.namespace, before).await {
                Ok(path) => report.backup = Some(path),
                Err(problem) => return report.ended(Outcome::Failed, problem),
            }
        }
        for (index, step) in plan.steps.iter().enumerate() {
            let last = index + 1 == plan.steps.len();
            if let Some(why) = self.halted() {
                self.interrupt(&plan.steps[index..], &why, &mut report);
                break;
            }
            if matches!(self.take(step, plan, before, last, &mut report).await, Next::End) {
                break;
            }
        }
        self.settle(&mut report).await;
        if self.settings.dry_run == DryRun::Server && report.problem.is_none() {
            report.outcome = Outcome::DryRun;
        }
        if matches!(report.outcome, Outcome::Cleared) {
            self.look_for_orphans(before, &mut report).await;
        }
        report
    }

    async fn take(
        &self,
        step: &Step,
        plan: &Plan,
        before: &Inventory,
        last: bool,
        report: &mut Report,
    ) -> Next {
        match &step.action {
            Action::Wait => self.wait_for_controller(step, plan, before, last, report).await,
            Action::DeleteObjects { resource } => {
                self.write_to(step, resource, None, ObjectWrite::Delete, report).await
            }
            Action::DeletePodsOnLostNode { names } => {
                let pods = before.types.iter().map(|of_type| &of_type.resource);
                let pods = pods.into_iter().find(|ty| ty.group.is_empty() && ty.resource == "pods");
                match pods {
                    Some(pods) => {
                        self.write_to(step, pods, Some(names), ObjectWrite::DeleteNow, report).await
                    }
                    None => Next::GoOn,
                }
            }
            Action::ReleaseObjects { resource, finalizers } => {
                self.write_to(step, resource, None, ObjectWrite::Release(finalizers), report).await
            }
            // Either may be the write that ends it.
            Action::Finalize { .. } | Action::RemoveMetadataFinalizer { .. }
                if self.must_not_abandon(plan, report).await =>
            {
                Next::End
            }
            Action::Finalize { removes } => {
                self.write_to_namespace(step, plan, NamespaceWrite::Finalize(removes), last, report).await
            }
            Action::Rearm => self.write_to_namespace(step, plan, NamespaceWrite::Rearm, false, report).await,
            Action::RemoveMetadataFinalizer { finalizer } => {
                let write = NamespaceWrite::RemoveMetadataFinalizer(finalizer);
                self.write_to_namespace(step, plan, write, last, report).await
            }
            Action::DeleteAgain => {
                self.write_to_namespace(step, plan, NamespaceWrite::DeleteAgain, last, report).await
            }
        }
    }

    async fn write_to(
        &self,
        step: &Step,
        resource: &ResourceType,
        only: Option<&[String]>,
        write: ObjectWrite<'_>,
        report: &mut Report,
    ) -> Next {
        let written = self.write_objects(resource, report, only, write).await;
        report.wrote |= written.as_ref().is_ok_and(|counts| self.has_written(counts));
        let (result, message) = match written {
            Ok(counts) => counts.result(self.settings.dry_run),
            Err(ObjectsError::Failed(error)) => (StepResult::Failed, error.detail()),
            Err(ObjectsError::Gone) => (StepResult::Skipped, "the namespace was gone already".to_owned()),
            Err(error @ (ObjectsError::Replaced | ObjectsError::LeftAlone(_))) => {
                let problem = match error {
                    ObjectsError::LeftAlone(problem) => problem,
                    _ => replaced(&report.namespace),
                };
                self.record(report, report_of(step, StepResult::Failed, problem.message.clone()));
                (report.outcome, report.problem) = (Outcome::Refused, Some(problem));
                return Next::End;
            }
        };
        self.record(report, report_of(step, result, message.clone()));
        if result == StepResult::Failed {
            // Going on to the PUT would abandon just what could not be released.
            report.outcome = Outcome::Failed;
            report.problem = Some(Problem::new(format!("{} {}: {message}", step.action, step.target)));
            return Next::End;
        }
        Next::GoOn
    }

    async fn write_to_namespace(
        &self,
        step: &Step,
        plan: &Plan,
        write: NamespaceWrite<'_>,
        last: bool,
        report: &mut Report,
    ) -> Next {
        let sent = self.write_namespace(plan, write).await;
        report.wrote |= self.settings.dry_run == DryRun::None
            && matches!(sent, NamespaceWriteOutcome::Accepted | NamespaceWriteOutcome::Gone { by_us: true });
        let (result, message) = match &sent {
            NamespaceWriteOutcome::Accepted if self.settings.dry_run == DryRun::Server => {
                (StepResult::DryRun, "the server accepted it and stored nothing".to_owned())
            }
            NamespaceWriteOutcome::Accepted | NamespaceWriteOutcome::Gone { by_us: true } => {
                (StepResult::Done, "done".to_owned())
            }
            NamespaceWriteOutcome::NotNeeded => (StepResult::Skipped, "not needed any more".to_owned()),
            NamespaceWriteOutcome::Gone { by_us: false } => {
                (StepResult::Skipped, "the namespace was gone already; nothing was forced".to_owned())
            }
            NamespaceWriteOutcome::Ended(_, problem) => (StepResult::Failed, problem.message.clone()),
        };
        self.record(report, report_of(step, result, message));
        match sent {
            NamespaceWriteOutcome::Ended(outcome, problem) => {
                (report.outcome, report.problem) = (outcome, Some(problem));
                Next::End
            }
            NamespaceWriteOutcome::Gone { by_us } => {
                report.outcome = if by_us || report.wrote { Outcome::Cleared } else { Outcome::Unchanged };
                Next::End
            }
            NamespaceWriteOutcome::Accepted | NamespaceWriteOutcome::NotNeeded
                if last && self.settings.dry_run == DryRun::None =>
            {
                self.verify(report).await;
                Next::End
            }
            NamespaceWriteOutcome::Accepted | NamespaceWriteOutcome::NotNeeded => Next::GoOn,
        }
    }

    /// Rule 8: GET until 404.
    async fn verify(&self, report: &mut Report) {
        let limit = self.settings.wait.unwrap_or_default();
        match self.wait_until_gone(report, limit, |fresh| held_by(fresh).is_some()).await {
            WaitOutcome::Gone => report.outcome = Outcome::Cleared,
            WaitOutcome::StillThere(fresh) => {
                (report.outcome, report.problem) = (Outcome::Failed, Some(still_there(&fresh)));
            }
            WaitOutcome::Unknown(problem) => {
                (report.outcome, report.problem) = (Outcome::Failed, Some(problem));
            }
        }
    }

    /// Lets the controller finish, and releases again what was not being deleted in the first round.
    async fn wait_for_controller(
        &self,
        step: &Step,
        plan: &Plan,
        before: &Inventory,
        last: bool,
        report: &mut Report,
    ) -> Next {
        if self.settings.dry_run == DryRun::Server {
            return Next::GoOn;
        }
        let Some(limit) = self.settings.wait else {
            let message = "not waited for (--wait=false)".to_owned();
            self.record(report, report_of(step, StepResult::Skipped, message));
            let outcome = if report.wrote { Outcome::Released } else { Outcome::Refused };
            let problem = Problem {
                message: format!("namespace {:?} was not waited for, and not forced", report.namespace),
                hint: Some("the same command without --wait=false goes on from here".into()),
            };
            (report.outcome, report.problem) = (outcome, Some(problem));
            return Next::End;
        };
        // A shorter --timeout does not shorten the patience before a write: then nothing is written.
        let releases =
            plan.has(|action| !matches!(action, Action::Rearm | Action::Wait | Action::Finalize { .. }));
        // A further round can do more than waiting where something is released.
        let whole = last && plan.remains.is_empty() && (before.is_empty() || !releases);
        let patience = self.settings.policy.patience.clamp(LEAST_PATIENCE, CONTROLLER_PATIENCE);
        let limit = if whole { limit } else { patience };
        for round in 1..=MAX_ROUNDS {
            match self.wait_until_gone(report, limit / MAX_ROUNDS, |_| false).await {
                WaitOutcome::Gone => {
                    let message = "the controller finished it".to_owned();
                    self.record(report, report_of(step, StepResult::Done, message));
                    report.outcome = Outcome::Cleared;
                    return Next::End;
                }
                WaitOutcome::Unknown(problem) => {
                    (report.outcome, report.problem) = (Outcome::Failed, Some(problem));
                    return Next::End;
                }
                WaitOutcome::StillThere(_) if self.halted().is_some() => {
                    let why = self.halted().unwrap_or_default();
                    self.interrupt(std::slice::from_ref(step), &why, report);
                    return Next::GoOn;
                }
                WaitOutcome::StillThere(fresh) if last && round == MAX_ROUNDS => {
                    let outcome = if report.wrote { Outcome::Released } else { Outcome::Failed };
                    (report.outcome, report.problem) = (outcome, Some(still_there(&fresh)));
                }
                WaitOutcome::StillThere(_) if report.wrote => self.release_again(plan, report).await,
                WaitOutcome::StillThere(_) => {}
            }
        }
        let message = "the controller did not finish it".to_owned();
        self.record(report, report_of(step, StepResult::Skipped, message));
        if last { Next::End } else { Next::GoOn }
    }

    /// What was live in the first round may be held now, and an owner may have put its finalizer back.
    async fn release_again(&self, plan: &Plan, report: &mut Report) {
        for step in &plan.steps {
            if let Action::ReleaseObjects { resource, finalizers } = &step.action {
                let write = ObjectWrite::Release(finalizers);
                // What fails here is found by the look before the PUT.
                if let Ok(counts) = self.write_objects(resource, report, None, write).await {
                    report.wrote |= self.has_written(&counts);
                    let (result, message) = counts.result(self.settings.dry_run);
                    if result == StepResult::Done {
                        let message = format!("{message} in a further round");
                        self.record(report, report_of(step, result, message));
                    }
                }
            }
        }
    }

    fn has_written(&self, counts: &WriteCounts) -> bool {
        counts.wrote && self.settings.dry_run == DryRun::None
    }

    /// `release` and `refuse` abandon nothing: whatever is left or unknown right before the write ends it.
    async fn must_not_abandon(&self, plan: &Plan, report: &mut Report) -> bool {
        let abandons_nothing =
            matches!(self.settings.policy.leftovers, Leftovers::Release | Leftovers::Refuse);
        // In a rehearsal nothing was released, so that everything is still there.
        if !abandons_nothing || self.settings.dry_run == DryRun::Server {
            return false;
        }
        let Some(problem) = self.leftovers_remain(plan).await else { return false };
        let outcome = if report.wrote { Outcome::Released } else { Outcome::Refused };
        (report.outcome, report.problem) = (outcome, Some(problem));
        true
    }

    /// Asks about everything again: types that were empty, gaps, and what the controller itself counts.
    async fn leftovers_remain(&self, plan: &Plan) -> Option<Problem> {
        let name = &plan.namespace.name;
        let look = async {
            let discovered = self.cluster.discover().await?;
            let found = self.cluster.list_leftovers(&discovered, &[name.as_str()], 1).await?;
            let namespace = self.cluster.namespace(name).await;
            Ok::<_, ApiError>((found.into_values().next().unwrap_or_default(), namespace))
        };
        let (left, namespace) = match look.await {
            Ok(look) => look,
            Err(error) => return Some(Problem::from(&error)),
        };
        let namespace = match namespace {
            Ok(namespace) => namespace,
            // Gone by now, or another one: the write itself finds that out.
            Err(error) if error.is_not_found() => return None,
            Err(error) => return Some(Problem::from(&error)),
        };
        let policy = &self.settings.policy;
        (!is_empty_for(&namespace, &left, policy)).then(|| not_finalized(&namespace, &left, policy))
    }

    /// These steps are not begun any more.
    fn interrupt(&self, steps: &[Step], why: &str, report: &mut Report) {
        for step in steps {
            self.record(report, report_of(step, StepResult::Skipped, why.to_owned()));
        }
        report.outcome = Outcome::Failed;
        report.problem = Some(Problem {
            message: format!("{why}; namespace {:?} is not done yet", report.namespace),
            hint: Some("the same command, run again, goes on from here".into()),
        });
    }
}

/// What is left, by type and finalizer, and where something may be that was not seen.
fn not_finalized(namespace: &Namespace, left: &Inventory, policy: &Policy) -> Problem {
    let name = &namespace.name;
    let seen = left.types.iter().filter(|of_type| of_type.besides_defaults() > 0).map(|of_type| {
        let finalizers: Vec<&str> = of_type.finalizers.keys().map(String::as_str).collect();
        if finalizers.is_empty() {
            of_type.to_string()
        } else {
            format!("{of_type} held by {}", finalizers.join(", "))
        }
    });
    let gaps = left.coverage.unknown().filter(|gap| !policy.accepts(gap));
    let gaps = gaps.map(|gap| format!("whatever is in {gap} ({})", gap.detail));
    let counted = unlisted(namespace, left, policy);
    let counted = counted.iter().map(|ty| format!("{ty}, which the controller counts and nsfix cannot list"));
    let all: Vec<String> = seen.chain(gaps).chain(counted).collect();
    Problem {
        message: format!("namespace {name:?} was not finalized: still inside: {}", all.join("; ")),
        hint: Some(
            Hint::from(ShellCommand::nsfix(["explain", name]))
                .text(" says what holds it; --leftovers=orphan would abandon it in etcd"),
        ),
    }
}

fn report_of(step: &Step, result: StepResult, message: String) -> StepReport {
    StepReport { step: step.action.to_string(), target: step.target.clone(), result, message }
}
