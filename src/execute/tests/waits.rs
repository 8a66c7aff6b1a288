//! Waiting until the namespace is gone, and what ends a run early.

use super::*;
use crate::execute::verify::{WaitOutcome, Waiting};
use crate::plan::LimitsFrom;

const LONG: Duration = Duration::from_secs(60);

fn said(outcome: WaitOutcome) -> String {
    match outcome {
        WaitOutcome::Gone { replaced } => format!("gone, replaced: {replaced}"),
        WaitOutcome::StillThere(namespace) => format!("{} is still there", namespace.name),
        WaitOutcome::Unknown(problem) => problem.message,
    }
}

impl Lab {
    /// How the wait ends, and how often it was looked.
    async fn waits(
        &self,
        limit: Duration,
        enough: bool,
        faults: impl IntoIterator<Item = Fault>,
    ) -> (String, usize) {
        let namespace = self.namespace();
        self.inject(faults);
        let waiting = Waiting::new(WaitFor::Gone, limit);
        let outcome = self.executor().wait_until_gone(&namespace, &waiting, |_| enough).await;
        (said(outcome), self.sent().len())
    }
}

#[tokio::test]
async fn a_namespace_is_looked_at_until_it_is_gone() {
    let look = |skip| any("GET").skip(skip).once();
    let lab = Lab::stuck(&["kubernetes"], &[]).await;
    let waited = lab.waits(LONG, false, [Fault::before(look(2), remove)]).await;
    assert_eq!(waited, ("gone, replaced: false".to_owned(), 3));
    let waiting =
        |activity: &Activity| matches!(activity, Activity::Waiting { what: WaitFor::Gone, limit: LONG, .. });
    assert!(lab.activities.borrow().iter().all(waiting));
    assert_eq!(lab.activities.borrow().len(), 2);
    let lab = Lab::stuck(&["kubernetes"], &[]).await;
    let waited = lab.waits(LONG, false, [Fault::before(look(1), replace)]).await;
    assert_eq!(waited, ("gone, replaced: true".to_owned(), 2));
    // One look that fails is no reason to give up.
    let lab = Lab::stuck(&["kubernetes"], &[]).await;
    let faults = [Fault::answer(look(0), internal()), Fault::before(look(1), remove)];
    assert_eq!(lab.waits(LONG, false, faults).await, ("gone, replaced: false".to_owned(), 2));
}

#[tokio::test]
async fn a_wait_ends_where_it_is_no_use() {
    let lab = Lab::stuck(&["kubernetes"], &[]).await;
    assert_eq!(lab.waits(LONG, true, []).await, ("rodrigo is still there".to_owned(), 1));
    assert_eq!(lab.waits(Duration::ZERO, false, []).await, ("rodrigo is still there".to_owned(), 1));
    let failing = || Fault::answer(any("GET").once(), internal());
    let unknown = "unable to see whether the namespace is gone: Error from server (InternalError): no leader";
    assert_eq!(lab.waits(Duration::ZERO, false, [failing()]).await, (unknown.to_owned(), 1));
    let logged_out = Fault::answer(any("GET").once(), Canned::status(401, "Unauthorized", "Unauthorized"));
    let (said, looks) = lab.waits(LONG, false, [logged_out]).await;
    assert!(said.ends_with("You must be logged in to the server (Unauthorized)"), "{said}");
    assert_eq!(looks, 1);
    let signal = [lab.signal_with("GET")];
    assert_eq!(lab.waits(LONG, false, signal).await, ("rodrigo is still there".to_owned(), 2));
}

#[tokio::test]
async fn a_wait_looks_less_and_less_often() {
    let lab = Lab::stuck(&["kubernetes"], &[]).await;
    // At once, after 50 ms and after 150; the next would be too late. Where the machine is slow it is less often.
    let (said, looks) = lab.waits(Duration::from_millis(300), false, []).await;
    assert_eq!(said, "rodrigo is still there");
    assert!((1..=3).contains(&looks), "{looks}");
}

#[tokio::test]
async fn nothing_is_begun_after_the_deadline_or_a_signal() {
    let mut lab = Lab::new().await;
    assert_eq!(lab.executor().halted(), None);
    lab.deadline = Some(Instant::now() + LONG);
    assert_eq!(lab.executor().halted(), None);
    lab.deadline = Some(Instant::now());
    let over = "the time of --timeout is over";
    assert_eq!(lab.executor().halted().as_deref(), Some(over));
    assert_eq!(lab.executor().until_halted().await, over);
    // A read is still sent, to say what has become of it.
    assert_eq!(lab.executor().silenced(), None);
    lab.signal.send_replace(Some(Exit::Interrupted));
    for halted in [lab.executor().halted(), lab.executor().silenced()] {
        assert_eq!(halted.as_deref(), Some("interrupted"));
    }
    lab.deadline = None;
    assert_eq!(lab.executor().until_halted().await, "interrupted");
}

#[tokio::test]
async fn an_unattended_run_begins_nothing_on_a_server_in_trouble() {
    let mut lab = Lab::stuck(&["kubernetes"], &[]).await;
    lab.inject([Fault::answer(any("GET").times(3), internal())]);
    for _ in 0..3 {
        assert!(lab.cluster.namespace(NAME).await.is_err());
    }
    assert_eq!(lab.executor().silenced(), None);
    lab.settings.heed_trouble = true;
    let why = "stopped, because the API server is in trouble (3 reads in a row have failed, the last with: no leader)";
    assert_eq!(lab.executor().silenced().as_deref(), Some(why));
    assert_eq!(lab.executor().halted().as_deref(), Some(why));
}

#[tokio::test]
async fn a_namespace_is_left_alone_by_a_brake_or_by_another_rule() {
    use crate::plan::policy_file::ClearPolicy;
    let mut lab = Lab::stuck(&["kubernetes"], &[]).await;
    let fresh = lab.namespace();
    let why = |lab: &Lab| lab.executor().left_alone(&fresh).map(|problem| problem.message);
    assert_eq!(why(&lab), None);
    let limits = |exclude: &str| BulkLimits {
        older_than: Duration::ZERO,
        exclude: vec![exclude.parse().unwrap()],
        selector: None,
        max: 1,
        from: LimitsFrom::Flags,
    };
    lab.settings.limits = Some(limits("other"));
    assert_eq!(why(&lab), None);
    lab.settings.limits = Some(limits("rod*"));
    let excluded = "namespace/rodrigo is left alone: --exclude=rod* names it";
    assert_eq!(why(&lab).as_deref(), Some(excluded));
    lab.settings.limits = None;
    let file = "apiVersion: nsfix/v1\nkind: ClearPolicy\nolderThan: 1h\nrules:\n- namespaces: {names: [\"*\"]}\n  leftovers: refuse\n";
    let file = Arc::new(ClearPolicy::parse(file).unwrap());
    lab.settings.decided = Some(Decided { file: Arc::clone(&file), index: Some(0) });
    assert_eq!(why(&lab), None);
    lab.settings.decided = Some(Decided { file, index: Some(1) });
    let decided = "namespace/rodrigo is left alone: rules[0] (line 5) of the policy decides about it by now";
    assert_eq!(why(&lab).as_deref(), Some(decided));
}
