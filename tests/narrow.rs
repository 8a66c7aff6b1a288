//! A terminal of 80 columns: sentences are wrapped between their words, tables are cut, and what is to be copied stays
//! whole.

use nsfix::sandbox::{Deny, Options, scenarios};
use serde_json::{Value, json};

use crate::harness::Lab;
use crate::harness::fixtures::{documents, finalize_path, path, terminating, without_finalizers};
use crate::progress::{WIDTH, Watched};
use crate::tests;

tests! { Sandbox:
    what_explain_prints_fits_and_its_commands_are_whole,
    tables_and_messages_fit,
    the_hint_of_a_refused_plan_keeps_its_command_in_one_line,
    the_rules_that_access_prints_are_whole,
    what_a_run_says_fits
}

/// Everything stuck that there is.
async fn everything() -> Lab {
    let all = scenarios::all().iter().collect();
    Lab::sandbox(Options { scenarios: all, controller: None, ..Options::default() }).await
}

/// Longer than the terminal is only what is copied: a command after whatever leads to it, or one long word.
#[track_caller]
fn assert_fits(watched: &Watched) {
    for line in &watched.screen {
        let columns = line.chars().count();
        let is_command = ["kubectl ", "nsfix "].iter().any(|program| line.contains(program));
        let indent = columns - line.trim_start().chars().count();
        let is_word = !line.trim().contains(' ') || indent + line.trim().rfind(' ').unwrap() < 16;
        assert!(columns <= WIDTH || is_command || is_word, "{columns} columns: {line:?}\n{}", watched.raw);
    }
}

/// The commands of a document.
fn commands(document: &Value, found: &mut Vec<String>) {
    match document {
        Value::Array(items) => items.iter().for_each(|item| commands(item, found)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(command) if name == "kubectl" || name == "command" => {
                        found.push(command.clone());
                    }
                    _ => commands(value, found),
                }
            }
        }
        _ => {}
    }
}

async fn what_explain_prints_fits_and_its_commands_are_whole(_: Lab) {
    let lab = everything().await;
    assert_fits(&Watched::run(&lab, &["explain", "--color=never"]).await);
    assert_fits(&Watched::run(&lab, &["--color=never"]).await);
    for scenario in scenarios::all() {
        let watched = Watched::run(&lab, &["explain", scenario.name, "--color=never"]).await;
        assert_fits(&watched);
        let document = lab.nsfix(&["explain", scenario.name, "-o", "json"]).run().await.expect(0).json();
        let mut found = Vec::new();
        commands(&document["items"][0]["plan"], &mut found);
        commands(&document["items"][0]["advice"], &mut found);
        for command in found {
            let is_whole = watched.screen.iter().any(|line| line.ends_with(&command));
            assert!(is_whole, "{}: {command}\n{:#?}", scenario.name, watched.screen);
        }
    }
}

async fn tables_and_messages_fit(_: Lab) {
    let lab = everything().await;
    // An orphan with a long name of its finalizer.
    let name = terminating(&lab).await;
    loop {
        let mut body = lab.get(&path(&name)).await.expect(200);
        without_finalizers(&mut body);
        if lab.put(&finalize_path(&name), &body).await.status != 409 {
            break;
        }
    }
    for arguments in [
        ["list-stuck"].as_slice(),
        &["orphans"],
        &["access"],
        &["finalizers"],
        &["finalizers", "kubernetes"],
        &["check", "active", "rodrigo"],
        &["clear", "--all", "--older-than=1h", "--leftovers=refuse", "--yes", "--dry-run=server"],
    ] {
        let watched = Watched::run(&lab, &[arguments, &["--color=never"]].concat()).await;
        assert_fits(&watched);
        assert!(watched.screen.len() > 1, "{}", watched.raw);
    }
}

async fn the_hint_of_a_refused_plan_keeps_its_command_in_one_line(lab: Lab) {
    // Held by nothing but a metadata finalizer: what would help is a sentence and a command.
    let name = Lab::unique("a-name-that-makes-every-command-longer");
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    lab.post("/api/v1/namespaces", &body).await.expect(201);
    crate::harness::fixtures::hold(&lab, &name).await;
    lab.delete(&path(&name)).await.expect(200);
    let context = "--context=lab";
    let arguments = ["clear", &name, "--yes", "--leftovers=refuse", context, "--color=never"];
    let watched = Watched::run(&lab, &arguments).await;
    assert_eq!(watched.code, Some(4), "{}", watched.raw);
    let explain = format!("nsfix {context} explain {name}");
    assert!(watched.screen.iter().any(|line| line.ends_with(&explain)), "{:#?}", watched.screen);
    // Live objects: --yes is not enough, and the hint says what is.
    let watched = Watched::run(&lab, &["clear", &name, "--yes", "--color=never"]).await;
    assert_eq!(watched.code, Some(4), "{}", watched.raw);
    assert_fits(&watched);
}

async fn the_rules_that_access_prints_are_whole(_: Lab) {
    let lab =
        Lab::sandbox(Options { deny: vec![Deny::new("patch", "", "namespaces")], ..Options::empty() }).await;
    let rule = "{apiGroups: [\"\"], resources: [\"namespaces\"], verbs: [\"patch\"]}";
    let watched = Watched::run(&lab, &["access", "--color=never"]).await;
    assert_eq!(watched.code, Some(1), "{}", watched.raw);
    assert_fits(&watched);
    assert!(watched.screen.contains(&format!("  {rule}")), "{:#?}", watched.screen);
    // Nothing is moved where nothing has to fit.
    let piped = lab.nsfix(&["access"]).run().await.expect(1).stdout;
    assert!(piped.lines().any(|line| line.ends_with(&format!("no        {rule}"))), "{piped}");
}

async fn what_a_run_says_fits(lab: Lab) {
    let name = terminating(&lab).await;
    let arguments = ["clear", &name, "--yes", "--leftovers=orphan", "--color=never"];
    let watched = Watched::run(&lab, &arguments).await;
    assert_eq!(watched.code, Some(0), "{}", watched.raw);
    assert_fits(&watched);
    let purge = format!("nsfix orphans {name} --purge");
    assert!(watched.screen.iter().any(|line| line.contains(&purge)), "{:#?}", watched.screen);
    let watched = Watched::run(&lab, &["orphans", &name, "--purge", "--yes", "--color=never"]).await;
    assert_fits(&watched);
    let metadata = json!({"name": "k", "namespace": name});
    let file = lab.dir().join("backup.yaml");
    let objects = [
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "uid": "gone"}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}),
        json!({"apiVersion": "v9", "kind": "Unknown", "metadata": metadata}),
    ];
    std::fs::write(&file, documents(&objects)).unwrap();
    assert_fits(&Watched::run(&lab, &["restore", &file.display().to_string(), "--color=never"]).await);
}
