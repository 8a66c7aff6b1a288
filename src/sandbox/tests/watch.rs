//! Watches.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::{bare, create_namespace, open, terminating, with_spec_finalizers};
use crate::sandbox::Sandbox;

struct Lines {
    body: Incoming,
    rest: String,
}

impl Lines {
    async fn of(sandbox: &Sandbox, path: &str) -> Self {
        let response = open(sandbox, "GET", path, &[], "").await.unwrap();
        assert_eq!(response.status(), 200);
        Self { body: response.into_body(), rest: String::new() }
    }

    /// The next event; none at the end of the stream.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((line, rest)) = self.rest.split_once('\n') {
                let event = serde_json::from_str(line).unwrap();
                self.rest = rest.to_owned();
                return Some(event);
            }
            let frame = tokio::time::timeout(Duration::from_secs(5), self.body.frame()).await.unwrap()?;
            self.rest.push_str(std::str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap());
        }
    }

    async fn kind_and_name(&mut self) -> (String, String) {
        let event = self.next().await.unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&event["type"]), text(&event["object"]["metadata"]["name"]))
    }
}

fn pair(kind: &str, name: &str) -> (String, String) {
    (kind.to_owned(), name.to_owned())
}

#[tokio::test]
async fn a_watch_from_a_revision_tells_what_came_after() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let version =
        api.get("/api/v1/namespaces").unwrap()["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    create_namespace(&api, "a");
    let mut lines =
        Lines::of(&sandbox, &format!("/api/v1/namespaces?watch=true&resourceVersion={version}")).await;
    assert_eq!(lines.kind_and_name().await, pair("ADDED", "a"));
    api.patch("/api/v1/namespaces/a", &json!({"metadata": {"labels": {"x": "y"}}})).unwrap();
    assert_eq!(lines.kind_and_name().await, pair("MODIFIED", "a"));
}

#[tokio::test]
async fn a_namespace_that_is_finalized_is_seen_to_go_as_it_was_before() {
    let sandbox = bare().await;
    let api = sandbox.api();
    let old = terminating(&api, "a");
    let version = old["metadata"]["resourceVersion"].as_str().unwrap();
    let mut lines =
        Lines::of(&sandbox, &format!("/api/v1/namespaces?watch=1&resourceVersion={version}")).await;
    api.update("/api/v1/namespaces/a/finalize", &with_spec_finalizers(&old, &[])).unwrap();
    let event = lines.next().await.unwrap();
    assert_eq!(event["type"], "DELETED");
    assert_eq!(event["object"]["spec"]["finalizers"], json!(["kubernetes"]));
    assert_ne!(event["object"]["metadata"]["resourceVersion"], old["metadata"]["resourceVersion"]);
}

#[tokio::test]
async fn a_watch_of_terminating_ones_sees_them_come_and_go() {
    let sandbox = bare().await;
    let api = sandbox.api();
    create_namespace(&api, "a");
    let mut lines =
        Lines::of(&sandbox, "/api/v1/namespaces?watch=true&fieldSelector=status.phase%3DTerminating").await;
    let old = api.delete("/api/v1/namespaces/a").unwrap();
    assert_eq!(lines.kind_and_name().await, pair("ADDED", "a"));
    api.update("/api/v1/namespaces/a/finalize", &with_spec_finalizers(&old, &[])).unwrap();
    assert_eq!(lines.kind_and_name().await, pair("DELETED", "a"));
}

#[tokio::test]
async fn a_watch_without_a_revision_begins_with_everything_and_may_mark_the_end() {
    let sandbox = bare().await;
    let mut lines =
        Lines::of(&sandbox, "/api/v1/nodes?watch=true&sendInitialEvents=true&allowWatchBookmarks=true").await;
    assert_eq!(lines.kind_and_name().await, pair("ADDED", "sandbox-node"));
    let mark = lines.next().await.unwrap();
    assert_eq!(mark["type"], "BOOKMARK");
    assert_eq!(mark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
}

#[tokio::test]
async fn a_watch_ends_when_its_time_is_over() {
    let sandbox = bare().await;
    let version = sandbox.api().get("/api/v1/pods").unwrap()["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/v1/pods?watch=true&timeoutSeconds=1&resourceVersion={version}");
    assert_eq!(Lines::of(&sandbox, &path).await.next().await, None);
}
