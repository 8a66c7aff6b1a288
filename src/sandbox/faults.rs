//! Faults that tests put between a client and the sandbox.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::api::Api;

/// Which requests a fault is for. Everything that is set has to fit.
#[derive(Clone, Debug)]
pub struct Matcher {
    method: String,
    path: String,
    query: String,
    accept: String,
    skip: u32,
    times: Option<u32>,
}

impl Matcher {
    /// Requests with this method (`*` for any) whose path begins so.
    #[must_use]
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: String::new(),
            accept: String::new(),
            skip: 0,
            times: None,
        }
    }

    /// Only requests with this text in the query, such as `continue=`.
    #[must_use]
    pub fn query(mut self, text: &str) -> Self {
        text.clone_into(&mut self.query);
        self
    }

    /// Only requests with this text in the Accept header, such as `PartialObjectMetadataList`.
    #[must_use]
    pub fn accept(mut self, text: &str) -> Self {
        text.clone_into(&mut self.accept);
        self
    }

    /// Lets the first so many through.
    #[must_use]
    pub fn skip(mut self, count: u32) -> Self {
        self.skip = count;
        self
    }

    /// Strikes so many times, then never again.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.times = Some(count);
        self
    }

    /// Strikes once.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    fn fits(&self, request: &Seen<'_>) -> bool {
        (self.method == "*" || self.method.eq_ignore_ascii_case(request.method))
            && request.path.starts_with(&self.path)
            && request.query.contains(&self.query)
            && request.accept.contains(&self.accept)
    }

    /// Whether this request is struck; counts those that fit.
    fn strikes(&mut self, request: &Seen<'_>) -> bool {
        if !self.fits(request) || self.times == Some(0) {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.times = self.times.map(|left| left - 1);
        true
    }
}

/// The parts of a request that matchers look at.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) accept: &'a str,
}

/// A ready-made answer.
#[derive(Clone, Debug)]
pub struct Canned {
    pub(crate) code: u16,
    pub(crate) content_type: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Canned {
    /// A `Status` with this code, reason ("" for none) and message.
    #[must_use]
    pub fn status(code: u16, reason: &str, message: &str) -> Self {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
        });
        if !reason.is_empty() {
            status["reason"] = reason.into();
        }
        status["code"] = code.into();
        Self::json(code, &status)
    }

    /// JSON of any kind.
    #[must_use]
    pub fn json(code: u16, body: &Value) -> Self {
        Self::body(code, "application/json", body.to_string().into_bytes())
    }

    /// Plain text, as the aggregator and the flow control answer.
    #[must_use]
    pub fn text(code: u16, text: &str) -> Self {
        Self::body(code, "text/plain; charset=utf-8", text.as_bytes().to_vec())
    }

    /// A web page, as a login proxy or a load balancer in between answers.
    #[must_use]
    pub fn html(code: u16) -> Self {
        let page =
            b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>\n";
        Self::body(code, "text/html; charset=utf-8", page.to_vec())
    }

    /// Any bytes of any type.
    #[must_use]
    pub fn body(code: u16, content_type: &str, body: Vec<u8>) -> Self {
        Self { code, content_type: content_type.to_owned(), headers: Vec::new(), body }
    }

    /// The same with a header more, such as `Retry-After`.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

type Hook = Arc<dyn Fn(&Api) + Send + Sync>;

/// What happens to a request that is struck.
#[derive(Clone)]
pub(crate) enum Effect {
    Answer(Canned),
    ApplyThen(Canned),
    Hang,
    Reset,
    Truncate,
    Delay(Duration),
    Before(Hook),
}

impl fmt::Debug for Effect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(canned) => formatter.debug_tuple("Answer").field(canned).finish(),
            Self::ApplyThen(canned) => formatter.debug_tuple("ApplyThen").field(canned).finish(),
            Self::Hang => formatter.write_str("Hang"),
            Self::Reset => formatter.write_str("Reset"),
            Self::Truncate => formatter.write_str("Truncate"),
            Self::Delay(delay) => formatter.debug_tuple("Delay").field(delay).finish(),
            Self::Before(_) => formatter.write_str("Before"),
        }
    }
}

/// Something that goes wrong for some requests.
#[derive(Clone, Debug)]
pub struct Fault {
    matcher: Matcher,
    effect: Effect,
}

impl Fault {
    /// Answers in place of the server; nothing is done.
    #[must_use]
    pub fn answer(matcher: Matcher, canned: Canned) -> Self {
        Self { matcher, effect: Effect::Answer(canned) }
    }

    /// Does what is asked and answers something else: the 504 after which the write has happened all the
    /// same.
    #[must_use]
    pub fn apply_then(matcher: Matcher, canned: Canned) -> Self {
        Self { matcher, effect: Effect::ApplyThen(canned) }
    }

    /// Never answers.
    #[must_use]
    pub fn hang(matcher: Matcher) -> Self {
        Self { matcher, effect: Effect::Hang }
    }

    /// Closes the connection without an answer.
    #[must_use]
    pub fn reset(matcher: Matcher) -> Self {
        Self { matcher, effect: Effect::Reset }
    }

    /// Closes the connection in the middle of the answer's body.
    #[must_use]
    pub fn truncate(matcher: Matcher) -> Self {
        Self { matcher, effect: Effect::Truncate }
    }

    /// Answers late.
    #[must_use]
    pub fn delay(matcher: Matcher, delay: Duration) -> Self {
        Self { matcher, effect: Effect::Delay(delay) }
    }

    /// Does something to the cluster first, such as a write by somebody else between a read and a write of
    /// the client.
    #[must_use]
    pub fn before(matcher: Matcher, hook: impl Fn(&Api) + Send + Sync + 'static) -> Self {
        Self { matcher, effect: Effect::Before(Arc::new(hook)) }
    }

    /// 406 to whoever asks for metadata alone, as old aggregated servers answer when no plain JSON is offered
    /// beside it.
    #[must_use]
    pub fn no_metadata(path: &str) -> Self {
        let message = "only the following media types are accepted: application/json, application/yaml";
        let matcher = Matcher::new("GET", path).accept("PartialObjectMetadata");
        Self::answer(matcher, Canned::status(406, "NotAcceptable", message))
    }

    /// 410 to every later page of a list.
    #[must_use]
    pub fn expired_pages(path: &str) -> Self {
        let message = "The provided continue parameter is too old to display a consistent list result.";
        Self::answer(Matcher::new("GET", path).query("continue="), Canned::status(410, "Expired", message))
    }
}

/// The faults that are in place.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The effects on this request, in the order in which the faults were put in place.
    pub(crate) fn striking(&mut self, request: &Seen<'_>) -> Vec<Effect> {
        self.0
            .iter_mut()
            .filter_map(|fault| fault.matcher.strikes(request).then(|| fault.effect.clone()))
            .collect()
    }
}
