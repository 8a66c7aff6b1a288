//! The writes to leftovers: delete what is live, take finalizers off what is being deleted.

use std::cell::Cell;
use std::ops::ControlFlow::{self, Break, Continue};

use futures::StreamExt;

use super::{Activity, Executor, ObjectVerb, Problem, StepResult};
use crate::cluster::{ApiError, DryRun, Preconditions};
use crate::model::{ApiPath, Leftover, Namespace, ResourceType, SHORT_GRACE_SECONDS};

/// How many leftovers are written to at once.
const CONCURRENCY: usize = 8;
/// The owner, or another nsfix, may write at the same time.
const MAX_ATTEMPTS: usize = 5;
/// A right that was withdrawn in the middle is missing for the rest of the type as well: so many are asked for in vain.
const MAX_REFUSED: usize = 10;
/// A list is only begun anew where its answer broke off, or its snapshot expired.
const MAX_LISTS: usize = 3;

/// What became of the leftovers of one type.
#[derive(Debug, Default)]
pub(super) struct WriteCounts {
    done: usize,
    /// Gone, or not in need of it any more.
    skipped: usize,
    /// Not rehearsed, and why.
    held_back: Vec<String>,
    failed: Vec<String>,
    /// Not written to any more, and why.
    not_begun: (usize, String),
    /// Whether a write was carried out, or may have been.
    pub(super) wrote: bool,
}

/// What became of one leftover.
enum ObjectOutcome {
    Done,
    Skipped,
    /// A dry run that no server is known to honour.
    HeldBack(String),
    Failed(String),
    /// The account may not write to objects of the type.
    Refused(String),
    /// Nothing more may be begun, because of this.
    NotBegun(String),
    /// The answer to a write was lost, and the object could not be read afterwards.
    Unknown(String),
}

/// Why a write is tried once more.
#[derive(Default)]
pub(super) struct Retry {
    /// Whether the answer to an attempt was lost, so that it may have been carried out.
    pub(super) answer_lost: bool,
    pub(super) why: String,
}

impl ObjectOutcome {
    fn failed(answer_lost: bool, why: String) -> Self {
        if answer_lost {
            Self::Unknown(format!("the answer was lost, and then: {why}"))
        } else {
            Self::Failed(why)
        }
    }

    /// The same, saying of which object.
    fn named(self, name: &str) -> Self {
        match self {
            Self::Failed(why) => Self::Failed(format!("{name}: {why}")),
            Self::Refused(why) => Self::Refused(format!("{name}: {why}")),
            Self::Unknown(why) => Self::Unknown(format!("{name}: {why}")),
            other => other,
        }
    }
}

/// Why no leftover was written to.
pub(super) enum ObjectsError {
    /// They could not be listed, or the namespace not be read.
    Failed(ApiError),
    /// The namespace is gone, and its leftovers with it, or without a namespace.
    Gone,
    /// It is to be left alone by now.
    LeftAlone(Problem),
    /// What was listed is inside another namespace of the same name, which the plan is not about.
    Replaced,
}

/// What to do to leftovers.
#[derive(Clone, Copy)]
pub(super) enum ObjectWrite<'a> {
    /// Delete live objects.
    Delete,
    /// Delete without waiting for a node.
    DeleteNow,
    /// Delete once more, with a short grace period.
    DeleteSoon,
    /// Take these finalizers off what is being deleted.
    Release(&'a [String]),
}

impl ObjectWrite<'_> {
    fn verb(self) -> ObjectVerb {
        match self {
            Self::Release(_) => ObjectVerb::Released,
            Self::Delete | Self::DeleteNow | Self::DeleteSoon => ObjectVerb::Deleted,
        }
    }

    fn concerns(self, leftover: &Leftover) -> bool {
        match self {
            Self::Delete => leftover.deleted.is_none(),
            Self::DeleteNow | Self::DeleteSoon => leftover.deleted.is_some(),
            Self::Release(finalizers) => {
                leftover.deleted.is_some() && leftover.finalizers.iter().any(|name| finalizers.contains(name))
            }
        }
    }
}

impl WriteCounts {
    fn count(&mut self, outcome: ObjectOutcome) {
        self.wrote |= matches!(outcome, ObjectOutcome::Done | ObjectOutcome::Unknown(_));
        match outcome {
            ObjectOutcome::Done => self.done += 1,
            ObjectOutcome::Skipped => self.skipped += 1,
            ObjectOutcome::HeldBack(why) => self.held_back.push(why),
            ObjectOutcome::Failed(why) | ObjectOutcome::Refused(why) | ObjectOutcome::Unknown(why) => {
                self.failed.push(why);
            }
            ObjectOutcome::NotBegun(why) => self.not_begun = (self.not_begun.0 + 1, why),
        }
    }

    /// Why some were not begun, where nothing else went wrong.
    pub(super) fn halted(&self) -> Option<&str> {
        let (count, why) = &self.not_begun;
        (*count > 0 && self.failed.is_empty()).then_some(why.as_str())
    }

    /// What a dry run says nothing of, in words.
    pub(super) fn not_rehearsed(&self, target: &str) -> Option<String> {
        let first = self.held_back.first()?;
        Some(format!("{target}: not rehearsed, and what its server would say is unknown: {first}"))
    }

    /// The result of the step, and in words.
    pub(super) fn result(&self, dry_run: DryRun) -> (StepResult, String) {
        let Self { done, skipped, held_back, failed, not_begun: (not_begun, why), .. } = self;
        let rest = if *not_begun > 0 { format!("; {not_begun} not begun ({why})") } else { String::new() };
        if let Some(first) = failed.first() {
            let message = format!("{done} done, {} failed, the first: {first}{rest}", failed.len());
            return (StepResult::Failed, message);
        }
        if *not_begun > 0 {
            return (StepResult::Skipped, format!("{done} done{rest}"));
        }
        if let Some(why) = held_back.first() {
            let accepted = format!("the server accepted {done} and stored nothing");
            return (StepResult::DryRun, format!("{accepted}; {} not rehearsed: {why}", held_back.len()));
        }
        match (done, dry_run) {
            (0, _) => {
                (StepResult::Skipped, format!("nothing was left to do ({skipped} were gone or had changed)"))
            }
            (_, DryRun::Server) => {
                (StepResult::DryRun, format!("the server accepted {done} and stored nothing"))
            }
            _ => (StepResult::Done, format!("{done} done")),
        }
    }
}

impl Executor<'_> {
    /// Writes to every leftover of a type that it concerns; `only`: to those of these names.
    pub(super) async fn write_objects(
        &self,
        ty: &ResourceType,
        namespace: &Namespace,
        only: Option<&[String]>,
        write: ObjectWrite<'_>,
    ) -> Result<WriteCounts, ObjectsError> {
        let leftovers = self.list(ty, &namespace.name).await.map_err(ObjectsError::Failed)?;
        let wanted = leftovers.into_iter().filter(|leftover| {
            write.concerns(leftover) && only.is_none_or(|names| names.contains(&leftover.name))
        });
        let wanted: Vec<Leftover> = wanted.collect();
        if !wanted.is_empty() {
            self.still_there(namespace).await?;
        }
        let (total, mut done) = (wanted.len(), 0);
        let verb = write.verb();
        let how_far = |done| Activity::Objects { resource: ty.resource.clone(), verb, done, total };
        if total > 0 {
            (self.on_activity)(&namespace.name, how_far(done));
        }
        let refused = Cell::new(0);
        let mut outcomes = futures::stream::iter(wanted)
            .map(|leftover| async {
                if refused.get() >= MAX_REFUSED {
                    return ObjectOutcome::NotBegun(format!("{MAX_REFUSED} in a row were refused"));
                }
                self.write_object(ty, leftover, write).await
            })
            .buffer_unordered(CONCURRENCY);
        let mut counts = WriteCounts::default();
        while let Some(outcome) = outcomes.next().await {
            match &outcome {
                ObjectOutcome::Refused(_) => refused.set(refused.get() + 1),
                ObjectOutcome::Done => refused.set(0),
                _ => {}
            }
            counts.count(outcome);
            done += 1;
            (self.on_activity)(&namespace.name, how_far(done));
        }
        Ok(counts)
    }

    async fn list(&self, ty: &ResourceType, namespace: &str) -> Result<Vec<Leftover>, ApiError> {
        let mut lists = 1;
        loop {
            match self.cluster.leftovers_of(ty, namespace).await {
                Err(error) if lists < MAX_LISTS && (error.is_broken_off() || error.code() == Some(410)) => {
                    lists += 1;
                }
                other => return other,
            }
        }
    }

    /// That the namespace is still the one that was judged, *after* its leftovers were listed: a uid never
    /// comes back, so all of them were its own.
    async fn still_there(&self, namespace: &Namespace) -> Result<(), ObjectsError> {
        match self.cluster.namespace(&namespace.name).await {
            Ok(fresh) if fresh.uid == namespace.uid && fresh.is_terminating() => {
                self.left_alone(&fresh).map_or(Ok(()), |problem| Err(ObjectsError::LeftAlone(problem)))
            }
            Ok(_) => Err(ObjectsError::Replaced),
            Err(error) if error.is_missing_namespace() => Err(ObjectsError::Gone),
            Err(error) => Err(ObjectsError::Failed(error)),
        }
    }

    async fn write_object(
        &self,
        ty: &ResourceType,
        leftover: Leftover,
        write: ObjectWrite<'_>,
    ) -> ObjectOutcome {
        let path = ty.path_of(&leftover.namespace, &leftover.name);
        let mut retry = Retry::default();
        for _ in 0..MAX_ATTEMPTS {
            retry = match self.try_object(&path, &leftover.uid, write, retry.answer_lost).await {
                Break(outcome) => return outcome.named(&format!("{ty}/{}", leftover.name)),
                Continue(retry) => retry,
            };
        }
        let why = format!("gave up after {MAX_ATTEMPTS} attempts; the last: {}", retry.why);
        ObjectOutcome::failed(retry.answer_lost, why).named(&format!("{ty}/{}", leftover.name))
    }

    async fn try_object(
        &self,
        path: &ApiPath,
        uid: &str,
        write: ObjectWrite<'_>,
        answer_lost: bool,
    ) -> ControlFlow<ObjectOutcome, Retry> {
        // After a lost answer, what was asked for and has come to pass was most likely our own doing.
        let passed = if answer_lost { ObjectOutcome::Done } else { ObjectOutcome::Skipped };
        if let Some(why) = self.halted() {
            let unknown = answer_lost.then(|| ObjectOutcome::failed(true, why.clone()));
            return Break(unknown.unwrap_or(ObjectOutcome::NotBegun(why)));
        }
        let preconditions = match self.cluster.preconditions(path).await {
            Ok(preconditions) => preconditions,
            Err(error) if is_gone(&error) => return Break(passed),
            Err(error) if error.is_broken_off() => {
                return Continue(Retry { answer_lost, why: error.detail() });
            }
            Err(error) => return Break(ended_by(&error, answer_lost)),
        };
        if preconditions.uid != uid {
            // Created anew under the same name: the plan is not about that one.
            return Break(passed);
        }
        let Some(sent) = self.send(path, &preconditions, write).await else { return Break(passed) };
        match sent {
            Ok(()) => Break(ObjectOutcome::Done),
            Err(error) if is_gone(&error) => Break(passed),
            Err(error) if error.is_conflict() => Continue(Retry { answer_lost, why: error.detail() }),
            Err(error) if error.leaves_write_unknown() => {
                Continue(Retry { answer_lost: true, why: error.detail() })
            }
            Err(error) if error.is_not_rehearsed() => Break(ObjectOutcome::HeldBack(error.detail())),
            Err(error) => Break(ended_by(&error, answer_lost)),
        }
    }

    /// `None` where the leftover as it is now has no need of it.
    async fn send(
        &self,
        path: &ApiPath,
        preconditions: &Preconditions,
        write: ObjectWrite<'_>,
    ) -> Option<Result<(), ApiError>> {
        let dry_run = self.settings.dry_run;
        Some(match write {
            ObjectWrite::Delete if preconditions.deleting => return None,
            ObjectWrite::Delete => self.cluster.delete(path, preconditions, None, dry_run).await,
            ObjectWrite::DeleteNow => self.cluster.delete(path, preconditions, Some(0), dry_run).await,
            ObjectWrite::DeleteSoon => {
                self.cluster.delete(path, preconditions, Some(SHORT_GRACE_SECONDS), dry_run).await
            }
            ObjectWrite::Release(finalizers) => {
                let all = preconditions.finalizers.iter().map(String::as_str);
                let rest: Vec<&str> =
                    all.filter(|name| !finalizers.iter().any(|each| each == name)).collect();
                // Rule: removing a finalizer from what is not being deleted deletes nothing.
                if rest.len() == preconditions.finalizers.len() || !preconditions.deleting {
                    return None;
                }
                let answer = self.cluster.set_finalizers(path, preconditions, &rest, dry_run).await;
                answer.and_then(|left| match put_back(&left, &rest) {
                    Some(why) => Err(ApiError::Undone(why)),
                    None => Ok(()),
                })
            }
        })
    }
}

fn ended_by(error: &ApiError, answer_lost: bool) -> ObjectOutcome {
    if error.is_missing_right() && !answer_lost {
        return ObjectOutcome::Refused(error.detail());
    }
    ObjectOutcome::failed(answer_lost, error.detail())
}

/// Finalizers in the answer that were to be removed: a webhook or a controller has put them back.
pub(super) fn put_back(answer: &[String], asked: &[&str]) -> Option<String> {
    let back: Vec<&str> =
        answer.iter().map(String::as_str).filter(|finalizer| !asked.contains(finalizer)).collect();
    (!back.is_empty()).then(|| {
        format!(
            "the server accepted the change and kept finalizer {}: a mutating webhook or policy puts it back",
            back.join(", ")
        )
    })
}

/// A 404 that names the namespace means that the *namespace* is missing, while the object may well exist.
fn is_gone(error: &ApiError) -> bool {
    error.is_not_found() && !error.is_missing_namespace()
}
