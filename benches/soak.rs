//! A watch that runs long: `cargo bench --bench soak -- 60` for an hour.
//!
//! `nsfix list-stuck -w` looks at a cluster in which namespaces get stuck and go all the time, through a connection that
//! is cut again and again. Its memory and its open files must not grow, and in the end it must know what is there. Runs
//! on a real control plane where its binaries are found, else on the sandbox.

// A benchmark says what went wrong by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]
// The harness of the tests has more than is needed here.
#![allow(dead_code, unused_imports, unused_macros, unreachable_pub)]

#[path = "../tests/harness/mod.rs"]
mod harness;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use harness::{ControlPlane, Lab};
use nsfix::sandbox::Options;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdout};
use tokio::sync::broadcast;

/// How many are stuck at a time.
const STUCK: u64 = 40;
const BETWEEN_CHANGES: Duration = Duration::from_millis(300);
const BETWEEN_CUTS: Duration = Duration::from_secs(15);
const FINALIZER: &str = "example.com/hold";
/// What an allocator may still take after the first tenth of the time.
const MOST_GROWTH_KB: u64 = 4096;

fn main() {
    let minutes: Option<u64> = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let Some(minutes) = minutes else {
        println!("skipped: the soak takes its minutes, for example -- 60");
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let plane = ControlPlane::find();
    runtime.block_on(async {
        let lab = match plane.clone() {
            Some(plane) => Lab::real(plane).await,
            None => Lab::sandbox(Options::empty()).await,
        };
        let place = if plane.is_some() { "a real control plane" } else { "the sandbox" };
        println!("on {place}, for {minutes} minutes");
        soak(&lab, Duration::from_secs(60 * minutes)).await;
    });
    if let Some(plane) = plane {
        plane.stop();
    }
}

async fn soak(lab: &Lab, time: Duration) {
    let (cut, connections) = (broadcast::Sender::new(1), Arc::new(AtomicU64::new(0)));
    let through = proxy(address(lab), cut.clone(), Arc::clone(&connections)).await;
    let file = lab.dir().join("through-the-proxy");
    let kubeconfig = std::fs::read_to_string(lab.kubeconfig()).unwrap();
    std::fs::write(&file, kubeconfig.replace(&address(lab).to_string(), &through.to_string())).unwrap();
    let mut watch = lab.nsfix(&["list-stuck", "-w", "-o", "json"]).env("KUBECONFIG", &file).start();
    let known = Arc::new(Mutex::new(Known::default()));
    tokio::spawn(follow(watch.stdout.take().unwrap(), Arc::clone(&known)));
    // It tells of every cut.
    let mut said = BufReader::new(watch.stderr.take().unwrap()).lines();
    tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
    let changes = disturb(lab, &watch, time, &cut, &connections).await;
    let there = stuck(lab).await;
    let up_to_date = || known.lock().unwrap().names == there;
    harness::until(up_to_date).await;
    println!(
        "{changes} namespaces got stuck and went, {} lines, {} connections; it knows the {} that are there",
        known.lock().unwrap().lines,
        connections.load(Ordering::Relaxed),
        there.len()
    );
    watch.kill().await.unwrap();
}

/// Lets namespaces get stuck and go, cuts the connection, and measures. Returns how many have gone.
async fn disturb(
    lab: &Lab,
    watch: &Child,
    time: Duration,
    cut: &broadcast::Sender<()>,
    connections: &AtomicU64,
) -> u64 {
    let (started, mut cut_at, mut measured_at) = (Instant::now(), Instant::now(), Instant::now());
    let (mut count, mut settled) = (0, None);
    while started.elapsed() < time {
        get_stuck(lab, count).await;
        if count >= STUCK {
            go(lab, count - STUCK).await;
        }
        count += 1;
        tokio::time::sleep(BETWEEN_CHANGES).await;
        if cut_at.elapsed() > BETWEEN_CUTS {
            cut_at = Instant::now();
            let _ = cut.send(());
        }
        if measured_at.elapsed() > time.div_f64(30.0) {
            measured_at = Instant::now();
            let (kilobytes, files) = (resident(watch), open_files(watch));
            let at = started.elapsed();
            println!(
                "{at:.0?}: {kilobytes} kB resident, {files} open files, {count} changes, {} connections",
                connections.load(Ordering::Relaxed)
            );
            match settled {
                None if at > time.div_f64(10.0) => settled = Some((kilobytes, files)),
                None => {}
                Some((then, files_then)) => {
                    assert!(kilobytes <= then + MOST_GROWTH_KB, "it grew from {then} kB to {kilobytes} kB");
                    assert!(files <= files_then + 4, "{files_then} open files became {files}");
                }
            }
        }
    }
    count.saturating_sub(STUCK)
}

fn name_of(index: u64) -> String {
    format!("soak-{index}")
}

fn path_of(index: u64) -> String {
    format!("/api/v1/namespaces/{}", name_of(index))
}

async fn get_stuck(lab: &Lab, index: u64) {
    let body = json!({"metadata": {"name": name_of(index), "finalizers": [FINALIZER]}});
    lab.post("/api/v1/namespaces", &body).await.expect(201);
    lab.delete(&path_of(index)).await.expect(200);
    // What is inside is left alone: a controller would be busy with it for as long as the soak lasts.
    let finalize = format!("{}/finalize", path_of(index));
    loop {
        let mut body = lab.get(&path_of(index)).await.expect(200);
        body["spec"]["finalizers"] = json!([]);
        if lab.put(&finalize, &body).await.status != 409 {
            return;
        }
    }
}

async fn go(lab: &Lab, index: u64) {
    let none = json!({"metadata": {"finalizers": []}});
    let answer = lab.patch(&path_of(index), &none).await;
    assert!([200, 404].contains(&answer.status), "{}", answer.text);
}

async fn stuck(lab: &Lab) -> BTreeSet<String> {
    let document = lab.nsfix(&["list-stuck", "-o", "json"]).run().await.expect(0).json();
    let items = document["items"].as_array().unwrap().iter();
    items.filter_map(|item| item["name"].as_str()).map(str::to_owned).collect()
}

/// What the lines of the watch have told so far.
#[derive(Default)]
struct Known {
    names: BTreeSet<String>,
    lines: u64,
}

async fn follow(stdout: ChildStdout, known: Arc<Mutex<Known>>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        let item: Value = serde_json::from_str(&line).unwrap();
        let name = item["name"].as_str().unwrap().to_owned();
        let mut known = known.lock().unwrap();
        known.lines += 1;
        if item["state"] == "Gone" {
            known.names.remove(&name);
        } else {
            known.names.insert(name);
        }
    }
}

fn address(lab: &Lab) -> SocketAddr {
    lab.url().rsplit('/').next().unwrap().parse().unwrap()
}

/// Hands on what it gets, until it is told to cut.
async fn proxy(to: SocketAddr, cut: broadcast::Sender<()>, connections: Arc<AtomicU64>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            connections.fetch_add(1, Ordering::Relaxed);
            let mut cut = cut.subscribe();
            tokio::spawn(async move {
                let mut server = TcpStream::connect(to).await.unwrap();
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                    _ = cut.recv() => {}
                }
            });
        }
    });
    address
}

fn resident(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id().unwrap())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn open_files(child: &Child) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", child.id().unwrap())).unwrap().count()
}
