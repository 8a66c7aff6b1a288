//! What several rounds come to.

use super::*;
use crate::model::{Gap, TypeLeftovers, Unreadable, resource};
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
fn what_any_round_has_met_is_not_forgotten() {
    for (before, after) in [(false, false), (false, true), (true, false), (true, true)] {
        let met = |met| Report { replaced: met, taken_over: met, ..round(Outcome::Cleared, true) };
        let mut report = met(before);
        report.add_round(met(after));
        assert_eq!((report.replaced, report.taken_over), (before || after, before || after));
    }
}

#[test]
fn nothing_was_left_where_it_was_looked_everywhere_and_nothing_found() {
    let gap = |group: &str| Gap {
        group: group.to_owned(),
        version: "v1".to_owned(),
        resource: None,
        why: Unreadable::Unavailable,
        detail: String::new(),
    };
    let of_type = TypeLeftovers::none(resource("", "secrets", "Secret"));
    let none = round(Outcome::Cleared, true);
    assert!(none.left_nothing());
    assert!(Report { unknown: vec![gap("metrics.k8s.io")], ..none.clone() }.left_nothing());
    for some in [
        Report { unknown: vec![gap("metrics.k8s.io"), gap("example.com")], ..none.clone() },
        Report { orphans: vec![of_type], ..none.clone() },
        Report { taken_over: true, ..none },
    ] {
        assert!(!some.left_nothing(), "{some:?}");
    }
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
