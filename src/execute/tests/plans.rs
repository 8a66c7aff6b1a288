//! Plans that are carried out: how each kind of step ends, and what the report says.

use super::objects::{CONFIGMAPS, HOLD, hold};
use super::*;
use crate::cluster::DryRun;
use crate::model::{Inventory, resource};
use crate::plan::{Action, Leftovers, Plan, Step};

pub(super) fn step(action: Action) -> Step {
    Step {
        action,
        target: "namespace/rodrigo".to_owned(),
        harm: String::new(),
        request: String::new(),
        kubectl: None,
    }
}

pub(super) fn finalize() -> Step {
    step(Action::Finalize { removes: vec!["kubernetes".to_owned()] })
}

pub(super) fn release() -> Step {
    let resource = resource("", "configmaps", "ConfigMap");
    let target = "ConfigMaps".to_owned();
    Step { target, ..step(Action::ReleaseObjects { resource, finalizers: hold() }) }
}

pub(super) fn wait() -> Step {
    step(Action::Wait)
}

fn remove_metadata_finalizer(name: &str) -> Step {
    step(Action::RemoveMetadataFinalizer { finalizer: name.to_owned() })
}

impl Lab {
    pub(super) fn plan(&self, steps: Vec<Step>) -> Plan {
        plan_of(self.namespace(), steps)
    }

    /// Carries the steps out, while these faults strike.
    pub(super) async fn runs(&self, steps: Vec<Step>, faults: impl IntoIterator<Item = Fault>) -> Report {
        let (plan, before) = (self.plan(steps), self.inside().await);
        self.sent();
        self.shown.borrow_mut().clear();
        self.inject(faults);
        let report = self.executor().run(&plan, &before).await;
        self.sandbox.clear_faults();
        let steps: Vec<String> = report.steps.iter().map(said_of).collect();
        assert_eq!(*self.shown.borrow(), steps, "what is shown is what is reported");
        report
    }

    /// The ConfigMaps and Secrets inside.
    pub(super) async fn inside(&self) -> Inventory {
        let types = vec![resource("", "configmaps", "ConfigMap"), resource("", "secrets", "Secret")];
        self.cluster.list_leftovers_of(types, &[NAME], 10).await.unwrap()[NAME].clone()
    }

    fn allow(&mut self, finalizers: &[&str]) {
        self.settings.policy.finalizers = finalizers.iter().map(|name| (*name).to_owned()).collect();
    }
}

pub(super) fn message(report: &Report) -> &str {
    report.problem.as_ref().map_or("", |problem| &problem.message)
}

pub(super) fn steps(report: &Report) -> Vec<String> {
    report.steps.iter().map(said_of).collect()
}

#[tokio::test]
async fn a_namespace_that_is_finalized_is_cleared_and_its_orphans_are_named() {
    let lab = Lab::holding(&["live"], &[], &[]).await;
    let report = lab.runs(vec![finalize()], []).await;
    assert_eq!((report.outcome, report.wrote, message(&report)), (Outcome::Cleared, true, ""));
    assert_eq!(steps(&report), ["Finalize Done: done"]);
    assert_eq!(report.orphans.iter().map(ToString::to_string).collect::<Vec<_>>(), ["1 ConfigMap"]);
    assert_eq!(report.backup, None);
}

#[tokio::test]
async fn only_after_the_last_step_it_is_seen_whether_the_namespace_is_gone() {
    let mut lab = Lab::stuck(&["kubernetes"], &["example.com/meta"]).await;
    lab.allow(&["example.com/meta"]);
    lab.settings.wait = Some(Duration::from_secs(20));
    let report = lab.runs(vec![finalize(), remove_metadata_finalizer("example.com/meta")], []).await;
    assert_eq!(report.outcome, Outcome::Cleared);
    assert_eq!(steps(&report), ["Finalize Done: done", "RemoveMetadataFinalizer Done: done"]);
    assert_eq!(lab.methods(), "GET PUT GET PATCH GET");
    // What still holds it is no reason to wait.
    let mut lab = Lab::stuck(&["kubernetes", HOLD], &[]).await;
    lab.allow(&[HOLD]);
    lab.settings.wait = Some(Duration::from_secs(20));
    let report = lab.runs(vec![finalize()], []).await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(
        message(&report),
        "namespace \"rodrigo\" is still there: held by spec finalizer example.com/hold"
    );
    let meta = Lab::stuck(&["kubernetes"], &["example.com/meta"]).await;
    let report = meta.runs(vec![finalize()], []).await;
    assert!(message(&report).contains("metadata finalizer example.com/meta"), "{}", message(&report));
    // Not needed any more, and still there.
    let report = lab.runs(vec![finalize()], []).await;
    assert_eq!(steps(&report), ["Finalize Skipped: not needed any more"]);
    assert_eq!((report.outcome, report.wrote), (Outcome::Failed, false));
}

#[tokio::test]
async fn after_a_rearm_the_controller_has_its_turn() {
    let lab = Lab::stuck(&[], &[]).await;
    let report = lab.runs(vec![step(Action::Rearm)], []).await;
    assert_eq!((report.outcome, report.wrote), (Outcome::Released, true));
    let still_there = "namespace \"rodrigo\" is still there: ";
    assert_eq!(message(&report), format!("{still_there}nothing more can be done about it now"));
    let (mut plan, before) = (lab.plan(vec![step(Action::Rearm)]), Inventory::default());
    plan.remains = vec!["1 Secret".to_owned(), "whatever is in a".to_owned()];
    let report = lab.executor().run(&plan, &before).await;
    assert_eq!((report.outcome, report.wrote), (Outcome::Failed, false));
    assert_eq!(message(&report), format!("{still_there}it still holds 1 Secret, whatever is in a"));
    let lab = Lab::stuck(&[], &[]).await;
    let report = lab.runs(vec![step(Action::DeleteAgain)], []).await;
    assert_eq!(
        (report.outcome, steps(&report)),
        (Outcome::Cleared, vec!["DeleteAgain Done: done".to_owned()])
    );
}

#[tokio::test]
async fn who_has_ended_it_decides_how_it_is_called() {
    let lab = Lab::stuck(&["kubernetes"], &[]).await;
    let gone = Fault::before(any("GET").once(), remove);
    let report = lab.runs(vec![finalize()], [gone]).await;
    assert_eq!((report.outcome, report.wrote), (Outcome::Unchanged, false));
    let forced = "Finalize Skipped: the namespace was gone already; nothing was forced";
    assert_eq!(steps(&report), [forced]);
    // A step before it has written.
    let lab = Lab::holding(&[], &["a"], &[HOLD]).await;
    let gone = Fault::before(Matcher::new("GET", PATH).skip(3).once(), remove);
    let report = lab.runs(vec![release(), finalize()], [gone]).await;
    assert_eq!((report.outcome, report.wrote), (Outcome::Cleared, true));
    assert_eq!(steps(&report), ["ReleaseObject Done: 1 done", forced]);
    // The answer was lost.
    let lab = Lab::stuck(&["kubernetes"], &[]).await;
    let lost = Fault::apply_then(any("PUT").once(), timeout());
    let report = lab.runs(vec![finalize()], [lost]).await;
    assert_eq!((report.outcome, report.wrote), (Outcome::Cleared, true));
    assert_eq!(steps(&report), ["Finalize Done: done"]);
    let lab = Lab::stuck(&["kubernetes"], &[]).await;
    let report = lab.runs(vec![finalize()], [Fault::answer(any("PUT"), timeout())]).await;
    assert_eq!((report.outcome, report.wrote), (Outcome::Failed, true));
    assert!(steps(&report)[0].starts_with("Finalize Failed: the answer to the write was lost"));
    let lab = Lab::stuck(&["kubernetes"], &[]).await;
    let report = lab.runs(vec![finalize()], [Fault::answer(any("PUT"), internal())]).await;
    assert_eq!((report.outcome, report.wrote), (Outcome::Failed, false));
    let replaced = Fault::before(any("GET").once(), replace);
    let report = lab.runs(vec![finalize()], [replaced]).await;
    assert_eq!((report.outcome, report.wrote), (Outcome::Refused, false));
}

#[tokio::test]
async fn a_dry_run_of_a_plan_stores_nothing_and_ends_as_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut lab = Lab::holding(&["live"], &["a"], &[HOLD]).await;
    lab.settings.dry_run = DryRun::Server;
    lab.settings.policy.leftovers = Leftovers::Release;
    lab.settings.backups = Some(crate::backup::Backups::in_dir(dir.path().to_owned()));
    let before = lab.namespace();
    let report = lab.runs(vec![release(), wait(), finalize()], []).await;
    assert_eq!((report.outcome, report.wrote, message(&report)), (Outcome::DryRun, false, ""));
    let accepted = "ReleaseObject DryRun: the server accepted 1 and stored nothing";
    assert_eq!(steps(&report), [accepted, "Finalize DryRun: the server accepted it and stored nothing"]);
    assert_eq!((lab.namespace(), report.backup), (before, None));
    assert_eq!(lab.api.list(CONFIGMAPS).unwrap().len(), 2);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    // It fails as the real one would.
    let report = lab.runs(vec![finalize()], [Fault::answer(any("PUT"), internal())]).await;
    assert_eq!(
        (report.outcome, message(&report)),
        (Outcome::Failed, "Error from server (InternalError): no leader")
    );
}

#[tokio::test]
async fn nothing_is_written_before_there_is_a_backup() {
    let dir = tempfile::tempdir().unwrap();
    let mut lab = Lab::holding(&["live"], &[], &[]).await;
    lab.settings.backups = Some(crate::backup::Backups::in_dir(dir.path().join("backups")));
    let unreadable = Fault::answer(Matcher::new("GET", CONFIGMAPS), internal());
    let report = lab.runs(vec![finalize()], [unreadable]).await;
    assert_eq!((report.outcome, report.steps.len()), (Outcome::Failed, 0));
    assert_eq!(message(&report), "unable to save configmaps before writing: no leader");
    // A signal comes between two types.
    let lab_dir = lab.settings.backups.take();
    lab = Lab::new().await;
    lab.settings.backups = lab_dir;
    lab.create(&["kubernetes"], &[]);
    for collection in [CONFIGMAPS, "/api/v1/namespaces/rodrigo/secrets"] {
        lab.api.create(collection, &json!({"metadata": {"name": "a"}})).unwrap();
    }
    lab.api.delete(PATH).unwrap();
    let signal = [lab.signal_with("GET")];
    let report = lab.runs(vec![finalize()], signal).await;
    assert_eq!((report.outcome, report.backup.is_none()), (Outcome::NotBegun, true));
    assert_eq!(message(&report), "interrupted; nothing was written");
    assert_eq!(std::fs::read_dir(dir.path().join("backups")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_backup_holds_the_namespace_and_what_is_inside() {
    let dir = tempfile::tempdir().unwrap();
    let mut lab = Lab::holding(&["live"], &[], &[]).await;
    lab.settings.backups = Some(crate::backup::Backups::in_dir(dir.path().join("backups")));
    let report = lab.runs(vec![finalize()], []).await;
    assert_eq!(report.outcome, Outcome::Cleared);
    let saved = std::fs::read_to_string(report.backup.unwrap()).unwrap();
    for part in ["\"kind\":\"Namespace\"", "\"name\":\"live\"", "# end of backup: 2 objects"] {
        assert!(saved.contains(part), "{part}: {saved}");
    }
    assert!(lab.activities.borrow().contains(&Activity::Saving));
    // There is no room for it.
    std::fs::write(dir.path().join("file"), "").unwrap();
    let mut lab = Lab::stuck(&["kubernetes"], &[]).await;
    lab.settings.backups = Some(crate::backup::Backups::in_dir(dir.path().join("file")));
    let report = lab.runs(vec![finalize()], []).await;
    assert_eq!((report.outcome, report.steps.len()), (Outcome::Failed, 0));
    assert!(message(&report).starts_with("unable to save a backup in "), "{}", message(&report));
    assert!(message(&report).ends_with("; nothing was written") && lab.exists());
}

#[tokio::test]
async fn a_signal_leaves_the_rest_unbegun() {
    let names: Vec<String> = (0..30).map(|index| format!("c{index:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let lab = Lab::holding(&[], &names, &[HOLD]).await;
    let signal = [lab.signal_with("PATCH")];
    let report = lab.runs(vec![release(), wait(), finalize()], signal).await;
    assert_eq!((report.outcome, report.wrote), (Outcome::Failed, true));
    assert_eq!(message(&report), "interrupted; namespace \"rodrigo\" is not done yet");
    let said = steps(&report);
    assert!(said[0].starts_with("ReleaseObject Skipped: ") && said[0].ends_with("not begun (interrupted)"));
    assert_eq!(said[1..], ["Wait Skipped: interrupted", "Finalize Skipped: interrupted"]);
    // The next one begins nothing at all.
    let report = lab.runs(vec![finalize(), wait()], []).await;
    assert_eq!((report.outcome, report.wrote), (Outcome::NotBegun, false));
    assert_eq!(steps(&report), ["Finalize Skipped: interrupted", "Wait Skipped: interrupted"]);
    let mut lab = Lab::stuck(&["kubernetes"], &[]).await;
    lab.deadline = Some(Instant::now());
    let report = lab.runs(vec![finalize()], []).await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(steps(&report), ["Finalize Skipped: the time of --timeout is over"]);
}
