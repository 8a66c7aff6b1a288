//! Stored objects that the server cannot decode, decrypt or convert.

use std::collections::BTreeMap;

use crate::diagnose::conditions::said_of_each;
use crate::diagnose::{Cause, CauseKind, failures, nameless_caches};
use crate::model::{Facts, ResourceType, ShellCommand};

/// What the storage layer says (apiserver's pkg/storage/etcd3 and pkg/storage/value, apiextensions-apiserver's
/// pkg/apiserver/conversion, apimachinery's pkg/runtime/error.go).
const UNREADABLE: [&str; 10] = [
    "unable to transform key",
    "StoreReadError",
    "failed to read one or more",
    " from the storage",
    "data from the storage is not transformable",
    "from an invalid group/version",
    "is registered for version",
    "identity transformer tried to read encrypted data",
    "no matching prefix found",
    "unable to decrypt",
];
/// In place of a condition that another cause quotes.
const NAMED_AS_WELL: &str = "the namespace controller names it as well, in the condition quoted above";
/// How many objects are named one by one.
const NAMED: usize = 10;

/// Whether the server says that it cannot read what is stored.
pub(super) fn is_unreadable(said: &str) -> bool {
    UNREADABLE.iter().any(|words| said.contains(words))
}

/// What was said of the stored objects of one type.
#[derive(Default)]
struct SaidOf<'a> {
    ty: Option<&'a ResourceType>,
    texts: Vec<&'a str>,
    evidence: Vec<String>,
}

/// One cause for each type.
pub(super) fn unreadable_objects(facts: &Facts) -> Vec<Cause> {
    let mut by_type: BTreeMap<String, SaidOf<'_>> = BTreeMap::new();
    let types = &facts.extensions.types;
    let coverage = &facts.inventory.coverage;
    let mut say = |subject: String, said, evidence: String| {
        let of_type = by_type.entry(subject.clone()).or_default();
        of_type.ty = types.iter().find(|ty| ty.to_string() == subject);
        of_type.texts.push(said);
        of_type.evidence.push(evidence);
    };
    for gap in coverage.gaps.iter().filter(|gap| is_unreadable(&gap.detail)) {
        say(gap.to_string(), &gap.detail, format!("listing {gap} was answered: {}", gap.detail));
    }
    for condition in failures(&facts.namespace).filter(|condition| is_unreadable(&condition.message)) {
        let said = condition.message.as_str();
        let evidence = format!("the namespace controller says: {said}");
        let named = said_of_each(said, types);
        if named.is_empty() {
            let only = gone_group_version(said).and_then(|(group, _)| only_of_group(types, group));
            let subject = only.map(ToString::to_string);
            let of_key = || keys(said).first().map_or("objects", |key| key.resource).to_owned();
            say(subject.unwrap_or_else(of_key), said, evidence);
            continue;
        }
        for (index, (ty, part)) in named.into_iter().filter(|(_, part)| is_unreadable(part)).enumerate() {
            let subject = ty.to_string();
            if let Some(whole) = coverage.failed_lists.get(&subject) {
                let words = format!("listing {subject} over all namespaces was answered: {whole}");
                say(subject.clone(), whole, words);
            }
            // Quoted once, however many types it names.
            let quote = if index == 0 { evidence.clone() } else { NAMED_AS_WELL.to_owned() };
            say(subject, part, quote);
        }
    }
    let nameless = failures(&facts.namespace).find(|condition| nameless_caches(&condition.message) > 0);
    if let Some(condition) = nameless {
        for (subject, whole) in coverage.failed_lists.iter().filter(|(_, whole)| is_unreadable(whole)) {
            let words = format!("listing {subject} over all namespaces was answered: {whole}");
            say(subject.clone(), whole, words);
            let said = condition.message.as_str();
            say(subject.clone(), said, format!("the namespace controller says: {said}"));
        }
    }
    for dry_run in &facts.dry_runs {
        if let (Some(said), Some(quote)) = (dry_run.outcome.said(), dry_run.quote())
            && is_unreadable(said)
        {
            say(dry_run.resource.clone(), said, quote);
        }
    }
    by_type.into_iter().map(|(subject, said)| cause(facts, &subject, said)).collect()
}

/// The type of a group, where it has no other.
fn only_of_group<'a>(types: &'a [ResourceType], group: &str) -> Option<&'a ResourceType> {
    let mut of_group = types.iter().filter(|ty| ty.group == group);
    let first = of_group.next();
    first.filter(|_| of_group.next().is_none())
}

/// How many errors of a message say that something cannot be read: one for each type, or one where none is named.
pub(super) fn unreadable_types(said: &str, types: &[ResourceType]) -> usize {
    let named = said_of_each(said, types);
    let unreadable = named.iter().filter(|(_, part)| is_unreadable(part)).count();
    if named.is_empty() { is_unreadable(said).into() } else { unreadable }
}

fn cause(facts: &Facts, subject: &str, said: SaidOf<'_>) -> Cause {
    let mut keys: Vec<Key<'_>> = said.texts.iter().flat_map(|text| keys(text)).collect();
    keys.sort();
    keys.dedup();
    keys.retain(|key| said.ty.is_none_or(|ty| ty.resource == key.resource));
    let version = said.texts.iter().find_map(|text| gone_group_version(text)).map(|(_, version)| version);
    let named = named(&keys, &facts.namespace.name);
    let mut evidence: Vec<String> = keys.iter().take(NAMED).map(Key::sentence).collect();
    for sentence in said.evidence {
        if !evidence.contains(&sentence) {
            evidence.push(sentence);
        }
    }
    let cause = |detail| Cause::new(CauseKind::UnreadableObjects, subject, detail).evidence(evidence);
    // The condition is of the controller's last pass, and what was listed since is newer.
    if facts.inventory.coverage.types.contains(subject) {
        return cause(format!(
            "{subject} could not be read{named} when the controller last looked; now it can"
        ))
        .evidence([format!("listing {subject} succeeds")])
        .remedy("wait: after a failure the controller looks again within a minute");
    }
    let why = match version {
        Some(version) => format!("stored in version {version}, which is gone"),
        None => "they cannot be decrypted or decoded".to_owned(),
    };
    // Where its own list fails, it is in this namespace.
    let here = facts.inventory.coverage.gaps.iter().any(|gap| gap.to_string() == subject);
    let here = here.then_some(facts.namespace.name.as_str());
    let crd = said.ty.filter(|ty| ty.group.contains('.'));
    let cause = cause(format!("{subject} cannot be read{named}: {why}")).remedy(format!(
        "{}; {}",
        how_to_read(version, crd.is_some()),
        unsafe_deletion(said.ty, keys.first(), here)
    ));
    match (version, crd) {
        (Some(version), Some(crd)) => cause.command(bring_back(crd, version)),
        _ => cause,
    }
}

/// ` (NAME and 2 more in namespace NAMESPACE)`.
fn named(keys: &[Key<'_>], namespace: &str) -> String {
    let Some(key) = keys.first() else { return String::new() };
    let elsewhere = if key.namespace == namespace { "" } else { ", elsewhere" };
    let more = if keys.len() > 1 { format!(" and {} more", keys.len() - 1) } else { String::new() };
    format!(" ({}{more} in namespace {}{elsewhere})", key.name, key.namespace)
}

/// What makes the objects readable again.
fn how_to_read(version: Option<&str>, is_crd: bool) -> String {
    match version {
        Some(version) if is_crd => {
            format!("bring version {version} back into the CRD's list of versions, with `served: false`")
        }
        Some(version) => format!("bring version {version} back where the type is defined"),
        None => {
            "bring the key back into the API server's encryption configuration, and restart it".to_owned()
        }
    }
}

/// The last resort, which nsfix never takes: what it sends, and what it costs (kubernetes KEP-3926).
fn unsafe_deletion(ty: Option<&ResourceType>, key: Option<&Key<'_>>, here: Option<&str>) -> String {
    let (namespace, name) =
        key.map_or((here.unwrap_or("NAMESPACE"), "NAME"), |key| (key.namespace, key.name));
    let path = ty.map_or_else(|| format!("PATH/{name}"), |ty| ty.path_of(namespace, name).to_string());
    let each = if key.is_some() { "" } else { ", for each object (the server does not name it)" };
    format!(
        "if that cannot be had, the API server's feature AllowUnsafeMalformedObjectDeletion (since 1.32, on by \
         default from 1.37) deletes an object unread: DELETE \
         {path}?ignoreStoreReadErrorWithClusterBreakingPotential=true{each}, which takes the permission \
         unsafe-delete-ignore-read-errors. Warning: finalizers and preconditions are ignored, what they protect stays \
         behind, and it may break the cluster. nsfix never sends it"
    )
}

/// The version back into the CRD: not served, not stored, and without a schema that could refuse what is there.
fn bring_back(ty: &ResourceType, version: &str) -> ShellCommand {
    let schema = serde_json::json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let patch = serde_json::json!([{"op": "add", "path": "/spec/versions/-", "value": {
        "name": version, "served": false, "storage": false, "schema": {"openAPIV3Schema": schema},
    }}]);
    ShellCommand::kubectl(["patch", "crd", "--type=json", "-p", &patch.to_string()]).names([ty.to_string()])
}

/// Group and version in `request to convert CR from an invalid group/version: example.com/v1`, and in `no kind "Widget" is
/// registered for version "example.com/v1"`.
fn gone_group_version(said: &str) -> Option<(&str, &str)> {
    let after = |words: &str| Some(said.split_once(words)?.1);
    let group_version = after("invalid group/version: ").or_else(|| after("is registered for version \""))?;
    let group_version = group_version.split(['"', ',', ' ', ';']).next()?;
    group_version.rsplit_once('/').filter(|(_, version)| !version.is_empty())
}

/// An object by its key in etcd.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    resource: &'a str,
    namespace: &'a str,
    name: &'a str,
}

impl Key<'_> {
    fn sentence(&self) -> String {
        let Self { resource, namespace, name } = self;
        format!("{resource} {name} in namespace {namespace} cannot be read; it holds that namespace")
    }
}

/// `key "/registry/secrets/NAMESPACE/NAME"`; with the group before the type for custom resources.
fn keys(said: &str) -> Vec<Key<'_>> {
    let quoted = said.split("key \"").skip(1).filter_map(|rest| rest.split('"').next());
    quoted
        .filter_map(|key| {
            let mut parts = key.rsplit('/');
            let (name, namespace, resource) = (parts.next()?, parts.next()?, parts.next()?);
            (!resource.is_empty() && resource != "registry").then_some(Key { resource, namespace, name })
        })
        .collect()
}
