//! What a run tells Prometheus.

use std::path::PathBuf;

use nsfix::sandbox::{Fault, Matcher};

use super::{clear_all, stuck};
use crate::harness::Lab;
use crate::harness::canned::{canned, nobody};
use crate::harness::fixtures::{finalize_path, path};
use crate::tests;

tests! { Sandbox:
    a_run_tells_what_it_did,
    a_failed_run_keeps_the_last_success,
    the_report_tells_why_namespaces_are_stuck,
    a_server_that_is_out_of_reach_is_no_success,
    a_gateway_that_is_out_of_reach_changes_nothing_else,
    a_gateway_that_takes_it_is_not_mentioned
}

fn file(lab: &Lab) -> (PathBuf, String) {
    let file = lab.dir().join("nsfix.prom");
    let flag = format!("--metrics-file={}", file.display());
    (file, flag)
}

/// The value of a metric with its labels.
fn value(text: &str, metric: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
    line.map(|value| value.parse().unwrap())
}

async fn a_run_tells_what_it_did(lab: Lab) {
    let (selector, _) = stuck(&lab, &["a", "b", "openshift-lab"]).await;
    let (file, flag) = file(&lab);
    clear_all(&lab, &selector, &[&flag]).await.expect(5);
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(value(&text, "nsfix_namespaces{outcome=\"Cleared\"}"), Some(2.0), "{text}");
    assert_eq!(value(&text, "nsfix_namespaces{outcome=\"Refused\"}"), Some(1.0), "{text}");
    assert_eq!(value(&text, "nsfix_namespaces{outcome=\"Failed\"}"), Some(0.0), "{text}");
    // The ConfigMap of each; no controller runs that would have made more.
    assert_eq!(value(&text, "nsfix_orphans_left"), Some(2.0), "{text}");
    // Only the protected one is left.
    let stuck: f64 = text.lines().filter(|line| line.starts_with("nsfix_stuck_namespaces{")).map(last).sum();
    assert!((stuck - 1.0).abs() < f64::EPSILON, "{text}");
    assert!(value(&text, "nsfix_last_success_timestamp_seconds").is_some(), "{text}");
}

fn last(line: &str) -> f64 {
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

async fn a_failed_run_keeps_the_last_success(lab: Lab) {
    let (selector, names) = stuck(&lab, &["a"]).await;
    let (file, flag) = file(&lab);
    clear_all(&lab, "nobody=has-it", &[&flag]).await.expect(0);
    let before = value(&std::fs::read_to_string(&file).unwrap(), "nsfix_last_success_timestamp_seconds");
    assert!(before.is_some());
    lab.the_sandbox().inject(Fault::reset(Matcher::new("PUT", &finalize_path(&names[0]))));
    clear_all(&lab, &selector, &[&flag]).await.expect(1);
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(value(&text, "nsfix_last_success_timestamp_seconds"), before, "{text}");
    assert_eq!(value(&text, "nsfix_namespaces{outcome=\"Failed\"}"), Some(1.0), "{text}");
    lab.get(&path(&names[0])).await.expect(200);
}

async fn the_report_tells_why_namespaces_are_stuck(lab: Lab) {
    lab.play("dead-apiservice").await;
    let (file, flag) = file(&lab);
    let ran = lab.nsfix(&["list-stuck", "-o", "json", &flag]).run().await.expect(0);
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(value(&text, "nsfix_stuck_namespaces{cause=\"UnavailableApi\"}"), Some(1.0), "{text}");
    assert!(!text.contains("nsfix_namespaces{"), "a report repairs nothing: {text}");
    // What was found out for the metrics is in the document too.
    assert_eq!(ran.json()["items"][0]["causes"][0], "UnavailableApi", "{ran:?}");
}

async fn a_server_that_is_out_of_reach_is_no_success(lab: Lab) {
    let (file, flag) = file(&lab);
    lab.nsfix(&["list-stuck", "--server", &nobody().await, &flag]).run().await.expect(1);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(value(&text, "nsfix_last_run_timestamp_seconds").is_some(), "{text}");
    assert_eq!(value(&text, "nsfix_last_success_timestamp_seconds"), None, "{text}");
    assert!(!text.contains("nsfix_stuck_namespaces"), "unknown is not none: {text}");
}

async fn a_gateway_that_is_out_of_reach_changes_nothing_else(lab: Lab) {
    let (selector, names) = stuck(&lab, &["a"]).await;
    let flag = format!("--push-gateway={}", nobody().await);
    let ran = clear_all(&lab, &selector, &[&flag]).await.expect(0);
    assert!(ran.stderr.contains("Warning: unable to push the metrics to http://127.0.0.1:"), "{ran:?}");
    assert_eq!(ran.stdout, format!("namespace/{} finalized\n", names[0]));
}

async fn a_gateway_that_takes_it_is_not_mentioned(lab: Lab) {
    let gateway = canned("HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
    let flag = format!("--push-gateway={gateway}");
    let ran = lab.nsfix(&["list-stuck", &flag]).run().await.expect(0);
    assert!(!ran.stderr.contains("metrics"), "{ran:?}");
}
