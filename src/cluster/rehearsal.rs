//! Which APIs honour a dry run. The API server does, for its own types and for custom ones; an aggregated API is
//! answered by another server, which may not know of dry runs, and carry out what was to be rehearsed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use http::Method;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::call::{Built, Call};
use super::{ApiError, Cluster};
use crate::model::{ApiPath, is_custom_group};

/// What is known of who serves which group version.
#[derive(Default)]
pub(super) struct Servers(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// The APIServices of other servers (`VERSION.GROUP`), where all were listed; else why they were not.
    all: Option<Result<BTreeSet<String>, String>>,
    /// Those that were asked for one by one.
    asked: BTreeMap<String, DryRuns>,
}

/// What is known of the dry runs of a group version.
#[derive(Clone)]
enum DryRuns {
    Honoured,
    /// Perhaps not, and why.
    HeldBack(String),
}

/// As much of an APIService as says who serves it.
#[derive(Deserialize)]
struct Registered {
    spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    service: Option<IgnoredAny>,
}

impl Servers {
    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers what a list of all APIServices said.
    pub(super) fn note(&self, others: Result<BTreeSet<String>, String>) {
        self.lock().all = Some(others);
    }

    /// `None` where nobody has looked yet.
    fn known(&self, api: &str) -> Option<DryRuns> {
        let known = self.lock();
        match &known.all {
            Some(Ok(others)) if others.contains(api) => Some(DryRuns::HeldBack(of_another(api))),
            Some(Ok(_)) => Some(DryRuns::Honoured),
            Some(Err(why)) => Some(DryRuns::HeldBack(unknown(api, why))),
            None => known.asked.get(api).cloned(),
        }
    }
}

fn of_another(api: &str) -> String {
    format!("APIService {api} is served by another server, which need not honour a dry run")
}

fn unknown(api: &str, why: &str) -> String {
    format!(
        "whether APIService {api} is served by another server, which need not honour a dry run, is unknown ({why})"
    )
}

impl Cluster {
    /// Holds back the dry run of a write that another server would have to honour.
    pub(super) async fn is_honoured(&self, request: &Built) -> Result<(), ApiError> {
        let uri = request.uri();
        let is_dry_run = uri.query().is_some_and(|query| query.split('&').any(|each| each == "dryRun=All"));
        if request.method() == Method::GET || !is_dry_run {
            return Ok(());
        }
        let mut segments = uri.path().trim_start_matches('/').split('/');
        let (Some("apis"), Some(group), Some(version)) = (segments.next(), segments.next(), segments.next())
        else {
            return Ok(());
        };
        if !is_custom_group(group) {
            return Ok(());
        }
        let api = format!("{version}.{group}");
        let mut known = self.servers.known(&api);
        if known.is_none() {
            let asked = self.ask_who_serves(&api).await;
            self.servers.lock().asked.insert(api, asked.clone());
            known = Some(asked);
        }
        match known {
            Some(DryRuns::HeldBack(why)) => {
                let request = format!("{} {}", request.method(), uri.path());
                Err(ApiError::NotRehearsed { request, why })
            }
            Some(DryRuns::Honoured) | None => Ok(()),
        }
    }

    async fn ask_who_serves(&self, api: &str) -> DryRuns {
        let path = ApiPath::collection("apiregistration.k8s.io", "v1", "", "apiservices").join(api);
        let read = Box::pin(self.call(Call::get(&path).probing())).await;
        match read.and_then(|body| self.parse::<Registered>(&body)) {
            Ok(registered) if registered.spec.service.is_some() => DryRuns::HeldBack(of_another(api)),
            Ok(_) => DryRuns::Honoured,
            // Nobody else has registered for it, or nobody can.
            Err(error) if error.code() == Some(404) => DryRuns::Honoured,
            Err(error) => DryRuns::HeldBack(unknown(api, &error.detail())),
        }
    }
}
