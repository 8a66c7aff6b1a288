//! What each verb does.

mod create;
mod defaults;
mod delete;
mod read;
mod reviews;
mod scale;
mod update;
mod validate;
mod watch;

use std::sync::Arc;

use serde_json::Value;

pub(crate) use self::delete::DeleteOptions;
pub(crate) use self::update::Edit;
pub(crate) use self::watch::Watch;
use super::authorize::Caller;
use super::failure::Failure;
use super::negotiate::View;
use super::request::{Call, Target};
use super::types::ResourceType;

/// A request that is known to be allowed and to reach a served type.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) call: &'a Call,
    pub(crate) caller: Caller,
    pub(crate) target: Target,
    pub(crate) of: Arc<ResourceType>,
    pub(crate) view: View,
}

impl Context<'_> {
    pub(crate) fn dry_run(&self) -> bool {
        self.call.query.dry_run()
    }

    /// The namespace under which the object is stored: none for namespaces themselves.
    pub(crate) fn namespace(&self) -> &str {
        if self.of.namespaced { &self.target.namespace } else { "" }
    }

    /// The name for managedFields: what the query says, else the User-Agent up to its slash.
    pub(crate) fn manager(&self) -> &str {
        match self.call.query.get("fieldManager") {
            "" => {
                self.call.user_agent.split('/').next().filter(|agent| !agent.is_empty()).unwrap_or("unknown")
            }
            manager => manager,
        }
    }

    /// The body as an object of the type that the path names.
    fn body(&self) -> Result<Value, Failure> {
        self.check_content_type()?;
        let body: Value = serde_json::from_slice(&self.call.body)
            .map_err(|error| Failure::bad_request(format!("the object provided is unrecognized: {error}")))?;
        self.check_kind(body)
    }

    fn check_content_type(&self) -> Result<(), Failure> {
        let media_type = self.call.content_type.split(';').next().unwrap_or_default().trim();
        if media_type.is_empty() || media_type == "application/json" {
            return Ok(());
        }
        Err(Failure::unsupported_media_type(&["application/json"]))
    }

    fn check_kind(&self, mut body: Value) -> Result<Value, Failure> {
        if !body.is_object() {
            return Err(Failure::bad_request(
                "the object provided is unrecognized (must be of type json object)",
            ));
        }
        let expected = self.of.api_version();
        match body["apiVersion"].as_str().unwrap_or_default() {
            "" => body["apiVersion"] = expected.into(),
            given if given != expected => {
                return Err(Failure::bad_request(format!(
                    "the API version in the data ({given}) does not match the expected API version ({expected})"
                )));
            }
            _ => {}
        }
        match body["kind"].as_str().unwrap_or_default() {
            "" => body["kind"] = self.of.kind.clone().into(),
            given if given != self.of.kind => {
                let (version, kind) = (&self.of.version, &self.of.kind);
                return Err(Failure::bad_request(format!(
                    "{given} in version {version:?} cannot be handled as a {kind}"
                )));
            }
            _ => {}
        }
        check_shape(&body)?;
        Ok(body)
    }
}

/// Refuses objects whose standard parts have the wrong shape, as typed decoding would. The rest of the
/// sandbox writes into them by index and relies on this.
pub(crate) fn check_shape(object: &Value) -> Result<(), Failure> {
    let metadata = &object["metadata"];
    let strings = |list: &Value| list.as_array().is_some_and(|items| items.iter().all(Value::is_string));
    let texts = |map: &Value| map.as_object().is_some_and(|map| map.values().all(Value::is_string));
    let good = [
        ("metadata", metadata.is_object() || metadata.is_null()),
        ("metadata.labels", metadata["labels"].is_null() || texts(&metadata["labels"])),
        ("metadata.annotations", metadata["annotations"].is_null() || texts(&metadata["annotations"])),
        ("metadata.finalizers", metadata["finalizers"].is_null() || strings(&metadata["finalizers"])),
        ("data", object["data"].is_object() || object["data"].is_null() || object["kind"] != "Secret"),
        ("spec", object["spec"].is_object() || object["spec"].is_null()),
        ("status", object["status"].is_object() || object["status"].is_null()),
    ];
    match good.iter().find(|(_, good)| !good) {
        Some((field, _)) => {
            Err(Failure::bad_request(format!("json: cannot unmarshal into Go struct field {field}")))
        }
        None => Ok(()),
    }
}
