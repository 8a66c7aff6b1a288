//! Who put a finalizer there, and whether it seems alive. Evidence is what was seen; that nothing was seen
//! proves little, and what could not be looked at proves nothing.

use std::collections::BTreeMap;

use super::catalogue::{self, Entry, Place, Runs};
use crate::model::{
    Facts, FinalizerSetBy, Inventory, Lease, OwnerTraces, ResourceType, TypeLeftovers, at_least,
};

/// Field managers that are people or tools, not controllers.
const NOT_CONTROLLERS: [&str; 19] = [
    "kubectl",
    "unknown",
    "curl",
    "nsfix",
    "Mozilla",
    "manager",
    "before-first-apply",
    "OpenAPI-Generator",
    // HTTP clients of languages, and tools that apply what a person wrote.
    "Python",
    "python-requests",
    "okhttp",
    "Terraform",
    "HashiCorp",
    "Go-http-client",
    "node-fetch",
    "axios",
    "Java",
    "Apache-HttpClient",
    "pulumi",
];

/// Tools whose names also begin the names of controllers (Flux has a helm-controller).
const TOOLS: [&str; 2] = ["helm", "kustomize"];

/// Groups of what stands for things outside of the cluster, or for data: clouds, machines, clusters, DNS, databases,
/// backups, storage.
const INFRASTRUCTURE: [&str; 72] = [
    // Clouds, machines and clusters.
    "agent-install.openshift.io",
    "aiven.io",
    "alibabacloud.com",
    "amazonaws.com",
    "app.terraform.io",
    "aws",
    "azure.com",
    "cloud.google.com",
    "cloud.sap.com",
    "cluster.open-cluster-management.io",
    "cluster.x-k8s.io",
    "cnrm.cloud.google.com",
    "crossplane.io",
    "digitalocean.com",
    "equinix.com",
    "gardener.cloud",
    "gcp",
    "hetzner.cloud",
    "hive.openshift.io",
    "hypershift.openshift.io",
    "ionos.com",
    "karmada.io",
    "karpenter.sh",
    "kubermatic.io",
    "kubermatic.k8c.io",
    "linode.com",
    "machine.openshift.io",
    "management.cattle.io",
    "metal3.io",
    "nutanix.com",
    "openstack.org",
    "oracle.com",
    "provisioning.cattle.io",
    "pulumi.com",
    "rke.cattle.io",
    "sapcloud.io",
    "scaleway.com",
    "services.k8s.aws",
    "tf.upbound.io",
    "upbound.io",
    "vmware.com",
    // DNS.
    "cloudflare.com",
    "externaldns.k8s.io",
    "externaldns.nginx.org",
    // Databases and queues.
    "acid.zalan.do",
    "altinity.com",
    "cnpg.io",
    "cockroachlabs.com",
    "couchbase.com",
    "crunchydata.com",
    "datastax.com",
    "k8s.elastic.co",
    "k8ssandra.io",
    "kubedb.com",
    "mariadb.com",
    "mongodb.com",
    "percona.com",
    "pingcap.com",
    "planetscale.com",
    "redis.com",
    "redpanda.com",
    "scylladb.com",
    "yugabyte.com",
    // Backups and storage.
    "appscode.com",
    "ceph.rook.io",
    "k8up.io",
    "kanister.io",
    "kio.kasten.io",
    "openebs.io",
    "portworx.com",
    "trident.netapp.io",
    "velero.io",
];

/// Whether a finalizer or a group belongs to one of them.
pub(super) fn is_infrastructure(name: &str) -> bool {
    let domain = name.split('/').next().unwrap_or_default();
    INFRASTRUCTURE
        .iter()
        .any(|group| domain == *group || domain.strip_suffix(group).is_some_and(|rest| rest.ends_with('.')))
        || domain.split('.').any(|label| ["aws", "azure", "gcp"].contains(&label))
}

/// A finalizer on the leftovers of one type.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    pub resource: ResourceType,
    pub finalizer: String,
    /// On how many of the leftovers that were seen.
    pub count: u64,
    /// Whether their list failed before its end: then it may be on more.
    pub at_least: bool,
    /// How many leftovers of the type are being deleted, with or without it.
    pub deleting: u64,
    /// What is known about it.
    pub entry: Option<&'static Entry>,
    /// Its owner: from the catalogue, else the field manager that set it; empty where neither is known.
    pub owner: String,
    /// What was seen of it and of its owner.
    pub evidence: Vec<String>,
    /// Whether it is proven that its owner is gone. A read that failed proves nothing.
    pub owner_absent: bool,
}

impl Held {
    /// `3 ConfigMaps`, `at least 3 ConfigMaps`: what it is on.
    #[must_use]
    pub fn counted(&self) -> String {
        at_least(self.at_least, self.resource.counted(self.count))
    }

    /// Whether it may only be released by name.
    #[must_use]
    pub fn is_dangerous(&self) -> bool {
        self.entry.map_or_else(|| self.stands_for_infrastructure(), |entry| entry.dangerous)
    }

    /// Whether it is unknown, and of a group that stands for things outside of the cluster.
    fn stands_for_infrastructure(&self) -> bool {
        is_infrastructure(&self.finalizer) || is_infrastructure(&self.resource.group)
    }

    /// Whether Kubernetes itself takes it off once the object is deleted and unused, and nobody has asked it to yet.
    #[must_use]
    pub fn is_left_to_kubernetes(&self) -> bool {
        self.deleting == 0 && self.entry.is_some_and(|entry| entry.owner.runs == Runs::ControlPlane)
    }

    /// What is lost when it is removed by force.
    #[must_use]
    pub fn harm(&self) -> &'static str {
        match self.entry {
            Some(entry) => entry.if_removed,
            None if self.stands_for_infrastructure() => {
                "not in the catalogue; what it stands for outside of the cluster may be left behind"
            }
            None => "not in the catalogue; effect of removal unknown",
        }
    }
}

/// Where to look for an owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnerQuery {
    /// The key under which its traces belong.
    pub name: String,
    /// Namespaces (none: all) and label selectors.
    pub pods: Vec<(Option<String>, String)>,
    /// Namespace and name.
    pub lease: Option<(String, String)>,
    /// Label selectors that nothing in the cluster may match if the owner is to count as gone; empty where its
    /// absence cannot be proven.
    pub anywhere: Vec<String>,
}

/// The owners of the finalizers in these inventories, each once.
pub fn queries<'a>(inventories: impl IntoIterator<Item = &'a Inventory>) -> Vec<OwnerQuery> {
    let mut queries = BTreeMap::new();
    for of_type in inventories.into_iter().flat_map(|inventory| &inventory.types) {
        for finalizer in of_type.finalizers.keys() {
            let entry = look_up(of_type, finalizer);
            let set_by = set_by(of_type, finalizer);
            if let Some(query) = query(entry, set_by) {
                queries.entry(query.name.clone()).or_insert(query);
            }
        }
    }
    queries.into_values().collect()
}

pub(super) fn query(entry: Option<&Entry>, set_by: Option<&FinalizerSetBy>) -> Option<OwnerQuery> {
    if let Some(entry) = entry {
        let workloads = entry.owner.workloads.iter();
        let pods = workloads.flat_map(|workload| {
            let namespaces: Vec<Option<String>> = match workload.namespaces {
                [] => vec![None],
                some => some.iter().map(|name| Some((*name).to_owned())).collect(),
            };
            namespaces.into_iter().map(|namespace| (namespace, workload.selector.to_owned()))
        });
        let lease = entry.owner.leases.first();
        return Some(OwnerQuery {
            name: entry.owner.name.to_owned(),
            pods: pods.collect(),
            lease: lease.map(|lease| (lease.namespace.to_owned(), lease.name.to_owned())),
            anywhere: match entry.owner.runs {
                Runs::Cluster => {
                    entry.owner.workloads.iter().map(|workload| workload.selector.to_owned()).collect()
                }
                Runs::ControlPlane | Runs::MaybeElsewhere => Vec::new(),
            },
        });
    }
    let manager = controller_name(&set_by?.manager)?;
    let pods = vec![(None, format!("app.kubernetes.io/name={manager}")), (None, format!("app={manager}"))];
    // Its labels are a guess, and prove nothing.
    Some(OwnerQuery { name: manager.to_owned(), pods, lease: None, anywhere: Vec::new() })
}

/// A manager's name that can be the value of a label, unless it is a tool's.
fn controller_name(manager: &str) -> Option<&str> {
    // `Go-http-client/1.1`, `kubectl-edit`; but not `javelin`, which only begins like a tool's name.
    let begins = |tool: &str| {
        manager.get(..tool.len()).is_some_and(|start| start.eq_ignore_ascii_case(tool))
            && !manager[tool.len()..].starts_with(|next: char| next.is_ascii_alphabetic())
    };
    let is_tool = NOT_CONTROLLERS.iter().any(|tool| begins(tool))
        || TOOLS.iter().any(|tool| manager.eq_ignore_ascii_case(tool));
    let valid = (1..=63).contains(&manager.len())
        && manager.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    (valid && !is_tool).then_some(manager)
}

fn look_up(of_type: &TypeLeftovers, finalizer: &str) -> Option<&'static Entry> {
    let ResourceType { group, kind, .. } = &of_type.resource;
    catalogue::look_up(finalizer, group, kind, Place::Object)
}

fn set_by<'a>(of_type: &'a TypeLeftovers, finalizer: &str) -> Option<&'a FinalizerSetBy> {
    of_type.sample.iter().flat_map(|leftover| &leftover.set_by).find(|set_by| set_by.finalizer == finalizer)
}

/// Every finalizer that holds leftovers, with its owner.
#[must_use]
pub(super) fn held(facts: &Facts) -> Vec<Held> {
    let mut all = Vec::new();
    for of_type in &facts.inventory.types {
        for (finalizer, count) in &of_type.finalizers {
            let entry = look_up(of_type, finalizer);
            let set_by = set_by(of_type, finalizer);
            let manager = set_by.and_then(|set_by| controller_name(&set_by.manager));
            let owner = entry
                .map_or_else(|| manager.unwrap_or_default().to_owned(), |entry| entry.owner.name.to_owned());
            let mut evidence: Vec<String> = set_by.map(describe_set_by).into_iter().collect();
            let traces = facts.extensions.owners.get(&owner);
            evidence.extend(
                traces
                    .into_iter()
                    .flat_map(|traces| describe_traces(traces, entry, &facts.namespace.name, facts.now)),
            );
            all.push(Held {
                resource: of_type.resource.clone(),
                finalizer: finalizer.clone(),
                count: *count,
                at_least: of_type.at_least,
                deleting: of_type.deleting,
                entry,
                owner,
                evidence,
                owner_absent: traces.is_some_and(|traces| is_absent(traces, facts.now)),
            });
        }
    }
    all
}

/// Who set a finalizer, how and when.
pub(super) fn describe_set_by(set_by: &FinalizerSetBy) -> String {
    let FinalizerSetBy { manager, operation, time, .. } = set_by;
    let when = time.map(|time| format!(" at {time}")).unwrap_or_default();
    format!("set by field manager {manager} ({operation}){when}")
}

/// Nothing with its labels is anywhere, whatever was to be looked at could be, and its lease has run out.
fn is_absent(traces: &OwnerTraces, now: jiff::Timestamp) -> bool {
    let OwnerTraces { anywhere, unreadable, lease, pods, looked_for: _, running: _ } = traces;
    let holds_lease =
        lease.as_ref().and_then(|lease| lease.renewed.map(|renewed| (renewed, lease.duration_seconds)));
    let is_held =
        holds_lease.is_some_and(|(renewed, seconds)| now.duration_since(renewed).as_secs() <= seconds);
    *anywhere == Some(false) && unreadable.is_empty() && pods.is_empty() && !is_held
}

pub(super) fn describe_traces(
    traces: &OwnerTraces,
    entry: Option<&Entry>,
    namespace: &str,
    now: jiff::Timestamp,
) -> Vec<String> {
    let mut seen = Vec::new();
    if !traces.pods.is_empty() {
        let state = if traces.running > 0 { "it seems alive" } else { "none of them runs" };
        seen.push(format!("found its pods: {}; {state}", traces.pods.join(", ")));
        let inside = format!("{namespace}/");
        if traces.pods.iter().any(|pod| pod.starts_with(&inside)) {
            seen.push("its pods are in this very namespace".to_owned());
        }
    } else if !traces.looked_for.is_empty() {
        let weak = match entry.map(|entry| entry.owner.runs) {
            // Where an operator is usually installed is a guess.
            Some(Runs::Cluster) if traces.anywhere == Some(true) => {
                ", but pods or a workload with these labels are in the cluster: it may be in another namespace, or \
                 scaled to zero"
            }
            Some(Runs::Cluster) if traces.anywhere == Some(false) => {
                ", nor pods or a workload with these labels in any namespace: it may be gone"
            }
            Some(Runs::Cluster) => ": it may be gone",
            Some(Runs::ControlPlane | Runs::MaybeElsewhere) => {
                ": weak evidence, because it may run outside the cluster"
            }
            None => ": weak evidence, because its labels are a guess",
        };
        seen.push(format!("found no {}{weak}", traces.looked_for.join(", nor ")));
    }
    seen.extend(traces.lease.as_ref().map(|lease| describe_lease(lease, now)));
    seen.extend(traces.unreadable.iter().map(|why| format!("could not look at {why}; it may be there")));
    seen
}

/// How long ago a lease was renewed, and by whom.
pub(super) fn describe_lease(lease: &Lease, now: jiff::Timestamp) -> String {
    match lease.renewed {
        Some(renewed) => {
            let ago = now.duration_since(renewed).as_secs().max(0);
            format!("its lease was renewed {ago}s ago by {}", lease.holder)
        }
        None => "its lease was never renewed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of an owner whose pods were not found where it is usually installed.
    fn said(anywhere: Option<bool>) -> String {
        let entry =
            catalogue::look_up("strimzi.io/topic-operator", "kafka.strimzi.io", "KafkaTopic", Place::Object);
        let looked_for = vec!["pods with a=b in namespace kafka".to_owned()];
        let traces = OwnerTraces { looked_for, anywhere, ..OwnerTraces::default() };
        describe_traces(&traces, entry, "shop", jiff::Timestamp::UNIX_EPOCH).join("; ")
    }

    #[test]
    fn an_owner_that_is_in_another_namespace_is_not_called_gone() {
        let there = said(Some(true));
        assert!(
            there.contains("it may be in another namespace") && !there.contains("may be gone"),
            "{there}"
        );
        assert!(said(Some(false)).contains("in any namespace: it may be gone"));
        assert!(said(None).ends_with("in namespace kafka: it may be gone"));
    }
}
