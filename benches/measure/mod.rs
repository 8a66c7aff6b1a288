//! What both benchmarks measure with.

use std::path::Path;
use std::time::{Duration, Instant};

use futures::StreamExt;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use kube::Config;
use kube::client::ConfigExt;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::harness::{self, ADMIN_TOKEN, Lab, Ran};

/// Hundreds of namespaces take their time.
const LIMIT: Duration = Duration::from_secs(3600);
const METADATA: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;q=0.9";
const DISCOVERY: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;q=0.9";

pub async fn post_all(lab: &Lab, bodies: impl Iterator<Item = (String, Value)>) {
    let posts = bodies.map(|(path, body)| async move { lab.post(&path, &body).await.status });
    let statuses: Vec<u16> = futures::stream::iter(posts).buffer_unordered(16).collect().await;
    assert!(statuses.iter().all(|status| *status == 201), "{statuses:?}");
}

/// A request that stores nothing: a GET, a review or a dry run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sent {
    pub method: String,
    pub url: String,
    pub body: String,
}

impl Sent {
    pub fn is_get(&self) -> bool {
        self.method == "GET"
    }

    pub fn path(&self) -> &str {
        self.url.split('?').next().unwrap_or_default()
    }

    /// The representation that nsfix asks for, which decides how much the server sends.
    fn accept(&self) -> &'static str {
        const WHOLE: [&str; 3] = [
            "/apis/admissionregistration.k8s.io/",
            "/apis/apiregistration.k8s.io/",
            "/apis/apiextensions.k8s.io/",
        ];
        let path = self.path();
        let is_whole = !self.url.contains("limit=") || path == "/api/v1/namespaces";
        match path {
            "/api" | "/apis" => DISCOVERY,
            _ if is_whole || WHOLE.iter().any(|group| path.starts_with(group)) => "application/json",
            _ => METADATA,
        }
    }

    fn stores_nothing(&self) -> bool {
        self.is_get() || self.url.contains("dryRun=All") || self.path().ends_with("accessreviews")
    }
}

/// The requests that a run makes, from what `-vv` shows.
pub async fn requests(lab: &Lab, arguments: &[&str]) -> Vec<Sent> {
    let ran = lab.nsfix(&[arguments, &["-vv"]].concat()).run().await.expect(0);
    let mut sent: Vec<Sent> = Vec::new();
    for line in ran.stderr.lines() {
        let mut words = line.split(' ');
        match (words.next(), words.next()) {
            (Some(method @ ("GET" | "POST" | "PUT" | "PATCH" | "DELETE")), Some(url)) => {
                sent.push(Sent { method: method.to_owned(), url: url.to_owned(), body: String::new() });
            }
            _ if line.starts_with("  {") => {
                let body = &mut sent.last_mut().expect("a request before its body").body;
                line.trim().clone_into(body);
            }
            _ => {}
        }
    }
    assert!(sent.iter().all(Sent::stores_nothing), "{sent:?}");
    sent
}

pub async fn timed(lab: &Lab, arguments: &[&str]) -> Duration {
    let started = Instant::now();
    lab.nsfix(arguments).run().await.expect(0);
    started.elapsed()
}

/// The same requests from this process.
pub async fn bare_requests(lab: &Lab, requests: &[Sent]) -> Duration {
    let config = lab.config().await;
    let started = Instant::now();
    send_all(config, requests).await;
    started.elapsed()
}

/// The same requests from a process of their own: it starts, reads a kubeconfig and connects, as nsfix does.
pub async fn bare_process(lab: &Lab, requests: &[Sent]) -> Duration {
    let file = lab.dir().join("requests.json");
    std::fs::write(&file, serde_json::to_vec(requests).unwrap()).unwrap();
    let mut sender = tokio::process::Command::new(std::env::current_exe().unwrap());
    let started = Instant::now();
    let ran = sender.arg(SEND).arg(lab.kubeconfig()).arg(file).output().await.unwrap();
    let took = started.elapsed();
    assert!(ran.status.success(), "{ran:?}");
    took
}

/// What makes a benchmark that process.
const SEND: &str = "send-requests";

/// Whether this is such a process, and has sent its requests. One thread, as nsfix has.
pub fn has_sent_requests() -> bool {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [SEND, kubeconfig, file] = *arguments.iter().map(String::as_str).collect::<Vec<_>>() else {
        return false;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let requests: Vec<Sent> = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let kubeconfig = Kubeconfig::read_from(Path::new(kubeconfig)).unwrap();
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        send_all(config, &requests).await;
    });
    true
}

/// From a connection that is yet to be made, HTTP/2 as nsfix speaks it, sixteen at once, the pages of one list one after
/// another (each bears the token of the next), answers thrown away.
async fn send_all(config: Config, requests: &[Sent]) {
    let tls = config.rustls_client_config().unwrap();
    let https = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    let client = Client::builder(TokioExecutor::new())
        .http2_initial_stream_window_size(2 << 20)
        .http2_initial_connection_window_size(16 << 20)
        .build::<_, Full<Bytes>>(https.enable_all_versions().build());
    let root = config.cluster_url.to_string();
    let send = |sent: &Sent| {
        let url = format!("{}{}", root.trim_end_matches('/'), sent.url);
        let request = http::Request::builder().method(sent.method.as_str()).uri(url);
        let request = request.header("authorization", format!("Bearer {ADMIN_TOKEN}"));
        let request = match sent.method.as_str() {
            "GET" => request.header("accept", sent.accept()),
            "PATCH" => request.header("content-type", "application/merge-patch+json"),
            _ => request.header("content-type", "application/json"),
        };
        let (client, request) = (client.clone(), request.body(Full::from(sent.body.clone())).unwrap());
        async move {
            let answer = client.request(request).await.unwrap();
            answer.into_body().collect().await.unwrap();
        }
    };
    // One at first, so that the rest shares its connection; nsfix begins with one request too.
    if let Some((first, rest)) = requests.split_first() {
        send(first).await;
        let mut lists: Vec<Vec<&Sent>> = Vec::new();
        for sent in rest {
            let is_page_of = |pages: &&mut Vec<&Sent>| pages[0].is_get() && pages[0].path() == sent.path();
            match lists.iter_mut().find(is_page_of) {
                Some(pages) if sent.is_get() => pages.push(sent),
                _ => lists.push(vec![sent]),
            }
        }
        let lists = futures::stream::iter(lists).map(|pages| async {
            for page in pages {
                send(page).await;
            }
        });
        lists.buffer_unordered(16).collect::<Vec<()>>().await;
    }
}

/// Asked about deployments and the like, which is what most webhooks are for.
pub fn configuration(index: usize) -> Value {
    let rule = |resource: &str| {
        json!({"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE", "DELETE"],
            "resources": [resource], "scope": "Namespaced"})
    };
    let rules = ["deployments", "statefulsets", "daemonsets", "replicasets"].map(rule);
    let webhook = |number: usize| {
        json!({
            "name": format!("w{number}.guard-{index}.example.com"),
            "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Fail",
            "clientConfig": {"service": {"namespace": "default", "name": format!("guard-{index}"), "path": "/validate"}},
            "namespaceSelector": {"matchExpressions": [
                {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system", "guard"]},
            ]},
            "rules": rules,
        })
    };
    json!({"metadata": {"name": format!("guard-{index}")}, "webhooks": (0..3).map(webhook).collect::<Vec<_>>()})
}

/// The most memory that a run took, and its time.
pub async fn peak(lab: &Lab, arguments: &[&str]) -> String {
    watched(lab, arguments).await.0
}

/// The same, and what the run said.
pub async fn watched(lab: &Lab, arguments: &[&str]) -> (String, Ran) {
    let child = lab.nsfix(arguments).start();
    let status = format!("/proc/{}/status", child.id().unwrap_or_default());
    let watching = tokio::spawn(async move {
        let mut peak = String::new();
        while let Ok(text) = std::fs::read_to_string(&status) {
            match text.lines().find(|line| line.starts_with("VmHWM")) {
                Some(line) => peak = line.split_whitespace().skip(1).collect::<Vec<_>>().join(" "),
                None => break,
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        peak
    });
    let started = Instant::now();
    let ran = harness::ended_within(LIMIT, child).await.expect(0);
    (format!("{} at most, {:?}", watching.await.unwrap(), started.elapsed()), ran)
}

/// Without the first, which warms up.
pub fn median(took: &mut Vec<Duration>) -> Duration {
    if took.len() > 1 {
        took.remove(0);
    }
    took.sort();
    took[took.len() / 2]
}
