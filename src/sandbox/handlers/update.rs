//! PUT and PATCH, on objects and on their subresources; `/finalize` among them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Context, check_shape, defaults, validate};
use crate::sandbox::admission::{self, Attributes};
use crate::sandbox::document::Document;
use crate::sandbox::engine::{Engine, shown};
use crate::sandbox::failure::{Failure, Flaw};
use crate::sandbox::managed_fields::{self, Writer};
use crate::sandbox::meta;
use crate::sandbox::patch;
use crate::sandbox::release::Release;
use crate::sandbox::types::ResourceType;

/// Where an update goes, and on whose behalf.
#[derive(Debug)]
pub(crate) struct Edit<'a> {
    pub(crate) of: &'a Arc<ResourceType>,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) subresource: &'a str,
    pub(crate) manager: &'a str,
    pub(crate) dry_run: bool,
    /// A PUT makes a precondition of the uid in its body; a PATCH does not.
    pub(crate) uid_is_precondition: bool,
}

impl Engine {
    pub(crate) fn replace(&mut self, context: &Context<'_>) -> Result<Document, Failure> {
        let body = context.body()?;
        let name = &context.target.name;
        match meta::name(&body) {
            "" => {
                return Err(Failure::bad_request(format!(
                    "the name of the object ({name} based on URL) was undeterminable: name must be provided"
                )));
            }
            given if given != name => {
                return Err(Failure::bad_request(format!(
                    "the name of the object ({given}) does not match the name on the URL ({name})"
                )));
            }
            _ => {}
        }
        let given = meta::namespace(&body);
        if context.of.namespaced && !given.is_empty() && given != context.namespace() {
            return Err(Failure::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        let updated = self.update_object(&context.edit(true), |_| Ok(body))?;
        Ok(shown(&context.view, &context.of, 200, updated))
    }

    pub(crate) fn patch(&mut self, context: &Context<'_>) -> Result<Document, Failure> {
        let media_type = context.call.content_type.split(';').next().unwrap_or_default().trim();
        let custom = context.of.custom.is_some();
        if media_type == patch::APPLY_PATCH
            && let Some(created) = self.create_by_applying(context)?
        {
            return Ok(created);
        }
        let updated = self.update_object(&context.edit(false), |old| {
            let new = patch::apply(media_type, &context.call.body, old, custom)?;
            context.check_kind(new)
        })?;
        Ok(shown(&context.view, &context.of, 200, updated))
    }

    /// A server-side apply of what is not there creates it. Ownership is kept as of any other write, so that there are no
    /// conflicts between managers, and a field that is left out the next time stays.
    fn create_by_applying(&mut self, context: &Context<'_>) -> Result<Option<Document>, Failure> {
        let (of, name) = (&context.of, context.target.name.as_str());
        if context.call.query.get("fieldManager").is_empty() {
            let why = "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch";
            return Err(Failure::new(422, "Invalid", why));
        }
        let exists = self.store.get(&of.storage_key(), context.namespace(), name).is_some();
        if exists || !context.target.subresource.is_empty() {
            return Ok(None);
        }
        let mut object = context.check_kind(patch::applied(&context.call.body)?)?;
        if meta::name(&object).is_empty() {
            object["metadata"]["name"] = name.into();
        }
        let writer = Writer { manager: context.manager(), subresource: "" };
        let created = self.create_object(of, context.namespace(), object, &writer, context.dry_run())?;
        Ok(Some(shown(&context.view, of, 201, created)))
    }

    /// Changes an object: the store's `GuaranteedUpdate` with everything the registry does around it.
    ///
    /// The order of the checks is that of apiserver's `Store.Update`: a dead mutating webhook hides a stale
    /// resourceVersion.
    pub(crate) fn update_object(
        &mut self,
        edit: &Edit<'_>,
        change: impl FnOnce(&Value) -> Result<Value, Failure>,
    ) -> Result<Value, Failure> {
        let Edit { of, namespace, name, subresource, dry_run, .. } = *edit;
        let old = match self.object(of, namespace, name) {
            Ok(old) => old,
            Err(failure) => return Err(self.uid_of_nothing(edit, change).unwrap_or(failure)),
        };
        let mut new = change(&old)?;
        check_uid(edit, &mut new, &old)?;
        let attributes = Attributes { operation: "UPDATE", of, namespace, name, subresource, dry_run };
        admission::mutate(&self.store, &attributes, Some(&new), Some(&old))?;
        check_version(of, &new, &old)?;
        prepare(self.release, edit, &mut new, &old);
        check_shape(&new)?;
        validate::changed_object(of, &new, &old, subresource)?;
        admission::validate(&self.store, &attributes, Some(&new), Some(&old))?;
        let noted = if self.release.notes_subresources() { subresource } else { "" };
        managed_fields::record(&mut new, &old, &Writer { manager: edit.manager, subresource: noted });
        if finishes(of, &new, &old) {
            // The answer is the object of the request, with the old resourceVersion: nothing was written.
            if !dry_run {
                self.remove(of, namespace, name, &old)?;
            }
            return Ok(new);
        }
        if same(&new, &old) {
            return Ok((*old).clone());
        }
        self.commit(of, new, dry_run)
    }
}

impl Engine {
    /// Where there is no object, older servers compare the uid of the request with that of nothing.
    fn uid_of_nothing(
        &self,
        edit: &Edit<'_>,
        change: impl FnOnce(&Value) -> Result<Value, Failure>,
    ) -> Option<Failure> {
        let exists = self.store.get(&edit.of.storage_key(), edit.namespace, edit.name).is_some();
        if exists || !edit.uid_is_precondition || !self.release.compares_uid_with_nothing() {
            return None;
        }
        let mut new = change(&Value::Null).ok()?;
        check_uid(edit, &mut new, &Value::Null).err()
    }
}

impl Context<'_> {
    pub(super) fn edit(&self, uid_is_precondition: bool) -> Edit<'_> {
        Edit {
            of: &self.of,
            namespace: self.namespace(),
            name: &self.target.name,
            subresource: &self.target.subresource,
            manager: self.manager(),
            dry_run: self.dry_run(),
            uid_is_precondition,
        }
    }
}

fn check_uid(edit: &Edit<'_>, new: &mut Value, old: &Value) -> Result<(), Failure> {
    let (given, live) = (meta::uid(new), meta::uid(old));
    if given.is_empty() {
        new["metadata"]["uid"] = live.into();
        return Ok(());
    }
    if given == live || !edit.uid_is_precondition {
        return Ok(());
    }
    // The texts of storage/errors.go, with etcd's default prefix.
    let group = if edit.of.group.is_empty() || edit.of.custom.is_none() {
        String::new()
    } else {
        format!("{}/", edit.of.group)
    };
    let place = [edit.of.resource.as_str(), edit.namespace, edit.name];
    let key = place.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
    let why = format!(
        "StorageError: invalid object, Code: 4, Key: /registry/{group}{key}, ResourceVersion: 0, AdditionalErrorMsg: \
         Precondition failed: UID in precondition: {given}, UID in object meta: {live}"
    );
    Err(Failure::conflict(edit.of, edit.name, &why))
}

fn check_version(of: &ResourceType, new: &Value, old: &Value) -> Result<(), Failure> {
    let given = meta::resource_version(new);
    if given == meta::resource_version(old) {
        return Ok(());
    }
    if !given.is_empty() && given != "0" {
        return Err(Failure::stale_version(of, meta::name(old)));
    }
    // AllowUnconditionalUpdate of the types' strategies.
    let conditional = of.custom.is_some()
        || [
            "apiregistration.k8s.io",
            "apiextensions.k8s.io",
            "admissionregistration.k8s.io",
            "coordination.k8s.io",
        ]
        .contains(&of.group.as_str());
    if conditional {
        let flaw = Flaw::invalid("metadata.resourceVersion", "0x0", "must be specified for an update");
        return Err(Failure::invalid(of, meta::name(old), &[flaw]));
    }
    Ok(())
}

/// What an update cannot change is taken from the old object: rest.BeforeUpdate and the types' strategies.
fn prepare(release: Release, edit: &Edit<'_>, new: &mut Value, old: &Value) {
    let of = edit.of;
    for field in [
        "name",
        "namespace",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "managedFields",
        "resourceVersion",
        "selfLink",
        "generateName",
    ] {
        meta::keep_field(new, old, "metadata", field);
    }
    match edit.subresource {
        "status" => keep_all_but_status(of, new, old),
        "finalize" => meta::keep_part(new, old, "status"),
        _ if of.is_namespace() => {
            meta::keep_part(new, old, "status");
            meta::keep_part(new, old, "spec");
        }
        _ if of.has("status") => meta::keep_part(new, old, "status"),
        _ => {}
    }
    if of.is_namespace() {
        defaults::name_label(release, new);
        if new["spec"].is_null() {
            new["spec"] = json!({});
        }
        if meta::spec_finalizers(new).is_empty() {
            meta::drop_field(new, "spec", "finalizers");
        }
    }
    for field in ["finalizers", "labels", "annotations", "ownerReferences"] {
        let value = &new["metadata"][field];
        let empty = value.is_null()
            || value.as_array().is_some_and(Vec::is_empty)
            || value.as_object().is_some_and(serde_json::Map::is_empty);
        if empty {
            meta::drop_field(new, "metadata", field);
        }
    }
    if edit.subresource.is_empty() && old["metadata"]["generation"].is_number() && changes_content(new, old) {
        let generation = old["metadata"]["generation"].as_i64().unwrap_or_default();
        new["metadata"]["generation"] = (generation + 1).into();
    }
}

fn keep_all_but_status(of: &ResourceType, new: &mut Value, old: &Value) {
    let status = new["status"].clone();
    // The status of a custom resource carries nothing else along; that of a built-in type its metadata too.
    let metadata = if of.custom.is_some() { old["metadata"].clone() } else { new["metadata"].clone() };
    *new = old.clone();
    new["metadata"] = metadata;
    new["status"] = status;
}

fn changes_content(new: &Value, old: &Value) -> bool {
    let content = |object: &Value| {
        let mut object = object.clone();
        if let Some(map) = object.as_object_mut() {
            map.shift_remove("metadata");
            map.shift_remove("status");
        }
        object
    };
    content(new) != content(old)
}

/// Whether an update takes away the last thing that kept a deleting object (`ShouldDeleteDuringUpdate`).
fn finishes(of: &ResourceType, new: &Value, old: &Value) -> bool {
    meta::is_deleting(old)
        && meta::grace_seconds(old).unwrap_or_default() == 0
        && meta::finalizers(new).is_empty()
        && (!of.is_namespace() || meta::spec_finalizers(new).is_empty())
}

/// Whether nothing changes; managedFields alone do not count.
fn same(new: &Value, old: &Value) -> bool {
    let bare = |object: &Value| {
        let mut object = object.clone();
        meta::drop_field(&mut object, "metadata", "managedFields");
        object
    };
    bare(new) == bare(old)
}
