//! Faults between client and server, and the log.

use std::time::Duration;

use http_body_util::BodyExt;
use serde_json::json;

use super::{METADATA_LIST, bare, create_configmap, exists, get, http, open, terminating};
use crate::sandbox::{Canned, Fault, Matcher, Options, Sandbox};

#[tokio::test]
async fn a_canned_answer_strikes_as_often_as_it_is_told() {
    let sandbox = bare().await;
    let busy = Canned::text(429, "Too many requests, please try again later.\n").header("Retry-After", "1");
    sandbox.inject(Fault::answer(Matcher::new("GET", "/api/v1/namespaces").skip(1).times(1), busy));
    assert_eq!(get(&sandbox, "/api/v1/namespaces").await.code, 200);
    let struck = get(&sandbox, "/api/v1/namespaces").await;
    assert_eq!((struck.code, struck.header("retry-after")), (429, "1"));
    assert!(struck.header("content-type").starts_with("text/plain"));
    assert_eq!(get(&sandbox, "/api/v1/namespaces").await.code, 200);
}

#[tokio::test]
async fn a_write_can_happen_although_the_answer_is_a_timeout() {
    let sandbox = bare().await;
    let api = sandbox.api();
    terminating(&api, "n");
    let timeout =
        Canned::status(504, "Timeout", "Timeout: request did not complete within the allotted timeout");
    sandbox.inject(Fault::apply_then(Matcher::new("PUT", "/api/v1/namespaces/n/finalize").once(), timeout));
    let body = json!({"metadata": {"name": "n"}, "spec": {}}).to_string();
    let headers = [("Content-Type", "application/json")];
    assert_eq!(http(&sandbox, "PUT", "/api/v1/namespaces/n/finalize", &headers, &body).await.code, 504);
    assert!(!exists(&api, "/api/v1/namespaces/n"));
}

#[tokio::test]
async fn a_hang_never_answers_and_shutdown_ends_it() {
    let sandbox = bare().await;
    sandbox.inject(Fault::hang(Matcher::new("*", "/version")));
    let waiting = tokio::time::timeout(Duration::from_millis(100), get(&sandbox, "/version")).await;
    assert!(waiting.is_err());
    sandbox.clear_faults();
    assert_eq!(get(&sandbox, "/version").await.code, 200);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_reset_gives_no_answer_and_a_truncation_half_of_one() {
    let sandbox = bare().await;
    sandbox.inject(Fault::reset(Matcher::new("GET", "/version").once()));
    assert!(open(&sandbox, "GET", "/version", &[], "").await.is_err());
    sandbox.inject(Fault::truncate(Matcher::new("GET", "/version").once()));
    let half = open(&sandbox, "GET", "/version", &[], "").await.unwrap();
    assert!(half.into_body().collect().await.is_err());
}

#[tokio::test]
async fn html_comes_from_whoever_is_in_between() {
    let sandbox = bare().await;
    sandbox.inject(Fault::answer(Matcher::new("GET", "/api"), Canned::html(200)));
    let answer = get(&sandbox, "/api/v1/namespaces").await;
    assert!(answer.header("content-type").starts_with("text/html"));
}

#[tokio::test]
async fn something_can_happen_just_before_a_request() {
    let sandbox = bare().await;
    terminating(&sandbox.api(), "n");
    sandbox.inject(Fault::before(Matcher::new("PUT", "/api/v1/namespaces/n").once(), |api| {
        api.patch("/api/v1/namespaces/n", &json!({"metadata": {"labels": {"a": "b"}}})).unwrap();
    }));
    let body = get(&sandbox, "/api/v1/namespaces/n").await.text;
    let headers = [("Content-Type", "application/json")];
    assert_eq!(http(&sandbox, "PUT", "/api/v1/namespaces/n/finalize", &headers, &body).await.code, 409);
}

#[tokio::test]
async fn metadata_can_be_unacceptable_and_later_pages_expired() {
    let sandbox = bare().await;
    let api = sandbox.api();
    create_configmap(&api, "default", "a", &[]);
    create_configmap(&api, "default", "b", &[]);
    sandbox.inject(Fault::no_metadata("/api/v1/configmaps"));
    assert_eq!(http(&sandbox, "GET", "/api/v1/configmaps", &[("Accept", METADATA_LIST)], "").await.code, 406);
    sandbox.inject(Fault::expired_pages("/api/v1/configmaps"));
    let page = get(&sandbox, "/api/v1/configmaps?limit=1").await.json();
    let token = page["metadata"]["continue"].as_str().unwrap();
    assert_eq!(get(&sandbox, &format!("/api/v1/configmaps?limit=1&continue={token}")).await.code, 410);
}

#[tokio::test]
async fn requests_over_http_are_recorded_and_those_inside_are_not() {
    let sandbox = bare().await;
    sandbox.api().list("/api/v1/pods").unwrap();
    http(&sandbox, "GET", "/api/v1/pods?limit=5", &[("User-Agent", "test/1")], "").await;
    let requests = sandbox.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].path_and_query, "/api/v1/pods?limit=5");
    assert_eq!(requests[0].user_agent, "test/1");
    sandbox.forget_requests();
    assert_eq!(sandbox.requests(), []);
}

#[tokio::test]
async fn http_2_without_tls_is_spoken_too() {
    use hyper_util::rt::{TokioExecutor, TokioIo};
    let sandbox = bare().await;
    let address = sandbox.url().replace("http://", "");
    let stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.unwrap();
    tokio::spawn(connection);
    let body = http_body_util::Empty::<hyper::body::Bytes>::new();
    let request = hyper::Request::get(format!("{}/version", sandbox.url())).body(body).unwrap();
    assert_eq!(sender.send_request(request).await.unwrap().status(), 200);
}

#[tokio::test]
async fn dropped_it_serves_no_more() {
    let sandbox = Sandbox::start(Options::empty()).await.unwrap();
    let address = sandbox.url().replace("http://", "");
    drop(sandbox);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(tokio::net::TcpStream::connect(&address).await.is_err());
}

#[tokio::test]
async fn the_kubeconfig_points_at_it() {
    let sandbox = bare().await;
    let config = sandbox.kubeconfig();
    assert!(config.contains(&format!("server: {}", sandbox.url())));
    assert!(config.contains("current-context: nsfix-sandbox"));
}
