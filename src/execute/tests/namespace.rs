//! Writes to the namespace itself: what the server answers, which requests are sent, and what is concluded.

use super::*;
use crate::execute::namespace::{NamespaceWrite, NamespaceWriteOutcome, replaced};
use crate::plan::LimitsFrom;

const GAVE_UP: &str = "gave up on namespace \"rodrigo\" after 6 attempts; the last: ";
const LOST: &str = "the answer to the write was lost, and then: ";

fn said(outcome: NamespaceWriteOutcome) -> String {
    match outcome {
        NamespaceWriteOutcome::Accepted => "accepted".to_owned(),
        NamespaceWriteOutcome::NotNeeded => "not needed".to_owned(),
        NamespaceWriteOutcome::Gone { by_us } => format!("gone, by us: {by_us}"),
        NamespaceWriteOutcome::Ended(outcome, problem)
        | NamespaceWriteOutcome::Withheld(outcome, problem) => format!("{outcome}: {}", problem.message),
        NamespaceWriteOutcome::Replaced => format!("Refused: {}", replaced(NAME).message),
        NamespaceWriteOutcome::Unknown(problem) => format!("unknown: {}", problem.message),
        NamespaceWriteOutcome::Halted(why) => format!("halted: {why}"),
    }
}

impl Lab {
    /// Writes what was planned for the namespace as it is now, while these faults strike.
    async fn writes(
        &self,
        write: NamespaceWrite<'_>,
        faults: impl IntoIterator<Item = Fault>,
    ) -> (String, String) {
        let plan = plan_of(self.namespace(), Vec::new());
        self.inject(faults);
        let outcome = self.executor().write_namespace(&plan, write, async || None).await;
        self.sandbox.clear_faults();
        (said(outcome), self.methods())
    }
}

async fn finalizes(faults: impl IntoIterator<Item = Fault>) -> (String, String) {
    let lab = Lab::stuck(&["kubernetes"], &[]).await;
    lab.writes(NamespaceWrite::Finalize(&kubernetes()), faults).await
}

fn kubernetes() -> Vec<String> {
    vec!["kubernetes".to_owned()]
}

fn is(outcome: &str, methods: &str) -> (String, String) {
    (outcome.to_owned(), methods.to_owned())
}

#[tokio::test]
async fn a_put_takes_off_what_was_named_and_nothing_else() {
    let mut lab = Lab::stuck(&["kubernetes", "example.com/hold"], &["example.com/meta"]).await;
    lab.settings.policy.finalizers = vec!["example.com/hold".to_owned(), "example.com/meta".to_owned()];
    let before = lab.namespace();
    let removes = kubernetes();
    let plan = plan_of(before.clone(), Vec::new());
    let outcome =
        lab.executor().write_namespace(&plan, NamespaceWrite::Finalize(&removes), async || None).await;
    assert_eq!(said(outcome), "accepted");
    let sent = lab.sent();
    assert_eq!(sent[1].1, format!("{PATH}/finalize"));
    assert_eq!(sent[1].2, before.without_spec_finalizers(&["kubernetes"]));
    assert_eq!(lab.namespace().spec_finalizers, ["example.com/hold"]);
    let meta = NamespaceWrite::RemoveMetadataFinalizer("example.com/meta");
    assert_eq!(lab.writes(meta, []).await, is("accepted", "GET PATCH"));
    assert_eq!(lab.namespace().metadata_finalizers, [""; 0]);
    for write in
        [NamespaceWrite::Finalize(&removes), meta, NamespaceWrite::Rearm, NamespaceWrite::DeleteAgain]
    {
        assert_eq!(lab.writes(write, []).await, is("not needed", "GET"), "{write:?}");
    }
}

#[tokio::test]
async fn of_several_metadata_finalizers_one_is_taken_off() {
    let mut lab = Lab::stuck(&["kubernetes"], &["a.com/x", "b.com/y"]).await;
    lab.settings.policy.finalizers = vec!["a.com/x".to_owned(), "b.com/y".to_owned()];
    let write = NamespaceWrite::RemoveMetadataFinalizer("a.com/x");
    assert_eq!(lab.writes(write, []).await, is("accepted", "GET PATCH"));
    assert_eq!(lab.namespace().metadata_finalizers, ["b.com/y"]);
    assert_eq!(lab.writes(write, []).await, is("not needed", "GET"));
}

#[tokio::test]
async fn a_conflict_is_read_again_a_bounded_number_of_times() {
    let label = |api: &Api| drop(api.patch(PATH, &json!({"metadata": {"labels": {"a": "b"}}})).unwrap());
    let once = Fault::before(any("PUT").once(), label);
    assert_eq!(finalizes([once]).await, is("accepted", "GET PUT GET PUT"));
    let (outcome, methods) = finalizes([Fault::answer(any("PUT"), conflict())]).await;
    assert!(outcome.starts_with(&format!("Failed: {GAVE_UP}Error from server (Conflict)")), "{outcome}");
    assert_eq!(methods, ["GET PUT"; 6].join(" "));
}

#[tokio::test]
async fn a_lost_answer_is_cleared_up_by_the_next_read() {
    let lost = || Fault::apply_then(any("PUT").once(), timeout());
    assert_eq!(finalizes([lost()]).await, is("gone, by us: true", "GET PUT GET"));
    let another = Fault::before(any("GET").skip(1).once(), |api| create(api, &["kubernetes"], &[]));
    assert_eq!(finalizes([lost(), another]).await, is("gone, by us: true", "GET PUT GET"));
    // It was not carried out.
    let refused = Fault::answer(any("PUT").once(), timeout());
    assert_eq!(finalizes([refused]).await, is("accepted", "GET PUT GET PUT"));
    let reset = Fault::reset(any("PUT").once());
    assert_eq!(finalizes([reset]).await, is("accepted", "GET PUT GET PUT"));
    // Something else holds the namespace still.
    let mut lab = Lab::stuck(&["kubernetes", "example.com/hold"], &[]).await;
    lab.settings.policy.finalizers.push("example.com/hold".to_owned());
    let carried_out = lab.writes(NamespaceWrite::Finalize(&kubernetes()), [lost()]).await;
    assert_eq!(carried_out, is("accepted", "GET PUT GET"));
}

#[tokio::test]
async fn what_nobody_could_see_stays_unknown() {
    let (outcome, methods) = finalizes([Fault::answer(any("PUT"), timeout())]).await;
    assert!(
        outcome.starts_with(&format!("unknown: {LOST}{GAVE_UP}Error from server (Timeout)")),
        "{outcome}"
    );
    assert_eq!(methods, ["GET PUT"; 6].join(" "));
    let lost = || Fault::apply_then(any("PUT").once(), timeout());
    let unreadable = Fault::answer(any("GET").skip(1), internal());
    let unknown = format!("unknown: {LOST}Error from server (InternalError): no leader");
    assert_eq!(finalizes([lost(), unreadable]).await, is(&unknown, "GET PUT GET"));
    // Refused at the second attempt: that says nothing of the first.
    let faults = [Fault::answer(any("PUT").once(), timeout()), Fault::answer(any("PUT").skip(1), internal())];
    assert_eq!(finalizes(faults).await, is(&unknown, "GET PUT GET PUT"));
}

#[tokio::test]
async fn a_namespace_that_is_gone_or_another_one_is_not_written_to() {
    let gone = Fault::before(any("GET").once(), remove);
    assert_eq!(finalizes([gone]).await, is("gone, by us: false", "GET"));
    let in_between = Fault::before(any("PUT").once(), remove);
    assert_eq!(finalizes([in_between]).await, is("gone, by us: false", "GET PUT"));
    let another = "Refused: namespace \"rodrigo\" is another one of the same name by now (its uid differs)";
    let replaced = Fault::before(any("GET").once(), replace);
    assert_eq!(finalizes([replaced]).await, is(another, "GET"));
    let replaced = Fault::before(any("PUT").once(), replace);
    assert_eq!(finalizes([replaced]).await, is(another, "GET PUT GET"));
}

#[tokio::test]
async fn a_read_that_breaks_off_is_sent_again_and_one_that_fails_is_not() {
    assert_eq!(finalizes([Fault::truncate(any("GET").once())]).await, is("accepted", "GET GET PUT"));
    let (outcome, methods) = finalizes([Fault::truncate(any("GET"))]).await;
    assert!(outcome.starts_with(&format!("Failed: {GAVE_UP}the answer of the server")), "{outcome}");
    assert_eq!(methods, ["GET"; 6].join(" "));
    let failed = "Failed: Error from server (InternalError): no leader";
    assert_eq!(finalizes([Fault::answer(any("GET"), internal())]).await, is(failed, "GET"));
    assert_eq!(finalizes([Fault::answer(any("PUT"), internal())]).await, is(failed, "GET PUT"));
}

#[tokio::test]
async fn a_success_that_leaves_the_finalizer_is_none() {
    let lab = Lab::stuck(&["kubernetes"], &["example.com/meta"]).await;
    let unchanged = |method: &str| Fault::answer(any(method), Canned::json(200, &lab.api.get(PATH).unwrap()));
    let kept = |name: &str| {
        format!(
            "Failed: the server accepted the change and kept finalizer {name}: a mutating webhook or policy puts it back"
        )
    };
    let mut allowing = Lab::stuck(&["kubernetes"], &["example.com/meta"]).await;
    allowing.settings.policy.finalizers.push("example.com/meta".to_owned());
    let outcome = allowing.writes(NamespaceWrite::Finalize(&kubernetes()), [unchanged("PUT")]).await;
    assert_eq!(outcome, is(&kept("kubernetes"), "GET PUT"));
    let write = NamespaceWrite::RemoveMetadataFinalizer("example.com/meta");
    let outcome = allowing.writes(write, [unchanged("PATCH")]).await;
    assert_eq!(outcome, is(&kept("example.com/meta"), "GET PATCH"));
}

#[tokio::test]
async fn a_zombie_is_rearmed_or_deleted_again() {
    let lab = Lab::stuck(&[], &[]).await;
    assert!(lab.namespace().is_zombie());
    let left_out = Fault::answer(any("PUT"), Canned::json(200, &lab.api.get(PATH).unwrap()));
    let why = "Failed: the server accepted the change and left the \"kubernetes\" finalizer out";
    assert_eq!(lab.writes(NamespaceWrite::Rearm, [left_out]).await, is(why, "GET PUT"));
    assert_eq!(lab.writes(NamespaceWrite::Rearm, []).await, is("accepted", "GET PUT"));
    assert_eq!(lab.namespace().spec_finalizers, ["kubernetes"]);
    let lab = Lab::stuck(&[], &[]).await;
    assert_eq!(lab.writes(NamespaceWrite::DeleteAgain, []).await, is("accepted", "GET DELETE"));
    assert!(!lab.exists());
}

#[tokio::test]
async fn a_rule_and_a_brake_hold_at_the_moment_of_the_write() {
    let held = Fault::before(any("GET").once(), |api| {
        let mut namespace = api.get(PATH).unwrap();
        namespace["spec"]["finalizers"] = json!(["kubernetes", "example.com/new"]);
        api.update(&format!("{PATH}/finalize"), &namespace).unwrap();
    });
    let (outcome, methods) = finalizes([held]).await;
    let why = "Refused: namespace \"rodrigo\" is also held by spec finalizer example.com/new";
    assert!(outcome.starts_with(why), "{outcome}");
    assert_eq!(methods, "GET");
    let mut lab = Lab::stuck(&["kubernetes"], &[]).await;
    lab.settings.limits = Some(BulkLimits {
        older_than: Duration::ZERO,
        exclude: Vec::new(),
        selector: None,
        max: 1,
        from: LimitsFrom::Flags,
    });
    let skip = Fault::before(any("GET").once(), |api| {
        api.patch(PATH, &json!({"metadata": {"annotations": {"nsfix/skip": "true"}}})).unwrap();
    });
    let why = "Refused: namespace/rodrigo is left alone: it has the annotation nsfix/skip";
    assert_eq!(lab.writes(NamespaceWrite::Finalize(&kubernetes()), [skip]).await, is(why, "GET"));
    lab.api.patch(PATH, &json!({"metadata": {"annotations": {"nsfix/skip": null}}})).unwrap();
    assert_eq!(
        lab.writes(NamespaceWrite::Finalize(&kubernetes()), []).await,
        is("accepted", "GET PUT"),
        "nothing holds it back any more"
    );
}

#[tokio::test]
async fn nothing_is_begun_after_a_signal_and_what_was_sent_stays_unknown() {
    let lab = Lab::stuck(&["kubernetes"], &[]).await;
    let faults = [lab.signal_with("PUT"), Fault::answer(any("PUT"), timeout())];
    let outcome = lab.writes(NamespaceWrite::Finalize(&kubernetes()), faults).await;
    assert_eq!(outcome, is(&format!("unknown: {LOST}interrupted"), "GET PUT"));
    let outcome = lab.writes(NamespaceWrite::Finalize(&kubernetes()), []).await;
    assert_eq!(outcome, is("halted: interrupted", ""));
}

#[tokio::test]
async fn a_dry_run_stores_nothing() {
    let mut lab = Lab::stuck(&["kubernetes"], &["example.com/meta"]).await;
    lab.settings.policy.finalizers.push("example.com/meta".to_owned());
    lab.settings.dry_run = DryRun::Server;
    let before = lab.namespace();
    for write in
        [NamespaceWrite::Finalize(&kubernetes()), NamespaceWrite::RemoveMetadataFinalizer("example.com/meta")]
    {
        assert_eq!(lab.writes(write, []).await.0, "accepted");
        assert_eq!(lab.namespace(), before);
    }
}

#[test]
fn what_a_write_can_do_is_known_before_it_is_sent() {
    let removes = kubernetes();
    for (write, may_end_it, may_be_the_last) in [
        (NamespaceWrite::Finalize(&removes), true, true),
        (NamespaceWrite::RemoveMetadataFinalizer("a"), true, true),
        (NamespaceWrite::Rearm, false, false),
        (NamespaceWrite::DeleteAgain, false, true),
    ] {
        assert_eq!((write.may_end_it(), write.may_be_the_last()), (may_end_it, may_be_the_last), "{write:?}");
    }
    let problem = || Problem::new("no");
    for (outcome, may_have_written) in [
        (NamespaceWriteOutcome::Accepted, true),
        (NamespaceWriteOutcome::Gone { by_us: true }, true),
        (NamespaceWriteOutcome::Unknown(problem()), true),
        (NamespaceWriteOutcome::Gone { by_us: false }, false),
        (NamespaceWriteOutcome::NotNeeded, false),
        (NamespaceWriteOutcome::Ended(Outcome::Failed, problem()), false),
        (NamespaceWriteOutcome::Halted(String::new()), false),
    ] {
        let written = outcome.may_have_written();
        assert_eq!(written, may_have_written, "{}", said(outcome));
    }
}
