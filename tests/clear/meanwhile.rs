//! What others do, or the reader, while a run is under way.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use tokio::task::JoinHandle;

use nsfix::model::Permission;

use crate::harness::fixtures::{create, finalize, hold, path, terminating, without_finalizers};
use crate::harness::{Account, Lab, Nsfix, ended};
use crate::tests;

tests! {
    Both:
    an_annotation_that_is_set_while_it_waits_holds_it_back,
    what_somebody_else_abandons_while_it_waits_is_found,
    what_a_new_namespace_of_the_name_takes_in_while_it_waits_is_named,
    a_signal_while_it_waits_leaves_everything_as_it_is,
    a_reader_who_goes_away_does_not_make_it_a_success;
    Real:
    an_account_that_may_not_look_everywhere_abandons_nothing,
    a_right_that_is_lost_while_it_waits_ends_it_without_a_write
}

/// Waits until it says that it waits for the controller; what it says after that comes in the end.
async fn waits(child: &mut Child) -> JoinHandle<String> {
    let mut said = BufReader::new(child.stderr.take().expect("stderr")).lines();
    loop {
        let line = said.next_line().await.unwrap().expect("it waits first");
        if line.contains("waiting up to") {
            // Whoever does not read on stops the writer in the end.
            return tokio::spawn(async move {
                let mut rest = String::new();
                while let Ok(Some(line)) = said.next_line().await {
                    rest = rest + &line + "\n";
                }
                rest
            });
        }
    }
}

async fn is_untouched(lab: &Lab, name: &str) {
    let namespace = lab.get(&path(name)).await.expect(200);
    assert_eq!(namespace["spec"]["finalizers"], json!(["kubernetes"]), "{namespace}");
    let held = lab.get(&format!("{}/configmaps/held", path(name))).await.expect(200);
    assert_eq!(held["metadata"]["finalizers"], json!(["example.com/hold"]), "{held}");
}

async fn an_annotation_that_is_set_while_it_waits_holds_it_back(lab: Lab) {
    let name = Lab::unique("brake");
    create(&lab, &name).await;
    lab.patch(&path(&name), &json!({"metadata": {"labels": {"run": name}}})).await.expect(200);
    hold(&lab, &name).await;
    lab.delete(&path(&name)).await.expect(200);
    let (selector, age) = (format!("--selector=run={name}"), "--older-than=0s");
    let arguments =
        ["clear", "--all", age, &selector, "--leftovers=release", "--yes", "--patience=4s", "-o=json"];
    let mut child = lab.nsfix(&arguments).start();
    waits(&mut child).await;
    lab.patch(&path(&name), &json!({"metadata": {"annotations": {"nsfix/skip": "true"}}})).await.expect(200);
    let report = ended(child).await.expect(4).json();
    let message = report["items"][0]["message"].as_str().unwrap();
    assert!(message.contains("is left alone: it has the annotation nsfix/skip"), "{report}");
    is_untouched(&lab, &name).await;
}

/// Rule 8: nobody but the controller looks whether a namespace is empty before it ends it.
async fn what_somebody_else_abandons_while_it_waits_is_found(lab: Lab) {
    for format in ["-o=json", "-o=name"] {
        let name = terminating(&lab).await;
        let mut child = lab.nsfix(&["clear", &name, "--yes", "--patience=1h", format]).start();
        waits(&mut child).await;
        finalize(&lab, &name, "", without_finalizers).await.1.expect(200);
        let ran = ended(child).await.expect(0);
        if format == "-o=json" {
            let item = ran.json()["items"][0].clone();
            assert_eq!(item["outcome"], "Unchanged", "{item}");
            assert_eq!(item["orphans"][0]["resource"], "configmaps", "{item}");
        }
    }
    let name = terminating(&lab).await;
    let mut child = lab.nsfix(&["clear", &name, "--yes", "--patience=1h"]).start();
    waits(&mut child).await;
    finalize(&lab, &name, "", without_finalizers).await.1.expect(200);
    let ran = ended(child).await.expect(0);
    assert!(ran.stdout.contains("gone: another client has finalized it, not nsfix"), "{ran:?}");
}

/// Rule 3: what that means for what was left behind.
async fn what_a_new_namespace_of_the_name_takes_in_while_it_waits_is_named(lab: Lab) {
    let name = terminating(&lab).await;
    let child = lab.nsfix(&["clear", &name, "--yes", "--patience=1h"]).start();
    let mut child = child;
    let said = waits(&mut child).await;
    finalize(&lab, &name, "", without_finalizers).await.1.expect(200);
    create(&lab, &name).await;
    ended(child).await.expect(0);
    let said = said.await.unwrap();
    assert!(said.contains("inside the new one of that name now: configmaps held"), "{said}");
}

async fn a_signal_while_it_waits_leaves_everything_as_it_is(lab: Lab) {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let name = terminating(&lab).await;
        let arguments = ["clear", &name, "--leftovers=release", "--yes", "--patience=60s", "-o=json"];
        let mut child = lab.nsfix(&arguments).start();
        waits(&mut child).await;
        let pid = child.id().expect("it runs").to_string();
        assert!(std::process::Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let report = ended(child).await.expect(code).json();
        assert_eq!(report["items"][0]["outcome"], "NotBegun", "{report}");
        is_untouched(&lab, &name).await;
    }
}

async fn a_reader_who_goes_away_does_not_make_it_a_success(lab: Lab) {
    let (one, two) = (terminating(&lab).await, terminating(&lab).await);
    let dir = lab.dir().display();
    let line = format!(
        "{{ nsfix clear {one} {two} --yes --leftovers=orphan --journal {dir}/journal; echo $? >{dir}/code; }} | :"
    );
    Nsfix::shell(&line)
        .env("KUBECONFIG", lab.kubeconfig())
        .env("XDG_STATE_HOME", lab.dir().join("state"))
        .run()
        .await;
    let read = |name: &str| std::fs::read_to_string(lab.dir().join(name)).unwrap();
    assert_eq!(read("code"), "1\n");
    // What was under way is brought to its end, and the journal has it.
    let told: Vec<Value> = read("journal").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let reports: Vec<&Value> = told.iter().filter(|line| line["event"] == "Report").collect();
    assert_ne!(reports.len(), 0, "{told:?}");
    for line in reports {
        assert_eq!(line["outcome"], "Cleared", "{line}");
        lab.get(&path(line["namespace"].as_str().unwrap())).await.expect(404);
    }
}

/// Enough to release ConfigMaps and to finalize, and no look at anything else.
fn few() -> Vec<Permission> {
    let config_maps = ["get", "list", "patch", "delete"].map(|verb| Permission::new(verb, "", "configmaps"));
    let finalize = Permission::new("update", "", "namespaces").subresource("finalize");
    [&config_maps[..], &[Permission::new("get", "", "namespaces"), finalize]].concat()
}

async fn an_account_that_may_not_look_everywhere_abandons_nothing(lab: Lab) {
    let account = Account::create(&lab, "narrow").await;
    account.allow(&lab, &few()).await;
    for (leftovers, words) in [
        ("--leftovers=release", "whatever is in"),
        ("--leftovers=refuse", "could not be looked at completely"),
    ] {
        let name = terminating(&lab).await;
        let ran =
            account.nsfix(&lab, &["clear", &name, "--yes", leftovers, "--timeout=60s"]).run().await.expect(4);
        assert!(ran.stderr.contains(words), "{ran:?}");
        let namespace = lab.get(&path(&name)).await.expect(200);
        assert_eq!(namespace["spec"]["finalizers"], json!(["kubernetes"]), "{ran:?}");
        // Consent of its own, and loud.
        let ran = account.nsfix(&lab, &["clear", &name, "--yes", "--leftovers=orphan"]).run().await.expect(0);
        assert!(ran.stderr.contains("could not look at") && ran.stderr.contains("is unknown"), "{ran:?}");
    }
}

async fn a_right_that_is_lost_while_it_waits_ends_it_without_a_write(lab: Lab) {
    let account = Account::create(&lab, "losing").await;
    let name = terminating(&lab).await;
    let report = nsfix::plan::capabilities().into_iter().find(|each| each.name == "report").unwrap();
    account.allow(&lab, &[report.permissions.clone(), few()].concat()).await;
    let arguments = ["clear", &name, "--yes", "--leftovers=release", "--patience=4s", "-o=json"];
    let mut child = account.nsfix(&lab, &arguments).start();
    waits(&mut child).await;
    account.allow(&lab, &report.permissions).await;
    let ended = ended(child).await.expect(1).json();
    let message = ended["items"][0]["message"].as_str().unwrap();
    assert!(message.contains("you are not allowed to"), "{ended}");
    is_untouched(&lab, &name).await;
}
