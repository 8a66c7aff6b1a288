//! Others at the same time: a second nsfix, an owner that is alive, an answer that is lost.

use nsfix::sandbox::{Api, Canned, Fault, Matcher};
use serde_json::json;

use crate::harness::fixtures::{create, finalize_path, hold, path};
use crate::harness::{Lab, ended};
use crate::tests;

tests! {
    Sandbox:
    two_at_once_end_it_together,
    a_namespace_created_anew_before_the_release_is_left_alone,
    a_leftover_created_anew_before_its_release_is_left_alone,
    an_owner_that_is_alive_is_not_fought,
    a_release_whose_answer_was_lost_is_looked_after,
    a_deletion_whose_answer_was_lost_is_looked_after
}

pub(super) const RELEASE: [&str; 4] = ["--yes", "--leftovers=release", "--timeout=60s", "-o=json"];

/// In Terminating, with a ConfigMap that is held and a Secret that is live; no controller runs.
pub(super) async fn stuck(lab: &Lab) -> String {
    let name = Lab::unique("race");
    create(lab, &name).await;
    hold(lab, &name).await;
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "live"}});
    lab.post(&format!("{}/secrets", path(&name)), &secret).await.expect(201);
    lab.delete(&path(&name)).await.expect(200);
    lab.delete(&held(&name)).await.expect(200);
    name
}

fn held(name: &str) -> String {
    format!("{}/configmaps/held", path(name))
}

pub(super) fn sent(lab: &Lab, method: &str) -> usize {
    lab.writes().iter().filter(|write| write.starts_with(method)).count()
}

/// Nobody is left, neither the namespace nor anything without one.
pub(super) async fn is_all_gone(lab: &Lab, name: &str) {
    lab.get(&path(name)).await.expect(404);
    let orphans = lab.nsfix(&["orphans", name, "-o", "json"]).run().await.expect(0).json();
    assert_eq!(orphans["items"], json!([]), "{orphans}");
}

async fn two_at_once_end_it_together(lab: Lab) {
    for _ in 0..5 {
        let name = stuck(&lab).await;
        let clear = || lab.nsfix(&[&["clear", &name], &RELEASE[..]].concat()).start();
        let (one, other) = tokio::join!(ended(clear()), ended(clear()));
        let outcomes = [one, other].map(|ran| ran.expect(0).json()["items"][0]["outcome"].clone());
        assert!(outcomes.contains(&json!("Cleared")), "{outcomes:?}");
        is_all_gone(&lab, &name).await;
    }
}

/// The namespace ends, and another one of the same name, with an object of the same name, is stuck.
fn create_anew(api: &Api, name: &str) {
    api.patch(&held(name), &json!({"metadata": {"finalizers": null}})).unwrap();
    let mut body = api.get(&path(name)).unwrap();
    body["spec"]["finalizers"] = json!([]);
    api.update(&finalize_path(name), &body).unwrap();
    api.create("/api/v1/namespaces", &json!({"metadata": {"name": name}})).unwrap();
    let metadata = json!({"name": "held", "finalizers": ["example.com/hold"]});
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
    api.create(&format!("{}/configmaps", path(name)), &object).unwrap();
    api.delete(&held(name)).unwrap();
}

async fn is_left_alone(lab: &Lab, name: &str) {
    assert_eq!(sent(lab, "PATCH") + sent(lab, "PUT") + sent(lab, "DELETE"), 0);
    let finalizers = &lab.get(&held(name)).await.expect(200)["metadata"]["finalizers"];
    assert_eq!(finalizers, &json!(["example.com/hold"]));
    lab.get(&format!("{}/secrets/live", path(name))).await.expect(200);
}

async fn a_namespace_created_anew_before_the_release_is_left_alone(lab: Lab) {
    let name = stuck(&lab).await;
    let again = name.clone();
    // The list that the release begins with: after the look and the backup.
    let matcher = Matcher::new("GET", &format!("{}/configmaps", path(&name))).skip(2).once();
    lab.the_sandbox().inject(Fault::before(matcher, move |api| create_anew(api, &again)));
    let ran = lab.nsfix(&[&["clear", &name], &RELEASE[..]].concat()).run().await.expect(4);
    assert!(ran.stderr.contains("another one of the same name"), "{ran:?}");
    is_left_alone(&lab, &name).await;
}

async fn a_leftover_created_anew_before_its_release_is_left_alone(lab: Lab) {
    let name = stuck(&lab).await;
    let again = name.clone();
    let read = Matcher::new("GET", &held(&name)).once();
    lab.the_sandbox().inject(Fault::before(read, move |api| create_anew(api, &again)));
    lab.nsfix(&[&["clear", &name], &RELEASE[..]].concat()).run().await.expect(4);
    is_left_alone(&lab, &name).await;
}

async fn an_owner_that_is_alive_is_not_fought(lab: Lab) {
    let name = stuck(&lab).await;
    // An admission webhook of the owner's puts the finalizer back: the release is accepted, and for nothing.
    let kept = lab.get(&held(&name)).await.expect(200);
    let patch = Matcher::new("PATCH", &held(&name));
    lab.the_sandbox().inject(Fault::answer(patch, Canned::json(200, &kept)));
    let ran = lab.nsfix(&[&["clear", &name], &RELEASE[..]].concat()).run().await.expect(1);
    assert!(ran.stderr.contains("kept finalizer example.com/hold"), "{ran:?}");
    assert_eq!(ran.json()["items"][0]["outcome"], "Failed");
    assert_eq!(sent(&lab, "PUT"), 0);
    assert!(sent(&lab, "PATCH") <= 4, "{}", sent(&lab, "PATCH"));
}

/// The write happens and its answer is lost; the report says that it was done.
async fn is_done_although_lost(lab: &Lab, method: &str, step: &str) {
    let name = stuck(lab).await;
    let lost = Canned::status(504, "Timeout", "request did not complete within requested timeout");
    lab.the_sandbox().inject(Fault::apply_then(Matcher::new(method, &path(&name)), lost));
    let ran = lab.nsfix(&[&["clear", &name], &RELEASE[..]].concat()).run().await.expect(0);
    let item = &ran.json()["items"][0];
    let steps = item["steps"].as_array().unwrap();
    let done = steps.iter().find(|each| each["step"] == step).unwrap();
    assert_eq!((&done["result"], &done["message"]), (&json!("Done"), &json!("1 done")), "{item}");
    assert_eq!(sent(lab, method), 1);
    is_all_gone(lab, &name).await;
}

async fn a_release_whose_answer_was_lost_is_looked_after(lab: Lab) {
    is_done_although_lost(&lab, "PATCH", "ReleaseObject").await;
}

async fn a_deletion_whose_answer_was_lost_is_looked_after(lab: Lab) {
    is_done_although_lost(&lab, "DELETE", "DeleteObject").await;
}
