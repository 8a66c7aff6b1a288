//! `nsfix sandbox` serves a cluster that kubectl can talk to.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

use crate::harness::fixtures::terminating;
use crate::harness::{Lab, Nsfix};
use crate::tests;

tests! { Kubectl:
    kubectl_and_nsfix_work_side_by_side,
    what_kubectl_creates_is_stored_whole,
    what_an_ordinary_user_types_works,
    kubectl_applies_on_the_servers_side,
    what_is_not_there_is_refused_in_the_servers_words,
    a_backup_is_one_that_kubectl_creates
}

/// Runs kubectl to its end, with this on stdin.
async fn kubectl(kubeconfig: &str, arguments: &[&str], stdin: &str) -> String {
    let mut child = Command::new("kubectl")
        .args(arguments)
        .env("KUBECONFIG", kubeconfig)
        .env("HOME", "/nonexistent")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "kubectl {arguments:?}: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

async fn kubectl_and_nsfix_work_side_by_side(_: Lab) {
    let mut served = Nsfix::new(&["sandbox"]).start();
    let mut lines = BufReader::new(served.stdout.take().unwrap()).lines();
    let kubeconfig = lines.next_line().await.unwrap().unwrap();
    let run = |arguments: &'static [&'static str]| kubectl(&kubeconfig, arguments, "");
    let namespaces = run(&["get", "ns"]).await;
    assert!(
        namespaces.lines().any(|line| line.starts_with("rodrigo") && line.contains("Terminating")),
        "{namespaces}"
    );
    assert!(run(&["get", "configmaps", "-A"]).await.contains("settings"));
    run(&["create", "ns", "mine"]).await;
    run(&["create", "configmap", "c", "-n", "mine", "--from-literal=a=b"]).await;
    run(&[
        "patch",
        "configmap",
        "c",
        "-n",
        "mine",
        "--type=merge",
        "-p",
        r#"{"metadata":{"labels":{"x":"y"}}}"#,
    ])
    .await;
    assert!(
        run(&["get", "configmap", "c", "-n", "mine", "-o", "yaml"]).await.contains("x: \"y\"")
            || run(&["get", "configmap", "c", "-n", "mine", "--show-labels"]).await.contains("x=y")
    );
    // Until then no namespace can be deleted, as in a real cluster whose metrics-server is gone.
    run(&["delete", "ns", "mine", "--wait=false"]).await;
    assert!(run(&["get", "ns", "mine"]).await.contains("Terminating"));
    // What every script does, by hand.
    let namespace = run(&["get", "--raw", "/api/v1/namespaces/held-backup"]).await;
    let body = namespace.replace(r#""finalizers":["kubernetes"]"#, r#""finalizers":[]"#);
    kubectl(&kubeconfig, &["replace", "--raw", "/api/v1/namespaces/held-backup/finalize", "-f", "-"], &body)
        .await;
    assert!(!run(&["get", "ns"]).await.contains("held-backup"));
    let orphans = Nsfix::new(&["orphans"]).env("KUBECONFIG", &kubeconfig).run().await.expect(0);
    assert!(orphans.stdout.contains("nightly"), "{orphans:?}");
    run(&["delete", "apiservice", "v1beta1.metrics.k8s.io"]).await;
    run(&["wait", "--for=delete", "ns/rodrigo", "ns/mine", "--timeout=60s"]).await;
    let pid = served.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().await.unwrap().success());
    crate::harness::ended(served).await.expect(0);
    assert!(!std::path::Path::new(&kubeconfig).exists(), "the kubeconfig goes with the cluster");
}

async fn a_backup_is_one_that_kubectl_creates(lab: Lab) {
    let name = terminating(&lab).await;
    lab.delete(&format!("/api/v1/namespaces/{name}/configmaps/held")).await.expect(200);
    let ran =
        lab.nsfix(&["clear", &name, "--yes", "--leftovers=release", "-o", "json"]).run().await.expect(0);
    let backup = ran.json()["items"][0]["backup"].as_str().unwrap().to_owned();
    let kubeconfig = lab.kubeconfig().display().to_string();
    let created = kubectl(&kubeconfig, &["create", "-f", &backup], "").await;
    assert!(created.contains("configmap/held created"), "{created}");
}

/// A practice cluster that is served, and what kubectl says to it.
struct Served {
    child: tokio::process::Child,
    kubeconfig: String,
}

impl Served {
    async fn start() -> Self {
        let mut child = Nsfix::new(&["sandbox"]).start();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let kubeconfig = lines.next_line().await.unwrap().unwrap();
        let served = Self { child, kubeconfig };
        served.run("create ns mine").await;
        served
    }

    /// What it prints; in namespace `mine`.
    async fn run(&self, line: &str) -> String {
        let arguments: Vec<&str> = line.split(' ').chain(["-n", "mine"]).collect();
        kubectl(&self.kubeconfig, &arguments, "").await
    }

    /// What it says of a refusal.
    async fn refused(&self, line: &str) -> String {
        let arguments: Vec<&str> = line.split(' ').chain(["-n", "mine"]).collect();
        let run = Nsfix::other("kubectl", &arguments).env("KUBECONFIG", &self.kubeconfig).run().await;
        assert_ne!(run.code, Some(0), "{line}: {run:?}");
        run.stderr
    }

    async fn end(self) {
        let pid = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().await.unwrap().success());
        crate::harness::ended(self.child).await.expect(0);
    }
}

/// kubectl sends these in protobuf; what is stored is what it would have sent as JSON.
async fn what_kubectl_creates_is_stored_whole(_: Lab) {
    let served = Served::start().await;
    for (object, flags) in [
        ("deployment web", "--image=nginx --replicas=2 --port=80"),
        ("job once", "--image=busybox -- echo hello"),
        ("cronjob nightly", "--image=busybox --schedule=@daily"),
        ("ingress front", "--rule=a.example.com/x*=web:80,tls=cert --class=nginx --default-backend=web:http"),
        ("role reader", "--verb=get,list --resource=pods,deployments.apps --resource-name=x"),
        ("rolebinding readers", "--role=reader --user=alice --serviceaccount=mine:robot"),
        ("clusterrole counter", "--verb=list --resource=nodes"),
        ("clusterrolebinding counters", "--clusterrole=counter --group=ops"),
        ("quota few", "--hard=pods=2,requests.cpu=500m"),
        ("service clusterip back", "--tcp=80:http"),
        ("service nodeport open", "--tcp=80:8080 --node-port=30080"),
        ("pdb one", "--selector=app=web --min-available=50%"),
        ("priorityclass low", "--value=-10 --description=later"),
        ("configmap plain", "--from-literal=a=b"),
    ] {
        let (line, command) =
            flags.split_once(" -- ").map_or((flags, ""), |(flags, command)| (flags, command));
        let command = if command.is_empty() { String::new() } else { format!(" -- {command}") };
        // -n mine comes last, so a command goes through a JSON of its own.
        let create = |more: &str| format!("create {object} -n mine {line} {more}{command}");
        let split = |line: String| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let run = async |line: String| {
            let words = split(line);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            kubectl(&served.kubeconfig, &words, "").await
        };
        let meant: Value = serde_json::from_str(&run(create("--dry-run=client -o json")).await).unwrap();
        let stored: Value = serde_json::from_str(&run(create("-o json")).await).unwrap();
        for (path, wanted) in leaves(&meant) {
            if wanted.is_null() || path.starts_with("/status") || path.ends_with("creationTimestamp") {
                continue;
            }
            assert_eq!(stored.pointer(&path), Some(&wanted), "{object}: {path} in {stored}");
        }
    }
    let table = served.run("get deploy,job,svc,ing,rolebinding -o wide").await;
    for cells in [
        "deployment.apps/web   0/2",
        "nginx",
        "Running",
        "0/1",
        "back",
        "80/TCP",
        "a.example.com",
        "Role/reader",
    ] {
        assert!(table.contains(cells), "{cells} in {table}");
    }
    served.end().await;
}

/// Every value that is neither a list nor a map, by its JSON pointer.
fn leaves(value: &Value) -> Vec<(String, Value)> {
    let below = |key: String, value: &Value| {
        leaves(value).into_iter().map(move |(path, leaf)| (format!("/{key}{path}"), leaf)).collect::<Vec<_>>()
    };
    match value {
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, each)| below(key.replace('~', "~0").replace('/', "~1"), each))
            .collect(),
        Value::Array(items) => {
            items.iter().enumerate().flat_map(|(index, each)| below(index.to_string(), each)).collect()
        }
        leaf => vec![(String::new(), leaf.clone())],
    }
}

async fn what_an_ordinary_user_types_works(_: Lab) {
    let served = Served::start().await;
    let run = |line: &'static str| served.run(line);
    run("create deployment web --image=nginx").await;
    run("label ns mine team=blue").await;
    run("annotate deploy web note=x").await;
    run("patch deploy web -p {\"spec\":{\"paused\":true}}").await;
    assert_eq!(run("scale deploy web --replicas=3").await, "deployment.apps/web scaled\n");
    assert_eq!(run("get deploy web -o jsonpath={.spec.replicas}:{.spec.paused}").await, "3:true");
    run("autoscale deploy web --max=3 --cpu-percent=80").await;
    run("set image deploy web nginx=nginx:2").await;
    run("expose deploy web --port=80").await;
    run("run solo --image=nginx").await;
    let pods = run("get pods -o wide").await;
    assert!(pods.starts_with("NAME   READY   STATUS    RESTARTS   AGE   IP       NODE"), "{pods}");
    let nodes = run("get nodes -o wide").await;
    assert!(nodes.starts_with("NAME           STATUS") && nodes.contains("INTERNAL-IP"), "{nodes}");
    assert!(run("describe deploy web").await.contains("Replicas:           3 desired"));
    run("describe pod solo").await;
    run("describe ns rodrigo").await;
    run("auth can-i delete namespaces").await;
    run("api-resources").await;
    run("rollout history deploy web").await;
    run("delete deploy web --wait").await;
    served.end().await;
}

/// Applied by the server: created, changed, and said who did it.
async fn kubectl_applies_on_the_servers_side(_: Lab) {
    let served = Served::start().await;
    let object = |value: &str| {
        let metadata = "metadata: {name: app, namespace: mine}";
        format!("apiVersion: v1\nkind: ConfigMap\n{metadata}\ndata: {{a: {value:?}}}\n")
    };
    for (value, said) in
        [("1", "configmap/app serverside-applied"), ("2", "configmap/app serverside-applied")]
    {
        let ran = kubectl(&served.kubeconfig, &["apply", "--server-side", "-f", "-"], &object(value)).await;
        assert_eq!(ran.trim(), said);
        assert_eq!(served.run("get cm app -o jsonpath={.data.a}").await, value);
    }
    let managers =
        served.run("get cm app --show-managed-fields -o jsonpath={.metadata.managedFields[*].manager}").await;
    assert_eq!(managers, "kubectl");
    served.end().await;
}

/// What there is no kubelet or no component for is refused as a real server refuses it.
async fn what_is_not_there_is_refused_in_the_servers_words(_: Lab) {
    let served = Served::start().await;
    served.run("run solo --image=nginx").await;
    let logs = served.refused("logs solo").await;
    assert!(logs.contains("(BadRequest): pod solo does not have a host assigned"), "{logs}");
    assert!(served.refused("logs nobody").await.contains("pods \"nobody\" not found"));
    assert!(served.refused("top pods").await.contains("Metrics API not available"));
    assert!(served.refused("drain nobody").await.contains("nodes \"nobody\" not found"));
    served.end().await;
}
