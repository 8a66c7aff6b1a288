//! A look at the cluster and the disk that ends in time, whatever hangs.

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use crate::cluster::{ConnectionOptions, KubeconfigNames, NamespaceQuery};
use crate::model::{Namespace, is_dns_label};

/// Requests and credential plugins end a little earlier than the look as a whole, so that none is left running.
const TO_TIDY_UP: Duration = Duration::from_millis(10);

/// Where to look, and until when.
pub(super) struct Look {
    pub(super) connection: ConnectionOptions,
    pub(super) sandbox: Option<String>,
    pub(super) deadline: Instant,
}

impl Look {
    /// Looks on a thread of its own, which is left behind where it hangs: in a file system, in the resolver.
    pub(super) fn within<T: Send + 'static>(&self, look: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (send, receive) = mpsc::channel();
        // Whoever is too late has nobody to tell.
        std::thread::Builder::new().spawn(move || drop(send.send(look()))).ok()?;
        receive.recv_timeout(self.deadline.saturating_duration_since(Instant::now())).ok()
    }

    /// The names in the kubeconfig.
    pub(super) fn kubeconfig(&self) -> Option<KubeconfigNames> {
        let connection = self.connection.clone();
        self.within(move || connection.names())?
    }

    /// The namespaces of all clusters that are meant; none where they cannot be had in time.
    pub(super) fn namespaces(&self, terminating: bool) -> Vec<Namespace> {
        let until = self.deadline.checked_sub(TO_TIDY_UP).unwrap_or(self.deadline);
        let connection = ConnectionOptions {
            unattended: true,
            request_timeout: Some(until.saturating_duration_since(Instant::now())),
            ..self.connection.clone()
        };
        let sandbox = self.sandbox.clone();
        let found = self.within(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            let look = list(&connection, sandbox.as_deref(), terminating);
            let found = runtime.block_on(async { tokio::time::timeout_at(until.into(), look).await });
            runtime.shutdown_background();
            found.ok()
        });
        let mut found = found.flatten().unwrap_or_default();
        // A server may say anything; a namespace is called like one.
        found.retain(|namespace| is_dns_label(&namespace.name));
        found
    }
}

async fn list(connection: &ConnectionOptions, sandbox: Option<&str>, terminating: bool) -> Vec<Namespace> {
    let query = &NamespaceQuery { terminating, selector: None };
    #[cfg(feature = "sandbox")]
    if let Some(scenarios) = sandbox {
        let names: Vec<&str> = scenarios.split(',').filter(|name| !name.is_empty()).collect();
        let Ok(sandbox) = crate::commands::sandbox::start(&names, 0, crate::sandbox::Release::NEWEST).await
        else {
            return Vec::new();
        };
        let Ok(cluster) = connection.connect_to_url(&sandbox.url(), Arc::new(|_| {})) else {
            return Vec::new();
        };
        return cluster.namespaces_to_look_at(query).await.map(|(all, _)| all).unwrap_or_default();
    }
    #[cfg(not(feature = "sandbox"))]
    let _ = sandbox;
    let Ok(contexts) = connection.contexts() else { return Vec::new() };
    let lists = contexts.names().iter().map(async |context| {
        let cluster = contexts.connect(context.as_deref(), Arc::new(|_| {})).await.ok()?;
        Some(cluster.namespaces_to_look_at(query).await.ok()?.0)
    });
    futures::future::join_all(lists).await.into_iter().flatten().flatten().collect()
}
