//! What is printed is pasted: it comes to the same end as nsfix's own run.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use nsfix::sandbox::{Options, Scenario, scenarios};
use tokio::sync::Semaphore;

use super::commands;
use crate::harness::{Lab, Nsfix, Ran};
use crate::tests;

tests! { Kubectl:
    a_pasted_plan_comes_to_the_end_that_nsfix_comes_to,
    pasted_advice_is_taken_by_the_server,
    what_is_said_to_remove_orphans_removes_them
}

/// Those that `nsfix` prints and the shell finds: kubectl, jq and grep.
async fn paste(lab: &Lab, script: &str) -> Ran {
    Nsfix::shell(script)
        .env("KUBECONFIG", lab.kubeconfig())
        .env("HOME", lab.dir())
        .env("XDG_STATE_HOME", lab.dir().join("state"))
        .run()
        .await
}

fn is_command(line: &&str) -> bool {
    !line.is_empty() && !line.starts_with('#')
}

/// Whether the namespace is there, and what is under its name: type and name of each.
fn end(lab: &Lab, name: &str) -> (bool, BTreeSet<String>) {
    let api = lab.the_sandbox().api();
    let mut inside = BTreeSet::new();
    let mut roots = vec!["/api/v1".to_owned()];
    for group in api.get("/apis").unwrap()["groups"].as_array().unwrap() {
        for version in group["versions"].as_array().unwrap() {
            roots.push(format!("/apis/{}", version["groupVersion"].as_str().unwrap()));
        }
    }
    for root in roots {
        for ty in api.get(&root).unwrap_or_default()["resources"].as_array().into_iter().flatten() {
            let resource = ty["name"].as_str().unwrap();
            if ty["namespaced"] != true {
                continue;
            }
            let items = api.list(&format!("{root}/namespaces/{name}/{resource}")).unwrap_or_default();
            inside.extend(items.iter().map(|item| format!("{resource}/{}", item["metadata"]["name"])));
        }
    }
    inside.retain(|each| !each.starts_with("events/"));
    (api.get(&format!("/api/v1/namespaces/{name}")).is_ok(), inside)
}

/// Pastes the plan, looks again, and pastes what is then to do, as nsfix goes round.
async fn paste_the_plan(lab: &Lab, name: &str, leftovers: &str) -> usize {
    let mut tried = 0;
    for _ in 0..3 {
        let planned = lab.nsfix(&["clear", name, "--dry-run=client", leftovers]).run().await;
        let lines: Vec<&str> = planned.stdout.lines().filter(is_command).collect();
        if lines.is_empty() {
            break;
        }
        for line in lines {
            // A condition that does not hold any more ends a line with an error, and writes nothing.
            paste(lab, line).await;
            tried += 1;
        }
        for _ in 0..20 {
            if !end(lab, name).0 {
                return tried;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    tried
}

/// Waiting is most of it, so that several are tried at once; too many, and lists meet their deadlines on two cores.
const AT_ONCE: usize = 6;

/// The number of commands that `tried` has tried over every namespace of every scenario.
async fn everywhere<F>(tried: fn(&'static Scenario, &'static str) -> F) -> usize
where
    F: Future<Output = usize> + Send + 'static,
{
    let free = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = Vec::new();
    for scenario in scenarios::all() {
        for name in scenario.namespaces {
            let free = Arc::clone(&free);
            running.push(tokio::spawn(async move {
                let _permit = free.acquire().await.unwrap();
                tried(scenario, name).await
            }));
        }
    }
    let mut sum = 0;
    for each in running {
        sum += each.await.unwrap();
    }
    sum
}

async fn a_pasted_plan_comes_to_the_end_that_nsfix_comes_to(_: Lab) {
    let (released, orphaned) = tokio::join!(
        everywhere(|scenario, name| compare(scenario, name, "--leftovers=release")),
        everywhere(|scenario, name| compare(scenario, name, "--leftovers=orphan")),
    );
    let tried = released + orphaned;
    println!("{tried} printed commands pasted, each plan to the end of nsfix's own");
    assert!(tried > 30, "{tried}");
}

async fn compare(scenario: &'static Scenario, name: &'static str, leftovers: &'static str) -> usize {
    let (pasted, own) =
        (Lab::sandbox(Options::with(scenario)).await, Lab::sandbox(Options::with(scenario)).await);
    let clear = ["clear", name, "--yes", leftovers, "--timeout=15s"];
    let (tried, ran) = tokio::join!(paste_the_plan(&pasted, name, leftovers), own.nsfix(&clear).run());
    if tried > 0 {
        let (theirs, ours) = (end(&pasted, name), end(&own, name));
        assert_eq!(theirs, ours, "{} {leftovers}: {ran:?}", scenario.name);
    }
    tried
}

async fn pasted_advice_is_taken_by_the_server(_: Lab) {
    let tried = everywhere(paste_advice).await;
    println!("{tried} pieces of advice pasted");
    assert!(tried > 5, "{tried}");
}

async fn paste_advice(scenario: &'static Scenario, name: &'static str) -> usize {
    let lab = Lab::sandbox(Options::with(scenario)).await;
    let explained = lab.nsfix(&["explain", name, "-o", "json"]).run().await.json();
    let mut found = Vec::new();
    commands(&explained["items"][0]["advice"], &mut found);
    found.retain(|command| is_command(&command.as_str()));
    let before = stored_types(&lab);
    for command in &found {
        let ran = paste(&lab, command).await;
        assert_eq!(ran.code, Some(0), "{}: {command}: {ran:?}", scenario.name);
    }
    assert!(found.is_empty() || stored_types(&lab) <= before, "{found:?}");
    found.len()
}

/// How many groups are served: advice takes away what is in the way, and adds nothing.
fn stored_types(lab: &Lab) -> usize {
    lab.the_sandbox().api().get("/apis").unwrap()["groups"].as_array().map_or(0, Vec::len)
}

async fn what_is_said_to_remove_orphans_removes_them(_: Lab) {
    let tried = everywhere(remove_orphans_as_told).await;
    println!("{tried} commands that remove orphans pasted");
    assert!(tried > 3, "{tried}");
}

async fn remove_orphans_as_told(scenario: &'static Scenario, name: &'static str) -> usize {
    let lab = Lab::sandbox(Options::with(scenario)).await;
    let cleared = lab.nsfix(&["clear", name, "--yes", "--leftovers=orphan", "--timeout=15s"]).run().await;
    let said = cleared.stderr.lines().filter_map(|line| line.split_once("left behind in etcd"));
    let mut said = said.filter_map(|(_, rest)| rest.split_once("; to remove: "));
    // It is the same for every type, and there is nobody to ask in a test.
    let Some((_, command)) = said.next() else { return 0 };
    let command = command.split(" (held by").next().unwrap();
    let ran = paste(&lab, &format!("{command} --yes --timeout=10s")).await;
    let (is_there, inside) = end(&lab, name);
    // It may take more than was said, and then it says that itself: a finalizer that has to be named, an API
    // or a webhook that is dead.
    let says_why =
        ran.stdout.contains("could not look") || ran.code != Some(0) && ran.stdout.contains("error: ");
    assert!(says_why || !is_there && inside.is_empty(), "{}: {ran:?} {inside:?}", scenario.name);
    1
}
