//! The HTTP stack under kube's client.
//!
//! kube's own default speaks HTTP/1.1 only and retries 503 for minutes, which is exactly what a dead
//! APIService answers. This one lets HTTP/2 carry a hundred lists over one connection and never retries.

use http::{Request, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::{Client as HyperClient, connect};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ConfigExt};
use kube::config::AuthInfo;
use kube::{Client, Config};
use rustls_pki_types::ServerName;
use tower::filter::AsyncFilterLayer;
use tower::util::MapRequestLayer;
use tower::{BoxError, ServiceBuilder, ServiceExt};

use super::ConfigError;
use super::connection::{self, ProxyError};
use super::plugin::PluginToken;
use super::token::TokenFile;

/// Room for a whole page of metadata per stream, so that the window does not stall a list.
const STREAM_WINDOW: u32 = 2 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;

/// Builds the client for a configuration. Nothing is sent yet.
pub(super) fn client(config: &Config, token: Option<PluginToken>) -> Result<Client, ConfigError> {
    let mut http = HttpConnector::new_with_resolver(tower::service_fn(connection::lookup));
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(config.connect_timeout);
    match &config.proxy_url {
        None => over(config, token, http),
        Some(proxy) if proxy.scheme_str() == Some("http") => {
            let tunnel = tunnel(proxy, http);
            over(config, token, ServiceExt::<Uri>::map_err(tunnel, |error| ProxyError(error.into())))
        }
        Some(proxy) => Err(ConfigError::Invalid(format!(
            "the proxy {proxy} is not an http:// proxy, the only kind that is supported"
        ))),
    }
}

/// The proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY mean for this server. Read here, because kube compares
/// NO_PROXY with the proxy's own address (kube-client's config/file_loader.rs).
pub(super) fn proxy_from_environment(server: &Uri) -> Option<Uri> {
    Matcher::from_env().intercept(server).map(|proxy| proxy.uri().clone())
}

fn tunnel<C>(proxy: &Uri, http: C) -> Tunnel<C> {
    let tunnel = Tunnel::new(proxy.clone(), http);
    // The matcher knows how to read a user name and a password out of a proxy's URL.
    let credentials = Matcher::builder().all(proxy.to_string()).build();
    match credentials.intercept(&Uri::from_static("https://any")).and_then(|via| via.basic_auth().cloned()) {
        Some(header) => tunnel.with_auth(header),
        None => tunnel,
    }
}

/// The token file, where that is what the user of the configuration is known by; kube's order of precedence.
fn token_file(config: &Config) -> Result<Option<TokenFile>, ConfigError> {
    let AuthInfo { auth_provider, username, password, token, token_file, .. } = &config.auth_info;
    let otherwise = auth_provider.is_some() || (username.is_some() && password.is_some()) || token.is_some();
    token_file.as_ref().filter(|_| !otherwise).map(|path| TokenFile::open(path.into())).transpose()
}

fn over<C>(config: &Config, plugin: Option<PluginToken>, connector: C) -> Result<Client, ConfigError>
where
    C: tower::Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: connect::Connection + hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    let tls = config.rustls_client_config().map_err(|error| {
        let system = config.root_cert.is_none() && !config.accept_invalid_certs;
        ConfigError::from_tls(error, system)
    })?;
    let mut builder = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    if let Some(name) = &config.tls_server_name {
        let name = ServerName::try_from(name.clone())
            .map_err(|_| ConfigError::Invalid(format!("{name:?} is not a TLS server name")))?;
        builder = builder.with_server_name_resolver(hyper_rustls::FixedServerNameResolver::new(name));
    }
    let https = builder.enable_all_versions().wrap_connector(connector);
    let hyper = HyperClient::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .build::<_, Body>(https);
    let token_file = token_file(config)?;
    // kube's own reader of token files sends a newline at the end of one, and keeps a token for a minute.
    let auth = match &token_file {
        Some(_) => None,
        None => config.auth_layer().map_err(ConfigError::from_client)?,
    };
    let headers = config.extra_headers_layer().map_err(ConfigError::from_client)?;
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(auth)
        .option_layer(token_file.map(|token| MapRequestLayer::new(move |request| token.authorize(request))))
        .option_layer(plugin.map(|token| {
            AsyncFilterLayer::new(move |request: Request<Body>| token.clone().authorize(request))
        }))
        .layer(headers)
        .map_err(BoxError::from)
        .service(hyper)
        .boxed();
    Ok(Client::new(service, config.default_namespace.clone()))
}
