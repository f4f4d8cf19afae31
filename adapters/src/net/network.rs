//! The way out: which authorities are trusted and which proxies stand between, for HTTP clients and sockets alike.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, ClientBuilder};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::authorities::Authorities;
use super::proxy::{Proxies, Proxy};
use super::tunnel::{self, TunnelError};
use super::{ClientError, POOL_IDLE_MAX, POOL_IDLE_TIMEOUT, USER_AGENT, redirects};

/// An open connection: TCP, with a tunnel and TLS in it as the address and the rules want.
pub type Stream = Box<dyn Duplex>;

/// What can be read and written.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// The way out. One value serves the whole process; clones share it.
#[derive(Clone)]
pub struct Network(Arc<Parts>);

struct Parts {
    /// For HTTP clients, which agree on a version of HTTP within TLS.
    http: ClientConfig,
    /// For everything else.
    bare: TlsConnector,
    proxies: Proxies,
}

/// The certificates that are trusted were read when this was made.
impl Network {
    /// With authorities beside the system's, and the rules about proxies.
    pub fn new(authorities: &Authorities, proxies: Proxies) -> Result<Self, ClientError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let bare = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(authorities.with_the_systems())
            .with_no_client_auth();
        let mut http = bare.clone();
        http.alpn_protocols = vec![b"h2".into(), b"http/1.1".into()];
        Ok(Self(Arc::new(Parts { http, bare: TlsConnector::from(Arc::new(bare)), proxies })))
    }

    /// An HTTP client that gives up connecting (name, proxy, TLS) after `connect_timeout` and follows no redirect to
    /// another origin (secrets in headers and bodies stay where they were sent). It has no total time-out: streams are
    /// long; give each bounded request its own.
    pub fn client(&self, connect_timeout: Duration) -> Result<Client, ClientError> {
        Ok(self.builder(connect_timeout).redirect(redirects()).build()?)
    }

    /// What is trusted, for protocols whose clients bring connections of their own.
    #[must_use]
    pub fn trusted(&self) -> Arc<ClientConfig> {
        Arc::clone(self.0.bare.config())
    }

    /// What every client begins with; where it may be redirected to is still to be said.
    pub(super) fn builder(&self, connect_timeout: Duration) -> ClientBuilder {
        let builder = Client::builder()
            .tls_backend_preconfigured(self.0.http.clone())
            .connect_timeout(connect_timeout)
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .pool_max_idle_per_host(POOL_IDLE_MAX)
            .referer(false)
            .user_agent(USER_AGENT);
        self.with_proxies(builder)
    }

    /// The proxies' own names: an HTTP client resolves them by the same means as any other.
    pub(super) fn proxy_names(&self) -> Vec<String> {
        self.0.proxies.names()
    }

    /// The client must never look at the environment by itself: our rules are the only ones.
    fn with_proxies(&self, builder: ClientBuilder) -> ClientBuilder {
        let builder = builder.no_proxy();
        let proxies = &self.0.proxies;
        if proxies.are_none() { builder } else { builder.proxy(proxies.for_http()) }
    }

    /// Connects to the host of an address (`ws`, `wss`), through a proxy where the rules say so, with TLS where the
    /// scheme says so; all of it `within` this time. Safe to cancel: the connection is then dropped.
    pub async fn dial(&self, url: &Url, within: Duration) -> Result<Stream, DialError> {
        let deadline = Instant::now() + within;
        let (host, port) = url
            .host()
            .zip(url.port_or_known_default())
            .ok_or(DialError { stage: Stage::Endpoint, cause: Cause::NoHost })?;
        let stream: Stream = match self.0.proxies.of(url) {
            None => Box::new(Stage::Endpoint.within(deadline, tcp(host.clone(), port)).await?),
            Some(proxy) => self.tunnel(proxy, &format!("{host}:{port}"), deadline).await?,
        };
        if url.scheme() == "wss" {
            Stage::Tls.within(deadline, self.tls(&host, stream)).await
        } else {
            Ok(stream)
        }
    }

    async fn tunnel(&self, proxy: &Proxy, target: &str, deadline: Instant) -> Result<Stream, DialError> {
        let (host, port) = proxy.host().ok_or(DialError { stage: Stage::Proxy, cause: Cause::NoHost })?;
        let stream = Stage::Proxy.within(deadline, tcp(host.clone(), port)).await?;
        let mut stream: Stream = if proxy.is_tls() {
            Stage::ProxyTls.within(deadline, self.tls(&host, stream)).await?
        } else {
            Box::new(stream)
        };
        let opening = tunnel::open(&mut stream, target, proxy.authorization());
        Stage::Tunnel.within(deadline, opening).await?;
        Ok(stream)
    }

    async fn tls<S: Duplex + 'static>(&self, host: &Host<&str>, stream: S) -> Result<Stream, Cause> {
        let name = match host {
            Host::Domain(name) => ServerName::try_from((*name).to_owned()).map_err(|_| Cause::NoHost)?,
            Host::Ipv4(address) => ServerName::from(std::net::IpAddr::V4(*address)),
            Host::Ipv6(address) => ServerName::from(std::net::IpAddr::V6(*address)),
        };
        Ok(Box::new(self.0.bare.connect(name, stream).await?))
    }
}

async fn tcp(host: Host<&str>, port: u16) -> io::Result<TcpStream> {
    let stream = match host {
        Host::Domain(name) => TcpStream::connect((name, port)).await,
        Host::Ipv4(address) => TcpStream::connect((address, port)).await,
        Host::Ipv6(address) => TcpStream::connect((address, port)).await,
    }?;
    // Frames are small and answers are wanted at once.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// No connection was made. Names no address and no credential; fits after "failed to …".
#[derive(Debug, Error)]
#[error("{stage}: {cause}")]
pub struct DialError {
    stage: Stage,
    cause: Cause,
}

/// How far it came.
#[derive(Debug, Clone, Copy)]
enum Stage {
    Endpoint,
    Proxy,
    ProxyTls,
    Tunnel,
    Tls,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Endpoint => "connect to the endpoint",
            Self::Proxy => "connect to the proxy",
            Self::ProxyTls => "agree on TLS with the proxy",
            Self::Tunnel => "get a tunnel from the proxy",
            Self::Tls => "agree on TLS with the endpoint",
        })
    }
}

#[derive(Debug, Error)]
enum Cause {
    #[error("no answer in time")]
    TimedOut,
    #[error("the address has no usable host")]
    NoHost,
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Tunnel(#[from] TunnelError),
}

impl Stage {
    async fn within<T, E: Into<Cause>>(
        self,
        deadline: Instant,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, DialError> {
        let result = timeout_at(deadline, work).await;
        let result = result.map_or(Err(Cause::TimedOut), |result| result.map_err(Into::into));
        result.map_err(|cause| DialError { stage: self, cause })
    }
}
