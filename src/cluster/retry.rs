//! When a request is sent again: client-go's rule, a bounded few times.

use std::time::Duration;

use http::{HeaderMap, Method, header};

/// More than a bad moment, less than a person's patience. client-go allows ten.
const MAX_RETRIES: u32 = 3;
/// A server may ask for half a minute (an unready watch cache does); nobody waits that long three times.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(5);

/// How often one request was sent again.
#[derive(Default)]
pub(super) struct Retries(u32);

impl Retries {
    /// How long to wait before the request is sent again; `None` where it is not.
    pub(super) fn after(&mut self, method: &Method, status: u16, headers: &HeaderMap) -> Option<Duration> {
        // A write that timed out may have happened: only a fresh read can tell.
        let unknown = status == 504 && method != Method::GET;
        if self.0 == MAX_RETRIES || unknown {
            return None;
        }
        let delay = retry_after(status, headers)?;
        self.0 += 1;
        Some(delay.min(MAX_RETRY_AFTER))
    }
}

/// client-go's rule (rest/with_retry.go): 429 and 5xx, and only with Retry-After.
fn retry_after(status: u16, headers: &HeaderMap) -> Option<Duration> {
    if status != 429 && status < 500 {
        return None;
    }
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_with_retry_after_is_tried_again() {
        let mut headers = HeaderMap::new();
        let after = |status, headers: &HeaderMap| Retries::default().after(&Method::GET, status, headers);
        assert_eq!(after(503, &headers), None);
        headers.insert(header::RETRY_AFTER, "2".parse().unwrap());
        assert_eq!(after(503, &headers), Some(Duration::from_secs(2)));
        assert_eq!(after(429, &headers), Some(Duration::from_secs(2)));
        assert_eq!(after(404, &headers), None);
        assert_eq!(Retries::default().after(&Method::PUT, 504, &headers), None);
    }

    #[test]
    fn retries_come_to_an_end_and_no_wait_is_long() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, "3600".parse().unwrap());
        let mut retries = Retries::default();
        let mut waits = Vec::new();
        while let Some(delay) = retries.after(&Method::GET, 503, &headers) {
            waits.push(delay);
        }
        assert_eq!(waits, [MAX_RETRY_AFTER; MAX_RETRIES as usize]);
    }
}
