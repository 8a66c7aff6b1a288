//! nsfix repairs Kubernetes namespaces that are stuck in `Terminating`.

#[cfg(feature = "sandbox")]
pub mod sandbox;
