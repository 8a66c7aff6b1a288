//! A copy on disk of what is about to be changed or abandoned.
//!
//! One file per namespace that `kubectl create -f` takes: YAML documents, each of them one object as JSON.

mod creatable;
mod read;

pub use creatable::{Finalizers, RANKS, Skipped, creatable, rank, skipped};
pub use read::{BadDocument, Documents};

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;

use crate::model::ResourceType;

/// The first line of a backup that ends with [`end_mark`].
const HEADER: &str = "# nsfix backup";

/// The last line: a file that was cut off does not have it.
fn end_mark(objects: usize) -> String {
    format!("# end of backup: {objects} objects")
}

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
        let mut file = BufWriter::new(create_private(&partial)?);
        let partial = Partial(partial);
        writeln!(file, "{HEADER}")?;
        Ok(Backup { file, partial, path, objects: 0 })
    }
}

/// A backup that is being written.
#[derive(Debug)]
pub struct Backup {
    file: BufWriter<File>,
    /// Its name while it is not whole, so that nobody takes it for a backup.
    partial: Partial,
    path: PathBuf,
    objects: usize,
}

/// A file that does not stay behind.
#[derive(Debug)]
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        // Gone already where the backup was finished.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Backup {
    /// Adds an object as it was read.
    pub fn add(&mut self, json: &Value) -> io::Result<()> {
        self.objects += 1;
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

    /// Ends the backup, and reads it back. It is on disk for certain when this returns.
    pub fn finish(mut self) -> io::Result<PathBuf> {
        writeln!(self.file, "{}", end_mark(self.objects))?;
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        read_back(&self.partial.0, self.objects)?;
        std::fs::rename(&self.partial.0, &self.path)?;
        // The directory entry has to survive a crash too.
        if let Some(dir) = self.path.parent() {
            File::open(dir)?.sync_all()?;
        }
        Ok(self.path)
    }
}

/// That what was written can be read, all of it.
fn read_back(path: &Path, objects: usize) -> io::Result<()> {
    let mut read = 0;
    for document in Documents::open(path)? {
        document.map_err(|why| io::Error::other(format!("it cannot be read back: {why}")))?;
        read += 1;
    }
    if read == objects {
        return Ok(());
    }
    Err(io::Error::other(format!("it cannot be read back: {read} objects instead of {objects}")))
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
    use proptest::prelude::*;
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
        assert!(text.starts_with("# nsfix backup\n---\n{"), "{text}");
        let saved: Vec<Value> = Documents::open(&path).unwrap().map(Result::unwrap).collect();
        assert_eq!(saved, [expected]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    fn saved(objects: &[Value]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let mut backup = Backups::in_dir(dir.path().to_owned()).begin("rodrigo").unwrap();
        for object in objects {
            backup.add(object).unwrap();
        }
        let path = backup.finish().unwrap();
        (dir, path)
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_filter("JSON", |number| number.is_finite()).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[\u{0}-\u{a0}\u{fffe}\u{2028}\"\\\\]{0,40}".prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map(".{0,2000}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(proptest::test_runner::Config { cases: 200, failure_persistence: None, ..Default::default() })]

        #[test]
        fn whatever_the_server_can_store_comes_back_as_it_was(value in values()) {
            let object = json!({"metadata": {"name": "x"}, "data": value});
            let (_dir, path) = saved(std::slice::from_ref(&object));
            let read: Vec<Value> = Documents::open(&path).unwrap().map(Result::unwrap).collect();
            prop_assert_eq!(read, [object]);
        }
    }

    #[test]
    fn a_file_that_was_cut_off_is_noticed() {
        let objects = [json!({"metadata": {"name": "a"}}), json!({"metadata": {"name": "b"}})];
        let (_dir, path) = saved(&objects);
        let text = std::fs::read_to_string(&path).unwrap();
        let cut = text.rfind("---").unwrap();
        std::fs::write(&path, &text[..cut]).unwrap();
        let last = Documents::open(&path).unwrap().last().unwrap();
        assert!(last.unwrap_err().to_string().contains("cut off"));
    }

    #[test]
    fn a_bad_document_does_not_end_the_rest_and_nothing_partial_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hand.yaml");
        std::fs::write(&path, "kind: A\n---\n{\"kind\": \n---\nkind: B\n").unwrap();
        let read: Vec<bool> = Documents::open(&path).unwrap().map(|read| read.is_ok()).collect();
        assert_eq!(read, [true, false, true]);
        drop(Backups::in_dir(dir.path().join("b")).begin("x").unwrap());
        assert_eq!(std::fs::read_dir(dir.path().join("b")).unwrap().count(), 0);
    }
}
