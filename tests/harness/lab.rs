//! One API under test, and raw requests to it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use http::{Method, Request, header};
use http_body_util::BodyExt;
use kube::client::Body;
use kube::{Client, Config};
use nsfix::sandbox::{Options, Sandbox};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::command::Nsfix;
use super::kubeconfig::{client, config, kubeconfig};
use super::plane::{ADMIN_TOKEN, ALICE_TOKEN, Address, ControlPlane};
use super::versions::minor;

/// Long enough for a loaded machine, and for client-go, which asks ten times for a list whose cache does not fill; a test that
/// needs it all has failed.
pub(super) const PATIENCE: Duration = Duration::from_secs(180);

/// What a client that knows aggregated discovery accepts.
pub const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// The API that a test talks to. Dropping it stops a sandbox.
pub struct Lab {
    /// Set where the API is the sandbox.
    pub sandbox: Option<Sandbox>,
    /// Whether a namespace controller runs.
    pub has_controller: bool,
    /// The minor version of a control plane, or that the sandbox plays.
    pub(super) minor: u32,
    /// Another build to run than this one, to compare them.
    pub program: Option<String>,
    client: Client,
    kubeconfig: PathBuf,
    url: String,
    ca: Option<PathBuf>,
    /// The audit log of a control plane.
    audit: Option<PathBuf>,
    /// The URL of a control plane's etcd.
    etcd: Option<String>,
    dir: tempfile::TempDir,
}

/// What the API answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub retry_after: Option<String>,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The answer's JSON, if the status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    /// `message` of a Status.
    pub fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_default().to_owned()
    }
}

impl Lab {
    /// A fresh sandbox.
    pub async fn sandbox(options: Options) -> Self {
        let (has_controller, release) = (options.controller.is_some(), options.release);
        let sandbox = Sandbox::start(options).await.expect("the sandbox starts");
        let mut lab = Self::new(&sandbox.url(), None, has_controller).await;
        lab.sandbox = Some(sandbox);
        lab.minor = release.minor();
        lab
    }

    /// A control plane; started now if it does not run yet.
    pub async fn real(plane: ControlPlane) -> Self {
        let address: Address =
            tokio::task::spawn_blocking(move || plane.address()).await.expect("a control plane");
        let mut lab = Self::new(&address.url, Some(address.ca), address.has_controller).await;
        lab.audit = Some(address.audit);
        lab.etcd = Some(address.etcd);
        lab.minor = minor(&lab.get("/version").await);
        lab
    }

    /// A server that is there already.
    pub async fn new(url: &str, ca: Option<PathBuf>, has_controller: bool) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let text = kubeconfig(url, ca.as_deref(), ADMIN_TOKEN);
        let path = dir.path().join("kubeconfig");
        std::fs::write(&path, &text).expect("a kubeconfig");
        let client = client(&text).await;
        let (sandbox, audit, etcd, program, url) = (None, None, None, None, url.to_owned());
        let minor = 0;
        Self { sandbox, has_controller, minor, program, client, kubeconfig: path, url, ca, audit, etcd, dir }
    }

    /// A name that no other test uses.
    pub fn unique(name: &str) -> String {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let pid = std::process::id();
        format!("{name}-{pid:x}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
    }

    /// The sandbox, in tests that run there alone.
    pub fn the_sandbox(&self) -> &Sandbox {
        self.sandbox.as_ref().expect("this test runs on the sandbox")
    }

    /// The requests that reached the sandbox from the binary, as method and path.
    pub fn requests_of_nsfix(&self) -> Vec<String> {
        let requests = self.the_sandbox().requests().into_iter();
        let of_nsfix = requests.filter(|request| request.user_agent.starts_with("nsfix/"));
        of_nsfix.map(|request| format!("{} {}", request.method, request.path_and_query)).collect()
    }

    /// Those of them that store something: an access review or a dry run does not.
    pub fn writes(&self) -> Vec<String> {
        let reads = ["GET ", "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews"];
        let mut requests = self.requests_of_nsfix();
        requests.retain(|request| {
            !reads.iter().any(|read| request.starts_with(read)) && !request.contains("dryRun=All")
        });
        requests
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The configuration of the administrator's connection, for the benchmark.
    #[allow(dead_code)]
    pub async fn config(&self) -> Config {
        config(&std::fs::read_to_string(&self.kubeconfig).expect("a kubeconfig")).await
    }

    /// The kubeconfig of the administrator.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// A kubeconfig of `alice`, whom nobody has allowed anything unless a test does.
    pub fn kubeconfig_of_alice(&self) -> PathBuf {
        self.kubeconfig_of("alice", ALICE_TOKEN)
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The certificate of a control plane's authority.
    pub fn ca(&self) -> &Path {
        self.ca.as_deref().expect("a control plane")
    }

    /// The audit log of a control plane, so far.
    pub fn audit_log(&self) -> String {
        let path = self.audit.as_ref().expect("a control plane");
        std::fs::read_to_string(path).unwrap_or_default()
    }

    /// Puts a value under a key of the control plane's etcd, past the API server.
    #[allow(dead_code)] // not the benchmark's
    pub async fn put_into_etcd(&self, key: &str, value: &str) {
        let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        self.ask_etcd("put", &serde_json::json!({"key": encode(key), "value": encode(value)})).await;
    }

    /// Removes a key from the control plane's etcd, past the API server.
    #[allow(dead_code)] // not the benchmark's
    pub async fn delete_from_etcd(&self, key: &str) {
        let key = base64::engine::general_purpose::STANDARD.encode(key);
        self.ask_etcd("deleterange", &serde_json::json!({"key": key})).await;
    }

    async fn ask_etcd(&self, what: &str, body: &Value) {
        let url = self.etcd.as_deref().expect("a control plane");
        let host = url.trim_start_matches("http://");
        let mut stream = tokio::net::TcpStream::connect(host).await.expect("etcd");
        let body = body.to_string();
        let request = format!(
            "POST /v3/kv/{what} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.expect("etcd takes it");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("etcd answers");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// A kubeconfig of whoever has this token, at a place of its own.
    pub fn kubeconfig_of(&self, name: &str, token: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, kubeconfig(&self.url, self.ca.as_deref(), token)).expect("a kubeconfig");
        path
    }

    /// The built binary, talking to this API.
    pub fn nsfix(&self, arguments: &[&str]) -> Nsfix {
        let nsfix = self
            .program
            .as_deref()
            .map_or_else(|| Nsfix::new(arguments), |other| Nsfix::other(other, arguments));
        nsfix.env("KUBECONFIG", &self.kubeconfig).env("XDG_STATE_HOME", self.dir.path().join("state"))
    }

    /// Sends a request with headers of the test's own.
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).expect("a request");
        let (head, body) = self.client.send(request).await.expect("an answer").into_parts();
        let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Answer {
            status: head.status.as_u16(),
            content_type: header(header::CONTENT_TYPE).unwrap_or_default(),
            retry_after: header(header::RETRY_AFTER),
            text: String::from_utf8(body.collect().await.expect("a body").to_bytes().to_vec())
                .expect("UTF-8"),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path, &[("accept", "application/json")], Vec::new()).await
    }

    pub async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        let content_type = match method {
            Method::PATCH => "application/merge-patch+json",
            _ => "application/json",
        };
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.request(method, path, &[("content-type", content_type), ("accept", "application/json")], body)
            .await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, body).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, body).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, body).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, &Value::Null).await
    }

    /// GETs until the answer is as wanted, and returns it.
    pub async fn wait_for(&self, path: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
        self.wait_for_as("application/json", path, wanted).await
    }

    /// The same for another form of the document.
    pub async fn wait_for_as(&self, accept: &str, path: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
        let started = Instant::now();
        loop {
            let answer = self.request(Method::GET, path, &[("accept", accept)], Vec::new()).await;
            if wanted(&answer) {
                return answer;
            }
            assert!(started.elapsed() < PATIENCE, "{path} never became as wanted; it is {answer:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Whether an API server says that it is ready.
pub fn is_ready(url: &str, ca: &Path) -> bool {
    let text = kubeconfig(url, Some(ca), ADMIN_TOKEN);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    // On a thread of its own: the caller may be inside another runtime.
    std::thread::scope(|scope| {
        let asking = scope.spawn(move || {
            runtime.block_on(async {
                let request = Request::get("/readyz").body(Body::empty()).expect("a request");
                let asked = tokio::time::timeout(Duration::from_secs(2), async {
                    client(&text).await.send(request).await
                });
                matches!(asked.await, Ok(Ok(answer)) if answer.status() == 200)
            })
        });
        asking.join().unwrap_or(false)
    })
}
