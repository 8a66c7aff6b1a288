//! Credential plugins: the command that a kubeconfig names to log in with (`users[].user.exec`).
//!
//! kube waits for one without an end and has no hold on it. Here it is killed, with what it has started, at its
//! deadline and with the first signal.

use std::io::{self, IsTerminal};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request, header};
use jiff::Timestamp;
use kube::config::{ExecConfig, ExecInteractiveMode};
use serde::Deserialize;
use serde_json::json;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

/// A token is replaced this long before it expires, as kube does it.
const BEFORE_EXPIRY: jiff::SignedDuration = jiff::SignedDuration::from_secs(60);

/// A plugin did not lead to credentials.
#[derive(Debug, thiserror::Error)]
#[error("the credential plugin {command:?} {failure}")]
pub struct PluginError {
    command: String,
    install_hint: Option<String>,
    #[source]
    failure: PluginFailure,
}

#[derive(Debug, thiserror::Error)]
enum PluginFailure {
    #[error("is not installed")]
    NotInstalled(#[source] io::Error),
    #[error("could not be started: {0}")]
    NotStarted(#[source] io::Error),
    #[error("asks for input, and there is no terminal")]
    NoTerminal,
    #[error("asks for input, and several contexts are read at once")]
    NotAlone,
    #[error("did not answer within {}s", .0.as_secs_f64())]
    TimedOut(Duration),
    #[error("failed with {status}{said}")]
    Failed { status: ExitStatus, said: String },
    // What it printed may be a secret, so it is neither shown nor kept.
    #[error("did not print an ExecCredential")]
    NotACredential,
    #[error("printed an ExecCredential without a token or a certificate")]
    Empty,
}

impl PluginError {
    /// The first line of the kubeconfig's `installHint`, or where else to look.
    #[must_use]
    pub fn hint(&self) -> &str {
        if matches!(self.failure, PluginFailure::NotAlone) {
            return "log in with this --context alone, and then read them all";
        }
        let lines = self.install_hint.iter().flat_map(|hint| hint.lines());
        lines
            .map(str::trim)
            .find(|line| !line.is_empty())
            .unwrap_or("check the `user` of this context in the kubeconfig")
    }
}

/// A plugin, and how long it may take.
#[derive(Debug)]
pub(super) struct Plugin {
    exec: ExecConfig,
    deadline: Duration,
    /// Whether the terminal is its own. Several that ask at once would take each other's answers.
    alone: bool,
}

/// What a plugin has printed.
pub(super) struct Credentials {
    pub(super) token: Option<HeaderValue>,
    /// A client certificate and its key, in PEM.
    pub(super) identity: Option<(String, String)>,
    expires: Option<Timestamp>,
}

#[derive(Deserialize)]
struct ExecCredential {
    #[serde(default)]
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(default)]
    expiration_timestamp: Option<String>,
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    client_certificate_data: Option<String>,
    #[serde(default)]
    client_key_data: Option<String>,
}

impl Plugin {
    pub(super) fn new(exec: ExecConfig, deadline: Duration, alone: bool) -> Self {
        Self { exec, deadline, alone }
    }

    /// Runs the command once.
    pub(super) async fn run(&self) -> Result<Credentials, PluginError> {
        self.try_run().await.map_err(|failure| PluginError {
            command: self.exec.command.clone().unwrap_or_default(),
            install_hint: self.exec.install_hint.clone(),
            failure,
        })
    }

    async fn try_run(&self) -> Result<Credentials, PluginFailure> {
        let interactive = self.is_interactive()?;
        let mut command = self.command(interactive);
        let child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => PluginFailure::NotInstalled(error),
            _ => PluginFailure::NotStarted(error),
        })?;
        let mut group = Group::of(&child, interactive);
        let output = tokio::time::timeout(self.deadline, child.wait_with_output()).await;
        let output = output.map_err(|_| PluginFailure::TimedOut(self.deadline))?;
        group.has_ended();
        let output = output.map_err(PluginFailure::NotStarted)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.lines().map(str::trim).find(|line| !line.is_empty());
            let said = said.map(|said| format!(": {said}")).unwrap_or_default();
            return Err(PluginFailure::Failed { status: output.status, said });
        }
        credentials(&output.stdout)
    }

    /// Whether it may ask at the terminal: client-go's rule (plugin/pkg/client/auth/exec/exec.go).
    fn is_interactive(&self) -> Result<bool, PluginFailure> {
        match self.exec.interactive_mode {
            Some(ExecInteractiveMode::Never) => Ok(false),
            Some(ExecInteractiveMode::Always) if !self.alone => Err(PluginFailure::NotAlone),
            _ if !self.alone => Ok(false),
            Some(ExecInteractiveMode::Always) if !io::stdin().is_terminal() => Err(PluginFailure::NoTerminal),
            _ => Ok(io::stdin().is_terminal()),
        }
    }

    fn command(&self, interactive: bool) -> Command {
        let ExecConfig { api_version, command, args, env, drop_env, cluster, provide_cluster_info, .. } =
            &self.exec;
        let mut run = Command::new(command.as_deref().unwrap_or_default());
        run.args(args.iter().flatten()).kill_on_drop(true).stdout(Stdio::piped());
        let pairs = env.iter().flatten().filter_map(|env| Some((env.get("name")?, env.get("value")?)));
        run.envs(pairs);
        for name in drop_env.iter().flatten() {
            run.env_remove(name);
        }
        let mut spec = json!({"interactive": interactive});
        if let Some(cluster) = cluster.as_ref().filter(|_| *provide_cluster_info) {
            spec["cluster"] = json!(cluster);
        }
        let info = json!({"apiVersion": api_version, "kind": "ExecCredential", "spec": spec});
        run.env("KUBERNETES_EXEC_INFO", info.to_string());
        if interactive {
            run.stdin(Stdio::inherit()).stderr(Stdio::inherit());
        } else {
            run.stdin(Stdio::null()).stderr(Stdio::piped());
            // Not where it asks: the terminal lets only its foreground group read.
            #[cfg(unix)]
            run.process_group(0);
        }
        run
    }
}

/// The process group of a plugin, killed when this is dropped. The command alone is killed by tokio.
struct Group {
    #[cfg(unix)]
    id: Option<rustix::process::Pid>,
}

impl Group {
    #[cfg(unix)]
    fn of(child: &Child, interactive: bool) -> Self {
        let id = child.id().filter(|_| !interactive).and_then(|id| i32::try_from(id).ok());
        Self { id: id.and_then(rustix::process::Pid::from_raw) }
    }

    #[cfg(not(unix))]
    fn of(_: &Child, _: bool) -> Self {
        Self {}
    }

    /// What it has left running is meant to run.
    #[cfg_attr(not(unix), allow(clippy::unused_self, clippy::needless_pass_by_ref_mut))]
    fn has_ended(&mut self) {
        #[cfg(unix)]
        {
            self.id = None;
        }
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            // It may have ended by itself.
            let _ = rustix::process::kill_process_group(id, rustix::process::Signal::KILL);
        }
    }
}

/// Reads JSON, or YAML, which client-go takes too.
fn credentials(printed: &[u8]) -> Result<Credentials, PluginFailure> {
    let printed: ExecCredential =
        serde_saphyr::from_slice(printed).map_err(|_| PluginFailure::NotACredential)?;
    let status = printed.status.ok_or(PluginFailure::Empty)?;
    let expires = status.expiration_timestamp.map(|time| time.parse()).transpose();
    let expires = expires.map_err(|_| PluginFailure::NotACredential)?;
    let token = status.token.as_deref().filter(|token| !token.is_empty()).map(bearer).transpose()?;
    let identity = status.client_certificate_data.zip(status.client_key_data);
    if token.is_none() && identity.is_none() {
        return Err(PluginFailure::Empty);
    }
    Ok(Credentials { token, identity, expires })
}

fn bearer(token: &str) -> Result<HeaderValue, PluginFailure> {
    let header = HeaderValue::try_from(format!("Bearer {token}"));
    let mut header = header.map_err(|_| PluginFailure::NotACredential)?;
    header.set_sensitive(true);
    Ok(header)
}

/// Puts a plugin's token into requests, and runs the plugin again before the token expires.
#[derive(Clone)]
pub(super) struct PluginToken {
    plugin: Arc<Plugin>,
    last: Arc<Mutex<Credentials>>,
}

impl PluginToken {
    pub(super) fn new(plugin: Plugin, first: Credentials) -> Self {
        Self { plugin: Arc::new(plugin), last: Arc::new(Mutex::new(first)) }
    }

    /// The same request with the token as it is now.
    pub(super) async fn authorize<B>(self, mut request: Request<B>) -> Result<Request<B>, PluginError> {
        let mut last = self.last.lock().await;
        if last.expires.is_some_and(|expires| Timestamp::now() + BEFORE_EXPIRY >= expires) {
            *last = self.plugin.run().await?;
        }
        if let Some(token) = &last.token {
            request.headers_mut().insert(header::AUTHORIZATION, token.clone());
        }
        Ok(request)
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(script: &str, deadline: Duration) -> Plugin {
        let exec = json!({"command": "sh", "args": ["-c", script], "interactiveMode": "Never"});
        Plugin::new(serde_json::from_value(exec).unwrap(), deadline, true)
    }

    fn is_running(pid: &str) -> bool {
        // A zombie has ended; it only waits for its parent.
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        stat.is_ok_and(|stat| !stat.contains(") Z "))
    }

    /// Waits until a plugin has written down the process that it started.
    async fn started(file: &std::path::Path) -> String {
        loop {
            match std::fs::read_to_string(file) {
                Ok(pid) if pid.ends_with('\n') => return pid,
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }

    async fn assert_ends(pid: &str) {
        for _ in 0..200 {
            if !is_running(pid) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{pid} still runs");
    }

    #[tokio::test]
    async fn a_plugin_that_hangs_dies_with_what_it_has_started() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        let script = format!("sleep 60 & echo $! > {}; wait", file.display());
        let failed = plugin(&script, Duration::from_secs(1)).run().await.err().unwrap();
        assert_eq!(failed.to_string(), "the credential plugin \"sh\" did not answer within 1s");
        assert_ends(&started(&file).await).await;
    }

    #[tokio::test]
    async fn a_plugin_dies_when_nobody_waits_for_it_any_more() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("pid");
        let script = format!("sleep 60 & echo $! > {}; wait", file.display());
        let plugin = plugin(&script, Duration::from_secs(60));
        let pid = tokio::select! {
            _ = plugin.run() => panic!("it ended"),
            pid = started(&file) => pid,
        };
        assert_ends(&pid).await;
    }

    #[tokio::test]
    async fn a_token_is_asked_for_again_before_it_expires() {
        let print = r#"{"status":{"token":"'$(date +%N)'","expirationTimestamp":"2020-01-01T00:00:00Z"}}"#;
        let plugin = plugin(&format!("echo '{print}'"), Duration::from_secs(20));
        let first = plugin.run().await.unwrap();
        let before = first.token.clone().unwrap();
        let token = PluginToken::new(plugin, first);
        let request = token.authorize(Request::new(())).await.unwrap();
        let sent = &request.headers()[header::AUTHORIZATION];
        assert!(sent.to_str().unwrap().starts_with("Bearer ") && *sent != before);
    }

    #[test]
    fn what_is_no_credential_is_said_without_showing_it() {
        for (printed, said) in [
            ("{\"secret\": [", "did not print an ExecCredential"),
            ("{\"status\": {\"token\": \"a\\nb\"}}", "did not print an ExecCredential"),
            ("{\"status\": {}}", "printed an ExecCredential without a token or a certificate"),
            ("{}", "printed an ExecCredential without a token or a certificate"),
        ] {
            assert_eq!(credentials(printed.as_bytes()).err().unwrap().to_string(), said);
        }
        let identity = credentials(b"status: {clientCertificateData: c, clientKeyData: k}").unwrap().identity;
        assert_eq!(identity, Some(("c".to_owned(), "k".to_owned())));
    }
}
