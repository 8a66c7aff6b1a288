//! The clean overlay under the real controllers of CronJobs and Jobs: what becomes of the namespaces, of the Jobs, and
//! what is left to read.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::installed::{Ended, Installed, JOBS, exit_code, termination_message};
use super::text;
use crate::harness::backend::{Answering, Backend, Certificate, Reply, review};
use crate::harness::fixtures::{create, hold, path};
use crate::harness::{Answer, Lab, until};
use crate::tests;

tests! {
    RealJobs:
    a_night_clears_what_the_preview_policy_allows_and_nothing_else,
    a_job_that_its_deadline_ends_leaves_a_journal_and_the_next_run_goes_on,
    a_pod_that_is_replaced_goes_on_where_the_first_one_was,
    the_schedule_forbids_a_second_run_and_an_uninstall_keeps_the_backups
}

/// What a team might allow in its preview environments.
pub(super) const PREVIEW: &str = r#"apiVersion: nsfix/v1
kind: ClearPolicy
olderThan: 0s
max: 30
exclude: ["left-*"]
rules:
  - namespaces: {names: ["prod-*"]}
    leftovers: refuse
  - namespaces: {names: ["*"]}
    leftovers: release
    release:
      finalizers: [example.com/hold, backups.example.com/cleanup, example.com/pod-guard, example.com/seal]
    metadataFinalizers: [controller.cattle.io/namespace-auth]
    acceptUnavailableApis: [metrics.example.com]
    zombies: rearm
"#;

fn ended(condition: &str, reason: &str) -> Ended {
    Ended { condition: condition.to_owned(), reason: reason.to_owned() }
}

async fn held(lab: &Lab, name: &str) {
    create(lab, name).await;
    hold(lab, name).await;
    lab.delete(&path(name)).await.expect(200);
}

/// The last report of each namespace, by what a run says in the journal.
fn reports(journal: &[Value]) -> Vec<(&str, &str)> {
    let reports = journal.iter().filter(|line| line["event"] == "Report");
    reports.map(|line| (text(line, "/namespace"), text(line, "/outcome"))).collect()
}

/// Whoever is cleared is gone and has left nothing behind, and everybody else is there.
async fn none_is_wrongly_cleared(installed: &Installed, reports: &[(&str, &str)]) -> [usize; 3] {
    let mut counts = [0; 3];
    for (name, outcome) in reports {
        let is_cleared = ["Cleared", "Unchanged"].contains(outcome);
        assert_eq!(installed.is_there(name).await, !is_cleared, "{name} {outcome}");
        let orphans = installed.lab.nsfix(&["orphans", name, "-o", "json"]).run().await.json();
        assert_eq!(orphans["items"], json!([]), "{name} {outcome}");
        counts[if is_cleared { 0 } else { 1 + usize::from(*outcome != "Refused") }] += 1;
    }
    counts
}

async fn a_night_clears_what_the_preview_policy_allows_and_nothing_else(lab: Lab) {
    let installed = Installed::new(lab, PREVIEW).await;
    let lab = &installed.lab;
    for scenario in installed.scenarios(false) {
        lab.play(scenario).await;
    }
    held(lab, "prod-web").await;
    held(lab, "left-alone").await;
    installed.create_job("night-1", |_| {}).await;
    // Some were cleared and some failed: that is tried again, and then nothing is left that could be done.
    assert_eq!(installed.ended("night-1").await, ended("Failed", "BackoffLimitExceeded"));
    let pods = installed.pods("night-1").await;
    assert_eq!(pods.iter().map(exit_code).collect::<Vec<_>>(), [Some(5), Some(1)]);
    for pod in &pods {
        assert!(installed.log(text(pod, "/metadata/name")).iter().all(Value::is_object));
    }
    let journal = installed.journal();
    let first: Vec<Value> = journal.iter().take_while(|line| line["event"] != "RunEnded").cloned().collect();
    let first = reports(&first);
    let counts = none_is_wrongly_cleared(&installed, &first).await;
    println!("cleared, refused, neither: {counts:?}; wrongly cleared: 0; {first:?}");
    assert_eq!(counts.iter().sum::<usize>(), installed.scenarios(false).count() + 1, "{first:?}");
    let outcome = |name| first.iter().find(|(each, _)| *each == name).map(|(_, outcome)| *outcome);
    assert_eq!(outcome("held-backup"), Some("Cleared"));
    assert_eq!(outcome("load-balancer"), Some("Refused"));
    assert_eq!(outcome("prod-web"), Some("Refused"));
    assert_eq!(outcome("finalize-webhook"), Some("Failed"));
    assert_eq!(outcome("left-alone"), None);
    assert!(installed.is_there("left-alone").await);

    let stopped = json!({"gracePeriodSeconds": 0});
    lab.send(http::Method::DELETE, "/api/v1/namespaces/progressing/pods", &stopped).await.expect(200);
    // The cause is mended, and what is refused fails no Job.
    let admission = "/apis/admissionregistration.k8s.io/v1";
    for kind in ["validatingwebhookconfigurations", "validatingadmissionpolicybindings"] {
        // Not every server has policies.
        let deleted = lab.delete(&format!("{admission}/{kind}")).await;
        assert!([200, 404].contains(&deleted.status), "{deleted:?}");
    }
    let (end, pod) = installed.night("night-2").await;
    assert_eq!((end, exit_code(&pod)), (ended("Complete", ""), Some(0)));
    let message = termination_message(&pod);
    assert!(message.contains("cleared (") && message.contains("Refused load-balancer"), "{message}");
    // Unless that is wanted.
    installed
        .create_job("night-3", |spec| {
            let arguments = &mut spec["template"]["spec"]["containers"][0]["args"];
            let with = arguments.to_string().replace("--refusals=ignore", "--refusals=fail");
            *arguments = serde_json::from_str(&with).unwrap();
        })
        .await;
    assert_eq!(installed.ended("night-3").await, ended("Failed", "PodFailurePolicy"));
    let codes: Vec<Option<i64>> = installed.pods("night-3").await.iter().map(exit_code).collect();
    assert_eq!(codes, [Some(4)]);
    a_night_on_a_cluster_that_is_blocked(&installed).await;
}

/// With the scenarios that keep every namespace of the cluster.
async fn a_night_on_a_cluster_that_is_blocked(installed: &Installed) {
    for scenario in installed.scenarios(true) {
        installed.lab.play(scenario).await;
    }
    let before = installed.journal().len();
    installed.create_job("night-4", |spec| spec["backoffLimit"] = json!(0)).await;
    installed.ended("night-4").await;
    let journal = installed.journal().split_off(before);
    let night = reports(&journal);
    let counts = none_is_wrongly_cleared(installed, &night).await;
    println!("on a blocked cluster, cleared, refused, neither: {counts:?}; wrongly cleared: 0; {night:?}");
}

/// On a cluster where nothing but a PUT ends a namespace, one that is cleared at once and eight whose PUT takes its time:
/// until the API server gives up what answers for its webhook. Returns the names of them all.
async fn play_slow_ones(lab: &Lab, answering: Answering) -> Vec<String> {
    let mut names = vec![lab.play("dead-apiservice").await.to_owned()];
    let slow = Backend::start(Certificate::Good, answering).await;
    let webhook = json!({
        "metadata": {"name": "slow"},
        "webhooks": [{
            "name": "slow.example.com", "clientConfig": slow.client_config("slow"),
            "rules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"],
                "resources": ["namespaces/finalize"],
            }],
            "namespaceSelector": {"matchLabels": {"slow": "true"}},
            "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "failurePolicy": "Ignore", "timeoutSeconds": 5,
        }],
    });
    lab.post(WEBHOOKS, &webhook).await.expect(201);
    for n in 0..8 {
        let name = format!("pr-{n}");
        let body = json!({"metadata": {"name": name, "labels": {"slow": "true"}}});
        lab.post("/api/v1/namespaces", &body).await.expect(201);
        lab.delete(&path(&name)).await.expect(200);
        names.push(name);
    }
    names
}

/// Answers dry runs alone.
fn hold_back(body: &Value, held: &AtomicUsize) -> Reply {
    if body["request"]["dryRun"] == true {
        return review(body, None);
    }
    held.fetch_add(1, Ordering::Relaxed);
    Reply::Hang
}

const WEBHOOKS: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

/// What a run says that the one before has left undone.
fn told_of_the_last(installed: &Installed, pod: &Value) -> String {
    let log = installed.log(text(pod, "/metadata/name"));
    let told = log.iter().map(|line| text(line, "/message")).find(|line| line.contains("the last run ("));
    told.unwrap_or_else(|| panic!("{log:#?}")).to_owned()
}

/// Whoever has its report of `Cleared` is gone, and everybody else is named by the next run.
fn is_told_by_the_next_run(installed: &Installed, names: &[String], told: &str) {
    let journal = installed.journal();
    let ended = journal.iter().position(|line| line["event"] == "RunEnded").unwrap_or(journal.len());
    let first = reports(&journal[..ended]);
    for name in names {
        let is_cleared = first.contains(&(name, "Cleared"));
        assert!(is_cleared != told.contains(name.as_str()), "{name}: {told}; {first:?}");
    }
}

async fn a_job_that_its_deadline_ends_leaves_a_journal_and_the_next_run_goes_on(lab: Lab) {
    static HELD: AtomicUsize = AtomicUsize::new(0);
    let installed = Installed::new(lab, PREVIEW).await;
    let lab = &installed.lab;
    let names = play_slow_ones(lab, |_, _, body| hold_back(body, &HELD)).await;
    installed.create_job("night-1", |_| {}).await;
    until(|| HELD.load(Ordering::Relaxed) >= 3).await;
    let [pod] = installed.pods("night-1").await.try_into().unwrap();
    let job = "/apis/batch/v1/namespaces/nsfix/jobs/night-1";
    lab.patch(job, &json!({"spec": {"activeDeadlineSeconds": 1}})).await.expect(200);
    assert_eq!(installed.ended("night-1").await, ended("Failed", "DeadlineExceeded"));
    // The Job's controller deletes the pod, and with it goes the log. The journal has all of it.
    let pods = "/api/v1/namespaces/nsfix/pods?labelSelector=job-name%3Dnight-1";
    lab.wait_for(pods, |answer| answer.json()["items"] == json!([])).await;
    let journal = installed.journal();
    let last = journal.last().unwrap();
    assert_eq!((&last["event"], &last["exitCode"]), (&json!("RunEnded"), &json!(143)));
    assert!(text(last, "/run").ends_with(text(&pod, "/metadata/name")), "{last}");
    println!("after activeDeadlineSeconds: {}", text(last, "/tally"));
    let first = reports(&journal);
    assert_eq!(first.len(), names.len(), "{first:?}");
    assert!(first.iter().any(|(_, outcome)| *outcome == "NotBegun"), "{first:?}");

    lab.delete(&format!("{WEBHOOKS}/slow")).await.expect(200);
    let (end, next) = installed.night("night-2").await;
    assert_eq!(end, ended("Complete", ""));
    let told = told_of_the_last(&installed, &next);
    is_told_by_the_next_run(&installed, &names, &told);
    assert!(termination_message(&next).contains("left undone"), "{}", termination_message(&next));
    // Once its time is over, a Job goes with its pod, and the journal stays.
    let job = format!("{JOBS}/night-2");
    lab.patch(&job, &json!({"spec": {"ttlSecondsAfterFinished": 1}})).await.expect(200);
    lab.wait_for(&job, |answer| answer.status == 404).await;
    assert!(installed.journal().len() > journal.len());
    for name in &names {
        assert!(!installed.is_there(name).await, "{name}");
    }
}

async fn a_pod_that_is_replaced_goes_on_where_the_first_one_was(lab: Lab) {
    static HELD: AtomicUsize = AtomicUsize::new(0);
    let installed = Installed::new(lab, PREVIEW).await;
    let lab = &installed.lab;
    let names = play_slow_ones(lab, |_, _, body| hold_back(body, &HELD)).await;
    // Killed before it can say anything, as by a grace period that is too short.
    installed
        .create_job("night-1", |spec| spec["template"]["spec"]["terminationGracePeriodSeconds"] = json!(1))
        .await;
    until(|| HELD.load(Ordering::Relaxed) >= 3).await;
    let [pod] = installed.pods("night-1").await.try_into().unwrap();
    let name = text(&pod, "/metadata/name");
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}});
    lab.post(&format!("/api/v1/namespaces/nsfix/pods/{name}/eviction"), &eviction).await.expect(201);
    lab.delete(&format!("{WEBHOOKS}/slow")).await.expect(200);
    assert_eq!(installed.ended("night-1").await, ended("Complete", ""));
    // An eviction is no failure of nsfix.
    let job = lab.get("/apis/batch/v1/namespaces/nsfix/jobs/night-1").await.expect(200);
    assert_eq!((&job["status"]["succeeded"], &job["status"]["failed"]), (&json!(1), &Value::Null), "{job}");
    let pods = installed.pods("night-1").await;
    let second = pods.iter().find(|pod| text(pod, "/metadata/name") != name).unwrap();
    let told = told_of_the_last(&installed, second);
    println!("after a replaced pod: {told}");
    assert!(told.contains(&format!("{name}) was cut short")), "{told}");
    for name in &names {
        assert!(!installed.is_there(name).await, "{name}");
    }
}

/// Whether a CronJob has started this Job by its schedule.
fn is_scheduled(job: &Value, component: &str) -> bool {
    job["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"].is_string()
        && job["metadata"]["labels"]["app.kubernetes.io/component"] == component
}

async fn scheduled(installed: &Installed, component: &str) -> Vec<Value> {
    let jobs = installed.lab.get(JOBS).await.expect(200)["items"].as_array().unwrap().clone();
    jobs.into_iter().filter(|job| is_scheduled(job, component)).collect()
}

/// As if its only minute of the hour had gone by so long ago, and the controller had been away.
async fn was_due(installed: &Installed, name: &str, minutes_ago: i64) {
    let ago = |minutes| jiff::Timestamp::now() - jiff::SignedDuration::from_mins(minutes);
    let schedule = ago(minutes_ago).strftime("%-M * * * *").to_string();
    installed.patch_cronjob(name, "", &json!({"spec": {"schedule": schedule}})).await;
    let time = ago(minutes_ago + 2).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    installed.patch_cronjob(name, "/status", &json!({"status": {"lastScheduleTime": time}})).await;
}

async fn the_schedule_forbids_a_second_run_and_an_uninstall_keeps_the_backups(lab: Lab) {
    static HELD: AtomicUsize = AtomicUsize::new(0);
    let installed = Installed::new(lab, PREVIEW).await;
    let names = play_slow_ones(&installed.lab, |_, _, body| hold_back(body, &HELD)).await;

    // By the clock.
    installed.patch_cronjob("nsfix-report", "", &json!({"spec": {"schedule": "* * * * *"}})).await;
    let job = eventually(&installed, JOBS, |job| is_scheduled(job, "report")).await;
    let name = text(&job, "/metadata/name");
    assert_eq!(installed.ended(name).await, ended("Complete", ""));
    let [pod] = installed.pods(name).await.try_into().unwrap();
    let report = installed.kubelet.log(text(&pod, "/metadata/name"));
    assert!(names.iter().all(|name| report.contains(name.as_str())), "{report}");
    assert!(termination_message(&pod).starts_with("9 stuck namespaces"), "{}", termination_message(&pod));
    installed.patch_cronjob("nsfix-report", "", &json!({"spec": {"suspend": true}})).await;

    was_due(&installed, "nsfix-clean", 1).await;
    until(|| HELD.load(Ordering::Relaxed) >= 3).await;
    was_due(&installed, "nsfix-clean", 3).await;
    let events = "/api/v1/namespaces/nsfix/events?fieldSelector=reason%3DJobAlreadyActive";
    eventually(&installed, events, |event| event["involvedObject"]["name"] == "nsfix-clean").await;
    let [clean] = scheduled(&installed, "clean").await.try_into().unwrap();

    // A suspended CronJob lets the run go on, and starts no other.
    installed.patch_cronjob("nsfix-clean", "", &json!({"spec": {"suspend": true}})).await;
    assert_eq!(installed.ended(text(&clean, "/metadata/name")).await, ended("Complete", ""));
    let before: Vec<Value> =
        scheduled(&installed, "report").await.iter().map(|job| job["metadata"]["name"].clone()).collect();
    was_due(&installed, "nsfix-clean", 5).await;
    was_due(&installed, "nsfix-report", 5).await;
    installed.patch_cronjob("nsfix-report", "", &json!({"spec": {"suspend": false}})).await;
    eventually(&installed, JOBS, |job| {
        is_scheduled(job, "report") && !before.contains(&job["metadata"]["name"])
    })
    .await;
    assert_eq!(scheduled(&installed, "clean").await.len(), 1);
    is_uninstalled(&installed).await;
}

/// As docs/cronjob.md says to keep the backups.
async fn is_uninstalled(installed: &Installed) {
    let lab = &installed.lab;
    for name in ["nsfix-report", "nsfix-clean"] {
        let path = format!("/apis/batch/v1/namespaces/nsfix/cronjobs/{name}?propagationPolicy=Background");
        lab.delete(&path).await.expect(200);
    }
    for kind in ["clusterroles", "clusterrolebindings"] {
        let ours = "labelSelector=app.kubernetes.io/name%3Dnsfix";
        lab.delete(&format!("/apis/rbac.authorization.k8s.io/v1/{kind}?{ours}")).await.expect(200);
    }
    let none = |answer: &Answer| answer.json()["items"] == json!([]);
    lab.wait_for(JOBS, none).await;
    lab.wait_for("/api/v1/namespaces/nsfix/pods", none).await;
    let claim = lab.get("/api/v1/namespaces/nsfix/persistentvolumeclaims/nsfix-backups").await.expect(200);
    assert_eq!(claim["metadata"]["deletionTimestamp"], Value::Null);
    assert_eq!(installed.journal().last().unwrap()["event"], "RunEnded");
}

/// The first of a list that is as wanted. Waits longer than it takes until the next minute begins.
async fn eventually(installed: &Installed, list: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..2000 {
        let list = installed.lab.get(list).await.expect(200);
        if let Some(found) = list["items"].as_array().unwrap().iter().find(|item| wanted(item)) {
            return found.clone();
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{list} never has it");
}
