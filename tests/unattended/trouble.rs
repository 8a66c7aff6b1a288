//! `clear --all` and an API server in trouble, or a signal.

use nsfix::sandbox::{Canned, Fault, Matcher};

use super::{clear_all, is_there, stuck};
use crate::harness::fixtures::path;
use crate::harness::{Lab, ended, until};
use crate::tests;

tests! { Sandbox:
    a_server_in_trouble_is_left_in_peace,
    a_server_that_has_enough_is_left_in_peace,
    a_server_that_takes_no_writes_is_left_in_peace,
    a_webhook_in_trouble_is_not_the_server,
    one_failure_stops_nobody,
    a_signal_stops_the_run_after_what_is_under_way,
    a_signal_during_the_look_is_not_called_nothing_stuck
}

const MANY: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];

fn puts(lab: &Lab) -> usize {
    lab.writes().iter().filter(|write| write.starts_with("PUT ")).count()
}

async fn stopped_by(lab: Lab, canned: Canned) {
    let (selector, names) = stuck(&lab, &MANY).await;
    lab.the_sandbox().inject(Fault::answer(Matcher::new("*", "/api/v1/namespaces/"), canned));
    let ran = clear_all(&lab, &selector, &["--max=20", "--timeout=1s", "--events=false"]).await.expect(1);
    assert!(ran.stderr.contains("stopped, because the API server is in trouble"), "{ran:?}");
    assert!(ran.stderr.contains("12 failed ("), "{ran:?}");
    // Some had begun when it was noticed; nothing else was.
    let requests = lab.the_sandbox().requests();
    let ours = || requests.iter().filter(|each| each.user_agent.starts_with("nsfix/"));
    let begun = names.iter().filter(|name| ours().any(|each| each.path_and_query == path(name))).count();
    assert!(begun <= 8, "{begun} of {} were begun", names.len());
    assert_eq!(puts(&lab), 0);
}

async fn a_server_in_trouble_is_left_in_peace(lab: Lab) {
    stopped_by(lab, Canned::status(500, "InternalError", "etcdserver: no leader")).await;
}

async fn a_server_that_has_enough_is_left_in_peace(lab: Lab) {
    stopped_by(lab, Canned::status(429, "TooManyRequests", "too many requests, please try again later"))
        .await;
}

/// It still answers every read.
async fn a_server_that_takes_no_writes_is_left_in_peace(lab: Lab) {
    let (selector, _) = stuck(&lab, &MANY).await;
    let full = Canned::status(500, "InternalError", "etcdserver: mvcc: database space exceeded");
    lab.the_sandbox().inject(Fault::answer(Matcher::new("PUT", "/api/v1/namespaces/"), full));
    let ran = clear_all(&lab, &selector, &["--max=20", "--events=false"]).await.expect(1);
    assert!(ran.stderr.contains("writes in a row have failed"), "{ran:?}");
    assert!(puts(&lab) <= 8, "{} writes were tried", puts(&lab));
}

async fn a_webhook_in_trouble_is_not_the_server(lab: Lab) {
    let (selector, _) = stuck(&lab, &MANY).await;
    let message = "Internal error occurred: failed calling webhook \"w.example.com\": no endpoints available";
    let canned = Canned::status(500, "InternalError", message);
    lab.the_sandbox().inject(Fault::answer(Matcher::new("PUT", "/api/v1/namespaces/"), canned));
    let ran = clear_all(&lab, &selector, &["--max=20"]).await.expect(1);
    assert!(!ran.stderr.contains("in trouble"), "{ran:?}");
    // Each was tried, though each was refused.
    assert_eq!(puts(&lab), MANY.len());
}

async fn one_failure_stops_nobody(lab: Lab) {
    let (selector, names) = stuck(&lab, &["a", "b", "c"]).await;
    let canned = Canned::status(500, "InternalError", "etcdserver: leader changed");
    lab.the_sandbox().inject(Fault::answer(Matcher::new("PUT", "/api/v1/namespaces/").once(), canned));
    clear_all(&lab, &selector, &[]).await.expect(5);
    let mut left = 0;
    for name in &names {
        left += usize::from(is_there(&lab, name).await);
    }
    assert_eq!(left, 1);
}

const ALL: [&str; 6] = ["clear", "--all", "--older-than=0s", "--leftovers=orphan", "--yes", "--max=20"];

fn terminate(child: &tokio::process::Child) {
    let pid = child.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
}

async fn a_signal_stops_the_run_after_what_is_under_way(lab: Lab) {
    let (selector, names) = stuck(&lab, &MANY).await;
    let slow = std::time::Duration::from_secs(1);
    lab.the_sandbox().inject(Fault::delay(Matcher::new("PUT", "/api/v1/namespaces/"), slow));
    let child = lab.nsfix(&[&ALL[..], &["-l", &selector]].concat()).start();
    until(|| puts(&lab) > 0).await;
    terminate(&child);
    let ran = ended(child).await.expect(143);
    assert!(ran.stderr.contains("interrupted; nothing was written"), "{ran:?}");
    // Events are left about what was begun alone.
    assert!(lab.writes().iter().filter(|write| write.contains("/events")).count() <= 4);
    let mut left = 0;
    for name in &names {
        left += usize::from(is_there(&lab, name).await);
    }
    let finalized = ran.stdout.matches("finalized").count();
    assert_eq!(finalized + left, names.len(), "{ran:?}");
    assert!(left >= names.len() - 4, "{left} left: {ran:?}");
}

async fn a_signal_during_the_look_is_not_called_nothing_stuck(lab: Lab) {
    let (selector, _) = stuck(&lab, &["a"]).await;
    lab.the_sandbox().inject(Fault::hang(Matcher::new("GET", "/apis")));
    let metrics = lab.dir().join("nsfix.prom");
    let flag = format!("--metrics-file={}", metrics.display());
    let child = lab.nsfix(&[&ALL[..], &["-l", &selector, "-o=json", &flag]].concat()).start();
    until(|| lab.the_sandbox().requests().iter().any(|each| each.path_and_query == "/apis")).await;
    terminate(&child);
    let ran = ended(child).await.expect(143);
    assert!(ran.stderr.contains("interrupted; nothing was written"), "{ran:?}");
    assert_eq!(ran.json()["items"], serde_json::json!([]));
    let metrics = std::fs::read_to_string(metrics).unwrap();
    assert!(!metrics.contains("nsfix_stuck_namespaces"), "unknown is not none: {metrics}");
    assert!(!metrics.contains("nsfix_last_success"), "{metrics}");
}
