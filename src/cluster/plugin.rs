//! Credential plugins: the command that a kubeconfig names to log in with (`users[].user.exec`).

use std::time::Duration;

use kube::client::AuthError;
use kube::{Client, Config};

use super::{ConfigError, transport};

/// Builds the client. kube runs a plugin while it does so, and waits for it; that happens off the runtime's thread,
/// so that a signal is heard, and not for longer than any other answer is waited for.
pub(super) async fn client(config: &Config, deadline: Duration) -> Result<Client, ConfigError> {
    let Some(exec) = &config.auth_info.exec else { return transport::client(config) };
    let failed = |why: String| ConfigError::Plugin {
        command: exec.command.clone().unwrap_or_default(),
        why,
        install_hint: exec.install_hint.clone(),
    };
    let owned = config.clone();
    let building = tokio::task::spawn_blocking(move || transport::client(&owned));
    match tokio::time::timeout(deadline, building).await {
        Err(_) => Err(failed(format!("did not answer within {}s", deadline.as_secs_f64()))),
        Ok(Err(error)) => Err(failed(format!("could not be run: {error}"))),
        Ok(Ok(Err(ConfigError::Login(error)))) => Err(failed(why(&error))),
        Ok(Ok(built)) => built,
    }
}

fn why(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecStart(error) if error.kind() == std::io::ErrorKind::NotFound => {
            "is not installed".to_owned()
        }
        AuthError::AuthExecStart(error) => format!("could not be started: {error}"),
        AuthError::AuthExecRun { out, .. } => {
            let said = String::from_utf8_lossy(&out.stderr);
            let said = said.lines().map(str::trim).find(|line| !line.is_empty());
            let said = said.map(|said| format!(": {said}")).unwrap_or_default();
            format!("failed with {}{said}", out.status)
        }
        AuthError::AuthExecParse(_) => "did not print an ExecCredential".to_owned(),
        AuthError::ExecPluginFailed => "printed an ExecCredential without a status".to_owned(),
        other => format!("did not lead to credentials: {other}"),
    }
}
