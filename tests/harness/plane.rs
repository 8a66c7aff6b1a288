//! A real control plane: etcd, kube-apiserver and, where present, kube-controller-manager, found where
//! envtest looks for them.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::supervised::Supervised;

const START_LIMIT: Duration = Duration::from_secs(60);
/// A port that was free a moment ago may be taken by now.
const TRIES: usize = 3;

/// The controllers whose work the tests look at.
const CONTROLLERS: &str = "namespace-controller,garbage-collector-controller,serviceaccount-controller,\
    persistentvolumeclaim-protection-controller";

/// Those that run the Jobs of CronJobs besides, and give their pods a token and an authority.
const WORKLOAD_CONTROLLERS: &str = "cronjob-controller,job-controller,ttl-after-finished-controller,root-ca-certificate-publisher-controller";

/// The token of a member of system:masters.
pub const ADMIN_TOKEN: &str = "admin-token";
/// The token of a user `alice`, whom nobody has allowed anything.
pub const ALICE_TOKEN: &str = "alice-token";

/// Who did what, of service accounts alone: nobody but the tests has one here.
const AUDIT_POLICY: &str = r#"
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
- level: Metadata
  omitManagedFields: true
  userGroups: ["system:serviceaccounts"]
- level: None
"#;

/// A control plane that is started when the first test needs it.
#[derive(Clone)]
pub struct ControlPlane {
    binaries: PathBuf,
    wants_controller: bool,
    runs_jobs: bool,
    api_server_flags: Vec<String>,
    // An error is kept: what did not start once is not tried again by every test.
    running: Arc<Mutex<Option<Result<Running, String>>>>,
}

/// How to reach it.
#[derive(Clone)]
pub struct Address {
    pub url: String,
    /// PEM.
    pub ca: PathBuf,
    /// The audit log, of service accounts alone.
    pub audit: PathBuf,
    pub has_controller: bool,
    /// Its etcd, for what no request can bring about.
    pub etcd: String,
}

struct Running {
    address: Address,
    // Stopped in this order: an API server whose etcd is gone takes minutes to end.
    controller_manager: Option<Supervised>,
    api_server: Supervised,
    etcd: Supervised,
    _dir: tempfile::TempDir,
}

impl ControlPlane {
    /// Looks for the binaries, by envtest's convention.
    pub fn find() -> Option<Self> {
        let named =
            std::env::var_os("KUBEBUILDER_ASSETS").filter(|value| !value.is_empty()).map(PathBuf::from);
        let binaries = named.unwrap_or_else(|| PathBuf::from("/usr/local/kubebuilder/bin"));
        let present = ["etcd", "kube-apiserver"].iter().all(|name| binaries.join(name).is_file());
        present.then(|| Self::in_dir(binaries))
    }

    /// One that shares nothing with this one.
    pub fn another(&self) -> Self {
        Self::in_dir(self.binaries.clone())
    }

    /// Another one on which nobody ends a namespace that is being deleted.
    pub fn without_controller(&self) -> Self {
        Self { wants_controller: false, ..self.another() }
    }

    /// Another one that runs CronJobs and Jobs, up to the point where a kubelet takes over.
    pub fn with_jobs(&self) -> Self {
        Self { runs_jobs: true, ..self.another() }
    }

    /// Another one whose API server has these flags besides.
    #[allow(dead_code)] // not the benchmark's
    pub fn with_api_server_flags(&self, flags: Vec<String>) -> Self {
        Self { api_server_flags: flags, ..self.another() }
    }

    /// Whether it comes with a kube-controller-manager; envtest's bundle does not.
    pub fn has_controller(&self) -> bool {
        self.wants_controller && self.binaries.join("kube-controller-manager").is_file()
    }

    fn in_dir(binaries: PathBuf) -> Self {
        Self {
            binaries,
            wants_controller: true,
            runs_jobs: false,
            api_server_flags: Vec::new(),
            running: Arc::new(Mutex::new(None)),
        }
    }

    /// Where it is; starts it if it does not run yet. Blocks until it is ready.
    pub fn address(&self) -> Address {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match running.get_or_insert_with(|| self.start()) {
            Ok(running) => running.address.clone(),
            Err(log) => panic!("the control plane does not start: {log}"),
        }
    }

    /// Stops it, and removes what it left on disk.
    pub fn stop(&self) {
        if let Some(Ok(mut running)) = self.running.lock().unwrap_or_else(PoisonError::into_inner).take() {
            running.controller_manager.iter_mut().for_each(Supervised::stop);
            running.api_server.stop();
            running.etcd.stop();
        }
    }

    fn start(&self) -> Result<Running, String> {
        let mut started = self.try_start();
        for _ in 1..TRIES {
            if started.is_err() {
                started = self.try_start();
            }
        }
        started
    }

    /// The error is the log of the process that did not come up.
    fn try_start(&self) -> Result<Running, String> {
        let dir = tempfile::Builder::new().prefix("nsfix-control-plane-").tempdir().expect("a directory");
        let path = dir.path();
        let [client, peer, secure] = free_ports();
        let client_url = format!("http://127.0.0.1:{client}");
        let mut etcd = self.spawn(path, "etcd", &etcd_flags(path, &client_url, peer));
        wait_for(&mut etcd, || answers(client, "/readyz"))?;
        let key = rcgen::KeyPair::generate().expect("a key");
        std::fs::write(path.join("sa.key"), key.serialize_pem()).expect("a key");
        std::fs::write(path.join("sa.pub"), key.public_key_pem()).expect("a key");
        let tokens = format!("{ADMIN_TOKEN},admin,admin,system:masters\n{ALICE_TOKEN},alice,alice\n");
        std::fs::write(path.join("tokens.csv"), tokens).expect("tokens");
        std::fs::write(path.join("audit-policy.yaml"), AUDIT_POLICY).expect("an audit policy");
        let url = format!("https://127.0.0.1:{secure}");
        let mut api_server = {
            let mut flags = api_server_flags(path, &client_url, secure);
            if !self.runs_jobs {
                // Pods in tests need no service account token.
                flags.push("--disable-admission-plugins=ServiceAccount".to_owned());
            }
            flags.extend(self.api_server_flags.iter().cloned());
            self.spawn(path, "kube-apiserver", &flags)
        };
        let ca = path.join("certs/apiserver.crt");
        wait_for(&mut api_server, || ca.is_file() && super::lab::is_ready(&url, &ca))?;
        let has_controller = self.has_controller();
        let controller_manager = has_controller.then(|| {
            let kubeconfig = path.join("kubeconfig");
            std::fs::write(&kubeconfig, super::kubeconfig::kubeconfig(&url, Some(&ca), ADMIN_TOKEN))
                .expect("a kubeconfig");
            let more = if self.runs_jobs { [",", WORKLOAD_CONTROLLERS].concat() } else { String::new() };
            self.spawn(path, "kube-controller-manager", &controller_manager_flags(path, &ca, &more))
        });
        let audit = path.join("audit.log");
        let address = Address { url, ca, audit, has_controller, etcd: client_url };
        Ok(Running { address, controller_manager, api_server, etcd, _dir: dir })
    }

    fn spawn(&self, dir: &Path, name: &str, flags: &[String]) -> Supervised {
        let log = dir.join(format!("{name}.log"));
        Supervised::start(&self.binaries.join(name), flags, &log).expect("sh starts")
    }
}

fn etcd_flags(dir: &Path, client_url: &str, peer: u16) -> Vec<String> {
    let peer_url = format!("http://127.0.0.1:{peer}");
    vec![
        format!("--data-dir={}", dir.join("etcd").display()),
        format!("--listen-client-urls={client_url}"),
        format!("--advertise-client-urls={client_url}"),
        format!("--listen-peer-urls={peer_url}"),
        format!("--initial-advertise-peer-urls={peer_url}"),
        format!("--initial-cluster=default={peer_url}"),
        "--unsafe-no-fsync".to_owned(),
    ]
}

fn api_server_flags(dir: &Path, etcd: &str, port: u16) -> Vec<String> {
    vec![
        format!("--etcd-servers={etcd}"),
        "--bind-address=127.0.0.1".to_owned(),
        "--advertise-address=127.0.0.1".to_owned(),
        format!("--secure-port={port}"),
        format!("--cert-dir={}", dir.join("certs").display()),
        "--endpoint-reconciler-type=none".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-key-file={}", dir.join("sa.pub").display()),
        format!("--service-account-signing-key-file={}", dir.join("sa.key").display()),
        "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
        "--authorization-mode=RBAC".to_owned(),
        format!("--token-auth-file={}", dir.join("tokens.csv").display()),
        "--allow-privileged=true".to_owned(),
        format!("--audit-policy-file={}", dir.join("audit-policy.yaml").display()),
        format!("--audit-log-path={}", dir.join("audit.log").display()),
        // A request is in the log before its answer is complete.
        "--audit-log-mode=blocking".to_owned(),
    ]
}

fn controller_manager_flags(dir: &Path, ca: &Path, more: &str) -> Vec<String> {
    vec![
        format!("--kubeconfig={}", dir.join("kubeconfig").display()),
        "--leader-elect=true".to_owned(),
        "--secure-port=0".to_owned(),
        format!("--service-account-private-key-file={}", dir.join("sa.key").display()),
        format!("--root-ca-file={}", ca.display()),
        format!("--controllers={CONTROLLERS}{more}"),
    ]
}

fn wait_for(process: &mut Supervised, ready: impl Fn() -> bool) -> Result<(), String> {
    let started = Instant::now();
    while started.elapsed() < START_LIMIT {
        if ready() {
            return Ok(());
        }
        if process.has_ended() {
            break;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    Err(process.log())
}

fn answers(port: u16, path: &str) -> bool {
    use std::io::{Read, Write};
    let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) else { return false };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
    let mut answer = String::new();
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.split(' ').nth(1) == Some("200")
}

fn free_ports<const N: usize>() -> [u16; N] {
    // All of them are held at once, so that they differ.
    let listeners: [TcpListener; N] =
        std::array::from_fn(|_| TcpListener::bind(("127.0.0.1", 0)).expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("an address").port())
}
