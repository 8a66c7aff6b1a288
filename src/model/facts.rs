//! Everything that was observed about a stuck namespace and the cluster around it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::{AdmissionHook, Gap, Inventory, Namespace, ResourceType, ServiceRef};

/// What was observed, ready to be judged.
#[derive(Clone, Debug)]
pub struct Facts {
    /// When it was observed.
    pub now: Timestamp,
    pub namespace: Namespace,
    /// What is still inside, and what could not be looked at.
    pub inventory: Inventory,
    /// The cluster around it, shared by the facts of all namespaces.
    pub extensions: Arc<ClusterExtensions>,
    /// The pods that remain, as far as they were looked at one by one.
    pub pods: Vec<Pod>,
    /// Whether the pods are all there are: what none of them uses, none uses.
    pub all_pods_known: bool,
    /// What dry runs of the requests in question were answered.
    pub dry_runs: Vec<DryRunResult>,
    /// What leftovers say in their own status of failing.
    pub failing_conditions: Vec<FailingCondition>,
}

/// The parts of the cluster that can hold up a namespace, observed once for all of them.
#[derive(Clone, Debug, Default)]
pub struct ClusterExtensions {
    /// The types that can hold a namespace, as they were discovered.
    pub types: Vec<ResourceType>,
    /// The APIServices that are served by an aggregated API server.
    pub api_services: Vec<ApiService>,
    /// Webhooks and policies that see updates or deletions.
    pub admission_hooks: Vec<AdmissionHook>,
    /// The Services behind APIServices and webhooks, where it mattered to look.
    pub backends: BTreeMap<ServiceRef, Backend>,
    /// `plural.group` of the CRDs that are being deleted themselves.
    pub terminating_crds: BTreeSet<String>,
    /// The conversion of the CRDs whose objects could not be read or deleted, by `plural.group`.
    pub conversions: BTreeMap<String, Conversion>,
    /// When kube-controller-manager last renewed its lease, where it mattered to look.
    pub controller_lease: Option<Lease>,
    /// What was seen of the owners of finalizers, by the owner's name.
    pub owners: BTreeMap<String, OwnerTraces>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// An aggregated API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiService {
    /// `version.group`.
    pub name: String,
    pub group: String,
    pub version: String,
    /// Who answers.
    pub service: ServiceRef,
    /// Its Available condition; `None` where the server has not judged yet.
    pub available: Option<bool>,
    /// The condition's reason, for example `ServiceNotFound`.
    pub reason: String,
    /// The condition's message.
    pub message: String,
}

impl ApiService {
    /// Whether what could not be listed is a type that this one serves.
    #[must_use]
    pub fn serves(&self, gap: &Gap) -> bool {
        gap.resource.is_some() && self.group == gap.group && self.version == gap.version
    }
}

impl ClusterExtensions {
    /// The APIService that serves the type that could not be listed.
    #[must_use]
    pub fn serves(&self, gap: &Gap) -> Option<&ApiService> {
        self.api_services.iter().find(|service| service.serves(gap))
    }
}

/// Whether a namespace is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// There, and not being deleted.
    Present,
    /// There, and being deleted itself.
    Terminating,
    /// Not there.
    Missing,
    /// It could not be read.
    Unknown,
}

/// Who answers behind a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backend {
    /// The Service's namespace.
    pub namespace: Presence,
    pub service: Presence,
    /// Endpoints that are ready; `None` where they could not be read.
    pub ready: Option<usize>,
}

impl Backend {
    /// Whether it is certain that no endpoint is ready.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.namespace == Presence::Missing || self.service == Presence::Missing || self.ready == Some(0)
    }

    /// What is wrong with it, in words.
    #[must_use]
    pub fn describe(&self, service: &ServiceRef) -> String {
        match self {
            Self { namespace: Presence::Missing, .. } => {
                format!("namespace {} of service {service} is not there", service.namespace)
            }
            Self { service: Presence::Missing, namespace, .. } => match namespace {
                Presence::Terminating => {
                    format!("service {service} is not there; its namespace is being deleted")
                }
                _ => format!("service {service} is not there"),
            },
            Self { ready: Some(0), namespace: Presence::Terminating, .. } => {
                format!("service {service} has no ready endpoints; its namespace is being deleted")
            }
            Self { ready: Some(0), .. } => format!("service {service} has no ready endpoints"),
            Self { ready: Some(ready), .. } => format!("service {service} has {ready} ready endpoints"),
            Self { service: Presence::Present, ready: None, .. } => {
                format!("service {service} is there; whether it has ready endpoints could not be read")
            }
            Self { ready: None, .. } => format!("service {service} could not be looked at"),
        }
    }
}

/// How a CRD converts between its versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// The Service behind its conversion webhook.
    pub service: Option<ServiceRef>,
    /// The versions in which something may be stored and which are still served: each can be read without
    /// converting, if nothing is stored in another.
    pub stored_versions: Vec<String>,
    /// The version through which all of it could be read.
    pub read_as: Option<String>,
    /// What the server said of the conversion.
    pub message: String,
}

/// A pod that remains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    pub name: String,
    /// The node it was bound to.
    pub node: Option<String>,
    /// Whether that node is there and ready.
    pub node_state: NodeState,
    /// When it was asked to go.
    pub deleted: Option<Timestamp>,
    /// How long it had for that.
    pub grace_seconds: i64,
    pub finalizers: Vec<String>,
    /// The PersistentVolumeClaims that it uses.
    pub claims: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// It reports that it is ready.
    Ready,
    /// It does not.
    NotReady,
    /// There is no such node.
    Missing,
    /// The node could not be read, or the pod has none.
    Unknown,
}

/// A request that was sent with `dryRun=All`, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DryRunResult {
    /// `DELETE configmaps/settings`, `PUT namespaces/rodrigo/finalize` …
    pub request: String,
    /// `UPDATE` or `DELETE`.
    pub operation: String,
    /// `resource.group`, or the resource with its subresource after a slash.
    pub resource: String,
    /// What came of it.
    pub outcome: DryRunOutcome,
    /// The texts of the answer's Warning headers.
    pub warnings: Vec<String>,
}

impl DryRunResult {
    /// What was said against the request, in one sentence; `None` where it was accepted.
    #[must_use]
    pub fn quote(&self) -> Option<String> {
        let Self { request, outcome, .. } = self;
        let said = match outcome {
            DryRunOutcome::Accepted => return None,
            DryRunOutcome::Undone(finalizers) => format!("200, and {} is still there", finalizers.join(", ")),
            DryRunOutcome::NoAnswer(seconds) => format!("no answer within {seconds}s"),
            DryRunOutcome::Refused(said) | DryRunOutcome::Invalid(said) | DryRunOutcome::Failed(said) => {
                said.clone()
            }
        };
        Some(format!("dry run of {request}: {said}"))
    }
}

/// What came of a dry run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DryRunOutcome {
    /// It went through, and the answer is what was asked for.
    Accepted,
    /// 200, and these finalizers are there all the same.
    Undone(Vec<String>),
    /// Admission said no, or could not be asked.
    Refused(String),
    /// 422: what would be stored is not valid.
    Invalid(String),
    /// No answer in that many seconds, while a webhook had that long.
    NoAnswer(u64),
    /// Anything else, in the server's words.
    Failed(String),
}

impl DryRunOutcome {
    /// The server's words against it.
    #[must_use]
    pub fn said(&self) -> Option<&str> {
        match self {
            Self::Accepted | Self::Undone(_) | Self::NoAnswer(_) => None,
            Self::Refused(said) | Self::Invalid(said) | Self::Failed(said) => Some(said),
        }
    }
}

/// A condition, error or phase in a leftover's own status that says what its owner cannot do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailingCondition {
    /// `backups.example.com/nightly`.
    pub object: String,
    /// What it says: `reason: message`.
    pub message: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it.
    pub holder: String,
    /// When it was renewed last.
    pub renewed: Option<Timestamp>,
    /// For how long a renewal counts.
    pub duration_seconds: i64,
}

/// What was seen of the owner of a finalizer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnerTraces {
    /// Where pods were looked for, in words.
    pub looked_for: Vec<String>,
    /// `namespace/name (Running)` of the pods that were found.
    pub pods: Vec<String>,
    /// How many of them run and are not being deleted.
    pub running: usize,
    /// Its lease, where it is known to hold one.
    pub lease: Option<Lease>,
    /// Whether a pod or a workload with its labels is in any namespace; `None` where not everything could be
    /// looked at, or nothing was.
    pub anywhere: Option<bool>,
    /// Why something could not be looked at.
    pub unreadable: Vec<String>,
}

impl OwnerTraces {
    /// Adds what another look has found.
    pub fn add(&mut self, other: Self) {
        self.looked_for.extend(other.looked_for);
        self.pods.extend(other.pods);
        self.running += other.running;
        self.lease = self.lease.take().or(other.lease);
        self.unreadable.extend(other.unreadable);
    }
}
