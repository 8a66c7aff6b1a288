//! Get and list.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Context;
use crate::sandbox::crd;
use crate::sandbox::engine::{Document, Engine, shown};
use crate::sandbox::failure::Failure;
use crate::sandbox::meta;
use crate::sandbox::selector::Selector;
use crate::sandbox::types::ResourceType;

impl Engine {
    /// One object, in the version that was asked for.
    pub(crate) fn object(
        &self,
        of: &ResourceType,
        namespace: &str,
        name: &str,
    ) -> Result<Arc<Value>, Failure> {
        let stored = self.store.get(&of.storage_key(), namespace, name);
        let stored = stored.ok_or_else(|| Failure::not_found(of, name))?;
        crd::decode(&self.store, of, &stored)
    }

    pub(crate) fn get(&self, context: &Context<'_>) -> Result<Document, Failure> {
        let object = self.object(&context.of, context.namespace(), &context.target.name)?;
        Ok(shown(&context.view, &context.of, 200, (*object).clone()))
    }

    /// Lists without a limit, or with a selector, come from the watch cache, whichever namespace they are
    /// for. A dead conversion webhook never lets it fill.
    pub(crate) fn check_cache(&self, of: &ResourceType) -> Result<(), Failure> {
        if of.custom.as_ref().is_none_or(|custom| custom.webhook.is_none()) {
            return Ok(());
        }
        for stored in self.store.list(&of.storage_key(), "", None) {
            crd::decode(&self.store, of, stored).map_err(|failure| {
                Failure::too_many_requests(&format!("storage is (re)initializing: {}", failure.message), 1)
            })?;
        }
        Ok(())
    }

    pub(crate) fn list(&self, context: &Context<'_>) -> Result<Document, Failure> {
        let query = &context.call.query;
        let selector = Selector::read(query, &context.of)?;
        let limit = page_size(context)?;
        let after = match query.get("continue") {
            "" => None,
            token => Some(read_token(token)?),
        };
        let revision = after.as_ref().map_or_else(|| self.store.revision(), |(revision, _)| *revision);
        let place = after.map(|(_, place)| place);
        if limit.is_none() || !selector.is_empty() {
            self.check_cache(&context.of)?;
        }
        let key = context.of.storage_key();
        let mut left = self.store.list(&key, context.namespace(), place.as_ref());
        let mut items = Vec::new();
        for stored in left.by_ref().filter(|object| selector.matches(object)) {
            items.push(crd::decode(&self.store, &context.of, stored)?);
            if Some(items.len()) == limit {
                break;
            }
        }
        let mut list_meta = json!({"resourceVersion": revision.to_string()});
        let mut rest = left.filter(|object| selector.matches(object));
        if let (Some(last), Some(_)) = (items.last(), rest.next()) {
            list_meta["continue"] = write_token(revision, last).into();
            // How many would match is not known without looking, so the real one stays silent then.
            if selector.is_empty() {
                list_meta["remainingItemCount"] = (rest.count() + 1).into();
            }
        }
        Ok(Document::json(200, &context.view.list(&context.of, &items, &list_meta)))
    }
}

/// The limit; with `resourceVersion=0` the watch cache answers, and ignores it.
fn page_size(context: &Context<'_>) -> Result<Option<usize>, Failure> {
    let query = &context.call.query;
    let limit = match query.get("limit") {
        "" => 0,
        text => text.parse().map_err(|_| Failure::bad_request(format!("invalid limit: {text:?}")))?,
    };
    let from_cache = query.get("resourceVersion") == "0" && query.get("continue").is_empty();
    Ok((limit > 0 && !from_cache).then_some(limit))
}

/// The token holds the revision of the first page and the place of its last item. Unlike the real one, later
/// pages show the present state, not a snapshot.
fn write_token(revision: u64, last: &Value) -> String {
    let text = format!("{revision}/{}/{}", meta::namespace(last), meta::name(last));
    text.bytes().fold(String::new(), |token, byte| token + &format!("{byte:02x}"))
}

fn read_token(token: &str) -> Result<(u64, (String, String)), Failure> {
    let wrong = || Failure::bad_request("continue key is not valid: the continue token is malformed");
    let bytes: Option<Vec<u8>> = token
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(wrong)?;
    let parts: Vec<&str> = text.splitn(3, '/').collect();
    let [revision, namespace, name] = parts[..] else { return Err(wrong()) };
    Ok((revision.parse().map_err(|_| wrong())?, (namespace.to_owned(), name.to_owned())))
}
