//! One way through the pages of a list: the limits, repeated tokens, and tokens that have expired.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::task::Poll;

use futures::future::{self, BoxFuture};
use futures::{FutureExt, Stream, stream};
use kube::api::ListParams;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::call::Call;
use super::{ApiError, Cluster};
use crate::model::ApiPath;

/// client-go's default page.
pub(super) const PAGE: u32 = 500;
/// Five million objects of one type at the usual page; etcd does not hold that many.
const MAX_PAGES: usize = 10_000;

/// A list that is to be read.
#[derive(Clone)]
pub(super) struct List<'a> {
    path: &'a ApiPath,
    params: ListParams,
    /// Another representation, where it is known; plain JSON otherwise.
    accept: Option<&'static str>,
    probe: bool,
    whole: bool,
}

impl<'a> List<'a> {
    pub(super) fn of(path: &'a ApiPath) -> Self {
        let params = ListParams::default().limit(PAGE);
        Self { path, params, accept: None, probe: false, whole: false }
    }

    pub(super) fn with(self, change: impl FnOnce(ListParams) -> ListParams) -> Self {
        Self { params: change(self.params), ..self }
    }

    pub(super) fn accepting(self, accept: &'static str) -> Self {
        Self { accept: Some(accept), ..self }
    }

    /// The list is one of many, and its absence is an answer too.
    pub(super) fn probing(self) -> Self {
        Self { probe: true, ..self }
    }

    /// Whole objects, which can be large.
    pub(super) fn of_whole_objects(self) -> Self {
        Self { whole: true, ..self }
    }

    fn call(&self, accept: Option<&'static str>) -> Call {
        let call = Call::list(self.path, &self.params);
        let call = if self.probe { call.probing() } else { call };
        let call = if self.whole { call.of_whole_objects() } else { call };
        match accept {
            Some(accept) => call.accepting(accept),
            None => call,
        }
    }
}

/// One page of a list.
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    /// How many objects are still to come, where the server says so.
    pub(super) remaining: u64,
    /// The revision of the list.
    pub(super) version: String,
    /// The token of the next page; empty on the last one.
    continued: String,
    /// Why it is not the last page although nothing follows.
    cut_off: Option<ApiError>,
}

impl<T> Page<T> {
    pub(super) fn is_last(&self) -> bool {
        self.continued.is_empty() && self.cut_off.is_none()
    }

    pub(super) fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        let Self { items, remaining, version, continued, cut_off } = self;
        Page { items: items.into_iter().map(change).collect(), remaining, version, continued, cut_off }
    }
}

/// A page as it is sent.
#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub(super) struct PageBody<T> {
    #[serde(default)]
    pub(super) kind: String,
    #[serde(default)]
    metadata: ListMeta,
    #[serde(default = "Option::default", deserialize_with = "present")]
    items: Option<Vec<T>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMeta {
    #[serde(default, deserialize_with = "null_is_empty")]
    resource_version: String,
    #[serde(default, rename = "continue", deserialize_with = "null_is_empty")]
    continued: String,
    #[serde(default)]
    remaining_item_count: Option<u64>,
}

fn null_is_empty<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// `null` is how an empty metadata list is written (Go's nil slice); what has no `items` at all is no list.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<T>>, D::Error> {
    Option::<Vec<T>>::deserialize(from).map(|items| Some(items.unwrap_or_default()))
}

impl<T> PageBody<T> {
    pub(super) fn into_page(self, cluster: &Cluster) -> Result<Page<T>, ApiError> {
        let Some(items) = self.items else { return Err(cluster.not_kubernetes("it did not send a list")) };
        let ListMeta { resource_version: version, continued, remaining_item_count } = self.metadata;
        let remaining = remaining_item_count.unwrap_or_default();
        // Rule 4: what the server itself counts and does not show is unknown.
        let cut_off = (continued.is_empty() && remaining > 0).then(|| {
            let what = format!("its list ends, and by its own count {remaining} more objects remain");
            cluster.not_kubernetes(&what)
        });
        Ok(Page { items, remaining, version, continued, cut_off })
    }
}

/// The token of the next page, from the head of a page alone: a server written in Go sends `metadata` before `items`.
/// None where it does not; then the page has to be read first.
fn token_ahead(body: &[u8]) -> Option<String> {
    let mut head = Head::default();
    // Ends in an error behind the metadata, where the rest is left unread.
    let _ = serde::Deserializer::deserialize_map(&mut serde_json::Deserializer::from_slice(body), &mut head);
    head.0.map(|metadata| metadata.continued).filter(|token| !token.is_empty())
}

#[derive(Default)]
struct Head(Option<ListMeta>);

impl<'de> Visitor<'de> for &mut Head {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match &*key {
                "kind" | "apiVersion" => drop(map.next_value::<IgnoredAny>()?),
                "metadata" => {
                    self.0 = Some(map.next_value()?);
                    break;
                }
                _ => break,
            }
        }
        Ok(())
    }
}

/// Where in a list the reading stands.
struct Place<'a> {
    list: List<'a>,
    /// The tokens that were used: a server that repeats one would never come to an end.
    used: HashSet<u64>,
    hasher: RandomState,
}

impl<'a> Place<'a> {
    fn before(list: List<'a>) -> Self {
        Self { list, used: HashSet::new(), hasher: RandomState::new() }
    }

    fn after(mut self, token: String, cluster: &Cluster) -> Result<Self, ApiError> {
        if !self.used.insert(self.hasher.hash_one(&token)) {
            return Err(cluster.not_kubernetes("a list repeats its continue token and never ends"));
        }
        if self.used.len() >= MAX_PAGES {
            return Err(cluster.not_kubernetes(&format!("a list has more than {MAX_PAGES} pages")));
        }
        self.list.params.continue_token = Some(token);
        Ok(self)
    }
}

/// A page that has been asked for, or will be once it is awaited.
type Asked<'a> = BoxFuture<'a, Result<(Vec<u8>, Place<'a>), ApiError>>;

impl Cluster {
    /// The pages of a list, one after another; `read` makes a page of an answer. From the second page on the next one
    /// is on its way while one is read: the first tells whether the rest is wanted. What ends the list too early comes
    /// after the pages that were read.
    pub(super) fn pages<'a, T: 'a>(
        &'a self,
        list: List<'a>,
        read: impl Fn(&[u8]) -> Result<Page<T>, ApiError> + 'a,
    ) -> impl Stream<Item = Result<Page<T>, ApiError>> + 'a {
        let begin = Some((self.page_body(Place::before(list)).boxed(), read));
        stream::try_unfold(begin, move |state| async move {
            let Some((asked, read)) = state else { return Ok(None) };
            let (body, place) = asked.await?;
            let token = if place.used.is_empty() { None } else { token_ahead(&body) };
            let on_its_way = match token {
                Some(token) => Ok(self.on_its_way(self.asked_after(place, token)).await),
                None => Err(place),
            };
            let mut page = read(&body)?;
            let next = match on_its_way {
                Ok(asked) => Some(asked),
                Err(place) => match page.cut_off.take() {
                    Some(error) => Some(future::ready(Err(error)).boxed()),
                    None if page.is_last() => None,
                    None => Some(self.asked_after(place, page.continued.clone())),
                },
            };
            Ok(Some((page, next.map(|next| (next, read)))))
        })
    }

    /// The page after this place. A token that leads nowhere is an answer to this request, not to the one before.
    fn asked_after<'a>(&'a self, place: Place<'a>, token: String) -> Asked<'a> {
        match place.after(token, self) {
            Ok(place) => self.page_body(place).boxed(),
            Err(error) => future::ready(Err(error)).boxed(),
        }
    }

    /// Sends the request for a page without waiting for the answer.
    async fn on_its_way<'a>(&'a self, mut asked: Asked<'a>) -> Asked<'a> {
        match futures::poll!(&mut asked) {
            Poll::Ready(answer) => future::ready(answer).boxed(),
            Poll::Pending => {
                // The connection is a task of its own, on the same thread.
                tokio::task::yield_now().await;
                asked
            }
        }
    }

    /// Reads the page that is next. A token that has expired comes with one that goes on from the same place in
    /// the list as it is now (apiserver's pkg/storage/continue.go), so nothing is read twice.
    async fn page_body<'a>(&'a self, mut place: Place<'a>) -> Result<(Vec<u8>, Place<'a>), ApiError> {
        loop {
            let list = &place.list;
            let body = match self.call(list.call(list.accept)).await {
                // Aggregated servers may not know the metadata form.
                Err(error) if error.code() == Some(406) && list.accept.is_some() => {
                    self.call(list.call(None)).await
                }
                other => other,
            };
            match body {
                Err(ApiError::Server { code: 410, continued, .. }) if !continued.is_empty() => {
                    place = place.after(continued, self)?;
                }
                other => return Ok((other?, place)),
            }
        }
    }
}

/// Reads a whole list once more where its snapshot has expired and the server gave no token to go on with.
pub(super) async fn again_if_expired<T, F>(read: impl Fn() -> F) -> Result<T, ApiError>
where
    F: Future<Output = Result<T, ApiError>>,
{
    match read().await {
        Err(error) if error.code() == Some(410) => read().await,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_token_is_known_before_the_items_are_read() {
        let go = r#"{"kind":"List","apiVersion":"v1","metadata":{"resourceVersion":"1","continue":"t\"o"},"items":[{"a""#;
        assert_eq!(token_ahead(go.as_bytes()).as_deref(), Some("t\"o"));
        for body in [
            r#"{"kind":"List","metadata":{"resourceVersion":"1"},"items":[]}"#,
            r#"{"kind":"List","metadata":{"continue":""},"items":[]}"#,
            r#"{"items":[],"metadata":{"continue":"t"}}"#,
            r#"{"metadata":{"continue":7},"items":[]}"#,
            "<html>",
            "",
        ] {
            assert_eq!(token_ahead(body.as_bytes()), None, "{body}");
        }
    }
}
