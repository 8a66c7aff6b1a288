//! Speed and memory, as ratios against the same requests done bare, in one run: `cargo bench`.
//!
//! Runs on a real control plane where its binaries are found (see docs/contributing.md), else on the sandbox,
//! and says which. `cargo bench -- --large` adds the memory of a namespace with 100,000 leftovers.

// A benchmark says what went wrong by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
// The harness of the tests has more than is needed here.
#![allow(dead_code, unused_imports, unused_macros, unreachable_pub)]

#[path = "../tests/harness/mod.rs"]
mod harness;

use std::process::Stdio;
use std::time::{Duration, Instant};

use futures::StreamExt;
use harness::{ControlPlane, Lab};
use nsfix::sandbox::Options;
use serde_json::{Value, json};

const METADATA: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;q=0.9";
const RUNS: usize = 7;
const CRDS: usize = 100;
const GROUPS: usize = 40;
const ACTIVE: usize = 200;
const STUCK: usize = 50;
const HELD_EACH: usize = 10;
const LIVE_EACH: usize = 20;

fn main() {
    let large = std::env::args().any(|argument| argument == "--large");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let plane = ControlPlane::find();
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

async fn post_all(lab: &Lab, bodies: impl Iterator<Item = (String, Value)>) {
    let posts = bodies.map(|(path, body)| async move { lab.post(&path, &body).await.status });
    let statuses: Vec<u16> = futures::stream::iter(posts).buffer_unordered(16).collect().await;
    assert!(statuses.iter().all(|status| *status == 201), "{statuses:?}");
}

async fn side_by_side(lab: &Lab) {
    for (title, arguments) in [
        ("list-stuck", vec!["list-stuck"]),
        ("list-stuck -o wide, 50 namespaces", vec!["list-stuck", "-o", "wide"]),
        ("explain of one namespace", vec!["explain", "stuck-0"]),
    ] {
        let urls = requests(lab, &arguments).await;
        let mut unique = urls.clone();
        unique.sort();
        unique.dedup();
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..=RUNS {
            ours.push(timed(lab, &arguments).await);
            bare.push(bare_gets(lab, &unique).await);
        }
        let (ours, bare) = (median(&mut ours), median(&mut bare));
        println!(
            "{title}: {ours:?}, the same {} GETs done bare and concurrent {bare:?}, ratio {:.2}; asked twice: {}",
            unique.len(),
            ours.as_secs_f64() / bare.as_secs_f64(),
            urls.len() - unique.len()
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

/// The GETs that a run makes, from what `-v` shows.
async fn requests(lab: &Lab, arguments: &[&str]) -> Vec<String> {
    let ran = lab.nsfix(&[arguments, &["-v"]].concat()).run().await.expect(0);
    let gets = ran.stderr.lines().filter_map(|line| line.strip_prefix("GET "));
    gets.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

async fn timed(lab: &Lab, arguments: &[&str]) -> Duration {
    let started = Instant::now();
    lab.nsfix(arguments).run().await.expect(0);
    started.elapsed()
}

/// The same requests from one connection that is yet to be made, sixteen at once, answers thrown away.
async fn bare_gets(lab: &Lab, urls: &[String]) -> Duration {
    let started = Instant::now();
    let client = lab.another_client().await;
    let gets = urls.iter().map(|url| {
        let client = client.clone();
        async move {
            let request = http::Request::get(url).header("accept", METADATA);
            let request = request.body(kube::client::Body::empty()).unwrap();
            let answer = client.send(request).await.unwrap();
            http_body_util::BodyExt::collect(answer.into_body()).await.unwrap();
        }
    });
    futures::stream::iter(gets).buffer_unordered(16).collect::<Vec<()>>().await;
    started.elapsed()
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
    for arguments in [["explain", name], ["explain", "stuck-0"]] {
        let child = lab.nsfix(&arguments).start();
        let status = format!("/proc/{}/status", child.id().unwrap_or_default());
        let watching = tokio::spawn(async move {
            let mut peak = String::new();
            while let Ok(text) = std::fs::read_to_string(&status) {
                match text.lines().find(|line| line.starts_with("VmHWM")) {
                    Some(line) => peak = line.to_owned(),
                    None => break,
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            peak
        });
        let started = Instant::now();
        harness::ended(child).await.expect(0);
        println!("{}: {:?}, {}", arguments.join(" "), started.elapsed(), watching.await.unwrap());
    }
}

/// Without the first, which warms up.
fn median(took: &mut Vec<Duration>) -> Duration {
    if took.len() > 1 {
        took.remove(0);
    }
    took.sort();
    took[took.len() / 2]
}
