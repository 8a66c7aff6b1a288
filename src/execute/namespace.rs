//! The writes to the namespace itself, and finding out what they did.

use std::ops::ControlFlow::{self, Break, Continue};

use serde_json::{Value, json};

use super::objects::{Retry, put_back};
use super::{Executor, Outcome, Problem};
use crate::cluster::{ApiError, DryRun, Preconditions};
use crate::model::{ApiPath, KUBERNETES_FINALIZER, Namespace};
use crate::plan::{Plan, check};

/// The namespace controller writes conditions concurrently, so a few conflicts are normal.
const MAX_ATTEMPTS: usize = 6;

#[derive(Clone, Copy, Debug)]
pub(super) enum NamespaceWrite<'a> {
    /// PUT to /finalize without these spec finalizers.
    Finalize(&'a [String]),
    /// PUT to /finalize with `kubernetes` back in it.
    Rearm,
    /// PATCH without this metadata finalizer.
    RemoveMetadataFinalizer(&'a str),
    /// DELETE.
    DeleteAgain,
}

/// What the attempts came to.
pub(super) enum NamespaceWriteOutcome {
    /// The server took it. Its answer looks the same whether or not the namespace is gone.
    Accepted,
    /// What it was for has come to pass already.
    NotNeeded,
    /// The namespace is gone, and `by_us` says whether one of our requests may have done it.
    Gone {
        /// Ours.
        by_us: bool,
    },
    /// A rule, or a problem, ended it.
    Ended(Outcome, Problem),
    /// The look before it ended it.
    Withheld(Outcome, Problem),
    /// Another namespace has the name by now.
    Replaced,
    /// The answer to a write was lost, and nobody could see what it did.
    Unknown(Problem),
    /// Nothing more may be begun, and this was not.
    Halted(String),
}

impl NamespaceWriteOutcome {
    fn failed(answer_lost: bool, problem: Problem) -> Self {
        if !answer_lost {
            return Self::Ended(Outcome::Failed, problem);
        }
        let message = format!("the answer to the write was lost, and then: {}", problem.message);
        Self::Unknown(Problem { message, ..problem })
    }

    /// Whether a write was carried out, or may have been.
    pub(super) fn may_have_written(&self) -> bool {
        matches!(self, Self::Accepted | Self::Gone { by_us: true } | Self::Unknown(_))
    }
}

impl NamespaceWrite<'_> {
    /// Whether it may be the write that ends the namespace, and abandons what is inside.
    pub(super) fn may_end_it(self) -> bool {
        matches!(self, Self::Finalize(_) | Self::RemoveMetadataFinalizer(_))
    }

    /// Whether the namespace goes by it where it is the last step. After a rearm the controller has its turn.
    pub(super) fn may_be_the_last(self) -> bool {
        !matches!(self, Self::Rearm)
    }

    /// Whether the namespace as it is now still wants it.
    fn is_needed(self, fresh: &Namespace) -> bool {
        match self {
            Self::Finalize(removes) => removes.iter().any(|name| fresh.spec_finalizers.contains(name)),
            Self::Rearm | Self::DeleteAgain => fresh.is_zombie(),
            Self::RemoveMetadataFinalizer(name) => fresh.metadata_finalizers.iter().any(|each| each == name),
        }
    }

    async fn send(self, executor: &Executor<'_>, fresh: &Namespace, dry_run: DryRun) -> Result<(), ApiError> {
        let (cluster, name) = (executor.cluster, &fresh.name);
        let path = ApiPath::namespace(name);
        match self {
            Self::Finalize(removes) => {
                let named: Vec<&str> = removes.iter().map(String::as_str).collect();
                let answer = cluster.finalize(name, &fresh.without_spec_finalizers(&named), dry_run).await?;
                let rest: Vec<&str> = fresh.spec_finalizers.iter().map(String::as_str).collect();
                let rest: Vec<&str> = rest.into_iter().filter(|each| !named.contains(each)).collect();
                undone(&answer.spec_finalizers, &rest)
            }
            Self::Rearm => {
                let mut body = Value::clone(&fresh.json);
                body["spec"]["finalizers"] = json!([KUBERNETES_FINALIZER]);
                let answer = cluster.finalize(name, &body, dry_run).await?;
                if answer.has_kubernetes_finalizer() {
                    return Ok(());
                }
                let why = "the server accepted the change and left the \"kubernetes\" finalizer out";
                Err(ApiError::Undone(why.to_owned()))
            }
            Self::RemoveMetadataFinalizer(finalizer) => {
                let rest: Vec<&str> = fresh
                    .metadata_finalizers
                    .iter()
                    .map(String::as_str)
                    .filter(|each| *each != finalizer)
                    .collect();
                let answer =
                    cluster.set_finalizers(&path, &Preconditions::from(fresh), &rest, dry_run).await?;
                undone(&answer, &rest)
            }
            Self::DeleteAgain => cluster.delete(&path, &Preconditions::from(fresh), None, dry_run).await,
        }
    }
}

fn undone(answer: &[String], asked: &[&str]) -> Result<(), ApiError> {
    put_back(answer, asked).map_or(Ok(()), |why| Err(ApiError::Undone(why)))
}

impl Executor<'_> {
    /// Looks, reads, checks, writes; and after a conflict or a lost answer all over again. `last_look` says what stands
    /// against it; what was perhaps written already is not held back by another one.
    pub(super) async fn write_namespace(
        &self,
        plan: &Plan,
        write: NamespaceWrite<'_>,
        last_look: impl AsyncFn() -> Option<NamespaceWriteOutcome>,
    ) -> NamespaceWriteOutcome {
        let mut retry = Retry::default();
        for _ in 0..MAX_ATTEMPTS {
            if !retry.answer_lost
                && let Some(outcome) = last_look().await
            {
                return outcome;
            }
            retry = match self.try_namespace(&plan.namespace, write, retry.answer_lost).await {
                Break(outcome) => return outcome,
                Continue(retry) => retry,
            };
        }
        let problem = Problem::new(format!(
            "gave up on namespace {:?} after {MAX_ATTEMPTS} attempts; the last: {}",
            plan.namespace.name, retry.why
        ));
        NamespaceWriteOutcome::failed(retry.answer_lost, problem)
    }

    async fn try_namespace(
        &self,
        planned: &Namespace,
        write: NamespaceWrite<'_>,
        answer_lost: bool,
    ) -> ControlFlow<NamespaceWriteOutcome, Retry> {
        if let Some(why) = self.halted() {
            let unknown = answer_lost.then(|| NamespaceWriteOutcome::failed(true, Problem::new(why.clone())));
            return Break(unknown.unwrap_or(NamespaceWriteOutcome::Halted(why)));
        }
        let gone = NamespaceWriteOutcome::Gone { by_us: answer_lost };
        let fresh = match self.cluster.namespace(&planned.name).await {
            Ok(fresh) if fresh.uid == planned.uid => fresh,
            Ok(_) if answer_lost => return Break(gone),
            Ok(_) => return Break(NamespaceWriteOutcome::Replaced),
            Err(error) if error.is_missing_namespace() => return Break(gone),
            Err(error) if error.is_broken_off() => {
                return Continue(Retry { answer_lost, why: error.to_string() });
            }
            Err(error) => return Break(NamespaceWriteOutcome::failed(answer_lost, Problem::from(&error))),
        };
        if !write.is_needed(&fresh) {
            // Perhaps by our own request, whose answer was lost.
            let accepted = NamespaceWriteOutcome::Accepted;
            return Break(if answer_lost { accepted } else { NamespaceWriteOutcome::NotNeeded });
        }
        let policy = &self.settings.policy;
        let refusal = || check(&fresh, policy).err().map(|refusal| Problem::refused(&refusal, policy));
        if let Some(problem) = self.left_alone(&fresh).or_else(refusal) {
            return Break(NamespaceWriteOutcome::Ended(Outcome::Refused, problem));
        }
        match write.send(self, &fresh, self.settings.dry_run).await {
            Ok(()) => Break(NamespaceWriteOutcome::Accepted),
            Err(error) if error.is_missing_namespace() => Break(gone),
            Err(error) if error.is_conflict() => Continue(Retry { answer_lost, why: error.to_string() }),
            Err(error) if error.leaves_write_unknown() => {
                Continue(Retry { answer_lost: true, why: error.to_string() })
            }
            Err(error) => Break(NamespaceWriteOutcome::failed(answer_lost, Problem::from(&error))),
        }
    }
}

pub(super) fn replaced(name: &str) -> Problem {
    Problem {
        message: format!("namespace {name:?} is another one of the same name by now (its uid differs)"),
        hint: Some("run the command again if the new one is meant".into()),
    }
}
