//! The metrics of a run, from its result.

use std::time::Instant;

use jiff::Timestamp;

use super::VerbResult;
use crate::execute::Report;
use crate::exit::Exit;
use crate::metrics::{Measurements, MetricsOptions};
use crate::model::TypeLeftovers;
use crate::output::Terminal;

/// Publishes them. That this fails is said, and changes nothing about how the run has ended.
pub(super) async fn publish(
    options: &MetricsOptions,
    started: Instant,
    result: &VerbResult,
    terminal: &Terminal,
) {
    if !options.any() {
        return;
    }
    let reports = result.reports.as_deref();
    let orphans = |reports: &[Report]| {
        reports.iter().flat_map(|report| &report.orphans).map(TypeLeftovers::total).sum()
    };
    let measurements = Measurements {
        stuck: result.stuck.clone(),
        duration: started.elapsed(),
        finished: Timestamp::now(),
        succeeded: has_succeeded(result),
        outcomes: reports.map(|reports| reports.iter().map(|report| report.outcome).collect()),
        orphans_left: reports.map(orphans),
        cluster: None,
    };
    for error in options.publish(&measurements).await {
        terminal.warn(&error.to_string());
    }
}

/// What a safety rule refuses has not failed.
fn has_succeeded(result: &VerbResult) -> bool {
    let failed = |report: &Report| report.outcome.exit() == Exit::Error;
    match result.exit {
        _ if result.error.is_some() => false,
        Exit::Done | Exit::StuckFound | Exit::Refused => true,
        Exit::Partial => result.reports.as_ref().is_some_and(|reports| !reports.iter().any(failed)),
        Exit::Error | Exit::Usage | Exit::Interrupted | Exit::Terminated | Exit::HungUp => false,
    }
}
