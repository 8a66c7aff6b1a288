//! Runs of `orphans --purge`: whatever goes wrong, nothing is deleted but what was orphaned, no namespace stays Active
//! without a word, and the report says what is left.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use fastrand::Rng;
use nsfix::diagnose::catalogue::{Place, look_up};
use nsfix::sandbox::{Fault, Matcher, RecordedRequest};
use serde_json::{Value, json};

use super::chaos::Chaos;
use super::judge::{Verdict, sent_by_nsfix};
use super::world::{Snapshot, World, strings};
use crate::harness::{Ran, ended};

struct Case {
    world: World,
    chaos: Chaos,
    arguments: Vec<String>,
    /// A namespace in Terminating that an earlier purge has left.
    unfinished: Value,
    /// The namespace as it was at each DELETE.
    at_delete: Arc<Mutex<Vec<Value>>>,
    before: Snapshot,
    ran: Ran,
    item: Value,
    sent: Vec<RecordedRequest>,
    broken: Vec<String>,
    untrue: Vec<String>,
}

/// One run, from its seed.
pub async fn one(seed: u64, random: &mut Rng) -> Verdict {
    let world = World::mixed(random).await;
    let unfinished = random.u8(0..5) == 0;
    if unfinished {
        let label = json!({"metadata": {"labels": {"nsfix/purge": "true"}}});
        let _ = world.api.patch(&world.path(), &label);
    } else {
        world.abandon();
    }
    let unfinished = world.api.get(&world.path()).unwrap_or_default();
    let at_delete = Arc::<Mutex<Vec<Value>>>::default();
    let (deletes, path) = (Arc::clone(&at_delete), world.path());
    let delete = Matcher::new("DELETE", &path);
    world.lab.the_sandbox().inject(Fault::before(delete, move |api| {
        deletes.lock().unwrap().push(api.get(&path).unwrap_or_default());
    }));
    let chaos = Chaos::let_loose(&world, random);
    let arguments = arguments(&world, random);
    let before = world.snapshot();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ran = ended(world.lab.nsfix(&words).start()).await;
    let report = serde_json::from_str::<Value>(&ran.stdout).unwrap_or_default();
    let item = report["items"][0].clone();
    let sent = sent_by_nsfix(&world);
    let (broken, untrue) = (Vec::new(), Vec::new());
    let mut case =
        Case { world, chaos, arguments, unfinished, at_delete, before, ran, item, sent, broken, untrue };
    case.rules();
    case.truth();
    let Case { world, chaos, arguments, ran, item, sent, broken, untrue, .. } = case;
    let outcome = format!("purge {}", item["outcome"].as_str().unwrap_or("no report"));
    Verdict::new(seed, world.about, &arguments, &chaos.about, &ran, outcome, &sent, (broken, untrue))
}

fn arguments(world: &World, random: &mut Rng) -> Vec<String> {
    let mut arguments =
        vec!["orphans", "--purge", "--yes", "-o", "json", "--timeout=4s", "--request-timeout=1s"];
    arguments.push(&world.name);
    match random.u8(0..8) {
        0 => arguments.push("--dry-run=client"),
        1 => arguments.push("--no-backup"),
        _ => {}
    }
    if random.u8(0..3) == 0 {
        arguments.push("--release-finalizer=service.kubernetes.io/load-balancer-cleanup");
    }
    arguments.into_iter().map(str::to_owned).collect()
}

impl Case {
    fn has(&self, flag: &str) -> bool {
        self.arguments.iter().any(|each| each == flag)
    }

    fn rule(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.broken.push(what());
        }
    }

    fn claim(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.untrue.push(what());
        }
    }

    fn meant(&self) -> Vec<RecordedRequest> {
        let writes = self.sent.iter().filter(|each| each.method != "GET");
        let writes = writes.filter(|each| !each.path_and_query.contains("accessreviews"));
        writes.filter(|each| !each.path_and_query.contains("dryRun=All")).cloned().collect()
    }

    fn rules(&mut self) {
        let meant = self.meant();
        self.rule(!self.has("--dry-run=client") || meant.is_empty(), || {
            "a client dry run sent a write".to_owned()
        });
        let backup = self.world.backups();
        let saves = !self.has("--no-backup");
        self.rule(meant.is_empty() || !saves || !backup.is_empty(), || "a write without a backup".to_owned());
        let namespace = self.world.path();
        self.ends_its_own();
        for write in &meant {
            let path = write.path_and_query.split('?').next().unwrap_or_default().to_owned();
            let body: Value = serde_json::from_str(&write.body).unwrap_or_default();
            let guard = if write.method == "DELETE" { &body["preconditions"] } else { &body["metadata"] };
            let uid = guard["uid"].as_str().unwrap_or_default().to_owned();
            if write.method == "POST" {
                let marked = body["metadata"]["labels"]["nsfix/purge"] == "true";
                self.rule(path == "/api/v1/namespaces" && marked, || format!("POST {path} without its mark"));
            } else if path == namespace || path == format!("{namespace}/finalize") {
                self.rule(!uid.is_empty(), || format!("{} {path} without a uid", write.method));
            } else {
                self.write_to_object(write, &path, &uid, &body, saves, &backup);
            }
        }
        self.nothing_stays_active();
    }

    /// No request ends a namespace that this run did not make.
    fn ends_its_own(&mut self) {
        let (namespace, finalize) = (self.world.path(), format!("{}/finalize", self.world.path()));
        let path_of =
            |each: &RecordedRequest| each.path_and_query.split('?').next().unwrap_or_default().to_owned();
        let deletes =
            self.sent.iter().filter(|each| each.method == "DELETE" && path_of(each).starts_with(&namespace));
        let puts = self.sent.iter().filter(|each| each.method == "PUT" && path_of(each) == finalize);
        let (at_delete, at_put) =
            (self.at_delete.lock().unwrap().clone(), self.chaos.at_put.lock().unwrap().clone());
        let recorded: Vec<(RecordedRequest, Value)> =
            deletes.cloned().zip(at_delete).chain(puts.cloned().zip(at_put)).collect();
        for (request, truth) in recorded {
            let path = path_of(&request);
            if request.path_and_query.contains("dryRun=All") || ![&namespace, &finalize].contains(&&path) {
                continue;
            }
            let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
            let guard = if request.method == "DELETE" { &body["preconditions"] } else { &body["metadata"] };
            // With another uid the server refuses it.
            let foreign =
                truth["metadata"]["uid"] == guard["uid"] && !truth.is_null() && !self.is_own(&truth);
            self.rule(!foreign, || format!("{} {path} of a namespace that is not its own", request.method));
        }
    }

    /// Whether this run may end it: it carries the mark of a run, or is the unfinished one.
    fn is_own(&self, namespace: &Value) -> bool {
        let marked = namespace["metadata"]["annotations"]["nsfix/purge-run"].is_string();
        marked || namespace["metadata"]["uid"] == self.unfinished["metadata"]["uid"]
    }

    fn write_to_object(
        &mut self,
        write: &RecordedRequest,
        path: &str,
        uid: &str,
        body: &Value,
        saves: bool,
        backup: &str,
    ) {
        let method = &write.method;
        // Kubernetes' own, which come with every namespace.
        if path.ends_with("/serviceaccounts/default") || path.ends_with("/configmaps/kube-root-ca.crt") {
            return;
        }
        let Some(object) = self.before.objects.get(uid).cloned() else {
            return self.broken.push(format!("{method} {path} of another uid than those first seen"));
        };
        self.rule(!saves || backup.contains(uid), || format!("{path} was not saved"));
        if method == "PATCH" {
            let rest = strings(&body["metadata"]["finalizers"]);
            for gone in object.finalizers.iter().filter(|name| !rest.contains(name)) {
                let entry = look_up(gone, &object.group, &object.kind, Place::Object);
                let dangerous = entry.is_some_and(|entry| entry.dangerous);
                let allowed = !dangerous || self.has(&format!("--release-finalizer={gone}"));
                self.rule(allowed, || format!("{gone} of {path} removed unnamed"));
            }
        }
    }

    /// Old RoleBindings in force again is what a purge must not come to without saying so.
    fn nothing_stays_active(&mut self) {
        let now = self.world.api.get(&self.world.path()).unwrap_or_default();
        let own = now["metadata"]["annotations"]["nsfix/purge-run"].is_string();
        if own && now["metadata"]["deletionTimestamp"].is_null() {
            let loud = self.ran.stderr.contains("are in force again");
            self.rule(loud, || "the namespace stays Active, and nobody said so".to_owned());
        }
    }

    fn truth(&mut self) {
        let (code, item) = (self.ran.code, self.item.clone());
        let now = self.world.snapshot();
        let left = self.before.objects.keys().filter(|uid| now.objects.contains_key(*uid)).count();
        if item.is_null() {
            let meant = self.meant();
            self.claim(meant.is_empty(), || "it wrote and did not report".to_owned());
            let said = code == Some(1) && !self.ran.stderr.is_empty();
            let meddled = self.chaos.meddled.load(Ordering::Relaxed) || self.world.lab.has_controller;
            let nothing = code == Some(0) && self.ran.stderr.contains("No orphans found");
            let partly = self.ran.stderr.contains("could not look");
            let fits = said || (nothing && (self.before.objects.is_empty() || meddled || partly));
            return self.claim(fits, || format!("no report, exit code {code:?}"));
        }
        let outcome = item["outcome"].as_str().unwrap_or_default().to_owned();
        let fits = match outcome.as_str() {
            "Cleared" | "Unchanged" | "DryRun" => 0,
            "Refused" | "Released" => 4,
            _ => 1,
        };
        self.claim(code == Some(fits), || format!("{outcome} with exit code {code:?}"));
        let message = item["message"].as_str().unwrap_or_default().to_owned();
        match outcome.as_str() {
            "Cleared" | "Unchanged" => {
                let orphans = item["orphans"].as_array().is_some_and(|orphans| !orphans.is_empty());
                let unknown = item["couldNotLook"].as_array().is_some_and(|gaps| !gaps.is_empty());
                let warned = item["warnings"].as_array().is_some_and(|warnings| !warnings.is_empty());
                let said = orphans || unknown || warned;
                self.claim(left == 0 || said, || format!("{outcome}, and {left} orphans are left"));
                let there = now.namespace["metadata"]["uid"] == item["uid"];
                self.claim(!there, || format!("{outcome}, and the namespace is there"));
            }
            "Refused" | "NotBegun" => {
                let wrote = self.meant().iter().any(|write| write.method != "POST");
                self.claim(!wrote, || format!("{outcome} after something was written"));
                self.claim(!message.is_empty(), || format!("{outcome} without a reason"));
            }
            "Failed" | "Released" => {
                self.claim(!message.is_empty(), || format!("{outcome} without a reason"));
            }
            _ => {}
        }
        if let Some(backup) = item["backup"].as_str() {
            self.claim(std::path::Path::new(backup).exists(), || format!("no backup {backup}"));
        }
    }
}
