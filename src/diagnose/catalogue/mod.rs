//! What is known about finalizers: who owns each, what it protects, what is lost when it is taken away by
//! force, and what to do instead. Knowledge only: it says nothing about the cluster at hand.
//!
//! To add a finalizer, add an [`Entry`] to the file of its area and run the tests with `NSFIX_BLESS=1`, which
//! writes docs/finalizers.md anew. An entry is dangerous until it says otherwise.

mod areas;
mod markdown;
mod name;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

pub use markdown::markdown;

/// Where a finalizer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `spec.finalizers` of a namespace.
    NamespaceSpec,
    /// `metadata.finalizers` of a namespace.
    NamespaceMetadata,
    /// `metadata.finalizers` of any other object.
    Object,
}

/// Where an owner runs, and so what the absence of its pods proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// Inside the API server or kube-controller-manager. On a hosted cluster these show no pods.
    ControlPlane,
    /// As pods of this cluster.
    Cluster,
    /// Perhaps as pods of this cluster, perhaps outside it (a hosted control plane, a management cluster).
    MaybeElsewhere,
}

/// How to find an owner's pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    /// The namespaces it is usually installed in. A match elsewhere is weaker evidence.
    pub namespaces: &'static [&'static str],
    /// A label selector as the API takes it.
    pub selector: &'static str,
}

/// A OwnerLease that an owner renews while it works. Absent is no proof: leader election can be off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnerLease {
    /// The namespace it is usually in.
    pub namespace: &'static str,
    pub name: &'static str,
}

/// A controller that puts finalizers on objects and takes them off when its work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// As it is shown.
    pub name: &'static str,
    pub runs: Runs,
    /// Its pods; any of these will do. Empty where they carry no label of their own.
    pub workloads: &'static [Workload],
    pub leases: &'static [OwnerLease],
    /// The API groups of its own types; `*` stands for one or more characters.
    pub groups: &'static [&'static str],
}

/// One finalizer, or several that mean the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The finalizers. In a name `*` stands for one or more characters; the name `<plural>.<group>` is made
    /// of the object's own type.
    pub names: &'static [&'static str],
    /// For each name with a `*`, a finalizer that it is meant for.
    pub examples: &'static [&'static str],
    /// Where the finalizer stands.
    pub places: &'static [Place],
    /// On which objects it is found, in words.
    pub on: &'static str,
    /// Holds for objects of these API groups only (`*` as in names). Empty: of any.
    pub groups: &'static [&'static str],
    /// Holds for these kinds only. Empty: for any.
    pub kinds: &'static [&'static str],
    /// Who put it there and would take it off.
    pub owner: Owner,
    /// What it keeps safe while it stands.
    pub protects: &'static str,
    /// What is lost or left behind when it is removed by force.
    pub if_removed: &'static str,
    /// What to do instead.
    pub remedy: &'static str,
    /// Removing it loses data, or leaves something running, billed or open: never released by a wildcard.
    pub dangerous: bool,
    /// Where its name was read.
    pub source: &'static str,
}

/// A part of the catalogue.
struct Area {
    title: &'static str,
    entries: &'static [Entry],
}

/// What an owner is unless it says otherwise.
const OWNER: Owner = Owner { name: "", runs: Runs::Cluster, workloads: &[], leases: &[], groups: &[] };

/// What an entry is unless it says otherwise.
const ENTRY: Entry = Entry {
    names: &[],
    examples: &[],
    places: &[Place::Object],
    on: "",
    groups: &[],
    kinds: &[],
    owner: OWNER,
    protects: "",
    if_removed: "",
    remedy: "",
    dangerous: true,
    source: "",
};

/// An entry that holds for objects of any type: names, on which objects, whose; what it protects, what is lost if it is
/// removed by force, what to do instead; whether that is dangerous; where the name was read.
const fn entry(
    names: &'static [&'static str],
    on: &'static str,
    owner: Owner,
    (protects, if_removed, remedy): (&'static str, &'static str, &'static str),
    dangerous: bool,
    source: &'static str,
) -> Entry {
    Entry { names, on, owner, protects, if_removed, remedy, dangerous, source, ..ENTRY }
}

const fn pods(namespaces: &'static [&'static str], selector: &'static str) -> Workload {
    Workload { namespaces, selector }
}

const fn lease(namespace: &'static str, name: &'static str) -> OwnerLease {
    OwnerLease { namespace, name }
}

/// Every entry, area by area.
#[must_use]
pub fn all() -> &'static [Entry] {
    static ALL: LazyLock<Vec<Entry>> =
        LazyLock::new(|| areas::AREAS.iter().flat_map(|area| area.entries).copied().collect());
    &ALL
}

/// What is known about a finalizer on an object of this group and kind. The closest entry wins: a full name
/// before a pattern, an entry for this type before one for any, a long pattern before a short one. `None`
/// means unknown, which is not harmless.
#[must_use]
pub fn look_up(finalizer: &str, group: &str, kind: &str, place: Place) -> Option<&'static Entry> {
    all()
        .iter()
        .filter(|entry| entry.places.contains(&place))
        .filter_map(|entry| Some((entry.closeness(finalizer, group, kind)?, entry)))
        .max_by_key(|(closeness, _)| *closeness)
        .map(|(_, entry)| entry)
}

/// Every entry that this finalizer may be, whatever it stands on; a full name before patterns.
#[must_use]
pub fn fitting(finalizer: &str) -> Vec<&'static Entry> {
    let closest = |entry: &Entry| entry.names.iter().filter_map(|name| name::fits(name, finalizer)).max();
    let mut found: Vec<_> = all().iter().filter_map(|entry| Some((closest(entry)?, entry))).collect();
    found.sort_by_key(|(closeness, _)| std::cmp::Reverse(*closeness));
    let best = found.first().map(|(closeness, _)| *closeness);
    found.into_iter().filter(|(closeness, _)| Some(*closeness) == best).map(|(_, entry)| entry).collect()
}

/// Every entry with this text in a name or in its owner's, sorted by name.
#[must_use]
pub fn containing(text: &str) -> Vec<&'static Entry> {
    let text = text.to_lowercase();
    let has = |name: &&str| name.to_lowercase().contains(&text);
    let mut found: Vec<_> =
        all().iter().filter(|entry| entry.names.iter().any(has) || has(&entry.owner.name)).collect();
    found.sort_by_key(|entry| entry.names);
    found
}

/// How well an entry fits; the greater the better.
type Closeness = (bool, bool, usize, usize);

impl Entry {
    fn closeness(&self, finalizer: &str, group: &str, kind: &str) -> Option<Closeness> {
        // There are hundreds of entries, and every finalizer of every namespace is looked up.
        if !self.names.iter().any(|name| name::may_begin(name, finalizer)) {
            return None;
        }
        let of_group = if self.groups.is_empty() {
            0
        } else {
            self.groups.iter().filter_map(|pattern| name::fits(pattern, group)).max()? + 1
        };
        let of_kind = !self.kinds.is_empty();
        if of_kind && !self.kinds.contains(&kind) {
            return None;
        }
        let of_name = |name: &&str| match *name {
            name::OF_TYPE => name::is_of_type(finalizer, group, kind).then_some((false, 0)),
            name => name::fits(name, finalizer).map(|length| (!name::is_pattern(name), length)),
        };
        let (exact, length) = self.names.iter().filter_map(of_name).max()?;
        Some((exact, of_kind, of_group, length))
    }
}
