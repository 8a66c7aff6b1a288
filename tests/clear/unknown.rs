//! What could not be looked at stays unknown, and is asked about again.

use std::time::Duration;

use nsfix::sandbox::{Canned, Fault, Matcher, Options};
use serde_json::{Value, json};

use super::clear;
use crate::harness::Lab;
use crate::harness::fixtures::{finalize_path, path, terminating};
use crate::tests;

tests! {
    Sandbox:
    what_failed_once_is_asked_about_again_before_the_put,
    what_could_not_be_looked_at_is_looked_for_when_the_namespace_is_gone,
    what_stays_unknown_to_the_end_is_told,
    what_failed_before_a_conflict_is_asked_about_after_it,
    what_somebody_else_ended_and_could_not_be_looked_at_is_told,
    a_zombie_is_not_rearmed_over_what_was_unknown,
    what_the_server_counts_and_does_not_show_is_unknown,
    a_list_has_the_time_that_was_asked_for
}

/// A namespace that nobody has emptied, and the list of its ConfigMaps.
async fn stuck() -> (Lab, String, Matcher) {
    let lab = Lab::sandbox(Options { controller: None, ..Options::empty() }).await;
    let name = terminating(&lab).await;
    let list = Matcher::new("GET", &format!("{}/configmaps", path(&name))).query("limit=500");
    (lab, name, list)
}

fn bad_moment() -> Canned {
    Canned::status(500, "InternalError", "etcdserver: leader changed")
}

async fn is_armed(lab: &Lab, name: &str) {
    let namespace = lab.get(&path(name)).await.expect(200);
    assert_eq!(namespace["spec"]["finalizers"], json!(["kubernetes"]), "{namespace}");
}

/// It was neither shown nor saved.
async fn what_failed_once_is_asked_about_again_before_the_put(_: Lab) {
    for leftovers in ["--leftovers=ask", "--leftovers=orphan"] {
        let (lab, name, list) = stuck().await;
        lab.the_sandbox().inject(Fault::answer(list.once(), bad_moment()));
        let ran = clear(&lab, &name, &[leftovers]).await.expect(4);
        assert!(ran.stderr.contains("now it holds 1 ConfigMap more"), "{ran:?}");
        is_armed(&lab, &name).await;
    }
    let (lab, name, list) = stuck().await;
    lab.the_sandbox().inject(Fault::answer(list.once(), bad_moment()));
    clear(&lab, &name, &[]).await.expect(4);
    let ran = clear(&lab, &name, &[]).await.expect(4);
    assert!(ran.stderr.contains("1 live object"), "{ran:?}");
    is_armed(&lab, &name).await;
}

/// Rule 8.
async fn what_could_not_be_looked_at_is_looked_for_when_the_namespace_is_gone(_: Lab) {
    let (lab, name, list) = stuck().await;
    lab.the_sandbox().inject(Fault::answer(list.times(2), bad_moment()));
    let item = clear(&lab, &name, &["-o=json"]).await.expect(0).json()["items"][0].clone();
    assert_eq!(item["outcome"], "Cleared", "{item}");
    assert_eq!(item["orphans"][0]["resource"], "configmaps", "{item}");
    assert_eq!(item["couldNotLook"], json!([]), "{item}");
}

async fn what_stays_unknown_to_the_end_is_told(_: Lab) {
    let (lab, name, list) = stuck().await;
    lab.the_sandbox().inject(Fault::answer(list, bad_moment()));
    let item = clear(&lab, &name, &["-o=json"]).await.expect(0).json()["items"][0].clone();
    let gaps: Vec<&Value> =
        item["couldNotLook"].as_array().unwrap().iter().map(|gap| &gap["resource"]).collect();
    assert_eq!(gaps, ["configmaps"], "{item}");
}

/// Rule 3: the plan still has to hold.
async fn what_failed_before_a_conflict_is_asked_about_after_it(_: Lab) {
    let (lab, name, list) = stuck().await;
    lab.the_sandbox().inject(Fault::answer(list.times(2), bad_moment()));
    let conflict = Canned::status(409, "Conflict", "the object has been modified");
    lab.the_sandbox().inject(Fault::answer(Matcher::new("PUT", &finalize_path(&name)).once(), conflict));
    let ran = clear(&lab, &name, &[]).await.expect(4);
    assert!(ran.stderr.contains("now it holds 1 ConfigMap more"), "{ran:?}");
    is_armed(&lab, &name).await;
}

async fn what_somebody_else_ended_and_could_not_be_looked_at_is_told(_: Lab) {
    let (lab, name, list) = stuck().await;
    let gone = name.clone();
    lab.the_sandbox().inject(Fault::before(Matcher::new("GET", &path(&name)).skip(1).once(), move |api| {
        let mut body = api.get(&path(&gone)).unwrap();
        body["spec"]["finalizers"] = json!([]);
        api.update(&finalize_path(&gone), &body).unwrap();
    }));
    lab.the_sandbox().inject(Fault::answer(list.skip(1), bad_moment()));
    let ran = clear(&lab, &name, &["--leftovers=orphan"]).await.expect(0);
    assert!(ran.stdout.contains("gone: nothing was forced by nsfix"), "{ran:?}");
    assert!(ran.stderr.contains("could not look for orphans in configmaps"), "{ran:?}");
}

/// The controller would delete what nobody has seen or saved.
async fn a_zombie_is_not_rearmed_over_what_was_unknown(_: Lab) {
    let lab = Lab::sandbox(Options { controller: None, ..Options::empty() }).await;
    let name = lab.play_apart("disarmed").await;
    let list = Matcher::new("GET", &format!("{}/configmaps", path(&name))).query("limit=500");
    lab.the_sandbox().inject(Fault::answer(list.clone().once(), bad_moment()));
    let ran = clear(&lab, &name, &["--no-backup"]).await.expect(4);
    assert!(ran.stderr.contains("now it holds") && lab.writes().is_empty(), "{ran:?}");
    // Rule 6: what cannot be looked at cannot be saved.
    lab.the_sandbox().inject(Fault::answer(list, bad_moment()));
    for how in ["--dry-run=client", "--dry-run=server", "--leftovers=release", "--leftovers=orphan"] {
        let ran = clear(&lab, &name, &[how]).await.expect(4);
        assert!(ran.stderr.contains("would be deleted without a backup"), "{ran:?}");
    }
    assert_eq!(lab.writes(), Vec::<String>::new());
    clear(&lab, &name, &["--no-backup", "--wait=false"]).await;
    assert!(lab.writes().iter().any(|write| write.starts_with("PUT")), "{:?}", lab.writes());
}

/// Rule 4.
async fn what_the_server_counts_and_does_not_show_is_unknown(_: Lab) {
    let (lab, name, list) = stuck().await;
    let hidden = json!({
        "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "items": [],
        "metadata": {"resourceVersion": "1", "remainingItemCount": 5},
    });
    lab.the_sandbox().inject(Fault::answer(list, Canned::json(200, &hidden)));
    let ran = clear(&lab, &name, &["--leftovers=refuse"]).await.expect(4);
    assert!(ran.stderr.contains("configmaps"), "{ran:?}");
    is_armed(&lab, &name).await;
}

async fn a_list_has_the_time_that_was_asked_for(_: Lab) {
    let (lab, name, list) = stuck().await;
    lab.the_sandbox().inject(Fault::delay(list, Duration::from_millis(5_500)));
    let ran = clear(&lab, &name, &["--request-timeout=1m"]).await.expect(4);
    assert!(ran.stderr.contains("1 live object"), "{ran:?}");
}
