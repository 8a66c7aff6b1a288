//! A copy on disk of what is about to be changed or abandoned.
//!
//! One file per namespace that `kubectl create -f` takes: YAML documents, each of them one object as JSON.

mod creatable;

pub use creatable::{Finalizers, creatable};

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;

use crate::model::ResourceType;

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

    /// Begins the backup of a namespace. The file is readable by its owner alone.
    pub fn begin(&self, namespace: &str) -> io::Result<Backup> {
        make_private_dir(&self.dir)?;
        let now = Timestamp::now().strftime("%Y%m%dT%H%M%S%.6fZ");
        let path = self.dir.join(format!("{namespace}-{now}.yaml"));
        let partial = path.with_extension("yaml.partial");
        Ok(Backup { file: BufWriter::new(create_private(&partial)?), partial, path })
    }
}

/// A backup that is being written.
#[derive(Debug)]
pub struct Backup {
    file: BufWriter<File>,
    /// Its name while it is not whole, so that nobody takes it for a backup.
    partial: PathBuf,
    path: PathBuf,
}

impl Backup {
    /// Adds an object as it was read.
    pub fn add(&mut self, json: &Value) -> io::Result<()> {
        self.file.write_all(b"---\n")?;
        serde_json::to_writer(&mut self.file, &without_resource_version(json)).map_err(io::Error::from)?;
        self.file.write_all(b"\n")
    }

    /// Adds an item of a list, which does not say itself what it is.
    pub fn add_item(&mut self, ty: &ResourceType, text: &str) -> io::Result<()> {
        let item: Value = serde_json::from_str(text).map_err(io::Error::from)?;
        let mut object = serde_json::json!({"apiVersion": ty.api_version(), "kind": ty.kind});
        if let (Some(object), Value::Object(item)) = (object.as_object_mut(), item) {
            object.extend(item);
        }
        self.add(&object)
    }

    /// Ends the backup. It is on disk for certain when this returns.
    pub fn finish(self) -> io::Result<PathBuf> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        std::fs::rename(&self.partial, &self.path)?;
        // The directory entry has to survive a crash too.
        if let Some(dir) = self.path.parent() {
            File::open(dir)?.sync_all()?;
        }
        Ok(self.path)
    }

    /// Takes back what was written of it.
    pub fn abandon(self) -> io::Result<()> {
        std::fs::remove_file(&self.partial)
    }
}

/// The object as it was, without the one field that the server refuses on creation.
fn without_resource_version(json: &Value) -> Value {
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
        let mut backup = Backups::in_dir(dir.path().join("deep/er")).begin("rodrigo").unwrap();
        backup.add(&json).unwrap();
        let path = backup.finish().unwrap();
        let mut expected = json;
        expected["metadata"].as_object_mut().unwrap().shift_remove("resourceVersion");
        let text = std::fs::read_to_string(&path).unwrap();
        let saved: Value = serde_json::from_str(text.strip_prefix("---\n").unwrap()).unwrap();
        assert_eq!(saved, expected);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
