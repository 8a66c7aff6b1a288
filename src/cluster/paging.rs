//! One way through the pages of a list: the limits, repeated tokens, and tokens that have expired.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use super::request::Call;
use super::{ApiError, Cluster};

/// Five million objects of one type at the usual page; etcd does not hold that many.
const MAX_PAGES: usize = 10_000;

/// Where in a list the next page begins.
pub(super) struct Paging {
    limit: usize,
    token: String,
    /// Hashes of the tokens that were used: a server that repeats one would never come to an end.
    used: HashSet<u64>,
    hasher: RandomState,
}

/// How a page is asked for.
#[derive(Clone, Copy)]
pub(super) struct PageRequest<'a> {
    /// Path and query, without `limit` and `continue`.
    pub(super) path: &'a str,
    /// Another representation, where it is known; plain JSON otherwise.
    pub(super) accept: Option<&'a str>,
    /// The answer is one of many, and its absence is an answer too.
    pub(super) probe: bool,
    /// Whole objects, which can be large.
    pub(super) whole: bool,
}

impl Paging {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, token: String::new(), used: HashSet::new(), hasher: RandomState::new() }
    }

    /// Goes on from a token that an earlier page ended with.
    pub(super) fn from_token(limit: usize, token: &str) -> Self {
        Self { token: token.to_owned(), ..Self::new(limit) }
    }

    fn url(&self, path: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", &self.limit.to_string());
        if !self.token.is_empty() {
            query.append_pair("continue", &self.token);
        }
        let separator = if path.contains('?') { '&' } else { '?' };
        format!("{path}{separator}{}", query.finish())
    }

    /// Goes on to the next page; `false` where the last one was the end.
    pub(super) fn follow(&mut self, cluster: &Cluster, next: &str) -> Result<bool, ApiError> {
        if next.is_empty() {
            return Ok(false);
        }
        if !self.used.insert(self.hasher.hash_one(next)) {
            return Err(cluster.not_kubernetes("a list repeats its continue token and never ends"));
        }
        if self.used.len() >= MAX_PAGES {
            let what = format!("a list has more than {MAX_PAGES} pages");
            return Err(cluster.not_kubernetes(&what));
        }
        next.clone_into(&mut self.token);
        Ok(true)
    }
}

impl Cluster {
    /// Reads the page that is next. A token that has expired comes with one that goes on from the same place in
    /// the list as it is now (apiserver's pkg/storage/continue.go), so nothing is read twice.
    pub(super) async fn read_page(
        &self,
        paging: &mut Paging,
        request: PageRequest<'_>,
    ) -> Result<Vec<u8>, ApiError> {
        loop {
            let url = paging.url(request.path);
            let call = |accept: Option<&'static str>| {
                let call = Call::get(&url);
                let call = if request.probe { call.probing() } else { call };
                let call = if request.whole { call.of_whole_objects() } else { call };
                match accept.or(request.accept) {
                    Some(accept) => call.accepting(accept),
                    None => call,
                }
            };
            let body = match self.call(call(None)).await {
                // Aggregated servers may not know the metadata form.
                Err(error) if error.code() == Some(406) && request.accept.is_some() => {
                    self.call(call(Some("application/json"))).await
                }
                other => other,
            };
            match body {
                Err(ApiError::Server { code: 410, continued, .. }) if !continued.is_empty() => {
                    paging.follow(self, &continued)?;
                }
                other => return other,
            }
        }
    }
}
