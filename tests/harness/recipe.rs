//! Playing the recipes of the sandbox's scenarios on any API.

use std::time::{Duration, Instant};

use http::Method;
use nsfix::sandbox::{Step, scenarios};

use super::Answer;
use super::lab::{AGGREGATED, Lab, PATIENCE};
use super::versions::AGGREGATED_DISCOVERY;

impl Lab {
    /// Plays a scenario's recipe, step by step, and returns the namespace it is about.
    pub async fn play(&self, name: &str) -> &'static str {
        let scenario = scenarios::find(name).unwrap_or_else(|| panic!("no scenario {name}"));
        for step in (scenario.steps)() {
            self.play_step(&step).await;
        }
        scenario.namespaces[0]
    }

    /// The same with a name of the test's own for the namespace (and whatever is named after it), so that several
    /// tests can play one scenario on one control plane.
    pub async fn play_apart(&self, name: &str) -> String {
        let scenario = scenarios::find(name).unwrap_or_else(|| panic!("no scenario {name}"));
        let unique = Self::unique(name);
        for mut step in (scenario.steps)() {
            rename(&mut step, name, &unique);
            self.play_step(&step).await;
        }
        unique
    }

    /// Plays one step of a recipe.
    pub async fn play_step(&self, step: &Step) {
        match step {
            Step::Request { .. } => self.repeat(step, |status| step.is_done_by(status)).await,
            Step::WaitForRefusal { request, status } => self.repeat(request, |each| each == *status).await,
            Step::WaitForStale { group, version } if !self.since(AGGREGATED_DISCOVERY) => {
                self.wait_for(&format!("/apis/{group}/{version}"), |answer| answer.status == 503).await;
            }
            Step::WaitForStale { group, version } => {
                let stale = |answer: &Answer| {
                    let groups = answer.json()["items"].as_array().cloned().unwrap_or_default();
                    let group = groups.into_iter().find(|each| each["metadata"]["name"] == **group);
                    let versions = group.and_then(|group| group["versions"].as_array().cloned());
                    versions
                        .into_iter()
                        .flatten()
                        .any(|each| each["version"] == **version && each["freshness"] == "Stale")
                };
                self.wait_for_as(AGGREGATED, "/apis", stale).await;
            }
            Step::WaitForCrd { name } => {
                let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}");
                let established = |answer: &Answer| {
                    let conditions =
                        answer.json()["status"]["conditions"].as_array().cloned().unwrap_or_default();
                    conditions.iter().any(|each| each["type"] == "Established" && each["status"] == "True")
                };
                self.wait_for(&path, established).await;
            }
            Step::WaitForReport { namespace } if self.has_controller => {
                let path = format!("/api/v1/namespaces/{namespace}");
                self.wait_for(&path, |answer| answer.json()["status"]["conditions"].is_array()).await;
            }
            Step::WaitForReport { .. } | Step::Backdate { .. } => {}
        }
    }

    /// Sends the request of a step until the status is as wanted: a CRD is served, and a webhook or a policy in force,
    /// a moment after it is stored.
    async fn repeat(&self, step: &Step, wanted: impl Fn(u16) -> bool) {
        let Step::Request { method, path, body, content_type } = step else { panic!("{step:?}") };
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let body = body.as_ref().map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let headers = [("content-type", *content_type), ("accept", "application/json")];
        let started = Instant::now();
        loop {
            let answer = self.request(method.clone(), path, &headers, body.clone()).await;
            if wanted(answer.status) {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "{method} {path}: {answer:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Puts another name in the place of this one: in paths, and where it begins a text in a body.
fn rename(step: &mut Step, from: &str, to: &str) {
    match step {
        Step::Request { path, body, .. } => {
            *path = path.replace(&format!("/{from}"), &format!("/{to}"));
            if let Some(body) = body {
                let text = body.to_string().replace(&format!("\"{from}"), &format!("\"{to}"));
                *body = serde_json::from_str(&text).expect("JSON");
            }
        }
        Step::WaitForRefusal { request, .. } => rename(request, from, to),
        Step::WaitForReport { namespace } | Step::Backdate { namespace, .. } => to.clone_into(namespace),
        Step::WaitForCrd { .. } | Step::WaitForStale { .. } => {}
    }
}
