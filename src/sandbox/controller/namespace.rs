//! The namespace controller's work on one namespace
//! (`pkg/controller/namespace/deletion/namespaced_resources_deleter.go`).

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::conditions::Findings;
use crate::sandbox::aggregation;
use crate::sandbox::crd;
use crate::sandbox::discovery::{self, DiscoveryMode};
use crate::sandbox::engine::Engine;
use crate::sandbox::failure::Failure;
use crate::sandbox::handlers::{DeleteOptions, Edit};
use crate::sandbox::meta;
use crate::sandbox::selector::Selector;
use crate::sandbox::types::{ResourceType, built_in, group_version};

/// How long the controller gives to whoever has to remove a finalizer.
const FINALIZER_ESTIMATE: f64 = 15.0;

/// What a pass came to.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Nothing is left to do: finalized, or not the controller's business.
    Done,
    /// Something remains; look again after half of so many seconds.
    Remaining(f64),
    Failed,
}

/// What is left of one type.
struct Rest {
    estimate: f64,
    count: usize,
    finalizers: BTreeMap<String, usize>,
}

/// Deletes what it can, reports, and finalizes when nothing is left.
pub(crate) fn pass(engine: &mut Engine, name: &str, pods_first: bool) -> Outcome {
    let Some(namespace) = engine.store.get("namespaces", "", name) else { return Outcome::Done };
    if !meta::is_deleting(&namespace) || meta::spec_finalizers(&namespace).is_empty() {
        return Outcome::Done;
    }
    let deleted = meta::deletion_time(&namespace).unwrap_or_else(Timestamp::now);
    let (mut types, undiscovered) = discover(engine);
    let asked_each = engine.discovery == DiscoveryMode::Legacy;
    let mut findings = Findings { undiscovered, asked_each, ..Findings::default() };
    if pods_first && let Some(pods) = take_pods(&mut types) {
        match empty(engine, &pods, name, deleted) {
            // The totals are forgotten on this way out: the conditions say that all is well
            // (kubernetes#138208).
            Ok(rest) if rest.count > 0 => {
                report(engine, name, &findings);
                return if findings.undiscovered.is_empty() {
                    Outcome::Remaining(rest.estimate)
                } else {
                    Outcome::Failed
                };
            }
            Ok(_) => {}
            Err(error) => {
                findings.errors.push(error);
                report(engine, name, &findings);
                return Outcome::Failed;
            }
        }
    }
    let estimate = empty_all(engine, &types, name, deleted, &mut findings);
    report(engine, name, &findings);
    match () {
        () if !findings.errors.is_empty() || !findings.undiscovered.is_empty() => Outcome::Failed,
        () if estimate > 0.0 => Outcome::Remaining(estimate),
        () => finalize(engine, name),
    }
}

/// The types to empty (preferred version of each resource, namespaced, deletable), and what could not be
/// discovered.
fn discover(engine: &Engine) -> (Vec<Arc<ResourceType>>, Vec<String>) {
    let groups = discovery::groups(&engine.types, &aggregation::remotes(&engine.store));
    let (mut types, mut undiscovered): (Vec<Arc<ResourceType>>, _) = (Vec::new(), Vec::new());
    for group in &groups {
        for version in &group.versions {
            if version.stale {
                undiscovered.push(group_version(&group.name, &version.name));
            }
            for of in version.types.iter().filter(|of| of.namespaced && of.allows("delete")) {
                if !types.iter().any(|each| each.is(&of.group, &of.resource)) {
                    types.push(Arc::clone(of));
                }
            }
        }
    }
    (types, undiscovered)
}

fn take_pods(types: &mut Vec<Arc<ResourceType>>) -> Option<Arc<ResourceType>> {
    let at = types.iter().position(|of| of.is("", "pods"))?;
    Some(types.remove(at))
}

fn empty_all(
    engine: &mut Engine,
    types: &[Arc<ResourceType>],
    namespace: &str,
    deleted: Timestamp,
    findings: &mut Findings,
) -> f64 {
    let mut estimate: f64 = 0.0;
    for of in types {
        match empty(engine, of, namespace, deleted) {
            Ok(rest) => {
                estimate = estimate.max(rest.estimate);
                if rest.count > 0 {
                    findings.remaining.insert(format!("{}.{}", of.resource, of.group), rest.count);
                }
                for (finalizer, count) in rest.finalizers {
                    *findings.finalizers.entry(finalizer).or_default() += count;
                }
            }
            Err(error) => findings.errors.push(error),
        }
    }
    estimate
}

/// Deletes everything of one type, and counts what is still there.
fn empty(
    engine: &mut Engine,
    of: &Arc<ResourceType>,
    namespace: &str,
    deleted: Timestamp,
) -> Result<Rest, String> {
    let text = |failure: Failure| failure.message;
    let estimate = if of.is("", "pods") { estimate_pods(engine, namespace, deleted) } else { 0.0 };
    let everything = Selector::default();
    engine.delete_all(of, namespace, &everything, &DeleteOptions::background(), drop).map_err(text)?;
    engine.check_cache(of).map_err(text)?;
    let mut rest = Rest { estimate, count: 0, finalizers: BTreeMap::new() };
    for object in engine.store.list(&of.storage_key(), namespace, None) {
        crd::decode(&engine.store, of, object).map_err(text)?;
        rest.count += 1;
        for finalizer in meta::finalizers(object) {
            *rest.finalizers.entry(finalizer.to_owned()).or_default() += 1;
        }
    }
    if rest.estimate == 0.0 && !rest.finalizers.is_empty() {
        rest.estimate = FINALIZER_ESTIMATE;
    }
    if rest.estimate == 0.0 && rest.count > 0 {
        let (group, version, resource) = (&of.group, &of.version, &of.resource);
        let gvr = format!("{group}/{version}, Resource={resource}");
        return Err(format!("unexpected items still remain in namespace: {namespace} for gvr: {gvr}"));
    }
    Ok(rest)
}

/// The longest grace of the pods that still run, less the time since the namespace was deleted.
fn estimate_pods(engine: &Engine, namespace: &str, deleted: Timestamp) -> f64 {
    let running =
        |pod: &&Arc<Value>| !["Succeeded", "Failed"].iter().any(|phase| pod["status"]["phase"] == *phase);
    let pods = engine.store.list("pods", namespace, None).filter(running);
    let longest =
        pods.filter_map(|pod| pod["spec"]["terminationGracePeriodSeconds"].as_f64()).fold(0.0, f64::max);
    let passed = Timestamp::now().duration_since(deleted).as_secs_f64();
    (longest - passed).max(0.0)
}

fn edit<'a>(of: &'a Arc<ResourceType>, name: &'a str, subresource: &'a str) -> Edit<'a> {
    let manager = "kube-controller-manager";
    Edit { of, namespace: "", name, subresource, manager, dry_run: false, uid_is_precondition: true }
}

/// A conflict or a refusal here is logged by the real one, and nothing else: the conditions lag.
fn report(engine: &mut Engine, name: &str, findings: &Findings) {
    let of = built_in("", "namespaces");
    let _ = engine.update_object(&edit(&of, name, "status"), |old| {
        let mut new = old.clone();
        findings.report(&mut new);
        Ok(new)
    });
}

fn finalize(engine: &mut Engine, name: &str) -> Outcome {
    let of = built_in("", "namespaces");
    let done = engine.update_object(&edit(&of, name, "finalize"), |old| {
        let mut new = old.clone();
        let foreign: Vec<_> =
            meta::spec_finalizers(old).into_iter().filter(|each| *each != "kubernetes").collect();
        new["spec"]["finalizers"] = foreign.into();
        Ok(new)
    });
    if done.is_ok() { Outcome::Done } else { Outcome::Failed }
}
