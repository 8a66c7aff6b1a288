//! Runs of `restore`: nothing is changed that was there, nothing is created elsewhere, and every line that says
//! "restored" is so.

use std::collections::BTreeMap;

use fastrand::Rng;
use nsfix::sandbox::RecordedRequest;
use serde_json::{Value, json};

use super::chaos::Chaos;
use super::judge::{Verdict, sent_by_nsfix};
use super::world::World;
use crate::harness::fixtures::documents;
use crate::harness::{Ran, ended};

const KINDS: [(&str, &str); 3] =
    [("ConfigMap", "configmaps"), ("Secret", "secrets"), ("ServiceAccount", "serviceaccounts")];

struct Case {
    world: World,
    chaos: Chaos,
    arguments: Vec<String>,
    /// What the file holds, by its label: the path of each.
    held: BTreeMap<String, String>,
    terminating: bool,
    /// uid and resourceVersion of everything under the paths of the file.
    before: BTreeMap<String, Value>,
    ran: Ran,
    sent: Vec<RecordedRequest>,
    broken: Vec<String>,
    untrue: Vec<String>,
}

/// One run, from its seed.
pub async fn one(seed: u64, random: &mut Rng) -> Verdict {
    let world = World::empty(random).await;
    let held = write_backup(&world, random);
    let terminating = prepare(&world, &held, random);
    let chaos = Chaos::let_loose(&world, random);
    let arguments = arguments(&world, random);
    let before = now(&world, &held);
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ran = ended(world.lab.nsfix(&words).start()).await;
    let sent = sent_by_nsfix(&world);
    let (broken, untrue) = (Vec::new(), Vec::new());
    let mut case = Case { world, chaos, arguments, held, terminating, before, ran, sent, broken, untrue };
    case.rules();
    case.truth();
    let Case { world, chaos, arguments, ran, sent, broken, untrue, .. } = case;
    let outcome = format!("restore {:?}", ran.code.unwrap_or_default());
    Verdict::new(seed, world.about, &arguments, &chaos.about, &ran, outcome, &sent, (broken, untrue))
}

fn write_backup(world: &World, random: &mut Rng) -> BTreeMap<String, String> {
    let name = &world.name;
    let mut held = BTreeMap::from([(format!("namespace/{name}"), world.path())]);
    let mut objects =
        vec![json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "uid": "old"}})];
    for index in 0..random.usize(0..12) {
        let (kind, resource) = KINDS[random.usize(0..KINDS.len())];
        let object = json!({
            "apiVersion": "v1", "kind": kind,
            "metadata": {"name": format!("o-{index}"), "namespace": name, "uid": format!("u-{index}"), "finalizers": ["example.com/hold"]},
        });
        objects.push(object);
        held.insert(
            format!("{}/o-{index}", kind.to_lowercase()),
            format!("{}/{resource}/o-{index}", world.path()),
        );
    }
    std::fs::write(world.lab.dir().join("b.yaml"), documents(&objects)).expect("a file");
    held
}

/// What is there before: nothing, the namespace with some of the objects, or a namespace that is being deleted.
fn prepare(world: &World, held: &BTreeMap<String, String>, random: &mut Rng) -> bool {
    let exists = random.u8(0..3) == 0;
    if !exists {
        return false;
    }
    let _ = world.api.create("/api/v1/namespaces", &json!({"metadata": {"name": world.name}}));
    let inside = held.iter().filter(|(_, path)| **path != world.path());
    for (label, path) in inside {
        let (collection, name) = path.rsplit_once('/').expect("a path");
        if random.u8(0..3) == 0 {
            let kind =
                KINDS.iter().find(|(kind, _)| label.starts_with(&kind.to_lowercase())).expect("a kind").0;
            let object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "finalizers": ["example.com/hold"]}});
            let _ = world.api.create(collection, &object);
        }
    }
    let terminating = random.u8(0..4) == 0;
    if terminating {
        let _ = world.api.delete(&world.path());
    }
    terminating
}

fn arguments(world: &World, random: &mut Rng) -> Vec<String> {
    let file = world.lab.dir().join("b.yaml").display().to_string();
    let mut arguments = vec!["restore".to_owned(), file, "--request-timeout=1s".to_owned()];
    match random.u8(0..6) {
        0 => arguments.push("--dry-run=client".to_owned()),
        1 => arguments.push("--dry-run=server".to_owned()),
        _ => {}
    }
    if random.u8(0..4) > 0 {
        arguments.push("--yes".to_owned());
    }
    if random.u8(0..4) == 0 {
        arguments.extend([format!("ns/{}", world.name), "o-1".to_owned()]);
    }
    arguments
}

/// What is under the paths now.
fn now(world: &World, held: &BTreeMap<String, String>) -> BTreeMap<String, Value> {
    let read = held.iter().filter_map(|(label, path)| Some((label.clone(), world.api.get(path).ok()?)));
    read.collect()
}

impl Case {
    fn has(&self, flag: &str) -> bool {
        self.arguments.iter().any(|each| each == flag)
    }

    fn rules(&mut self) {
        let dry = self.arguments.iter().any(|each| each.starts_with("--dry-run"));
        let namespace = self.world.path();
        // The controller may have finished it before nsfix looked.
        let created =
            self.sent.iter().any(|each| each.method == "POST" && !each.path_and_query.contains("/mix"));
        let writes = self.sent.iter().filter(|each| each.method != "GET");
        for write in writes {
            let (path, query) = write.path_and_query.split_once('?').unwrap_or((&write.path_and_query, ""));
            let rehearsed = query.contains("dryRun=All");
            if write.method != "POST" {
                self.broken.push(format!("{} {path}", write.method));
            }
            if dry && !rehearsed || self.has("--dry-run=client") {
                self.broken.push(format!("a dry run sent {} {path}", write.method));
            }
            let inside = path == "/api/v1/namespaces" || path.starts_with(&format!("{namespace}/"));
            if !inside {
                self.broken.push(format!("{path} is elsewhere"));
            }
            if self.terminating && !created {
                self.broken.push(format!("{path} of a namespace in Terminating"));
            }
        }
        let existed = self.before.contains_key(&format!("namespace/{}", self.world.name)) && !created;
        if dry || existed && !self.has("--yes") {
            let now = now(&self.world, &self.held);
            let new: Vec<&String> = now.keys().filter(|label| !self.before.contains_key(*label)).collect();
            if !new.is_empty() && !self.chaos.meddler {
                self.broken.push(format!("{new:?} was created"));
            }
        }
    }

    fn truth(&mut self) {
        let now = now(&self.world, &self.held);
        let code = self.ran.code.unwrap_or_default();
        if ![0, 1, 4, 5].contains(&code) {
            self.untrue.push(format!("exit code {code}"));
        }
        if code != 0 && self.ran.stderr.is_empty() {
            self.untrue.push("it failed without a word".to_owned());
        }
        let said: Vec<&str> =
            self.ran.stdout.lines().filter_map(|line| line.strip_suffix(" restored")).collect();
        // Somebody else may have deleted the namespace since.
        let quiet = !self.chaos.meddler;
        for label in &said {
            if quiet && !now.contains_key(*label) {
                self.untrue.push(format!("{label} restored, and it is not there"));
            }
            let finalizers = &now.get(*label).unwrap_or(&Value::Null)["metadata"]["finalizers"];
            if quiet && !finalizers.is_null() {
                self.untrue.push(format!("{label} has its finalizers again: {finalizers}"));
            }
        }
        for label in now.keys().filter(|label| !self.before.contains_key(*label)) {
            let told = said.contains(&label.as_str()) || self.ran.stderr.contains(label.as_str());
            if quiet && !told {
                self.untrue.push(format!("{label} was created, and nobody said so"));
            }
        }
        let all = !self.arguments.iter().any(|each| each.starts_with("--dry-run") || each == "o-1");
        let missing = self.held.keys().filter(|label| !now.contains_key(*label)).count();
        if code == 0 && all && quiet && missing > 0 {
            self.untrue.push(format!("exit code 0, and {missing} are missing"));
        }
        // One in Terminating may have been finished before nsfix looked, and created again by it.
        for label in self.before.keys().filter(|_| quiet && !self.terminating) {
            let uid = |objects: &BTreeMap<String, Value>| {
                objects.get(label).map(|each| each["metadata"]["uid"].clone())
            };
            if uid(&self.before) != uid(&now) {
                self.untrue.push(format!("{label} was replaced"));
            }
        }
    }
}
