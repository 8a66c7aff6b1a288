//! What went over the wire, for `-v`.

use std::time::Duration;

/// One request and its answer.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// `GET`, `PUT` …
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The HTTP status, or why there was none.
    pub outcome: Result<u16, String>,
    /// From the first byte sent to the end of the answer.
    pub elapsed: Duration,
    /// The body of a write.
    pub body: Option<Vec<u8>>,
}

/// What an observer of the connection is told.
#[derive(Clone, Debug)]
pub enum Traffic {
    /// A request has ended.
    Exchange(Exchange),
    /// The server sent a `Warning:` header (kubectl prints these too).
    Warning(String),
}
