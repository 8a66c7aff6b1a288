//! What is asked for: kube's requests and parameters, over paths whose segments are encoded.

use std::time::Duration;

use http::{HeaderValue, Method, header};
use kube::api::{DeleteParams, GetParams, ListParams, Patch, PatchParams, PostParams, WatchParams};
use kube::core::{Request, request};
use serde_json::Value;

use super::DryRun;
use crate::model::ApiPath;

/// etcd takes objects of 1.5 MiB; fifty whole ones, or five hundred by their metadata, stay well below.
const MAX_ANSWER_MIB: usize = 64;
const WHOLE_PAGE_MIB: usize = 128;
/// Who has set a field, in `managedFields`.
const FIELD_MANAGER: &str = "nsfix";

pub(super) type Built = http::Request<Vec<u8>>;

/// A request to be sent.
pub(super) struct Call {
    pub(super) request: Result<Built, request::Error>,
    /// The answer is one of many, and its absence is an answer too: given up early.
    pub(super) probe: bool,
    pub(super) limit_mib: usize,
    /// For a request that is known to need longer than a probe.
    pub(super) deadline: Option<Duration>,
    /// A 429 or 5xx is the answer that is wanted, and no reason to ask again.
    pub(super) once: bool,
}

impl Call {
    fn new(request: Result<Built, request::Error>) -> Self {
        let request = request.map(tidy);
        Self { request, probe: false, limit_mib: MAX_ANSWER_MIB, deadline: None, once: false }
    }

    pub(super) fn get(path: &ApiPath) -> Self {
        let (parent, name) = path.split_last();
        Self::new(Request::new(parent).get(name, &GetParams::default()))
    }

    pub(super) fn list(collection: &ApiPath, params: &ListParams) -> Self {
        Self::new(Request::new(collection.as_str()).list(params))
    }

    pub(super) fn watch(collection: &ApiPath, params: &WatchParams, version: &str) -> Self {
        Self::new(Request::new(collection.as_str()).watch(params, version))
    }

    /// POSTs an object that is not stored (a review), or that nobody asks later who has set its fields.
    pub(super) fn post(collection: &ApiPath, body: &Value) -> Self {
        Self::create_with(collection, &PostParams::default(), body)
    }

    pub(super) fn create(collection: &ApiPath, body: &Value, dry_run: DryRun) -> Self {
        Self::create_with(collection, &post_params(dry_run), body)
    }

    /// The same with JSON that is sent as it stands.
    pub(super) fn create_text(collection: &ApiPath, body: String, dry_run: DryRun) -> Self {
        Self::new(Request::new(collection.as_str()).create(&post_params(dry_run), body.into_bytes()))
    }

    fn create_with(collection: &ApiPath, params: &PostParams, body: &Value) -> Self {
        Self::new(Request::new(collection.as_str()).create(params, body.to_string().into_bytes()))
    }

    pub(super) fn replace(path: &ApiPath, body: &Value, dry_run: DryRun) -> Self {
        let (parent, name) = path.split_last();
        let body = body.to_string().into_bytes();
        Self::new(Request::new(parent).replace(name, &post_params(dry_run), body))
    }

    /// A JSON merge patch, the one form that every type takes, custom resources included.
    pub(super) fn merge_patch(path: &ApiPath, change: &Value, dry_run: DryRun) -> Self {
        let (parent, name) = path.split_last();
        let PostParams { dry_run, field_manager } = post_params(dry_run);
        let params = PatchParams { dry_run, field_manager, ..PatchParams::default() };
        Self::new(Request::new(parent).patch(name, &params, &Patch::Merge(change)))
    }

    /// The server takes the options from the body alone where there is one, whatever the URL says (apiserver's
    /// pkg/endpoints/handlers/delete.go: DeleteResource); a dry run is in the URL as well for the audit log.
    pub(super) fn delete(path: &ApiPath, params: &DeleteParams) -> Self {
        let (parent, name) = path.split_last();
        let query = PostParams { dry_run: params.dry_run, field_manager: None };
        let with_query = Request::new(path.as_str()).create(&query, Vec::new());
        let request = Request::new(parent).delete(name, params);
        Self::new(request.and_then(|mut request| {
            with_query?.uri().clone_into(request.uri_mut());
            Ok(request)
        }))
    }

    /// Asks for another representation than plain JSON.
    pub(super) fn accepting(mut self, accept: &'static str) -> Self {
        if let Ok(request) = &mut self.request {
            request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static(accept));
        }
        self
    }

    pub(super) fn probing(self) -> Self {
        Self { probe: true, ..self }
    }

    /// Takes a failure for an answer, whatever Retry-After says.
    pub(super) fn once(self) -> Self {
        Self { once: true, ..self }
    }

    /// Whole objects can be large, and many of them are in a page.
    pub(super) fn of_whole_objects(self) -> Self {
        Self { limit_mib: WHOLE_PAGE_MIB, ..self }
    }

    /// A probe with a deadline of its own: a slow webhook says nothing of the server.
    pub(super) fn waiting(self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self.probing() }
    }

    /// Whether the answer tells how the server itself is. A probe may well find an API that is dead; but the core
    /// group is the server's own.
    pub(super) fn tells_of_the_server(&self) -> bool {
        let core = |request: &Built| request.uri().path().starts_with(ApiPath::core().join("v1").as_str());
        !self.probe || (self.deadline.is_none() && self.request.as_ref().is_ok_and(core))
    }

    pub(super) fn is_write(&self) -> bool {
        self.request.as_ref().is_ok_and(|request| request.method() != Method::GET)
    }
}

fn post_params(dry_run: DryRun) -> PostParams {
    PostParams { dry_run: dry_run == DryRun::Server, field_manager: Some(FIELD_MANAGER.to_owned()) }
}

/// kube writes `?&a=b`, leaves the `?` where there are no parameters, and says only sometimes that it wants JSON.
fn tidy(mut request: Built) -> Built {
    let uri = request.uri();
    let query = uri.query().unwrap_or_default().trim_start_matches('&');
    let parts = [uri.path(), query];
    let parts = if query.is_empty() { &parts[..1] } else { &parts[..] };
    if let Ok(tidy) = parts.join("?").parse() {
        *request.uri_mut() = tidy;
    }
    request.headers_mut().entry(header::ACCEPT).or_insert(HeaderValue::from_static("application/json"));
    request
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::api::Preconditions;
    use serde_json::json;

    fn built(call: Call) -> Built {
        call.request.unwrap()
    }

    #[test]
    fn a_name_is_asked_for_as_itself_in_every_verb() {
        let collection = ApiPath::collection("rbac.authorization.k8s.io", "v1", "n s", "rolebindings");
        let path = collection.clone().join("a#b?c d/ä");
        let calls = [
            Call::get(&path),
            Call::replace(&path, &json!({}), DryRun::None),
            Call::merge_patch(&path, &json!({}), DryRun::Server),
            Call::delete(&path, &DeleteParams::default()),
            Call::delete(&path, &DeleteParams::default().dry_run()),
        ];
        for request in calls.map(built) {
            assert_eq!(request.uri().path(), path.as_str(), "{request:?}");
        }
        let calls = [
            Call::list(&collection, &ListParams::default().limit(1)),
            Call::create(&collection, &json!({}), DryRun::Server),
            Call::post(&collection, &json!({})),
        ];
        for request in calls.map(built) {
            assert_eq!(request.uri().path(), collection.as_str(), "{request:?}");
        }
        assert_eq!(built(Call::get(&ApiPath::core())).uri(), "/api");
    }

    #[test]
    fn a_name_that_is_empty_is_never_asked_for() {
        let path = ApiPath::namespace("");
        assert!(Call::get(&path).request.is_err());
        assert!(Call::delete(&path, &DeleteParams::default()).request.is_err());
    }

    #[test]
    fn a_dry_run_of_a_deletion_is_in_the_body_and_in_the_url() {
        let preconditions = Preconditions { uid: Some("u".to_owned()), resource_version: None };
        let params = DeleteParams::background().grace_period(0).preconditions(preconditions);
        let path = ApiPath::namespace("a");
        let meant = built(Call::delete(&path, &params));
        assert_eq!(meant.uri(), "/api/v1/namespaces/a");
        let dry = built(Call::delete(&path, &params.dry_run()));
        assert_eq!(dry.uri(), "/api/v1/namespaces/a?dryRun=All");
        let body: Value = serde_json::from_slice(dry.body()).unwrap();
        let expected = json!({"dryRun": ["All"], "gracePeriodSeconds": 0,
            "propagationPolicy": "Background", "preconditions": {"uid": "u"}});
        assert_eq!(body, expected);
    }

    #[test]
    fn a_dry_run_of_any_other_write_is_in_the_url() {
        let path = ApiPath::namespaces();
        let writes = [
            Call::create(&path, &json!({}), DryRun::Server),
            Call::replace(&path, &json!({}), DryRun::Server),
            Call::merge_patch(&path, &json!({}), DryRun::Server),
        ];
        for request in writes.map(built) {
            assert_eq!(request.uri().query(), Some("dryRun=All&fieldManager=nsfix"));
        }
    }
}
