//! `-v`: the requests, so that a person can learn the API from watching.

use crate::model::Exchange;

/// `GET /api/v1/namespaces/x 200 3ms`, and the body of a write where wanted.
pub(super) fn lines(exchange: &Exchange, with_body: bool) -> Vec<String> {
    let Exchange { method, path, outcome, elapsed, body } = exchange;
    let outcome = match outcome {
        Ok(status) => status.to_string(),
        Err(error) => error.clone(),
    };
    let mut lines = vec![format!("{method} {path} {outcome} {}ms", elapsed.as_millis())];
    if let (true, Some(body)) = (with_body, body) {
        lines.push(format!("  {}", String::from_utf8_lossy(body)));
    }
    lines
}
