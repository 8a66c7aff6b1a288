//! A permission, as an access review names it.

use std::fmt;

/// What an account may or may not do. Empty fields mean "any" or "none".
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Permission {
    /// `get`, `list`, `update` …
    pub verb: String,
    /// API group; empty for the core group, `*` for all.
    pub group: String,
    /// Plural name, `*` for all.
    pub resource: String,
    pub subresource: String,
    /// Namespace. For a namespace itself the authorizer sees its own name here.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
}

impl Permission {
    /// A verb on a resource, anywhere.
    #[must_use]
    pub fn new(verb: &str, group: &str, resource: &str) -> Self {
        Self {
            verb: verb.to_owned(),
            group: group.to_owned(),
            resource: resource.to_owned(),
            ..Self::default()
        }
    }

    /// The same on a subresource.
    #[must_use]
    pub fn subresource(mut self, subresource: &str) -> Self {
        subresource.clone_into(&mut self.subresource);
        self
    }

    /// The same in one namespace.
    #[must_use]
    pub fn within(mut self, namespace: &str) -> Self {
        namespace.clone_into(&mut self.namespace);
        self
    }

    /// The same on one namespace object: namespace and name are both its name.
    #[must_use]
    pub fn on_namespace(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self.within(name) }
    }

    /// Whether this permission includes the other one: RBAC's wildcards, and "anywhere" for a namespace.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let any = |ours: &str, theirs: &str, wildcard: &str| ours == wildcard || ours == theirs;
        let resources = self.resource == "*"
            || (self.resource == other.resource && self.subresource == other.subresource);
        resources
            && any(&self.verb, &other.verb, "*")
            && any(&self.group, &other.group, "*")
            && any(&self.namespace, &other.namespace, "")
            && any(&self.name, &other.name, "")
    }

    /// `resource.group/subresource`, as RBAC and kubectl write it.
    #[must_use]
    pub fn target(&self) -> String {
        let dot = if self.group.is_empty() { "" } else { "." };
        let slash = if self.subresource.is_empty() { "" } else { "/" };
        format!("{}{dot}{}{slash}{}", self.resource, self.group, self.subresource)
    }

    /// The RBAC rule that grants it.
    #[must_use]
    pub fn rule(&self) -> String {
        let slash = if self.subresource.is_empty() { "" } else { "/" };
        format!(
            "{{apiGroups: [\"{}\"], resources: [\"{}{slash}{}\"], verbs: [\"{}\"]}}",
            self.group, self.resource, self.subresource, self.verb
        )
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.target())?;
        if !self.namespace.is_empty() {
            write!(f, " in namespace {}", self.namespace)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_covers_what_it_stands_for() {
        let all = Permission::new("list", "*", "*");
        assert!(all.covers(&Permission::new("list", "apps", "deployments")));
        assert!(all.covers(&Permission::new("list", "", "pods").within("rodrigo")));
        assert!(Permission::new("update", "*", "*").covers(&finalize()));
        assert!(!all.covers(&Permission::new("get", "", "pods")));
        assert!(!Permission::new("update", "", "namespaces").covers(&finalize()));
        assert!(
            !Permission::new("list", "", "pods").within("a").covers(&Permission::new("list", "", "pods"))
        );
    }

    fn finalize() -> Permission {
        Permission::new("update", "", "namespaces").subresource("finalize")
    }
}
