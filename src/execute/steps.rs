//! What each kind of step does.

use std::time::Duration;

use super::namespace::{NamespaceWrite, NamespaceWriteOutcome, replaced};
use super::objects::{ObjectWrite, ObjectsError, WriteCounts};
use super::orphan_check::another_exists;
use super::run::{Run, StepFlow, StepOutcome, not_done};
use super::verify::{WaitOutcome, Waiting, held_by, still_there};
use super::{Outcome, Problem, StepReport, StepResult, WaitFor};
use crate::cluster::DryRun;
use crate::model::{Hint, ResourceType, ShellCommand};
use crate::plan::{Action, Advice, Step};

/// The controller looks again 8 s after a pass that found finalizers (half of its estimate of 15 s, and one;
/// kubernetes' pkg/controller/namespace/namespace_controller.go).
const CONTROLLER_PATIENCE: Duration = Duration::from_secs(12);
/// Time to see what a release has come to, also where no patience is wanted.
const LEAST_PATIENCE: Duration = Duration::from_millis(300);
/// An owner that is alive puts its finalizer back; that is not a fight to win.
const MAX_ROUNDS: u32 = 3;

impl Run<'_> {
    /// Takes one step.
    pub(super) async fn take(&self, step: &Step) -> StepFlow {
        if let Some(why) = self.executor.halted() {
            return StepOutcome::default().halted(why);
        }
        match &step.action {
            Action::Wait => self.wait_for_controller(step).await,
            Action::DeleteObjects { resource } => {
                self.write_to(step, resource, None, ObjectWrite::Delete).await
            }
            Action::DeletePodsOnLostNode { names } | Action::ShortenGracePeriod { names } => {
                let pods = self.before.types.iter().map(|of_type| &of_type.resource);
                let pods = pods.into_iter().find(|ty| ty.group.is_empty() && ty.resource == "pods");
                match pods {
                    Some(pods) => {
                        let write = match &step.action {
                            Action::ShortenGracePeriod { .. } => ObjectWrite::DeleteSoon,
                            _ => ObjectWrite::DeleteNow,
                        };
                        self.write_to(step, pods, Some(names), write).await
                    }
                    None => StepOutcome::default().go_on(),
                }
            }
            Action::ReleaseObjects { resource, finalizers } => {
                self.write_to(step, resource, None, ObjectWrite::Release(finalizers)).await
            }
            Action::Finalize { removes } => {
                self.write_to_namespace(step, NamespaceWrite::Finalize(removes)).await
            }
            Action::Rearm => self.write_to_namespace(step, NamespaceWrite::Rearm).await,
            Action::RemoveMetadataFinalizer { finalizer } => {
                self.write_to_namespace(step, NamespaceWrite::RemoveMetadataFinalizer(finalizer)).await
            }
            Action::DeleteAgain => self.write_to_namespace(step, NamespaceWrite::DeleteAgain).await,
        }
    }

    async fn write_to(
        &self,
        step: &Step,
        resource: &ResourceType,
        only: Option<&[String]>,
        write: ObjectWrite<'_>,
    ) -> StepFlow {
        let namespace = &self.plan.namespace;
        let written = self.executor.write_objects(resource, namespace, only, write).await;
        let mut done = StepOutcome::default();
        let (result, message) = match written {
            Ok(counts) => {
                done.wrote = self.has_written(&counts);
                done.warnings.extend(counts.not_rehearsed(&step.target));
                let (result, message) = counts.result(self.dry_run());
                if let Some(why) = counts.halted() {
                    done.steps.push(self.report(step, result, message));
                    return done.halted_half_way(why.to_owned());
                }
                (result, message)
            }
            Err(ObjectsError::Failed(error)) => (StepResult::Failed, error.detail()),
            Err(ObjectsError::Gone) => {
                done.ended_by_others = true;
                (StepResult::Skipped, "the namespace was gone already".to_owned())
            }
            Err(ObjectsError::LeftAlone(problem)) => return self.refused(done, step, problem),
            Err(ObjectsError::Replaced) => {
                let message = replaced(&namespace.name).message;
                done.steps.push(self.report(step, StepResult::Failed, message));
                return done.replaced();
            }
        };
        done.steps.push(self.report(step, result, message.clone()));
        if result == StepResult::Failed {
            // Going on to the PUT would abandon just what could not be released.
            return done.end(Outcome::Failed, Some(self.not_written(step, &message)));
        }
        done.go_on()
    }

    /// What helps is what the server has refused in the dry run already, if it did.
    fn not_written(&self, step: &Step, message: &str) -> Problem {
        let verb = if matches!(step.action, Action::ReleaseObjects { .. }) { "release" } else { "delete" };
        let name = &self.plan.namespace.name;
        let hint = match self.plan.advice.first().filter(|_| self.plan.is_refused) {
            Some(Advice { text, command: Some(command) }) => {
                Hint::from(format!("{text}: ")).command(command.clone())
            }
            Some(Advice { text, command: None }) => Hint::from(text.clone()),
            None => Hint::from(ShellCommand::nsfix(["explain", name])).text(" says what holds it"),
        };
        Problem {
            message: format!("namespace {name:?}: unable to {verb} {}: {message}", step.target),
            hint: Some(hint),
        }
    }

    fn refused(&self, mut done: StepOutcome, step: &Step, problem: Problem) -> StepFlow {
        done.steps.push(self.report(step, StepResult::Failed, problem.message.clone()));
        done.end(Outcome::Refused, Some(problem))
    }

    async fn write_to_namespace(&self, step: &Step, write: NamespaceWrite<'_>) -> StepFlow {
        let mut done = StepOutcome::default();
        let last_look = async || self.last_look(write).await.into_outcome();
        let sent = match self.executor.write_namespace(self.plan, write, last_look).await {
            NamespaceWriteOutcome::Halted(why) => return done.halted(why),
            NamespaceWriteOutcome::Withheld(outcome, problem) => {
                return done.end(self.released_or(outcome), Some(problem));
            }
            sent => sent,
        };
        done.wrote = self.dry_run() == DryRun::None && sent.may_have_written();
        let (result, message) = self.in_words(&sent);
        done.steps.push(self.report(step, result, message));
        match sent {
            NamespaceWriteOutcome::Ended(outcome, problem)
            | NamespaceWriteOutcome::Withheld(outcome, problem) => done.end(outcome, Some(problem)),
            NamespaceWriteOutcome::Replaced => done.replaced(),
            NamespaceWriteOutcome::Unknown(problem) => done.end(Outcome::Failed, Some(problem)),
            NamespaceWriteOutcome::Gone { by_us: true } => done.end(Outcome::Cleared, None),
            NamespaceWriteOutcome::Gone { by_us: false } => {
                done.end(if self.wrote { Outcome::Cleared } else { Outcome::Unchanged }, None)
            }
            NamespaceWriteOutcome::Accepted | NamespaceWriteOutcome::NotNeeded
                if self.last && write.may_be_the_last() && self.dry_run() == DryRun::None =>
            {
                self.verify(done).await
            }
            NamespaceWriteOutcome::Accepted
            | NamespaceWriteOutcome::NotNeeded
            | NamespaceWriteOutcome::Halted(_) => done.go_on(),
        }
    }

    fn in_words(&self, sent: &NamespaceWriteOutcome) -> (StepResult, String) {
        match sent {
            NamespaceWriteOutcome::Accepted if self.dry_run() == DryRun::Server => {
                (StepResult::DryRun, "the server accepted it and stored nothing".to_owned())
            }
            NamespaceWriteOutcome::Accepted | NamespaceWriteOutcome::Gone { by_us: true } => {
                (StepResult::Done, "done".to_owned())
            }
            NamespaceWriteOutcome::NotNeeded => (StepResult::Skipped, "not needed any more".to_owned()),
            NamespaceWriteOutcome::Gone { by_us: false } => {
                (StepResult::Skipped, "the namespace was gone already; nothing was forced".to_owned())
            }
            NamespaceWriteOutcome::Ended(_, problem)
            | NamespaceWriteOutcome::Withheld(_, problem)
            | NamespaceWriteOutcome::Unknown(problem) => (StepResult::Failed, problem.message.clone()),
            NamespaceWriteOutcome::Replaced => {
                (StepResult::Failed, replaced(&self.plan.namespace.name).message)
            }
            NamespaceWriteOutcome::Halted(why) => (StepResult::Skipped, why.clone()),
        }
    }

    /// Rule 8: GET until 404.
    async fn verify(&self, mut done: StepOutcome) -> StepFlow {
        let waiting = Waiting::new(WaitFor::Gone, self.executor.settings.wait.unwrap_or_default());
        let namespace = &self.plan.namespace;
        match self.executor.wait_until_gone(namespace, &waiting, |fresh| held_by(fresh).is_some()).await {
            WaitOutcome::Gone { replaced } => {
                done.warnings.extend(replaced.then(|| another_exists(&namespace.name)));
                done.end(Outcome::Cleared, None)
            }
            WaitOutcome::StillThere(fresh) => done.end(Outcome::Failed, Some(still_there(&fresh))),
            WaitOutcome::Unknown(problem) => done.end(Outcome::Failed, Some(problem)),
        }
    }

    /// Lets the controller finish, and releases again what was not being deleted in the first round.
    async fn wait_for_controller(&self, step: &Step) -> StepFlow {
        let mut done = StepOutcome::default();
        if self.dry_run() == DryRun::Server {
            return done.go_on();
        }
        let Some(limit) = self.executor.settings.wait else { return self.not_waited(done, step) };
        let limit = if self.waits_to_the_end() { limit } else { self.patience() };
        let whole = Waiting::new(WaitFor::Controller, limit);
        let waiting = Waiting { limit: limit / MAX_ROUNDS, ..whole };
        for round in 1..=MAX_ROUNDS {
            let namespace = &self.plan.namespace;
            let fresh = match self.executor.wait_until_gone(namespace, &waiting, |_| false).await {
                WaitOutcome::Gone { replaced } => {
                    done.warnings.extend(replaced.then(|| another_exists(&namespace.name)));
                    let message = "the namespace is gone".to_owned();
                    done.steps.push(self.report(step, StepResult::Done, message));
                    return done.end(Outcome::Cleared, None);
                }
                WaitOutcome::Unknown(problem) => return done.end(Outcome::Failed, Some(problem)),
                WaitOutcome::StillThere(fresh) => fresh,
            };
            if let Some(why) = self.executor.halted() {
                return done.halted(why);
            }
            if self.last && round == MAX_ROUNDS {
                done.steps.push(self.not_finished(step));
                // What keeps it may be what a rule keeps.
                return if self.plan.remains.is_empty() || self.wrote {
                    done.end(self.released_or(Outcome::Failed), Some(still_there(&fresh)))
                } else {
                    done.end(Outcome::Refused, Some(not_done(self.plan)))
                };
            }
            if self.wrote {
                self.release_again(&mut done).await;
            }
        }
        done.steps.push(self.not_finished(step));
        done.go_on()
    }

    fn not_finished(&self, step: &Step) -> StepReport {
        self.report(step, StepResult::Skipped, "the controller did not finish it".to_owned())
    }

    /// `--wait=false`
    fn not_waited(&self, mut done: StepOutcome, step: &Step) -> StepFlow {
        done.steps.push(self.report(step, StepResult::Skipped, "not waited for (--wait=false)".to_owned()));
        let problem = Problem {
            message: format!("namespace {:?} was not waited for, and not forced", self.plan.namespace.name),
            hint: Some("the same command without --wait=false goes on from here".into()),
        };
        done.end(self.released_or(Outcome::Refused), Some(problem))
    }

    /// Whether all of `--timeout` is for this wait: a further round can do more than waiting where something is
    /// released.
    fn waits_to_the_end(&self) -> bool {
        let releases =
            self.plan.has(|action| !matches!(action, Action::Rearm | Action::Wait | Action::Finalize { .. }));
        // An empty zombie that was rearmed is stuck like any other where the controller cannot do its work.
        let rearmed = self.plan.has(|action| matches!(action, Action::Rearm));
        let ends_next = rearmed && self.before.holds_only_defaults();
        self.last && self.plan.remains.is_empty() && !ends_next && (self.before.is_empty() || !releases)
    }

    /// A shorter --timeout does not shorten the patience before a write: then nothing is written.
    fn patience(&self) -> Duration {
        self.executor.settings.policy.patience.clamp(LEAST_PATIENCE, CONTROLLER_PATIENCE)
    }

    /// What was live in the first round may be held now, and an owner may have put its finalizer back.
    async fn release_again(&self, done: &mut StepOutcome) {
        for step in &self.plan.steps {
            let Action::ReleaseObjects { resource, finalizers } = &step.action else { continue };
            let write = ObjectWrite::Release(finalizers);
            // What fails here is found by the look before the PUT.
            let written = self.executor.write_objects(resource, &self.plan.namespace, None, write).await;
            let Ok(counts) = written else { continue };
            if let (StepResult::Done, message) = counts.result(self.dry_run()) {
                let message = format!("{message} in a further round");
                done.steps.push(self.report(step, StepResult::Done, message));
            }
        }
    }

    fn report(&self, step: &Step, result: StepResult, message: String) -> StepReport {
        self.executor.step_report(&self.plan.namespace.name, step, result, message)
    }

    fn has_written(&self, counts: &WriteCounts) -> bool {
        counts.wrote && self.dry_run() == DryRun::None
    }

    fn dry_run(&self) -> DryRun {
        self.executor.settings.dry_run
    }

    /// How it ends where nothing more is done: `Released` if something was.
    fn released_or(&self, outcome: Outcome) -> Outcome {
        if self.wrote { Outcome::Released } else { outcome }
    }
}
