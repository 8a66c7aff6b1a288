//! A large cluster: time, memory, requests, and what the API server works for it: `cargo bench --bench size -- 1`.
//!
//! The number is the share of the full size: 500 CRDs, 5,000 namespaces of which 300 are stuck, 200 webhook
//! configurations and 200,000 objects. Runs on a real control plane where its binaries are found, else on the sandbox.
//! With `keep` behind the number the cluster stays, and every line of stdin is another build of nsfix to measure there;
//! `at KUBECONFIG` in its place measures on a cluster that another run keeps.

// A benchmark says what went wrong by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
// The harness of the tests has more than is needed here.
#![allow(dead_code, unused_imports, unused_macros, unreachable_pub)]

#[path = "../tests/harness/mod.rs"]
mod harness;
mod measure;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use harness::{ControlPlane, Lab};
use kube::config::Kubeconfig;
use measure::{
    Sent, bare_process, bare_requests, configuration, has_sent_requests, median, peak, post_all, requests,
    timed, watched,
};
use nsfix::sandbox::Options;
use serde_json::json;

const RUNS: usize = 3;
const GROUPS: usize = 50;
const HOOKS: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// How much of each there is.
#[derive(Clone, Copy, Debug)]
struct Size {
    crds: usize,
    namespaces: usize,
    stuck: usize,
    webhooks: usize,
    objects: usize,
}

impl Size {
    fn of(share: f64) -> Self {
        // A share of a few thousand is far from where these casts lose anything.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let part = |full: usize| ((full as f64 * share) as usize).max(1);
        Self {
            crds: part(500),
            namespaces: part(5_000),
            stuck: part(300),
            webhooks: part(200),
            objects: part(200_000),
        }
    }
}

fn main() {
    if has_sent_requests() {
        return;
    }
    let Some(share) = std::env::args().skip(1).find_map(|argument| argument.parse().ok()) else {
        println!("skipped: the size benchmark takes its share of the full size, for example -- 0.1");
        return;
    };
    let size = Size::of(share);
    let arguments: Vec<String> = std::env::args().collect();
    let kept = arguments.iter().skip_while(|argument| *argument != "at").nth(1);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let plane = ControlPlane::find();
    if let Some(kubeconfig) = kept {
        return runtime.block_on(async {
            let mut lab = kept_by_another(Path::new(kubeconfig)).await;
            lab.program = arguments.last().filter(|last| *last != kubeconfig).cloned();
            read(&lab, &name_of(size.namespaces - 1)).await;
        });
    }
    runtime.block_on(async {
        let mut lab = match plane.clone() {
            Some(plane) => Lab::real(plane).await,
            None => {
                Lab::sandbox(Options { scenarios: Vec::new(), controller: None, ..Options::default() }).await
            }
        };
        let version = lab.get("/version").await.json()["gitVersion"].as_str().unwrap_or_default().to_owned();
        let place = if plane.is_some() { "a real control plane" } else { "the sandbox" };
        println!("on {place}, {version}: {size:?}");
        let started = Instant::now();
        fill(&lab, size).await;
        println!("built in {:?}", started.elapsed());
        let healthy = name_of(size.namespaces - 1);
        signal_controllers("-STOP");
        read(&lab, &healthy).await;
        if std::env::args().any(|argument| argument == "keep") {
            println!("KUBECONFIG={}", lab.kubeconfig().display());
            for build in std::io::stdin().lines().map_while(Result::ok).filter(|line| !line.is_empty()) {
                println!("{build}:");
                lab.program = Some(build);
                read(&lab, &healthy).await;
            }
        }
        signal_controllers("-CONT");
        clear(&lab).await;
    });
    if let Some(plane) = plane {
        plane.stop();
    }
}

/// The cluster that another run keeps.
async fn kept_by_another(kubeconfig: &Path) -> Lab {
    let cluster = Kubeconfig::read_from(kubeconfig).unwrap().clusters.remove(0).cluster.unwrap();
    Lab::new(&cluster.server.unwrap(), cluster.certificate_authority.map(PathBuf::from), true).await
}

/// Objects are spread evenly; each stuck namespace has one that is held.
async fn fill(lab: &Lab, size: Size) {
    let crds = (0..size.crds).map(|index| {
        let (group, plural) = (format!("g{}.example.com", index % GROUPS), format!("things{index}"));
        let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        let body = json!({
            "metadata": {"name": format!("{plural}.{group}")},
            "spec": {
                "group": group, "scope": "Namespaced",
                "names": {"plural": plural, "singular": format!("thing{index}"), "kind": format!("Thing{index}")},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
            },
        });
        (CRDS.to_owned(), body)
    });
    post_all(lab, crds).await;
    post_all(lab, (0..size.webhooks).map(|index| (HOOKS.to_owned(), configuration(index)))).await;
    let names = (0..size.namespaces).map(name_of);
    post_all(lab, names.map(|name| ("/api/v1/namespaces".to_owned(), json!({"metadata": {"name": name}}))))
        .await;
    let objects = (0..size.objects).map(|index| {
        let path = format!("/api/v1/namespaces/{}/configmaps", name_of(index % size.namespaces));
        (path, json!({"metadata": {"name": format!("c{index}")}, "data": {"a": "b"}}))
    });
    post_all(lab, objects).await;
    let held = (0..size.stuck).map(|index| {
        let metadata = json!({"name": "held", "finalizers": ["example.com/hold"]});
        (format!("/api/v1/namespaces/{}/configmaps", name_of(index)), json!({"metadata": metadata}))
    });
    post_all(lab, held).await;
    for index in 0..size.stuck {
        lab.delete(&format!("/api/v1/namespaces/{}", name_of(index))).await.expect(200);
    }
    let last = format!("/apis/g{}.example.com/v1/things{}", (size.crds - 1) % GROUPS, size.crds - 1);
    lab.wait_for(&last, |answer| answer.status == 200).await;
    // The first ones are left with what is held alone once the controller has been there.
    if lab.sandbox.is_none() {
        for index in 0..size.stuck {
            let path = format!("/api/v1/namespaces/{}/configmaps", name_of(index));
            // It asks for every type in each of them, and takes as long as that takes.
            while lab.get(&path).await.json()["items"].as_array().is_none_or(|all| all.len() > 1) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

fn name_of(index: usize) -> String {
    format!("ns-{index}")
}

/// Each verb that reads, against its own requests done bare, and what the API server works for either.
async fn read(lab: &Lab, healthy: &str) {
    for arguments in [
        ["list-stuck"].as_slice(),
        &["list-stuck", "-o", "wide"],
        &["explain", "ns-0"],
        &["explain"],
        &["orphans"],
        &["orphans", "nobody"],
        &["check", healthy],
    ] {
        let sent = requests(lab, arguments).await;
        let mut unique = sent.clone();
        unique.sort();
        unique.dedup();
        let gets = sent.iter().filter(|sent| sent.is_get()).count();
        let (mut ours, mut bare, mut warm) = (Vec::new(), Vec::new(), Vec::new());
        let (mut our_work, mut bare_work) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..=RUNS {
            let (before, began) = (server_time(), ours.len());
            ours.push(timed(lab, arguments).await);
            let between = server_time();
            bare.push(bare_process(lab, &unique).await);
            if began > 0 {
                our_work += between.saturating_sub(before);
                bare_work += server_time().saturating_sub(between);
            }
            warm.push(bare_requests(lab, &unique).await);
        }
        let runs = u32::try_from(RUNS).unwrap();
        let (ours, bare) = (median(&mut ours), median(&mut bare));
        println!(
            "{}: {ours:?}, {} GETs, {} reviews and dry runs, of these {} twice; bare {bare:?}, ratio {:.2} (bare, in a process that \
             runs already: {:?}); {}; the server worked {:?}, for the bare \
             ones {:?}, for kubectl {}",
            arguments.join(" "),
            gets,
            sent.len() - gets,
            sent.len() - unique.len(),
            ours.as_secs_f64() / bare.as_secs_f64(),
            median(&mut warm),
            peak(lab, arguments).await,
            our_work / runs,
            bare_work / runs,
            kubectl(lab, &unique).await,
        );
    }
}

/// What the API server works for `kubectl get` of the same lists.
async fn kubectl(lab: &Lab, sent: &[Sent]) -> String {
    let mut wanted: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for list in sent.iter().filter(|sent| sent.url.contains("limit=")) {
        let parts: Vec<&str> = list.path().split('/').skip(1).collect();
        let (api, rest) = parts.split_at(if parts[0] == "api" { 2 } else { 3 });
        let (namespace, resource) = match rest {
            ["namespaces", namespace, resource] => (*namespace, *resource),
            _ => ("", rest[0]),
        };
        let resource = match api {
            [_, group, version] => format!("{resource}.{version}.{group}"),
            _ => resource.to_owned(),
        };
        wanted.entry(namespace).or_default().insert(resource);
    }
    let before = server_time();
    for (namespace, resources) in wanted {
        let resources: Vec<String> = resources.into_iter().collect();
        let resources = resources.join(",");
        let place = if namespace.is_empty() {
            "--all-namespaces".to_owned()
        } else {
            format!("--namespace={namespace}")
        };
        let mut kubectl = tokio::process::Command::new("kubectl");
        let kubectl =
            kubectl.args(["get", &resources, &place, "--output=name"]).env("KUBECONFIG", lab.kubeconfig());
        let Ok(ran) = kubectl.output().await else { return "nothing: it is not installed".to_owned() };
        assert!(ran.status.success(), "{ran:?}");
    }
    format!("{:?}", server_time().saturating_sub(before))
}

/// All that are stuck, in one run.
async fn clear(lab: &Lab) {
    let arguments = ["clear", "--all", "--older-than=0s", "--leftovers=release", "--max=1000", "--yes", "-v"];
    let before = server_time();
    let (said, ran) = watched(lab, &arguments).await;
    let of = |method: &str| ran.stderr.lines().filter(|line| line.starts_with(method)).count();
    println!(
        "{}: {said}, {} GETs, {} PATCHes, {} PUTs; the server worked {:?}",
        arguments.join(" "),
        of("GET "),
        of("PATCH "),
        of("PUT "),
        server_time().saturating_sub(before)
    );
}

/// Stops the controller managers on this machine, or lets them go on: they ask for every type in every stuck namespace
/// again and again, and what the API server works for that is not what is measured.
fn signal_controllers(signal: &str) {
    for (pid, _) in processes("kube-controller") {
        let _ = std::process::Command::new("kill").args([signal, &pid]).status();
    }
}

/// The processes whose name begins so, each with what follows the name in proc_pid_stat(5).
fn processes(begin: &str) -> Vec<(String, Vec<String>)> {
    let stat = |entry: std::fs::DirEntry| std::fs::read_to_string(entry.path().join("stat")).ok();
    let stats = std::fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(stat);
    let found = stats.filter_map(|stat| {
        let (pid, rest) = stat.split_once(" (")?;
        let (name, fields) = rest.rsplit_once(')')?;
        let fields = fields.split_whitespace().map(str::to_owned).collect();
        name.starts_with(begin).then(|| (pid.to_owned(), fields))
    });
    found.collect()
}

/// The CPU time of the API servers on this machine; zero where there is none.
fn server_time() -> Duration {
    let ticks = processes("kube-apiserver").into_iter().map(|(_, fields)| {
        let number =
            |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
        // Time in user and in kernel mode.
        number(11) + number(12)
    });
    // sysconf(_SC_CLK_TCK) is 100 on every Linux.
    Duration::from_millis(ticks.sum::<u64>() * 10)
}
