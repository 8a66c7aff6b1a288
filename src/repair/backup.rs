//! A copy on disk of what is about to be changed.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;

use crate::model::Namespace;

/// Writes backups into one directory.
#[derive(Clone, Debug)]
pub struct Backups {
    dir: PathBuf,
}

/// Where backups go unless told otherwise: `$XDG_STATE_HOME/nsfix/backups`, by default
/// `~/.local/state/nsfix/backups`. `None` where there is no home directory.
#[must_use]
pub fn default_backup_dir() -> Option<PathBuf> {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).and_then(absolute);
    let state =
        state.or_else(|| std::env::home_dir().and_then(absolute).map(|home| home.join(".local/state")));
    state.map(|state| state.join("nsfix/backups"))
}

impl Backups {
    /// Backups in this directory; it is made when the first one is written.
    #[must_use]
    pub fn in_dir(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Saves the namespace as it was read, on disk for certain when this returns. The file is readable by
    /// its owner alone and is one that `kubectl create -f` takes.
    pub fn save(&self, namespace: &Namespace) -> io::Result<PathBuf> {
        make_private_dir(&self.dir)?;
        let now = Timestamp::now().strftime("%Y%m%dT%H%M%S%.6fZ");
        let path = self.dir.join(format!("{}-{now}.json", namespace.name));
        let mut file = create_private(&path)?;
        serde_json::to_writer_pretty(&mut file, &creatable(&namespace.json)).map_err(io::Error::from)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        // The directory entry has to survive a crash too.
        File::open(&self.dir)?.sync_all()?;
        Ok(path)
    }
}

/// The object as it was, without the one field that the server refuses on creation.
fn creatable(json: &Value) -> Value {
    let mut json = json.clone();
    if let Some(metadata) = json.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.shift_remove("resourceVersion");
    }
    json
}

#[cfg(unix)]
fn make_private_dir(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

#[cfg(not(unix))]
fn make_private_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).create(dir)
}

#[cfg(unix)]
fn create_private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_backup_is_private_and_holds_all_but_the_resource_version() {
        let dir = tempfile::tempdir().unwrap();
        let json = json!({
            "metadata": {"name": "rodrigo", "uid": "u", "resourceVersion": "5", "labels": {"a": "b"}},
            "spec": {"finalizers": ["kubernetes"], "unknown": true},
        });
        let namespace = Namespace::from_json(json.clone()).unwrap();
        let path = Backups::in_dir(dir.path().join("deep/er")).save(&namespace).unwrap();
        let mut expected = json;
        expected["metadata"].as_object_mut().unwrap().shift_remove("resourceVersion");
        let saved: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(saved, expected);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
