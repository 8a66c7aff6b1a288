//! `--push-gateway`: for a job that is gone before anybody can scrape it.

use std::str::FromStr;
use std::time::Duration;
use std::{fmt, io};

use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::client::legacy::{self, Client};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioExecutor;

use super::{Measurements, MetricsError};
use crate::output::sanitise;

/// For all of it: the name lookup, the connection, the request and the answer.
const DEADLINE: Duration = Duration::from_secs(10);
/// Where metrics go unless the URL says it: the group that they share is the job's.
const GROUP: &str = "/metrics/job/nsfix";
/// The format that a Pushgateway reads; what OpenMetrics adds to it are comments there.
const TEXT: &str = "text/plain; version=0.0.4";
/// More of an answer is not read.
const LONGEST_ANSWER: usize = 400;

/// Why a Pushgateway did not take the metrics.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// No answer within the deadline.
    #[error("no answer within {}s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// It answered with an error.
    #[error("HTTP {0}")]
    Failed(StatusCode),
    /// The same, and the first line of its answer.
    #[error("HTTP {0}: {1}")]
    Refused(StatusCode, String),
    /// It could not be reached.
    #[error("{}", root_cause(.0))]
    Unreachable(#[from] legacy::Error),
    /// The system has no certificates to know it by.
    #[error("{0} (SSL_CERT_FILE names a file of them)")]
    NoRoots(#[source] io::Error),
    /// The metrics could not be written as text.
    #[error(transparent)]
    Text(#[from] fmt::Error),
}

/// A Pushgateway. Shows its URL without user name and password.
#[derive(Clone)]
pub struct Gateway {
    url: Uri,
    authorization: Option<HeaderValue>,
}

impl FromStr for Gateway {
    type Err = String;

    /// Reads `http[s]://[user:password@]host[:port][/prefix]`, with `/metrics/job/…` at its end or without.
    fn from_str(text: &str) -> Result<Self, String> {
        let url: Uri = text.parse().map_err(|_| "not a URL".to_owned())?;
        let mut parts = url.into_parts();
        if !parts.scheme.as_ref().is_some_and(|scheme| matches!(scheme.as_str(), "http" | "https")) {
            return Err("not an http:// or https:// URL".to_owned());
        }
        let authority = parts.authority.take().filter(|authority| !authority.host().is_empty());
        let authority = authority.ok_or("there is no host in the URL")?;
        let path = parts.path_and_query.take();
        if path.as_ref().is_some_and(|path| path.query().is_some()) {
            return Err("a Pushgateway's URL has no query".to_owned());
        }
        let authorization = authority.as_str().contains('@').then(|| basic_auth(text)).flatten();
        let host = authority.as_str().rsplit('@').next().unwrap_or_default();
        parts.authority = Some(host.parse().map_err(|_| "there is no host in the URL".to_owned())?);
        parts.path_and_query = Some(group(path.as_ref().map_or("", PathAndQuery::path))?);
        let url = Uri::from_parts(parts).map_err(|error| error.to_string())?;
        Ok(Self { url, authorization })
    }
}

impl fmt::Display for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.url, f)
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Gateway {
    /// The same with a group of the cluster's own: two clusters in one group would replace each other's metrics.
    #[must_use]
    pub fn of_cluster(&self, name: Option<&str>) -> Self {
        let mut gateway = self.clone();
        let path = self.url.path().trim_end_matches('/');
        let Some(name) = name.filter(|_| !path.contains("/cluster/")) else { return gateway };
        let mut parts = self.url.clone().into_parts();
        parts.path_and_query = format!("{path}/cluster/{name}").parse().ok();
        if let Ok(url) = Uri::from_parts(parts) {
            gateway.url = url;
        }
        gateway
    }

    /// Pushes once; nothing is tried again.
    ///
    /// By POST, which replaces in the group only metrics of the same names, where PUT would replace the whole
    /// group (Pushgateway, README.md, "`POST` method"). So the time of the last success survives a run that
    /// failed and does not send it, and so do the causes when it ended before it could look.
    pub async fn push(&self, measurements: &Measurements) -> Result<(), MetricsError> {
        self.push_within(DEADLINE, measurements).await
    }

    async fn push_within(&self, deadline: Duration, measurements: &Measurements) -> Result<(), MetricsError> {
        let sent = tokio::time::timeout(deadline, self.send(measurements)).await;
        let sent = sent.unwrap_or(Err(PushError::TimedOut(deadline)));
        sent.map_err(|source| MetricsError::Push { gateway: self.to_string(), source })
    }

    async fn send(&self, measurements: &Measurements) -> Result<(), PushError> {
        let text = measurements.encode(None)?;
        let mut request = Request::new(text);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(TEXT));
        headers.insert(
            header::USER_AGENT,
            HeaderValue::from_static(concat!("nsfix/", env!("CARGO_PKG_VERSION"))),
        );
        headers.extend(self.authorization.clone().map(|value| (header::AUTHORIZATION, value)));
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        if self.url.scheme_str() == Some("http") {
            return post(http, request).await;
        }
        // Only now: an image without any certificates can still push over plain HTTP.
        let https =
            hyper_rustls::HttpsConnectorBuilder::new().with_native_roots().map_err(PushError::NoRoots)?;
        post(https.https_only().enable_http1().wrap_connector(http), request).await
    }
}

async fn post<C>(connector: C, request: Request<String>) -> Result<(), PushError>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let answer = client.request(request).await?;
    if answer.status().is_success() {
        return Ok(());
    }
    let status = answer.status();
    let said = first_line(answer).await;
    Err(if said.is_empty() { PushError::Failed(status) } else { PushError::Refused(status, said) })
}

/// What the server says, fit for a terminal.
async fn first_line(answer: Response<Incoming>) -> String {
    let (mut body, mut read) = (answer.into_body(), Vec::new());
    while read.len() < LONGEST_ANSWER {
        let Some(Ok(frame)) = body.frame().await else { break };
        read.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
    }
    read.truncate(LONGEST_ANSWER);
    let text = String::from_utf8_lossy(&read);
    sanitise(text.trim().lines().next().unwrap_or_default()).into_owned()
}

/// Completes the path of a URL.
fn group(path: &str) -> Result<PathAndQuery, String> {
    let named = ["/metrics/job/", "/metrics/job@base64/"].iter().any(|group| path.contains(group));
    let path = if named { path.to_owned() } else { format!("{}{GROUP}", path.trim_end_matches('/')) };
    path.parse().map_err(|_| "not a URL".to_owned())
}

/// The matcher for proxies knows how to read a user name and a password out of a URL.
fn basic_auth(url: &str) -> Option<HeaderValue> {
    let matcher = Matcher::builder().all(url).build();
    matcher.intercept(&Uri::from_static("https://any"))?.basic_auth().cloned()
}

fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let last = std::iter::successors(Some(error), |error| error.source()).last();
    last.map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests;
