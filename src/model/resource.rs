//! A resource type, as discovery names it.

use std::fmt;

/// A type of object that the API serves, in the version nsfix talks to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceType {
    /// API group; empty for the core group.
    pub group: String,
    /// Version, for example `v1`.
    pub version: String,
    /// Plural name as it stands in URLs, for example `configmaps`.
    pub resource: String,
    /// Kind, for example `ConfigMap`.
    pub kind: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// The verbs that discovery advertises.
    pub verbs: Vec<String>,
}

impl ResourceType {
    /// `group/version`, or the version alone for the core group: what `apiVersion` says.
    #[must_use]
    pub fn api_version(&self) -> String {
        group_version(&self.group, &self.version)
    }

    /// The path of the whole collection, over all namespaces.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", group_version_path(&self.group, &self.version), self.resource)
    }

    /// The path of the collection inside one namespace.
    #[must_use]
    pub fn path_in(&self, namespace: &str) -> String {
        let root = group_version_path(&self.group, &self.version);
        format!("{root}/namespaces/{namespace}/{}", self.resource)
    }

    /// Whether discovery advertises this verb.
    #[must_use]
    pub fn allows(&self, verb: &str) -> bool {
        self.verbs.iter().any(|have| have == verb)
    }
}

/// kubectl's `resource.group` form: `configmaps`, `backups.example.com`.
impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.resource)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        Ok(())
    }
}

/// `group/version`, or the version alone for the core group.
pub(crate) fn group_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// The URL path under which a group version is served.
pub(crate) fn group_version_path(group: &str, version: &str) -> String {
    if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") }
}

/// A namespaced type in version v1, for the facts that tests write by hand.
#[cfg(test)]
pub(crate) fn resource(group: &str, resource: &str, kind: &str) -> ResourceType {
    ResourceType {
        group: group.to_owned(),
        version: "v1".to_owned(),
        resource: resource.to_owned(),
        kind: kind.to_owned(),
        namespaced: true,
        verbs: vec!["delete".to_owned(), "list".to_owned()],
    }
}
