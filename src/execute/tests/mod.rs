//! What an executor does with the answers of a server: the sandbox, with faults between it and the client.

mod controller;
mod ends;
mod leftovers;
mod many_objects;
mod namespace;
mod objects;
mod plans;
mod reports;
mod waits;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::*;
use crate::cluster::ConnectionOptions;
use crate::exit::Exit;
use crate::sandbox::{Api, Canned, Fault, Matcher, Options, Sandbox};

/// The namespace that the tests are about.
pub(super) const NAME: &str = "rodrigo";
pub(super) const PATH: &str = "/api/v1/namespaces/rodrigo";

type OnActivity = Box<dyn Fn(&str, Activity)>;
type OnStep = Box<dyn Fn(&str, &StepReport)>;

/// A server without controllers, and everything that an executor needs.
pub(super) struct Lab {
    pub(super) sandbox: Sandbox,
    pub(super) api: Api,
    pub(super) cluster: Cluster,
    pub(super) settings: Settings,
    pub(super) deadline: Option<Instant>,
    pub(super) activities: Rc<RefCell<Vec<Activity>>>,
    on_activity: OnActivity,
    pub(super) shown: Rc<RefCell<Vec<String>>>,
    on_step: OnStep,
    pub(super) signal: Arc<watch::Sender<Option<Exit>>>,
    shutdown: Shutdown,
    looks: SharedLook,
}

impl Lab {
    /// With nothing in it.
    pub(super) async fn new() -> Self {
        let sandbox = Sandbox::start(Options { controller: None, ..Options::empty() }).await.unwrap();
        let request_timeout = Some(Duration::from_secs(30));
        let options = ConnectionOptions { request_timeout, ..ConnectionOptions::default() };
        let cluster = options.connect_to_url(&sandbox.url(), Arc::new(|_| {})).unwrap();
        let (signal, receiver) = watch::channel(None);
        let (activities, shown) = (Rc::new(RefCell::default()), Rc::new(RefCell::default()));
        let on_activity = {
            let activities: Rc<RefCell<Vec<Activity>>> = Rc::clone(&activities);
            Box::new(move |_: &str, activity| activities.borrow_mut().push(activity))
        };
        let on_step = {
            let shown: Rc<RefCell<Vec<String>>> = Rc::clone(&shown);
            Box::new(move |_: &str, step: &StepReport| shown.borrow_mut().push(said_of(step)))
        };
        Self {
            api: sandbox.api(),
            sandbox,
            cluster,
            settings: Settings {
                policy: Policy::default(),
                dry_run: DryRun::None,
                backups: None,
                limits: None,
                decided: None,
                wait: Some(Duration::ZERO),
                heed_trouble: false,
            },
            deadline: None,
            activities,
            on_activity,
            shown,
            on_step,
            signal: Arc::new(signal),
            shutdown: Shutdown::announced_by(receiver),
            looks: SharedLook::default(),
        }
    }

    /// With a namespace that is stuck, held by these spec and metadata finalizers.
    pub(super) async fn stuck(spec: &[&str], metadata: &[&str]) -> Self {
        let lab = Self::new().await;
        lab.create(spec, metadata);
        lab.api.delete(PATH).unwrap();
        lab
    }

    /// Creates the namespace.
    pub(super) fn create(&self, spec: &[&str], metadata: &[&str]) {
        create(&self.api, spec, metadata);
    }

    pub(super) fn executor(&self) -> Executor<'_> {
        Executor {
            cluster: &self.cluster,
            settings: &self.settings,
            looks: &self.looks,
            shutdown: &self.shutdown,
            deadline: self.deadline,
            on_step: &*self.on_step,
            on_activity: &*self.on_activity,
        }
    }

    /// The namespace as it is now.
    pub(super) fn namespace(&self) -> Namespace {
        Namespace::from_json(self.api.get(PATH).unwrap()).unwrap()
    }

    pub(super) fn exists(&self) -> bool {
        self.api.get(PATH).is_ok()
    }

    /// The methods of the requests so far, which are forgotten.
    pub(super) fn methods(&self) -> String {
        let methods: Vec<String> = self.sent().into_iter().map(|(method, ..)| method).collect();
        methods.join(" ")
    }

    /// Method, path and body of the requests so far, which are forgotten.
    pub(super) fn sent(&self) -> Vec<(String, String, Value)> {
        let requests = self.sandbox.requests();
        self.sandbox.forget_requests();
        let path = |path: &str| path.split('?').next().unwrap().to_owned();
        let requests = requests.into_iter();
        requests
            .map(|request| {
                let body = serde_json::from_str(&request.body).unwrap_or_default();
                (request.method, path(&request.path_and_query), body)
            })
            .collect()
    }

    pub(super) fn inject(&self, faults: impl IntoIterator<Item = Fault>) {
        faults.into_iter().for_each(|fault| self.sandbox.inject(fault));
    }

    /// A signal comes with the next request of this method.
    pub(super) fn signal_with(&self, method: &str) -> Fault {
        let signal = Arc::clone(&self.signal);
        let send = move |_: &Api| {
            signal.send_replace(Some(Exit::Interrupted));
        };
        Fault::before(Matcher::new(method, "/").once(), send)
    }
}

/// A plan for the namespace as it is now.
pub(super) fn plan_of(namespace: Namespace, steps: Vec<crate::plan::Step>) -> crate::plan::Plan {
    crate::plan::Plan {
        namespace,
        steps,
        advice: Vec::new(),
        warnings: Vec::new(),
        is_refused: false,
        remains: Vec::new(),
        waits_first: false,
        live_at_stake: 0,
        live_is_part: false,
    }
}

/// `Finalize Done: done`
pub(super) fn said_of(step: &StepReport) -> String {
    format!("{} {}: {}", step.step, step.result, step.message)
}

pub(super) fn create(api: &Api, spec: &[&str], metadata: &[&str]) {
    let body = json!({"metadata": {"name": NAME, "finalizers": metadata}});
    let mut created = api.create("/api/v1/namespaces", &body).unwrap();
    created["spec"]["finalizers"] = json!(spec);
    api.update(&format!("{PATH}/finalize"), &created).unwrap();
}

/// Takes every finalizer off the namespace, so that it goes if it is being deleted.
pub(super) fn remove(api: &Api) {
    let mut namespace = api.get(PATH).unwrap();
    namespace["spec"]["finalizers"] = json!([]);
    namespace["metadata"]["finalizers"] = json!([]);
    api.update(&format!("{PATH}/finalize"), &namespace).unwrap();
    let _ = api.delete(PATH);
}

/// Another namespace has the name by now.
pub(super) fn replace(api: &Api) {
    remove(api);
    create(api, &["kubernetes"], &[]);
}

/// 504: whether it was carried out is unknown.
pub(super) fn timeout() -> Canned {
    Canned::status(504, "Timeout", "Timeout: request did not complete within the allotted timeout")
}

pub(super) fn conflict() -> Canned {
    Canned::status(409, "Conflict", "the object has been modified")
}

/// The namespace is missing, in the server's words.
pub(super) fn not_found() -> Canned {
    let details = json!({"name": NAME, "kind": "namespaces"});
    let message = "namespaces \"rodrigo\" not found";
    let status = json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404,
        "message": message, "details": details});
    Canned::json(404, &status)
}

pub(super) fn internal() -> Canned {
    Canned::status(500, "InternalError", "no leader")
}

pub(super) fn any(method: &str) -> Matcher {
    Matcher::new(method, "/api")
}
