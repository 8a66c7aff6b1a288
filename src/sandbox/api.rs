//! The way into the sandbox from the same process, around HTTP but not around anything else.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

use super::engine::{Engine, Reply};
use super::patch::MERGE_PATCH;
use super::request::Call;

/// How many requests the log keeps.
const LOG: usize = 100_000;

/// A request that came over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRequest {
    /// `GET`, `PUT` …
    pub method: String,
    /// As it stood in the request line.
    pub path_and_query: String,
    /// The Accept header.
    pub accept: String,
    /// The Content-Type header.
    pub content_type: String,
    /// The User-Agent header.
    pub user_agent: String,
    /// The body; invalid UTF-8 replaced.
    pub body: String,
}

/// What the server, the controllers and the tests share.
#[derive(Debug)]
pub(crate) struct Shared {
    engine: Mutex<Engine>,
    /// The store's revision, for watches to wait on.
    pub(crate) revision: watch::Sender<u64>,
    pub(crate) log: Mutex<VecDeque<RecordedRequest>>,
}

/// A lock whose holder panicked is still good: nothing here stays half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine: Mutex::new(engine), revision: watch::Sender::new(0), log: Mutex::default() }
    }

    /// Works on the engine, and wakes the watches if something was written.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Engine) -> T) -> T {
        let mut engine = lock(&self.engine);
        let result = work(&mut engine);
        let now = engine.store.revision();
        self.revision.send_if_modified(|seen| std::mem::replace(seen, now) != now);
        result
    }

    pub(crate) fn record(&self, request: RecordedRequest) {
        let mut log = lock(&self.log);
        if log.len() == LOG {
            log.pop_front();
        }
        log.push_back(request);
    }
}

/// The same API without HTTP: no faults, no log, all rights.
#[derive(Clone)]
pub struct Api {
    shared: Arc<Shared>,
}

impl fmt::Debug for Api {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Api")
    }
}

/// An answer other than 2xx.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiError {
    /// The HTTP status.
    pub code: u16,
    /// The `Status` object, or null when the answer was plain text.
    pub status: Value,
    /// The message of the `Status`, or the plain text.
    pub message: String,
}

impl fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.code, self.message)
    }
}

impl std::error::Error for ApiError {}

impl Api {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// GET, of an object or of a list.
    pub fn get(&self, path: &str) -> Result<Value, ApiError> {
        self.request("GET", path, None, "")
    }

    /// The items of a list.
    pub fn list(&self, path: &str) -> Result<Vec<Value>, ApiError> {
        Ok(super::meta::items(&self.get(path)?["items"]).to_vec())
    }

    /// POST to the path of a collection.
    pub fn create(&self, path: &str, body: &Value) -> Result<Value, ApiError> {
        self.request("POST", path, Some(body), "")
    }

    /// PUT.
    pub fn update(&self, path: &str, body: &Value) -> Result<Value, ApiError> {
        self.request("PUT", path, Some(body), "")
    }

    /// PATCH, as a JSON merge patch.
    pub fn patch(&self, path: &str, body: &Value) -> Result<Value, ApiError> {
        self.request("PATCH", path, Some(body), MERGE_PATCH)
    }

    pub fn delete(&self, path: &str) -> Result<Value, ApiError> {
        self.request("DELETE", path, None, "")
    }

    /// Any request; "" is `application/json`.
    pub fn request(
        &self,
        method: &str,
        path_and_query: &str,
        body: Option<&Value>,
        content_type: &str,
    ) -> Result<Value, ApiError> {
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let mut call = Call::inside(method, path_and_query, body, "sandbox-api");
        if !content_type.is_empty() {
            content_type.clone_into(&mut call.content_type);
        }
        let Reply::Document(document) = self.shared.with(|engine| engine.serve(&call)) else {
            let message = "a watch is for HTTP alone".to_owned();
            return Err(ApiError { code: 400, status: Value::Null, message });
        };
        let answer: Value = serde_json::from_slice(&document.body).unwrap_or_default();
        if document.code < 300 {
            return Ok(answer);
        }
        let text = || String::from_utf8_lossy(&document.body).into_owned();
        let message = answer["message"].as_str().map_or_else(text, str::to_owned);
        Err(ApiError { code: document.code, status: answer, message })
    }
}
