//! The clean overlay, installed on a control plane that runs CronJobs and Jobs, and its runs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::admission::apply;
use super::documents::render;
use super::{manifests, root, text};
use crate::harness::fixtures::path;
use crate::harness::{Kubelet, Lab};

pub(super) const JOBS: &str = "/apis/batch/v1/namespaces/nsfix/jobs";
const CRONJOBS: &str = "/apis/batch/v1/namespaces/nsfix/cronjobs";

/// A Job of the tests.
const LONGEST: Duration = Duration::from_secs(200);

pub(super) struct Installed {
    pub lab: Arc<Lab>,
    pub kubelet: Kubelet,
}

/// How a Job ended: the type of its condition, and the reason of a failure (older servers give no other).
#[derive(Debug, PartialEq)]
pub(super) struct Ended {
    pub condition: String,
    pub reason: String,
}

impl Installed {
    /// Applies the overlay with this policy, and the role for releases as docs/cronjob.md says.
    pub async fn new(lab: Lab, policy: &str) -> Self {
        let lab = Arc::new(lab);
        let mut objects = overlay().await;
        objects.extend(manifests().into_iter().map(|(_, object)| object).filter(is_for_releases));
        objects.sort_by_key(|object| text(object, "/kind") != "Namespace");
        for mut object in objects {
            match (text(&object, "/kind"), text(&object, "/metadata/name")) {
                ("ConfigMap", "nsfix-policy") => object["data"]["policy.yaml"] = json!(policy),
                ("CronJob", name) => {
                    let pod = "/spec/jobTemplate/spec/template/spec/containers/0";
                    let is_clean = name == "nsfix-clean";
                    let container = object.pointer_mut(pod).unwrap();
                    // What is stuck in a test was deleted a moment ago, and nobody waits for minutes.
                    container["env"] = json!([{"name": "NSFIX_PATIENCE", "value": "0s"}]);
                    if is_clean {
                        container["args"].as_array_mut().unwrap().push(json!("--timeout=15s"));
                    }
                }
                _ => {}
            }
            let applied = apply(&lab, &object).await;
            assert!(applied.status < 300, "{object}: {}", applied.text);
        }
        let binding = json!({
            "metadata": {"name": "nsfix-clean-release"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "nsfix-release"},
            "subjects": [{"kind": "ServiceAccount", "name": "nsfix-clean", "namespace": "nsfix"}],
        });
        lab.post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", &binding).await.expect(201);
        let kubelet = Kubelet::start(&lab, "nsfix");
        Self { lab, kubelet }
    }

    /// As `kubectl create job --from=cronjob/nsfix-clean`, with its spec changed.
    pub async fn create_job(&self, name: &str, change: impl Fn(&mut Value)) {
        self.create_job_from("nsfix-clean", name, change).await;
    }

    /// The same from either CronJob.
    pub async fn create_job_from(&self, cronjob: &str, name: &str, change: impl Fn(&mut Value)) {
        let cronjob = self.lab.get(&format!("{CRONJOBS}/{cronjob}")).await.expect(200);
        let template = &cronjob["spec"]["jobTemplate"];
        let mut spec = template["spec"].clone();
        change(&mut spec);
        let job = json!({
            "metadata": {
                "name": name, "labels": template["metadata"]["labels"],
                "annotations": {"cronjob.kubernetes.io/instantiate": "manual"},
                "ownerReferences": [{
                    "apiVersion": "batch/v1", "kind": "CronJob", "controller": true,
                    "name": cronjob["metadata"]["name"], "uid": cronjob["metadata"]["uid"],
                }],
            },
            "spec": spec,
        });
        self.lab.post(JOBS, &job).await.expect(201);
    }

    /// Waits for the end of a Job.
    pub async fn ended(&self, job: &str) -> Ended {
        let started = Instant::now();
        loop {
            let found = self.lab.get(&format!("{JOBS}/{job}")).await.expect(200);
            if let Some(ended) = end_of(&found) {
                return ended;
            }
            if started.elapsed() > LONGEST {
                let pods = self.pods(job).await;
                let logs: Vec<String> =
                    pods.iter().map(|pod| self.kubelet.log(text(pod, "/metadata/name"))).collect();
                panic!("{:#} has not ended: {}", found["status"], logs.concat());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Runs a Job to its end, and returns its only pod.
    pub async fn night(&self, job: &str) -> (Ended, Value) {
        self.create_job(job, |_| {}).await;
        let ended = self.ended(job).await;
        let [pod] = self.pods(job).await.try_into().unwrap();
        (ended, pod)
    }

    /// The pods of a Job, the oldest first.
    pub async fn pods(&self, job: &str) -> Vec<Value> {
        let selector = format!("/api/v1/namespaces/nsfix/pods?labelSelector=job-name%3D{job}");
        let mut pods = self.lab.get(&selector).await.expect(200)["items"].as_array().unwrap().clone();
        pods.sort_by_key(|pod| text(pod, "/metadata/creationTimestamp").to_owned());
        pods
    }

    pub async fn patch_cronjob(&self, name: &str, rest: &str, patch: &Value) {
        self.lab.patch(&format!("{CRONJOBS}/{name}{rest}"), patch).await.expect(200);
    }

    /// What stands in the journal on the backup volume.
    pub fn journal(&self) -> Vec<Value> {
        let path = self.kubelet.volume("nsfix-backups").join("journal.jsonl");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
    }

    /// The lines about a namespace in the log of a pod, each of which is one JSON object.
    pub fn log(&self, pod: &str) -> Vec<Value> {
        let text = self.kubelet.log(pod);
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line} in {text}")))
            .collect()
    }

    /// The scenarios that this server can be played, and whether they keep the namespaces of others.
    pub fn scenarios(&self, is_blocking: bool) -> impl Iterator<Item = &'static str> + Send + use<> {
        let all = self.lab.playable().filter(move |each| each.blocks_cluster == is_blocking);
        all.map(|each| each.name).filter(|name| *name != "active")
    }

    pub async fn is_there(&self, namespace: &str) -> bool {
        self.lab.get(&path(namespace)).await.status == 200
    }
}

/// The clean overlay as kustomize renders it; without kubectl as it stands in the files, where it lacks its patches.
async fn overlay() -> Vec<Value> {
    if std::process::Command::new("kubectl").arg("--help").output().is_ok() {
        return render(&root().join("overlays/clean")).await;
    }
    let by_hand = |file: &std::path::Path| file.components().any(|part| part.as_os_str() == "by-hand");
    manifests().into_iter().filter(|(file, _)| !by_hand(file)).map(|(_, object)| object).collect()
}

fn is_for_releases(object: &Value) -> bool {
    text(object, "/metadata/name") == "nsfix-release"
}

fn end_of(job: &Value) -> Option<Ended> {
    let conditions = job["status"]["conditions"].as_array()?;
    let over = |condition: &&Value| {
        ["Complete", "Failed"].contains(&text(condition, "/type")) && condition["status"] == "True"
    };
    let condition = conditions.iter().find(over)?;
    let has_failed = text(condition, "/type") == "Failed";
    let reason = if has_failed { text(condition, "/reason") } else { "" };
    Some(Ended { condition: text(condition, "/type").to_owned(), reason: reason.to_owned() })
}

/// The code that a pod's container ended with.
pub(super) fn exit_code(pod: &Value) -> Option<i64> {
    pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"].as_i64()
}

pub(super) fn termination_message(pod: &Value) -> &str {
    text(pod, "/status/containerStatuses/0/state/terminated/message")
}
