//! What stands in for scheduler and kubelet: starts the process of a pod's container as the pod says, and tells the API
//! server what becomes of it. The container's image is the built nsfix.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::lab::Lab;

const BINARY: &str = env!("CARGO_BIN_EXE_nsfix");
const NODE: &str = "stand-in";
const ROOT_CA: &str = "kube-root-ca.crt";
const LOOK: Duration = Duration::from_millis(50);

/// A root file system of its own that nobody may write to: the binary, the libraries that it is linked with, and what the
/// pod mounts (as `SOURCE:TARGET`, up to `--`).
const LIKE_A_CONTAINER: &str = r#"
root=$1 binary=$2; shift 2
mount -t tmpfs tmpfs "$root"
for name in usr lib lib64; do
  if [ -L "/$name" ]; then cp -P "/$name" "$root/$name"
  elif [ -d "/$name" ]; then mkdir "$root/$name"; mount --rbind "/$name" "$root/$name"; fi
done
bind() {
  mkdir -p "$(dirname "$root$2")"
  if [ -d "$1" ]; then mkdir -p "$root$2"; else : > "$root$2"; fi
  mount --rbind "$1" "$root$2"
}
bind /dev/null /dev/null
bind "$binary" /nsfix
while [ "$1" != -- ]; do bind "${1%%:*}" "${1#*:}"; shift; done
shift
mount -o remount,ro "$root"
exec chroot "$root" /nsfix "$@"
"#;

/// Looks after the pods of one namespace until it is dropped.
pub struct Kubelet {
    node: Arc<Node>,
    task: tokio::task::JoinHandle<()>,
}

struct Node {
    lab: Arc<Lab>,
    namespace: String,
    containers: Mutex<BTreeMap<String, Container>>,
}

/// A container's process.
struct Container {
    name: String,
    process: Child,
    dir: PathBuf,
    began: String,
    /// When SIGTERM is followed by SIGKILL.
    deadline: Option<Instant>,
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Kubelet {
    pub fn start(lab: &Arc<Lab>, namespace: &str) -> Self {
        let node = Arc::new(Node {
            lab: lab.clone(),
            namespace: namespace.to_owned(),
            containers: Mutex::default(),
        });
        let runs = node.clone();
        let task = tokio::spawn(async move {
            loop {
                runs.look().await;
                tokio::time::sleep(LOOK).await;
            }
        });
        Self { node, task }
    }

    /// The directory that is the volume of a claim.
    pub fn volume(&self, claim: &str) -> PathBuf {
        self.node.volume(claim)
    }

    /// What `kubectl logs` of a pod would show, and still does where the pod is gone.
    pub fn log(&self, pod: &str) -> String {
        std::fs::read_to_string(self.node.dir(pod).join("log")).unwrap_or_default()
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Node {
    fn dir(&self, pod: &str) -> PathBuf {
        self.lab.dir().join("pods").join(pod)
    }

    fn volume(&self, claim: &str) -> PathBuf {
        let path = self.lab.dir().join("volumes").join(claim);
        std::fs::create_dir_all(&path).expect("a volume");
        path
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/v1/namespaces/{}/{rest}", self.namespace)
    }

    async fn look(&self) {
        let pods = self.lab.get(&self.path("pods")).await;
        let pods = pods.json()["items"].as_array().cloned().unwrap_or_default();
        for pod in &pods {
            self.look_after(pod).await;
        }
    }

    async fn look_after(&self, pod: &Value) {
        let name = pod["metadata"]["name"].as_str().expect("a name").to_owned();
        let is_deleted = pod["metadata"]["deletionTimestamp"].is_string();
        let is_over = ["Succeeded", "Failed"].contains(&pod["status"]["phase"].as_str().unwrap_or_default());
        let is_known = self.containers.lock().expect("a lock").contains_key(&name);
        if pod["spec"]["nodeName"].is_null() {
            let target = json!({"apiVersion": "v1", "kind": "Node", "name": NODE});
            let binding = json!({"metadata": {"name": name}, "target": target});
            // Refused where the pod is gone by now.
            self.lab.post(&self.path(&format!("pods/{name}/binding")), &binding).await;
        } else if is_known {
            let grace =
                is_deleted.then(|| pod["metadata"]["deletionGracePeriodSeconds"].as_u64().unwrap_or(30));
            let ended = self.containers.lock().expect("a lock").get_mut(&name).and_then(|container| {
                grace.inspect(|grace| container.end(Duration::from_secs(*grace)));
                container.process.try_wait().expect("its state")
            });
            if let Some(status) = ended {
                self.ended(&name, status).await;
            }
        } else if is_deleted {
            let now = json!({"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}});
            self.lab.send(http::Method::DELETE, &self.path(&format!("pods/{name}")), &now).await;
        } else if !is_over && let Some(container) = self.started(&name, pod).await {
            let running = json!({"running": {"startedAt": container.began}});
            let status = json!({
                "phase": "Running", "startTime": container.began,
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [status_of(&container.name, &running, true)],
            });
            self.containers.lock().expect("a lock").insert(name.clone(), container);
            self.tell(&name, &status).await;
        }
    }

    async fn tell(&self, pod: &str, status: &Value) {
        // By this patch the conditions that others have set stay, such as that of an eviction.
        let headers =
            [("content-type", "application/strategic-merge-patch+json"), ("accept", "application/json")];
        let body = json!({"status": status}).to_string().into_bytes();
        self.lab
            .request(http::Method::PATCH, &self.path(&format!("pods/{pod}/status")), &headers, body)
            .await;
    }

    async fn ended(&self, pod: &str, status: ExitStatus) {
        let container = self.containers.lock().expect("a lock").remove(pod).expect("it ran");
        // 128 and the signal, as a container runtime has it.
        let signal = std::os::unix::process::ExitStatusExt::signal(&status).unwrap_or_default();
        let code = status.code().unwrap_or(128 + signal);
        let (phase, reason) = if code == 0 { ("Succeeded", "Completed") } else { ("Failed", "Error") };
        let log = std::fs::read_to_string(container.dir.join("log")).unwrap_or_default();
        let mut message = std::fs::read_to_string(container.dir.join("termination-log")).unwrap_or_default();
        if message.is_empty() && code != 0 {
            // FallbackToLogsOnError
            message = log.chars().skip(log.chars().count().saturating_sub(2048)).collect();
        }
        let terminated = json!({"terminated": {
            "exitCode": code, "reason": reason, "message": message,
            "startedAt": container.began, "finishedAt": jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }});
        let status = json!({
            "phase": phase,
            "conditions": [{"type": "Ready", "status": "False"}],
            "containerStatuses": [status_of(&container.name, &terminated, false)],
        });
        self.tell(pod, &status).await;
    }

    /// Nothing, as long as something that the pod mounts is missing.
    async fn started(&self, name: &str, pod: &Value) -> Option<Container> {
        let dir = self.dir(name);
        for part in ["root", "volumes"] {
            std::fs::create_dir_all(dir.join(part)).expect("a directory");
        }
        std::fs::write(dir.join("termination-log"), "").expect("a file");
        let container = &pod["spec"]["containers"][0];
        let mut mounts = vec![format!("{}:/dev/termination-log", dir.join("termination-log").display())];
        for mount in container["volumeMounts"].as_array().into_iter().flatten() {
            let volumes = pod["spec"]["volumes"].as_array()?;
            let volume = volumes.iter().find(|volume| volume["name"] == mount["name"])?;
            let source = self.mounted(pod, volume, &dir.join("volumes")).await?;
            mounts.push(format!("{}:{}", source.display(), mount["mountPath"].as_str()?));
        }
        let log = File::create(dir.join("log")).expect("a log");
        let (host, port) = self.lab.url().trim_start_matches("https://").split_once(':')?;
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-ec", LIKE_A_CONTAINER, "sh"]).arg(dir.join("root")).arg(BINARY);
        command.args(mounts).arg("--").args(texts(&container["args"]));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
            .env("HOSTNAME", name)
            .env("KUBERNETES_SERVICE_HOST", host)
            .env("KUBERNETES_SERVICE_PORT", port);
        for variable in container["env"].as_array().into_iter().flatten() {
            command.env(variable["name"].as_str()?, variable["value"].as_str()?);
        }
        let began = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a log")).stderr(log);
        let name = container["name"].as_str()?.to_owned();
        let process = command.spawn().expect("unshare starts");
        Some(Container { name, process, dir, began, deadline: None })
    }

    /// The directory that is this volume of the pod.
    async fn mounted(&self, pod: &Value, volume: &Value, dir: &Path) -> Option<PathBuf> {
        if let Some(claim) = volume["persistentVolumeClaim"]["claimName"].as_str() {
            let there = self.lab.get(&self.path(&format!("persistentvolumeclaims/{claim}"))).await;
            return (there.status == 200).then(|| self.volume(claim));
        }
        let dir = dir.join(volume["name"].as_str()?);
        std::fs::create_dir_all(&dir).expect("a directory");
        if let Some(map) = volume["configMap"]["name"].as_str() {
            self.write_config_map(map, &dir).await?;
        }
        for source in volume["projected"]["sources"].as_array().into_iter().flatten() {
            if let Some(path) = source["serviceAccountToken"]["path"].as_str() {
                std::fs::write(dir.join(path), self.token(pod).await?).expect("a file");
            }
            // Distributions project more than Kubernetes does, from what their own controllers publish.
            if source["configMap"]["name"] == ROOT_CA {
                self.write_config_map(ROOT_CA, &dir).await?;
            }
            if let Some(path) = source["downwardAPI"]["items"][0]["path"].as_str() {
                std::fs::write(dir.join(path), &self.namespace).expect("a file");
            }
        }
        Some(dir)
    }

    async fn write_config_map(&self, name: &str, dir: &Path) -> Option<()> {
        let answer = self.lab.get(&self.path(&format!("configmaps/{name}"))).await;
        let map = (answer.status == 200).then(|| answer.json())?;
        for (file, text) in map["data"].as_object()? {
            std::fs::write(dir.join(file), text.as_str()?).expect("a file");
        }
        Some(())
    }

    /// A token that is good as long as the pod is there.
    async fn token(&self, pod: &Value) -> Option<String> {
        let account = pod["spec"]["serviceAccountName"].as_str()?;
        let (name, uid) = (&pod["metadata"]["name"], &pod["metadata"]["uid"]);
        let request = json!({"spec": {"boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid}}});
        let path = self.path(&format!("serviceaccounts/{account}/token"));
        let answer = self.lab.post(&path, &request).await;
        let token = (answer.status == 201).then(|| answer.json())?;
        token["status"]["token"].as_str().map(str::to_owned)
    }
}

impl Container {
    /// SIGTERM, and SIGKILL after the grace period.
    fn end(&mut self, grace: Duration) {
        match self.deadline {
            None => {
                let pid = self.process.id().to_string();
                let _ = Command::new("kill").args(["-TERM", &pid]).status();
                self.deadline = Some(Instant::now() + grace);
            }
            Some(deadline) if deadline < Instant::now() => {
                let _ = self.process.kill();
            }
            Some(_) => {}
        }
    }
}

fn status_of(container: &str, state: &Value, is_ready: bool) -> Value {
    json!({
        "name": container, "image": "nsfix", "imageID": "nsfix", "restartCount": 0,
        "ready": is_ready, "started": is_ready, "state": state,
    })
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
