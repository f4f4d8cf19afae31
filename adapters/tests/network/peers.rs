//! What stands on the other side: an authority, servers with its certificates, and an HTTP proxy.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use switchboard_adapters::net::{Authorities, Duplex, Exceptions, Network, Proxies, Proxy, Stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Message;

/// Nothing here takes nearly as long; whatever does has failed.
pub(crate) const CAP: Duration = Duration::from_secs(20);

/// How many there are.
static AUTHORITIES: AtomicUsize = AtomicUsize::new(0);

/// An authority that no system knows.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Default for Authority {
    fn default() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Authorities are told apart by their names first.
        let number = AUTHORITIES.fetch_add(1, Ordering::Relaxed);
        params.distinguished_name.push(DnType::CommonName, format!("authority {number}"));
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }
}

impl Authority {
    /// TLS as a host of this name.
    pub(crate) fn host(&self, name: &str) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    /// As a company's file.
    pub(crate) fn trusted(&self) -> Authorities {
        Authorities::from_pem(self.pem.as_bytes()).unwrap()
    }
}

/// The way out with these authorities, one proxy for everything, and what goes past it.
pub(crate) fn network(authorities: &Authorities, proxy: &str, exceptions: &str) -> Network {
    let proxy = Proxy::parse(proxy).unwrap();
    let proxies = Proxies::new(proxy.clone(), proxy, Exceptions::parse(exceptions).unwrap());
    Network::new(authorities, proxies).unwrap()
}

async fn wrapped(stream: TcpStream, tls: Option<&TlsAcceptor>) -> Option<Stream> {
    match tls {
        None => Some(Box::new(stream)),
        Some(tls) => tls.accept(stream).await.ok().map(|stream| Box::new(stream) as Stream),
    }
}

async fn head(stream: &mut impl Duplex) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

/// A server that answers each request with `hello` and hangs up.
pub(crate) async fn http_server(tls: Option<TlsAcceptor>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let tls = tls.clone();
            tokio::spawn(async move {
                let Some(mut stream) = wrapped(stream, tls.as_ref()).await else { return };
                if head(&mut stream).await.is_some() {
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello";
                    let _ = stream.write_all(answer).await;
                    let _ = stream.shutdown().await;
                }
            });
        }
    });
    address
}

/// A WebSocket server that says what it is told.
pub(crate) async fn socket_server(tls: Option<TlsAcceptor>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let tls = tls.clone();
            tokio::spawn(async move {
                let Some(stream) = wrapped(stream, tls.as_ref()).await else { return };
                let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
                while let Some(Ok(message)) = socket.next().await {
                    if matches!(message, Message::Text(_)) {
                        let _ = socket.send(message).await;
                    }
                }
            });
        }
    });
    address
}

/// How a proxy behaves.
#[derive(Clone, Default)]
pub(crate) struct Manners {
    /// The `Proxy-Authorization` it wants.
    pub(crate) authorization: Option<&'static str>,
    /// A status with which it refuses everything.
    pub(crate) refuses: Option<u16>,
    /// It takes connections and requests, and never answers.
    pub(crate) hangs: bool,
    /// TLS with the proxy itself.
    pub(crate) tls: Option<TlsAcceptor>,
}

/// An HTTP proxy that alone knows where its hosts are.
pub(crate) struct TestProxy {
    pub(crate) address: SocketAddr,
    hosts: Arc<Mutex<BTreeMap<String, SocketAddr>>>,
    asked: watch::Receiver<Vec<String>>,
}

impl TestProxy {
    pub(crate) async fn start(manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let hosts: Arc<Mutex<BTreeMap<String, SocketAddr>>> = Arc::default();
        let (told, asked) = watch::channel(Vec::new());
        let (told, known) = (Arc::new(told), Arc::clone(&hosts));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, manners.clone(), Arc::clone(&known), Arc::clone(&told)));
            }
        });
        Self { address, hosts, asked }
    }

    /// Makes a host known, by `HOST:PORT`.
    pub(crate) fn knows(&self, host: &str, at: SocketAddr) {
        self.hosts.lock().unwrap().insert(host.to_owned(), at);
    }

    /// The first lines of all requests so far, refused ones too.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }

    /// Waits until somebody has asked for something.
    pub(crate) async fn was_asked(&self) {
        let mut asked = self.asked.clone();
        tokio::time::timeout(CAP, asked.wait_for(|asked| !asked.is_empty())).await.unwrap().unwrap();
    }
}

async fn serve(
    stream: TcpStream,
    manners: Manners,
    hosts: Arc<Mutex<BTreeMap<String, SocketAddr>>>,
    asked: Arc<watch::Sender<Vec<String>>>,
) {
    let Some(mut stream) = wrapped(stream, manners.tls.as_ref()).await else { return };
    let Some(head) = head(&mut stream).await else { return };
    let line = head.lines().next().unwrap().to_owned();
    asked.send_modify(|asked| asked.push(line.clone()));
    if manners.hangs {
        return std::future::pending().await;
    }
    let header = |line: &str| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("proxy-authorization").then(|| value.to_owned())
    };
    let given = head.lines().find_map(header);
    let is_denied = manners.authorization.is_some_and(|wanted| given.as_deref() != Some(wanted));
    if let Some(status) = manners.refuses.or(is_denied.then_some(407)) {
        let answer = format!("HTTP/1.1 {status} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        let _ = stream.write_all(answer.as_bytes()).await;
        return;
    }
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let host = match method {
        "CONNECT" => target.to_owned(),
        _ => format!("{}:80", target.split('/').nth(2).unwrap()),
    };
    let at = hosts.lock().unwrap().get(&host).copied();
    let mut upstream = TcpStream::connect(at.unwrap_or_else(|| panic!("{host} is known"))).await.unwrap();
    if method == "CONNECT" {
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
    } else {
        upstream.write_all(head.as_bytes()).await.unwrap();
    }
    let _ = copy_bidirectional(&mut stream, &mut upstream).await;
}
