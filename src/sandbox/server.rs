//! HTTP/1.1 and HTTP/2 without TLS on a loopback port.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::stream::{self, StreamExt};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, IF_NONE_MATCH, USER_AGENT};
use http::{HeaderMap, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::api::{Api, RecordedRequest, Shared, lock};
use super::document::Document;
use super::engine::Reply;
use super::failure::Failure;
use super::faults::{Canned, Effect, Faults, Seen};
use super::handlers::Watch;
use super::meta;
use super::protobuf;
use super::request::{Call, Credentials, Query, decode};

/// The server's own limit (apiserver's `MaxRequestBodyBytes`).
const LARGEST_BODY: usize = 3 * 1024 * 1024;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Serves until it is aborted; its connections end with it.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>, faults: Arc<Mutex<Faults>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&shared), Arc::clone(&faults)));
                }
                // Out of file descriptors, most likely: some will come free.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>, faults: Arc<Mutex<Faults>>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| handle(Arc::clone(&shared), Arc::clone(&faults), request));
    // A connection that breaks is the client's affair.
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

/// Answers one request. An error closes the connection.
async fn handle(
    shared: Arc<Shared>,
    faults: Arc<Mutex<Faults>>,
    request: Request<Incoming>,
) -> io::Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let accept = header(&parts.headers, ACCEPT.as_str());
    let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
    shared.record(RecordedRequest {
        method: parts.method.to_string(),
        path_and_query: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        accept: accept.clone(),
        content_type: header(&parts.headers, CONTENT_TYPE.as_str()),
        user_agent: header(&parts.headers, USER_AGENT.as_str()),
        body: String::from_utf8_lossy(&body).into_owned(),
    });
    let seen = Seen { method: parts.method.as_str(), path, query, accept: &accept };
    let effects = lock(&faults).striking(&seen);
    let too_large = body.len() > LARGEST_BODY;
    let mut call = Call {
        method: parts.method.to_string(),
        path: decode(path, false),
        query: Query::parse(query),
        accept,
        content_type: header(&parts.headers, CONTENT_TYPE.as_str()),
        user_agent: header(&parts.headers, USER_AGENT.as_str()),
        if_none_match: header(&parts.headers, IF_NONE_MATCH.as_str()),
        credentials: credentials(&parts.headers),
        body: body.to_vec(),
    };
    if call.content_type == protobuf::MEDIA_TYPE
        && let Some(json) = protobuf::to_json(&call.body)
    {
        "application/json".clone_into(&mut call.content_type);
        call.body = json.to_string().into_bytes();
    }
    if too_large {
        let failure =
            Failure::new(413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728");
        return whole(Document::failure(&failure));
    }
    answer(&shared, &call, effects).await
}

fn header(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

fn credentials(headers: &HeaderMap) -> Credentials {
    let text = |value: &http::HeaderValue| value.to_str().ok().map(str::to_owned);
    let authorization = header(headers, AUTHORIZATION.as_str());
    Credentials {
        token: authorization.strip_prefix("Bearer ").map(str::to_owned),
        user: headers.get("impersonate-user").and_then(text),
        groups: headers.get_all("impersonate-group").iter().filter_map(text).collect(),
    }
}

/// Lets the faults strike, in their order, and then the engine answer.
async fn answer(shared: &Arc<Shared>, call: &Call, effects: Vec<Effect>) -> io::Result<Response<Body>> {
    let mut truncated = false;
    let mut instead = None;
    for effect in effects {
        match effect {
            Effect::Answer(canned) => return whole(canned.into()),
            Effect::Hang => std::future::pending().await,
            Effect::Reset => return Err(io::ErrorKind::ConnectionReset.into()),
            Effect::Delay(delay) => tokio::time::sleep(delay).await,
            Effect::Before(hook) => hook(&Api::new(Arc::clone(shared))),
            Effect::Truncate => truncated = true,
            Effect::ApplyThen(canned) => instead = Some(canned),
        }
    }
    let reply = shared.with(|engine| engine.serve(call));
    match (instead, reply) {
        (Some(canned), _) => whole(canned.into()),
        (None, Reply::Document(document)) if truncated => half(&document),
        (None, Reply::Document(document)) => whole(document),
        (None, Reply::Watch(watch)) => streamed(Arc::clone(shared), *watch),
    }
}

impl From<Canned> for Document {
    fn from(canned: Canned) -> Self {
        let Canned { code, content_type, headers, body } = canned;
        Self { code, content_type, headers, body }
    }
}

fn head(code: u16, content_type: &str) -> http::response::Builder {
    Response::builder()
        .status(code)
        .header(CONTENT_TYPE, content_type)
        .header("Audit-Id", meta::new_uid())
        .header("X-Kubernetes-Pf-Flowschema-Uid", "5a6d0000-0000-4000-8000-000000000001")
        .header("X-Kubernetes-Pf-Prioritylevel-Uid", "5a6d0000-0000-4000-8000-000000000002")
}

fn with_headers(document: &Document) -> http::response::Builder {
    let mut head = head(document.code, &document.content_type);
    if !document.headers.iter().any(|(name, _)| name == "Cache-Control") {
        head = head.header("Cache-Control", "no-cache, private");
    }
    document.headers.iter().fold(head, |head, (name, value)| head.header(name, value))
}

fn whole(document: Document) -> io::Result<Response<Body>> {
    let head = with_headers(&document);
    let body =
        Full::new(Bytes::from(document.body)).map_err(|never: Infallible| match never {}).boxed_unsync();
    head.body(body).map_err(io::Error::other)
}

/// Promises the whole body and breaks off in the middle.
fn half(document: &Document) -> io::Result<Response<Body>> {
    let head = with_headers(document).header(CONTENT_LENGTH, document.body.len());
    let first = Bytes::from(document.body[..document.body.len() / 2].to_vec());
    let broken = io::Error::from(io::ErrorKind::ConnectionAborted);
    // The pause lets the first half leave before the connection is cut.
    let cut = stream::once(async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(broken)
    });
    let frames = stream::iter([Ok(Frame::data(first))]).chain(cut);
    head.body(StreamBody::new(frames).boxed_unsync()).map_err(io::Error::other)
}

/// Sends what a watch has to tell until its time is over.
fn streamed(shared: Arc<Shared>, watch: Watch) -> io::Result<Response<Body>> {
    let changed = shared.revision.subscribe();
    let end = tokio::time::Instant::now() + watch.timeout;
    let frames =
        stream::unfold((shared, watch, changed), move |(shared, mut watch, mut changed)| async move {
            loop {
                changed.mark_unchanged();
                let lines = shared.with(|engine| engine.news(&mut watch))?;
                if !lines.is_empty() {
                    let frame = Frame::data(Bytes::from(lines.concat()));
                    return Some((Ok(frame), (shared, watch, changed)));
                }
                tokio::select! {
                    () = tokio::time::sleep_until(end) => return None,
                    alive = changed.changed() => alive.ok()?,
                }
            }
        });
    let head = head(200, "application/json").header("Cache-Control", "no-cache, private");
    head.body(StreamBody::new(frames).boxed_unsync()).map_err(io::Error::other)
}
