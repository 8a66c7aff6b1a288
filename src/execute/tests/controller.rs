//! Waiting for the namespace controller between the steps.

use super::objects::{CONFIGMAPS, HOLD, path};
use super::plans::{finalize, message, release, step, steps, wait};
use super::*;
use crate::execute::run::Run;
use crate::model::Inventory;
use crate::plan::{Action, Step};

/// A wait that lasts until `--timeout` lasts five seconds.
async fn holding(live: &[&str], deleting: &[&str]) -> Lab {
    let mut lab = Lab::holding(live, deleting, &[HOLD]).await;
    lab.settings.wait = Some(Duration::from_secs(5));
    lab
}

#[tokio::test]
async fn the_controller_may_finish_it() {
    let lab = holding(&[], &["a"]).await;
    let gone = Fault::before(Matcher::new("GET", PATH).skip(4).once(), remove);
    let report = lab.runs(vec![release(), wait(), finalize()], [gone]).await;
    assert_eq!((report.outcome, report.wrote), (Outcome::Cleared, true));
    assert_eq!(steps(&report), ["ReleaseObject Done: 1 done", "Wait Done: the namespace is gone"]);
    assert!(lab.sent().iter().all(|(method, ..)| method != "PUT"));
    let lab = holding(&[], &[]).await;
    let report = lab.runs(vec![wait()], [Fault::before(any("GET").once(), replace)]).await;
    assert_eq!(report.outcome, Outcome::Cleared);
    let another = "namespace \"rodrigo\" is gone; another one of the same name exists by now";
    assert_eq!(report.warnings, [another]);
}

#[tokio::test]
async fn where_it_does_not_the_next_step_is_taken() {
    let lab = holding(&[], &[]).await;
    let report = lab.runs(vec![wait(), finalize()], []).await;
    assert_eq!(report.outcome, Outcome::Cleared);
    assert_eq!(steps(&report), ["Wait Skipped: the controller did not finish it", "Finalize Done: done"]);
    // Three times at once and after 50 ms; then the write reads again, looks for what it has done, and for orphans.
    let looks = lab.methods().split(" PUT").next().unwrap().split(' ').count();
    assert!((4..=7).contains(&looks), "{looks}");
}

/// Nothing was written, and a rule keeps the rest: that is a refusal, whoever emptied what could be emptied.
#[tokio::test]
async fn where_a_rule_keeps_the_rest_waiting_in_vain_is_a_refusal() {
    let mut lab = holding(&[], &["a"]).await;
    lab.settings.wait = Some(Duration::ZERO);
    let mut plan = lab.plan(vec![wait()]);
    plan.remains = vec!["1 ConfigMap held by example.com/hold".to_owned()];
    let before = lab.inside().await;
    let report = lab.executor().run(&plan, &before).await;
    assert_eq!((report.outcome, report.wrote), (Outcome::Refused, false));
    let said = "namespace \"rodrigo\" is still there: it still holds 1 ConfigMap held by example.com/hold";
    assert_eq!(message(&report), said);
    plan.remains.clear();
    let report = lab.executor().run(&plan, &before).await;
    assert_eq!(report.outcome, Outcome::Failed);
}

#[tokio::test]
async fn what_was_live_in_the_first_round_is_released_in_a_further_one() {
    let live = |api: &Api| drop(api.delete(&path("live")));
    let mut with_live = Lab::holding(&["live"], &["a"], &[HOLD]).await;
    with_live.settings.wait = Some(Duration::from_secs(5));
    let deleted = Fault::before(Matcher::new("GET", PATH).skip(5).once(), live);
    let report = with_live.runs(vec![release(), wait()], [deleted]).await;
    assert_eq!((report.outcome, report.wrote), (Outcome::Released, true));
    let further = "ReleaseObject Done: 1 done in a further round";
    let waited = "Wait Skipped: the controller did not finish it";
    assert_eq!(steps(&report), ["ReleaseObject Done: 1 done", further, waited]);
    assert_eq!(message(&report).split(": ").next(), Some("namespace \"rodrigo\" is still there"));
    assert_eq!(with_live.api.list(CONFIGMAPS).unwrap(), [Value::Null; 0]);
    // Nothing was released, and so nothing is again.
    let lab = holding(&[], &["a"]).await;
    let report = lab.runs(vec![wait(), release()], []).await;
    assert_eq!(steps(&report), [waited, "ReleaseObject Done: 1 done"]);
    let mut lab = holding(&[], &[]).await;
    lab.settings.wait = Some(Duration::from_millis(300));
    let report = lab.runs(vec![wait()], []).await;
    assert_eq!((report.outcome, steps(&report)), (Outcome::Failed, vec![waited.to_owned()]));
}

#[tokio::test]
async fn without_a_wait_nothing_is_forced() {
    for (wrote, outcome) in [(true, Outcome::Released), (false, Outcome::Refused)] {
        let mut lab = holding(&[], &["a"]).await;
        lab.settings.wait = None;
        let before = if wrote { vec![release()] } else { Vec::new() };
        let report = lab.runs(before.into_iter().chain([wait(), finalize()]).collect(), []).await;
        assert_eq!((report.outcome, report.wrote), (outcome, wrote));
        assert_eq!(message(&report), "namespace \"rodrigo\" was not waited for, and not forced");
        assert_eq!(steps(&report).last().unwrap(), "Wait Skipped: not waited for (--wait=false)");
    }
}

#[tokio::test]
async fn a_wait_ends_with_a_signal_and_where_nothing_can_be_seen() {
    let lab = holding(&[], &[]).await;
    let signal = [lab.signal_with("GET")];
    let report = lab.runs(vec![wait(), finalize()], signal).await;
    assert_eq!((report.outcome, report.wrote), (Outcome::NotBegun, false));
    assert_eq!(steps(&report), ["Wait Skipped: interrupted", "Finalize Skipped: interrupted"]);
    let lab = holding(&[], &[]).await;
    let logged_out = Canned::status(401, "Unauthorized", "Unauthorized");
    let report = lab.runs(vec![wait(), finalize()], [Fault::answer(any("GET"), logged_out)]).await;
    assert_eq!((report.outcome, report.steps.len()), (Outcome::Failed, 0));
    assert!(
        message(&report).starts_with("unable to see whether the namespace is gone"),
        "{}",
        message(&report)
    );
}

/// How long a wait may be in all: it is gone at the second look.
async fn limit(lab: &Lab, steps: Vec<Step>, before: &Inventory, last: bool, remains: bool) -> Duration {
    let mut plan = lab.plan(steps);
    plan.remains.extend(remains.then(|| "1 Secret".to_owned()));
    lab.activities.borrow_mut().clear();
    lab.inject([Fault::before(any("GET").skip(1).once(), remove)]);
    let run = Run { executor: &lab.executor(), plan: &plan, before, last, wrote: false };
    let _ = run.take(&wait()).await;
    lab.sandbox.clear_faults();
    let activities = lab.activities.borrow();
    let limits: Vec<Duration> = activities
        .iter()
        .map(|activity| match activity {
            Activity::Waiting { what: WaitFor::Controller, limit, .. } => *limit,
            other => panic!("{other:?}"),
        })
        .collect();
    limits[0]
}

#[tokio::test]
async fn all_of_the_time_is_for_a_wait_that_nothing_can_follow() {
    const ALL: Duration = Duration::from_secs(90);
    const PATIENCE: Duration = Duration::from_secs(2);
    let inside = holding(&["live"], &[]).await.inside().await;
    let empty = Inventory::default();
    let rearm = || step(Action::Rearm);
    for (case, steps, before, last, remains, limit_is) in [
        ("empty", vec![wait()], &empty, true, false, ALL),
        ("a step follows", vec![wait(), finalize()], &empty, false, false, PATIENCE),
        ("something remains", vec![wait()], &empty, true, true, PATIENCE),
        ("an empty zombie", vec![rearm(), wait()], &empty, true, false, PATIENCE),
        ("a zombie", vec![rearm(), wait()], &inside, true, false, ALL),
        ("held content", vec![release(), wait()], &inside, true, false, PATIENCE),
        ("nothing was held", vec![release(), wait()], &empty, true, false, ALL),
        ("a healthy one", vec![wait()], &inside, true, false, ALL),
    ] {
        let mut lab = Lab::stuck(&["kubernetes"], &[]).await;
        lab.settings.wait = Some(ALL);
        lab.settings.policy.patience = PATIENCE;
        assert_eq!(limit(&lab, steps, before, last, remains).await, limit_is, "{case}");
    }
}

#[tokio::test]
async fn patience_is_not_shortened_and_not_endless() {
    for (patience, limit_is) in [(0, 300), (2_000, 2_000), (90_000, 12_000)] {
        let mut lab = Lab::stuck(&["kubernetes"], &[]).await;
        lab.settings.wait = Some(Duration::from_secs(90));
        lab.settings.policy.patience = Duration::from_millis(patience);
        let steps = vec![wait(), finalize()];
        let limit = limit(&lab, steps, &Inventory::default(), false, false).await;
        assert_eq!(limit, Duration::from_millis(limit_is));
    }
}
