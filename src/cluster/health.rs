//! Whether the server itself is failing, judged by the last requests.

use std::sync::{Mutex, PoisonError};

use super::ApiError;

/// One failure may be bad luck, and each has been retried already where the server asked for it.
const IN_A_ROW: usize = 3;

/// Reads and writes apart: a server that is out of space still answers every read.
#[derive(Debug, Default)]
pub(super) struct ServerHealth {
    reads: Row,
    writes: Row,
}

/// The failures since the last request that went well.
#[derive(Debug, Default)]
struct Row(Mutex<Failures>);

#[derive(Debug, Default)]
struct Failures {
    count: usize,
    last: String,
}

impl ServerHealth {
    /// Takes note of how a request ended.
    pub(super) fn note(&self, is_write: bool, error: Option<&ApiError>) {
        let row = if is_write { &self.writes } else { &self.reads };
        let mut failures = row.0.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            // A webhook that hangs holds the answer back as well; a server in trouble shows in reads, or in 5xx.
            Some(error) if is_write && took_too_long(error) => {}
            Some(error) if is_the_servers_fault(error) => {
                *failures = Failures { count: failures.count + 1, last: error.detail() };
            }
            // Whatever else it is, it is an answer.
            _ => *failures = Failures::default(),
        }
    }

    /// What is wrong, if that many have failed in a row.
    pub(super) fn trouble(&self) -> Option<String> {
        let what = |row: &Row, what: &str| {
            let failures = row.0.lock().unwrap_or_else(PoisonError::into_inner);
            let Failures { count, last } = &*failures;
            (*count >= IN_A_ROW)
                .then(|| format!("{count} {what} in a row have failed, the last with: {last}"))
        };
        what(&self.reads, "reads").or_else(|| what(&self.writes, "writes"))
    }
}

/// No answer in the time that nsfix has, or that the server has (504).
fn took_too_long(error: &ApiError) -> bool {
    matches!(error, ApiError::TimedOut { .. } | ApiError::Server { code: 504, .. })
}

/// 429, 5xx, or no answer; but not the failure of a webhook for one object.
fn is_the_servers_fault(error: &ApiError) -> bool {
    match error {
        ApiError::Server { code: 500, message, .. } => !message.contains("webhook"),
        ApiError::Server { code, .. } => *code == 429 || *code > 500,
        ApiError::TimedOut { .. } | ApiError::BrokenOff { .. } | ApiError::Unreachable { .. } => true,
        ApiError::NotKubernetes { .. }
        | ApiError::TooLarge { .. }
        | ApiError::Tls { .. }
        | ApiError::Credentials { .. }
        | ApiError::NotBuilt(_)
        | ApiError::NotSent(_)
        | ApiError::NotRehearsed { .. }
        | ApiError::Undone(_) => false,
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
        let health = ServerHealth::default();
        for error in
            [answer(429, "too many requests"), answer(503, "no"), answer(500, "etcdserver: no leader")]
        {
            assert_eq!(health.trouble(), None);
            health.note(false, Some(&error));
        }
        let trouble = health.trouble().unwrap();
        assert!(trouble.contains("3 reads in a row") && trouble.contains("no leader"), "{trouble}");
        health.note(false, None);
        assert_eq!(health.trouble(), None);
    }

    #[test]
    fn reads_that_go_well_do_not_hide_that_writes_fail() {
        let health = ServerHealth::default();
        for _ in 0..3 {
            health.note(true, Some(&answer(500, "etcdserver: mvcc: database space exceeded")));
            health.note(false, None);
        }
        assert!(health.trouble().unwrap().contains("3 writes in a row"));
    }

    #[test]
    fn a_webhook_that_hangs_is_not_the_servers_trouble() {
        let timeout = || answer(504, "Timeout: request did not complete within the allotted timeout");
        let health = ServerHealth::default();
        (0..5).for_each(|_| health.note(true, Some(&timeout())));
        assert_eq!(health.trouble(), None);
        (0..5).for_each(|_| health.note(false, Some(&timeout())));
        assert!(health.trouble().is_some());
    }

    #[test]
    fn what_somebody_else_refuses_is_not_the_servers_trouble() {
        let webhook = "Internal error occurred: failed calling webhook \"w\"";
        for error in [answer(500, webhook), answer(403, "forbidden"), answer(409, "conflict")] {
            let health = ServerHealth::default();
            (0..5).for_each(|_| health.note(true, Some(&error)));
            assert_eq!(health.trouble(), None, "{error}");
        }
    }
}
