//! What a run leaves for machines: a log, a termination message, Events.

use serde_json::{Value, json};

use super::{clear_all, stuck};
use crate::harness::fixtures::{finalize, path, user};
use crate::harness::{Lab, Ran};
use crate::tests;

tests! {
    Both:
    every_line_of_a_json_log_says_what_it_is_about,
    an_event_is_left_about_each_namespace,
    an_event_that_cannot_be_left_changes_nothing_else;
    Sandbox:
    a_dry_run_says_so_in_every_line,
    events_are_left_only_where_nobody_watches,
    the_termination_message_holds_the_tally,
    the_report_leaves_a_termination_message_too,
    a_failure_is_the_termination_message
}

fn log(ran: &Ran) -> Vec<Value> {
    ran.stderr.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

async fn every_line_of_a_json_log_says_what_it_is_about(lab: Lab) {
    let (selector, names) = stuck(&lab, &["a", "openshift-lab"]).await;
    let ran = clear_all(&lab, &selector, &["--log-format=json", "-o=json"]).await.expect(5);
    assert_eq!(ran.json()["kind"], "RepairReport");
    let log = log(&ran);
    for line in &log {
        for key in ["ts", "level", "namespace", "step", "outcome", "dryRun", "message"] {
            assert!(line.get(key).is_some(), "{key} in {line}");
        }
        line["ts"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        assert_eq!(line["dryRun"], json!(false));
    }
    let has = |namespace: &str, step: Value, outcome: &str| {
        log.iter()
            .any(|line| line["namespace"] == namespace && line["step"] == step && line["outcome"] == outcome)
    };
    assert!(has(&names[0], json!("Finalize"), "Done"), "{log:?}");
    assert!(has(&names[0], Value::Null, "Cleared"), "{log:?}");
    assert!(has(&names[1], Value::Null, "Refused"), "{log:?}");
}

async fn a_dry_run_says_so_in_every_line(lab: Lab) {
    let (selector, _) = stuck(&lab, &["a"]).await;
    let ran = clear_all(&lab, &selector, &["--log-format=json", "--dry-run=server"]).await.expect(0);
    let log = log(&ran);
    assert!(log.iter().all(|line| line["dryRun"] == json!(true)), "{log:?}");
    assert!(log.iter().any(|line| line["outcome"] == "DryRun"), "{log:?}");
}

/// The Events about a namespace: reason, type and note.
async fn events_about(lab: &Lab, name: &str, uid: &Value) -> Vec<(String, String, String)> {
    let events = lab.get("/apis/events.k8s.io/v1/namespaces/default/events").await.expect(200);
    let about = |event: &&Value| {
        let regarding = &event["regarding"];
        regarding["name"] == name && regarding["uid"] == *uid && regarding["kind"] == "Namespace"
    };
    let text = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
    let events = events["items"].as_array().unwrap().iter().filter(about);
    let ours = events.filter(|event| event["reportingController"] == "nsfix");
    ours.map(|event| (text(event, "reason"), text(event, "type"), text(event, "note"))).collect()
}

async fn uid_of(lab: &Lab, name: &str) -> Value {
    lab.get(&path(name)).await.expect(200)["metadata"]["uid"].clone()
}

async fn an_event_is_left_about_each_namespace(lab: Lab) {
    let (selector, names) = stuck(&lab, &["a", "openshift-lab", "held"]).await;
    // A finalizer of its own would keep this one after the PUT.
    let (_, answer) = finalize(&lab, &names[2], "", |body| {
        body["spec"]["finalizers"] = json!(["kubernetes", "example.com/hold"]);
    })
    .await;
    answer.expect(200);
    let uids = [uid_of(&lab, &names[0]).await, uid_of(&lab, &names[1]).await, uid_of(&lab, &names[2]).await];
    let ran = clear_all(&lab, &selector, &["--timeout=1s"]).await.expect(5);
    assert!(!ran.stderr.contains("unable to leave an Event"), "{ran:?}");
    let [cleared] = events_about(&lab, &names[0], &uids[0]).await.try_into().unwrap();
    assert_eq!((cleared.0.as_str(), cleared.1.as_str()), ("NamespaceCleared", "Normal"));
    assert!(cleared.2.contains("finalized; ") && cleared.2.contains("left behind in etcd"), "{cleared:?}");
    let [refused] = events_about(&lab, &names[1], &uids[1]).await.try_into().unwrap();
    assert_eq!((refused.0.as_str(), refused.1.as_str()), ("NamespaceClearRefused", "Warning"));
    assert!(refused.2.contains("is protected"), "{refused:?}");
    let [failed] = events_about(&lab, &names[2], &uids[2]).await.try_into().unwrap();
    assert_eq!((failed.0.as_str(), failed.1.as_str()), ("NamespaceClearRefused", "Warning"));
    assert!(failed.2.contains("also held by spec finalizer example.com/hold"), "{failed:?}");
}

async fn events_are_left_only_where_nobody_watches(lab: Lab) {
    let (selector, names) = stuck(&lab, &["a", "b", "c"]).await;
    let uids = [uid_of(&lab, &names[0]).await, uid_of(&lab, &names[1]).await, uid_of(&lab, &names[2]).await];
    let clear = ["clear", "--yes", "--leftovers=orphan"];
    lab.nsfix(&[&clear[..], &[&names[0]]].concat()).run().await.expect(0);
    lab.nsfix(&[&clear[..], &[&names[1], "--events"]].concat()).run().await.expect(0);
    clear_all(&lab, &selector, &["--events=false"]).await.expect(0);
    assert_eq!(events_about(&lab, &names[0], &uids[0]).await.len(), 0);
    assert_eq!(events_about(&lab, &names[1], &uids[1]).await.len(), 1);
    assert_eq!(events_about(&lab, &names[2], &uids[2]).await.len(), 0);
}

/// A user who may do everything but that.
async fn an_event_that_cannot_be_left_changes_nothing_else(lab: Lab) {
    let rules = json!([
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["namespaces/finalize"], "verbs": ["update"]},
    ]);
    let user = user(&lab, "robot", &rules).await;
    let (selector, names) = stuck(&lab, &["a", "b"]).await;
    let ran = clear_all(&lab, &selector, &["--as", &user]).await.expect(0);
    assert_eq!(ran.stderr.matches("Warning: unable to leave an Event: ").count(), 1, "{ran:?}");
    assert!(ran.stdout.contains(&format!("namespace/{} finalized", names[1])), "{ran:?}");
}

async fn the_termination_message_holds_the_tally(lab: Lab) {
    let prefixes: Vec<String> = (0..60).map(|n| format!("openshift-with-quite-a-long-name-{n}")).collect();
    let prefixes: Vec<&str> = prefixes.iter().map(String::as_str).chain(["plain"]).collect();
    let (selector, _) = stuck(&lab, &prefixes).await;
    let file = lab.dir().join("termination-log");
    let flag = format!("--termination-log={}", file.display());
    clear_all(&lab, &selector, &[&flag]).await.expect(5);
    assert!(!file.exists(), "only the kubelet makes that file");
    std::fs::write(&file, "").unwrap();
    let (selector, names) = stuck(&lab, &prefixes).await;
    clear_all(&lab, &selector, &[&flag]).await.expect(5);
    let message = std::fs::read_to_string(&file).unwrap();
    assert!(message.len() <= 4096, "{}", message.len());
    assert!(message.contains(&format!("1 cleared ({})", names[60])), "{message}");
    assert!(message.contains("60 refused (") && message.contains(" and 50 more)"), "{message}");
    assert!(message.contains("Refused openshift-with-quite-a-long-name-0-"), "{message}");
}

async fn the_report_leaves_a_termination_message_too(lab: Lab) {
    let (_, names) = stuck(&lab, &["a"]).await;
    let file = lab.dir().join("termination-log");
    std::fs::write(&file, "").unwrap();
    let flag = format!("--termination-log={}", file.display());
    lab.nsfix(&["list-stuck", "-o", "wide", "--exit-code", &flag]).run().await.expect(3);
    let message = std::fs::read_to_string(&file).unwrap();
    assert!(message.starts_with("1 stuck namespace\n"), "{message}");
    assert!(message.contains(&names[0]), "{message}");
}

async fn a_failure_is_the_termination_message(lab: Lab) {
    let file = lab.dir().join("termination-log");
    std::fs::write(&file, "").unwrap();
    let flag = format!("--termination-log={}", file.display());
    let nobody = crate::harness::canned::nobody().await;
    lab.nsfix(&["list-stuck", "--server", &nobody, &flag]).run().await.expect(1);
    let message = std::fs::read_to_string(&file).unwrap();
    assert!(message.contains("was refused"), "{message}");
}
