//! Speed and memory, as ratios against the same requests done bare, in one run: `cargo bench`.
//!
//! Runs on a real control plane where its binaries are found (see docs/contributing.md), else on the sandbox,
//! and says which. `cargo bench -- --large` adds the memory of a namespace with 100,000 leftovers.
//! `cargo bench -- --memory` measures the memory of many stuck namespaces among many webhooks instead, on the sandbox.
//! `cargo bench -- --held` measures the release of 20,000 held leftovers instead, where no controller runs.

// A benchmark says what went wrong by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
// The harness of the tests has more than is needed here.
#![allow(dead_code, unused_imports, unused_macros, unreachable_pub)]

#[path = "../tests/harness/mod.rs"]
mod harness;
mod measure;

use std::process::Stdio;
use std::time::{Duration, Instant};

use futures::StreamExt;
use harness::{ControlPlane, Lab};
use measure::{bare_requests, configuration, median, peak, post_all, requests, timed};
use nsfix::sandbox::Options;
use serde_json::{Value, json};

const RUNS: usize = 7;
const CRDS: usize = 100;
const GROUPS: usize = 40;
const ACTIVE: usize = 200;
const STUCK: usize = 50;
const HELD_EACH: usize = 10;
const LIVE_EACH: usize = 20;
const HELD: usize = 20_000;
/// As nsfix writes to leftovers.
const WRITES_AT_ONCE: usize = 8;

fn main() {
    let large = std::env::args().any(|argument| argument == "--large");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if std::env::args().any(|argument| argument == "--memory") {
        for (namespaces, configurations) in [(500, 0), (500, 60), (500, 200), (2000, 200)] {
            runtime.block_on(many(namespaces, configurations));
        }
        return;
    }
    let plane = ControlPlane::find();
    if std::env::args().any(|argument| argument == "--held") {
        let idle = plane.as_ref().map(ControlPlane::without_controller);
        runtime.block_on(held(idle.as_ref()));
        if let Some(idle) = idle {
            idle.stop();
        }
        return;
    }
    runtime.block_on(async {
        let lab = match plane.clone() {
            Some(plane) => Lab::real(plane).await,
            None => Lab::sandbox(Options { scenarios: Vec::new(), controller: None, ..Options::default() }).await,
        };
        let version = lab.get("/version").await.json()["gitVersion"].as_str().unwrap_or_default().to_owned();
        let place = if plane.is_some() { "a real control plane" } else { "the sandbox" };
        println!("on {place}, {version}: {CRDS} CRDs in {GROUPS} groups, {ACTIVE} active and {STUCK} stuck namespaces");
        fill(&lab).await;
        side_by_side(&lab).await;
        release(&lab).await;
        if large {
            memory(&lab).await;
        }
    });
    if let Some(plane) = plane {
        plane.stop();
    }
}

/// 4,500 objects: ten held ones in each stuck namespace, twenty live ones in each active one.
async fn fill(lab: &Lab) {
    let crds = (0..CRDS).map(|index| {
        let (group, plural) = (format!("g{}.example.com", index % GROUPS), format!("things{index}"));
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.{group}")},
            "spec": {
                "group": group, "scope": "Namespaced",
                "names": {"plural": plural, "singular": format!("thing{index}"), "kind": format!("Thing{index}")},
                "versions": [{"name": "v1", "served": true, "storage": true,
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}],
            },
        })
    });
    post_all(
        lab,
        crds.map(|crd| ("/apis/apiextensions.k8s.io/v1/customresourcedefinitions".to_owned(), crd)),
    )
    .await;
    let names = (0..ACTIVE)
        .map(|index| format!("active-{index}"))
        .chain((0..STUCK).map(|index| format!("stuck-{index}")));
    post_all(lab, names.map(|name| ("/api/v1/namespaces".to_owned(), json!({"metadata": {"name": name}}))))
        .await;
    let held = (0..STUCK * HELD_EACH).map(|index| {
        let metadata = json!({"name": format!("c{index}"), "finalizers": ["example.com/hold"]});
        (format!("/api/v1/namespaces/stuck-{}/configmaps", index % STUCK), json!({"metadata": metadata}))
    });
    let live = (0..ACTIVE * LIVE_EACH).map(|index| {
        let body = json!({"metadata": {"name": format!("s{index}")}});
        (format!("/api/v1/namespaces/active-{}/secrets", index % ACTIVE), body)
    });
    post_all(lab, held.chain(live)).await;
    for index in 0..STUCK {
        lab.delete(&format!("/api/v1/namespaces/stuck-{index}")).await.expect(200);
    }
    let last = format!("/apis/g{}.example.com/v1/things{}", (CRDS - 1) % GROUPS, CRDS - 1);
    lab.wait_for(&last, |answer| answer.status == 200).await;
}

async fn side_by_side(lab: &Lab) {
    for (title, arguments) in [
        ("list-stuck", vec!["list-stuck"]),
        ("list-stuck -o wide, 50 namespaces", vec!["list-stuck", "-o", "wide"]),
        ("explain of one namespace", vec!["explain", "stuck-0"]),
    ] {
        let sent = requests(lab, &arguments).await;
        let mut unique = sent.clone();
        unique.sort();
        unique.dedup();
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        // A single request is over so soon that chance decides much of it.
        let rounds = if unique.len() == 1 { 5 * RUNS } else { RUNS };
        for round in 0..=rounds {
            // A server that has just written waits up to 100 ms until its cache has caught up with etcd; whoever
            // comes first pays for it, so they take turns.
            if round % 2 == 0 {
                ours.push(timed(lab, &arguments).await);
                bare.push(bare_requests(lab, &unique).await);
            } else {
                bare.push(bare_requests(lab, &unique).await);
                ours.push(timed(lab, &arguments).await);
            }
        }
        let (ours, bare) = (median(&mut ours), median(&mut bare));
        println!(
            "{title}: {ours:?}, the same {} requests done bare and concurrent {bare:?}, ratio {:.2}; asked twice: {}",
            unique.len(),
            ours.as_secs_f64() / bare.as_secs_f64(),
            sent.len() - unique.len()
        );
    }
    kubectl(lab).await;
}

/// Against kubectl, where it is installed: the same question, and the walk over every type.
async fn kubectl(lab: &Lab) {
    let list = "kubectl get ns --field-selector status.phase=Terminating";
    let walk = "kubectl api-resources --verbs=list --namespaced -o name | \
                xargs -n1 kubectl get -n stuck-0 --ignore-not-found --no-headers";
    for (title, script, arguments, runs) in [
        ("kubectl get ns", list, vec!["list-stuck"], RUNS),
        ("kubectl over every type", walk, vec!["explain", "stuck-0"], 1),
    ] {
        let Some(theirs) = shell(lab, script, runs).await else {
            println!("{title}: skipped, there is no kubectl");
            continue;
        };
        let mut ours = Vec::new();
        for _ in 0..=runs {
            ours.push(timed(lab, &arguments).await);
        }
        let ours = median(&mut ours);
        println!(
            "{title}: {theirs:?}, nsfix {} {ours:?}: {:.1} times as fast",
            arguments[0],
            theirs.as_secs_f64() / ours.as_secs_f64()
        );
    }
}

async fn shell(lab: &Lab, script: &str, runs: usize) -> Option<Duration> {
    let mut took = Vec::new();
    for _ in 0..runs {
        let started = Instant::now();
        let status = tokio::process::Command::new("sh")
            .args(["-c", script])
            .env("KUBECONFIG", lab.kubeconfig())
            .env("HOME", lab.dir())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await
            .ok()?;
        if status.code() == Some(127) {
            return None;
        }
        took.push(started.elapsed());
    }
    Some(median(&mut took))
}

/// `clear --leftovers=release` of half of the stuck namespaces, against the bare reads and patches of the
/// other half. Both end when the controller has taken the last namespace away.
async fn release(lab: &Lab) {
    let (ours, theirs): (Vec<usize>, Vec<usize>) = (0..STUCK).partition(|index| index % 2 == 0);
    let names: Vec<String> = ours.iter().map(|index| format!("stuck-{index}")).collect();
    let mut arguments = vec!["clear", "--yes", "--leftovers=release", "--timeout=5m"];
    arguments.extend(names.iter().map(String::as_str));
    let started = Instant::now();
    let ran = lab.nsfix(&arguments).run().await;
    let took = started.elapsed();
    let bare = bare_release(lab, &theirs).await;
    let left = lab.get("/api/v1/configmaps").await.expect(200);
    let orphans = left["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| names.iter().any(|name| item["metadata"]["namespace"] == name.as_str()));
    println!(
        "clear --leftovers=release of {} namespaces with {HELD_EACH} held leftovers each: {took:?} (exit {:?}), \
         bare reads and patches of as many {bare:?}, ratio {:.2}; orphans: {}",
        names.len(),
        ran.code,
        took.as_secs_f64() / bare.as_secs_f64(),
        orphans.count()
    );
}

async fn bare_release(lab: &Lab, namespaces: &[usize]) -> Duration {
    let started = Instant::now();
    let objects = (0..STUCK * HELD_EACH).filter(|index| namespaces.contains(&(index % STUCK)));
    let paths =
        objects.map(|index| format!("/api/v1/namespaces/stuck-{}/configmaps/c{index}", index % STUCK));
    read_and_release(lab, paths, 16).await;
    for index in namespaces {
        let path = format!("/api/v1/namespaces/stuck-{index}");
        while lab.has_controller && lab.get(&path).await.status != 404 {
            assert!(started.elapsed() < Duration::from_secs(600), "{path} is still there");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    started.elapsed()
}

/// A read and a guarded patch of each, and nothing else.
async fn read_and_release(lab: &Lab, paths: impl Iterator<Item = String>, at_once: usize) {
    let patches = paths.map(|path| async move {
        let read = lab.get(&path).await.expect(200);
        let (uid, version) = (&read["metadata"]["uid"], &read["metadata"]["resourceVersion"]);
        let patch = json!({"metadata": {"uid": uid, "resourceVersion": version, "finalizers": null}});
        lab.patch(&path, &patch).await.status
    });
    let statuses: Vec<u16> = futures::stream::iter(patches).buffer_unordered(at_once).collect().await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
}

/// `clear --leftovers=release` of a namespace with 20,000 held leftovers, against the bare reads and patches of as many,
/// as many at once.
async fn held(plane: Option<&ControlPlane>) {
    let lab = match plane {
        Some(plane) => Lab::real(plane.clone()).await,
        None => Lab::sandbox(Options { controller: None, ..Options::empty() }).await,
    };
    for name in ["ours", "bare"] {
        lab.post("/api/v1/namespaces", &json!({"metadata": {"name": name}})).await.expect(201);
        let objects = (0..HELD).map(|index| {
            let metadata = json!({"name": format!("c{index}"), "finalizers": ["example.com/hold"]});
            (format!("/api/v1/namespaces/{name}/configmaps"), json!({"metadata": metadata}))
        });
        post_all(&lab, objects).await;
        lab.delete(&format!("/api/v1/namespaces/{name}")).await.expect(200);
        let lab = &lab;
        let deletions = held_paths(name).map(|path| async move { lab.delete(&path).await.status });
        let statuses: Vec<u16> = futures::stream::iter(deletions).buffer_unordered(16).collect().await;
        assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    }
    let started = Instant::now();
    read_and_release(&lab, held_paths("bare").take(HELD / 2), WRITES_AT_ONCE).await;
    let mut bare = started.elapsed();
    let started = Instant::now();
    let peak = peak(&lab, &["clear", "ours", "--yes", "--leftovers=release", "--timeout=1h"]).await;
    let ours = started.elapsed();
    // One half before and one after: the server's speed is not the same all the time.
    let started = Instant::now();
    read_and_release(&lab, held_paths("bare").skip(HELD / 2), WRITES_AT_ONCE).await;
    bare += started.elapsed();
    let place = if plane.is_some() { "a real control plane" } else { "the sandbox" };
    println!(
        "on {place}: clear --leftovers=release of {HELD} held leftovers: {ours:?}, bare reads and patches of as many \
         {bare:?}, ratio {:.2}; {peak}",
        ours.as_secs_f64() / bare.as_secs_f64()
    );
    lab.get("/api/v1/namespaces/ours").await.expect(404);
}

fn held_paths(name: &str) -> impl Iterator<Item = String> + use<'_> {
    (0..HELD).map(move |index| format!("/api/v1/namespaces/{name}/configmaps/c{index}"))
}

/// Peak memory of `explain` with 100,000 leftovers in one namespace.
async fn memory(lab: &Lab) {
    let name = "large";
    lab.post("/api/v1/namespaces", &json!({"metadata": {"name": name}})).await.expect(201);
    let held = (0..100_000).map(|index| {
        let metadata = json!({"name": format!("c{index}"), "finalizers": ["example.com/hold"]});
        (format!("/api/v1/namespaces/{name}/configmaps"), json!({"metadata": metadata}))
    });
    post_all(lab, held).await;
    lab.delete(&format!("/api/v1/namespaces/{name}")).await.expect(200);
    lab.post("/api/v1/namespaces", &json!({"metadata": {"name": "small"}})).await.expect(201);
    for arguments in [["explain", name], ["explain", "small"]] {
        println!("{}: {}", arguments.join(" "), peak(lab, &arguments).await);
    }
}

/// `list-stuck -o wide` of so many namespaces with a held ConfigMap each, among so many webhook configurations of
/// three webhooks with four rules each.
async fn many(namespaces: usize, configurations: usize) {
    let lab = Lab::sandbox(Options { scenarios: Vec::new(), controller: None, ..Options::default() }).await;
    let names: Vec<String> = (0..namespaces).map(|index| format!("stuck-{index}")).collect();
    let all = names.iter().map(|name| ("/api/v1/namespaces".to_owned(), json!({"metadata": {"name": name}})));
    post_all(&lab, all).await;
    let held = names.iter().map(|name| {
        let metadata = json!({"name": "held", "finalizers": ["example.com/hold"]});
        (format!("/api/v1/namespaces/{name}/configmaps"), json!({"metadata": metadata}))
    });
    post_all(&lab, held).await;
    for name in &names {
        lab.delete(&format!("/api/v1/namespaces/{name}")).await.expect(200);
    }
    let hooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    let configurations_of = (0..configurations).map(|index| (hooks.to_owned(), configuration(index)));
    post_all(&lab, configurations_of).await;
    let peak = peak(&lab, &["list-stuck", "-o", "wide"]).await;
    println!("list-stuck -o wide, {namespaces} namespaces, {configurations} webhook configurations: {peak}");
}
