//! Child processes that end with the test process, however that ends.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

/// A process under the eyes of a shell that kills it as soon as this end of a pipe is closed: also when the
/// test process is killed itself.
pub struct Supervised {
    log: PathBuf,
    shell: Child,
    leash: Option<ChildStdin>,
}

/// A background job's stdin is /dev/null, so the leash is moved out of its way.
const SUPERVISE: &str = r#"
log=$1; shift
exec 3<&0
"$@" </dev/null >"$log" 2>&1 3<&- &
child=$!
( cat <&3 >/dev/null; kill -KILL $child 2>/dev/null ) &
wait $child
"#;

impl Supervised {
    pub fn start(program: &Path, arguments: &[String], log: &Path) -> std::io::Result<Self> {
        let mut shell = Command::new("sh")
            .args(["-c", SUPERVISE, "supervise"])
            .arg(log)
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(File::create(log.with_extension("sh"))?)
            .spawn()?;
        let leash = shell.stdin.take();
        Ok(Self { log: log.to_owned(), shell, leash })
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.shell.try_wait(), Ok(Some(_)))
    }

    /// The end of what it wrote.
    pub fn log(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }

    /// Ends it, and waits until it has.
    pub fn stop(&mut self) {
        self.leash.take();
        let _ = self.shell.wait();
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        self.stop();
    }
}
