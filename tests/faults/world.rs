//! The cluster of a run, and the truth about it, read around HTTP.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fastrand::Rng;
use nsfix::sandbox::{Api, ControllerOptions, Options, scenarios};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::harness::Lab;

/// Of leftovers: some that the catalogue calls dangerous, some that it does not, some that it does not know.
pub const FINALIZERS: [&str; 4] = [
    "example.com/hold",
    "unheard.example.org/of",
    "batch.kubernetes.io/job-tracking",
    "service.kubernetes.io/load-balancer-cleanup",
];
const SCENARIOS: [&str; 16] = [
    "held-backup",
    "configmap-finalizer",
    "metadata-finalizer",
    "zombie",
    "active",
    "dead-apiservice",
    "dead-apiservice-and-finalizer",
    "dead-conversion-webhook",
    "dead-delete-webhook",
    "dead-update-webhook",
    "finalize-webhook",
    "disarmed",
    "foreign-spec-finalizer",
    "pods-first",
    "lost-node",
    "load-balancer",
];
const NAMED: [&str; 2] = ["--finalizer=controller.cattle.io/namespace-auth", "--finalizer=example.com/hold"];

pub struct World {
    pub lab: Lab,
    pub about: &'static str,
    pub name: String,
    pub api: Api,
}

/// An object inside the namespace.
#[derive(Clone, Debug)]
pub struct Object {
    pub group: String,
    pub resource: String,
    pub kind: String,
    pub live: bool,
    pub finalizers: Vec<String>,
    /// Whether Kubernetes itself puts it into every namespace.
    pub is_default: bool,
}

/// What the server held at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Null where it is not there.
    pub namespace: Value,
    /// By uid.
    pub objects: BTreeMap<String, Object>,
}

/// Watches the namespace while nsfix runs.
pub struct Witness {
    gone: Arc<Mutex<Option<Instant>>>,
    is_there: Box<dyn Fn() -> bool + Send + Sync>,
    task: JoinHandle<()>,
}

impl Witness {
    pub fn gone_since(self) -> Option<Instant> {
        self.task.abort();
        let seen = *self.gone.lock().unwrap();
        seen.or_else(|| (!(self.is_there)()).then(Instant::now))
    }
}

impl World {
    pub async fn new(random: &mut Rng) -> Self {
        let controller = controller(random);
        let own = random.u8(0..2) == 0;
        let about = if own { "mix" } else { SCENARIOS[random.usize(0..SCENARIOS.len())] };
        let scenarios = if own { Vec::new() } else { vec![scenarios::find(about).expect("a scenario")] };
        let name = scenarios.first().map_or("mix", |scenario| scenario.namespaces[0]).to_owned();
        let lab = Lab::sandbox(Options { scenarios, controller, ..Options::empty() }).await;
        let api = lab.the_sandbox().api();
        if own {
            mix(&api, random);
        }
        Self { lab, about, name, api }
    }

    /// One with a namespace in Terminating that has anything inside.
    pub async fn mixed(random: &mut Rng) -> Self {
        let world = Self::empty(random).await;
        mix(&world.api, random);
        world
    }

    /// One without the namespace.
    pub async fn empty(random: &mut Rng) -> Self {
        let lab = Lab::sandbox(Options { controller: controller(random), ..Options::empty() }).await;
        let api = lab.the_sandbox().api();
        Self { lab, about: "mix", name: "mix".to_owned(), api }
    }

    /// Finalizes the namespace as careless scripts do.
    pub fn abandon(&self) {
        let Ok(mut body) = self.api.get(&self.path()) else { return };
        body["spec"]["finalizers"] = json!([]);
        body["metadata"]["finalizers"] = json!([]);
        let _ = self.api.update(&format!("{}/finalize", self.path()), &body);
    }

    /// The text of all backups.
    pub fn backups(&self) -> String {
        let dir = self.lab.dir().join("state/nsfix/backups");
        let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
        files.map(|file| std::fs::read_to_string(file.path()).unwrap_or_default()).collect()
    }

    pub fn path(&self) -> String {
        format!("/api/v1/namespaces/{}", self.name)
    }

    pub fn arguments(&self, random: &mut Rng) -> Vec<String> {
        let mut arguments = vec!["clear", "--yes", "-o", "json", "--timeout=1s", "--request-timeout=1s"];
        // Nobody watches: the same rules, and a few more.
        let unattended = random.u8(0..4) == 0;
        if unattended {
            arguments.extend(["--all", "--older-than=0s", "--events=false"]);
        } else {
            arguments.push(&self.name);
        }
        match random.u8(0..8) {
            0..3 => arguments.push("--leftovers=release"),
            3..5 => arguments.push("--leftovers=orphan"),
            5 => arguments.push("--leftovers=refuse"),
            _ if unattended => arguments.push("--leftovers=ask"),
            _ => {}
        }
        match random.u8(0..8) {
            0 => arguments.push("--dry-run=server"),
            1 => arguments.push("--dry-run=client"),
            2 => arguments.push("--no-backup"),
            _ => {}
        }
        let dangerous = "--release-finalizer=service.kubernetes.io/load-balancer-cleanup";
        for flag in NAMED.into_iter().chain([dangerous]) {
            if random.u8(0..3) == 0 {
                arguments.push(flag);
            }
        }
        arguments.into_iter().map(str::to_owned).collect()
    }

    /// What the server holds now.
    pub fn snapshot(&self) -> Snapshot {
        let mut objects = BTreeMap::new();
        for (group, resource, kind, path) in types(&self.api) {
            // What cannot be read cannot be known; nobody promises anything about it.
            let Ok(items) = self.api.list(&path) else { continue };
            for item in items.iter().filter(|item| item["metadata"]["namespace"] == self.name.as_str()) {
                let metadata = &item["metadata"];
                let uid = metadata["uid"].as_str().unwrap_or_default().to_owned();
                let live = metadata["deletionTimestamp"].is_null();
                let (group, resource, kind) = (group.clone(), resource.clone(), kind.clone());
                let finalizers = strings(&metadata["finalizers"]);
                let default = [("configmaps", "kube-root-ca.crt"), ("serviceaccounts", "default")];
                let is_default =
                    default.iter().any(|(of, name)| *of == resource && metadata["name"] == *name);
                objects.entry(uid).or_insert(Object { group, resource, kind, live, finalizers, is_default });
            }
        }
        Snapshot { namespace: self.api.get(&self.path()).unwrap_or_default(), objects }
    }

    /// Notes when the namespace of this snapshot is gone.
    pub fn witness(&self, before: &Snapshot) -> Witness {
        let gone = Arc::new(Mutex::new(None));
        let (api, path, uid) = (self.api.clone(), self.path(), before.namespace["metadata"]["uid"].clone());
        let is_there = move || api.get(&path).is_ok_and(|now| now["metadata"]["uid"] == uid);
        let (seen, look) = (Arc::clone(&gone), is_there.clone());
        let task = tokio::spawn(async move {
            let mut clock = tokio::time::interval(Duration::from_millis(5));
            while look() {
                clock.tick().await;
            }
            *seen.lock().unwrap() = Some(Instant::now());
        });
        Witness { gone, is_there: Box::new(is_there), task }
    }
}

fn controller(random: &mut Rng) -> Option<ControllerOptions> {
    let controller = random.u8(0..4) > 0;
    controller.then(|| ControllerOptions {
        delay: Duration::from_millis(random.u64(10..100)),
        pods_first: Some(random.bool()),
    })
}

/// A list of strings, or nothing.
pub fn strings(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A namespace that is being deleted, with anything inside.
fn mix(api: &Api, random: &mut Rng) {
    let namespace = "/api/v1/namespaces/mix";
    api.create("/api/v1/namespaces", &json!({"metadata": {"name": "mix", "labels": {"a": "b"}}})).unwrap();
    if random.u8(0..4) == 0 {
        let finalizers = json!({"metadata": {"finalizers": ["controller.cattle.io/namespace-auth"]}});
        api.patch(namespace, &finalizers).unwrap();
    }
    let kinds =
        [("configmaps", "ConfigMap"), ("secrets", "Secret"), ("services", "Service"), ("pods", "Pod")];
    for index in 0..random.usize(0..8) {
        let (resource, kind) = kinds[random.usize(0..kinds.len())];
        let held: Vec<&str> = FINALIZERS.into_iter().filter(|_| random.u8(0..3) == 0).collect();
        let spec = match kind {
            "Pod" => json!({"containers": [{"name": "c", "image": "example.com/none"}]}),
            _ => json!({"ports": [{"port": 80}]}),
        };
        let mut object = json!({
            "apiVersion": "v1", "kind": kind, "metadata": {"name": format!("o-{index}"), "finalizers": held},
        });
        if matches!(kind, "Pod" | "Service") {
            object["spec"] = spec;
        }
        api.create(&format!("{namespace}/{resource}"), &object).unwrap();
        if random.bool() {
            api.delete(&format!("{namespace}/{resource}/o-{index}")).unwrap();
        }
    }
    api.delete(namespace).unwrap();
}

/// Group, resource, kind and the path over all namespaces of everything that can be listed.
fn types(api: &Api) -> Vec<(String, String, String, String)> {
    let mut roots = vec![(String::new(), "/api/v1".to_owned())];
    for group in api.get("/apis").unwrap_or_default()["groups"].as_array().into_iter().flatten() {
        for version in group["versions"].as_array().into_iter().flatten() {
            let path = format!("/apis/{}", version["groupVersion"].as_str().unwrap_or_default());
            roots.push((group["name"].as_str().unwrap_or_default().to_owned(), path));
        }
    }
    let mut types = Vec::new();
    for (group, root) in roots {
        for each in api.get(&root).unwrap_or_default()["resources"].as_array().into_iter().flatten() {
            let name = each["name"].as_str().unwrap_or_default();
            if each["namespaced"] == true && strings(&each["verbs"]).contains(&"list".to_owned()) {
                let kind = each["kind"].as_str().unwrap_or_default().to_owned();
                types.push((group.clone(), name.to_owned(), kind, format!("{root}/{name}")));
            }
        }
    }
    types
}
