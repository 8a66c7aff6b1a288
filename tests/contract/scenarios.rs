//! The scenarios: every recipe plays on a real control plane as it does on the sandbox, and looks the same there.

mod access;
mod admission;
mod apis;
mod crds;
mod finalizers;
mod held;
mod pods;

use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};

use super::controller::condition;
use crate::harness::fixtures::path;
use crate::harness::{Answer, Lab, Test};

pub fn tests() -> Vec<Test> {
    [
        access::tests(),
        admission::tests(),
        apis::tests(),
        crds::tests(),
        finalizers::tests(),
        held::tests(),
        pods::tests(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The request sets no finalizers.
fn no_finalizers() -> Value {
    json!({"metadata": {"finalizers": null}})
}

/// What the namespace controller says is wrong; waits until it says so.
async fn failing_condition(lab: &Lab, name: &str, kind: &str) -> String {
    let complains = |answer: &Answer| condition(&answer.json(), kind)["status"] == "True";
    let namespace = lab.wait_for(&path(name), complains).await.json();
    condition(&namespace, kind)["message"].as_str().unwrap_or_default().to_owned()
}

/// Nothing is wrong, the conditions say.
async fn assert_no_complaint(lab: &Lab, name: &str) {
    let namespace = lab.get(&path(name)).await.expect(200);
    let conditions = namespace["status"]["conditions"].as_array().unwrap();
    assert_eq!(conditions.len(), 5);
    for each in conditions {
        assert_eq!(each["status"], "False", "{each}");
    }
}

async fn assert_gone(lab: &Lab, name: &str) {
    lab.wait_for(&path(name), |answer| answer.status == 404).await;
}

/// Whether the object has been asked to go.
fn is_deleting(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

/// Sends a request again and again until its answer is as wanted.
async fn send_until(
    lab: &Lab,
    (method, path, body): (Method, &str, &Value),
    user: Option<&str>,
    wanted: impl Fn(&Answer) -> bool,
) -> Answer {
    let content_type =
        if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
    let mut headers = vec![("content-type", content_type), ("accept", "application/json")];
    headers.extend(user.map(|user| ("impersonate-user", user)));
    let started = Instant::now();
    loop {
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let answer = lab.request(method.clone(), path, &headers, bytes).await;
        if wanted(&answer) {
            return answer;
        }
        assert!(started.elapsed().as_secs() < 60, "{path} is never answered as wanted, but {answer:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
