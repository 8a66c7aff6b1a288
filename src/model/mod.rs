//! Plain data: what was observed of a cluster.
//!
//! Nothing here knows the network, the clock or the terminal, so that everything built on it can be tested
//! with facts written by hand.

mod admission;
mod command;
mod deletion;
mod dry_run;
mod duration;
mod facts;
mod inventory;
mod namespace;
mod path;
mod permission;
mod resource;
mod text;
mod traffic;

pub use admission::{AdmissionAttributes, AdmissionHook, AdmissionHookKind, AdmissionRule, ServiceRef};
pub use command::{Hint, Invocation, SHORT_GRACE_SECONDS, ShellCommand};
pub use deletion::{
    Account, AccountPods, Application, ClusterDeletionFacts, ConvertedCrd, DeletionFacts, Grant, HeldObject,
    LoadBalancer, Right, Unrehearsed, Volume,
};
pub use dry_run::DryRunChoice;
pub use duration::parse_duration;
pub use facts::{
    ApiService, Backend, ClusterExtensions, Conversion, DryRunOutcome, DryRunResult, Facts, FailingCondition,
    Lease, NodeState, OwnerTraces, Pod, Presence,
};
pub use inventory::{
    Coverage, FinalizerSetBy, Gap, Inventory, Leftover, TypeLeftovers, Unreadable, at_least,
    gaps_with_reasons,
};
pub use namespace::{Condition, KUBERNETES_FINALIZER, Malformed, Namespace, NamespaceFields};
pub use path::ApiPath;
pub use permission::Permission;
#[cfg(test)]
pub(crate) use resource::resource;
pub use resource::{ResourceType, is_custom_group};
pub use text::{UNBREAKABLE, counted, counted_with, is_dns_label, is_harmful, prefix_within};
pub use traffic::{Exchange, Traffic};
