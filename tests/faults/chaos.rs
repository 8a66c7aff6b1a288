//! What goes wrong in a run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use fastrand::Rng;
use nsfix::sandbox::{Api, Canned, Fault, Matcher};
use serde_json::{Value, json};

use super::world::World;

/// What was put in place, and what came of it.
#[derive(Default)]
pub struct Chaos {
    /// For people.
    pub about: Vec<String>,
    /// Whether somebody else has ended the namespace.
    pub meddled: Arc<AtomicBool>,
    /// Whether somebody else may have: set from the beginning.
    pub meddler: bool,
    /// The namespace as it was at each PUT to /finalize.
    pub at_put: Arc<Mutex<Vec<Value>>>,
}

impl Chaos {
    pub fn let_loose(world: &World, random: &mut Rng) -> Self {
        let mut chaos = Self::default();
        let sandbox = world.lab.the_sandbox();
        let (at_put, path) = (Arc::clone(&chaos.at_put), world.path());
        let put = Matcher::new("PUT", &format!("{path}/finalize"));
        sandbox.inject(Fault::before(put, move |api| {
            at_put.lock().unwrap().push(api.get(&path).unwrap_or_default());
        }));
        for _ in 0..random.usize(0..4) {
            let (about, matcher) = target(world, random);
            let (what, fault) = chaos.fault(world, matcher, random);
            chaos.about.push(format!("{what} on {about}"));
            sandbox.inject(fault);
        }
        chaos
    }

    fn fault(&mut self, world: &World, matcher: Matcher, random: &mut Rng) -> (&'static str, Fault) {
        let namespace = world.path();
        let status = |code, reason| Canned::status(code, reason, "a fault of the test");
        match random.u8(0..15) {
            0 => ("409", Fault::answer(matcher, status(409, "Conflict"))),
            1 => {
                let after = if random.bool() { "0" } else { "1" };
                ("429", Fault::answer(matcher, status(429, "TooManyRequests").header("Retry-After", after)))
            }
            2 | 3 => ("500", Fault::answer(matcher, status(500, "InternalError"))),
            4 => ("503", Fault::answer(matcher, Canned::text(503, "service unavailable\n"))),
            5 => {
                let again = status(503, "ServiceUnavailable").header("Retry-After", "0");
                ("503 with Retry-After", Fault::answer(matcher, again))
            }
            6 | 7 => ("504 after applying", Fault::apply_then(matcher, status(504, "Timeout"))),
            8 => {
                let again = status(504, "Timeout").header("Retry-After", "0");
                ("504 with Retry-After after applying", Fault::apply_then(matcher, again))
            }
            9 => ("reset", Fault::reset(matcher)),
            10 => ("truncation", Fault::truncate(matcher)),
            11 => {
                let meddled = Arc::clone(&self.meddled);
                let change = move |api: &Api| {
                    let label = json!({"metadata": {"labels": {"changed": fastrand::u32(..).to_string()}}});
                    // Any change of a zombie ends it.
                    let ended = api.patch(&namespace, &label).is_ok() && api.get(&namespace).is_err();
                    meddled.fetch_or(ended, Ordering::Relaxed);
                };
                ("a new label", Fault::before(matcher, change))
            }
            12 => ("a change to every leftover", Fault::before(matcher, move |api| touch(api, &namespace))),
            choice => {
                self.meddler = true;
                let (meddled, recreate) = (Arc::clone(&self.meddled), choice == 13);
                let what = if recreate { "another namespace of the name" } else { "somebody finalizing" };
                (
                    what,
                    Fault::before(matcher.times(1), move |api| {
                        meddle(api, &namespace, recreate, &meddled);
                    }),
                )
            }
        }
    }
}

/// Some requests of nsfix. Never the very first read: before it there is nothing to be compared with.
fn target(world: &World, random: &mut Rng) -> (String, Matcher) {
    let namespace = world.path();
    let (method, path, most) = match random.u8(0..8) {
        0 | 1 => ("GET", namespace, 12),
        2 => ("GET", "/".to_owned(), 60),
        3 => ("PUT", namespace, 2),
        4 => ("PATCH", "/".to_owned(), 4),
        5 => ("DELETE", "/".to_owned(), 4),
        6 => ("*", namespace, 20),
        _ => ("*", "/".to_owned(), 80),
    };
    let reads = matches!(method, "GET" | "*");
    let (skip, times) = (random.u32(0..most) + u32::from(reads), random.u32(1..4));
    let matcher = Matcher::new(method, &path).skip(skip).times(times);
    (format!("{method} {path} skipping {skip}, {times} times"), matcher)
}

fn touch(api: &Api, namespace: &str) {
    for resource in ["configmaps", "secrets", "services", "pods"] {
        for item in api.list(&format!("{namespace}/{resource}")).unwrap_or_default() {
            let name = item["metadata"]["name"].as_str().unwrap_or_default();
            let note = json!({"metadata": {"annotations": {"touched": fastrand::u32(..).to_string()}}});
            let _ = api.patch(&format!("{namespace}/{resource}/{name}"), &note);
        }
    }
}

/// Ends the namespace as a careless person would; and makes another one with leftovers of the same names.
fn meddle(api: &Api, namespace: &str, recreate: bool, meddled: &AtomicBool) {
    let Ok(mut body) = api.get(namespace) else { return };
    if body["metadata"]["deletionTimestamp"].is_null() {
        return;
    }
    body["spec"]["finalizers"] = json!([]);
    body["metadata"]["finalizers"] = json!([]);
    if api.update(&format!("{namespace}/finalize"), &body).is_err() {
        return;
    }
    meddled.store(true, Ordering::Relaxed);
    if !recreate {
        return;
    }
    let _ = api.create("/api/v1/namespaces", &json!({"metadata": {"name": body["metadata"]["name"]}}));
    for index in 0..8 {
        for (resource, kind) in [("configmaps", "ConfigMap"), ("secrets", "Secret")] {
            let object = json!({
                "apiVersion": "v1", "kind": kind,
                "metadata": {"name": format!("o-{index}"), "finalizers": ["example.com/hold"]},
            });
            let _ = api.create(&format!("{namespace}/{resource}"), &object);
            if index < 4 {
                let _ = api.delete(&format!("{namespace}/{resource}/o-{index}"));
            }
        }
    }
    if fastrand::bool() {
        let _ = api.delete(namespace);
    }
}
