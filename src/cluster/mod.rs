//! Everything that speaks HTTP to the API server. It observes and acts; it never judges.

mod access;
mod call;
mod config;
mod connection;
mod discovery;
mod dry_run;
mod error;
mod events;
mod extensions;
mod forbidden;
mod health;
mod in_cluster;
mod leftovers;
mod namespaces;
mod orphans;
mod pages;
mod paging;
mod plugin;
mod request;
mod retry;
mod token;
mod transport;
mod workloads;
mod write;

pub use access::Access;
pub use config::{ConfigError, ConnectionOptions};
pub use connection::TlsFailure;
pub use discovery::{Discovered, GroupVersionTypes};
pub use error::ApiError;
pub use events::{EVENTS_NAMESPACE, NamespaceEvent};
pub use forbidden::ForbiddenReads;
pub use leftovers::LIST_CONCURRENCY;
pub use namespaces::NamespaceQuery;
pub use orphans::{PURGE_LABEL, PURGE_RUN_ANNOTATION};
pub use request::{Cluster, Observer};
pub use write::{DryRun, Preconditions};
