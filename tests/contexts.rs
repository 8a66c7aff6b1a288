//! `nsfix list-stuck --all-contexts`: several clusters at once, each with its own trouble.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nsfix::sandbox::{Deny, Fault, Matcher, Options, scenarios};
use serde_json::{Value, json};

use crate::harness::{Lab, Nsfix, canned, ended, until};
use crate::schemas::fits;
use crate::tests;

tests! { Sandbox:
    fifty_clusters_each_with_a_trouble_of_its_own,
    what_cannot_be_read_is_never_called_healthy,
    a_cluster_that_two_contexts_lead_to_is_listed_and_counted_once,
    an_interrupt_ends_every_credential_plugin,
    a_hint_about_one_of_several_contexts_is_for_that_context,
    a_command_for_one_cluster_runs_no_credential_plugin_of_several
}

/// A kubeconfig of many contexts.
#[derive(Default)]
struct Many {
    clusters: Vec<Value>,
    users: Vec<Value>,
    contexts: Vec<Value>,
}

impl Many {
    fn add(&mut self, name: &str, cluster: &Value, user: &Value) {
        self.clusters.push(json!({"name": name, "cluster": cluster}));
        self.users.push(json!({"name": name, "user": user}));
        self.context(name, name, name);
    }

    fn healthy(&mut self, name: &str, lab: &Lab) {
        self.add(name, &json!({"server": lab.url()}), &json!({}));
    }

    fn plugin(&mut self, name: &str, lab: &Lab, mode: &str, script: &str) {
        let exec = json!({
            "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": mode,
            "command": "sh", "args": ["-c", script],
        });
        self.add(name, &json!({"server": lab.url()}), &json!({"exec": exec}));
    }

    fn context(&mut self, name: &str, cluster: &str, user: &str) {
        self.contexts.push(json!({"name": name, "context": {"cluster": cluster, "user": user}}));
    }

    fn write(&self, lab: &Lab) -> PathBuf {
        let path = lab.dir().join("many");
        let Self { clusters, users, contexts } = self;
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "clusters": clusters, "users": users, "contexts": contexts,
        });
        std::fs::write(&path, kubeconfig.to_string()).unwrap();
        path
    }
}

fn all_contexts(kubeconfig: &Path, more: &[&str]) -> Nsfix {
    Nsfix::new(&[&["list-stuck", "--all-contexts"], more].concat()).env("KUBECONFIG", kubeconfig)
}

/// A cluster in which `rodrigo` is stuck.
async fn stuck() -> Lab {
    Lab::sandbox(Options { controller: None, ..Options::with(scenarios::find("rodrigo").unwrap()) }).await
}

/// The context's trouble, how it is told apart in the document, and words of the sentence.
fn troubled(
    many: &mut Many,
    labs: &[Lab],
    urls: &[String; 4],
) -> Vec<(&'static str, &'static str, &'static str)> {
    let [nobody, silent, unauthorized, forbidden] = urls;
    let of = |url: &str| json!({"server": url});
    let well = labs[0].url();
    many.add("unreachable", &of(nobody), &json!({}));
    many.add("hanging", &of(silent), &json!({}));
    many.add("unauthorized", &of(unauthorized), &json!({"token": "old"}));
    many.add("forbidden", &of(forbidden), &json!({}));
    many.context("no-user", "well-0", "nobody");
    many.context("no-cluster", "nowhere", "well-0");
    many.add("no-ca", &json!({"server": well, "certificate-authority": "/nonexistent/ca.crt"}), &json!({}));
    let identity = json!({"client-certificate": "/nonexistent/a.crt", "client-key": "/nonexistent/a.key"});
    many.add("no-certificate", &of(well), &identity);
    many.add("bad-proxy", &json!({"server": well, "proxy-url": "http://[bad"}), &json!({}));
    many.add("bad-server", &of("http://[bad"), &json!({}));
    many.add("no-server", &json!({}), &json!({}));
    many.add(
        "gcp",
        &of(well),
        &json!({"auth-provider": {"name": "gcp", "config": {"cmd-path": "sleep", "cmd-args": "60"}}}),
    );
    many.plugin("plugin-fails", &labs[0], "IfAvailable", "echo log in first >&2; exit 3");
    many.plugin("plugin-hangs", &labs[0], "Never", "sleep 60");
    many.plugin("plugin-asks", &labs[0], "Always", "read answer");
    vec![
        ("unreachable", "Failed", "was refused"),
        ("hanging", "TimedOut", "10s"),
        ("unauthorized", "Forbidden", "You must be logged in"),
        ("forbidden", "Forbidden", "cannot list resource \"namespaces\""),
        ("no-user", "Misconfigured", "user \"nobody\" does not exist"),
        ("no-cluster", "Misconfigured", "cluster \"nowhere\" does not exist"),
        ("no-ca", "Misconfigured", "/nonexistent/ca.crt"),
        ("no-certificate", "Misconfigured", "/nonexistent/a.crt"),
        ("bad-proxy", "Misconfigured", "proxy"),
        ("bad-server", "Misconfigured", "url"),
        ("no-server", "Misconfigured", "cluster"),
        ("gcp", "Misconfigured", "gcp auth plugin has been removed"),
        ("plugin-fails", "Misconfigured", "log in first"),
        ("plugin-hangs", "Misconfigured", "did not answer within 10s"),
        ("plugin-asks", "Misconfigured", "asks for input"),
    ]
}

async fn fifty_clusters_each_with_a_trouble_of_its_own(_: Lab) {
    let labs: Vec<Lab> = futures::future::join_all((0..35).map(|_| stuck())).await;
    let deny = vec![Deny::new("list", "", "namespaces")];
    let forbidden = Lab::sandbox(Options { deny, ..Options::empty() }).await;
    let slow = Fault::delay(Matcher::new("GET", "/api/v1/namespaces"), Duration::from_secs(1));
    labs[7].the_sandbox().inject(slow);
    let mut many = Many::default();
    // The troubled ones stand in the middle.
    for (number, lab) in labs.iter().enumerate().take(20) {
        many.healthy(&format!("well-{number}"), lab);
    }
    let unauthorized = "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n\
        {\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"Unauthorized\",\
        \"reason\":\"Unauthorized\",\"code\":401}";
    let unauthorized = canned::canned(unauthorized).await;
    let urls = [canned::nobody().await, canned::silent().await, unauthorized, forbidden.url().to_owned()];
    let troubles = troubled(&mut many, &labs, &urls);
    for (number, lab) in labs.iter().enumerate().skip(20) {
        many.healthy(&format!("well-{number}"), lab);
    }
    assert_eq!(many.contexts.len(), 50);
    let kubeconfig = many.write(&labs[0]);
    let healthy: Vec<String> = (0..35).map(|number| format!("well-{number}")).collect();

    let started = Instant::now();
    let ran = all_contexts(&kubeconfig, &["-o", "json", "--request-timeout=10s"]).run().await.expect(5);
    // One after the other the three that hang alone would take thirty seconds.
    assert!(started.elapsed() < Duration::from_secs(25), "{:?}", started.elapsed());
    let document = ran.json();
    fits("stuck-namespace-list", &document);
    let listed: Vec<&str> =
        document["items"].as_array().unwrap().iter().map(|item| item["context"].as_str().unwrap()).collect();
    assert_eq!(listed, healthy, "{ran:?}");
    assert!(document["items"].as_array().unwrap().iter().all(|item| item["name"] == "rodrigo"), "{ran:?}");
    let gaps = document["couldNotLook"].as_array().unwrap();
    let told: Vec<(&str, &str)> =
        gaps.iter().map(|gap| (gap["context"].as_str().unwrap(), gap["why"].as_str().unwrap())).collect();
    let expected: Vec<(&str, &str)> = troubles.iter().map(|(context, why, _)| (*context, *why)).collect();
    assert_eq!(told, expected, "{gaps:#?}");
    for ((context, _, words), gap) in troubles.iter().zip(gaps) {
        let detail = gap["detail"].as_str().unwrap();
        assert!(detail.starts_with(&format!("context {context:?}: ")) && detail.contains(words), "{detail}");
    }

    let ran = all_contexts(&kubeconfig, &["--no-headers", "--request-timeout=10s"]).run().await.expect(5);
    let contexts: Vec<&str> = ran.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(contexts, healthy, "{ran:?}");
    let errors: Vec<&str> = ran.stderr.lines().filter(|line| line.contains("context \"")).collect();
    assert_eq!(errors.len(), troubles.len(), "{ran:?}");
    for ((context, _, words), error) in troubles.iter().zip(errors) {
        assert!(error.contains(&format!("context {context:?}: ")) && error.contains(words), "{error}");
    }
}

async fn what_cannot_be_read_is_never_called_healthy(lab: Lab) {
    let mut many = Many::default();
    many.healthy("empty", &lab);
    many.add("dead", &json!({"server": canned::nobody().await}), &json!({}));
    let kubeconfig = many.write(&lab);
    let metrics = lab.dir().join("metrics.prom");
    let ran = all_contexts(&kubeconfig, &["--metrics-file", metrics.to_str().unwrap()]).run().await.expect(5);
    assert!(ran.stderr.contains("No stuck namespaces found in 1 of 2 contexts"), "{ran:?}");
    // A sum that lacks a cluster is no sum.
    let text = std::fs::read_to_string(&metrics).unwrap();
    assert!(!text.contains("nsfix_stuck_namespaces") && text.contains("nsfix_last_run"), "{text}");

    let mut many = Many::default();
    many.add("dead", &json!({"server": canned::nobody().await}), &json!({}));
    many.context("broken", "nowhere", "dead");
    let kubeconfig = many.write(&lab);
    let ran = all_contexts(&kubeconfig, &[]).run().await.expect(1);
    assert!(!ran.stderr.contains("No stuck namespaces"), "{ran:?}");
    let document = all_contexts(&kubeconfig, &["-o", "json"]).run().await.expect(1).json();
    assert_eq!((&document["items"], document["couldNotLook"].as_array().unwrap().len()), (&json!([]), 2));

    let kubeconfig = Many::default().write(&lab);
    let ran = all_contexts(&kubeconfig, &[]).run().await.expect(2);
    assert!(ran.stderr.contains("the kubeconfig has no contexts"), "{ran:?}");
}

async fn a_cluster_that_two_contexts_lead_to_is_listed_and_counted_once(_: Lab) {
    let (lab, other) = (stuck().await, stuck().await);
    let mut many = Many::default();
    many.healthy("first", &lab);
    many.healthy("other", &other);
    many.context("second", "first", "other");
    let kubeconfig = many.write(&lab);
    let metrics = lab.dir().join("metrics.prom");
    let more = ["-o", "json", "--metrics-file", metrics.to_str().unwrap()];
    let ran = all_contexts(&kubeconfig, &more).run().await.expect(0);
    assert!(ran.stderr.contains("context \"second\" leads to the same cluster as \"first\""), "{ran:?}");
    assert!(!ran.stderr.contains("context \"other\" leads"), "{ran:?}");
    let document = ran.json();
    fits("stuck-namespace-list", &document);
    let items = document["items"].as_array().unwrap();
    let contexts: Vec<&Value> = items.iter().map(|item| &item["context"]).collect();
    assert_eq!(contexts, ["first", "other"]);
    assert_eq!((&items[0]["otherContexts"], &items[1]["otherContexts"]), (&json!(["second"]), &Value::Null));
    let text = std::fs::read_to_string(&metrics).unwrap();
    let counts = text.lines().filter(|line| line.starts_with("nsfix_stuck_namespaces{"));
    let sum: u64 = counts.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!(sum, 2, "{text}");
}

async fn an_interrupt_ends_every_credential_plugin(lab: Lab) {
    let mut many = Many::default();
    let files: Vec<PathBuf> = (0..3).map(|number| lab.dir().join(format!("pid-{number}"))).collect();
    for file in &files {
        let script = format!("sleep 61 & echo $! > {}; wait", file.display());
        many.plugin(&format!("{}", file.display()), &lab, "Never", &script);
    }
    let child = all_contexts(&many.write(&lab), &[]).start();
    let pids = || files.iter().filter_map(|file| std::fs::read_to_string(file).ok());
    until(|| pids().filter(|pid| pid.ends_with('\n')).count() == 3).await;
    let id = child.id().unwrap().to_string();
    let started = Instant::now();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let ran = ended(child).await.expect(130);
    assert!(started.elapsed() < Duration::from_secs(5), "{ran:?}");
    let runs = |pid: &str| {
        std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).is_ok_and(|stat| !stat.contains(") Z "))
    };
    until(|| pids().all(|pid| !runs(&pid))).await;
}

async fn a_hint_about_one_of_several_contexts_is_for_that_context(lab: Lab) {
    let deny = vec![Deny::new("list", "", "namespaces")];
    let forbidden = Lab::sandbox(Options { deny, ..Options::empty() }).await;
    let mut many = Many::default();
    many.healthy("well", &lab);
    many.healthy("closed", &forbidden);
    let ran = all_contexts(&many.write(&lab), &[]).run().await.expect(5);
    assert!(ran.stderr.contains("hint: kubectl --context=closed auth can-i --list"), "{ran:?}");
}

async fn a_command_for_one_cluster_runs_no_credential_plugin_of_several(lab: Lab) {
    let mut many = Many::default();
    let file = lab.dir().join("was-run");
    for name in ["a", "b"] {
        many.plugin(name, &lab, "Never", &format!("touch {}", file.display()));
    }
    let kubeconfig = many.write(&lab);
    for verb in [["explain"].as_slice(), &["clear", "x", "--yes"], &["list-stuck", "-w"], &["access"], &[]] {
        let arguments = [verb, &["--all-contexts"]].concat();
        let ran = Nsfix::new(&arguments).env("KUBECONFIG", &kubeconfig).run().await.expect(2);
        assert!(ran.stderr.contains("works on one cluster at a time"), "{ran:?}");
    }
    assert!(!file.exists());
}
