//! Writes to many leftovers: what is refused in a row, what a signal leaves, and what a dry run says.

use super::objects::{CONFIGMAPS, HOLD, hold, path};
use super::*;
use crate::execute::objects::ObjectWrite;
use crate::model::resource;

/// A right that is missing, in the words of the authorizer.
fn missing_right() -> Canned {
    let message = r#"configmaps is forbidden: User "u" cannot patch resource "configmaps" in API group """#;
    Canned::status(403, "Forbidden", message)
}

async fn holding(count: usize) -> Lab {
    let names: Vec<String> = (0..count).map(|index| format!("c{index:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Lab::holding(&[], &names, &[HOLD]).await
}

/// The two numbers in `12 failed` and `18 not begun`.
fn number_before(text: &str, words: &str) -> usize {
    let before = text.split(words).next().unwrap();
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_right_that_is_missing_is_not_asked_for_a_hundred_times() {
    let lab = holding(30).await;
    let finalizers = hold();
    let fault = Fault::answer(Matcher::new("PATCH", CONFIGMAPS), missing_right());
    let counts = lab.writes_to(ObjectWrite::Release(&finalizers), None, [fault]).await.ok().unwrap();
    let (result, message) = counts.result(DryRun::None);
    assert_eq!(result, StepResult::Failed);
    assert!(message.ends_with(" not begun (10 in a row were refused)"), "{message}");
    let (failed, not_begun) = (number_before(&message, " failed"), number_before(&message, " not begun"));
    assert_eq!(failed + not_begun, 30, "{message}");
    // Those that were under way already are not called back.
    assert!((10..18).contains(&failed), "{message}");
    assert_eq!(lab.sent().iter().filter(|(method, ..)| method == "PATCH").count(), failed);
    assert!(!counts.wrote);
    // What has failed says why it ends.
    assert_eq!(counts.halted(), None);
}

#[tokio::test]
async fn what_a_webhook_refuses_of_one_object_it_need_not_refuse_of_the_next() {
    let lab = holding(30).await;
    let webhook = Canned::status(403, "Forbidden", "admission webhook \"w\" denied the request: no");
    for canned in [webhook, internal()] {
        let fault = Fault::answer(Matcher::new("PATCH", CONFIGMAPS), canned);
        let counts = lab.writes_to(ObjectWrite::Release(&hold()), None, [fault]).await.ok().unwrap();
        let message = counts.result(DryRun::None).1;
        assert!(message.starts_with("0 done, 30 failed") && !message.contains("not begun"), "{message}");
    }
}

#[tokio::test]
async fn what_is_refused_here_and_there_keeps_nothing_from_being_tried() {
    let lab = holding(40).await;
    let every_other = (0..40).step_by(2).map(|index| path(&format!("c{index:02}")));
    lab.inject(every_other.map(|path| Fault::answer(Matcher::new("PATCH", &path), missing_right())));
    let counts = lab.writes_to(ObjectWrite::Release(&hold()), None, []).await.ok().unwrap();
    let (_, message) = counts.result(DryRun::None);
    assert!(message.starts_with("20 done, 20 failed, the first: configmaps/c"), "{message}");
    assert!(!message.contains("not begun"), "{message}");
    assert!(counts.wrote);
}

#[tokio::test]
async fn after_a_signal_the_rest_is_not_begun() {
    let lab = holding(30).await;
    let signal = [lab.signal_with("PATCH")];
    let counts = lab.writes_to(ObjectWrite::Release(&hold()), None, signal).await.ok().unwrap();
    let (result, message) = counts.result(DryRun::None);
    assert_eq!(result, StepResult::Skipped);
    let (done, not_begun) = (number_before(&message, " done"), number_before(&message, " not begun"));
    assert_eq!(message, format!("{done} done; {not_begun} not begun (interrupted)"));
    assert_eq!(done + not_begun, 30);
    assert!(done > 0 && not_begun > 0, "{message}");
    assert_eq!(counts.halted(), Some("interrupted"));
    assert!(counts.wrote);
    // Nothing at all, the next time.
    let counts = lab.writes_to(ObjectWrite::Release(&hold()), None, []).await.ok().unwrap();
    assert_eq!(counts.result(DryRun::None).1, format!("0 done; {not_begun} not begun (interrupted)"));
    assert!(!counts.wrote);
}

#[tokio::test]
async fn what_was_sent_before_a_signal_is_not_called_unbegun() {
    let lab = holding(1).await;
    let faults = [lab.signal_with("PATCH"), Fault::answer(Matcher::new("PATCH", CONFIGMAPS), timeout())];
    let counts = lab.writes_to(ObjectWrite::Release(&hold()), None, faults).await.ok().unwrap();
    let why = "0 done, 1 failed, the first: configmaps/c00: the answer was lost, and then: interrupted";
    assert_eq!(counts.result(DryRun::None), (StepResult::Failed, why.to_owned()));
    assert!(counts.wrote && counts.halted().is_none());
}

#[tokio::test]
async fn where_all_went_well_nothing_has_halted_it() {
    let lab = holding(2).await;
    let counts = lab.writes_to(ObjectWrite::Release(&hold()), None, []).await.ok().unwrap();
    assert_eq!((counts.halted(), counts.not_rehearsed("2 ConfigMaps")), (None, None));
    let none = lab.writes_to(ObjectWrite::Release(&hold()), None, []).await.ok().unwrap();
    assert_eq!((none.halted(), none.wrote), (None, false));
    assert_eq!(lab.api.list(CONFIGMAPS).unwrap(), [Value::Null; 0]);
}

#[tokio::test]
async fn a_dry_run_of_a_release_stores_nothing() {
    let mut lab = holding(2).await;
    lab.settings.dry_run = DryRun::Server;
    let counts = lab.writes_to(ObjectWrite::Release(&hold()), None, []).await.ok().unwrap();
    let accepted = "the server accepted 2 and stored nothing".to_owned();
    assert_eq!(counts.result(DryRun::Server), (StepResult::DryRun, accepted));
    assert_eq!(lab.api.list(CONFIGMAPS).unwrap().len(), 2);
    let nothing = lab.writes_to(ObjectWrite::Delete, None, []).await.ok().unwrap();
    assert_eq!(nothing.result(DryRun::Server).0, StepResult::Skipped);
}

#[tokio::test]
async fn what_another_server_answers_is_not_rehearsed() {
    let mut lab = Lab::new().await;
    lab.create(&["kubernetes"], &[]);
    let version = json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}});
    let names = json!({"plural": "widgets", "kind": "Widget"});
    let crd = json!({
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "names": names, "scope": "Namespaced", "versions": [version]},
    });
    lab.api.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &crd).unwrap();
    let widgets = "/apis/example.com/v1/namespaces/rodrigo/widgets";
    for name in ["a", "b"] {
        let metadata = json!({"name": name, "finalizers": [HOLD]});
        let widget = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": metadata});
        lab.api.create(widgets, &widget).unwrap();
        lab.api.delete(&format!("{widgets}/{name}")).unwrap();
    }
    lab.api.delete(PATH).unwrap();
    let elsewhere = Canned::json(200, &json!({"spec": {"service": {"name": "widgets"}}}));
    lab.inject([Fault::answer(
        Matcher::new("GET", "/apis/apiregistration.k8s.io/v1/apiservices/"),
        elsewhere,
    )]);
    lab.settings.dry_run = DryRun::Server;
    let (ty, namespace) = (resource("example.com", "widgets", "Widget"), lab.namespace());
    let written = lab.executor().write_objects(&ty, &namespace, None, ObjectWrite::Release(&hold())).await;
    let counts = written.ok().unwrap();
    let why = "APIService v1.example.com is served by another server, which need not honour a dry run";
    let (result, message) = counts.result(DryRun::Server);
    assert_eq!(result, StepResult::DryRun);
    assert_eq!(message, format!("the server accepted 0 and stored nothing; 2 not rehearsed: {why}"));
    let warning = counts.not_rehearsed("2 Widgets").unwrap();
    let told = "2 Widgets: not rehearsed, and what its server would say is unknown: ";
    assert_eq!(warning, format!("{told}{why}"));
    assert!(lab.sent().iter().all(|(method, ..)| method == "GET"));
}
