//! A copy on disk of what is about to be changed or abandoned.
//!
//! One file per namespace that `kubectl create -f` takes: YAML documents, each of them one object as JSON.

mod creatable;
mod object;
mod read;

pub use creatable::{Finalizers, RANKS, Skipped};
pub use object::{NotAnObject, SavedObject};
pub use read::{BadDocument, Documents};

use std::fs::{DirBuilder, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;

use crate::model::ResourceType;

/// The first line of a backup that ends with [`end_mark`].
const HEADER: &str = "# nsfix backup";

/// What begins a line about something that the namespace held, or may have held, and that is not in the file.
const INCOMPLETE: &str = "# incomplete: ";

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

/// Where those of a practice cluster go: they are of no use to anybody who looks for a real one.
#[must_use]
pub fn practice_backup_dir() -> PathBuf {
    std::env::temp_dir().join("nsfix-sandbox-backups")
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
        Ok(Backup { file, partial, path, written: Vec::new(), incomplete: Vec::new() })
    }
}

/// A backup that is being written.
#[derive(Debug)]
pub struct Backup {
    file: BufWriter<File>,
    /// Its name while it is not whole, so that it is not taken for a backup.
    partial: Partial,
    path: PathBuf,
    /// A hash of each object, to know it again when it is read back.
    written: Vec<u64>,
    /// What it does not hold, each in one line.
    incomplete: Vec<String>,
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
    /// Adds the namespace as it was read, by itself or as an item of a list.
    pub fn add_namespace(&mut self, json: &Value) -> io::Result<()> {
        self.write(&object::to_save(&json.to_string(), "v1", "Namespace")?)
    }

    /// Adds an item of a list, which does not say itself what it is.
    pub fn add_item(&mut self, ty: &ResourceType, text: &str) -> io::Result<()> {
        self.write(&object::to_save(text, &ty.api_version(), &ty.kind)?)
    }

    /// Says in the file, and to those who restore it, what it does not hold.
    pub fn add_incomplete(&mut self, why: &str) {
        let one_line =
            why.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
        self.incomplete.push(one_line.collect::<Vec<_>>().join(" "));
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        self.written.push(hash_of(line));
        writeln!(self.file, "---\n{line}")
    }

    /// Ends the backup, and reads it back. It is on disk for certain when this returns.
    pub fn finish(mut self) -> io::Result<PathBuf> {
        for why in &self.incomplete {
            writeln!(self.file, "{INCOMPLETE}{why}")?;
        }
        writeln!(self.file, "{}", end_mark(self.written.len()))?;
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        read_back(&self.partial.0, &self.written)?;
        std::fs::rename(&self.partial.0, &self.path)?;
        // The directory entry has to survive a crash too.
        if let Some(dir) = self.path.parent() {
            File::open(dir)?.sync_all()?;
        }
        Ok(self.path)
    }
}

fn hash_of(line: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    line.hash(&mut hasher);
    hasher.finish()
}

/// That what was written can be read, all of it, as restore reads it, and is what was to be written.
fn read_back(path: &Path, written: &[u64]) -> io::Result<()> {
    let failed = |why: &dyn std::fmt::Display| io::Error::other(format!("it cannot be read back: {why}"));
    let mut documents = Documents::open(path)?;
    let mut read = 0;
    while let Some(text) = documents.next_text() {
        let text = text.map_err(|why| failed(&why))?;
        if written.get(read) != Some(&hash_of(text.trim_end())) {
            return Err(failed(&format!("document {} is not what was written", read + 1)));
        }
        if let Err(why) = SavedObject::parse(&text) {
            return Err(failed(&format!("document {}: {why}", read + 1)));
        }
        read += 1;
    }
    if read == written.len() {
        return Ok(());
    }
    Err(failed(&format!("{read} objects instead of {}", written.len())))
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

    const OBJECT: &str = r#""apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"}"#;

    fn texts(path: &Path) -> Vec<String> {
        let mut documents = Documents::open(path).unwrap();
        std::iter::from_fn(|| documents.next_text()).map(|text| text.unwrap().trim_end().to_owned()).collect()
    }

    #[test]
    fn a_backup_is_private_and_holds_all_but_the_resource_version() {
        let dir = tempfile::tempdir().unwrap();
        let json = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"labels": {"a": "b"}, "name": "rodrigo", "resourceVersion": "5", "uid": "u"},
            "spec": {"finalizers": ["kubernetes"], "unknown": true},
        });
        let mut backup = Backups::in_dir(dir.path().join("deep/er")).begin("rodrigo").unwrap();
        backup.add_namespace(&json).unwrap();
        let path = backup.finish().unwrap();
        let mut expected = json;
        expected["metadata"].as_object_mut().unwrap().shift_remove("resourceVersion");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# nsfix backup\n---\n{"), "{text}");
        assert_eq!(texts(&path), [expected.to_string()]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    fn saved(objects: &[String]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let mut backup = Backups::in_dir(dir.path().to_owned()).begin("rodrigo").unwrap();
        let ty = crate::model::resource("", "configmaps", "ConfigMap");
        for object in objects {
            backup.add_item(&ty, object).unwrap();
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
            // What stands between documents, at the beginning of a line.
            "(\n|---|# nsfix backup|# incomplete: a|# end of backup: 1 objects|\r){0,6}"
                .prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map(".{0,2000}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// How a server may write the same JSON.
    fn written(value: &Value, pretty: bool) -> String {
        if pretty { serde_json::to_string_pretty(value).unwrap() } else { value.to_string() }
    }

    proptest! {
        #![proptest_config(proptest::test_runner::Config { cases: 200, failure_persistence: None, ..Default::default() })]

        #[test]
        fn whatever_the_server_can_store_comes_back_as_it_was(
            value in values(), depth in 0_usize..9_900, pretty in any::<bool>(),
        ) {
            // The server takes 10,000 levels (Go's encoding/json: maxNestingDepth); no parser here may count them.
            let deep = format!("{}{}{}", "[".repeat(depth), written(&value, pretty), "]".repeat(depth));
            let (_dir, path) = saved(&[format!("{{{OBJECT},\"z\":{deep}}}"), format!("{{{OBJECT}}}")]);
            let read: Vec<SavedObject> = Documents::open(&path).unwrap().map(Result::unwrap).collect();
            prop_assert_eq!(read.len(), 2);
            let body = read[0].creatable(Finalizers::Drop);
            let inner = body.strip_prefix(&format!("{{{OBJECT},\"z\":{}", "[".repeat(depth))).unwrap();
            let inner = inner.strip_suffix(&format!("{}}}", "]".repeat(depth))).unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(inner).unwrap(), value);
        }
    }

    #[test]
    fn a_namespace_out_of_a_list_says_what_it_is_and_what_restore_could_not_read_is_no_backup() {
        let dir = tempfile::tempdir().unwrap();
        let backups = Backups::in_dir(dir.path().to_owned());
        let mut backup = backups.begin("a").unwrap();
        backup.add_namespace(&json!({"metadata": {"name": "a"}, "spec": {}})).unwrap();
        let path = backup.finish().unwrap();
        let read: Vec<SavedObject> = Documents::open(&path).unwrap().map(Result::unwrap).collect();
        assert_eq!((read[0].api_version.as_str(), read[0].kind.as_str()), ("v1", "Namespace"));
        let mut backup = backups.begin("b").unwrap();
        backup.add_namespace(&json!({"metadata": {}})).unwrap();
        let why = backup.finish().unwrap_err().to_string();
        assert!(why.contains("document 1: it holds something that is no Kubernetes object"), "{why}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_was_cut_off_is_noticed() {
        let (_dir, path) = saved(&[format!("{{{OBJECT}}}"), format!("{{{OBJECT},\"b\":1}}")]);
        let text = std::fs::read_to_string(&path).unwrap();
        let cut = text.rfind("---").unwrap();
        std::fs::write(&path, &text[..cut]).unwrap();
        let last = Documents::open(&path).unwrap().last().unwrap();
        assert!(last.unwrap_err().to_string().contains("cut off"));
        // Also where another one follows.
        std::fs::write(&path, format!("{}{text}", &text[..cut])).unwrap();
        let last = Documents::open(&path).unwrap().last().unwrap();
        assert!(last.unwrap_err().to_string().contains("another backup begins before"));
    }

    #[test]
    fn backups_one_behind_the_other_are_read_as_one() {
        let (_dir, path) = saved(&[format!("{{{OBJECT}}}"), format!("{{{OBJECT},\"b\":1}}")]);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.repeat(3)).unwrap();
        assert_eq!(Documents::open(&path).unwrap().map(Result::unwrap).count(), 6);
    }

    #[test]
    fn what_it_does_not_hold_is_said_in_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut backup = Backups::in_dir(dir.path().to_owned()).begin("rodrigo").unwrap();
        let ty = crate::model::resource("", "configmaps", "ConfigMap");
        backup.add_item(&ty, &format!("{{{OBJECT}}}")).unwrap();
        for why in ["could not look at secrets\n---\n# nsfix backup", "\r\u{1b}a\n# end of backup: 1 objects"]
        {
            backup.add_incomplete(why);
        }
        let path = backup.finish().unwrap();
        let said = ["could not look at secrets --- # nsfix backup", "a # end of backup: 1 objects"];
        let all = |path: &Path| {
            let mut documents = Documents::open(path).unwrap();
            let objects: Vec<SavedObject> = documents.by_ref().map(Result::unwrap).collect();
            (objects.len(), documents.into_incomplete())
        };
        assert_eq!(all(&path), (1, said.map(str::to_owned).to_vec()));
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.repeat(2)).unwrap();
        assert_eq!(all(&path), (2, said.repeat(2).iter().map(|&why| why.to_owned()).collect()));
    }

    #[test]
    fn what_was_written_otherwise_is_noticed() {
        let (_dir, path) = saved(&[format!("{{{OBJECT}}}")]);
        let hash = hash_of(&texts(&path)[0]);
        read_back(&path, &[hash]).unwrap();
        assert!(read_back(&path, &[hash, hash]).unwrap_err().to_string().contains("1 objects instead of 2"));
        let why = read_back(&path, &[hash ^ 1]).unwrap_err().to_string();
        assert!(why.contains("document 1 is not what was written"), "{why}");
    }

    #[test]
    fn a_bad_document_does_not_end_the_rest_and_nothing_partial_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hand.yaml");
        let object = "apiVersion: v1\nkind: A\nmetadata: {name: a}\n";
        let text = format!("\u{feff}{object}---\n{{\"kind\": \n---\n# nothing\n--- # b\n{object}");
        std::fs::write(&path, text).unwrap();
        let read: Vec<bool> = Documents::open(&path).unwrap().map(|read| read.is_ok()).collect();
        assert_eq!(read, [true, false, true]);
        drop(Backups::in_dir(dir.path().join("b")).begin("x").unwrap());
        assert_eq!(std::fs::read_dir(dir.path().join("b")).unwrap().count(), 0);
    }
}
