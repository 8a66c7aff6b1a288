//! What a backup holds, as far as it has to be known before the first write.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};

use crate::backup::{BadDocument, Documents, SavedObject};
use crate::model::is_dns_label;

/// A backup that can be read.
pub(super) struct Contents {
    pub(super) file: PathBuf,
    pub(super) namespace: String,
    /// That namespace's uid; empty where the namespace itself is not in the file.
    pub(super) uid: String,
    /// Whether the namespace itself is in the file.
    pub(super) holds_namespace: bool,
    pub(super) objects: BTreeSet<ObjectId>,
    /// Documents that are no objects, or cannot be read.
    pub(super) bad: Vec<String>,
    /// What it says that it does not hold.
    pub(super) incomplete: Vec<String>,
}

/// What an object is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ObjectId {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) name: String,
}

impl From<&SavedObject> for ObjectId {
    fn from(object: &SavedObject) -> Self {
        let SavedObject { api_version, kind, name, .. } = object;
        Self { api_version: api_version.clone(), kind: kind.clone(), name: name.clone() }
    }
}

/// The context of every error about a backup.
pub(super) fn unreadable(file: &Path) -> String {
    format!("unable to read the backup {}", file.display())
}

impl Contents {
    /// Reads the whole backup. A bad document does not end the rest; a file that was cut off, or whose namespace
    /// is not known, does.
    pub(super) fn read(file: &Path) -> Result<Self> {
        Self::try_read(file).with_context(|| unreadable(file))
    }

    fn try_read(file: &Path) -> Result<Self> {
        let (mut of_namespace, mut inside) = (BTreeSet::new(), BTreeSet::new());
        let (mut objects, mut bad, mut cut_off, mut uid) =
            (BTreeSet::new(), Vec::new(), false, String::new());
        let mut documents = Documents::open(file)?;
        for document in &mut documents {
            match document {
                Ok(object) => {
                    objects.insert(ObjectId::from(&object));
                    if object.is_namespace() {
                        if of_namespace.is_empty() {
                            uid.clone_from(&object.uid);
                        }
                        of_namespace.insert(object.name);
                    } else if !object.namespace.is_empty() {
                        inside.insert(object.namespace);
                    }
                }
                Err(why) => {
                    cut_off |= matches!(why, BadDocument::CutOff(_));
                    bad.push(why.to_string());
                }
            }
        }
        if cut_off {
            bail!(bad.join("; "));
        }
        if objects.is_empty() {
            let why = bad.first().map_or_else(String::new, |why| format!(" ({why})"));
            bail!("it holds no Kubernetes object{why}");
        }
        let holds_namespace = !of_namespace.is_empty();
        let names = if holds_namespace { of_namespace } else { inside };
        let namespace = the_one(&names)?;
        let incomplete = documents.into_incomplete();
        Ok(Self { file: file.to_owned(), namespace, uid, holds_namespace, objects, bad, incomplete })
    }
}

/// The one namespace that a file is of.
fn the_one(names: &BTreeSet<String>) -> Result<String> {
    let mut all = names.iter();
    match (all.next(), all.next()) {
        (None, _) => Err(anyhow!("nothing in it belongs to a namespace")),
        (Some(name), None) if is_dns_label(name) => Ok(name.clone()),
        (Some(name), None) => Err(anyhow!("{name:?} cannot be the name of a namespace")),
        (Some(first), Some(second)) => Err(anyhow!(
            "it is of several namespaces ({first}, {second}{}); restore takes the backup of one",
            if names.len() > 2 { ", …" } else { "" }
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Contents, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("b.yaml");
        std::fs::write(&file, text).unwrap();
        Contents::read(&file).map_err(|error| format!("{error:#}"))
    }

    fn namespace(name: &str) -> String {
        format!("---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {name:?}, uid: u}}\n")
    }

    fn object(namespace: &str) -> String {
        format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: k, namespace: {namespace:?}}}\n")
    }

    #[test]
    fn the_namespace_is_the_one_in_the_file_or_the_one_of_its_objects() {
        let contents = read(&(object("other") + &namespace("n"))).unwrap();
        assert_eq!((contents.namespace.as_str(), contents.uid.as_str()), ("n", "u"));
        let contents = read(&object("n")).unwrap();
        assert!(contents.namespace == "n" && contents.uid.is_empty() && !contents.holds_namespace);
    }

    #[test]
    fn a_file_whose_namespace_cannot_be_told_is_refused() {
        for (text, why) in [
            (namespace("a") + &namespace("b"), "several namespaces (a, b)"),
            (object("a") + &object("b"), "several namespaces (a, b)"),
            (object("a#"), "\"a#\" cannot be the name"),
            (namespace("../x"), "\"../x\" cannot be the name"),
            (namespace("Größe"), "cannot be the name"),
            ("---\napiVersion: v1\nkind: Node\nmetadata: {name: a}\n".to_owned(), "nothing in it belongs"),
            ("apiVersion: v1\nkind: List\nitems: []\n".to_owned(), "it is a List, and only single objects"),
            (String::new(), "it holds no Kubernetes object"),
        ] {
            let said = read(&text).err().unwrap();
            assert!(said.contains(why), "{said}");
        }
    }
}
