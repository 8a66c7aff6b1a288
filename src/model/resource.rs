//! A resource type, as discovery names it.

use std::fmt;

use super::ApiPath;

/// Types whose objects are served under two groups at once (kubernetes'
/// pkg/kubeapiserver/default_storage_factory_builder.go; Ingresses until 1.21). The same uid counts once, in the group that
/// stands first.
const COHABITING: [(&str, &str); 4] = [
    ("", "events"),
    ("events.k8s.io", "events"),
    ("networking.k8s.io", "ingresses"),
    ("extensions", "ingresses"),
];

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
    /// Other names that kubectl knows it by: the singular and the short ones.
    pub aliases: Vec<String>,
}

impl ResourceType {
    /// `group/version`, or the version alone for the core group: what `apiVersion` says.
    #[must_use]
    pub fn api_version(&self) -> String {
        group_version(&self.group, &self.version)
    }

    /// Whether both have the same objects, in whatever version they are served.
    #[must_use]
    pub fn is_same_in_any_version(&self, other: &Self) -> bool {
        self.group == other.group && self.resource == other.resource
    }

    /// Whether the objects of this type are served under two groups at once.
    #[must_use]
    pub fn is_cohabiting(&self) -> bool {
        self.cohabiting_rank().is_some()
    }

    /// Which of the two groups counts: the one that stands first.
    #[must_use]
    pub fn cohabiting_rank(&self) -> Option<usize> {
        COHABITING.iter().position(|each| *each == (self.group.as_str(), self.resource.as_str()))
    }

    /// Whether both are the same objects: in whatever version, and under whatever group they are served.
    #[must_use]
    pub fn has_the_objects_of(&self, other: &Self) -> bool {
        let cohabiting = self.is_cohabiting() && other.is_cohabiting() && self.resource == other.resource;
        cohabiting || self.is_same_in_any_version(other)
    }

    /// The path of the whole collection, over all namespaces.
    #[must_use]
    pub fn path(&self) -> ApiPath {
        self.path_in("")
    }

    /// The path of the collection inside one namespace; `namespace` is empty for what is in none.
    #[must_use]
    pub fn path_in(&self, namespace: &str) -> ApiPath {
        ApiPath::collection(&self.group, &self.version, namespace, &self.resource)
    }

    /// The path of one object; `namespace` is empty for what is in none.
    #[must_use]
    pub fn path_of(&self, namespace: &str, name: &str) -> ApiPath {
        self.path_in(namespace).join(name)
    }

    /// So many objects of this type in a sentence: `1 ConfigMap`, `2 NetworkPolicies`, `3 Backups.example.com`.
    #[must_use]
    pub fn counted(&self, count: u64) -> String {
        let noun = if count == 1 { self.kind.clone() } else { self.kinds() };
        // Kubernetes' own kinds need no group; of others there may be several of one name.
        if self.group.contains('.') && !self.group.ends_with(".k8s.io") {
            format!("{count} {noun}.{}", self.group)
        } else {
            format!("{count} {noun}")
        }
    }

    /// The plural of the kind: its beginning is the kind's, its end that of the resource's name.
    fn kinds(&self) -> String {
        let lower = self.kind.to_ascii_lowercase();
        let common = lower.bytes().zip(self.resource.bytes()).take_while(|(a, b)| a == b).count();
        match (self.kind.get(..common), self.resource.get(common..)) {
            (Some(start), Some(end)) if 2 * common >= lower.len() => format!("{start}{end}"),
            _ => self.resource.clone(),
        }
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

/// A namespaced type in version v1, for the facts that tests write by hand.
/// Groups with a dot that Kubernetes serves itself.
const BUILT_IN: [&str; 17] = [
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
];

/// Whether a group is somebody's own.
#[must_use]
pub fn is_custom_group(group: &str) -> bool {
    group.contains('.') && !BUILT_IN.contains(&group)
}

#[cfg(test)]
pub(crate) fn resource(group: &str, resource: &str, kind: &str) -> ResourceType {
    ResourceType {
        group: group.to_owned(),
        version: "v1".to_owned(),
        resource: resource.to_owned(),
        kind: kind.to_owned(),
        namespaced: true,
        verbs: vec!["delete".to_owned(), "list".to_owned()],
        aliases: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_counted_as_in_a_sentence() {
        let count = |group, name, kind, n| resource(group, name, kind).counted(n);
        assert_eq!(count("", "configmaps", "ConfigMap", 1), "1 ConfigMap");
        assert_eq!(count("", "configmaps", "ConfigMap", 2), "2 ConfigMaps");
        assert_eq!(count("networking.k8s.io", "networkpolicies", "NetworkPolicy", 3), "3 NetworkPolicies");
        assert_eq!(count("", "endpoints", "Endpoints", 0), "0 Endpoints");
        assert_eq!(count("example.com", "backups", "Backup", 1), "1 Backup.example.com");
        assert_eq!(count("example.com", "mice", "Mouse", 2), "2 mice.example.com");
    }

    #[test]
    fn a_name_is_asked_for_as_itself_whatever_it_holds() {
        let bindings = ResourceType {
            group: "rbac.authorization.k8s.io".to_owned(),
            ..resource("", "rolebindings", "RoleBinding")
        };
        let path = bindings.path_of("n", "a#b?c d/ä%2F..");
        let root = "/apis/rbac.authorization.k8s.io/v1/namespaces/n/rolebindings";
        assert_eq!(path.as_str(), format!("{root}/a%23b%3Fc%20d%2F%C3%A4%252F.."));
        assert_eq!(bindings.path_of("n", "system:node").as_str(), format!("{root}/system:node"));
    }

    #[test]
    fn a_namespace_out_of_a_file_cannot_lead_elsewhere() {
        let types = resource("", "configmaps", "ConfigMap");
        assert_eq!(types.path_in("#").as_str(), "/api/v1/namespaces/%23/configmaps");
        assert_eq!(
            types.path_in("default/configmaps?x=").as_str(),
            "/api/v1/namespaces/default%2Fconfigmaps%3Fx%3D/configmaps"
        );
    }
}
