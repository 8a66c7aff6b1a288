//! Create, and the two subresources that are created: evictions and tokens.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Context, DeleteOptions, defaults, validate};
use crate::sandbox::admission::{self, Attributes};
use crate::sandbox::document::Document;
use crate::sandbox::engine::{Engine, shown};
use crate::sandbox::failure::{Failure, Flaw};
use crate::sandbox::managed_fields::{self, Writer};
use crate::sandbox::meta;
use crate::sandbox::types::ResourceType;

impl Engine {
    pub(crate) fn create(&mut self, context: &Context<'_>) -> Result<Document, Failure> {
        let object = context.body()?;
        let writer = Writer { manager: context.manager(), subresource: "" };
        let created =
            self.create_object(&context.of, context.namespace(), object, &writer, context.dry_run())?;
        Ok(shown(&context.view, &context.of, 201, created))
    }

    /// Creates an object: what a POST does, and what the controllers do.
    pub(crate) fn create_object(
        &mut self,
        of: &Arc<ResourceType>,
        namespace: &str,
        mut object: Value,
        writer: &Writer<'_>,
        dry_run: bool,
    ) -> Result<Value, Failure> {
        place(of, namespace, &mut object)?;
        let name = meta::name(&object).to_owned();
        if of.custom.as_ref().is_some_and(|custom| custom.terminating) {
            let why = "create not allowed while custom resource definition is terminating";
            return Err(if self.release.forbids_create_in_terminating_crd() {
                Failure::forbidden(of, &name, why)
            } else {
                Failure { message: why.to_owned(), ..Failure::method_not_allowed() }
            });
        }
        let attributes =
            Attributes { operation: "CREATE", of, namespace, name: &name, subresource: "", dry_run };
        admission::mutate(&self.store, &attributes, Some(&object), None)?;
        begin(&mut object);
        defaults::fill(self.release, of, &mut object);
        managed_fields::record(&mut object, &Value::Null, writer);
        validate::new_object(of, &object)?;
        admission::validate(&self.store, &attributes, Some(&object), None)?;
        if let Some(old) = self.store.get(&of.storage_key(), namespace, &name) {
            return Err(Failure::already_exists(of, &name, meta::is_deleting(&old)));
        }
        let created = self.commit(of, object, dry_run)?;
        // The server's own controllers may already have written to it (CRDs, APIServices).
        let now = self.store.get(&of.storage_key(), namespace, &name);
        Ok(now.filter(|_| of.custom.is_none() && !dry_run).map_or(created, |object| (*object).clone()))
    }

    /// `pods/eviction`: a delete that disruption budgets could refuse; the sandbox does not look at those.
    pub(crate) fn evict(&mut self, context: &Context<'_>) -> Result<Document, Failure> {
        let body: Value = serde_json::from_slice(&context.call.body)
            .map_err(|error| Failure::bad_request(format!("the object provided is unrecognized: {error}")))?;
        let (of, namespace, name) = (&context.of, context.namespace(), context.target.name.as_str());
        let dry_run = context.dry_run();
        let attributes =
            Attributes { operation: "CREATE", of, namespace, name, subresource: "eviction", dry_run };
        admission::mutate(&self.store, &attributes, Some(&body), None)?;
        admission::validate(&self.store, &attributes, Some(&body), None)?;
        let options = DeleteOptions { dry_run, ..DeleteOptions::read(&body["deleteOptions"]) };
        self.delete_object(of, namespace, name, &options)?;
        let status =
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201});
        Ok(Document::json(201, &status))
    }

    /// `serviceaccounts/token`: a token that makes its bearer the service account.
    pub(crate) fn issue_token(&mut self, context: &Context<'_>) -> Result<Document, Failure> {
        let (namespace, name) = (context.namespace(), &context.target.name);
        self.object(&context.of, namespace, name)?;
        let attributes = Attributes {
            operation: "CREATE",
            of: &context.of,
            namespace,
            name,
            subresource: "token",
            dry_run: context.dry_run(),
        };
        admission::mutate(&self.store, &attributes, None, None)?;
        let token = format!("sandbox-{}", meta::new_uid());
        self.tokens.insert(token.clone(), format!("system:serviceaccount:{namespace}:{name}"));
        let mut answer: Value = serde_json::from_slice(&context.call.body).unwrap_or_else(|_| json!({}));
        if !answer.is_object() {
            answer = json!({});
        }
        answer["kind"] = "TokenRequest".into();
        answer["apiVersion"] = "authentication.k8s.io/v1".into();
        let expires = meta::seconds(meta::from_now(3600));
        answer["status"] = json!({"token": token, "expirationTimestamp": expires});
        Ok(Document::json(201, &answer))
    }
}

/// Gives the object its namespace and its name.
fn place(of: &ResourceType, namespace: &str, object: &mut Value) -> Result<(), Failure> {
    if object["metadata"].is_null() {
        object["metadata"] = json!({});
    }
    let given = meta::namespace(object).to_owned();
    if of.namespaced && !given.is_empty() && given != namespace {
        return Err(Failure::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    if of.namespaced {
        object["metadata"]["namespace"] = namespace.into();
    } else {
        meta::drop_field(object, "metadata", "namespace");
    }
    if meta::name(object).is_empty() {
        let Some(prefix) = object["metadata"]["generateName"].as_str().filter(|prefix| !prefix.is_empty())
        else {
            let flaw = Flaw::required("metadata.name", "name or generateName is required");
            return Err(Failure::invalid(of, "", &[flaw]));
        };
        object["metadata"]["name"] = format!("{prefix}{}", meta::name_suffix()).into();
    }
    Ok(())
}

/// What the server decides about a new object, whatever the client sent (rest.BeforeCreate).
fn begin(object: &mut Value) {
    for field in [
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "managedFields",
        "resourceVersion",
        "selfLink",
        "generation",
    ] {
        meta::drop_field(object, "metadata", field);
    }
    object["metadata"]["uid"] = meta::new_uid().into();
    object["metadata"]["creationTimestamp"] = meta::now().into();
}
