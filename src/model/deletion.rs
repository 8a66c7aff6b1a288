//! What is read of a namespace that has not been deleted, besides its facts, to say what its deletion would do.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::{DryRunResult, Gap, ResourceType, ServiceRef};

/// What was read besides [`super::Facts`]. The rehearsals of deletions stand there, among the dry runs.
#[derive(Clone, Debug, Default)]
pub struct DeletionFacts {
    /// The deletions that could not be rehearsed.
    pub unrehearsed: Vec<Unrehearsed>,
    /// What rehearsals of taking the finalizers off held objects were answered.
    pub releases: Vec<DryRunResult>,
    /// The Services of type LoadBalancer.
    pub load_balancers: Vec<LoadBalancer>,
    /// Held objects of custom types, whole.
    pub held_objects: Vec<HeldObject>,
    /// What could not be read of this namespace.
    pub gaps: Vec<Gap>,
    /// What was read once for all namespaces that are looked at together.
    pub of_cluster: Arc<ClusterDeletionFacts>,
}

/// What was read of the cluster around.
#[derive(Clone, Debug, Default)]
pub struct ClusterDeletionFacts {
    /// The CRDs that convert through a webhook.
    pub converted_crds: Vec<ConvertedCrd>,
    /// What ServiceAccounts are granted on types of their own, as far as it mattered to look.
    pub grants: Vec<Grant>,
    /// The running pods of accounts.
    pub account_pods: BTreeMap<Account, AccountPods>,
    /// What was seen of the owners of finalizers on namespaces, by the finalizer.
    pub namespace_owners: BTreeMap<String, super::OwnerTraces>,
    /// The volumes that are bound to claims, by namespace.
    pub volumes: BTreeMap<String, Vec<Volume>>,
    /// What applies objects from elsewhere, by the namespace that it applies them to.
    pub applications: BTreeMap<String, Vec<Application>>,
    /// Whether a node names a cloud provider; `None` where nodes could not be listed.
    pub has_cloud_provider: Option<bool>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// A deletion that could not be rehearsed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unrehearsed {
    /// `namespaces`, or `resource.group`.
    pub resource: String,
    /// Why, in one sentence.
    pub why: String,
    /// Whether what was seen is no more what is there.
    pub outdated: bool,
}

/// A Service of type LoadBalancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancer {
    /// The Service's name.
    pub service: String,
    /// The addresses that it was given.
    pub addresses: Vec<String>,
}

/// A custom resource with finalizers.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldObject {
    pub resource: ResourceType,
    /// The object as it was sent.
    pub json: Value,
}

impl HeldObject {
    /// `backups.example.com/nightly`
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.resource, self.name())
    }

    #[must_use]
    pub fn name(&self) -> &str {
        self.json.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
    }

    pub fn finalizers(&self) -> impl Iterator<Item = &str> {
        let list = self.json.pointer("/metadata/finalizers").and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str)
    }
}

/// A CRD that converts through a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvertedCrd {
    /// `plural.group`
    pub name: String,
    /// Who converts; `None` for a URL.
    pub service: Option<ServiceRef>,
    /// What a list through the server's cache was answered, where it failed over the conversion.
    pub failure: Option<String>,
}

/// A ServiceAccount.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account {
    pub namespace: String,
    pub name: String,
}

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Rights that a binding gives to a ServiceAccount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who has them.
    pub account: Account,
    /// The name of the ClusterRoleBinding or RoleBinding.
    pub binding: String,
    /// The namespace that the rights are limited to; `None` for a ClusterRoleBinding.
    pub namespace: Option<String>,
    pub rights: Arc<Vec<Right>>,
}

/// A rule of a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Right {
    /// API groups.
    pub groups: Vec<String>,
    /// Resources, with their subresources after a slash.
    pub resources: Vec<String>,
    pub verbs: Vec<String>,
}

/// The pods that run as an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountPods {
    /// Names of those that run and are not being deleted.
    pub running: Vec<String>,
    /// Why they could not be listed.
    pub unreadable: Option<String>,
}

/// A PersistentVolume that is bound to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    pub name: String,
    /// The claim's name.
    pub claim: String,
    /// `Delete`, `Retain` or `Recycle`.
    pub reclaim_policy: String,
}

/// Something that applies objects to a namespace from elsewhere: an Argo CD Application.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Application {
    /// `Argo CD application argocd/shop`
    pub title: String,
    /// Whether it applies them again by itself.
    pub automated: bool,
    /// Whether it also makes the namespace.
    pub creates_namespace: bool,
}
