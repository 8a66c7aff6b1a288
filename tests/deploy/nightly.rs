//! The clean overlay's job on a real control plane, as its service account.

use serde_json::{Value, json};

use super::{granted_up_to, manifests, shipped_policy, text};
use crate::deploy::capabilities::used_is_granted;
use crate::harness::fixtures::{create, hold, path};
use crate::harness::{Account, Lab};
use crate::tests;

tests! { RealIdle: a_night_with_three_to_clear_two_refused_and_one_protected }

/// The arguments of the job, for namespaces of whatever age, and with a directory of the test's.
fn arguments(lab: &Lab) -> Vec<String> {
    let manifests = manifests();
    let is_it = |object: &&Value| {
        text(object, "/kind") == "CronJob" && text(object, "/metadata/name") == "nsfix-clean"
    };
    let cronjob = manifests.iter().map(|(_, object)| object).find(is_it).unwrap();
    let container = &cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
    let backups = lab.dir().join("backups");
    std::fs::create_dir_all(&backups).unwrap();
    let backups = backups.display().to_string();
    let policy = lab.dir().join("policy.yaml");
    std::fs::write(&policy, shipped_policy().replace("olderThan: 1h", "olderThan: 0s")).unwrap();
    let policy = policy.display().to_string();
    let arguments = container["args"].as_array().unwrap().iter().map(|argument| argument.as_str().unwrap());
    arguments
        .map(|argument| argument.replace("/backups", &backups).replace("/etc/nsfix/policy.yaml", &policy))
        .collect()
}

/// Nobody runs that would put anything into a namespace or end it.
async fn stuck(lab: &Lab, prefix: &str, is_held: bool) -> String {
    let name = Lab::unique(prefix);
    create(lab, &name).await;
    if is_held {
        hold(lab, &name).await;
    }
    lab.delete(&path(&name)).await.expect(200);
    name
}

/// As docs/cronjob.md says to look for them.
async fn events_say_what_became_of(lab: &Lab, clearable: &[String], refused: &[String], left_alone: &String) {
    let ours = "/api/v1/namespaces/default/events?fieldSelector=reportingComponent%3Dnsfix";
    let events = lab.get(ours).await.expect(200);
    assert_eq!(events["items"].as_array().unwrap().len(), 6, "{events}");
    let about = |name: &String| {
        let mut events = events["items"].as_array().unwrap().iter();
        events.find(|event| event["involvedObject"]["name"] == *name).map(|event| text(event, "/reason"))
    };
    assert!(clearable.iter().all(|name| about(name) == Some("NamespaceCleared")), "{events}");
    assert!(refused.iter().all(|name| about(name) == Some("NamespaceClearRefused")), "{events}");
    assert_eq!(about(left_alone), None);
}

async fn a_night_with_three_to_clear_two_refused_and_one_protected(lab: Lab) {
    let account = Account::create(&lab, "clean").await;
    account.allow(&lab, &granted_up_to("clear")).await;
    let (mut clearable, mut refused) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        clearable.push(stuck(&lab, "empty", false).await);
    }
    for _ in 0..2 {
        refused.push(stuck(&lab, "held", true).await);
    }
    refused.push(stuck(&lab, "openshift-protected", false).await);
    let left_alone = Lab::unique("skip");
    let body = json!({"metadata": {"name": left_alone, "annotations": {"nsfix/skip": "true"}}});
    lab.post("/api/v1/namespaces", &body).await.expect(201);
    lab.delete(&path(&left_alone)).await.expect(200);

    let message = lab.dir().join("termination-log");
    std::fs::write(&message, "").unwrap();
    let mut arguments = arguments(&lab);
    arguments.push(format!("--termination-log={}", message.display()));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ran = account.nsfix(&lab, &arguments).run().await.expect(0);

    for name in &clearable {
        lab.get(&path(name)).await.expect(404);
        assert!(ran.stdout.contains(&format!("\"namespace\":\"{name}\"")), "{ran:?}");
    }
    for name in refused.iter().chain([&left_alone]) {
        let namespace = lab.get(&path(name)).await.expect(200);
        assert_eq!(namespace["spec"]["finalizers"], json!(["kubernetes"]), "{name}");
    }
    // Every line of the log is an object.
    let log: Vec<Value> = ran
        .stderr
        .lines()
        .chain(ran.stdout.lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for name in clearable.iter().chain(&refused) {
        assert!(log.iter().any(|line| line["namespace"] == *name), "{ran:?}");
    }
    events_say_what_became_of(&lab, &clearable, &refused, &left_alone).await;
    let said = std::fs::read_to_string(&message).unwrap();
    assert!(refused.iter().all(|name| said.contains(name.as_str())), "{said}");
    // Three backups and the journal.
    assert_eq!(std::fs::read_dir(lab.dir().join("backups")).unwrap().count(), 4);
    used_is_granted(&lab, &account, "clear").await;
}
