//! `/scale`: how many replicas, whatever the type.

use serde_json::{Value, json};

use super::Context;
use crate::sandbox::document::Document;
use crate::sandbox::engine::Engine;
use crate::sandbox::failure::Failure;
use crate::sandbox::handlers::Edit;
use crate::sandbox::patch;

impl Engine {
    pub(crate) fn scale(&self, context: &Context<'_>) -> Result<Document, Failure> {
        let object = self.object(&context.of, context.namespace(), &context.target.name)?;
        Ok(Document::json(200, &scale_of(&object)))
    }

    /// Changes the number of replicas by a PUT or a PATCH of the Scale.
    pub(crate) fn change_scale(&mut self, context: &Context<'_>) -> Result<Document, Failure> {
        let call = context.call;
        let old = self.object(&context.of, context.namespace(), &context.target.name)?;
        let scale: Value = if call.method == "PATCH" {
            let media_type = call.content_type.split(';').next().unwrap_or_default().trim();
            patch::apply(media_type, &call.body, &scale_of(&old), true)?
        } else {
            serde_json::from_slice(&call.body).map_err(|error| {
                Failure::bad_request(format!("the object provided is unrecognized: {error}"))
            })?
        };
        let replicas = scale["spec"]["replicas"].as_u64().unwrap_or_default();
        // The Scale has no uid or resourceVersion of its own: they are the object's.
        let edit = Edit { subresource: "", ..context.edit(false) };
        let updated = self.update_object(&edit, |old| {
            let mut new = old.clone();
            new["spec"]["replicas"] = replicas.into();
            Ok(new)
        })?;
        Ok(Document::json(200, &scale_of(&updated)))
    }
}

fn scale_of(object: &Value) -> Value {
    let mut metadata = json!({});
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        metadata[field] = object["metadata"][field].clone();
    }
    let labels = object["spec"]["selector"]["matchLabels"].as_object().into_iter().flatten();
    let labels: Vec<String> =
        labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    let count = |part: &str| object[part]["replicas"].as_u64();
    json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": {"replicas": count("spec").unwrap_or(1)},
        "status": {"replicas": count("status").unwrap_or_default(), "selector": labels.join(",")},
    })
}
