//! `clear --all --policy FILE`: the rule that matches decides.

use nsfix::sandbox::{Fault, Matcher, Options, scenarios};
use serde_json::{Value, json};

use super::{is_there, stuck};
use crate::harness::fixtures::{create, path};
use crate::harness::{ADMISSION_POLICIES, Lab, Ran};
use crate::tests;

tests! {
    Controlled:
    the_first_rule_that_matches_decides,
    a_zombie_is_rearmed_only_where_a_rule_says_so,
    a_metadata_finalizer_is_removed_where_a_rule_names_it,
    the_owner_has_to_be_proven_absent;
    BothAlone:
    under_a_preview_policy_the_scenarios_are_cleared_or_refused_and_none_wrongly,
    the_flags_say_the_same_for_all_of_them;
    Sandbox:
    an_api_that_stores_nothing_neither_holds_up_a_zombie_nor_is_it_warned_of_twice,
    a_mistake_is_told_with_its_line_before_any_request,
    a_rehearsal_names_the_rule_and_ends_as_the_real_run,
    a_label_that_is_taken_away_before_the_write_holds_it_back,
    the_limits_of_the_file_hold,
    the_maximum_counts_what_would_be_written_to,
    an_unavailable_api_is_given_up_where_a_rule_names_it
}

/// Previews may lose what is held, everything else nothing.
const PREVIEW: &str = r#"apiVersion: nsfix/v1
kind: ClearPolicy
olderThan: 0s
max: 20
rules:
  - namespaces: {names: ["pr-*"]}
    leftovers: release
    release: {finalizers: [example.com/hold]}
  - namespaces: {names: ["*"]}
    leftovers: refuse
"#;

/// Writes a policy, and returns its path.
fn policy(lab: &Lab, text: &str) -> String {
    let path = lab.dir().join("policy.yaml");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

async fn clear_under(lab: &Lab, text: &str, selector: &str, more: &[&str]) -> Ran {
    let policy = policy(lab, text);
    let arguments = ["clear", "--all", "--policy", &policy, "--yes", "-l", selector];
    lab.nsfix(&[&arguments, more].concat()).run().await
}

/// The item about a namespace.
fn about(ran: &Ran, name: &str) -> Value {
    let report = ran.json();
    let items = report["items"].as_array().unwrap();
    items.iter().find(|item| item["namespace"] == *name).unwrap_or_else(|| panic!("{ran:?}")).clone()
}

/// Until the controller has done what it can: the ConfigMap is deleting, and everything else is gone.
async fn settled(lab: &Lab, namespace: &str, configmap: &str) {
    if lab.has_controller {
        let path = format!("{}/configmaps/{configmap}", path(namespace));
        lab.wait_for(&path, |answer| answer.json()["metadata"]["deletionTimestamp"].is_string()).await;
    }
}

/// The label that every namespace has.
fn only(name: &str) -> String {
    format!("kubernetes.io/metadata.name={name}")
}

async fn the_first_rule_that_matches_decides(lab: Lab) {
    let (selector, names) = stuck(&lab, &["pr", "web"]).await;
    for name in &names {
        settled(&lab, name, "held").await;
    }
    let ran = clear_under(&lab, PREVIEW, &selector, &["-o=json"]).await.expect(5);
    let (preview, web) = (about(&ran, &names[0]), about(&ran, &names[1]));
    assert_eq!((&preview["outcome"], &preview["rule"]), (&json!("Cleared"), &json!("rules[0] (line 6)")));
    assert_eq!((&web["outcome"], &web["rule"]), (&json!("Refused"), &json!("rules[1] (line 9)")));
    assert_eq!(preview["orphans"], json!([]));
    assert!(web["message"].as_str().unwrap().contains("still holds 1 ConfigMap"), "{web}");
    assert!(!is_there(&lab, &names[0]).await && is_there(&lab, &names[1]).await);
}

async fn an_api_that_stores_nothing_neither_holds_up_a_zombie_nor_is_it_warned_of_twice(_: Lab) {
    let scenarios = ["rodrigo", "zombie"].map(|name| scenarios::find(name).unwrap());
    let options = || Options { scenarios: scenarios.to_vec(), ..Options::default() };
    let lab = Lab::sandbox(options()).await;
    let run = ["clear", "--all", "--older-than=1m", "--leftovers=refuse", "--yes"];
    let began = std::time::Instant::now();
    let ran = lab.nsfix(&run).run().await.expect(0);
    // Not all of --timeout: once it is rearmed, it is stuck for a reason that is known.
    assert!(began.elapsed() < std::time::Duration::from_secs(120), "{ran:?}");
    assert!(ran.stdout.contains("namespace/zombie finalized"), "{ran:?}");
    assert!(ran.stdout.contains("namespace/rodrigo finalized"), "{ran:?}");
    for (arguments, code) in [(["orphans"].as_slice(), 0), (&["list-stuck", "-o", "wide"], 0), (&[], 0)] {
        let lab = Lab::sandbox(options()).await;
        let ran = lab.nsfix(arguments).run().await.expect(code);
        assert!(!ran.stderr.contains("Warning: could not look"), "{ran:?}");
        assert!(!ran.stdout.contains("no explanation") && !ran.stderr.contains("no explanation"), "{ran:?}");
    }
}

async fn a_zombie_is_rearmed_only_where_a_rule_says_so(lab: Lab) {
    let name = lab.play_apart("disarmed").await;
    let of_all = PREVIEW.replace("pr-*", "*");
    let ran = clear_under(&lab, &of_all, &only(&name), &["-o=json"]).await.expect(4);
    let refused = about(&ran, &name);
    let (message, hint) = (refused["message"].as_str().unwrap(), refused["hint"].as_str().unwrap());
    assert!(message.contains(&format!("namespace {name:?} is a zombie")), "{refused}");
    assert!(hint.contains("zombies: rearm in rules[0] (line 6)") && hint.contains("exclude"), "{refused}");
    assert!(is_there(&lab, &name).await);
    let rearm = of_all.replacen("    leftovers: release", "    zombies: rearm\n    leftovers: release", 1);
    let ran = clear_under(&lab, &rearm, &only(&name), &["-o=json"]).await.expect(0);
    let cleared = about(&ran, &name);
    assert_eq!((&cleared["outcome"], &cleared["steps"][0]["step"]), (&json!("Cleared"), &json!("Rearm")));
    assert_eq!(cleared["orphans"], json!([]));
    assert!(!is_there(&lab, &name).await);
}

async fn a_metadata_finalizer_is_removed_where_a_rule_names_it(lab: Lab) {
    let name = lab.play_apart("metadata-finalizer").await;
    lab.wait_for(&path(&name), |answer| {
        answer.json()["spec"]["finalizers"].as_array().is_none_or(Vec::is_empty)
    })
    .await;
    let ran = clear_under(&lab, PREVIEW, &only(&name), &["-o=json"]).await.expect(4);
    let hint = about(&ran, &name)["hint"].as_str().unwrap().to_owned();
    assert!(hint.contains("write controller.cattle.io/namespace-auth into metadataFinalizers of"), "{hint}");
    let named = format!("{PREVIEW}    metadataFinalizers: [controller.cattle.io/namespace-auth]\n");
    clear_under(&lab, &named, &only(&name), &[]).await.expect(0);
    assert!(!is_there(&lab, &name).await);
}

/// A ConfigMap that only Rook lets go of, if it is there.
async fn the_owner_has_to_be_proven_absent(lab: Lab) {
    let name = Lab::unique("pr");
    create(&lab, &name).await;
    let metadata = json!({"name": "mons", "finalizers": ["ceph.rook.io/disaster-protection"]});
    lab.post(&format!("{}/configmaps", path(&name)), &json!({"metadata": metadata})).await.expect(201);
    let elsewhere = Lab::unique("rook");
    create(&lab, &elsewhere).await;
    let labels = json!({"app": "rook-ceph-operator"});
    let operator = json!({
        "metadata": {"name": "rook", "labels": labels},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "a"}]},
        }},
    });
    let deployments = format!("/apis/apps/v1/namespaces/{elsewhere}/deployments");
    lab.post(&deployments, &operator).await.expect(201);
    lab.delete(&path(&name)).await.expect(200);
    settled(&lab, &name, "mons").await;
    let absent = PREVIEW.replace(
        "{finalizers: [example.com/hold]}",
        "{finalizers: [ceph.rook.io/disaster-protection], onlyIfOwnerAbsent: true}",
    );
    let ran = clear_under(&lab, &absent, &only(&name), &["-o=json"]).await.expect(4);
    let refused = about(&ran, &name);
    assert!(
        refused["message"].as_str().unwrap().contains("held by ceph.rook.io/disaster-protection"),
        "{refused}"
    );
    assert!(is_there(&lab, &name).await);
    lab.delete(&format!("{deployments}/rook")).await.expect(200);
    let gone = |answer: &crate::harness::Answer| {
        answer.json()["items"]
            .as_array()
            .is_none_or(|items| items.iter().all(|item| item["metadata"]["labels"] != labels))
    };
    lab.wait_for("/apis/apps/v1/deployments", gone).await;
    clear_under(&lab, &absent, &only(&name), &[]).await.expect(0);
    assert!(!is_there(&lab, &name).await);
}

/// What a team might allow in its preview environments.
const TEAM: &str = r#"apiVersion: nsfix/v1
kind: ClearPolicy
olderThan: 0s
max: 30
rules:
  - namespaces: {names: ["*"]}
    leftovers: release
    release:
      finalizers: [example.com/hold, backups.example.com/cleanup, example.com/pod-guard, example.com/seal]
    metadataFinalizers: [controller.cattle.io/namespace-auth]
    acceptUnavailableApis: [metrics.example.com]
    zombies: rearm
"#;

/// Every scenario by itself: what is cleared has left nothing behind, and what is refused is as it was.
async fn under_a_preview_policy_the_scenarios_are_cleared_or_refused_and_none_wrongly(lab: Lab) {
    let (mut cleared, mut others) = (Vec::new(), Vec::new());
    let mut expected = vec!["load-balancer", "foreign-spec-finalizer", "finalize-webhook"];
    expected.extend(lab.since(ADMISSION_POLICIES).then_some("policy-denies-update"));
    for scenario in lab.playable().filter(|each| each.name != "active") {
        let fresh = if lab.sandbox.is_some() {
            let release = lab.release().expect("a release that the sandbox plays");
            Some(Lab::sandbox(Options { release, ..Options::empty() }).await)
        } else if scenario.blocks_cluster {
            continue;
        } else {
            None
        };
        let lab = fresh.as_ref().unwrap_or(&lab);
        let name = lab.play(scenario.name).await;
        let ran = clear_under(lab, TEAM, &only(name), &["-o=json", "--timeout=15s"]).await;
        let item = about(&ran, name);
        assert_eq!(item["orphans"], json!([]), "{item}");
        if matches!(item["outcome"].as_str(), Some("Cleared" | "Unchanged")) {
            assert!(!is_there(lab, name).await);
            let orphans = lab.nsfix(&["orphans", name, "-o", "json"]).run().await.json();
            assert_eq!(orphans["items"], json!([]), "wrongly cleared: {item}");
            cleared.push(scenario.name);
        } else {
            assert!(is_there(lab, name).await, "{item}");
            others.push(format!("{}: {} ({})", scenario.name, item["outcome"], item["message"]));
        }
    }
    println!("cleared {}: {cleared:?}\nothers {}: {others:#?}", cleared.len(), others.len());
    // Nobody has named their finalizers, or the server itself refuses.
    for name in expected {
        assert!(others.iter().any(|other| other.starts_with(name)), "{cleared:?} {others:#?}");
    }
    // It keeps every namespace of a cluster, so that it is played on a sandbox of its own alone.
    assert!(lab.sandbox.is_none() || cleared.contains(&"rodrigo"), "{cleared:?} {others:#?}");
    for name in
        ["held-backup", "configmap-finalizer", "metadata-finalizer", "zombie", "disarmed", "pods-first"]
    {
        assert!(cleared.contains(&name), "{name}: {cleared:?} {others:#?}");
    }
}

async fn a_mistake_is_told_with_its_line_before_any_request(lab: Lab) {
    let ran = clear_under(&lab, &PREVIEW.replace("leftovers: release", "leftovers: orphan"), "a=b", &[])
        .await
        .expect(2);
    assert!(ran.stderr.contains("policy.yaml: line 7: unknown variant `orphan`"), "{ran:?}");
    let ran = lab.nsfix(&["clear", "--all", "--policy=/nowhere.yaml", "--yes"]).run().await.expect(2);
    assert!(
        ran.stderr.starts_with("error: unable to read the policy /nowhere.yaml: No such file"),
        "{ran:?}"
    );
    let endless = lab.nsfix(&["clear", "--all", "--policy=/dev/zero", "--yes"]).run().await.expect(2);
    assert!(
        endless.stderr.starts_with("error: unable to read the policy /dev/zero: it is larger"),
        "{endless:?}"
    );
    assert_eq!(lab.requests_of_nsfix(), Vec::<String>::new());
    let policy = policy(&lab, PREVIEW);
    for flag in [
        "--older-than=1h",
        "--leftovers=refuse",
        "--max=3",
        "--exclude=a",
        "--finalizer=a",
        "--zombies=rearm",
    ] {
        let ran = lab.nsfix(&["clear", "--all", "--policy", &policy, "--yes", flag]).run().await.expect(2);
        assert!(ran.stderr.contains("cannot be used with"), "{ran:?}");
    }
    lab.nsfix(&["clear", "rodrigo", "--policy", &policy, "--yes"]).run().await.expect(2);
}

async fn a_rehearsal_names_the_rule_and_ends_as_the_real_run(lab: Lab) {
    let (selector, names) = stuck(&lab, &["pr", "web"]).await;
    let ran = clear_under(&lab, PREVIEW, &selector, &["--dry-run=server"]).await.expect(5);
    let rule = |name: &str, rule: &str| format!("namespace/{name}: {rule} of the policy decides\n");
    assert!(ran.stderr.contains(&rule(&names[0], "rules[0] (line 6)")), "{ran:?}");
    assert!(ran.stderr.contains(&rule(&names[1], "rules[1] (line 9)")), "{ran:?}");
    assert!(ran.stdout.contains(&format!("namespace/{} cleared (server dry run)", names[0])), "{ran:?}");
    assert_eq!(lab.writes(), Vec::<String>::new());
    let item =
        about(&clear_under(&lab, PREVIEW, &selector, &["--dry-run=server", "-o=json"]).await, &names[0]);
    assert_eq!((&item["outcome"], &item["rule"]), (&json!("DryRun"), &json!("rules[0] (line 6)")));
    // Without a rule that matches nothing is done.
    let elsewhere = PREVIEW.replace("\"*\"", "\"elsewhere\"");
    let ran = clear_under(&lab, &elsewhere, &selector, &["--dry-run=server"]).await.expect(5);
    assert!(ran.stderr.contains(&rule(&names[1], "no rule")), "{ran:?}");
}

async fn a_label_that_is_taken_away_before_the_write_holds_it_back(lab: Lab) {
    let (selector, names) = stuck(&lab, &["pr"]).await;
    let name = names[0].clone();
    let by_label = PREVIEW.replace("names: [\"pr-*\"]", "selector: team=blue");
    let matcher = Matcher::new("GET", &path(&name)).once();
    lab.the_sandbox().inject(Fault::before(matcher, move |api| {
        let mut body = api.get(&path(&name)).unwrap();
        body["metadata"]["labels"]["team"] = json!("red");
        api.update(&path(&name), &body).unwrap();
    }));
    let ran = clear_under(&lab, &by_label, &selector, &[]).await.expect(4);
    assert!(
        ran.stderr.contains("is left alone: rules[1] (line 9) of the policy decides about it by now"),
        "{ran:?}"
    );
    assert!(is_there(&lab, &names[0]).await);
}

async fn the_limits_of_the_file_hold(lab: Lab) {
    let (selector, names) = stuck(&lab, &["pr-prod", "pr-a", "pr-b"]).await;
    let limited = PREVIEW.replace("max: 20", "max: 1\nexclude: [\"pr-prod-*\"]");
    let ran = clear_under(&lab, &limited, &selector, &[]).await.expect(4);
    assert!(
        ran.stderr.contains("2 namespaces would be written to, more than max: 1 of the policy"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("is left alone: exclude of the policy names it (pr-prod-*)"), "{ran:?}");
    for name in &names {
        assert!(is_there(&lab, name).await);
    }
    let old = PREVIEW.replace("olderThan: 0s", "olderThan: 1h");
    let ran = clear_under(&lab, &old, &selector, &["-v"]).await.expect(0);
    assert!(ran.stderr.contains("it is younger than olderThan of the policy"), "{ran:?}");
}

async fn the_maximum_counts_what_would_be_written_to(lab: Lab) {
    let (selector, names) = stuck(&lab, &["pr", "web", "web", "web"]).await;
    let one = PREVIEW.replace("max: 20", "max: 1");
    let ran = clear_under(&lab, &one, &selector, &["-o=json"]).await.expect(5);
    assert_eq!(about(&ran, &names[0])["outcome"], "Cleared", "{ran:?}");
    assert!(
        about(&ran, &names[1])["message"].as_str().unwrap().contains("still holds 1 ConfigMap"),
        "{ran:?}"
    );
}

async fn an_unavailable_api_is_given_up_where_a_rule_names_it(lab: Lab) {
    let name = lab.play("dead-apiservice").await;
    let ran = clear_under(&lab, PREVIEW, &only(name), &["-o=json"]).await.expect(4);
    assert!(about(&ran, name)["message"].as_str().unwrap().contains("metrics.example.com"), "{ran:?}");
    let accepts = format!("{PREVIEW}    acceptUnavailableApis: [metrics.example.com]\n");
    clear_under(&lab, &accepts, &only(name), &[]).await.expect(0);
    assert!(!is_there(&lab, name).await);
}

async fn the_flags_say_the_same_for_all_of_them(lab: Lab) {
    let all = ["clear", "--all", "--older-than=0s", "--yes", "-o=json"];
    let zombie = lab.play_apart("zombie").await;
    let selector = format!("-l={}", only(&zombie));
    let release = [&all[..], &["--leftovers=release", &selector]].concat();
    let ran = lab.nsfix(&[&release[..], &["--zombies=report"]].concat()).run().await.expect(4);
    assert!(
        about(&ran, &zombie)["hint"].as_str().unwrap().contains(&format!("--exclude={zombie}")),
        "{ran:?}"
    );
    lab.nsfix(&[&release[..], &["--zombies=rearm"]].concat()).run().await.expect(0);

    let name = lab.play("dead-apiservice").await;
    let selector = format!("-l={}", only(name));
    let refuse = [&all[..], &["--leftovers=refuse", &selector]].concat();
    lab.nsfix(&refuse).run().await.expect(4);
    lab.nsfix(&[&refuse[..], &["--accept-unavailable-api=metrics.example.com"]].concat())
        .run()
        .await
        .expect(0);
    assert!(!is_there(&lab, name).await);

    let (selector, names) = stuck(&lab, &["pr"]).await;
    settled(&lab, &names[0], "held").await;
    let release = [&all[..], &["--leftovers=release", "-l", &selector]].concat();
    let ran = lab.nsfix(&[&release[..], &["--only-if-owner-absent"]].concat()).run().await.expect(4);
    assert!(
        about(&ran, &names[0])["message"].as_str().unwrap().contains("held by example.com/hold"),
        "{ran:?}"
    );
}
