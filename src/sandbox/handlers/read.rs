//! Get and list.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Context;
use crate::sandbox::crd;
use crate::sandbox::document::Document;
use crate::sandbox::engine::{Engine, shown};
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
    /// for. A dead conversion webhook never lets it fill. (Until it has, a list with a limit goes to the storage, also
    /// with resourceVersion=0.)
    pub(crate) fn check_cache(&self, of: &ResourceType) -> Result<(), Failure> {
        if !self.release.lists_from_cache()
            || of.custom.as_ref().is_none_or(|custom| custom.webhook.is_none())
        {
            return Ok(());
        }
        for stored in self.store.list(&of.storage_key(), "", None) {
            crd::decode(&self.store, of, stored).map_err(|failure| {
                let (list, why) = (format!("{}, Kind={}", of.api_version(), of.kind), failure.message);
                let message = if self.release.cache_says_why() {
                    format!("storage is (re)initializing: failed to list {list}: {why}")
                } else {
                    "storage is (re)initializing".to_owned()
                };
                Failure::too_many_requests(&message, 1)
            })?;
        }
        Ok(())
    }

    pub(crate) fn list(&self, context: &Context<'_>) -> Result<Document, Failure> {
        let query = &context.call.query;
        let selector = Selector::read(query, &context.of)?;
        let limit = page_size(context)?;
        let after = match query.get("continue") {
            "" => Token { revision: self.store.revision(), ..Token::default() },
            token => Token::read(token)?,
        };
        let limited = !matches!(query.get("limit"), "" | "0");
        if !limited || !selector.is_empty() {
            self.check_cache(&context.of)?;
        }
        let key = context.of.storage_key();
        let mut left = self.store.list(&key, context.namespace(), after.place.as_ref());
        let mut items = Vec::new();
        for stored in left.by_ref().filter(|object| selector.matches(object)) {
            items.push(crd::decode(&self.store, &context.of, stored)?);
            if Some(items.len()) == limit {
                break;
            }
        }
        let mut list_meta = json!({"resourceVersion": after.revision.to_string()});
        if let (Some(last), true) = (items.last(), left.any(|object| selector.matches(object))) {
            let given = after.given + items.len();
            let place = Some((meta::namespace(last).to_owned(), meta::name(last).to_owned()));
            list_meta["continue"] = Token { given, place, ..after }.write().into();
            // How many would match is not known without looking, so the real one stays silent then.
            if selector.is_empty() {
                let all = self.store.count(&key, context.namespace());
                list_meta["remainingItemCount"] = all.saturating_sub(given).max(1).into();
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

/// What the client gives back for the next page. Unlike the real one, later pages show the present state, not a
/// snapshot.
#[derive(Default)]
struct Token {
    /// That of the first page.
    revision: u64,
    /// How many objects the pages so far had.
    given: usize,
    /// Namespace and name of the last one.
    place: Option<(String, String)>,
}

impl Token {
    fn write(&self) -> String {
        let (namespace, name) = self.place.clone().unwrap_or_default();
        let text = format!("{}/{}/{namespace}/{name}", self.revision, self.given);
        text.bytes().fold(String::new(), |token, byte| token + &format!("{byte:02x}"))
    }

    fn read(token: &str) -> Result<Self, Failure> {
        Self::parse(token)
            .ok_or_else(|| Failure::bad_request("continue key is not valid: the continue token is malformed"))
    }

    fn parse(token: &str) -> Option<Self> {
        let pairs = token.as_bytes().chunks(2);
        let bytes: Option<Vec<u8>> =
            pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
        let text = String::from_utf8(bytes?).ok()?;
        let parts: Vec<&str> = text.splitn(4, '/').collect();
        let [revision, given, namespace, name] = parts[..] else { return None };
        let place = Some((namespace.to_owned(), name.to_owned()));
        Some(Self { revision: revision.parse().ok()?, given: given.parse().ok()?, place })
    }
}
