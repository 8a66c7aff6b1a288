//! The writes to leftovers: delete what is live, take finalizers off what is being deleted.

use futures::StreamExt;

use super::{Repair, StepResult};
use crate::cluster::{ApiError, DryRun};
use crate::model::{Leftover, ResourceType};

/// How many leftovers are written to at once.
const CONCURRENCY: usize = 8;
/// The owner, or another nsfix, may write at the same time.
const MAX_ATTEMPTS: usize = 5;

/// What became of the leftovers of one type.
#[derive(Debug, Default)]
pub(super) struct Tally {
    done: usize,
    /// Gone, or not in need of it any more.
    skipped: usize,
    failed: Vec<String>,
}

/// What became of one leftover.
enum Fate {
    Done,
    Skipped,
    Failed(String),
}

/// What to do to leftovers.
#[derive(Clone, Copy)]
pub(super) enum ObjectWrite<'a> {
    /// Delete what nobody has asked to delete.
    Delete,
    /// Delete without waiting for a node.
    DeleteNow,
    /// Take these finalizers off what is being deleted.
    Release(&'a [String]),
}

impl ObjectWrite<'_> {
    fn concerns(self, leftover: &Leftover) -> bool {
        match self {
            Self::Delete => leftover.deleted.is_none(),
            Self::DeleteNow => leftover.deleted.is_some(),
            Self::Release(finalizers) => {
                leftover.deleted.is_some() && leftover.finalizers.iter().any(|name| finalizers.contains(name))
            }
        }
    }
}

impl Tally {
    fn count(&mut self, fate: Fate) {
        match fate {
            Fate::Done => self.done += 1,
            Fate::Skipped => self.skipped += 1,
            Fate::Failed(why) => self.failed.push(why),
        }
    }

    /// The result of the step, and in words.
    pub(super) fn result(&self, dry_run: DryRun) -> (StepResult, String) {
        let Self { done, skipped, failed } = self;
        if let Some(first) = failed.first() {
            return (StepResult::Failed, format!("{done} done, {} failed, the first: {first}", failed.len()));
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

impl Repair<'_> {
    /// Writes to every leftover of a type that it concerns; `only`: to those of these names.
    pub(super) async fn write_objects(
        &self,
        ty: &ResourceType,
        namespace: &str,
        only: Option<&[String]>,
        write: ObjectWrite<'_>,
    ) -> Result<Tally, ApiError> {
        let leftovers = self.cluster.leftovers_of(ty, namespace).await?;
        let wanted = leftovers.into_iter().filter(|leftover| {
            write.concerns(leftover) && only.is_none_or(|names| names.contains(&leftover.name))
        });
        let mut fates = futures::stream::iter(wanted)
            .map(|leftover| self.write_object(ty, leftover, write))
            .buffer_unordered(CONCURRENCY);
        let mut tally = Tally::default();
        while let Some(fate) = fates.next().await {
            tally.count(fate);
        }
        Ok(tally)
    }

    async fn write_object(&self, ty: &ResourceType, leftover: Leftover, write: ObjectWrite<'_>) -> Fate {
        let path = format!("{}/{}", ty.path_in(&leftover.namespace), leftover.name);
        let name = format!("{ty}/{}", leftover.name);
        let dry_run = self.settings.dry_run;
        let mut last = String::new();
        for _ in 0..MAX_ATTEMPTS {
            if self.stop.requested().is_some() {
                return Fate::Failed(format!("{name}: interrupted"));
            }
            let fresh = match self.cluster.fresh(&path).await {
                Ok(fresh) => fresh,
                Err(error) if is_gone(&error) => return Fate::Skipped,
                Err(error) => return Fate::Failed(format!("{name}: {}", error.detail())),
            };
            if fresh.uid != leftover.uid {
                // Created anew under the same name: nobody has judged that one.
                return Fate::Skipped;
            }
            let sent = match write {
                ObjectWrite::Delete if fresh.deleting => return Fate::Skipped,
                ObjectWrite::Delete => self.cluster.delete(&path, &fresh, false, dry_run).await,
                ObjectWrite::DeleteNow => self.cluster.delete(&path, &fresh, true, dry_run).await,
                ObjectWrite::Release(finalizers) => {
                    let all = fresh.finalizers.iter().map(String::as_str);
                    let rest: Vec<&str> =
                        all.filter(|name| !finalizers.iter().any(|each| each == name)).collect();
                    // Rule: removing a finalizer from what is not being deleted deletes nothing.
                    if rest.len() == fresh.finalizers.len() || !fresh.deleting {
                        return Fate::Skipped;
                    }
                    self.cluster.set_finalizers(&path, &fresh, &rest, dry_run).await
                }
            };
            match sent {
                Ok(()) => return Fate::Done,
                Err(error) if is_gone(&error) => return Fate::Skipped,
                Err(error) if error.is_conflict() || error.leaves_write_unknown() => last = error.detail(),
                Err(error) => return Fate::Failed(format!("{name}: {}", error.detail())),
            }
        }
        Fate::Failed(format!("{name}: gave up after {MAX_ATTEMPTS} attempts; the last: {last}"))
    }
}

/// A 404 that names the namespace means that the *namespace* is missing, while the object may well exist.
fn is_gone(error: &ApiError) -> bool {
    match error {
        ApiError::Server { code: 404, kind, .. } => kind != "namespaces",
        _ => false,
    }
}
