//! What a run got to know, for its metrics: gathered on the way, published however it ends.

use std::cell::RefCell;
use std::time::Instant;

use jiff::Timestamp;

use crate::execute::{Outcome, Report};
use crate::exit::Exit;
use crate::metrics::{Measurements, MetricsOptions, Stuck};
use crate::model::TypeLeftovers;
use crate::output::{Failure, Terminal};

/// A run on its way.
pub(super) struct RunMetrics {
    started: Instant,
    stuck: RefCell<Option<Stuck>>,
    done: RefCell<Option<Done>>,
}

/// What a run did.
struct Done {
    outcomes: Vec<Outcome>,
    orphans: u64,
}

impl RunMetrics {
    pub(super) fn begin() -> Self {
        Self { started: Instant::now(), stuck: RefCell::default(), done: RefCell::default() }
    }

    /// What is stuck now that it ends.
    pub(super) fn found(&self, stuck: Stuck) {
        self.stuck.replace(Some(stuck));
    }

    /// What became of each namespace.
    pub(super) fn did(&self, reports: &[Report]) {
        let orphans = reports.iter().flat_map(|report| &report.orphans).map(TypeLeftovers::total).sum();
        let outcomes = reports.iter().map(|report| report.outcome).collect();
        self.done.replace(Some(Done { outcomes, orphans }));
    }

    /// Publishes it. That this fails is said, and changes nothing about how the run has ended.
    pub(super) async fn publish(
        self,
        options: &MetricsOptions,
        terminal: &Terminal,
        result: &Result<Exit, Failure>,
    ) {
        if !options.any() {
            return;
        }
        let (outcomes, orphans_left) = match self.done.into_inner() {
            Some(Done { outcomes, orphans }) => (Some(outcomes), Some(orphans)),
            None => (None, None),
        };
        let measurements = Measurements {
            stuck: self.stuck.into_inner(),
            duration: self.started.elapsed(),
            finished: Timestamp::now(),
            succeeded: result.as_ref().is_ok_and(|exit| has_succeeded(*exit, outcomes.as_deref())),
            outcomes,
            orphans_left,
        };
        for error in options.publish(&measurements).await {
            terminal.warn(&error.to_string());
        }
    }
}

/// What a safety rule refuses has not failed.
fn has_succeeded(exit: Exit, outcomes: Option<&[Outcome]>) -> bool {
    let failed = |outcome: &Outcome| outcome.exit() == Exit::Error;
    match exit {
        Exit::Done | Exit::StuckFound | Exit::Refused => true,
        Exit::Partial => outcomes.is_some_and(|outcomes| !outcomes.iter().any(failed)),
        Exit::Error | Exit::Usage | Exit::Interrupted | Exit::Terminated => false,
    }
}
