//! Fills a new cluster: what every cluster has, then the scenarios.

use std::io;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::controller::Controller;
use super::document::Document;
use super::engine::{Engine, Reply};
use super::meta;
use super::request::Call;
use super::scenarios::{Scenario, Step};

/// Plays the scenarios' recipes, through the same requests that a real cluster would get.
pub(crate) fn fill(
    engine: &mut Engine,
    mut controller: Option<&mut Controller>,
    scenarios: &[&Scenario],
) -> io::Result<()> {
    for step in furniture() {
        play(engine, None, &step)?;
    }
    for scenario in scenarios {
        for step in (scenario.steps)() {
            if let Some(controller) = &mut controller {
                controller.upkeep(engine);
            }
            play(engine, controller.as_deref_mut(), &step)
                .map_err(|error| io::Error::other(format!("scenario {}: {error}", scenario.name)))?;
        }
    }
    if let Some(controller) = controller {
        controller.upkeep(engine);
        controller.pass_all(engine);
    }
    Ok(())
}

fn play(engine: &mut Engine, controller: Option<&mut Controller>, step: &Step) -> io::Result<()> {
    match step {
        Step::Request { method, path, .. } => {
            let document = answer(engine, step)?;
            if step.is_done_by(document.code) { Ok(()) } else { Err(refused(method, path, &document)) }
        }
        Step::WaitForRefusal { request, status } => {
            let document = answer(engine, request)?;
            if document.code == *status {
                return Ok(());
            }
            Err(io::Error::other(format!("{request:?}: {} instead of {status}", document.code)))
        }
        // CRDs are established, and APIServices dead, the moment they are stored.
        Step::WaitForCrd { .. } | Step::WaitForStale { .. } => Ok(()),
        Step::WaitForReport { namespace } => {
            if let Some(controller) = controller {
                controller.pass(engine, namespace);
            }
            Ok(())
        }
        Step::Backdate { namespace, seconds } => {
            backdate(engine, namespace, *seconds);
            Ok(())
        }
    }
}

/// Sends the request of a step.
fn answer(engine: &mut Engine, step: &Step) -> io::Result<Document> {
    let Step::Request { method, path, body, content_type } = step else {
        return Err(io::Error::other("this step is no request"));
    };
    let bytes = body.as_ref().map(|body| body.to_string().into_bytes()).unwrap_or_default();
    let mut call = Call::inside(method, path, bytes, "nsfix-scenario");
    (*content_type).clone_into(&mut call.content_type);
    match engine.serve(&call) {
        Reply::Document(document) => Ok(document),
        Reply::Watch(_) => Err(io::Error::other("a recipe cannot watch")),
    }
}

fn refused(method: &str, path: &str, document: &Document) -> io::Error {
    let body = String::from_utf8_lossy(&document.body);
    io::Error::other(format!("{method} {path}: {} {body}", document.code))
}

/// What a cluster has from the start.
fn furniture() -> Vec<Step> {
    let mut steps: Vec<_> = ["default", "kube-system", "kube-public", "kube-node-lease"]
        .into_iter()
        .map(|name| {
            Step::post(
                "/api/v1/namespaces",
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
            )
        })
        .collect();
    steps.push(Step::post("/api/v1/nodes", super::scenarios::node("sandbox-node", "True", "KubeletReady")));
    let ports = json!([{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}]);
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kubernetes", "labels": {"component": "apiserver", "provider": "kubernetes"}},
        "spec": {"clusterIP": "10.96.0.1", "ports": ports, "type": "ClusterIP"},
    });
    steps.push(Step::post("/api/v1/namespaces/default/services", service));
    steps
}

/// Moves a namespace and everything in it into the past.
fn backdate(engine: &mut Engine, namespace: &str, seconds: i64) {
    if let Some(object) = engine.store.get("namespaces", "", namespace) {
        engine.store.put("namespaces", moved(&object, seconds));
    }
    let keys: Vec<_> = engine.types.all().map(|of| of.storage_key()).collect();
    for key in keys {
        let objects: Vec<Arc<Value>> = engine.store.list(&key, namespace, None).cloned().collect();
        for object in objects.iter().filter(|object| meta::namespace(object) == namespace) {
            engine.store.put(&key, moved(object, seconds));
        }
    }
}

fn moved(object: &Value, seconds: i64) -> Value {
    let mut object = object.clone();
    let shift = |at: &mut Value| {
        let moment = at.as_str().and_then(|text| text.parse::<Timestamp>().ok());
        if let Some(earlier) =
            moment.and_then(|moment| moment.checked_sub(SignedDuration::from_secs(seconds)).ok())
        {
            *at = meta::seconds(earlier).into();
        }
    };
    for pointer in ["/metadata/creationTimestamp", "/metadata/deletionTimestamp"] {
        object.pointer_mut(pointer).map(shift);
    }
    for (list, field) in [("/metadata/managedFields", "time"), ("/status/conditions", "lastTransitionTime")] {
        for entry in object.pointer_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            entry.get_mut(field).map(shift);
        }
    }
    object
}
