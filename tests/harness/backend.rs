//! A server for the API server to call: webhooks, and aggregated APIs that misbehave.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What is answered to a request.
pub enum Reply {
    /// This JSON with this status.
    Json(u16, Value),
    /// A body of this content type.
    Text(u16, &'static str, String),
    /// Nothing.
    Hang,
}

/// Method, path, body.
pub type Answering = fn(&str, &str, &Value) -> Reply;

/// What is wrong with its certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Certificate {
    Good,
    Expired,
    OtherName,
}

/// A server on loopback. Its task ends with the test's runtime.
pub struct Backend {
    pub port: u16,
    /// The PEM of its authority, in base64, as `caBundle` has it.
    pub ca_bundle: String,
}

impl Backend {
    pub async fn start(certificate: Certificate, answering: Answering) -> Self {
        let (config, ca) = configuration(certificate);
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move { serve(stream, acceptor, answering).await });
            }
        });
        Self { port, ca_bundle: base64::engine::general_purpose::STANDARD.encode(ca) }
    }

    /// The `clientConfig` of a webhook that it answers for.
    pub fn client_config(&self, path: &str) -> Value {
        json!({"url": format!("https://127.0.0.1:{}/{path}", self.port), "caBundle": self.ca_bundle})
    }
}

fn configuration(certificate: Certificate) -> (rustls::ServerConfig, String) {
    let authority_key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = params.self_signed(&authority_key).expect("a certificate");
    let issuer = rcgen::Issuer::new(params, authority_key);
    let name = if certificate == Certificate::OtherName { "elsewhere.example.com" } else { "127.0.0.1" };
    let mut params = rcgen::CertificateParams::new([name.to_owned()]).expect("a name");
    if certificate == Certificate::Expired {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    }
    let key = rcgen::KeyPair::generate().expect("a key");
    let made = params.signed_by(&key, &issuer).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.der().clone()], key)
        .expect("a TLS configuration");
    (config, authority.pem())
}

async fn serve(stream: TcpStream, acceptor: tokio_rustls::TlsAcceptor, answering: Answering) {
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut words = head.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse::<usize>().ok()
    });
    let mut body = vec![0; length.unwrap_or_default()];
    if stream.read_exact(&mut body).await.is_err() {
        return;
    }
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let (status, content_type, text) = match answering(method, path, &body) {
        Reply::Json(status, value) => (status, "application/json", value.to_string()),
        Reply::Text(status, content_type, text) => (status, content_type, text),
        Reply::Hang => return tokio::time::sleep(Duration::from_secs(120)).await,
    };
    let answer = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
        text.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// An AdmissionReview's answer that lets the request through, with a JSON patch where one is given.
pub fn review(body: &Value, patch: Option<&Value>) -> Reply {
    let mut response = json!({"uid": body["request"]["uid"], "allowed": true});
    if let Some(patch) = patch {
        response["patchType"] = json!("JSONPatch");
        response["patch"] = json!(base64::engine::general_purpose::STANDARD.encode(patch.to_string()));
    }
    Reply::Json(
        200,
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}),
    )
}
