use std::sync::Arc;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::super::tests::{cleared, failed};
use super::*;

/// A request as it arrived.
#[derive(Debug)]
struct Arrived {
    line: String,
    headers: Vec<String>,
    body: String,
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

/// Takes one request and gives this answer.
async fn gateway(answer: &'static str) -> (String, JoinHandle<Arrived>) {
    let (listener, address) = listen().await;
    let served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream, answer).await
    });
    (address, served)
}

async fn serve(mut stream: TcpStream, answer: &str) -> Arrived {
    let mut reader = BufReader::new(&mut stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).await.unwrap();
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    reader.read_exact(&mut body).await.unwrap();
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let line = head.remove(0);
    Arrived { line, headers: head, body: String::from_utf8(body).unwrap() }
}

const TAKEN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

fn at(url: &str) -> Gateway {
    url.parse().unwrap()
}

#[tokio::test]
async fn metrics_are_posted_as_text_to_the_group_of_the_job() {
    let (address, served) = gateway(TAKEN).await;
    at(&format!("http://{address}")).push(&cleared()).await.unwrap();
    let arrived = served.await.unwrap();
    assert_eq!(arrived.line, "POST /metrics/job/nsfix HTTP/1.1");
    assert_eq!(arrived.body, cleared().encode(None).unwrap());
    for header in [format!("host: {address}"), "content-type: text/plain; version=0.0.4".to_owned()] {
        assert!(arrived.headers.contains(&header), "{header}: {arrived:?}");
    }
    assert!(!arrived.headers.iter().any(|header| header.starts_with("authorization")), "{arrived:?}");
}

#[tokio::test]
async fn a_run_that_failed_leaves_the_last_success_of_the_group_alone() {
    let (address, served) = gateway(TAKEN).await;
    at(&format!("http://{address}")).push(&failed()).await.unwrap();
    let arrived = served.await.unwrap();
    assert!(arrived.line.starts_with("POST "), "{arrived:?}");
    assert!(arrived.body.contains("nsfix_last_run_timestamp_seconds"), "{arrived:?}");
    assert!(!arrived.body.contains("nsfix_last_success_timestamp_seconds"), "{arrived:?}");
}

#[tokio::test]
async fn a_user_name_and_a_password_are_sent_and_never_shown() {
    let (address, served) = gateway("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").await;
    let gateway = at(&format!("http://rodrigo:p%40ss@{address}"));
    let error = gateway.push(&cleared()).await.unwrap_err();
    let arrived = served.await.unwrap();
    // rodrigo:p@ss
    assert!(arrived.headers.contains(&"authorization: Basic cm9kcmlnbzpwQHNz".to_owned()), "{arrived:?}");
    let expected =
        format!("unable to push the metrics to http://{address}/metrics/job/nsfix: HTTP 401 Unauthorized");
    assert_eq!(error.to_string(), expected);
    for shown in [format!("{gateway} {gateway:?}"), format!("{error:?}")] {
        assert!(!shown.contains("p%40ss") && !shown.contains("rodrigo"), "{shown}");
    }
}

#[tokio::test]
async fn a_refusal_is_said_in_one_line_that_a_terminal_can_take() {
    let answer = "HTTP/1.1 400 Bad Request\r\ncontent-length: 26\r\n\r\n\x1b[2Jinconsistent\nand more\n";
    let (address, served) = gateway(answer).await;
    let error = at(&format!("http://{address}")).push(&cleared()).await.unwrap_err().to_string();
    served.await.unwrap();
    assert!(error.ends_with(": HTTP 400 Bad Request: \\u{1b}[2Jinconsistent"), "{error}");
}

#[tokio::test]
async fn an_answer_without_an_end_is_read_only_so_far() {
    let answer: &'static str = Box::leak(
        format!("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 9000000\r\n\r\n{}", "a".repeat(100_000))
            .into_boxed_str(),
    );
    let (address, served) = gateway(answer).await;
    let error = at(&format!("http://{address}")).push(&cleared()).await.unwrap_err().to_string();
    served.abort();
    assert!(error.ends_with(&format!("Unavailable: {}", "a".repeat(LONGEST_ANSWER))), "{error}");
}

#[tokio::test]
async fn a_gateway_that_never_answers_is_given_up() {
    let (listener, address) = listen().await;
    let gateway = at(&format!("http://{address}"));
    let error = gateway.push_within(Duration::from_millis(50), &cleared()).await.unwrap_err().to_string();
    drop(listener);
    assert!(error.ends_with(": no answer within 0.05s"), "{error}");
}

#[tokio::test]
async fn nobody_there_is_an_error_with_its_cause() {
    let (listener, address) = listen().await;
    drop(listener);
    let error = at(&format!("http://{address}")).push(&cleared()).await.unwrap_err().to_string();
    assert!(error.contains("refused"), "{error}");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_not_accepted() {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let (listener, address) = listen().await;
    let handshake = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        acceptor.accept(stream).await.is_ok()
    });
    let error = at(&format!("https://{address}")).push(&cleared()).await.unwrap_err().to_string();
    handshake.abort();
    assert!(error.starts_with(&format!("unable to push the metrics to https://{address}/")), "{error}");
    assert!(error.contains("certificate"), "{error}");
}

#[test]
fn the_url_may_end_and_begin_as_people_write_it() {
    for (url, pushed_to) in [
        ("http://gateway:9091", "http://gateway:9091/metrics/job/nsfix"),
        ("http://gateway:9091/", "http://gateway:9091/metrics/job/nsfix"),
        ("https://example.com/push/gateway/", "https://example.com/push/gateway/metrics/job/nsfix"),
        ("http://[::1]:9091", "http://[::1]:9091/metrics/job/nsfix"),
        ("http://a:b@gateway", "http://gateway/metrics/job/nsfix"),
        ("http://gateway/metrics/job/night/cluster/blue", "http://gateway/metrics/job/night/cluster/blue"),
        ("http://gateway/metrics/job@base64/bg", "http://gateway/metrics/job@base64/bg"),
    ] {
        assert_eq!(at(url).to_string(), pushed_to, "{url}");
    }
}

#[test]
fn what_is_no_url_of_a_gateway_is_refused() {
    for url in [
        "",
        "gateway",
        "gateway:9091",
        "/metrics",
        "ftp://gateway",
        "http://",
        "http://:9091",
        "http://g?a=b",
    ] {
        assert!(url.parse::<Gateway>().is_err(), "{url:?}");
    }
}
