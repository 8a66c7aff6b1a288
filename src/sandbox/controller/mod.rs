//! The controllers of a kube-controller-manager that matter to namespaces, on a faster clock.
//!
//! The namespace controller is played in full; of the others, what they leave in every namespace, and the
//! finalizers that they take away.

mod conditions;
mod namespace;
mod upkeep;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

pub(crate) use self::namespace::Outcome;
use super::engine::Engine;
use super::meta;
use super::release::Release;

/// The delay of the real one after each change of a namespace (`namespaceDeletionGracePeriod`).
const REAL_DELAY: f64 = 5.0;
/// The longest pause after errors, in the real one's seconds.
const LONGEST_BACKOFF: f64 = 60.0;

/// How the sandbox's kube-controller-manager works.
#[derive(Clone, Debug)]
pub struct ControllerOptions {
    /// What stands for the five seconds that the real namespace controller waits after each change. All its
    /// other times are scaled by the same factor.
    pub delay: Duration,
    /// Delete pods before everything else, as 1.33 and later do; none for what the release does.
    pub pods_first: Option<bool>,
}

impl Default for ControllerOptions {
    fn default() -> Self {
        Self { delay: Duration::from_millis(200), pods_first: None }
    }
}

impl ControllerOptions {
    fn scaled(&self, real_seconds: f64) -> Duration {
        self.delay.mul_f64((real_seconds / REAL_DELAY).max(0.0))
    }
}

/// A namespace on the controller's list.
#[derive(Debug)]
struct Pending {
    seen: String,
    due: Option<Instant>,
    failures: i32,
}

/// The running controllers.
#[derive(Debug)]
pub(crate) struct Controller {
    options: ControllerOptions,
    pods_first: bool,
    pending: BTreeMap<String, Pending>,
    renewed: Option<Instant>,
    /// The revision up to which the upkeep has looked.
    seen: u64,
}

impl Controller {
    pub(crate) fn new(options: ControllerOptions, release: Release) -> Self {
        let pods_first = options.pods_first.unwrap_or_else(|| release.pods_first());
        Self { options, pods_first, pending: BTreeMap::new(), renewed: None, seen: 0 }
    }

    /// How often `tick` wants to be called.
    pub(crate) fn period(&self) -> Duration {
        (self.options.delay / 8).clamp(Duration::from_millis(2), Duration::from_millis(250))
    }

    /// Does whatever is due.
    pub(crate) fn tick(&mut self, engine: &mut Engine) {
        let now = Instant::now();
        self.upkeep(engine);
        let namespaces = engine.store.all("namespaces");
        self.pending.retain(|name, _| namespaces.iter().any(|each| meta::name(each) == name));
        let doomed = namespaces
            .iter()
            .filter(|each| meta::is_deleting(each) && !meta::spec_finalizers(each).is_empty());
        for namespace in doomed {
            let name = meta::name(namespace);
            if self.is_due(name, meta::resource_version(namespace), now) {
                let outcome = namespace::pass(engine, name, self.pods_first);
                self.reschedule(name, &outcome, now);
            }
        }
    }

    /// Everything but the namespaces: what the other controllers leave behind in a moment.
    pub(crate) fn upkeep(&mut self, engine: &mut Engine) {
        if self.renewed.is_none_or(|renewed| renewed.elapsed() >= Duration::from_secs(2)) {
            self.renewed = Some(Instant::now());
            upkeep::renew_lease(engine);
        }
        upkeep::stop_pods(engine, &|seconds| self.options.scaled(seconds));
        if self.seen != engine.store.revision() {
            let since = std::mem::replace(&mut self.seen, engine.store.revision());
            upkeep::furnish_namespaces(engine);
            upkeep::keep_token_secrets(engine);
            upkeep::release_volumes(engine);
            upkeep::collect_garbage(engine, since);
        }
    }

    /// One pass over a namespace, whether it is due or not.
    pub(crate) fn pass(&mut self, engine: &mut Engine, name: &str) {
        let outcome = namespace::pass(engine, name, self.pods_first);
        let version =
            engine.store.get("namespaces", "", name).map(|each| meta::resource_version(&each).to_owned());
        if let Some(seen) = version {
            self.pending.insert(name.to_owned(), Pending { seen, due: None, failures: 0 });
            self.reschedule(name, &outcome, Instant::now());
        }
    }

    /// One pass over every namespace that is going.
    pub(crate) fn pass_all(&mut self, engine: &mut Engine) {
        let namespaces = engine.store.all("namespaces");
        for namespace in namespaces.iter().filter(|each| meta::is_deleting(each)) {
            self.pass(engine, meta::name(namespace));
        }
    }

    fn is_due(&mut self, name: &str, version: &str, now: Instant) -> bool {
        let delay = self.options.delay;
        let pending = self.pending.entry(name.to_owned()).or_insert(Pending {
            seen: String::new(),
            due: None,
            failures: 0,
        });
        if pending.seen != version {
            version.clone_into(&mut pending.seen);
            let due = now + delay;
            pending.due = Some(pending.due.map_or(due, |earlier| earlier.min(due)));
        }
        pending.due.is_some_and(|due| due <= now)
    }

    fn reschedule(&mut self, name: &str, outcome: &Outcome, now: Instant) {
        let Some(pending) = self.pending.get_mut(name) else { return };
        pending.due = match outcome {
            Outcome::Done => None,
            Outcome::Remaining(estimate) => Some(now + self.options.scaled(estimate / 2.0 + 1.0)),
            Outcome::Failed => {
                pending.failures += 1;
                let backoff = (0.005 * f64::from(pending.failures.min(20)).exp2()).min(LONGEST_BACKOFF);
                Some(now + self.options.scaled(backoff))
            }
        };
        if !matches!(outcome, Outcome::Failed) {
            pending.failures = 0;
        }
    }
}
