//! What is printed can be pasted: every command is read by bash, and changes what it names and nothing else.

pub mod pasted;

use nsfix::sandbox::{Options, scenarios};
use serde_json::{Value, json};

use crate::harness::fixtures::{create, path, terminating};
use crate::harness::{Lab, Nsfix};
use crate::tests;

tests! {
    Bash: bash_reads_every_command_of_every_scenario;
    Kubectl: a_printed_release_changes_the_named_object_and_runs_nothing_else;
    Sandbox: a_command_carries_the_connection, nothing_printed_about_a_practice_cluster_reaches_another
}

/// Every command in a document, wherever it stands.
fn commands(document: &Value, found: &mut Vec<String>) {
    match document {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str() {
                    Some(text) if key == "kubectl" || key == "command" => found.push(text.to_owned()),
                    _ => commands(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| commands(item, found)),
        _ => {}
    }
}

async fn bash_reads(script: &str) {
    let output = tokio::process::Command::new("bash").args(["-n", "-c", script]).output().await.unwrap();
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
}

async fn bash_reads_every_command_of_every_scenario(_: Lab) {
    let mut tried = 0;
    for scenario in scenarios::all() {
        let lab = Lab::sandbox(Options::with(scenario)).await;
        let listed = lab.nsfix(&["list-stuck", "-o", "name"]).run().await;
        for name in listed.stdout.lines() {
            let mut found = Vec::new();
            let explained = lab.nsfix(&["explain", name, "-o", "json"]).run().await.expect(0);
            commands(&explained.json(), &mut found);
            for command in &found {
                assert!(!command.contains('\n'), "{command:?}");
                bash_reads(command).await;
            }
            let text = lab.nsfix(&["explain", name]).run().await.expect(0).stdout;
            let mut planned = Vec::new();
            let item = &explained.json()["items"][0];
            commands(&item["plan"], &mut planned);
            commands(&item["advice"], &mut planned);
            assert!(planned.iter().all(|command| text.contains(command)), "{text}\n{planned:?}");
            tried += found.len();
            for leftovers in ["orphan", "release"] {
                let leftovers = format!("--leftovers={leftovers}");
                let script = lab.nsfix(&["clear", name, "--dry-run=client", &leftovers]).run().await.stdout;
                bash_reads(&script).await;
                let last = script.lines().last().unwrap_or("#");
                assert!(last.starts_with('#'), "{script}");
                tried += script.lines().filter(|line| !line.starts_with('#')).count();
            }
        }
    }
    println!("{tried} printed commands read by bash");
    assert!(tried > 50, "{tried}");
}

async fn a_printed_release_changes_the_named_object_and_runs_nothing_else(lab: Lab) {
    let name = Lab::unique("hostile");
    create(&lab, &name).await;
    let bindings = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{name}/rolebindings");
    let marker = lab.dir().join("injected");
    let evil = format!("0;touch {}", marker.display()).replace('/', ":");
    let names = [evil.as_str(), "-x", "it's `id` $(touch injected)", "other"];
    for (index, each) in names.iter().enumerate() {
        let held = if index == 3 { "example.com/other" } else { "example.com/hold" };
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": each, "finalizers": [held]},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
        });
        lab.post(&bindings, &binding).await.expect(201);
    }
    lab.delete(&path(&name)).await.expect(200);
    for each in names {
        let _ = lab.delete(&format!("{bindings}/{}", encoded(each))).await;
    }
    let document = lab.nsfix(&["explain", &name, "-o", "json", "--all-objects"]).run().await.expect(0).json();
    let steps = document["items"][0]["plan"].as_array().unwrap();
    let release = steps.iter().find(|step| step["step"] == "ReleaseObject").unwrap();
    let command = release["kubectl"].as_str().unwrap();
    bash_reads(command).await;
    let ran = Nsfix::shell(&format!("cd {} && {command}", lab.dir().display()))
        .env("KUBECONFIG", lab.kubeconfig())
        .run()
        .await;
    assert!(ran.stdout.contains("patched"), "{command}\n{ran:?}");
    let left = lab.get(&bindings).await.json();
    assert_eq!(left["items"], json!([]), "{command}\n{left}");
    assert!(!marker.exists() && !lab.dir().join("injected").exists());
}

/// A name as a segment of a path.
fn encoded(name: &str) -> String {
    let segments: Vec<String> = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
    segments.concat()
}

async fn a_command_carries_the_connection(lab: Lab) {
    let name = terminating(&lab).await;
    let kubeconfig = lab.kubeconfig().display().to_string();
    let ran = lab.nsfix(&["explain", &name, "--kubeconfig", &kubeconfig, "--as", "it's"]).run().await;
    // Whoever may read nothing is told so, with a command for the same cluster.
    let all = format!("{}{}", ran.stdout, ran.stderr);
    assert!(all.contains(&format!("kubectl --kubeconfig={kubeconfig} '--as=it'\\''s' ")), "{all}");
}

async fn nothing_printed_about_a_practice_cluster_reaches_another(_: Lab) {
    let ran = Nsfix::new(&["explain", "rodrigo", "--sandbox=rodrigo"]).run().await.expect(0);
    let kubectl = ran.stdout.lines().filter(|line| line.trim_start().starts_with("kubectl "));
    assert_eq!(kubectl.count(), 0, "{ran:?}");
    assert!(ran.stdout.contains("nsfix --sandbox=rodrigo clear rodrigo --leftovers=release"), "{ran:?}");
}
