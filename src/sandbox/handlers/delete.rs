//! DELETE: marking, grace, finalizers, and the two-step deletion of namespaces.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Context;
use crate::sandbox::admission::{self, Attributes};
use crate::sandbox::document::Document;
use crate::sandbox::engine::{Engine, shown, success};
use crate::sandbox::failure::Failure;
use crate::sandbox::meta;
use crate::sandbox::selector::Selector;
use crate::sandbox::types::ResourceType;

/// `metav1.DeleteOptions`
#[derive(Clone, Debug, Default)]
pub(crate) struct DeleteOptions {
    pub(crate) dry_run: bool,
    pub(crate) grace: Option<i64>,
    pub(crate) uid: Option<String>,
    pub(crate) version: Option<String>,
    /// `Foreground`, `Background` or `Orphan`
    pub(crate) propagation: Option<String>,
}

impl DeleteOptions {
    pub(crate) fn read(body: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let old_style = body["orphanDependents"] == true;
        Self {
            dry_run: meta::strings(&body["dryRun"]).contains(&"All"),
            grace: body["gracePeriodSeconds"].as_i64(),
            uid: text(&body["preconditions"]["uid"]),
            version: text(&body["preconditions"]["resourceVersion"]),
            propagation: text(&body["propagationPolicy"]).or_else(|| old_style.then(|| "Orphan".to_owned())),
        }
    }

    /// The body or, where there is none, the query (apiserver's pkg/endpoints/handlers/delete.go).
    fn of_request(context: &Context<'_>) -> Result<Self, Failure> {
        let query = &context.call.query;
        if context.call.body.is_empty() {
            return Ok(Self {
                dry_run: query.dry_run(),
                grace: query.get("gracePeriodSeconds").parse().ok(),
                propagation: Some(query.get("propagationPolicy"))
                    .filter(|name| !name.is_empty())
                    .map(str::to_owned),
                ..Self::default()
            });
        }
        let body = serde_json::from_slice(&context.call.body)
            .map_err(|error| Failure::bad_request(format!("the object provided is unrecognized: {error}")))?;
        Ok(Self::read(&body))
    }

    pub(crate) fn background() -> Self {
        Self { propagation: Some("Background".to_owned()), ..Self::default() }
    }

    pub(crate) fn at_once() -> Self {
        Self { grace: Some(0), ..Self::default() }
    }
}

/// An object that was asked to go.
#[derive(Debug)]
pub(crate) struct Deleted {
    pub(crate) object: Value,
    pub(crate) gone: bool,
}

impl Engine {
    pub(crate) fn delete(&mut self, context: &Context<'_>) -> Result<Document, Failure> {
        let options = DeleteOptions::of_request(context)?;
        let (of, name) = (&context.of, &context.target.name);
        let deleted = self.delete_object(of, context.namespace(), name, &options)?;
        if deleted.gone && !returns_deleted_object(of) {
            let status = success(of, name, meta::uid(&deleted.object));
            return Ok(Document::json(200, &status));
        }
        Ok(shown(&context.view, of, 200, deleted.object))
    }

    /// Deletes one by one; the first that fails ends it (store.go's `DeleteCollection`).
    pub(crate) fn delete_collection(&mut self, context: &Context<'_>) -> Result<Document, Failure> {
        let options = DeleteOptions::of_request(context)?;
        let selector = Selector::read(&context.call.query, &context.of)?;
        let mut items = Vec::new();
        self.delete_all(&context.of, context.namespace(), &selector, &options, |object| items.push(object))?;
        let list_meta = json!({"resourceVersion": self.store.revision().to_string()});
        Ok(Document::json(200, &context.view.list(&context.of, &items, &list_meta)))
    }

    /// Deletes everything of one type in a namespace, and hands over each object. Notes the places alone: of a hundred
    /// thousand objects there should not be two generations in memory.
    pub(crate) fn delete_all(
        &mut self,
        of: &Arc<ResourceType>,
        namespace: &str,
        selector: &Selector,
        options: &DeleteOptions,
        mut deleted: impl FnMut(Arc<Value>),
    ) -> Result<(), Failure> {
        let found = self.store.list(&of.storage_key(), namespace, None).filter(|each| selector.matches(each));
        let doomed: Vec<(String, String)> =
            found.map(|each| (meta::namespace(each).to_owned(), meta::name(each).to_owned())).collect();
        for (namespace, name) in doomed {
            deleted(Arc::new(self.delete_object(of, &namespace, &name, options)?.object));
        }
        Ok(())
    }

    pub(crate) fn delete_object(
        &mut self,
        of: &Arc<ResourceType>,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Deleted, Failure> {
        let old = self.object(of, namespace, name)?;
        check_preconditions(of, &old, options)?;
        let dry_run = options.dry_run;
        let attributes = Attributes { operation: "DELETE", of, namespace, name, subresource: "", dry_run };
        admission::mutate(&self.store, &attributes, None, Some(&old))?;
        admission::validate(&self.store, &attributes, None, Some(&old))?;
        match decide(of, &old, options) {
            Verdict::Remove => {
                if !dry_run {
                    self.remove(of, namespace, name, &old)?;
                }
                Ok(Deleted { object: (*old).clone(), gone: true })
            }
            Verdict::Keep => Ok(Deleted { object: (*old).clone(), gone: false }),
            Verdict::Mark(marked) => Ok(Deleted { object: self.commit(of, marked, dry_run)?, gone: false }),
        }
    }
}

/// Types whose storage sets `ReturnDeletedObject`.
fn returns_deleted_object(of: &ResourceType) -> bool {
    let core = [
        "namespaces",
        "persistentvolumeclaims",
        "persistentvolumes",
        "pods",
        "podtemplates",
        "resourcequotas",
        "serviceaccounts",
        "services",
    ];
    of.group.is_empty() && core.contains(&of.resource.as_str())
}

fn check_preconditions(of: &ResourceType, old: &Value, options: &DeleteOptions) -> Result<(), Failure> {
    let name = meta::name(old);
    if let Some(uid) = options.uid.as_deref().filter(|uid| *uid != meta::uid(old)) {
        let live = meta::uid(old);
        // The storage of namespaces checks for itself.
        if of.is_namespace() {
            let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {live}");
            return Err(Failure::conflict(of, name, &why));
        }
        let why = format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({live}). The object might have been \
             deleted and then recreated"
        );
        return Err(Failure::precondition(of, name, &why));
    }
    let live = meta::resource_version(old);
    if let Some(version) = options.version.as_deref().filter(|version| *version != live) {
        if of.is_namespace() {
            let why = format!(
                "Precondition failed: ResourceVersion in precondition: {version}, ResourceVersion in object meta: {live}"
            );
            return Err(Failure::conflict(of, name, &why));
        }
        let why = format!(
            "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({live}). \
             The object might have been modified"
        );
        return Err(Failure::precondition(of, name, &why));
    }
    Ok(())
}

enum Verdict {
    /// It goes now.
    Remove,
    /// It is on its way already; nothing changes.
    Keep,
    /// It is marked, and stays until its grace is over and its finalizers are gone.
    Mark(Value),
}

fn decide(of: &ResourceType, old: &Value, options: &DeleteOptions) -> Verdict {
    let mut new = old.clone();
    let finalizers = finalizers_for(old, options);
    meta::set_finalizers(&mut new, &finalizers);
    if of.is_namespace() {
        return decide_namespace(old, new, &finalizers);
    }
    let grace = grace(of, old, options);
    let pending = meta::grace_seconds(old);
    if meta::is_deleting(old) {
        // A shorter grace than the one under way is honoured, a longer one is not.
        if grace > 0 && pending.is_some_and(|pending| grace >= pending) {
            return Verdict::Keep;
        }
        if pending == Some(grace) && finalizers.len() == meta::finalizers(old).len() {
            return if finalizers.is_empty() { Verdict::Remove } else { Verdict::Keep };
        }
    }
    if grace == 0 && finalizers.is_empty() {
        return Verdict::Remove;
    }
    if !meta::is_deleting(old)
        && let Some(generation) = old["metadata"]["generation"].as_i64()
    {
        new["metadata"]["generation"] = (generation + 1).into();
    }
    // With a grace the timestamp is the moment when it will be over.
    if !meta::is_deleting(old) || grace > 0 {
        new["metadata"]["deletionTimestamp"] = meta::seconds(meta::from_now(grace)).into();
    }
    new["metadata"]["deletionGracePeriodSeconds"] = grace.into();
    Verdict::Mark(new)
}

/// pkg/registry/core/namespace/storage: the first DELETE only marks, even if nothing holds the namespace; a
/// second one removes it if nothing does.
fn decide_namespace(old: &Value, mut new: Value, finalizers: &[String]) -> Verdict {
    if !meta::is_deleting(old) {
        new["metadata"]["deletionTimestamp"] = meta::now().into();
        new["status"]["phase"] = "Terminating".into();
        return Verdict::Mark(new);
    }
    if !meta::spec_finalizers(old).is_empty() {
        return Verdict::Keep;
    }
    if finalizers.is_empty() {
        return Verdict::Remove;
    }
    new["metadata"]["deletionGracePeriodSeconds"] = 0.into();
    if new == *old { Verdict::Keep } else { Verdict::Mark(new) }
}

/// How the garbage collector's finalizers follow from the propagation policy (store.go's
/// deletionFinalizersForGarbageCollection).
fn finalizers_for(old: &Value, options: &DeleteOptions) -> Vec<String> {
    let mut finalizers: Vec<String> = meta::finalizers(old).into_iter().map(str::to_owned).collect();
    let Some(policy) = options.propagation.as_deref() else { return finalizers };
    finalizers.retain(|each| each != "orphan" && each != "foregroundDeletion");
    match policy {
        "Orphan" => finalizers.push("orphan".to_owned()),
        "Foreground" => finalizers.push("foregroundDeletion".to_owned()),
        _ => {}
    }
    finalizers
}

/// Only pods go gracefully; not those that no node runs, nor those that have ended.
fn grace(of: &ResourceType, old: &Value, options: &DeleteOptions) -> i64 {
    let ended = ["Succeeded", "Failed"].iter().any(|phase| old["status"]["phase"] == *phase);
    let scheduled = old["spec"]["nodeName"].as_str().is_some_and(|node| !node.is_empty());
    if !of.is("", "pods") || ended || !scheduled {
        return 0;
    }
    let own = old["spec"]["terminationGracePeriodSeconds"].as_i64();
    options.grace.or(meta::grace_seconds(old)).or(own).unwrap_or(30).max(0)
}
