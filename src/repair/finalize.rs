//! The PUT to /finalize, and finding out what it did.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Outcome, Problem, Repair, Report, StepReport, StepResult};
use crate::cluster::DryRun;
use crate::model::Namespace;
use crate::plan::{Plan, Refusal, check};

/// The namespace controller writes conditions concurrently, so a few conflicts are normal.
const MAX_ATTEMPTS: usize = 6;
/// Between two looks at whether the namespace is gone; doubled each time up to the second.
const FIRST_LOOK_AFTER: Duration = Duration::from_millis(50);
const LOOK_AT_LEAST_EVERY: Duration = Duration::from_secs(1);

/// What the attempts to send the PUT came to.
enum Sent {
    /// The server took it. Its answer looks the same whether or not the namespace is gone.
    Accepted,
    /// The namespace is gone, and `by_us` says whether one of our requests may have done it.
    Gone { by_us: bool },
    /// A rule, or a problem, ended it.
    Ended(Outcome, Problem),
}

impl Repair<'_> {
    pub(super) async fn finalize(&self, plan: &Plan, report: &mut Report) {
        let sent = self.send_finalize(plan, report).await;
        let (result, message) = match &sent {
            Sent::Accepted if self.settings.dry_run == DryRun::Server => {
                (StepResult::DryRun, "the server accepted it and stored nothing".to_owned())
            }
            Sent::Accepted | Sent::Gone { by_us: true } => (StepResult::Done, "finalized".to_owned()),
            Sent::Gone { by_us: false } => {
                (StepResult::Skipped, "the namespace was gone already; nothing was forced".to_owned())
            }
            Sent::Ended(_, problem) => (StepResult::Failed, problem.message.clone()),
        };
        let target = format!("namespace/{}", report.namespace);
        report.steps.push(StepReport { step: "Finalize", target, result, message });
        match sent {
            Sent::Accepted if self.settings.dry_run == DryRun::Server => report.outcome = Outcome::DryRun,
            Sent::Accepted => self.verify(report).await,
            Sent::Gone { by_us: true } => report.outcome = Outcome::Cleared,
            Sent::Gone { by_us: false } => report.outcome = Outcome::Unchanged,
            Sent::Ended(outcome, problem) => {
                report.outcome = outcome;
                report.problem = Some(problem);
            }
        }
    }

    /// Reads, checks, backs up once, writes; and after a conflict or a lost answer all over again.
    async fn send_finalize(&self, plan: &Plan, report: &mut Report) -> Sent {
        let name = &plan.namespace.name;
        let mut answer_lost = false;
        let mut last = None;
        for _ in 0..MAX_ATTEMPTS {
            if self.stop.requested().is_some() {
                return Sent::Ended(
                    Outcome::Failed,
                    Problem::new("interrupted before the namespace was finalized"),
                );
            }
            let fresh = match self.cluster.namespace(name).await {
                Ok(fresh) => fresh,
                Err(error) if error.is_not_found() => return Sent::Gone { by_us: answer_lost },
                Err(error) => return Sent::Ended(Outcome::Failed, Problem::from(&error)),
            };
            if fresh.uid != plan.namespace.uid {
                if answer_lost {
                    return Sent::Gone { by_us: true };
                }
                return Sent::Ended(Outcome::Refused, replaced(name));
            }
            match check(&fresh, &self.settings.policy) {
                Ok(()) => {}
                // Our own PUT, whose answer was lost, has done its part.
                Err(Refusal::NothingToFinalize { .. }) if answer_lost => {
                    return Sent::Accepted;
                }
                Err(refusal) => return Sent::Ended(Outcome::Refused, Problem::from(&refusal)),
            }
            if let Err(problem) = self.back_up(&fresh, report) {
                return Sent::Ended(Outcome::Failed, problem);
            }
            let body = fresh.without_spec_finalizers(&plan.removes());
            match self.cluster.finalize(name, &body, self.settings.dry_run).await {
                Ok(_) => return Sent::Accepted,
                Err(error) if error.is_not_found() => return Sent::Gone { by_us: answer_lost },
                Err(error) if error.is_conflict() => last = Some(error),
                Err(error) if error.leaves_write_unknown() => {
                    answer_lost = true;
                    last = Some(error);
                }
                Err(error) => return Sent::Ended(Outcome::Failed, Problem::from(&error)),
            }
        }
        let last = last.map(|error| error.to_string()).unwrap_or_default();
        let message =
            format!("gave up finalizing namespace {name:?} after {MAX_ATTEMPTS} attempts; the last: {last}");
        Sent::Ended(Outcome::Failed, Problem::new(message))
    }

    /// Rule 6: no backup, no write. The first look is the one that is kept.
    fn back_up(&self, namespace: &Namespace, report: &mut Report) -> Result<(), Problem> {
        let Some(backups) = &self.settings.backups else { return Ok(()) };
        if self.settings.dry_run == DryRun::Server || report.backup.is_some() {
            return Ok(());
        }
        let file = backups.save(namespace).map_err(|error| Problem {
            message: format!(
                "unable to save a backup in {}: {error}; nothing was written",
                backups.dir().display()
            ),
            hint: Some("name another place with --backup-dir, or do without one with --no-backup".to_owned()),
        })?;
        report.backup = Some(file);
        Ok(())
    }

    /// Rule 8: the answer to the PUT proves nothing; only a 404 or another uid does.
    async fn verify(&self, report: &mut Report) {
        let deadline = Instant::now() + self.settings.wait.unwrap_or_default();
        let mut pause = FIRST_LOOK_AFTER;
        loop {
            let held_by = match self.cluster.namespace(&report.namespace).await {
                Err(error) if error.is_not_found() => break,
                Ok(fresh) if fresh.uid != report.uid => {
                    report.warnings.push(format!(
                        "namespace {:?} is gone; another one of the same name exists by now",
                        report.namespace
                    ));
                    break;
                }
                Ok(fresh) => held(&fresh),
                Err(error) => {
                    let message = format!("finalized, but unable to see whether it is gone: {error}");
                    report.outcome = Outcome::Failed;
                    report.problem = Some(Problem { message, hint: error.hint().map(str::to_owned) });
                    return;
                }
            };
            let waited_out = Instant::now() + pause > deadline;
            if held_by.is_some() || waited_out || self.stop.requested().is_some() {
                report.outcome = Outcome::Failed;
                report.problem = Some(still_there(&report.namespace, held_by));
                return;
            }
            tokio::select! {
                () = sleep(pause) => {}
                _ = self.stop.wait() => {}
            }
            pause = (pause * 2).min(LOOK_AT_LEAST_EVERY);
        }
        report.outcome = Outcome::Cleared;
    }
}

fn replaced(name: &str) -> Problem {
    Problem {
        message: format!("namespace {name:?} is another one of the same name by now (its uid differs)"),
        hint: Some("run the command again if the new one is meant".to_owned()),
    }
}

/// What keeps the namespace after its `kubernetes` finalizer has gone.
fn held(namespace: &Namespace) -> Option<String> {
    let spec = namespace.spec_finalizers.iter().map(|name| format!("spec finalizer {name}"));
    let metadata = namespace.metadata_finalizers.iter().map(|name| format!("metadata finalizer {name}"));
    let held: Vec<String> = spec.chain(metadata).collect();
    (!held.is_empty()).then(|| held.join(", "))
}

fn still_there(name: &str, held: Option<String>) -> Problem {
    match held {
        Some(held) => Problem {
            message: format!("namespace {name:?} was finalized but is still there: held by {held}"),
            hint: Some("the controller that put the finalizer there has to remove it".to_owned()),
        },
        None => Problem {
            message: format!("namespace {name:?} was finalized but is still there"),
            hint: Some(format!("look again with: nsfix list-stuck; or wait longer with --timeout ({name})")),
        },
    }
}
