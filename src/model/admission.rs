//! What stands between a request and the store: webhooks and admission policies, and which requests they see.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{Selector, SelectorExt};

/// A Service that answers for the API server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceRef {
    pub namespace: String,
    pub name: String,
}

impl std::fmt::Display for ServiceRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What kind of object intercepts a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AdmissionHookKind {
    /// A webhook of a ValidatingWebhookConfiguration.
    ValidatingWebhook,
    /// A webhook of a MutatingWebhookConfiguration.
    MutatingWebhook,
    /// A ValidatingAdmissionPolicy that is bound and denies.
    ValidatingPolicy,
    /// A MutatingAdmissionPolicy that is bound.
    MutatingPolicy,
}

impl AdmissionHookKind {
    /// The resource it is configured in, as kubectl names it.
    #[must_use]
    pub fn resource(self) -> &'static str {
        match self {
            Self::ValidatingWebhook => "validatingwebhookconfiguration",
            Self::MutatingWebhook => "mutatingwebhookconfiguration",
            Self::ValidatingPolicy => "validatingadmissionpolicy",
            Self::MutatingPolicy => "mutatingadmissionpolicy",
        }
    }

    /// Whether it may change what is written.
    #[must_use]
    pub fn is_mutating(self) -> bool {
        matches!(self, Self::MutatingWebhook | Self::MutatingPolicy)
    }

    /// `webhook` or `policy`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::ValidatingWebhook | Self::MutatingWebhook => "webhook",
            Self::ValidatingPolicy | Self::MutatingPolicy => "policy",
        }
    }
}

/// Which requests are intercepted: one rule of a webhook or a policy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AdmissionRule {
    /// `CREATE`, `UPDATE`, `DELETE`, `CONNECT` or `*`.
    pub operations: Vec<String>,
    /// API groups or `*`.
    pub groups: Vec<String>,
    /// Versions or `*`.
    pub versions: Vec<String>,
    /// `resource`, `resource/subresource`, with `*` on either side.
    pub resources: Vec<String>,
    /// `Cluster`, `Namespaced` or `*`.
    pub scope: String,
    /// Names it is limited to; none means all.
    pub names: Vec<String>,
}

/// A webhook or an admission policy that may refuse a request.
#[derive(Clone, Debug, PartialEq)]
pub struct AdmissionHook {
    pub kind: AdmissionHookKind,
    /// The name of the configuration or policy.
    pub configuration: String,
    /// The name of the webhook in it; the policy's own name for a policy.
    pub name: String,
    /// Whose Service answers; `None` for a URL or a policy.
    pub service: Option<ServiceRef>,
    /// Where it is answered outside the cluster.
    pub url: Option<String>,
    /// Whether a failing call refuses the request (`failurePolicy: Fail`).
    pub fails_closed: bool,
    /// How long a webhook has to answer.
    pub timeout_seconds: Option<u64>,
    /// Whether CEL conditions narrow it further than can be told from here.
    pub has_conditions: bool,
    /// What it intercepts.
    pub rules: Vec<AdmissionRule>,
    /// On the namespace's labels; on its own labels where the object is a namespace.
    pub namespace_selector: LabelSelector,
    /// On the object's labels.
    pub object_selector: LabelSelector,
}

/// A request as admission sees it.
#[derive(Clone, Debug)]
pub struct AdmissionAttributes<'a> {
    /// `UPDATE` or `DELETE`.
    pub operation: &'a str,
    pub group: &'a str,
    pub version: &'a str,
    pub resource: &'a str,
    /// Subresource, empty for none.
    pub subresource: &'a str,
    /// Whether the object lives in a namespace.
    pub namespaced: bool,
    /// The object's name.
    pub name: &'a str,
    pub namespace_labels: &'a BTreeMap<String, String>,
    pub object_labels: &'a BTreeMap<String, String>,
}

impl AdmissionHook {
    /// Whether admission would consult it for this request (apiserver's
    /// pkg/admission/plugin/webhook/predicates/rules/rules.go and predicates/namespace/matcher.go).
    #[must_use]
    pub fn intercepts(&self, attributes: &AdmissionAttributes<'_>) -> bool {
        self.covers(attributes)
            && self.selects_namespace(attributes.namespace_labels)
            && self.selects_object(attributes.object_labels)
    }

    /// Whether one of its rules covers the request.
    #[must_use]
    pub fn covers(&self, attributes: &AdmissionAttributes<'_>) -> bool {
        self.rules.iter().any(|rule| rule.covers(attributes))
    }

    /// Whether one of its rules covers requests of this kind, of whatever name.
    #[must_use]
    pub fn covers_some_name(&self, attributes: &AdmissionAttributes<'_>) -> bool {
        self.rules.iter().any(|rule| rule.covers_some_name(attributes))
    }

    /// Whether it is consulted about what is in a namespace with these labels.
    #[must_use]
    pub fn selects_namespace(&self, labels: &BTreeMap<String, String>) -> bool {
        selects(&self.namespace_selector, labels)
    }

    /// Whether it is consulted about an object with these labels.
    #[must_use]
    pub fn selects_object(&self, labels: &BTreeMap<String, String>) -> bool {
        selects(&self.object_selector, labels)
    }
}

impl AdmissionRule {
    fn covers(&self, attributes: &AdmissionAttributes<'_>) -> bool {
        self.covers_some_name(attributes)
            && (self.names.is_empty() || self.names.iter().any(|name| name == attributes.name))
    }

    fn covers_some_name(&self, attributes: &AdmissionAttributes<'_>) -> bool {
        let any = |have: &[String], want: &str| have.iter().any(|each| each == "*" || each == want);
        let scope = match self.scope.as_str() {
            "Cluster" => !attributes.namespaced,
            "Namespaced" => attributes.namespaced,
            _ => true,
        };
        // What tells most rules apart comes first: a large cluster has thousands of them.
        any(&self.groups, attributes.group)
            && any(&self.operations, attributes.operation)
            && scope
            && any(&self.versions, attributes.version)
            && self.resources.iter().any(|pattern| covers_resource(pattern, attributes))
    }
}

/// `*` alone covers no subresource; `*/*` covers all of them.
fn covers_resource(pattern: &str, attributes: &AdmissionAttributes<'_>) -> bool {
    let (resource, subresource) = pattern.split_once('/').unwrap_or((pattern, ""));
    (resource == "*" || resource == attributes.resource)
        && (subresource == "*" || subresource == attributes.subresource)
}

/// A selector that cannot be read is taken to match: better to name a suspect too many.
fn selects(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    let LabelSelector { match_expressions, match_labels } = selector;
    // As most are: nothing has to be read.
    if match_expressions.as_ref().is_none_or(Vec::is_empty)
        && match_labels.as_ref().is_none_or(BTreeMap::is_empty)
    {
        return true;
    }
    Selector::try_from(selector.clone()).map_or(true, |selector| selector.matches(labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(operation: &str, resource: &str, scope: &str) -> AdmissionHook {
        AdmissionHook {
            kind: AdmissionHookKind::ValidatingWebhook,
            configuration: "guard".to_owned(),
            name: "guard.example.com".to_owned(),
            service: None,
            url: None,
            fails_closed: true,
            timeout_seconds: None,
            has_conditions: false,
            rules: vec![AdmissionRule {
                operations: vec![operation.to_owned()],
                groups: vec![String::new()],
                versions: vec!["v1".to_owned()],
                resources: vec![resource.to_owned()],
                scope: scope.to_owned(),
                names: Vec::new(),
            }],
            namespace_selector: LabelSelector::default(),
            object_selector: LabelSelector::default(),
        }
    }

    fn attributes<'a>(
        operation: &'a str,
        resource: &'a str,
        subresource: &'a str,
        labels: &'a BTreeMap<String, String>,
    ) -> AdmissionAttributes<'a> {
        let namespaced = resource != "namespaces";
        AdmissionAttributes {
            operation,
            group: "",
            version: "v1",
            resource,
            subresource,
            namespaced,
            name: "n",
            namespace_labels: labels,
            object_labels: labels,
        }
    }

    #[test]
    fn finalize_is_seen_only_by_who_names_the_subresource() {
        let labels = BTreeMap::new();
        let finalize = attributes("UPDATE", "namespaces", "finalize", &labels);
        for (pattern, seen) in [
            ("namespaces", false),
            ("*", false),
            ("namespaces/finalize", true),
            ("namespaces/*", true),
            ("*/finalize", true),
            ("*/*", true),
        ] {
            assert_eq!(hook("UPDATE", pattern, "*").intercepts(&finalize), seen, "{pattern}");
        }
        assert!(!hook("UPDATE", "*/*", "Namespaced").intercepts(&finalize));
        assert!(!hook("DELETE", "*/*", "*").intercepts(&finalize));
    }

    #[test]
    fn a_namespace_selector_spares_other_namespaces() {
        let mut guard = hook("DELETE", "configmaps", "*");
        guard.namespace_selector.match_labels =
            Some(BTreeMap::from([("team".to_owned(), "blue".to_owned())]));
        let (blue, none) = (BTreeMap::from([("team".to_owned(), "blue".to_owned())]), BTreeMap::new());
        assert!(guard.intercepts(&attributes("DELETE", "configmaps", "", &blue)));
        assert!(!guard.intercepts(&attributes("DELETE", "configmaps", "", &none)));
    }
}
