//! Whether a run kept the rules, and whether what it reported is what the server holds.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use nsfix::diagnose::catalogue::{Place, look_up};
use nsfix::sandbox::RecordedRequest;
use serde_json::{Value, json};

use super::chaos::Chaos;
use super::world::{Snapshot, World, strings};
use crate::harness::Ran;

/// Discovery, a list of every type, the same again for the backup, the rounds and the orphans, each of them
/// tried four times.
const MOST_REQUESTS: usize = 1_000;
/// What changed this shortly before the end, nsfix cannot have seen.
const BLINK: Duration = Duration::from_millis(500);

/// A run that has ended.
pub struct Case {
    pub seed: u64,
    pub world: World,
    pub chaos: Chaos,
    pub arguments: Vec<String>,
    pub before: Snapshot,
    pub ran: Ran,
    pub end: Instant,
    /// Since when the namespace is gone.
    pub gone_since: Option<Instant>,
}

/// What came of it.
pub struct Verdict {
    pub outcome: String,
    pub requests: usize,
    /// Rules of the design that were broken.
    pub broken: Vec<String>,
    /// What was reported otherwise than it is.
    pub untrue: Vec<String>,
    details: String,
}

impl Verdict {
    #[allow(clippy::too_many_arguments)] // what there is to say about a run
    pub fn new(
        seed: u64,
        world: &str,
        arguments: &[String],
        faults: &[String],
        ran: &Ran,
        outcome: String,
        sent: &[RecordedRequest],
        (broken, untrue): (Vec<String>, Vec<String>),
    ) -> Self {
        let log: Vec<String> = sent
            .iter()
            .map(|each| format!("  {} {} {}", each.method, each.path_and_query, each.body))
            .collect();
        let wrong = !broken.is_empty() || !untrue.is_empty();
        let details = format!(
            "seed {seed} ({world}): nsfix {}\nfaults: {faults:?}\nended {:?}\n{}\n{}\n{}\n",
            arguments.join(" "),
            ran.code,
            ran.stdout,
            ran.stderr,
            if wrong { log[log.len().saturating_sub(40)..].join("\n") } else { String::new() },
        );
        Self { outcome, requests: sent.len(), broken, untrue, details }
    }

    pub fn is_good(&self) -> bool {
        self.broken.is_empty() && self.untrue.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, all) in [("broken", &self.broken), ("untrue", &self.untrue)] {
            for each in all {
                writeln!(f, "{what}: {each}")?;
            }
        }
        f.write_str(&self.details)
    }
}

pub fn judge(case: &Case) -> Verdict {
    let sent = sent_by_nsfix(&case.world);
    let writes: Vec<&RecordedRequest> = sent
        .iter()
        .filter(|each| each.method != "GET" && !each.path_and_query.contains("accessreviews"))
        .collect();
    let report = serde_json::from_str::<Value>(&case.ran.stdout).unwrap_or_default();
    let item = report["items"][0].clone();
    let mut court = Court { case, item: &item, writes, broken: Vec::new(), untrue: Vec::new() };
    court.rules(&sent);
    court.truth();
    let Court { broken, untrue, .. } = court;
    let outcome = item["outcome"].as_str().unwrap_or("no report").to_owned();
    let Case { seed, world, chaos, arguments, ran, .. } = case;
    Verdict::new(*seed, world.about, arguments, &chaos.about, ran, outcome, &sent, (broken, untrue))
}

/// The requests of the run.
pub fn sent_by_nsfix(world: &World) -> Vec<RecordedRequest> {
    let mut sent = world.lab.the_sandbox().requests();
    sent.retain(|request| request.user_agent.starts_with("nsfix/"));
    sent
}

struct Court<'a> {
    case: &'a Case,
    item: &'a Value,
    writes: Vec<&'a RecordedRequest>,
    broken: Vec<String>,
    untrue: Vec<String>,
}

impl Court<'_> {
    fn has(&self, flag: &str) -> bool {
        self.case.arguments.iter().any(|each| each == flag)
    }

    fn named(&self, flag: &str, finalizer: &str) -> bool {
        self.has(&format!("--{flag}={finalizer}"))
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

    fn uid(&self) -> &str {
        self.case.before.namespace["metadata"]["uid"].as_str().unwrap_or_default()
    }

    /// The rules of the design, as far as the requests show them.
    fn rules(&mut self, sent: &[RecordedRequest]) {
        self.rule(sent.len() < MOST_REQUESTS, || format!("{} requests", sent.len()));
        let writes = self.writes.clone();
        let dry = self.has("--dry-run=server") || self.has("--dry-run=client");
        let meant: Vec<&RecordedRequest> =
            writes.into_iter().filter(|write| !write.path_and_query.contains("dryRun=All")).collect();
        self.rule(!dry || meant.is_empty(), || "a dry run wrote".to_owned());
        let rehearsed = meant.len() < self.writes.len();
        self.rule(!self.has("--dry-run=client") || !rehearsed, || "a client dry run sent a write".to_owned());
        let backup = self.case.world.backups();
        let saves = !self.has("--no-backup");
        self.rule(meant.is_empty() || !saves || !backup.is_empty(), || "a write without a backup".to_owned());
        self.writes_are_guarded(&backup);
        self.nothing_live_is_abandoned();
    }

    fn writes_are_guarded(&mut self, backup: &str) {
        let saves = !self.has("--no-backup");
        let truths = self.case.chaos.at_put.lock().unwrap().clone();
        let mut puts = 0;
        for write in self.writes.clone() {
            let path = write.path_and_query.split('?').next().unwrap_or_default();
            let is_put = path == format!("{}/finalize", self.case.world.path());
            // Rehearsals come before it and are recorded as well.
            let truth = if is_put { truths.get(puts).cloned().unwrap_or_default() } else { Value::Null };
            puts += usize::from(is_put);
            if write.path_and_query.contains("dryRun=All") {
                continue;
            }
            let body: Value = serde_json::from_str(&write.body).unwrap_or_default();
            let guard = if write.method == "DELETE" { &body["preconditions"] } else { &body["metadata"] };
            let uid = guard["uid"].as_str().unwrap_or_default().to_owned();
            self.rule(guard["resourceVersion"].is_string(), || format!("no resourceVersion in {path}"));
            self.rule(!saves || backup.contains(&uid), || format!("{path} was not saved"));
            if is_put {
                self.put(&body, &truth);
            } else if path == self.case.world.path() {
                self.write_to_namespace(&write.method, &body);
            } else {
                self.write_to_object(write, path, &uid, &body);
            }
        }
    }

    fn put(&mut self, body: &Value, truth: &Value) {
        let uid = json!(self.uid());
        self.rule(body["metadata"]["uid"] == uid, || "a PUT to another uid".to_owned());
        if truth["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"] {
            // The server answers 409.
            return;
        }
        self.rule(truth["metadata"]["deletionTimestamp"].is_string(), || {
            "a PUT to an Active namespace".to_owned()
        });
        let (old, new) = (strings(&truth["spec"]["finalizers"]), strings(&body["spec"]["finalizers"]));
        let rearmed = old.is_empty() && new == ["kubernetes"];
        for gone in old.iter().filter(|name| !new.contains(name)) {
            let allowed = gone == "kubernetes" || self.named("finalizer", gone);
            self.rule(allowed, || format!("spec finalizer {gone} removed unnamed"));
        }
        self.rule(rearmed || new.iter().all(|name| old.contains(name)), || format!("{old:?} became {new:?}"));
        let without = |object: &Value| {
            let mut object = object.clone();
            if let Some(spec) = object["spec"].as_object_mut() {
                spec.remove("finalizers");
            }
            object
        };
        self.rule(without(truth) == without(body), || {
            format!("the body {body} is not what was read: {truth}")
        });
    }

    fn write_to_namespace(&mut self, method: &str, body: &Value) {
        let guard = if method == "DELETE" { &body["preconditions"] } else { &body["metadata"] };
        let same = guard["uid"] == self.uid();
        self.rule(same, || format!("{method} of another namespace"));
        if method == "PATCH" {
            let rest = strings(&body["metadata"]["finalizers"]);
            for gone in strings(&self.case.before.namespace["metadata"]["finalizers"]) {
                let allowed = rest.contains(&gone) || self.named("finalizer", &gone);
                self.rule(allowed, || format!("metadata finalizer {gone} removed unnamed"));
            }
        }
    }

    fn write_to_object(&mut self, write: &RecordedRequest, path: &str, uid: &str, body: &Value) {
        let method = &write.method;
        let Some(object) = self.case.before.objects.get(uid) else {
            return self.broken.push(format!("{method} {path} of another uid than those first seen"));
        };
        self.rule(self.has("--leftovers=release"), || format!("{method} {path} without --leftovers=release"));
        if method == "PATCH" {
            let rest = strings(&body["metadata"]["finalizers"]);
            for gone in object.finalizers.iter().filter(|name| !rest.contains(name)) {
                let entry = look_up(gone, &object.group, &object.kind, Place::Object);
                let dangerous = entry.is_some_and(|entry| entry.dangerous);
                let allowed = !dangerous || self.named("release-finalizer", gone);
                self.rule(allowed, || format!("{gone} of {path} removed unnamed"));
            }
        }
    }

    /// Rule 5, and what `release` promises.
    fn nothing_live_is_abandoned(&mut self) {
        let meddled = self.case.chaos.meddled.load(Ordering::Relaxed);
        if self.has("--leftovers=orphan") || meddled || self.writes.is_empty() {
            return;
        }
        let now = self.case.world.snapshot();
        if !now.namespace.is_null() {
            return;
        }
        let unknown = self.unknown();
        for object in now.objects.values().filter(|object| !unknown.contains(&object.group, &object.resource))
        {
            let release = self.has("--leftovers=release");
            self.rule(!object.live || object.is_default, || format!("live {} abandoned", object.resource));
            self.rule(!release || object.is_default, || {
                format!("{} abandoned by a release", object.resource)
            });
        }
    }

    /// The types that the report says could not be looked at.
    fn unknown(&self) -> Unknown {
        let gaps = self.item["couldNotLook"].as_array().into_iter().flatten();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Unknown(gaps.map(|gap| (text(&gap["group"]).unwrap_or_default(), text(&gap["resource"]))).collect())
    }

    /// What was reported, against what the server holds.
    fn truth(&mut self) {
        let code = self.case.ran.code;
        if self.item.is_null() {
            // Of no use as a whole: an error on stderr, and nothing was written.
            let meant = self.writes.iter().any(|write| !write.path_and_query.contains("dryRun=All"));
            self.claim(!meant, || "it wrote and did not report".to_owned());
            let said = code == Some(1) && !self.case.ran.stderr.is_empty();
            // Or nothing was stuck, when it was not told which one to look for.
            let stuck = !self.case.before.namespace["metadata"]["deletionTimestamp"].is_null();
            let gone = self.case.gone_since.is_some();
            let nothing = code == Some(0) && self.case.ran.stderr.contains("No stuck namespaces to clear.");
            return self
                .claim(said || (nothing && (!stuck || gone)), || "it failed without a word".to_owned());
        }
        let item = self.item;
        let outcome = item["outcome"].as_str().unwrap_or_default();
        let fits = match outcome {
            "Cleared" | "Unchanged" | "DryRun" => 0,
            "Refused" | "Released" => 4,
            _ => 1,
        };
        self.claim(code == Some(fits), || format!("{outcome} with exit code {code:?}"));
        if item["uid"] == self.uid() {
            self.presence(item, outcome);
        }
        if outcome == "Cleared" {
            self.orphans();
        }
        self.claim_of_a_backup();
    }

    /// Whether the namespace is there, as the outcome says.
    fn presence(&mut self, item: &Value, outcome: &str) {
        let message = item["message"].as_str().unwrap_or_default();
        let present = self.case.gone_since.is_none();
        let steps = item["steps"].as_array().into_iter().flatten();
        let done = steps.filter(|step| step["result"] == "Done" && step["step"] != "Wait").count();
        match outcome {
            "Cleared" | "Unchanged" => {
                self.claim(!present, || format!("{outcome}, and it is still there"));
                let alone =
                    !self.case.world.lab.has_controller && !self.case.chaos.meddled.load(Ordering::Relaxed);
                self.claim(outcome == "Cleared" || !alone, || {
                    "Unchanged, and nobody else was there".to_owned()
                });
                self.claim(outcome == "Cleared" || done == 0, || {
                    "Unchanged after something was done".to_owned()
                });
            }
            "Failed" | "Released" | "Refused" => {
                let long_gone = self.case.gone_since.is_some_and(|since| since + BLINK < self.case.end);
                let says = [
                    "another one of the same name",
                    "whether the namespace is gone",
                    "would not be finalized",
                    // Whatever is in trouble is not asked again, and nothing is said of the namespace.
                    "because the API server is in trouble",
                ];
                let says = says.iter().any(|words| message.contains(words));
                self.claim(!long_gone || says, || format!("{outcome}, and it was gone: {message}"));
                self.claim(!message.is_empty(), || format!("{outcome} without a reason"));
                self.claim(outcome != "Refused" || done == 0, || {
                    "Refused after something was done".to_owned()
                });
            }
            _ => {}
        }
    }

    fn claim_of_a_backup(&mut self) {
        if let Some(backup) = self.item["backup"].as_str() {
            self.claim(std::path::Path::new(backup).exists(), || format!("no backup {backup}"));
        }
    }

    /// Listed are exactly the objects without a namespace.
    fn orphans(&mut self) {
        let now = self.case.world.snapshot();
        let unknown = self.unknown();
        let mut there = BTreeMap::new();
        if now.namespace.is_null() {
            for object in now.objects.values() {
                *there.entry((object.group.clone(), object.resource.clone())).or_insert(0_u64) += 1;
            }
        }
        let mut listed = BTreeMap::new();
        for orphan in self.item["orphans"].as_array().into_iter().flatten() {
            let text = |key: &str| orphan[key].as_str().unwrap_or_default().to_owned();
            listed.insert((text("group"), text("resource")), orphan["count"].as_u64().unwrap_or_default());
        }
        there.retain(|(group, resource), _| !unknown.contains(group, resource));
        listed.retain(|(group, resource), _| !unknown.contains(group, resource));
        self.claim(there == listed, || format!("orphans {listed:?}, where there are {there:?}"));
    }
}

struct Unknown(BTreeSet<(String, Option<String>)>);

impl Unknown {
    fn contains(&self, group: &str, resource: &str) -> bool {
        let all = |gap: &str| gap == "every API group besides the core" && !group.is_empty();
        let of_type = |of: &Option<String>| of.as_ref().is_none_or(|of| of == resource);
        self.0.iter().any(|(gap, of)| all(gap) || gap == group && of_type(of))
    }
}
