//! `nsfix sandbox` serves a cluster that kubectl can talk to.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

use crate::harness::fixtures::terminating;
use crate::harness::{Lab, Nsfix};
use crate::tests;

tests! { Kubectl:
    kubectl_and_nsfix_work_side_by_side,
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
