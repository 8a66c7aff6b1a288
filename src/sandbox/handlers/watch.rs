//! Watches: what has changed since a revision, as a stream of lines.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::Context;
use crate::sandbox::crd;
use crate::sandbox::engine::Engine;
use crate::sandbox::failure::Failure;
use crate::sandbox::meta;
use crate::sandbox::negotiate::View;
use crate::sandbox::selector::Selector;
use crate::sandbox::store::Change;
use crate::sandbox::types::ResourceType;

/// An open watch.
#[derive(Debug)]
pub(crate) struct Watch {
    of: Arc<ResourceType>,
    namespace: String,
    selector: Selector,
    view: View,
    /// The last revision that was looked at.
    seen: u64,
    /// Lines that were ready when the watch began.
    first: Vec<String>,
    /// Nothing more will come: the first lines said why.
    ended: bool,
    pub(crate) timeout: Duration,
}

impl Engine {
    pub(crate) fn watch(&self, context: &Context<'_>) -> Result<Watch, Failure> {
        let query = &context.call.query;
        let timeout = query.get("timeoutSeconds").parse().unwrap_or(1800);
        let mut watch = Watch {
            of: Arc::clone(&context.of),
            namespace: context.namespace().to_owned(),
            selector: Selector::read(query, &context.of)?,
            view: context.view.clone(),
            seen: self.store.revision(),
            first: Vec::new(),
            ended: false,
            timeout: Duration::from_secs(timeout),
        };
        let from: u64 = query.get("resourceVersion").parse().unwrap_or_default();
        if from == 0 || query.flag("sendInitialEvents") {
            self.begin_with_everything(&mut watch, query.flag("sendInitialEvents"))?;
        } else if from < self.store.forgotten() {
            let message = format!("too old resource version: {from} ({})", self.store.forgotten());
            watch.first.push(line("ERROR", &Failure::expired(message).status()));
            watch.ended = true;
        } else {
            watch.seen = from;
        }
        Ok(watch)
    }

    fn begin_with_everything(&self, watch: &mut Watch, mark_end: bool) -> Result<(), Failure> {
        for stored in self.store.list(&watch.of.storage_key(), &watch.namespace, None) {
            if watch.selector.matches(stored) {
                let object = crd::decode(&self.store, &watch.of, stored)?;
                watch.first.push(line("ADDED", &watch.view.object(&watch.of, (*object).clone())));
            }
        }
        if mark_end {
            let annotations = json!({"k8s.io/initial-events-end": "true"});
            let metadata = json!({"resourceVersion": watch.seen.to_string(), "annotations": annotations});
            let mark =
                json!({"kind": watch.of.kind, "apiVersion": watch.of.api_version(), "metadata": metadata});
            watch.first.push(line("BOOKMARK", &mark));
        }
        Ok(())
    }

    /// The lines that have become ready since the last call; none when the watch is over.
    pub(crate) fn news(&self, watch: &mut Watch) -> Option<Vec<String>> {
        let mut lines = std::mem::take(&mut watch.first);
        if watch.ended {
            return (!lines.is_empty()).then_some(lines);
        }
        let key = watch.of.storage_key();
        lines.extend(self.store.since(&key, watch.seen).filter_map(|change| self.tell(watch, change)));
        watch.seen = self.store.revision();
        Some(lines)
    }

    /// A change as this watch sees it: an object that begins to match its selector is added, one that ceases
    /// to is deleted.
    fn tell(&self, watch: &Watch, change: &Change) -> Option<String> {
        let here = |object: &&Arc<Value>| {
            let inside = watch.namespace.is_empty() || meta::namespace(object) == watch.namespace;
            inside && watch.selector.matches(object)
        };
        let before = change.before.as_ref().filter(here);
        let after = change.after.as_ref().filter(here);
        let (kind, object) = match (before, after) {
            (None, Some(after)) => ("ADDED", after),
            (Some(_), Some(after)) => ("MODIFIED", after),
            (Some(before), None) => ("DELETED", change.after.as_ref().unwrap_or(before)),
            (None, None) => return None,
        };
        let mut object = match crd::decode(&self.store, &watch.of, object) {
            Ok(object) => (*object).clone(),
            Err(failure) => return Some(line("ERROR", &failure.status())),
        };
        object["metadata"]["resourceVersion"] = change.revision.to_string().into();
        Some(line(kind, &watch.view.object(&watch.of, object)))
    }
}

fn line(kind: &str, object: &Value) -> String {
    let mut line = json!({"type": kind, "object": object}).to_string();
    line.push('\n');
    line
}
