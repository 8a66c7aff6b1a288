//! One request at a time: deadline, bounded retries, concurrency limit, `-v`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kube::Client;
use kube::client::Body;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::ApiError;
use super::health::ServerHealth;
use super::retry::Retries;
use crate::model::{Exchange, Traffic};

/// Told of every request; what it does with it is the caller's business.
pub type Observer = Arc<dyn Fn(Traffic) + Send + Sync>;

/// A list that has not begun to answer by then is called unreadable.
const PROBE_DEADLINE: Duration = Duration::from_secs(5);
/// etcd takes objects of 1.5 MiB; fifty whole ones, or five hundred by their metadata, stay well below.
const MAX_ANSWER_MIB: usize = 64;
const WHOLE_PAGE_MIB: usize = 128;
/// API Priority and Fairness gives a user about twenty seats; stay below, and below HTTP/2's stream limit.
const MAX_IN_FLIGHT: usize = 16;

/// A connection to one cluster.
pub struct Cluster {
    client: Client,
    /// Host and port, for messages.
    pub server: String,
    /// Host and port of the proxy on the way, where there is one.
    proxy: Option<String>,
    /// The kubeconfig context it was made from, where one was named.
    pub context: Option<String>,
    timeout: Duration,
    observer: Observer,
    permits: Semaphore,
    only_reads: AtomicBool,
    health: ServerHealth,
}

/// A request to be sent.
pub(super) struct Call<'a> {
    method: Method,
    path: &'a str,
    accept: &'a str,
    content_type: Option<&'a str>,
    body: Option<Vec<u8>>,
    probe: bool,
    limit_mib: usize,
    /// For a request that is known to need longer than a probe.
    deadline: Option<Duration>,
}

impl<'a> Call<'a> {
    pub(super) fn get(path: &'a str) -> Self {
        let accept = "application/json";
        let (content_type, body) = (None, None);
        Self {
            method: Method::GET,
            path,
            accept,
            content_type,
            body,
            probe: false,
            limit_mib: MAX_ANSWER_MIB,
            deadline: None,
        }
    }

    pub(super) fn write(method: Method, path: &'a str, body: &Value) -> Self {
        let body = Some(body.to_string().into_bytes());
        Self { method, body, content_type: Some("application/json"), ..Self::get(path) }
    }

    /// A JSON merge patch, the one form that every type takes, custom resources included.
    pub(super) fn merge_patch(path: &'a str, change: &Value) -> Self {
        Self {
            content_type: Some("application/merge-patch+json"),
            ..Self::write(Method::PATCH, path, change)
        }
    }

    /// Asks for another representation than plain JSON.
    pub(super) fn accepting(self, accept: &'a str) -> Self {
        Self { accept, ..self }
    }

    /// Gives up early: the answer is one of many, and its absence is an answer too.
    pub(super) fn probing(self) -> Self {
        Self { probe: true, ..self }
    }

    /// Whole objects can be large, and many of them are in a page.
    pub(super) fn of_whole_objects(self) -> Self {
        Self { limit_mib: WHOLE_PAGE_MIB, ..self }
    }

    /// A probe that has this long: somebody else's webhook may take its time, which says nothing of the server.
    pub(super) fn waiting(self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self.probing() }
    }

    fn describe(&self) -> String {
        format!("{} {}", self.method, self.path.split('?').next().unwrap_or_default())
    }
}

impl Cluster {
    pub(super) fn new(
        client: Client,
        config: &kube::Config,
        context: Option<String>,
        timeout: Duration,
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
        Self { client, server, proxy, context, timeout, observer, permits, only_reads, health }
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
    pub(super) async fn call(&self, call: Call<'_>) -> Result<Vec<u8>, ApiError> {
        // A probe may well find an API that is dead; but the core group is the server's own.
        let tells = !call.probe || (call.path.starts_with("/api/v1") && call.deadline.is_none());
        let is_write = call.method != Method::GET;
        let answer = self.call_again(call).await;
        if tells {
            self.health.note(is_write, answer.as_ref().err());
        }
        answer
    }

    /// Retries a bounded few times, and only where the server asks for it with Retry-After, as client-go does.
    async fn call_again(&self, call: Call<'_>) -> Result<Vec<u8>, ApiError> {
        if call.method != Method::GET && self.only_reads.load(Ordering::Relaxed) {
            return Err(ApiError::NotSent(call.describe()));
        }
        let mut retries = Retries::default();
        loop {
            let started = Instant::now();
            let outcome = self.attempt(&call).await;
            self.report(&call, &outcome, started.elapsed());
            let (status, headers, body) = outcome?;
            if (200..300).contains(&status) {
                return Ok(body);
            }
            match retries.after(&call.method, status, &headers) {
                Some(delay) => tokio::time::sleep(delay).await,
                None => return Err(ApiError::from_answer(&self.server, status, &body)),
            }
        }
    }

    /// Sends a request and reads its answer as JSON.
    pub(super) async fn call_json(&self, call: Call<'_>) -> Result<Value, ApiError> {
        let body = self.call(call).await?;
        self.parse(&body)
    }

    /// Reads an answer that is meant to be JSON of a certain shape.
    pub(super) fn parse<'de, T: serde::Deserialize<'de>>(&self, body: &'de [u8]) -> Result<T, ApiError> {
        serde_json::from_slice(body).map_err(|error| {
            let server = self.server.clone();
            if error.is_eof() && !body.is_empty() {
                return ApiError::BrokenOff { server, what: "the JSON ends in the middle".to_owned() };
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

    async fn attempt(&self, call: &Call<'_>) -> Result<(u16, HeaderMap, Vec<u8>), ApiError> {
        let Ok(_permit) = self.permits.acquire().await else {
            return Err(ApiError::Unreachable("the connection is closed".to_owned()));
        };
        let timed_out = |after: Duration| ApiError::TimedOut { request: call.describe(), after };
        let patience = if call.probe { PROBE_DEADLINE } else { self.timeout };
        let first_byte = self.timeout.min(call.deadline.unwrap_or(patience));
        let sending = self.client.send(self.request(call)?);
        let answer = tokio::time::timeout(first_byte, sending)
            .await
            .map_err(|_| timed_out(first_byte))?
            .map_err(|error| self.connection_error(&error))?;
        let (head, body) = answer.into_parts();
        // Enforced while reading: an endless answer must not fill the memory first.
        let body = Limited::new(body, call.limit_mib << 20);
        let body = tokio::time::timeout(self.timeout, body.collect())
            .await
            .map_err(|_| timed_out(self.timeout))?
            .map_err(|error| {
                if error.is::<LengthLimitError>() {
                    return ApiError::TooLarge { request: call.describe(), limit_mib: call.limit_mib };
                }
                ApiError::BrokenOff { server: self.server.clone(), what: root_cause(&*error) }
            })?;
        Ok((head.status.as_u16(), head.headers, body.to_bytes().into()))
    }

    fn request(&self, call: &Call<'_>) -> Result<Request<Body>, ApiError> {
        let body = call.body.clone().map_or_else(Body::empty, Body::from);
        let mut request =
            Request::builder().method(&call.method).uri(call.path).header(header::ACCEPT, call.accept);
        if let Some(content_type) = call.content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        request.body(body).map_err(|error| {
            ApiError::Unreachable(format!("unable to ask {} for {}: {error}", self.server, call.path))
        })
    }

    fn report(
        &self,
        call: &Call<'_>,
        outcome: &Result<(u16, HeaderMap, Vec<u8>), ApiError>,
        elapsed: Duration,
    ) {
        let observer = &self.observer;
        // A list over all types touches deprecated ones too; nobody asked for those.
        if let Ok((_, headers, _)) = outcome
            && !call.probe
        {
            for warning in headers.get_all(header::WARNING).iter().filter_map(|value| value.to_str().ok()) {
                observer(Traffic::Warning(warning_text(warning).to_owned()));
            }
        }
        observer(Traffic::Exchange(Exchange {
            method: call.method.to_string(),
            path: call.path.to_owned(),
            outcome: outcome.as_ref().map(|(status, ..)| *status).map_err(ToString::to_string),
            elapsed,
            body: call.body.clone(),
        }));
    }

    /// Turns what the HTTP stack says into kubectl's sentence for it.
    fn connection_error(&self, error: &kube::Error) -> ApiError {
        if let kube::Error::Auth(error) = error {
            return ApiError::Credentials(root_cause(error));
        }
        let chain: Vec<&(dyn std::error::Error + 'static)> =
            std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |error| error.source())
                .collect();
        if chain.iter().any(|error| error.is::<kube::client::AuthError>()) {
            return ApiError::Credentials(root_cause(error));
        }
        let said = chain.iter().map(ToString::to_string).collect::<Vec<_>>().join(": ");
        // Prepared for in the text because rustls' errors arrive wrapped in io errors, boxed.
        if said.contains("certificate") || said.contains("TLS") || said.contains("tls") {
            return ApiError::Tls(tls_sentence(&root_cause(error)));
        }
        let io = chain.iter().find_map(|error| error.downcast_ref::<std::io::Error>());
        // With a proxy in between, the only connection that can be refused is the one to the proxy.
        if let Some(proxy) = &self.proxy {
            let refused = io.is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused);
            if refused || said.contains("dns error") || said.contains("tunnel error") {
                let why = if refused { "connection refused".to_owned() } else { root_cause(error) };
                return ApiError::Unreachable(format!(
                    "Unable to connect to the server: proxyconnect tcp: {proxy}: {why}"
                ));
            }
        }
        match io.map(std::io::Error::kind) {
            Some(std::io::ErrorKind::ConnectionRefused) => ApiError::Unreachable(format!(
                "The connection to the server {} was refused - did you specify the right host or port?",
                self.server
            )),
            Some(std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::UnexpectedEof) => {
                ApiError::BrokenOff { server: self.server.clone(), what: root_cause(error) }
            }
            _ if said.contains("connection closed") || said.contains("IncompleteMessage") => {
                ApiError::BrokenOff { server: self.server.clone(), what: root_cause(error) }
            }
            _ if said.contains("dns error") => ApiError::Unreachable(format!(
                "Unable to connect to the server: lookup {}: no such host",
                self.server.split(':').next().unwrap_or_default()
            )),
            _ if said.contains("invalid HTTP") || said.contains("parse") => ApiError::NotKubernetes {
                server: self.server.clone(),
                what: "it does not speak HTTP".to_owned(),
            },
            _ => ApiError::Unreachable(format!("Unable to connect to the server: {}", root_cause(error))),
        }
    }
}

/// `299 - "text"` → `text` (RFC 7234, section 5.5).
fn warning_text(value: &str) -> &str {
    value.find('"').map_or(value, |start| value[start..].trim_matches('"'))
}

fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let last = std::iter::successors(Some(error), |error| error.source()).last();
    last.map(ToString::to_string).unwrap_or_default()
}

fn tls_sentence(cause: &str) -> String {
    match cause {
        cause if cause.contains("UnknownIssuer") => {
            "failed to verify certificate: signed by an unknown authority".to_owned()
        }
        cause if cause.contains("CaUsedAsEndEntity") => {
            "failed to verify certificate: it is self-signed, and its authority is not trusted".to_owned()
        }
        cause if cause.contains("Expired") || cause.contains("expired") => {
            "failed to verify certificate: it has expired".to_owned()
        }
        cause if cause.contains("NotValidForName") || cause.contains("not valid for name") => {
            format!("failed to verify certificate: {cause}")
        }
        cause => cause.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_header_is_shown_without_its_envelope() {
        assert_eq!(warning_text(r#"299 - "v1 is deprecated""#), "v1 is deprecated");
    }
}
