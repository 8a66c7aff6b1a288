//! The API server's inside: the store, the types, and the one way in for every request.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::aggregation;
use super::authorize::{self, Action, Caller, Deny};
use super::crd;
use super::discovery::{self, DiscoveryMode, subresource_verbs};
use super::document::Document;
use super::failure::Failure;
use super::handlers::{Context, Watch};
use super::negotiate::{self, View};
use super::openapi;
use super::release::Release;
use super::request::{Call, Route, Target, route, verb};
use super::store::Store;
use super::types::{ResourceType, Types};

/// What a request gets.
#[derive(Debug)]
pub(crate) enum Reply {
    Document(Document),
    Watch(Box<Watch>),
}

/// The whole cluster.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) store: Store,
    pub(crate) types: Types,
    pub(crate) deny: Vec<Deny>,
    /// What the API server is, and the controllers are.
    pub(crate) release: Release,
    pub(crate) discovery: DiscoveryMode,
    /// host:port, for the legacy `/api` document.
    pub(crate) address: String,
    /// Tokens that `serviceaccounts/token` gave out, and whose they are.
    pub(crate) tokens: BTreeMap<String, String>,
}

impl Engine {
    pub(crate) fn new(
        release: Release,
        deny: Vec<Deny>,
        discovery: Option<DiscoveryMode>,
        address: String,
    ) -> Self {
        let (store, types) = (Store::new(), Types::new(release));
        let discovery = discovery.unwrap_or_else(|| release.discovery());
        let mut engine = Self { store, types, deny, release, discovery, address, tokens: BTreeMap::new() };
        engine.register_local_services();
        engine
    }

    /// Answers a request.
    pub(crate) fn serve(&mut self, call: &Call) -> Reply {
        self.answer(call).unwrap_or_else(|failure| Reply::Document(Document::failure(&failure)))
    }

    fn answer(&mut self, call: &Call) -> Result<Reply, Failure> {
        let caller = self.authenticate(call)?;
        let document = match route(&call.path) {
            Route::Target(target) => return self.target(call, caller, target),
            Route::Groups { legacy } => self.groups(call, legacy)?,
            Route::Group(name) => {
                let found = self.discovered().into_iter().find(|group| group.name == name);
                Document::json(200, &discovery::legacy_group(&found.ok_or_else(Failure::no_such_path)?))
            }
            Route::Resources { group, version } => self.resources(&group, &version)?,
            Route::Other => {
                openapi::other(self.release, &self.types, &call.path).ok_or_else(Failure::no_such_path)?
            }
        };
        if call.method != "GET" {
            return Err(Failure::method_not_allowed());
        }
        Ok(Reply::Document(document))
    }

    fn authenticate(&self, call: &Call) -> Result<Caller, Failure> {
        let credentials = &call.credentials;
        let caller = match &credentials.token {
            None => Caller::admin(),
            Some(token) => {
                let user = self.tokens.get(token).ok_or_else(Failure::unauthorized)?;
                Caller::new(user, Vec::new())
            }
        };
        Ok(match &credentials.user {
            Some(user) => Caller::new(user, credentials.groups.clone()),
            None => caller,
        })
    }

    fn discovered(&self) -> Vec<discovery::Group> {
        discovery::groups(&self.types, &aggregation::remotes(&self.store))
    }

    fn groups(&self, call: &Call, legacy: bool) -> Result<Document, Failure> {
        let accept = negotiate::parse_accept(&call.accept);
        let groups = self.discovered();
        let Some(version) = self.discovery.pick(&accept) else {
            if !accept.iter().any(|range| range.is_json() && range.param("as").is_empty()) {
                return Err(Failure::not_acceptable(&["application/json"]));
            }
            return Ok(Document::json(200, &discovery::legacy_groups(&groups, legacy, &self.address)));
        };
        let mut document =
            Document::json(200, &discovery::aggregated(&groups, self.release, version, legacy));
        let tag = discovery::etag(&document.body);
        if call.if_none_match == tag {
            document.code = 304;
            document.body.clear();
        }
        document.content_type =
            format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
        document.headers.push(("ETag".to_owned(), tag));
        document.headers.push(("Vary".to_owned(), "Accept".to_owned()));
        document.headers.push(("Cache-Control".to_owned(), "public".to_owned()));
        Ok(document)
    }

    fn resources(&self, group: &str, version: &str) -> Result<Document, Failure> {
        if self.is_dead(group, version) {
            return Err(Failure::plain(503, "service unavailable\n"));
        }
        let groups = self.discovered();
        let group = groups.iter().find(|each| each.name == group).ok_or_else(Failure::no_such_path)?;
        let found =
            group.versions.iter().find(|each| each.name == version).ok_or_else(Failure::no_such_path)?;
        Ok(Document::json(200, &discovery::legacy_resources(&group.name, found)))
    }

    /// Whether the group and version belong to another server, which in the sandbox never answers.
    fn is_dead(&self, group: &str, version: &str) -> bool {
        aggregation::is_remote(&self.store, group, version)
    }

    fn target(&mut self, call: &Call, caller: Caller, target: Target) -> Result<Reply, Failure> {
        let verb = verb(call, &target)?;
        self.authorize(call, &caller, verb, &target)?;
        if self.is_dead(&target.group, &target.version) {
            return Err(Failure::plain(503, "service unavailable\n"));
        }
        let Some(of) = self.types.find(&target.group, &target.version, &target.resource) else {
            let known = self.types.serves(&target.group, &target.version);
            return Err(if known { Failure::no_such_resource() } else { Failure::no_such_path() });
        };
        if of.is("", "pods")
            && ["log", "exec", "attach", "portforward"].contains(&target.subresource.as_str())
        {
            return Err(self.without_kubelet(&of, &target));
        }
        check_scope(&of, &target, verb)?;
        if let Some(odd) = call.query.odd_dry_run() {
            return Err(Failure::bad_request(format!(
                "dryRun: Unsupported value: {odd:?}: supported values: \"All\""
            )));
        }
        let view = negotiate::view(&call.accept)?;
        let context = Context { call, caller, target, of, view };
        if verb == "watch" {
            return Ok(Reply::Watch(Box::new(self.watch(&context)?)));
        }
        self.act(&context, verb).map(Reply::Document)
    }

    /// What a server says that has to ask a kubelet: there is none here (registry/core/pod's strategy.go, and the
    /// connection that fails).
    fn without_kubelet(&self, of: &ResourceType, target: &Target) -> Failure {
        let pod = match self.object(of, &target.namespace, &target.name) {
            Ok(pod) => pod,
            Err(failure) => return failure,
        };
        match pod["spec"]["nodeName"].as_str().filter(|node| !node.is_empty()) {
            None => Failure::bad_request(format!("pod {} does not have a host assigned", target.name)),
            Some(node) => Failure::internal(&format!(
                "dial tcp: lookup {node}: no such host (a practice cluster has no kubelet)"
            )),
        }
    }

    fn authorize(&self, call: &Call, caller: &Caller, verb: &str, target: &Target) -> Result<(), Failure> {
        let mut action = Action::on(verb, target);
        // Lists of one name are authorised like a get of it, so that resourceNames work.
        if let (true, Some(name)) =
            (action.name.is_empty(), call.query.get("fieldSelector").strip_prefix("metadata.name="))
        {
            name.clone_into(&mut action.name);
        }
        if authorize::allows(&self.store, &self.deny, caller, &action) {
            return Ok(());
        }
        let of = ResourceType {
            group: target.group.clone(),
            resource: target.resource.clone(),
            ..ResourceType::clone(&super::types::built_in("", "namespaces"))
        };
        Err(Failure::forbidden(&of, &target.name, &action.refusal(caller)))
    }

    fn act(&mut self, context: &Context<'_>, verb: &str) -> Result<Document, Failure> {
        match (verb, context.target.subresource.as_str()) {
            ("get", "scale") => self.scale(context),
            ("update" | "patch", "scale") => self.change_scale(context),
            ("get", _) => self.get(context),
            ("list", _) => self.list(context),
            ("create", "eviction") => self.evict(context),
            ("create", "token") => self.issue_token(context),
            ("create", _)
                if context.of.group == "authorization.k8s.io"
                    || context.of.group == "authentication.k8s.io" =>
            {
                self.review(context)
            }
            ("create", _) => self.create(context),
            ("update", _) => self.replace(context),
            ("patch", _) => self.patch(context),
            ("delete", _) => self.delete(context),
            ("deletecollection", _) => self.delete_collection(context),
            _ => Err(Failure::method_not_allowed()),
        }
    }

    /// Stores the object and lets the server's own controllers react. Returns it as its reader will see it.
    pub(crate) fn commit(
        &mut self,
        of: &Arc<ResourceType>,
        object: Value,
        dry_run: bool,
    ) -> Result<Value, Failure> {
        let stored = crd::encode(&self.store, of, &object)?;
        if dry_run {
            return Ok(object);
        }
        let key = of.storage_key();
        let stored = self.store.put(&key, stored);
        let mut object = object;
        object["metadata"]["resourceVersion"] = stored["metadata"]["resourceVersion"].clone();
        self.settle(of);
        Ok(object)
    }

    /// Removes the object and lets the server's own controllers react. The cached object is encoded on the way, so
    /// that a dead conversion webhook keeps even an object that is stored in the version of the request; not in a dry
    /// run, which never gets here.
    pub(crate) fn remove(
        &mut self,
        of: &Arc<ResourceType>,
        namespace: &str,
        name: &str,
        object: &Value,
    ) -> Result<(), Failure> {
        crd::encode(&self.store, of, object)?;
        self.store.remove(&of.storage_key(), namespace, name);
        self.settle(of);
        Ok(())
    }

    /// What the API server's own controllers do after a write: CRDs and APIServices.
    fn settle(&mut self, of: &ResourceType) {
        match (of.group.as_str(), of.resource.as_str()) {
            ("apiextensions.k8s.io", _) => self.settle_crds(),
            ("apiregistration.k8s.io" | "discovery.k8s.io", _) | ("", "services" | "endpoints") => {
                self.settle_services();
            }
            _ if of.custom.as_ref().is_some_and(|custom| custom.terminating) => self.settle_crds(),
            _ => {}
        }
    }

    fn settle_crds(&mut self) {
        for crd in self.store.all(crd::KEY) {
            if let Some(new) = crd::reconcile(&crd) {
                self.store.put(crd::KEY, new);
            }
        }
        self.types.load(&self.store.all(crd::KEY));
        self.finish_crds();
        self.types.load(&self.store.all(crd::KEY));
        self.register_local_services();
    }

    /// Deletes the instances of terminating CRDs, and the CRDs that have none left.
    fn finish_crds(&mut self) {
        let doomed: Vec<_> =
            self.store.all(crd::KEY).into_iter().filter(|crd| super::meta::is_deleting(crd)).collect();
        for crd in doomed {
            let name = super::meta::name(&crd).to_owned();
            for object in self.store.all(&name) {
                self.delete_for_crd(&name, &object);
            }
            let others = super::meta::finalizers(&crd).iter().any(|each| *each != super::types::CRD_CLEANUP);
            if self.store.all(&name).is_empty() && !others {
                self.store.remove(crd::KEY, "", &name);
            }
        }
    }

    fn delete_for_crd(&mut self, key: &str, object: &Value) {
        if super::meta::finalizers(object).is_empty() {
            self.store.remove(key, super::meta::namespace(object), super::meta::name(object));
        } else if !super::meta::is_deleting(object) {
            let mut object = object.clone();
            object["metadata"]["deletionTimestamp"] = super::meta::now().into();
            object["metadata"]["deletionGracePeriodSeconds"] = 0.into();
            self.store.put(key, object);
        }
    }

    fn settle_services(&mut self) {
        for service in self.store.all(aggregation::KEY) {
            if let Some(new) = aggregation::reconcile(self.release, &self.store, &service) {
                self.store.put(aggregation::KEY, new);
            }
        }
    }

    /// Keeps one local `APIService` per group and version that the server serves itself.
    fn register_local_services(&mut self) {
        let mut wanted: Vec<(String, String)> =
            self.types.all().map(|of| (of.group.clone(), of.version.clone())).collect();
        wanted.dedup();
        // The aggregator serves its own group without being asked.
        wanted.retain(|(group, _)| group != "apiregistration.k8s.io");
        for service in self.store.all(aggregation::KEY) {
            let spec = &service["spec"];
            let place =
                |(group, version): &(String, String)| spec["group"] == *group && spec["version"] == *version;
            let automatic =
                service["metadata"]["labels"]["kube-aggregator.kubernetes.io/automanaged"].is_string();
            if automatic && !wanted.iter().any(place) {
                self.store.remove(aggregation::KEY, "", super::meta::name(&service));
            }
        }
        for (group, version) in wanted {
            let custom =
                !self.types.all().any(|of| of.custom.is_none() && of.group == group && of.version == version);
            let mut local = aggregation::local(&group, &version, custom);
            if self.store.get(aggregation::KEY, "", super::meta::name(&local)).is_none() {
                local["metadata"]["uid"] = super::meta::new_uid().into();
                local["metadata"]["creationTimestamp"] = super::meta::now().into();
                let local = aggregation::reconcile(self.release, &self.store, &local).unwrap_or(local);
                self.store.put(aggregation::KEY, local);
            }
        }
    }
}

/// Whether the type is reached in the right way, and knows the verb.
fn check_scope(of: &ResourceType, target: &Target, verb: &str) -> Result<(), Failure> {
    let in_namespace = !target.namespace.is_empty();
    let named = !target.name.is_empty();
    let fits = of.is_namespace()
        || if of.namespaced { in_namespace || (!named && verb != "create") } else { !in_namespace };
    if !fits {
        return Err(Failure::no_such_resource());
    }
    if !target.subresource.is_empty() {
        if !of.has(&target.subresource) {
            return Err(Failure::no_such_resource());
        }
        if !subresource_verbs(&target.subresource).contains(&verb) {
            return Err(Failure::method_not_allowed());
        }
        return Ok(());
    }
    let custom_terminating = of.custom.as_ref().is_some_and(|custom| custom.terminating);
    // A terminating CRD hides update and patch in discovery, but still serves them; a create has an error of its own.
    if !of.allows(verb) && !custom_terminating || (verb == "create" && named) {
        return Err(Failure::method_not_allowed());
    }
    Ok(())
}

/// The answer to a success without an object.
pub(crate) fn success(of: &ResourceType, name: &str, uid: &str) -> Value {
    let mut details = json!({"name": name});
    if !of.group.is_empty() {
        details["group"] = of.group.clone().into();
    }
    details["kind"] = of.resource.clone().into();
    details["uid"] = uid.into();
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}

/// The form of an answer to a write.
pub(crate) fn shown(view: &View, of: &ResourceType, code: u16, object: Value) -> Document {
    Document::json(code, &view.object(of, object))
}
