//! Carries a plan out: backs up first, reads again before each write, guards it by uid and resourceVersion,
//! stops when the controller finishes by itself, and reports what became of each step.

mod activity;
mod namespace;
mod objects;
mod orphan_check;
mod remains;
mod report;
mod run;
mod save;
mod shared_look;
mod steps;
mod verify;

pub use activity::{Activity, ObjectVerb, WaitFor};
pub use report::{Outcome, Problem, Report, StepReport, StepResult};
pub use save::Saved;
pub use shared_look::SharedLook;

use std::time::Duration;

use tokio::time::Instant;

use crate::backup::Backups;
use crate::cluster::{Cluster, DryRun};
use crate::model::Namespace;
use crate::plan::policy_file::Decided;
use crate::plan::{BulkLimits, Policy, select};
use crate::shutdown::Shutdown;

/// How a plan is to be carried out.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the person allows; checked again on every fresh read.
    pub policy: Policy,
    /// Whether the writes are meant.
    pub dry_run: DryRun,
    /// Where to save what is about to be changed; `None` only where the person said `--no-backup`.
    pub backups: Option<Backups>,
    /// What holds a run over all namespaces back: asked again before each write.
    pub limits: Option<BulkLimits>,
    /// The rule of a policy file that has decided: it has to match on every fresh read.
    pub decided: Option<Decided>,
    /// How long to wait for the namespace to be gone; `None` looks once and does not wait.
    pub wait: Option<Duration>,
    /// Whether to begin nothing more once the server fails: an unattended run must not add to its load.
    pub heed_trouble: bool,
}

/// Carries out plans on one cluster.
pub struct Executor<'a> {
    pub cluster: &'a Cluster,
    /// How.
    pub settings: &'a Settings,
    /// The look right before a last write, shared with the namespaces that are under way at the same time.
    pub looks: &'a SharedLook,
    /// When to end early.
    pub shutdown: &'a Shutdown,
    /// When `--timeout` is over: nothing more is begun then.
    pub deadline: Option<Instant>,
    /// Called with every step of a namespace as soon as its result is known.
    pub on_step: &'a dyn Fn(&str, &StepReport),
    /// Told what is being done about a namespace, and while it waits again and again.
    pub on_activity: &'a dyn Fn(&str, Activity),
}

impl Executor<'_> {
    /// Why nothing more may be begun: a signal has come, or the server is in trouble.
    #[must_use]
    pub fn halted(&self) -> Option<String> {
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
            && self.shutdown.requested().is_none()
        {
            return Some("the time of --timeout is over".to_owned());
        }
        self.silenced()
    }

    /// Waits until nothing more may be begun, and says why.
    async fn until_halted(&self) -> String {
        let over = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.shutdown.wait() => {}
            () = over => {}
        }
        self.halted().unwrap_or_else(|| "interrupted".to_owned())
    }

    /// Why not even a read is sent any more.
    #[must_use]
    pub fn silenced(&self) -> Option<String> {
        if self.shutdown.requested().is_some() {
            return Some("interrupted".to_owned());
        }
        let trouble = self.cluster.trouble().filter(|_| self.settings.heed_trouble)?;
        Some(format!("stopped, because the API server is in trouble ({trouble})"))
    }

    /// Why a run over all namespaces leaves this one alone by now: it may have been annotated meanwhile.
    fn left_alone(&self, fresh: &Namespace) -> Option<Problem> {
        if let Some(why) = self.settings.decided.as_ref().and_then(|decided| decided.changed(fresh)) {
            return Some(Problem::new(why));
        }
        let limits = self.settings.limits.as_ref()?;
        let selection = select(vec![fresh.clone()], limits, jiff::Timestamp::now());
        let (namespace, why) = selection.left_alone.first()?;
        Some(Problem::new(format!("namespace/{} is left alone: {why}", namespace.name)))
    }
}

#[cfg(test)]
#[cfg(feature = "sandbox")]
mod tests;
