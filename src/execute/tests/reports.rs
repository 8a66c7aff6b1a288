//! What several rounds come to.

use super::*;
use crate::plan::StepKind;

fn step(step: StepKind, result: StepResult) -> StepReport {
    StepReport { step, target: "namespace/rodrigo".to_owned(), result, message: String::new() }
}

fn round(outcome: Outcome, wrote: bool) -> Report {
    Report { outcome, wrote, ..Report::new(NAME, "u") }
}

#[test]
fn the_last_round_decides_and_what_was_written_before_is_not_forgotten() {
    for (wrote_before, outcome, wrote, ends) in [
        (false, Outcome::Unchanged, false, Outcome::Unchanged),
        // Gone by then: the round before has done it.
        (true, Outcome::Unchanged, false, Outcome::Cleared),
        (false, Outcome::Unchanged, true, Outcome::Cleared),
        (false, Outcome::Refused, false, Outcome::Refused),
        (true, Outcome::Refused, false, Outcome::Released),
        (true, Outcome::Failed, false, Outcome::Failed),
        (true, Outcome::Cleared, true, Outcome::Cleared),
    ] {
        let mut report = round(Outcome::Released, wrote_before);
        report.add_round(round(outcome, wrote));
        assert_eq!((report.outcome, report.wrote), (ends, wrote_before || wrote), "{outcome}");
    }
}

#[test]
fn a_warning_is_given_once_and_every_step_is_told() {
    let mut report = round(Outcome::Released, true);
    report.warnings = vec!["a".to_owned()];
    report.problem = Some(Problem::new("before"));
    report.steps = vec![step(StepKind::Wait, StepResult::Skipped)];
    let mut next = round(Outcome::Failed, false);
    next.warnings = vec!["a".to_owned(), "b".to_owned()];
    next.problem = Some(Problem::new("after"));
    next.steps = vec![step(StepKind::Finalize, StepResult::Failed)];
    report.add_round(next);
    assert_eq!(report.warnings, ["a", "b"]);
    assert_eq!(report.problem, Some(Problem::new("after")));
    assert_eq!(report.steps.len(), 2);
}

#[test]
fn a_step_that_failed_was_not_done() {
    let mut report = Report::new(NAME, "u");
    assert!(!report.was_finalized());
    report.steps =
        vec![step(StepKind::Finalize, StepResult::Failed), step(StepKind::Rearm, StepResult::Done)];
    assert!(!report.was_finalized() && report.has_done(StepKind::Rearm));
    report.steps.push(step(StepKind::Finalize, StepResult::Done));
    assert!(report.was_finalized() && !report.has_done(StepKind::Wait));
}
