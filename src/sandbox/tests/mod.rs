//! What the sandbox does, as sentences. The contract suite says the same of a real control plane.

mod access;
mod admission;
mod content;
mod controller;
mod discovery;
mod faults;
mod listing;
mod namespaces;
mod parts;
mod release;
mod scenarios;
mod watch;

use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::{Api, ControllerOptions, Options, Sandbox};

const METADATA_LIST: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;q=0.9";

/// A sandbox in which no controller runs.
async fn bare() -> Sandbox {
    Sandbox::start(Options { controller: None, ..Options::empty() }).await.unwrap()
}

/// A sandbox whose controller is in a hurry.
async fn managed() -> Sandbox {
    let delay = Duration::from_millis(20);
    let controller = Some(ControllerOptions { delay, ..ControllerOptions::default() });
    Sandbox::start(Options { controller, ..Options::empty() }).await.unwrap()
}

async fn with_scenario(name: &str) -> Sandbox {
    Sandbox::start(Options::with(super::scenarios::find(name).unwrap())).await.unwrap()
}

/// An answer over HTTP.
struct Answer {
    code: u16,
    headers: http::HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

/// Sends a request and gives back the answer before its body.
async fn open(
    sandbox: &Sandbox,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> hyper::Result<hyper::Response<Incoming>> {
    let address = sandbox.url().replace("http://", "");
    let stream = TcpStream::connect(&address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut request = hyper::Request::builder().method(method).uri(path).header("Host", address);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    sender.send_request(request.body(Full::new(Bytes::from(body.to_owned()))).unwrap()).await
}

async fn http(sandbox: &Sandbox, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let response = open(sandbox, method, path, headers, body).await.unwrap();
    let (code, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    Answer { code, headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
}

async fn get(sandbox: &Sandbox, path: &str) -> Answer {
    http(sandbox, "GET", path, &[], "").await
}

/// Waits until something is so; the controller is given five seconds.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(5), "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until the controllers have been through everything: whatever was there before has had its turn when a
/// namespace that is made and deleted now is gone, and a claim in it too.
async fn a_pass_of_the_controllers(api: &Api) {
    create_namespace(api, "pass");
    api.create(
        "/api/v1/namespaces/pass/persistentvolumeclaims",
        &json!({"metadata": {"name": "c"}, "spec": {}}),
    )
    .unwrap();
    api.delete("/api/v1/namespaces/pass").unwrap();
    until("a pass of the controllers", || !exists(api, "/api/v1/namespaces/pass")).await;
}

fn create_namespace(api: &Api, name: &str) -> Value {
    api.create("/api/v1/namespaces", &json!({"metadata": {"name": name}})).unwrap()
}

/// A namespace that was deleted, and as no controller runs, stays.
fn terminating(api: &Api, name: &str) -> Value {
    create_namespace(api, name);
    api.delete(&format!("/api/v1/namespaces/{name}")).unwrap()
}

fn create_configmap(api: &Api, namespace: &str, name: &str, finalizers: &[&str]) -> Value {
    let body = json!({"metadata": {"name": name, "finalizers": finalizers}, "data": {"a": "b"}});
    api.create(&format!("/api/v1/namespaces/{namespace}/configmaps"), &body).unwrap()
}

fn exists(api: &Api, path: &str) -> bool {
    api.get(path).is_ok()
}

/// The namespace with other spec finalizers, as a PUT to /finalize wants it.
fn with_spec_finalizers(namespace: &Value, finalizers: &[&str]) -> Value {
    let mut namespace = namespace.clone();
    namespace["spec"]["finalizers"] = json!(finalizers);
    namespace
}

/// A CRD with the versions named, the first of which is stored.
fn crd(plural: &str, kind: &str, versions: &[&str]) -> Value {
    let version = |name: &&str| json!({"name": name, "served": true, "storage": *name == versions[0], "schema": {"openAPIV3Schema": {"type": "object"}}});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.example.com")},
        "spec": {
            "group": "example.com",
            "names": {"plural": plural, "kind": kind},
            "scope": "Namespaced",
            "versions": versions.iter().map(version).collect::<Vec<_>>(),
        },
    })
}

const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
