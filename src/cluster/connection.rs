//! Why there was no answer: the causes of an error, told apart by their types.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use dns_lookup::{AddrInfoHints, LookupErrorKind, SockType};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::dns::Name;
use kube::client::AuthError;
use rustls::CertificateError;

use super::ApiError;
use super::plugin::PluginError;

/// A name could not be resolved, in Go's words (net/net.go: DNSError).
#[derive(Debug, thiserror::Error)]
#[error("dial tcp: lookup {host}: {why}")]
pub(super) struct LookupError {
    host: String,
    why: String,
}

/// The system's resolver. hyper-util's own has the C library's text alone to say why it failed.
pub(super) async fn lookup(name: Name) -> Result<std::vec::IntoIter<SocketAddr>, LookupError> {
    let host = name.as_str().to_owned();
    let found = tokio::task::spawn_blocking(move || resolve(name.as_str())).await;
    let found = found.unwrap_or_else(|ended| Err(io::Error::from(ended).into()));
    found.map(Vec::into_iter).map_err(|error| LookupError { host, why: unresolved(error) })
}

fn resolve(host: &str) -> Result<Vec<SocketAddr>, dns_lookup::LookupError> {
    // Without a type every address comes once for each type of socket.
    let hints = AddrInfoHints { socktype: SockType::Stream.into(), ..AddrInfoHints::default() };
    let found = dns_lookup::getaddrinfo(Some(host), None, Some(hints))?;
    Ok(found.map(|found| found.map(|found| found.sockaddr)).collect::<io::Result<_>>()?)
}

fn unresolved(error: dns_lookup::LookupError) -> String {
    match error.kind() {
        LookupErrorKind::NoName | LookupErrorKind::NoData => "no such host".to_owned(),
        LookupErrorKind::Again => "temporary failure in name resolution".to_owned(),
        _ => io::Error::from(error).to_string(),
    }
}

/// The proxy could not be reached, or does not lead to the server.
#[derive(Debug, thiserror::Error)]
#[error("proxy: {0}")]
pub(super) struct ProxyError(#[source] pub(super) tower::BoxError);

/// Why TLS failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFailure {
    /// The certificate has expired, or is not valid yet.
    NotNow,
    /// No trusted authority has signed the certificate.
    UnknownAuthority,
    /// The certificate is for other names.
    OtherName,
    /// The server does not speak TLS.
    NotTls,
    /// Anything else.
    Other,
}

/// kubectl's sentence for a request that got no answer.
pub(super) fn error(error: kube::Error, server: &str, proxy: Option<&str>) -> ApiError {
    let (server, what) = (server.to_owned(), root_cause(&error));
    let unreachable =
        |said: String, error: kube::Error| ApiError::Unreachable { said, source: Arc::new(error) };
    if let Some(said) = find::<PluginError>(&error).map(ToString::to_string) {
        return ApiError::Credentials { said, source: Arc::new(error) };
    }
    if find::<AuthError>(&error).is_some() {
        return ApiError::Credentials { said: what, source: Arc::new(error) };
    }
    if let Some((failure, said)) = find::<rustls::Error>(&error).map(tls) {
        return ApiError::Tls { failure, said, source: Arc::new(error) };
    }
    // Only what happens before there is a connection to the server is the proxy's doing.
    if find::<ProxyError>(&error).is_some() {
        let proxy = proxy.unwrap_or_default();
        return unreachable(
            format!("Unable to connect to the server: proxyconnect tcp: {proxy}: {what}"),
            error,
        );
    }
    if let Some(lookup) = find::<LookupError>(&error) {
        return unreachable(format!("Unable to connect to the server: {lookup}"), error);
    }
    if find::<hyper::Error>(&error).is_some_and(hyper::Error::is_parse) {
        return ApiError::NotKubernetes { server, what: "it does not speak HTTP".to_owned() };
    }
    if find::<io::Error>(&error).is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
        let said = format!(
            "The connection to the server {server} was refused - did you specify the right host or port?"
        );
        return unreachable(said, error);
    }
    let connected = find::<legacy::Error>(&error).is_some_and(|error| !error.is_connect());
    if connected || find::<io::Error>(&error).is_some_and(|error| is_lost(error.kind())) {
        return ApiError::BrokenOff { server, what, source: Arc::new(error) };
    }
    unreachable(format!("Unable to connect to the server: {what}"), error)
}

fn is_lost(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(kind, BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

fn tls(error: &rustls::Error) -> (TlsFailure, String) {
    let rustls::Error::InvalidCertificate(certificate) = error else {
        // What comes back from a server that answers in plain HTTP.
        return if matches!(error, rustls::Error::InvalidMessage(_)) {
            (TlsFailure::NotTls, "the server does not speak TLS".to_owned())
        } else {
            (TlsFailure::Other, error.to_string())
        };
    };
    let (failure, why) = match certificate {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            (TlsFailure::NotNow, "it has expired".to_owned())
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            (TlsFailure::NotNow, "it is not valid yet".to_owned())
        }
        CertificateError::UnknownIssuer => {
            (TlsFailure::UnknownAuthority, "signed by an unknown authority".to_owned())
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            (TlsFailure::OtherName, certificate.to_string())
        }
        CertificateError::Other(other) if is_self_signed(&*other.0) => {
            (TlsFailure::UnknownAuthority, "it is self-signed, and its authority is not trusted".to_owned())
        }
        other => (TlsFailure::Other, other.to_string()),
    };
    (failure, format!("failed to verify certificate: {why}"))
}

fn is_self_signed(error: &(dyn Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

/// An error and its causes. An io error that wraps another error leaves that one out of its `source`.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        let error: &'a (dyn Error + 'static) = *error;
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|error| error as &(dyn Error + 'static)).or_else(|| error.source())
    })
}

/// The first of the causes that is of this type.
pub(super) fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// The last of the causes, in words.
pub(super) fn root_cause(error: &(dyn Error + 'static)) -> String {
    let Some(last) = chain(error).last() else { return String::new() };
    match last.downcast_ref::<io::Error>() {
        // Without the number that the system has for it.
        Some(error) if error.raw_os_error().is_some() => error.kind().to_string(),
        _ => last.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cause: impl Into<tower::BoxError>) -> ApiError {
        error(kube::Error::Service(cause.into()), "h:1", Some("p:2"))
    }

    fn of_certificate(error: CertificateError) -> (TlsFailure, String) {
        // As hyper-rustls wraps it.
        let inner = io::Error::new(io::ErrorKind::InvalidData, rustls::Error::InvalidCertificate(error));
        match of(io::Error::other(inner)) {
            ApiError::Tls { failure, said, .. } => (failure, said),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn certificates_are_told_apart_by_type() {
        let said = |error| of_certificate(error).1;
        assert_eq!(said(CertificateError::Expired), "failed to verify certificate: it has expired");
        assert_eq!(of_certificate(CertificateError::UnknownIssuer).0, TlsFailure::UnknownAuthority);
        assert_eq!(of_certificate(CertificateError::NotValidForName).0, TlsFailure::OtherName);
        assert_eq!(of_certificate(CertificateError::NotValidYet).0, TlsFailure::NotNow);
        let own = rustls::OtherError(Arc::new(webpki::Error::CaUsedAsEndEntity));
        assert_eq!(of_certificate(CertificateError::Other(own)).0, TlsFailure::UnknownAuthority);
    }

    #[test]
    fn words_that_look_like_another_failure_mislead_nobody() {
        let misleading = io::Error::other("certificate tls dns error parse");
        assert!(matches!(of(misleading), ApiError::Unreachable { .. }));
    }

    #[test]
    fn what_fails_before_the_server_is_reached_is_the_proxys() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let said = of(ProxyError(refused.into())).to_string();
        assert_eq!(said, "Unable to connect to the server: proxyconnect tcp: p:2: connection refused");
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_is_told_in_kubectls_words() {
        // Too long for a name, so that no name server has to be there to say so.
        let host = "a".repeat(64);
        let unknown = lookup(host.parse().unwrap()).await.unwrap_err();
        let expected = format!("dial tcp: lookup {host}: no such host");
        assert_eq!(unknown.to_string(), expected);
        assert_eq!(of(unknown).to_string(), format!("Unable to connect to the server: {expected}"));
        let unknown = lookup(host.parse().unwrap()).await.unwrap_err();
        let said = of(ProxyError(unknown.into())).to_string();
        assert_eq!(said, format!("Unable to connect to the server: proxyconnect tcp: p:2: {expected}"));
    }

    #[tokio::test]
    async fn a_name_that_exists_is_found_once_for_each_address() {
        let found: Vec<SocketAddr> = lookup("localhost".parse().unwrap()).await.unwrap().collect();
        assert!(found.iter().all(|address| address.ip().is_loopback()), "{found:?}");
        let once: std::collections::HashSet<_> = found.iter().collect();
        assert!(!found.is_empty() && once.len() == found.len(), "{found:?}");
    }

    #[test]
    fn a_connection_that_was_lost_leaves_a_write_unknown() {
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        assert!(of(reset).leaves_write_unknown());
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert!(!of(refused).leaves_write_unknown());
    }

    #[test]
    fn the_cause_stays_within_reach() {
        let error = of(io::Error::from(io::ErrorKind::ConnectionRefused));
        let source = error.source().unwrap();
        assert!(source.downcast_ref::<Arc<kube::Error>>().is_some(), "{source:?}");
    }
}
