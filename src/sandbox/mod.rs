//! A practice cluster: a Kubernetes API in this process, for rehearsal, demos and tests.
//!
//! It follows what a kube-apiserver does with namespaces, finalizers and everything in their way (that of 1.36, or of
//! an older [`Release`]), plays the namespace controller, and comes with [scenarios] of namespaces that are stuck. It is honest about
//! being small: objects are kept as they come, without the validation and defaulting of each type, nothing
//! runs in its pods, and nobody answers behind its webhooks and APIServices.
//!
//! It knows no other part of nsfix, so that neither can agree with the other's mistakes.

mod admission;
mod aggregation;
mod api;
mod authorize;
mod controller;
mod crd;
mod discovery;
mod document;
mod engine;
mod failure;
mod faults;
mod handlers;
mod load;
mod managed_fields;
mod meta;
mod negotiate;
mod openapi;
mod patch;
mod protobuf;
mod release;
mod request;
pub mod scenarios;
mod selector;
mod server;
mod store;
mod table;
#[cfg(test)]
mod tests;
mod types;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use self::api::{Api, ApiError, RecordedRequest};
pub use self::authorize::Deny;
pub use self::controller::ControllerOptions;
pub use self::discovery::DiscoveryMode;
pub use self::faults::{Canned, Fault, Matcher};
pub use self::release::{Release, ReleaseError};
pub use self::scenarios::{Scenario, Step};

use self::api::{Shared, lock};
use self::controller::Controller;
use self::engine::Engine;
use self::faults::Faults;

/// How a sandbox is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// The release of Kubernetes that it plays.
    pub release: Release,
    /// What is in it besides the namespaces of every cluster.
    pub scenarios: Vec<&'static Scenario>,
    /// The controller manager; none leaves every deleted namespace stuck, as in envtest.
    pub controller: Option<ControllerOptions>,
    /// The form of discovery, if it is another than the release's.
    pub discovery: Option<DiscoveryMode>,
    /// Rights that are withheld from everybody.
    pub deny: Vec<Deny>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            release: Release::default(),
            scenarios: scenarios::default_set(),
            controller: Some(ControllerOptions::default()),
            discovery: None,
            deny: Vec::new(),
        }
    }
}

impl Options {
    /// A sandbox with nothing in it but what every cluster has.
    #[must_use]
    pub fn empty() -> Self {
        Self { scenarios: Vec::new(), ..Self::default() }
    }

    /// A sandbox with one scenario.
    #[must_use]
    pub fn with(scenario: &'static Scenario) -> Self {
        Self { scenarios: vec![scenario], ..Self::default() }
    }
}

/// A running sandbox. It ends when it is dropped.
pub struct Sandbox {
    address: SocketAddr,
    shared: Arc<Shared>,
    faults: Arc<Mutex<Faults>>,
    tasks: Vec<JoinHandle<()>>,
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sandbox").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Sets the cluster up and serves it. The controller has looked at every namespace once when this
    /// returns.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(options.address).await?;
        let address = listener.local_addr()?;
        let mut engine = Engine::new(options.release, options.deny, options.discovery, address.to_string());
        let mut controller =
            options.controller.map(|controller| Controller::new(controller, options.release));
        load::fill(&mut engine, controller.as_mut(), &options.scenarios)?;
        let shared = Arc::new(Shared::new(engine));
        let faults = Arc::default();
        let mut tasks = vec![tokio::spawn(server::serve(listener, Arc::clone(&shared), Arc::clone(&faults)))];
        if let Some(controller) = controller {
            tasks.push(tokio::spawn(run(controller, Arc::clone(&shared))));
        }
        Ok(Self { address, shared, faults, tasks })
    }

    /// `http://127.0.0.1:PORT`
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A kubeconfig with one context, `nsfix-sandbox`, and no credentials.
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        let url = self.url();
        format!(
            "apiVersion: v1\nkind: Config\nclusters:\n- name: nsfix-sandbox\n  cluster:\n    server: {url}\n\
             users:\n- name: nsfix-sandbox\n  user: {{}}\n\
             contexts:\n- name: nsfix-sandbox\n  context:\n    cluster: nsfix-sandbox\n    user: nsfix-sandbox\n\
             current-context: nsfix-sandbox\n"
        )
    }

    /// The same API without HTTP.
    #[must_use]
    pub fn api(&self) -> Api {
        Api::new(Arc::clone(&self.shared))
    }

    /// The requests that came over HTTP, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        lock(&self.shared.log).iter().cloned().collect()
    }

    /// Forgets the requests so far.
    pub fn forget_requests(&self) {
        lock(&self.shared.log).clear();
    }

    /// Puts a fault in place, for requests over HTTP.
    pub fn inject(&self, fault: Fault) {
        lock(&self.faults).add(fault);
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        lock(&self.faults).clear();
    }

    /// Ends it, with all its connections.
    pub async fn shutdown(mut self) {
        for task in std::mem::take(&mut self.tasks) {
            task.abort();
            let _ = task.await;
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn run(mut controller: Controller, shared: Arc<Shared>) {
    let mut clock = tokio::time::interval(controller.period());
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        shared.with(|engine| controller.tick(engine));
    }
}
