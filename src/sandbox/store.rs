//! The objects, as etcd would keep them: one global revision, and the changes since for watches.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use serde_json::Value;

use super::meta;

/// How many changes a watch can look back on.
const HISTORY: usize = 10_000;

type Place = (String, String);

/// One write.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) revision: u64,
    pub(crate) key: String,
    pub(crate) before: Option<Arc<Value>>,
    /// None when the object was removed.
    pub(crate) after: Option<Arc<Value>>,
}

/// All objects of the cluster.
#[derive(Debug)]
pub(crate) struct Store {
    revision: u64,
    objects: BTreeMap<String, BTreeMap<Place, Arc<Value>>>,
    /// How many there are of each type in each namespace, so that pages need not count what follows.
    counts: BTreeMap<Place, usize>,
    history: VecDeque<Change>,
    /// Watches from before this revision are answered with 410.
    forgotten: u64,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            revision: 1,
            objects: BTreeMap::new(),
            counts: BTreeMap::new(),
            history: VecDeque::new(),
            forgotten: 0,
        }
    }

    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    pub(crate) fn get(&self, key: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.objects.get(key)?.get(&(namespace.to_owned(), name.to_owned())).cloned()
    }

    /// The objects of one type after `after` (a place, for paging), in the namespace or, if it is "", in all.
    pub(crate) fn list<'a>(
        &'a self,
        key: &str,
        namespace: &'a str,
        after: Option<&Place>,
    ) -> impl Iterator<Item = &'a Arc<Value>> + use<'a> {
        let from = match after {
            Some(place) => Bound::Excluded(place.clone()),
            None => Bound::Included((namespace.to_owned(), String::new())),
        };
        let all = self.objects.get(key).into_iter();
        all.flat_map(move |objects| objects.range((from.clone(), Bound::Unbounded)))
            .take_while(move |((each, _), _)| namespace.is_empty() || each == namespace)
            .map(|(_, object)| object)
    }

    /// How many objects of one type there are in the namespace or, if it is "", in all.
    pub(crate) fn count(&self, key: &str, namespace: &str) -> usize {
        if namespace.is_empty() {
            return self.objects.get(key).map_or(0, BTreeMap::len);
        }
        self.counts.get(&(key.to_owned(), namespace.to_owned())).copied().unwrap_or_default()
    }

    /// Everything of one type, as a snapshot.
    pub(crate) fn all(&self, key: &str) -> Vec<Arc<Value>> {
        self.list(key, "", None).cloned().collect()
    }

    /// Writes the object and returns it with its new resourceVersion.
    pub(crate) fn put(&mut self, key: &str, mut object: Value) -> Arc<Value> {
        self.revision += 1;
        object["metadata"]["resourceVersion"] = self.revision.to_string().into();
        let place = (meta::namespace(&object).to_owned(), meta::name(&object).to_owned());
        let object = Arc::new(object);
        let before = self.objects.entry(key.to_owned()).or_default().insert(place, Arc::clone(&object));
        if before.is_none() {
            *self.counts.entry((key.to_owned(), meta::namespace(&object).to_owned())).or_default() += 1;
        }
        self.remember(key, before, Some(Arc::clone(&object)));
        object
    }

    pub(crate) fn remove(&mut self, key: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let place = (namespace.to_owned(), name.to_owned());
        let before = self.objects.get_mut(key)?.remove(&place)?;
        self.revision += 1;
        if let Some(count) = self.counts.get_mut(&(key.to_owned(), namespace.to_owned())) {
            *count -= 1;
        }
        self.remember(key, Some(Arc::clone(&before)), None);
        Some(before)
    }

    fn remember(&mut self, key: &str, before: Option<Arc<Value>>, after: Option<Arc<Value>>) {
        self.history.push_back(Change { revision: self.revision, key: key.to_owned(), before, after });
        if self.history.len() > HISTORY
            && let Some(dropped) = self.history.pop_front()
        {
            self.forgotten = dropped.revision;
        }
    }

    /// The changes after a revision, of one type.
    pub(crate) fn since<'a>(&'a self, key: &'a str, revision: u64) -> impl Iterator<Item = &'a Change> {
        self.recent(revision).filter(move |change| change.key == key)
    }

    /// The changes after a revision.
    pub(crate) fn recent(&self, revision: u64) -> impl Iterator<Item = &Change> {
        let start = self.history.partition_point(|change| change.revision <= revision);
        self.history.range(start..)
    }
}
