//! Running the built binary.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

const BINARY: &str = env!("CARGO_BIN_EXE_nsfix");
/// No command of nsfix takes that long in a test.
const LIMIT: Duration = Duration::from_secs(120);

/// In a mount namespace of its own, so that nobody else sees it.
const LIKE_A_POD: &str = r#"
run=$(readlink -f /var/run); files=$1; shift
mount -t tmpfs tmpfs "$run"
mkdir -p "$run/secrets/kubernetes.io/serviceaccount"
cp "$files"/* "$run/secrets/kubernetes.io/serviceaccount"
exec "$@"
"#;

/// Whether this machine lets a process have mounts of its own, and has an IPv6 loopback.
pub fn pods_can_be_played() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    *CAN.get_or_init(|| {
        let mut unshare = std::process::Command::new("unshare");
        unshare.args(["-rm", "sh", "-c", "mount -t tmpfs tmpfs \"$(readlink -f /var/run)\""]);
        let mounts = unshare.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        mounts && std::net::TcpListener::bind("[::1]:0").is_ok()
    })
}

/// A run of `nsfix` that is yet to be started.
pub struct Nsfix {
    command: Command,
    stdin: Vec<u8>,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Nsfix {
    pub fn new(arguments: &[&str]) -> Self {
        Self::of(Command::new(BINARY), arguments)
    }

    /// The binary under another name: through a link that is made here.
    pub fn named(link: &Path, arguments: &[&str]) -> Self {
        if !link.exists() {
            std::os::unix::fs::symlink(BINARY, link).expect("a link to nsfix");
        }
        Self::of(Command::new(link), arguments)
    }

    /// Another program, kept apart from the machine's configuration in the same way.
    pub fn other(program: &str, arguments: &[&str]) -> Self {
        Self::of(Command::new(program), arguments)
    }

    /// With nsfix on the PATH.
    #[allow(dead_code)] // not the benchmark's
    pub fn beside_nsfix(self) -> Self {
        let dir = Path::new(BINARY).parent().map(Path::to_owned);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let dirs = dir.into_iter().chain(std::env::split_paths(&path));
        let path = std::env::join_paths(dirs).expect("a PATH");
        self.env("PATH", path)
    }

    /// A line of shell in which `nsfix` is the built binary. stdout and stderr come as one, as a terminal shows them.
    pub fn shell(line: &str) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec 2>&1\n{line}")]);
        Self::of(shell, &[]).beside_nsfix()
    }

    /// The same as a pod's process: with these files where the kubelet puts those of the service account.
    pub fn in_pod(files: &Path, arguments: &[&str]) -> Self {
        let mut unshare = Command::new("unshare");
        unshare.args(["-rm", "sh", "-ec", LIKE_A_POD, "sh"]).arg(files).arg(BINARY);
        Self::of(unshare, arguments)
    }

    fn of(mut command: Command, arguments: &[&str]) -> Self {
        command
            .args(arguments)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.kill_on_drop(true);
        // Nothing of the machine's own configuration may decide a test.
        command
            .env("HOME", "/nonexistent")
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            // What is stuck in a test was deleted a moment ago.
            .env("NSFIX_PATIENCE", "0s");
        Self { command, stdin: Vec::new() }
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn stdin(mut self, text: &str) -> Self {
        self.stdin = text.as_bytes().to_vec();
        self
    }

    /// The command itself, for a terminal.
    pub fn into_command(self) -> std::process::Command {
        let mut command = self.command.into_std();
        command.stdin(Stdio::inherit()).stdout(Stdio::inherit()).stderr(Stdio::inherit());
        command
    }

    /// Starts it without waiting for its end.
    pub fn start(mut self) -> Child {
        self.command.spawn().expect("nsfix starts")
    }

    /// Runs it to its end.
    pub async fn run(mut self) -> Ran {
        let mut child = self.command.spawn().expect("nsfix starts");
        if let Some(mut stdin) = child.stdin.take() {
            let _ = stdin.write_all(&self.stdin).await;
        }
        ended(child).await
    }
}

/// Waits for the end of a run.
pub async fn ended(child: Child) -> Ran {
    ended_within(LIMIT, child).await
}

/// The same with another limit than a test has.
pub async fn ended_within(limit: Duration, child: Child) -> Ran {
    let output = tokio::time::timeout(limit, child.wait_with_output());
    let output = output.await.expect("nsfix ends in time").expect("its output can be read");
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

impl Ran {
    /// The same run, if it ended with this code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        // Whatever happens, nobody gets to see Rust's insides.
        for word in ["panicked", "Error {", "Some(", "RUST_BACKTRACE", "Err("] {
            assert!(!self.stderr.contains(word), "{word} in {}", self.stderr);
        }
        self
    }

    /// stdout as a JSON document.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}
