//! One night after the other: how a run ends, and what the next one knows of it.

use nsfix::sandbox::{Fault, Matcher};
use serde_json::{Value, json};

use super::{clear_all, stuck};
use crate::harness::fixtures::{create, finalize_path, path, user};
use crate::harness::{Lab, Ran, until};
use crate::tests;

tests! {
    Both:
    every_line_of_stdout_is_json_under_a_json_log,
    a_type_that_may_not_be_listed_is_given_up_where_a_rule_names_it;
    Sandbox:
    refusals_fail_a_run_only_if_asked,
    a_failure_beside_a_success_is_a_failure_although_refusals_are_ignored,
    what_is_left_alone_is_marked_and_does_not_alert,
    a_run_that_was_killed_is_told_by_the_next_one,
    a_rehearsal_leaves_the_journal_alone,
    the_page_for_people_says_what_was_done_and_loads_nothing
}

async fn refusing(lab: &Lab, selector: &str, more: &[&str]) -> Ran {
    let arguments = ["clear", "--all", "--older-than=0s", "--leftovers=refuse", "--yes", "-l", selector];
    lab.nsfix(&[&arguments, more].concat()).run().await
}

async fn refusals_fail_a_run_only_if_asked(lab: Lab) {
    let (selector, names) = stuck(&lab, &["held"]).await;
    refusing(&lab, &selector, &[]).await.expect(4);
    refusing(&lab, &selector, &["--refusals=fail"]).await.expect(4);
    let ran = refusing(&lab, &selector, &["--refusals=ignore"]).await.expect(0);
    assert!(ran.stderr.contains(&format!("1 refused ({})", names[0])), "{ran:?}");
    // That many at once are news, whatever becomes of single refusals.
    clear_all(&lab, &selector, &["--max=0", "--refusals=ignore"]).await.expect(4);
    lab.nsfix(&["clear", &names[0], "--yes", "--refusals=ignore"]).run().await.expect(2);
}

async fn a_failure_beside_a_success_is_a_failure_although_refusals_are_ignored(lab: Lab) {
    let (selector, names) = stuck(&lab, &["a", "b", "openshift-lab"]).await;
    lab.the_sandbox().inject(Fault::reset(Matcher::new("PUT", &finalize_path(&names[0]))));
    clear_all(&lab, &selector, &["--refusals=ignore"]).await.expect(5);
    // Nothing was done this time: what failed has failed, and the refusal beside it is no success.
    clear_all(&lab, &selector, &["--refusals=ignore"]).await.expect(1);
}

async fn what_is_left_alone_is_marked_and_does_not_alert(lab: Lab) {
    let (selector, names) = stuck(&lab, &["skipped", "prod", "plain"]).await;
    let skip = json!({"metadata": {"annotations": {"nsfix/skip": "true"}}});
    lab.patch(&path(&names[0]), &skip).await.expect(200);
    let file = lab.dir().join("nsfix.prom");
    let metrics = format!("--metrics-file={}", file.display());
    let stuck = |text: &str| -> f64 {
        let lines = text.lines().filter(|line| line.starts_with("nsfix_stuck_namespaces{"));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    };
    let list = ["list-stuck", "-o=json", "--exclude=prod-*", "-l", &selector, &metrics];
    let items = lab.nsfix(&list).run().await.expect(0).json()["items"].clone();
    let left_alone = |name: &str| {
        let item = items.as_array().unwrap().iter().find(|item| item["name"] == *name).unwrap();
        item["leftAlone"].as_str().map(str::to_owned)
    };
    assert_eq!(left_alone(&names[0]).as_deref(), Some("it has the annotation nsfix/skip"));
    assert_eq!(left_alone(&names[1]).as_deref(), Some("--exclude=prod-* names it"));
    assert_eq!(left_alone(&names[2]), None);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("\nnsfix_left_alone_namespaces 2\n"), "{text}");
    assert!((stuck(&text) - 1.0).abs() < f64::EPSILON, "{text}");
    let table = lab.nsfix(&["list-stuck", "-o", "wide", "-l", &selector]).run().await.expect(0).stdout;
    assert!(table.contains("left alone, it has the annotation nsfix/skip: "), "{table}");
    // As the policy of the job that clears says it.
    let policy = lab.dir().join("policy.yaml");
    let rules = "apiVersion: nsfix/v1\nkind: ClearPolicy\nolderThan: 1h\nexclude: [\"prod-*\"]\n\
        rules: [{namespaces: {names: [\"*\"]}, leftovers: refuse}]\n";
    std::fs::write(&policy, rules).unwrap();
    let policy = format!("--policy={}", policy.display());
    let list = ["list-stuck", "-o=json", &policy, "-l", &selector, &metrics];
    let items = lab.nsfix(&list).run().await.expect(0).json()["items"].clone();
    let of_prod = items.as_array().unwrap().iter().find(|item| item["name"] == *names[1]).unwrap();
    assert_eq!(of_prod["leftAlone"], "exclude of the policy names it (prod-*)");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("\nnsfix_left_alone_namespaces 2\n"), "{text}");
    assert!((stuck(&text) - 1.0).abs() < f64::EPSILON, "{text}");
    lab.the_sandbox().forget_requests();
    let broken = ["list-stuck", "--policy", "/nonexistent/policy.yaml"];
    let ran = lab.nsfix(&broken).run().await.expect(2);
    assert!(ran.stderr.contains("unable to read the policy /nonexistent/policy.yaml"), "{ran:?}");
    assert!(lab.the_sandbox().requests().is_empty(), "a mistake is told before any request");
    // The same for the job that clears.
    refusing(&lab, &selector, &["--exclude=prod-*", &metrics]).await.expect(4);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("\nnsfix_left_alone_namespaces 2\n"), "{text}");
    assert!((stuck(&text) - 1.0).abs() < f64::EPSILON, "{text}");
}

fn lines(path: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// As a pod is that activeDeadlineSeconds has ended, and whose grace period was too short.
async fn a_run_that_was_killed_is_told_by_the_next_one(lab: Lab) {
    let (selector, names) = stuck(&lab, &["a", "b"]).await;
    let journal = lab.dir().join("journal");
    let flag = format!("--journal={}", journal.display());
    lab.the_sandbox().inject(Fault::hang(Matcher::new("PUT", &finalize_path(&names[1]))));
    let all = ["clear", "--all", "--older-than=0s", "--leftovers=orphan", "--yes", "-l", &selector, &flag];
    let mut child = lab.nsfix(&all).env("HOSTNAME", "nsfix-clean-1-abcde").start();
    let reported =
        || lines(&journal).iter().any(|line| line["event"] == "Report" && line["namespace"] == *names[0]);
    until(reported).await;
    child.kill().await.unwrap();
    lab.the_sandbox().clear_faults();

    let ran = lab.nsfix(&all).run().await.expect(0);
    assert!(ran.stderr.contains("nsfix-clean-1-abcde) was cut short; 1 done; left undone: "), "{ran:?}");
    assert!(ran.stderr.contains(&format!("{} (not begun)", names[1])), "{ran:?}");
    let told = lines(&journal);
    let of_second = told.iter().filter(|line| line["namespace"] == *names[1]);
    let events: Vec<&str> = of_second.filter_map(|line| line["event"].as_str()).collect();
    assert_eq!(events, ["Step", "Report"], "{told:#?}");
    assert_eq!(told.last().unwrap()["event"], "RunEnded");
    // A run that left nothing undone is no news.
    let ran = lab.nsfix(&all).run().await.expect(0);
    assert!(!ran.stderr.contains("the last run"), "{ran:?}");
}

async fn a_rehearsal_leaves_the_journal_alone(lab: Lab) {
    let (selector, _) = stuck(&lab, &["a"]).await;
    let journal = lab.dir().join("journal");
    let flag = format!("--journal={}", journal.display());
    clear_all(&lab, &selector, &["--dry-run=server", &flag]).await.expect(0);
    assert!(!journal.exists());
}

/// A container's two streams are one in Kubernetes.
async fn every_line_of_stdout_is_json_under_a_json_log(lab: Lab) {
    let (selector, names) = stuck(&lab, &["a", "openshift-lab"]).await;
    let list = ["list-stuck", "-o=wide", "-l", &selector, "--log-format=json"];
    let ran = lab.nsfix(&list).run().await.expect(0);
    let all = |ran: &Ran| -> Vec<Value> {
        let lines = ran.stdout.lines().chain(ran.stderr.lines());
        lines.map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
    };
    assert!(all(&ran).iter().any(|line| line["name"] == *names[0] && line["causes"].is_array()), "{ran:?}");
    let ran = clear_all(&lab, &selector, &["--log-format=json"]).await.expect(5);
    let outcome = |name: &str| {
        let line = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        line.into_iter().find(|line| line["namespace"] == *name).map(|line| line["outcome"].clone())
    };
    assert_eq!(outcome(&names[0]), Some(json!("Cleared")), "{ran:?}");
    assert_eq!(outcome(&names[1]), Some(json!("Refused")), "{ran:?}");
    all(&ran);
}

/// An account that may list few types does not refuse everything for it: what is given up is named.
async fn a_type_that_may_not_be_listed_is_given_up_where_a_rule_names_it(lab: Lab) {
    let rules = json!([
        {"apiGroups": [""], "resources": ["namespaces", "configmaps", "pods"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["namespaces/finalize"], "verbs": ["update"]},
        {"apiGroups": ["authorization.k8s.io"], "resources": ["*"], "verbs": ["create"]},
    ]);
    let user = user(&lab, "narrow", &rules).await;
    // Nothing is inside, and a foreign finalizer that goes at once keeps the controller from ending it first.
    let name = Lab::unique("empty");
    create(&lab, &name).await;
    let held = json!({"metadata": {"finalizers": ["example.com/hold"]}});
    lab.patch(&path(&name), &held).await.expect(200);
    lab.delete(&path(&name)).await.expect(200);

    let explain = ["explain", &name, "-o=json", "--as", &user];
    let explained = lab.nsfix(&explain).run().await.expect(0).json();
    let gaps = explained["items"][0]["coverage"]["couldNotLook"].as_array().unwrap();
    let unlisted: Vec<String> = gaps
        .iter()
        .filter_map(|gap| {
            let resource = gap["resource"].as_str()?;
            Some(match gap["group"].as_str() {
                None | Some("") => resource.to_owned(),
                Some(group) => format!("{resource}.{group}"),
            })
        })
        .collect();
    assert!(unlisted.contains(&"secrets".to_owned()) && unlisted.len() > 10, "{unlisted:?}");
    let run = async |accepted: &[String]| {
        let text = format!(
            "apiVersion: nsfix/v1\nkind: ClearPolicy\nolderThan: 0s\nrules:\n- namespaces: {{names: [\"*\"]}}\n  \
             leftovers: refuse\n  metadataFinalizers: [example.com/hold]\n  acceptUnlistedTypes: {accepted:?}\n"
        );
        let policy = lab.dir().join("policy.yaml");
        std::fs::write(&policy, text).unwrap();
        let selector = format!("kubernetes.io/metadata.name={name}");
        let policy = policy.display().to_string();
        let all = ["clear", "--all", "--policy", &policy, "-l", &selector, "--dry-run=server", "--as", &user];
        lab.nsfix(&all).run().await
    };
    let but_secrets: Vec<String> = unlisted.iter().filter(|name| *name != "secrets").cloned().collect();
    let ran = run(&but_secrets).await;
    assert!(ran.stderr.contains("could not be looked at completely (not at secrets"), "{ran:?}");
    let ran = run(&unlisted).await;
    assert!(!ran.stderr.contains("could not be looked at completely"), "{ran:?}");
}

async fn the_page_for_people_says_what_was_done_and_loads_nothing(lab: Lab) {
    let (selector, names) = stuck(&lab, &["a", "openshift-lab"]).await;
    let file = lab.dir().join("report.html");
    let flag = format!("--report-file={}", file.display());
    let read = || std::fs::read_to_string(&file).unwrap();
    lab.nsfix(&["list-stuck", "-l", &selector, &flag]).run().await.expect(0);
    let page = read();
    assert!(page.contains("<h1>Stuck namespaces</h1>\n<p>2 stuck namespaces<br>"), "{page}");
    assert!(
        page.contains(&format!("<b>{}</b>", names[0])) && page.contains("<code>example.com/hold</code>"),
        "{page}"
    );
    assert!(!page.contains("What was done"), "{page}");
    clear_all(&lab, &selector, &[&flag]).await.expect(5);
    let page = read();
    for said in
        ["1 cleared (", "<b class=\"good\">Cleared</b>", "1 ConfigMap left behind in etcd", "is protected"]
    {
        assert!(page.contains(said), "{said}: {page}");
    }
    for loads in ["<script", "src=", "href=", "@import", "url(", "http://", "https://"] {
        // The name of the cluster is its URL here.
        assert!(!page.replace(lab.url(), "").contains(loads), "{loads}: {page}");
    }
    // What cannot be written is said, and changes nothing else.
    let ran = clear_all(&lab, &selector, &["--report-file=/nowhere/report.html"]).await.expect(4);
    assert!(ran.stderr.contains("Warning: unable to write the report to /nowhere/report.html: "), "{ran:?}");
}
