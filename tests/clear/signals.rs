//! A signal ends after the request in flight, with a report; the same command finishes later.

use std::time::Duration;

use nsfix::sandbox::{Fault, Matcher};
use serde_json::{Value, json};

use super::races::{RELEASE, is_all_gone, sent, stuck};
use crate::harness::fixtures::{create, path};
use crate::harness::{Lab, ended, until};
use crate::tests;

tests! {
    Sandbox:
    a_signal_while_looking_is_reported,
    a_signal_during_a_deletion_ends_after_it,
    a_signal_during_a_release_ends_after_it,
    a_signal_while_waiting_ends_the_wait,
    a_signal_during_the_put_ends_after_it,
    what_a_signal_left_of_a_release_is_not_called_failed,
    a_signal_during_the_last_look_leaves_the_put_unbegun,
    a_signal_is_reported_in_words_too
}

/// SIGHUP as well, unless the tests themselves run under nohup: what is ignored stays so.
fn signals() -> Vec<(&'static str, i32)> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignores =
        ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|it| it & 1 == 1);
    let mut signals = vec![("-INT", 130), ("-TERM", 143)];
    if !ignores {
        signals.push(("-HUP", 129));
    }
    signals
}

fn kill(child: &tokio::process::Child, signal: &str) {
    let pid = child.id().expect("it runs").to_string();
    assert!(std::process::Command::new("kill").args([signal, &pid]).status().unwrap().success());
}

/// Sends a signal once this has come to pass, and returns the item of the report.
async fn signalled(
    lab: &Lab,
    name: &str,
    (signal, code): (&str, i32),
    timeout: &str,
    at: impl Fn() -> bool,
) -> Value {
    let child = lab.nsfix(&["clear", name, "--yes", "--leftovers=release", timeout, "-o=json"]).start();
    until(at).await;
    kill(&child, signal);
    let ran = ended(child).await.expect(code);
    let item = ran.json()["items"][0].clone();
    if item["outcome"] != "Cleared" {
        let message = item["message"].as_str().unwrap();
        assert!(message.contains("interrupted") && ran.stderr.contains("interrupted"), "{ran:?}");
    }
    item
}

fn results(item: &Value) -> Vec<String> {
    let steps = item["steps"].as_array().unwrap().iter();
    steps.map(|step| format!("{} {}", step["step"], step["result"]).replace('"', "")).collect()
}

/// Whatever a signal cut short, the same command finishes.
async fn is_finished_by_a_second_run(lab: &Lab, name: &str) {
    lab.the_sandbox().clear_faults();
    lab.nsfix(&[&["clear", name], &RELEASE[..]].concat()).run().await.expect(0);
    is_all_gone(lab, name).await;
}

async fn a_signal_while_looking_is_reported(lab: Lab) {
    for signal in signals() {
        let name = stuck(&lab).await;
        lab.the_sandbox().forget_requests();
        lab.the_sandbox().inject(Fault::hang(Matcher::new("GET", "/apis")));
        let seen = || lab.the_sandbox().requests().iter().any(|each| each.path_and_query == "/apis");
        let item = signalled(&lab, &name, signal, "--timeout=60s", seen).await;
        assert_eq!((&item["outcome"], &item["steps"]), (&json!("NotBegun"), &json!([])));
        is_finished_by_a_second_run(&lab, &name).await;
    }
}

/// The signal comes while a request of this method is under way.
async fn during(lab: &Lab, method: &str, expected: &[&str]) {
    for signal in signals() {
        let name = stuck(lab).await;
        lab.the_sandbox().forget_requests();
        let slow = Duration::from_millis(500);
        lab.the_sandbox().inject(Fault::delay(Matcher::new(method, &path(&name)), slow));
        let item = signalled(lab, &name, signal, "--timeout=60s", || sent(lab, method) > 0).await;
        assert_eq!(results(&item), expected, "{item}");
        if item["outcome"] == "Cleared" {
            is_all_gone(lab, &name).await;
        } else {
            is_finished_by_a_second_run(lab, &name).await;
        }
    }
}

async fn a_signal_during_a_deletion_ends_after_it(lab: Lab) {
    during(&lab, "DELETE", &["ReleaseObject Done", "DeleteObject Done", "Wait Skipped", "Finalize Skipped"])
        .await;
}

async fn a_signal_during_a_release_ends_after_it(lab: Lab) {
    during(
        &lab,
        "PATCH",
        &["ReleaseObject Done", "DeleteObject Skipped", "Wait Skipped", "Finalize Skipped"],
    )
    .await;
}

async fn a_signal_during_the_put_ends_after_it(lab: Lab) {
    during(&lab, "PUT", &["ReleaseObject Done", "DeleteObject Done", "Wait Skipped", "Finalize Done"]).await;
}

async fn what_a_signal_left_of_a_release_is_not_called_failed(lab: Lab) {
    for signal in signals() {
        let many = many(&lab).await;
        lab.the_sandbox().forget_requests();
        let slow = Duration::from_millis(300);
        lab.the_sandbox().inject(Fault::delay(Matcher::new("PATCH", &path(&many)), slow));
        let item = signalled(&lab, &many, signal, "--timeout=60s", || sent(&lab, "PATCH") > 0).await;
        let left = lab.get(&format!("{}/configmaps", path(&many))).await.expect(200);
        let left = left["items"].as_array().unwrap().len();
        let step = &item["steps"][0];
        assert_eq!(
            (&step["result"], &step["message"]),
            (&json!("Skipped"), &json!(format!("{} done; {left} not begun (interrupted)", 20 - left))),
            "{item}"
        );
        assert!(left > 0 && item["outcome"] == "Failed", "{item}");
        is_finished_by_a_second_run(&lab, &many).await;
    }
}

/// In Terminating, with twenty ConfigMaps that are held.
async fn many(lab: &Lab) -> String {
    let name = Lab::unique("many");
    create(lab, &name).await;
    let collection = format!("{}/configmaps", path(&name));
    for index in 0..20 {
        let metadata = json!({"name": format!("c{index}"), "finalizers": ["example.com/hold"]});
        lab.post(&collection, &json!({"metadata": metadata})).await.expect(201);
    }
    lab.delete(&path(&name)).await.expect(200);
    for index in 0..20 {
        lab.delete(&format!("{collection}/c{index}")).await.expect(200);
    }
    name
}

async fn a_signal_during_the_last_look_leaves_the_put_unbegun(lab: Lab) {
    for signal in signals() {
        let name = stuck(&lab).await;
        lab.the_sandbox().forget_requests();
        let slow = Duration::from_millis(500);
        // The first look, and the one right before the PUT.
        lab.the_sandbox().inject(Fault::delay(Matcher::new("GET", "/apis").skip(1), slow));
        let looks = || {
            let requests = lab.the_sandbox().requests();
            requests.iter().filter(|each| each.path_and_query == "/apis").count() >= 2
        };
        let item = signalled(&lab, &name, signal, "--timeout=60s", looks).await;
        assert_eq!(results(&item).last().unwrap(), "Finalize Skipped", "{item}");
        assert_eq!((&item["outcome"], sent(&lab, "PUT")), (&json!("Failed"), 0), "{item}");
        is_finished_by_a_second_run(&lab, &name).await;
    }
}

async fn a_signal_while_waiting_ends_the_wait(lab: Lab) {
    for signal in signals() {
        let name = stuck(&lab).await;
        lab.the_sandbox().forget_requests();
        let waits = || {
            let requests = lab.the_sandbox().requests();
            let written =
                requests.iter().rposition(|each| matches!(each.method.as_str(), "PATCH" | "DELETE"));
            let after = written.map_or(0, |written| {
                requests[written..].iter().filter(|each| each.path_and_query == path(&name)).count()
            });
            sent(&lab, "PATCH") > 0 && sent(&lab, "DELETE") > 0 && after >= 2
        };
        let item = signalled(&lab, &name, signal, "--timeout=60s", waits).await;
        let skipped = results(&item).into_iter().filter(|step| step.ends_with("Skipped"));
        assert_eq!(skipped.collect::<Vec<_>>(), ["Wait Skipped", "Finalize Skipped"], "{item}");
        is_finished_by_a_second_run(&lab, &name).await;
    }
}

async fn a_signal_is_reported_in_words_too(lab: Lab) {
    let name = stuck(&lab).await;
    lab.the_sandbox().inject(Fault::delay(Matcher::new("PATCH", &path(&name)), Duration::from_millis(500)));
    let child = lab.nsfix(&["clear", &name, "--yes", "--leftovers=release"]).start();
    until(|| sent(&lab, "PATCH") > 0).await;
    kill(&child, "-TERM");
    let ran = ended(child).await.expect(143);
    for line in [
        "release 1 ConfigMap: done (1 done)\n",
        "delete 1 Secret: skipped (interrupted)\n",
        "interrupted; namespace",
    ] {
        assert!(ran.stderr.contains(line), "{line} in {}", ran.stderr);
    }
    is_finished_by_a_second_run(&lab, &name).await;
}
