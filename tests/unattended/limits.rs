//! What a run leaves alone, and what stops it before it begins.

use serde_json::json;

use super::{clear_all, is_there, stuck};
use crate::harness::Lab;
use crate::harness::fixtures::{finalize_path, path};
use crate::tests;

tests! {
    Both:
    every_one_that_the_selector_names_is_cleared,
    the_young_ones_are_left_alone,
    excluded_and_annotated_ones_are_left_alone,
    a_protected_one_is_refused_and_the_others_are_cleared,
    more_than_the_maximum_stops_the_run,
    what_is_still_in_use_is_refused,
    two_runs_at_once_do_no_harm;
    Controlled: an_empty_zombie_is_left_to_the_controller;
    Sandbox:
    everything_needs_an_age_and_a_policy,
    a_dry_run_of_everything_writes_nothing,
    nothing_stuck_is_no_error,
    a_cause_behind_many_is_told_once,
    the_report_tells_a_cause_behind_many_too,
    one_that_ends_by_itself_meanwhile_is_no_failure
}

async fn every_one_that_the_selector_names_is_cleared(lab: Lab) {
    let (selector, names) = stuck(&lab, &["a", "b", "c"]).await;
    let (_, others) = stuck(&lab, &["other"]).await;
    let ran = clear_all(&lab, &selector, &[]).await.expect(0);
    for name in &names {
        assert!(ran.stdout.contains(&format!("namespace/{name} finalized\n")), "{ran:?}");
        assert!(!is_there(&lab, name).await);
    }
    assert!(ran.stderr.contains("3 cleared ("), "{ran:?}");
    assert!(is_there(&lab, &others[0]).await);
}

async fn the_young_ones_are_left_alone(lab: Lab) {
    let (selector, names) = stuck(&lab, &["young"]).await;
    let arguments =
        ["clear", "--all", "--older-than=1h", "--leftovers=orphan", "--yes", "-l", &selector, "-v"];
    let ran = lab.nsfix(&arguments).run().await.expect(0);
    let expected = format!("namespace/{} is left alone: it is younger than --older-than", names[0]);
    assert!(ran.stderr.contains(&expected), "{ran:?}");
    assert!(is_there(&lab, &names[0]).await);
}

async fn excluded_and_annotated_ones_are_left_alone(lab: Lab) {
    let (selector, names) = stuck(&lab, &["team-a", "skipped", "plain"]).await;
    let skip = json!({"metadata": {"annotations": {"nsfix/skip": "true"}}});
    lab.patch(&path(&names[1]), &skip).await.expect(200);
    let ran = clear_all(&lab, &selector, &["--exclude=team-?-*", "--exclude=nothing"]).await.expect(0);
    assert_eq!(ran.stdout, format!("namespace/{} finalized\n", names[2]));
    assert!(ran.stderr.contains("is left alone: --exclude=team-?-* names it"), "{ran:?}");
    assert!(ran.stderr.contains("is left alone: it has the annotation nsfix/skip"), "{ran:?}");
    assert!(is_there(&lab, &names[0]).await && is_there(&lab, &names[1]).await);
}

async fn a_protected_one_is_refused_and_the_others_are_cleared(lab: Lab) {
    let (selector, names) = stuck(&lab, &["openshift-lab", "plain"]).await;
    let ran = clear_all(&lab, &selector, &["--max=1", "-o=json"]).await.expect(5);
    let outcome = |name: &str| {
        let report = ran.json();
        let items = report["items"].as_array().unwrap();
        items.iter().find(|item| item["namespace"] == name).map(|item| item["outcome"].clone())
    };
    assert_eq!(outcome(&names[0]), Some(json!("Refused")), "{ran:?}");
    assert_eq!(outcome(&names[1]), Some(json!("Cleared")), "{ran:?}");
    assert!(is_there(&lab, &names[0]).await);
}

async fn more_than_the_maximum_stops_the_run(lab: Lab) {
    let (selector, names) = stuck(&lab, &["a", "b", "c"]).await;
    let ran = clear_all(&lab, &selector, &["--max=2"]).await.expect(4);
    assert_eq!(
        ran.stderr.matches("3 namespaces would be written to, more than --max=2").count(),
        1,
        "{ran:?}"
    );
    // All of them have one thing in common, and it is said.
    assert!(ran.stderr.contains("3 refused ("), "{ran:?}");
    for name in &names {
        assert!(is_there(&lab, name).await);
    }
    let report = clear_all(&lab, &selector, &["--max=2", "-o=json"]).await.expect(4).json();
    assert_eq!(report["items"].as_array().unwrap().len(), 3, "{report}");
    clear_all(&lab, &selector, &["--max=3"]).await.expect(0);
}

async fn what_is_still_in_use_is_refused(lab: Lab) {
    let (selector, names) = stuck(&lab, &["full"]).await;
    let arguments = ["clear", "--all", "--older-than=0s", "--leftovers=refuse", "--yes", "-l", &selector];
    let ran = lab.nsfix(&arguments).run().await.expect(4);
    assert!(ran.stderr.contains("still holds 1 ConfigMap"), "{ran:?}");
    assert!(is_there(&lab, &names[0]).await);
}

async fn two_runs_at_once_do_no_harm(lab: Lab) {
    let (selector, names) = stuck(&lab, &["a", "b", "c", "d"]).await;
    let (one, other) = tokio::join!(clear_all(&lab, &selector, &[]), clear_all(&lab, &selector, &[]));
    let (one, other) = (one.expect(0), other.expect(0));
    for name in &names {
        assert!(!is_there(&lab, name).await);
        let line = format!("namespace/{name} finalized\n");
        assert!(one.stdout.contains(&line) || other.stdout.contains(&line), "{one:?} {other:?}");
    }
}

async fn everything_needs_an_age_and_a_policy(lab: Lab) {
    let enough = ["--older-than=1h", "--leftovers=refuse"];
    for arguments in [&enough[..1], &enough[1..], &["rodrigo", enough[0], enough[1]], &["--allow-protected"]]
    {
        let ran = lab.nsfix(&[&["clear", "--all", "--yes"], arguments].concat()).run().await.expect(2);
        assert!(ran.stderr.contains("--all"), "{ran:?}");
    }
    for brake in ["--older-than=1h", "--selector=a=b", "--exclude=x", "--max=1"] {
        lab.nsfix(&["clear", "rodrigo", "--yes", brake]).run().await.expect(2);
    }
    let ran = lab.nsfix(&["clear", "--all", enough[0], enough[1], "--exclude=A b"]).run().await.expect(2);
    assert!(ran.stderr.contains("use the characters of a namespace's name"), "{ran:?}");
}

async fn a_dry_run_of_everything_writes_nothing(lab: Lab) {
    let (selector, names) = stuck(&lab, &["a", "b"]).await;
    let ran = clear_all(&lab, &selector, &["--dry-run=client"]).await.expect(0);
    assert!(ran.stdout.contains(&format!("namespace/{} cleared (dry run)", names[0])), "{ran:?}");
    assert!(ran.stderr.contains("2 would be cleared ("), "{ran:?}");
    assert_eq!(lab.writes(), Vec::<String>::new());
    let ran = clear_all(&lab, &selector, &["--dry-run=server"]).await.expect(0);
    assert!(ran.stdout.contains(&format!("namespace/{} cleared (server dry run)", names[1])), "{ran:?}");
    assert_eq!(lab.writes(), Vec::<String>::new());
}

async fn nothing_stuck_is_no_error(lab: Lab) {
    let ran = clear_all(&lab, "nobody=has-it", &["-o=json"]).await.expect(0);
    assert_eq!(ran.json()["items"], json!([]));
    assert!(ran.stderr.contains("No stuck namespaces to clear."), "{ran:?}");
}

async fn a_cause_behind_many_is_told_once(lab: Lab) {
    lab.play("dead-apiservice").await;
    stuck(&lab, &["a", "b"]).await;
    let arguments = ["clear", "--all", "--older-than=0s", "--leftovers=orphan", "--yes", "--max=1"];
    let ran = lab.nsfix(&arguments).run().await.expect(4);
    assert!(ran.stderr.starts_with("Warning: one cause behind 3 namespaces: API "), "{ran:?}");
    assert_eq!(ran.stderr.matches("one cause behind 3 namespaces: API").count(), 1, "{ran:?}");
    let (_, hint) = ran.stderr.split_once("hint: ").unwrap();
    assert!(hint.contains("kubectl delete apiservice"), "{ran:?}");
}

async fn the_report_tells_a_cause_behind_many_too(lab: Lab) {
    lab.play("dead-apiservice").await;
    stuck(&lab, &["a"]).await;
    let ran = lab.nsfix(&["list-stuck", "-o", "wide"]).run().await.expect(0);
    assert_eq!(ran.stderr.matches("one cause behind 2 namespaces: API").count(), 1, "{ran:?}");
}

async fn one_that_ends_by_itself_meanwhile_is_no_failure(lab: Lab) {
    let (selector, names) = stuck(&lab, &["a", "b"]).await;
    let gone = names[0].clone();
    // Somebody finalizes it between the look and the write.
    let matcher = nsfix::sandbox::Matcher::new("GET", &path(&gone)).once();
    lab.the_sandbox().inject(nsfix::sandbox::Fault::before(matcher, move |api| {
        let mut body = api.get(&path(&gone)).unwrap();
        body["spec"]["finalizers"] = json!([]);
        api.update(&finalize_path(&gone), &body).unwrap();
    }));
    let ran = clear_all(&lab, &selector, &[]).await.expect(0);
    assert!(ran.stdout.contains("another client has finalized it"), "{ran:?}");
    assert!(ran.stdout.contains(&format!("namespace/{} finalized", names[1])), "{ran:?}");
}

/// So that a robot need not be allowed to delete namespaces.
async fn an_empty_zombie_is_left_to_the_controller(lab: Lab) {
    let name = lab.play_apart("zombie").await;
    let stuck = lab.get(&path(&name)).await.expect(200);
    let label = stuck["metadata"]["labels"]["kubernetes.io/metadata.name"].as_str().unwrap();
    let selector = format!("kubernetes.io/metadata.name={label}");
    let ran = clear_all(&lab, &selector, &["-o=json"]).await.expect(0);
    let item = &ran.json()["items"][0];
    assert_eq!(
        (&item["steps"][0]["step"], &item["outcome"]),
        (&json!("Rearm"), &json!("Cleared")),
        "{ran:?}"
    );
    assert!(!is_there(&lab, &name).await);
}
