//! The discovery documents: aggregated and legacy.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde_json::{Value, json};

use super::aggregation::Remote;
use super::negotiate::MediaRange;
use super::release::Release;
use super::types::{ResourceType, Types, group_version};

/// Which form of discovery the sandbox offers; what servers of different age do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiscoveryMode {
    /// `apidiscovery.k8s.io/v2` alone (since 1.33).
    #[default]
    AggregatedV2,
    /// v2 and v2beta1, whichever the client asks for first (1.30 to 1.32).
    AggregatedBoth,
    /// `apidiscovery.k8s.io/v2beta1` alone (1.27 to 1.29).
    AggregatedV2Beta1,
    /// None: one document per group and version (before 1.27).
    Legacy,
}

impl DiscoveryMode {
    /// The aggregated version to answer with; none for the legacy documents.
    pub(crate) fn pick(self, accept: &[MediaRange]) -> Option<&'static str> {
        let offered: &[&str] = match self {
            Self::AggregatedV2 => &["v2"],
            Self::AggregatedBoth => &["v2", "v2beta1"],
            Self::AggregatedV2Beta1 => &["v2beta1"],
            Self::Legacy => &[],
        };
        let version = |range: &MediaRange| {
            let aggregated =
                range.param("as") == "APIGroupDiscoveryList" && range.param("g") == "apidiscovery.k8s.io";
            offered.iter().copied().find(|offered| aggregated && range.param("v") == *offered)
        };
        let acceptable = |range: &&MediaRange| version(range).is_some() || range.param("as").is_empty();
        accept.iter().filter(|range| range.is_json()).find(acceptable).and_then(version)
    }
}

/// One API group.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: String,
    /// The preferred one first.
    pub(crate) versions: Vec<Version>,
}

/// One version of a group.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) name: String,
    /// The server behind it does not answer.
    pub(crate) stale: bool,
    pub(crate) types: Vec<Arc<ResourceType>>,
}

/// All groups: built-in, custom, and those of the (dead) remote servers.
pub(crate) fn groups(types: &Types, remotes: &[Remote]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut version_of = |group: &str, version: &str, stale: bool, of: Option<&Arc<ResourceType>>| {
        let at = groups.iter().position(|each| each.name == group).unwrap_or_else(|| {
            groups.push(Group { name: group.to_owned(), versions: Vec::new() });
            groups.len() - 1
        });
        let versions = &mut groups[at].versions;
        let at = versions.iter().position(|each| each.name == version).unwrap_or_else(|| {
            versions.push(Version { name: version.to_owned(), stale, types: Vec::new() });
            versions.len() - 1
        });
        versions[at].stale |= stale;
        versions[at].types.extend(of.cloned());
    };
    for of in types.all() {
        version_of(&of.group, &of.version, false, Some(of));
    }
    for remote in remotes {
        version_of(&remote.group, &remote.version, true, None);
    }
    // A stale entry carries no resources (seen from 1.29 to 1.36).
    for version in groups.iter_mut().flat_map(|group| &mut group.versions).filter(|version| version.stale) {
        version.types.clear();
    }
    groups
}

/// The answer to `/api` or `/apis`, aggregated.
pub(crate) fn aggregated(groups: &[Group], release: Release, api_version: &str, legacy: bool) -> Value {
    let items: Vec<_> = groups
        .iter()
        .filter(|group| group.name.is_empty() == legacy)
        .map(|group| aggregated_group(group, release))
        .collect();
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": format!("apidiscovery.k8s.io/{api_version}"),
        "metadata": {},
        "items": items,
    })
}

fn aggregated_group(group: &Group, release: Release) -> Value {
    let version = |version: &Version| {
        let mut entry = json!({"version": version.name});
        if !version.types.is_empty() {
            entry["resources"] = version.types.iter().map(|of| aggregated_resource(of)).collect();
        }
        entry["freshness"] = if version.stale { "Stale" } else { "Current" }.into();
        entry
    };
    let versions: Vec<_> = group.versions.iter().map(version).collect();
    let mut metadata = if group.name.is_empty() { json!({}) } else { json!({"name": group.name}) };
    if release.writes_null_times() {
        metadata["creationTimestamp"] = Value::Null;
    }
    json!({"metadata": metadata, "versions": versions})
}

fn aggregated_resource(of: &ResourceType) -> Value {
    let (group, version) = response_kind(of);
    let mut entry = json!({
        "resource": of.resource,
        "responseKind": {"group": group, "kind": of.kind, "version": version},
        "scope": if of.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": of.singular,
        "verbs": of.verbs,
    });
    if !of.short_names.is_empty() {
        entry["shortNames"] = of.short_names.clone().into();
    }
    if !of.categories.is_empty() {
        entry["categories"] = of.categories.clone().into();
    }
    if !of.subresources.is_empty() {
        entry["subresources"] = of.subresources.iter().map(|sub| aggregated_subresource(of, sub)).collect();
    }
    entry
}

/// Group and version of what a type answers with. The installer of built-in types leaves them empty when they are the
/// type's own; that of custom types does not.
fn response_kind(of: &ResourceType) -> (&str, &str) {
    if of.custom.is_some() { (&of.group, &of.version) } else { ("", "") }
}

fn aggregated_subresource(of: &ResourceType, name: &str) -> Value {
    let (group, version, kind) = match subresource_kind(of, name) {
        ("", "", kind) => (response_kind(of).0, response_kind(of).1, kind),
        other => other,
    };
    let response_kind = json!({"group": group, "kind": kind, "version": version});
    json!({"subresource": name, "responseKind": response_kind, "verbs": subresource_verbs(name)})
}

fn subresource_kind<'a>(of: &'a ResourceType, name: &str) -> (&'a str, &'a str, &'a str) {
    match name {
        "eviction" => ("policy", "v1", "Eviction"),
        "scale" => ("autoscaling", "v1", "Scale"),
        "token" => ("authentication.k8s.io", "v1", "TokenRequest"),
        _ => ("", "", &of.kind),
    }
}

/// The verbs of a subresource; the finalize of a namespace can only be put.
pub(crate) fn subresource_verbs(name: &str) -> &'static [&'static str] {
    match name {
        "finalize" => &["update"],
        "eviction" | "token" => &["create"],
        _ => &["get", "patch", "update"],
    }
}

/// The answer to `/api` (legacy) or `/apis`.
pub(crate) fn legacy_groups(groups: &[Group], legacy: bool, address: &str) -> Value {
    if legacy {
        let addresses = json!([{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]);
        return json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses});
    }
    let groups: Vec<_> =
        groups.iter().filter(|group| !group.name.is_empty()).map(legacy_group_entry).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// The answer to `/apis/GROUP`.
pub(crate) fn legacy_group(group: &Group) -> Value {
    let mut document = json!({"kind": "APIGroup", "apiVersion": "v1"});
    super::patch::merge(&mut document, &legacy_group_entry(group));
    document
}

fn legacy_group_entry(group: &Group) -> Value {
    let entry = |version: &Version| json!({"groupVersion": group_version(&group.name, &version.name), "version": version.name});
    let versions: Vec<_> = group.versions.iter().map(entry).collect();
    let preferred = versions.first().cloned().unwrap_or_default();
    json!({"name": group.name, "versions": versions, "preferredVersion": preferred})
}

/// The answer to `/api/v1` or `/apis/GROUP/VERSION`.
pub(crate) fn legacy_resources(group: &str, version: &Version) -> Value {
    let mut resources = Vec::new();
    for of in &version.types {
        let mut entry = json!({
            "name": of.resource,
            "singularName": of.singular,
            "namespaced": of.namespaced,
            "kind": of.kind,
            "verbs": of.verbs,
        });
        if !of.short_names.is_empty() {
            entry["shortNames"] = of.short_names.clone().into();
        }
        if !of.categories.is_empty() {
            entry["categories"] = of.categories.clone().into();
        }
        resources.push(entry);
        resources.extend(of.subresources.iter().map(|sub| legacy_subresource(of, sub)));
    }
    let group_version = group_version(group, &version.name);
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources})
}

fn legacy_subresource(of: &ResourceType, sub: &str) -> Value {
    let (group, version, kind) = subresource_kind(of, sub);
    let mut entry = json!({
        "name": format!("{}/{sub}", of.resource),
        "singularName": "",
        "namespaced": of.namespaced,
        "kind": kind,
        "verbs": subresource_verbs(sub),
    });
    if !version.is_empty() {
        entry["group"] = group.into();
        entry["version"] = version.into();
    }
    entry
}

/// A quoted tag that changes with the document. The real one is a SHA-512; clients may only compare it.
pub(crate) fn etag(body: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    format!("\"{:016X}\"", hasher.finish())
}
