//! Whether the namespace is gone. The answer to a write proves nothing; only a 404 or another uid does.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Activity, Executor, Problem, WaitFor};
use crate::model::{Hint, Namespace, ShellCommand};

/// Between two looks; doubled each time up to the second.
const FIRST_LOOK_AFTER: Duration = Duration::from_millis(50);
const LOOK_AT_LEAST_EVERY: Duration = Duration::from_secs(1);

/// What a wait came to.
pub(super) enum WaitOutcome {
    /// It is gone; `replaced`: another one has its name.
    Gone {
        /// Whether another namespace has its name.
        replaced: bool,
    },
    StillThere(Box<Namespace>),
    /// It could not be read.
    Unknown(Problem),
}

/// What is waited for, and how long this time.
pub(super) struct Waiting {
    pub(super) what: WaitFor,
    pub(super) limit: Duration,
    /// Of the whole wait, of which this may be a part.
    pub(super) since: Instant,
    pub(super) in_all: Duration,
}

impl Waiting {
    /// From now on.
    pub(super) fn new(what: WaitFor, limit: Duration) -> Self {
        Self { what, limit, since: Instant::now(), in_all: limit }
    }

    fn activity(&self) -> Activity {
        Activity::Waiting { what: self.what, since: self.since, limit: self.in_all }
    }
}

impl Executor<'_> {
    /// Waits until the namespace is gone, `enough` says of what remains that waiting is no use, or the time
    /// is up.
    pub(super) async fn wait_until_gone(
        &self,
        namespace: &Namespace,
        waiting: &Waiting,
        enough: impl Fn(&Namespace) -> bool,
    ) -> WaitOutcome {
        let deadline = Instant::now() + waiting.limit;
        let mut pause = FIRST_LOOK_AFTER;
        loop {
            let time_is_up = Instant::now() + pause > deadline || self.halted().is_some();
            match self.cluster.namespace(&namespace.name).await {
                Err(error) if error.is_missing_namespace() => return WaitOutcome::Gone { replaced: false },
                Ok(fresh) if fresh.uid != namespace.uid => return WaitOutcome::Gone { replaced: true },
                Ok(fresh) if enough(&fresh) || time_is_up => return WaitOutcome::StillThere(Box::new(fresh)),
                // One look that fails is no reason to give up: the next one may succeed.
                Err(error) if error.is_fatal() || time_is_up => {
                    let message = format!("unable to see whether the namespace is gone: {error}");
                    return WaitOutcome::Unknown(Problem { message, hint: error.hint() });
                }
                Ok(_) | Err(_) => {}
            }
            (self.on_activity)(&namespace.name, waiting.activity());
            tokio::select! {
                () = sleep(pause) => {}
                _ = self.shutdown.wait() => {}
            }
            pause = (pause * 2).min(LOOK_AT_LEAST_EVERY);
        }
    }
}

/// What keeps a namespace by itself, whatever is inside.
pub(super) fn held_by(namespace: &Namespace) -> Option<String> {
    let spec = namespace.spec_finalizers.iter().map(|name| format!("spec finalizer {name}"));
    let metadata = namespace.metadata_finalizers.iter().map(|name| format!("metadata finalizer {name}"));
    let held: Vec<String> = spec.chain(metadata).collect();
    (!held.is_empty()).then(|| held.join(", "))
}

pub(super) fn still_there(namespace: &Namespace) -> Problem {
    let name = &namespace.name;
    match held_by(namespace) {
        Some(held) => Problem {
            message: format!("namespace {name:?} is still there: held by {held}"),
            hint: Some(Hint::from(ShellCommand::nsfix(["explain", name])).text(" says who has to remove it")),
        },
        None => Problem {
            message: format!("namespace {name:?} is still there"),
            hint: Some(
                Hint::from("look again with ")
                    .command(ShellCommand::nsfix(["list-stuck"]))
                    .text(", or wait longer with --timeout"),
            ),
        },
    }
}
