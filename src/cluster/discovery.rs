//! Discovery by hand: two requests where the server aggregates, group by group where it does not.
//!
//! kube's own discovery fails as a whole on one dead group, or ignores `freshness: Stale`; either would turn
//! "could not look" into "empty".

use futures::StreamExt;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use kube::client::{APIGroupDiscovery, APIResourceDiscovery, APIVersionDiscovery};
use serde::Deserialize;

use super::call::Call;
use super::listing::LIST_CONCURRENCY;
use super::{ApiError, Cluster};
use crate::model::{ApiPath, Gap, ResourceType, Unreadable};

/// Parameter order as old servers insist on it; plain JSON last, for servers without aggregated discovery.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupVersionTypes {
    /// API group; empty for the core group.
    pub group: String,
    pub version: String,
    /// Its types, without subresources.
    pub types: Vec<ResourceType>,
}

/// What the server serves, and what it could not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discovered {
    /// Group versions in the server's order: within a group the preferred version comes first.
    pub group_versions: Vec<GroupVersionTypes>,
    /// Group versions that could not be discovered.
    pub gaps: Vec<Gap>,
}

impl Discovered {
    /// The types that can hold a namespace: the namespace controller's own set (client-go's
    /// discovery `ServerPreferredNamespacedResources`, those that can be deleted), and listed.
    #[must_use]
    pub fn holding_types(&self) -> Vec<ResourceType> {
        let mut seen = std::collections::HashSet::new();
        let types = self.group_versions.iter().flat_map(|group_version| &group_version.types);
        types
            .filter(|ty| ty.namespaced && ty.allows("delete") && ty.allows("list"))
            .filter(|ty| seen.insert((&ty.group, &ty.resource)))
            .cloned()
            .collect()
    }
}

/// A group version to be asked for on its own.
struct Pending {
    group: String,
    version: String,
    /// What discovery said of it, for the case that asking does not work either.
    stale: bool,
}

impl Cluster {
    /// Asks the server what it serves. Fails only where the server as a whole is of no use.
    pub async fn discover(&self) -> Result<Discovered, ApiError> {
        let (core, groups) =
            futures::join!(self.discovery_root(ApiPath::core()), self.discovery_root(ApiPath::groups()));
        let mut discovered = Discovered::default();
        let mut pending = Vec::new();
        collect(core?, &mut discovered, &mut pending);
        match groups {
            Ok(root) => collect(root, &mut discovered, &mut pending),
            Err(error) if error.is_fatal() => return Err(error),
            Err(error) => discovered.gaps.push(Gap {
                group: "every API group besides the core".to_owned(),
                version: String::new(),
                resource: None,
                why: error.unreadable(),
                detail: error.detail(),
            }),
        }
        self.ask_one_by_one(pending, &mut discovered).await?;
        discovered.gaps.sort();
        Ok(discovered)
    }

    async fn discovery_root(&self, path: ApiPath) -> Result<Root, ApiError> {
        let body = self.call(Call::get(&path).accepting(AGGREGATED)).await?;
        let RootBody { kind, items, versions, groups } = self.parse(&body)?;
        match kind.as_str() {
            "APIGroupDiscoveryList" => Ok(Root::Aggregated(items)),
            "APIVersions" => Ok(Root::Legacy(legacy_core(versions))),
            "APIGroupList" => Ok(Root::Legacy(legacy_groups(groups))),
            _ => Err(self.not_kubernetes("its discovery document has an unknown kind")),
        }
    }

    /// Legacy discovery, and a second opinion on what aggregated discovery calls stale: 1.27.0 to 1.28.1
    /// said so of healthy APIServices (kubernetes#119662).
    async fn ask_one_by_one(
        &self,
        pending: Vec<Pending>,
        discovered: &mut Discovered,
    ) -> Result<(), ApiError> {
        // In order, so that the preferred version of a group stays first.
        let mut answers = futures::stream::iter(pending)
            .map(|pending| async move {
                let answer = self.group_version(&pending.group, &pending.version).await;
                (pending, answer)
            })
            .buffered(LIST_CONCURRENCY);
        while let Some((Pending { group, version, stale }, answer)) = answers.next().await {
            match answer {
                Ok(types) => discovered.group_versions.push(GroupVersionTypes { group, version, types }),
                Err(error) if error.is_fatal() => return Err(error),
                Err(error) => {
                    let why = if stale { Unreadable::Unavailable } else { error.unreadable() };
                    let detail = error.detail();
                    discovered.gaps.push(Gap { group, version, resource: None, why, detail });
                }
            }
        }
        Ok(())
    }

    async fn group_version(&self, group: &str, version: &str) -> Result<Vec<ResourceType>, ApiError> {
        let path = ApiPath::group_version(group, version);
        let body = self.call(Call::get(&path).probing()).await?;
        let list: meta::APIResourceList = self.parse(&body)?;
        Ok(list
            .resources
            .into_iter()
            .filter(|resource| !resource.name.contains('/'))
            .map(|resource| ResourceType {
                group: group.to_owned(),
                version: version.to_owned(),
                resource: resource.name,
                kind: resource.kind,
                namespaced: resource.namespaced,
                verbs: resource.verbs,
                aliases: aliases(Some(resource.singular_name), resource.short_names.unwrap_or_default()),
            })
            .collect())
    }
}

/// What /api or /apis answered.
enum Root {
    Aggregated(Vec<APIGroupDiscovery>),
    Legacy(Vec<Pending>),
}

/// Any of the documents that /api and /apis answer, read in one go.
#[derive(Deserialize)]
struct RootBody {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    items: Vec<APIGroupDiscovery>,
    #[serde(default)]
    versions: Vec<String>,
    #[serde(default)]
    groups: Vec<meta::APIGroup>,
}

fn collect(root: Root, discovered: &mut Discovered, pending: &mut Vec<Pending>) {
    match root {
        Root::Legacy(group_versions) => pending.extend(group_versions),
        Root::Aggregated(groups) => {
            for group in groups {
                collect_group(group, discovered, pending);
            }
        }
    }
}

fn collect_group(group: APIGroupDiscovery, discovered: &mut Discovered, pending: &mut Vec<Pending>) {
    let name = group.metadata.and_then(|meta| meta.name).unwrap_or_default();
    for APIVersionDiscovery { version, resources, freshness } in group.versions {
        let (group, version) = (name.clone(), version.unwrap_or_default());
        if freshness.as_deref() == Some("Stale") {
            pending.push(Pending { group, version, stale: true });
            continue;
        }
        let types =
            resources.into_iter().filter_map(|resource| type_of(resource, &group, &version)).collect();
        discovered.group_versions.push(GroupVersionTypes { group, version, types });
    }
}

/// `responseKind`'s group and version may be empty and mean "the same"; the URL is made of the outer ones.
fn type_of(resource: APIResourceDiscovery, group: &str, version: &str) -> Option<ResourceType> {
    Some(ResourceType {
        group: group.to_owned(),
        version: version.to_owned(),
        resource: resource.resource?,
        kind: resource.response_kind.and_then(|kind| kind.kind).unwrap_or_default(),
        namespaced: resource.scope.as_deref() == Some("Namespaced"),
        verbs: resource.verbs,
        aliases: aliases(resource.singular_resource, resource.short_names),
    })
}

fn aliases(singular: Option<String>, short: Vec<String>) -> Vec<String> {
    singular.into_iter().filter(|name| !name.is_empty()).chain(short).collect()
}

fn legacy_core(versions: Vec<String>) -> Vec<Pending> {
    let of_core = |version| Pending { group: String::new(), version, stale: false };
    versions.into_iter().map(of_core).collect()
}

fn legacy_groups(groups: Vec<meta::APIGroup>) -> Vec<Pending> {
    let mut pending = Vec::new();
    for group in groups {
        let preferred = group.preferred_version.map(|preferred| preferred.version);
        let mut versions: Vec<String> = group.versions.into_iter().map(|each| each.version).collect();
        versions.sort_by_key(|version| Some(version) != preferred.as_ref());
        pending.extend(versions.into_iter().map(|version| Pending {
            group: group.name.clone(),
            version,
            stale: false,
        }));
    }
    pending
}
