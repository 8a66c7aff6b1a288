//! One request at a time: deadline, bounded retries, concurrency limit, `-v`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::{HeaderMap, Method, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kube::Client;
use kube::client::Body;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::call::{Built, Call};
use super::health::ServerHealth;
use super::rehearsal::Servers;
use super::retry::Retries;
use super::{ApiError, connection};
use crate::model::{Exchange, Traffic};

/// Status, headers and body.
type RawAnswer = (u16, HeaderMap, Vec<u8>);

/// Told of every request; what it does with it is the caller's business.
pub type Observer = Arc<dyn Fn(Traffic) + Send + Sync>;

/// API Priority and Fairness gives a user about twenty seats; stay below, and below HTTP/2's stream limit.
const MAX_IN_FLIGHT: usize = 16;

/// How long the first byte of an answer is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) answer: Duration,
    /// Of lists and other probes: where they do not answer, the rest is looked at all the same.
    pub(super) list: Duration,
}

/// A connection to one cluster.
pub struct Cluster {
    client: Client,
    /// Host and port, for messages.
    pub server: String,
    /// Host and port of the proxy on the way, where there is one.
    proxy: Option<String>,
    /// The kubeconfig context it was made from, where one was named.
    pub context: Option<String>,
    patience: Patience,
    observer: Observer,
    permits: Semaphore,
    only_reads: AtomicBool,
    health: ServerHealth,
    pub(super) servers: Servers,
}

impl Cluster {
    pub(super) fn new(
        client: Client,
        config: &kube::Config,
        context: Option<String>,
        patience: Patience,
        observer: Observer,
    ) -> Self {
        let url = &config.cluster_url;
        let proxy = config.proxy_url.as_ref().and_then(|url| url.authority()).map(|proxy| {
            // Without the user name and the password in front.
            let proxy = proxy.as_str();
            proxy.rsplit('@').next().unwrap_or(proxy).to_owned()
        });
        let server = url.authority().map(ToString::to_string).unwrap_or_default();
        let server = match (url.port(), url.scheme_str()) {
            (None, Some("http")) => format!("{server}:80"),
            (None, _) => format!("{server}:443"),
            (Some(_), _) => server,
        };
        let permits = Semaphore::new(MAX_IN_FLIGHT);
        let (only_reads, health) = (AtomicBool::new(false), ServerHealth::default());
        let servers = Servers::default();
        Self { client, server, proxy, context, patience, observer, permits, only_reads, health, servers }
    }

    /// From now on nothing but GETs is sent, dry runs included: what a client dry run promises.
    pub fn only_read(&self) {
        self.only_reads.store(true, Ordering::Relaxed);
    }

    /// What is wrong with the server, if several requests in a row have failed through its own fault.
    pub fn trouble(&self) -> Option<String> {
        self.health.trouble()
    }

    /// Sends a request and reads its answer whole.
    pub(super) async fn call(&self, call: Call) -> Result<Vec<u8>, ApiError> {
        let (tells, is_write) = (call.tells_of_the_server(), call.is_write());
        let answer = self.call_again(call, &mut Vec::new()).await;
        if tells {
            self.health.note(is_write, answer.as_ref().err());
        }
        answer
    }

    /// The same, with what the answer's Warning headers say.
    pub(super) async fn call_with_warnings(&self, call: Call) -> Result<(Vec<u8>, Vec<String>), ApiError> {
        let mut warnings = Vec::new();
        self.call_again(call, &mut warnings).await.map(|body| (body, warnings))
    }

    /// Retries a bounded few times, and only where the server asks for it with Retry-After, as client-go does.
    async fn call_again(&self, call: Call, warnings: &mut Vec<String>) -> Result<Vec<u8>, ApiError> {
        let Call { request, probe, limit_mib, deadline, once } = call;
        let request = request.map_err(|error| ApiError::NotBuilt(Arc::new(error)))?;
        if request.method() != Method::GET && self.only_reads.load(Ordering::Relaxed) {
            return Err(ApiError::NotSent(describe(&request)));
        }
        self.is_honoured(&request).await?;
        let patience = if probe { self.patience.list } else { self.patience.answer };
        let first_byte = self.patience.answer.min(deadline.unwrap_or(patience));
        let mut retries = Retries::default();
        loop {
            let started = Instant::now();
            let outcome = self.attempt(&request, first_byte, limit_mib).await;
            self.report(&request, probe, &outcome, started.elapsed());
            let (status, headers, body) = outcome?;
            if (200..300).contains(&status) {
                warnings.extend(self::warnings(&headers).map(str::to_owned));
                return Ok(body);
            }
            match retries.after(request.method(), status, &headers).filter(|_| !once) {
                Some(delay) => tokio::time::sleep(delay).await,
                None => return Err(ApiError::from_answer(&self.server, status, &body)),
            }
        }
    }

    /// Sends a request whose answer is read as it comes, for as long as it comes.
    pub(super) async fn open(&self, call: Call) -> Result<Body, ApiError> {
        let request = call.request.map_err(|error| ApiError::NotBuilt(Arc::new(error)))?;
        let (started, timeout) = (Instant::now(), self.patience.answer);
        let sent = tokio::time::timeout(timeout, self.client.send(request.clone().map(Body::from))).await;
        let answer = match sent {
            Err(_) => Err(ApiError::TimedOut { request: describe(&request), after: timeout }),
            Ok(Err(error)) => Err(connection::error(error, &self.server, self.proxy.as_deref())),
            Ok(Ok(answer)) => Ok(answer),
        };
        let outcome = answer
            .as_ref()
            .map(|answer| (answer.status().as_u16(), answer.headers().clone(), Vec::new()))
            .map_err(Clone::clone);
        self.report(&request, false, &outcome, started.elapsed());
        let (head, body) = answer?.into_parts();
        if head.status.is_success() {
            return Ok(body);
        }
        let said = tokio::time::timeout(timeout, Limited::new(body, call.limit_mib << 20).collect()).await;
        let said =
            said.ok().and_then(Result::ok).map(http_body_util::Collected::to_bytes).unwrap_or_default();
        Err(ApiError::from_answer(&self.server, head.status.as_u16(), &said))
    }

    /// The answer was lost on its way.
    pub(super) fn broken_off(&self, error: tower::BoxError) -> ApiError {
        let (server, what) = (self.server.clone(), connection::root_cause(&*error));
        ApiError::BrokenOff { server, what, source: error.into() }
    }

    /// Sends a request and reads its answer as JSON.
    pub(super) async fn call_json(&self, call: Call) -> Result<Value, ApiError> {
        let body = self.call(call).await?;
        self.parse(&body)
    }

    /// Reads an answer that is meant to be JSON of a certain shape.
    pub(super) fn parse<'de, T: serde::Deserialize<'de>>(&self, body: &'de [u8]) -> Result<T, ApiError> {
        serde_json::from_slice(body).map_err(|error| {
            let server = self.server.clone();
            if error.is_eof() && !body.is_empty() {
                let what = "the JSON ends in the middle".to_owned();
                return ApiError::BrokenOff { server, what, source: Arc::new(error) };
            }
            let what = if body.trim_ascii_start().starts_with(b"<") {
                "it sent an HTML page".to_owned()
            } else if body.is_empty() {
                "it sent an empty answer".to_owned()
            } else {
                format!("it sent no JSON that fits ({error})")
            };
            ApiError::NotKubernetes { server, what }
        })
    }

    /// The answer is JSON, but not what this path of a Kubernetes API answers.
    pub(super) fn not_kubernetes(&self, what: &str) -> ApiError {
        ApiError::NotKubernetes { server: self.server.clone(), what: what.to_owned() }
    }

    async fn attempt(
        &self,
        request: &Built,
        first_byte: Duration,
        limit_mib: usize,
    ) -> Result<RawAnswer, ApiError> {
        // Never closed.
        let _permit = self.permits.acquire().await;
        let timed_out = |after: Duration| ApiError::TimedOut { request: describe(request), after };
        let sending = self.client.send(request.clone().map(Body::from));
        let answer = tokio::time::timeout(first_byte, sending)
            .await
            .map_err(|_| timed_out(first_byte))?
            .map_err(|error| connection::error(error, &self.server, self.proxy.as_deref()))?;
        let (head, body) = answer.into_parts();
        // Enforced while reading: an endless answer must not fill the memory first.
        let body = Limited::new(body, limit_mib << 20);
        let body = tokio::time::timeout(self.patience.answer, body.collect())
            .await
            .map_err(|_| timed_out(self.patience.answer))?
            .map_err(|error| {
                if error.is::<LengthLimitError>() {
                    return ApiError::TooLarge { request: describe(request), limit_mib };
                }
                self.broken_off(error)
            })?;
        Ok((head.status.as_u16(), head.headers, body.to_bytes().into()))
    }

    fn report(&self, request: &Built, probe: bool, outcome: &Result<RawAnswer, ApiError>, elapsed: Duration) {
        let observer = &self.observer;
        // A list over all types touches deprecated ones too; nobody asked for those.
        if let Ok((_, headers, _)) = outcome
            && !probe
        {
            for warning in warnings(headers) {
                observer(Traffic::Warning(warning.to_owned()));
            }
        }
        let body = request.body();
        observer(Traffic::Exchange(Exchange {
            method: request.method().to_string(),
            path: request.uri().to_string(),
            outcome: outcome.as_ref().map(|(status, ..)| *status).map_err(ToString::to_string),
            elapsed,
            body: (!body.is_empty()).then(|| body.clone()),
        }));
    }
}

fn describe(request: &Built) -> String {
    format!("{} {}", request.method(), request.uri().path())
}

fn warnings(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::WARNING).iter().filter_map(|value| value.to_str().ok());
    values.map(warning_text)
}

/// `299 - "text"` → `text` (RFC 7234, section 5.5).
fn warning_text(value: &str) -> &str {
    value.find('"').map_or(value, |start| value[start..].trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_header_is_shown_without_its_envelope() {
        assert_eq!(warning_text(r#"299 - "v1 is deprecated""#), "v1 is deprecated");
    }
}
