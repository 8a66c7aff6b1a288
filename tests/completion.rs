//! What TAB offers: in real shells, in time, and whatever a server says.

mod shells;

use std::time::{Duration, Instant};

use nsfix::sandbox::{Canned, Fault, Matcher};
use serde_json::{Value, json};

use crate::harness::fixtures::{create, hold, path, terminating};
use crate::harness::{Lab, Nsfix, Ran, canned, kubeconfig};
use crate::tests;

tests! {
    Both:
    stuck_namespaces_are_offered_to_whoever_ends_one,
    the_finalizers_of_the_named_namespace_come_before_the_catalogue,
    whoever_may_list_nothing_is_offered_nothing;
    Sandbox:
    the_flags_that_were_typed_decide_where_to_look,
    names_of_the_kubeconfig_are_offered,
    scenarios_backups_and_the_catalogue_need_no_cluster,
    flags_are_for_whoever_begins_one,
    a_server_that_hangs_is_given_up_in_silence,
    a_name_that_is_none_is_never_offered,
    a_plugin_that_asks_is_not_started,
    a_plugin_that_takes_long_is_given_up,
    another_meaning_of_the_variable_does_not_stop_nsfix
}

/// All tests, those in real shells included.
pub fn all() -> Vec<crate::harness::Test> {
    tests().into_iter().chain(shells::tests()).collect()
}

/// What a machine takes that runs other tests as well, where the answer itself is what matters.
const PATIENT: (&str, &str) = ("NSFIX_COMPLETION_TIMEOUT", "60s");

/// The question for the last word, in fish's form.
fn asked(words: &[&str]) -> Nsfix {
    Nsfix::new(&[&["--", "nsfix"], words].concat()).env("COMPLETE", "fish")
}

async fn answer(lab: &Lab, words: &[&str]) -> Ran {
    let ran =
        lab.nsfix(&[&["--", "nsfix"], words].concat()).env("COMPLETE", "fish").env(PATIENT.0, PATIENT.1);
    let ran = ran.run().await.expect(0);
    assert_eq!(ran.stderr, "", "it is silent");
    ran
}

async fn offered(lab: &Lab, words: &[&str]) -> Vec<String> {
    let stdout = answer(lab, words).await.stdout;
    stdout.lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
}

async fn stuck_namespaces_are_offered_to_whoever_ends_one(lab: Lab) {
    let (name, other) = (terminating(&lab).await, terminating(&lab).await);
    let active = Lab::unique("active");
    create(&lab, &active).await;
    for verb in ["clear", "explain"] {
        let found = offered(&lab, &[verb, ""]).await;
        assert!(
            found.contains(&name) && found.contains(&other) && !found.contains(&active),
            "{verb}: {found:?}"
        );
        let found = offered(&lab, &[verb, &name, ""]).await;
        assert!(
            !found.contains(&name) && found.contains(&other),
            "what was typed is not offered again: {found:?}"
        );
    }
    let as_kubectl_prints_it = offered(&lab, &["clear", &format!("ns/{}", &name[..name.len() - 1])]).await;
    assert!(as_kubectl_prints_it.contains(&format!("ns/{name}")), "{as_kubectl_prints_it:?}");
    assert_eq!(offered(&lab, &["list-stuck", "-n", &name]).await, [name.as_str()]);
    assert_eq!(offered(&lab, &["check", &active]).await, [active.as_str()]);
    assert_eq!(offered(&lab, &["check", "-n", &name]).await, [name.as_str()]);
    assert_eq!(offered(&lab, &["orphans", ""]).await, Vec::<String>::new());
}

async fn the_finalizers_of_the_named_namespace_come_before_the_catalogue(lab: Lab) {
    let name = Lab::unique("marked");
    create(&lab, &name).await;
    hold(&lab, &name).await;
    let mark = json!({"metadata": {"finalizers": ["example.com/mine"]}});
    lab.patch(&path(&name), &mark).await.expect(200);
    lab.delete(&path(&name)).await.expect(200);
    let own = offered(&lab, &["clear", &name, "--finalizer", ""]).await;
    assert_eq!(own, ["example.com/mine"], "and not kubernetes, which is removed anyway");
    let known = offered(&lab, &["clear", &name, "--finalizer", "controller.cattle"]).await;
    assert_eq!(known, ["controller.cattle.io/namespace-auth"]);
    lab.patch(&path(&name), &json!({"metadata": {"finalizers": null}})).await.expect(200);
    let reported = lab.get(&path(&name)).await.text.contains("example.com/hold in 1");
    let inside = offered(&lab, &["clear", &name, "--release-finalizer="]).await;
    if reported {
        assert_eq!(inside, ["--release-finalizer=example.com/hold"]);
    } else {
        assert!(inside.len() > 100, "the catalogue: {inside:?}");
    }
}

async fn whoever_may_list_nothing_is_offered_nothing(lab: Lab) {
    terminating(&lab).await;
    let words: &[&str] = &["--", "nsfix", "clear", ""];
    let run = if lab.sandbox.is_some() {
        let list = Matcher::new("GET", "/api/v1/namespaces");
        lab.the_sandbox().inject(Fault::answer(list, Canned::status(403, "Forbidden", "you may not")));
        lab.nsfix(words)
    } else {
        Nsfix::new(words).env("KUBECONFIG", lab.kubeconfig_of_alice())
    };
    let ran = run.env("COMPLETE", "fish").env(PATIENT.0, PATIENT.1).run().await.expect(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
}

async fn the_flags_that_were_typed_decide_where_to_look(lab: Lab) {
    let name = terminating(&lab).await;
    let kubeconfig = lab.kubeconfig().display().to_string();
    let there = |flags: &[&str]| {
        let run = asked(&[flags, &["explain", &name]].concat()).env(PATIENT.0, PATIENT.1);
        async { run.run().await.expect(0).stdout }
    };
    assert_eq!(there(&[]).await, "");
    assert_eq!(there(&["--kubeconfig", &kubeconfig]).await, format!("{name}\n"));
    assert_eq!(there(&["--kubeconfig", &kubeconfig, "--context=lab"]).await, format!("{name}\n"));
    assert_eq!(there(&["--kubeconfig", &kubeconfig, "--context", "nobody"]).await, "");
    assert_eq!(there(&["-s", lab.url()]).await, format!("{name}\n"));
    // A line that is wrong behind that is completed all the same.
    assert_eq!(there(&["--kubeconfig", &kubeconfig, "--nonsense"]).await, format!("{name}\n"));
    let practice = offered(&lab, &["--sandbox", "clear", ""]).await;
    assert!(practice.contains(&"rodrigo".to_owned()) && !practice.contains(&name), "{practice:?}");
    assert_eq!(offered(&lab, &["explain", "--sandbox=zombie", ""]).await, ["zombie"]);
}

async fn names_of_the_kubeconfig_are_offered(lab: Lab) {
    let text = kubeconfig(lab.url(), None, "")
        .replace("- name: lab\n  context:", "- name: arn:aws:eks:eu@x/y\n  context:");
    let other = lab.dir().join("other");
    std::fs::write(&other, text).unwrap();
    let list = std::env::join_paths([lab.kubeconfig(), &other]).unwrap();
    let run = |words: &[&str]| {
        let run = asked(words).env(PATIENT.0, PATIENT.1).env("KUBECONFIG", &list);
        async { run.run().await.expect(0).stdout }
    };
    assert_eq!(run(&["--context", ""]).await, "lab\narn:aws:eks:eu@x/y\n");
    assert_eq!(run(&["list-stuck", "--context=a"]).await, "--context=arn:aws:eks:eu@x/y\n");
    assert_eq!(run(&["--user", "l"]).await, "lab\n");
    assert_eq!(run(&["--cluster", ""]).await, "lab\n");
}

async fn scenarios_backups_and_the_catalogue_need_no_cluster(lab: Lab) {
    assert!(offered(&lab, &["sandbox", ""]).await.contains(&"rodrigo".to_owned()));
    assert_eq!(offered(&lab, &["--sandbox=rod"]).await, ["--sandbox=rodrigo"]);
    assert_eq!(offered(&lab, &["--sandbox=rodrigo,zom"]).await, ["--sandbox=rodrigo,zombie"]);
    let releases = offered(&lab, &["sandbox", "--kubernetes-version", ""]).await;
    assert_eq!((releases.first().unwrap().as_str(), releases.last().unwrap().as_str()), ("1.36", "1.20"));
    let pvc = "kubernetes.io/pvc-protection";
    assert_eq!(offered(&lab, &["finalizers", "kubernetes.io/pvc"]).await, [pvc]);
    assert_eq!(offered(&lab, &["orphans", "--release-finalizer", "kubernetes.io/pvc"]).await, [pvc]);
    let backup = lab.dir().join("state/nsfix/backups/rodrigo-20260101T000000Z.yaml");
    std::fs::create_dir_all(backup.parent().unwrap()).unwrap();
    std::fs::write(&backup, "").unwrap();
    let backup = backup.display().to_string();
    assert!(offered(&lab, &["restore", ""]).await.contains(&backup));
    assert!(offered(&lab, &["restore", "rodr"]).await.contains(&backup), "by its name");
    assert_eq!(lab.the_sandbox().requests().len(), 0, "no cluster is asked");
}

async fn flags_are_for_whoever_begins_one(lab: Lab) {
    assert!(offered(&lab, &[""]).await.iter().all(|word| !word.starts_with('-')));
    assert_eq!(offered(&lab, &["clear", "--left"]).await, ["--leftovers"]);
    assert_eq!(
        offered(&lab, &["clear", "--leftovers=re"]).await,
        ["--leftovers=refuse", "--leftovers=release"]
    );
    assert_eq!(offered(&lab, &["clear", "-o", "cust"]).await, ["custom-columns=", "custom-columns-file="]);
}

async fn a_server_that_hangs_is_given_up_in_silence(lab: Lab) {
    let silent = kubeconfig(&canned::silent().await, None, "");
    let path = lab.dir().join("silent");
    std::fs::write(&path, silent).unwrap();
    for words in [["clear", ""], ["check", ""], ["explain", "x"]] {
        let started = Instant::now();
        let ran = asked(&words).env("KUBECONFIG", &path).run().await.expect(0);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
        // 200 ms on a machine that has nothing else to do; this one has.
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    }
    let catalogue = asked(&["clear", "x", "--finalizer", ""]).env("KUBECONFIG", &path).run().await.expect(0);
    assert!(
        catalogue.stdout.contains("controller.cattle.io/namespace-auth"),
        "what needs no server is offered"
    );
}

async fn a_name_that_is_none_is_never_offered(lab: Lab) {
    let named = |name: &str| {
        let mut namespace = json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"uid": "u", "resourceVersion": "1", "finalizers": ["a\nb", "$(reboot)", "ok.io/x"]}});
        namespace["metadata"]["name"] = name.into();
        namespace
    };
    let names = ["good", "\nls", "a;b", "$(reboot)", "\u{1b}[2J", "-A", "a b", "`x`", "a\tb"];
    let items: Vec<Value> = names.into_iter().map(named).collect();
    let list = json!({"apiVersion": "v1", "kind": "NamespaceList", "metadata": {}, "items": items});
    let all = Matcher::new("GET", "/api/v1/namespaces");
    lab.the_sandbox().inject(Fault::answer(all, Canned::json(200, &list)));
    for shell in ["bash", "zsh", "fish", "elvish", "powershell", "kubectl"] {
        let run = |words: &'static [&'static str]| {
            let words = [&["--", "nsfix"], words].concat();
            let words = if shell == "kubectl" { [&["--"], &words[2..]].concat() } else { words };
            let index = words.len() - 2;
            let run = lab
                .nsfix(&words)
                .env("COMPLETE", shell)
                .env("_CLAP_COMPLETE_INDEX", index.to_string())
                .env(PATIENT.0, PATIENT.1);
            async { run.run().await.expect(0).stdout }
        };
        let rest = if shell == "kubectl" { ":4\n" } else { "" };
        assert_eq!(run(&["clear", ""]).await, format!("good\n{rest}"), "{shell}");
        let finalizers = run(&["clear", "good", "--finalizer", ""]).await;
        assert!(finalizers.contains("ok.io/x\n") && !finalizers.contains("a\nb"), "{shell}: {finalizers}");
        assert!(
            !finalizers.contains("reboot")
                || finalizers.contains("\\$\\(reboot\\)")
                || ["zsh", "fish"].contains(&shell)
        );
    }
}

/// A kubeconfig whose user logs in by this script.
fn with_plugin(lab: &Lab, mode: &str, script: &str) -> std::path::PathBuf {
    let exec = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh",
        "args": ["-c", script], "interactiveMode": mode}});
    let path = lab.dir().join("plugin");
    std::fs::write(&path, kubeconfig(lab.url(), None, "").replace("user: {}", &format!("user: {exec}")))
        .unwrap();
    path
}

async fn a_plugin_that_asks_is_not_started(lab: Lab) {
    let (prompted, info) = (lab.dir().join("prompted"), lab.dir().join("info"));
    for (mode, script) in [
        ("Always", format!("touch {}", prompted.display())),
        ("IfAvailable", format!("echo $KUBERNETES_EXEC_INFO > {}", info.display())),
    ] {
        let path = with_plugin(&lab, mode, &script);
        let run = asked(&["explain", ""]).env(PATIENT.0, PATIENT.1).env("KUBECONFIG", &path);
        let command = run.into_command();
        // On a terminal, where a plugin could ask.
        let screen = tokio::task::spawn_blocking(move || {
            rexpect::session::spawn_command(command, Some(30_000)).unwrap().exp_eof().unwrap()
        });
        assert_eq!(screen.await.unwrap(), "", "{mode}");
    }
    assert!(!prompted.exists());
    let info = std::fs::read_to_string(info).unwrap();
    assert!(info.contains(r#""interactive":false"#), "{info}");
}

async fn a_plugin_that_takes_long_is_given_up(lab: Lab) {
    let path = with_plugin(&lab, "Never", "sleep 60; echo late");
    let started = Instant::now();
    let run = asked(&["explain", ""]).env("KUBECONFIG", &path);
    // stdout would stay open as long as the plugin had it.
    let ran = run.run().await.expect(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

async fn another_meaning_of_the_variable_does_not_stop_nsfix(lab: Lab) {
    let version = lab.nsfix(&["version"]).run().await.expect(0).stdout;
    for value in ["1", "bash", "nobody", ""] {
        assert_eq!(
            lab.nsfix(&["version"]).env("COMPLETE", value).run().await.expect(0).stdout,
            version,
            "{value}"
        );
    }
    // As clap's other programs do it.
    let script = lab.nsfix(&[]).env("COMPLETE", "bash").run().await.expect(0).stdout;
    assert_eq!(script, lab.nsfix(&["completion", "bash"]).run().await.expect(0).stdout);
}
