//! Child processes that end with the test process, however that ends.

use std::fs::File;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// A process under the eyes of a shell that kills it as soon as this end of a pipe is closed: also when the
/// test process is killed itself.
pub struct Supervised {
    shell: Child,
    leash: Option<ChildStdin>,
}

const SUPERVISE: &str = r#"
log=$1; shift
"$@" </dev/null >"$log" 2>&1 &
child=$!
( wait_for_parent() { cat >/dev/null; }; wait_for_parent <&3; kill -KILL $child 2>/dev/null ) 3<&0 &
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
        Ok(Self { shell, leash })
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.shell.try_wait(), Ok(Some(_)))
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
