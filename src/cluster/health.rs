//! Whether the server itself is in trouble, as far as the last requests tell.

use std::sync::{Mutex, PoisonError};

use super::ApiError;

/// One failure may be bad luck, and each has been retried already where the server asked for it.
const IN_A_ROW: usize = 3;

/// The failures since the last request that went well.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<Failures>);

#[derive(Debug, Default)]
struct Failures {
    count: usize,
    last: String,
}

impl Health {
    /// Takes note of how a request ended.
    pub(super) fn note(&self, error: Option<&ApiError>) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            Some(error) if is_the_servers_fault(error) => {
                *failures = Failures { count: failures.count + 1, last: error.detail() };
            }
            // Whatever else it is, it is an answer.
            _ => *failures = Failures::default(),
        }
    }

    /// What is wrong, if that many have failed in a row.
    pub(super) fn trouble(&self) -> Option<String> {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Failures { count, last } = &*failures;
        (*count >= IN_A_ROW).then(|| format!("{count} requests in a row have failed, the last with: {last}"))
    }
}

/// 429, 5xx, or no answer; but not what a webhook of somebody else's has done to one object.
fn is_the_servers_fault(error: &ApiError) -> bool {
    match error {
        ApiError::Server { code: 500, message, .. } => !message.contains("webhook"),
        ApiError::Server { code, .. } => *code == 429 || *code > 500,
        ApiError::TimedOut { .. } | ApiError::BrokenOff { .. } | ApiError::Unreachable(_) => true,
        ApiError::NotKubernetes { .. }
        | ApiError::Tls(_)
        | ApiError::Credentials(_)
        | ApiError::NotSent(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u16, message: &str) -> ApiError {
        ApiError::from_answer("h:1", code, message.as_bytes())
    }

    #[test]
    fn three_failures_in_a_row_are_trouble() {
        let health = Health::default();
        for error in
            [answer(429, "too many requests"), answer(503, "no"), answer(500, "etcdserver: no leader")]
        {
            assert_eq!(health.trouble(), None);
            health.note(Some(&error));
        }
        let trouble = health.trouble().unwrap();
        assert!(trouble.contains("etcdserver: no leader"), "{trouble}");
        health.note(None);
        assert_eq!(health.trouble(), None);
    }

    #[test]
    fn what_somebody_else_refuses_is_not_the_servers_trouble() {
        let health = Health::default();
        for _ in 0..5 {
            health.note(Some(&answer(500, "Internal error occurred: failed calling webhook \"w\"")));
            health.note(Some(&answer(403, "forbidden")));
            health.note(Some(&answer(409, "conflict")));
        }
        assert_eq!(health.trouble(), None);
    }
}
