//! A small HTTP proxy for tests: CONNECT tunnels and plain requests, counted, with or without a password.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Longest head of a request (bytes).
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// How long a client may take for the head of its request.
const HEAD_PATIENCE: Duration = Duration::from_secs(15);
/// Targets remembered.
const TARGETS_MAX: usize = 10_000;

/// What a proxy is started with.
#[derive(Clone, Debug)]
pub struct ProxyConfig {
    /// Address to listen on; port 0 takes a free one. Default `127.0.0.1:0`.
    pub listen: SocketAddr,
    /// `user:password` that clients must send as Basic authentication; `None` = open to everybody.
    pub credentials: Option<String>,
    /// `host:port` as clients name it to where it really leads, so that fixed addresses reach a simulator.
    pub routes: BTreeMap<String, SocketAddr>,
}

impl Default for ProxyConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 0)), credentials: None, routes: BTreeMap::new() }
    }
}

/// What a proxy saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ProxyCounts {
    /// Tunnels opened (CONNECT answered 200).
    pub tunnels: u64,
    /// Plain requests passed on.
    pub plain: u64,
    /// Requests answered 407.
    pub unauthorized: u64,
    /// Requests refused because the proxy was told to.
    pub refused: u64,
    /// Requests whose target could not be reached, answered 502.
    pub unreachable: u64,
    /// `host:port` of every request that was passed on, oldest first.
    pub targets: Vec<String>,
}

#[derive(Debug)]
struct Shared {
    config: ProxyConfig,
    counts: Mutex<ProxyCounts>,
    /// Status with which everything is refused.
    refusal: watch::Sender<Option<u16>>,
    root: CancellationToken,
}

impl Shared {
    fn counts(&self) -> MutexGuard<'_, ProxyCounts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running proxy. Dropping it stops it and cuts its tunnels.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    address: SocketAddr,
}

impl Proxy {
    /// Starts listening. Needs a tokio runtime.
    pub async fn start(config: ProxyConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            config,
            counts: Mutex::new(ProxyCounts::default()),
            refusal: watch::Sender::new(None),
            root: CancellationToken::new(),
        });
        tokio::spawn(serve(listener, Arc::clone(&shared)));
        Ok(Self { shared, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to write into `HTTPS_PROXY`, without credentials.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it saw so far.
    #[must_use]
    pub fn counts(&self) -> ProxyCounts {
        self.shared.counts().clone()
    }

    /// From now on every request is answered with this status; `None` = served again. Tunnels stay.
    pub fn refuse(&self, status: Option<u16>) {
        self.shared.refusal.send_replace(status);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.root.cancel();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = shared.root.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        if let Ok((stream, _)) = accepted {
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                tokio::select! {
                    biased;
                    () = shared.root.cancelled() => {}
                    // A tunnel that breaks is its two ends' business.
                    _ = handle(stream, &shared) => {}
                }
            });
        }
    }
}

/// The head of a request, and what came after it.
struct Head {
    method: String,
    target: String,
    lines: Vec<String>,
    rest: Vec<u8>,
}

async fn read_head(stream: &mut TcpStream) -> io::Result<Head> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if bytes.len() > HEAD_BYTES_MAX || stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
    };
    let rest = bytes.split_off(end.saturating_add(4));
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let mut lines = text.lines().map(str::to_owned);
    let first = lines.next().unwrap_or_default();
    let mut words = first.split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    Ok(Head { method, target, lines: lines.filter(|line| !line.is_empty()).collect(), rest })
}

async fn handle(mut client: TcpStream, shared: &Shared) -> io::Result<()> {
    let head = tokio::time::timeout(HEAD_PATIENCE, read_head(&mut client)).await??;
    let refusal = *shared.refusal.borrow();
    if let Some(status) = refusal {
        count(&mut shared.counts().refused);
        return answer(&mut client, status, "").await;
    }
    if !authorized(shared, &head) {
        count(&mut shared.counts().unauthorized);
        return answer(&mut client, 407, "Proxy-Authenticate: Basic realm=\"simulated\"\r\n").await;
    }
    let is_tunnel = head.method.eq_ignore_ascii_case("CONNECT");
    let (name, path) =
        if is_tunnel { (head.target.clone(), String::new()) } else { split_target(&head.target) };
    let reached = match shared.config.routes.get(&name) {
        Some(address) => TcpStream::connect(address).await,
        None => TcpStream::connect(&name).await,
    };
    let Ok(mut server) = reached else {
        count(&mut shared.counts().unreachable);
        return answer(&mut client, 502, "").await;
    };
    tracing::info!(target = name, tunnel = is_tunnel, "passed on");
    {
        let mut counts = shared.counts();
        if is_tunnel {
            count(&mut counts.tunnels);
        } else {
            count(&mut counts.plain);
        }
        if counts.targets.len() < TARGETS_MAX {
            counts.targets.push(name);
        }
    }
    if is_tunnel {
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    } else {
        server.write_all(plain_head(&head, &path).as_bytes()).await?;
    }
    server.write_all(&head.rest).await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

fn count(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}

fn authorized(shared: &Shared, head: &Head) -> bool {
    let Some(credentials) = &shared.config.credentials else {
        return true;
    };
    let expected = STANDARD.encode(credentials);
    head.lines.iter().any(|line| {
        let Some((name, value)) = line.split_once(':') else { return false };
        name.eq_ignore_ascii_case("proxy-authorization")
            && value.trim().strip_prefix("Basic ") == Some(&expected)
    })
}

/// `http://host/path` as `host:port` and `/path`.
fn split_target(target: &str) -> (String, String) {
    let bare = target.strip_prefix("http://").unwrap_or(target);
    let (host, path) = match bare.split_once('/') {
        Some((host, path)) => (host, format!("/{path}")),
        None => (bare, "/".to_owned()),
    };
    let name = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    (name, path)
}

/// The head as the server gets it: one request a connection, because the next may have another target.
fn plain_head(head: &Head, path: &str) -> String {
    let mut text = format!("{} {path} HTTP/1.1\r\n", head.method);
    for line in &head.lines {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        if !name.starts_with("proxy-") && name != "connection" {
            text.push_str(line);
            text.push_str("\r\n");
        }
    }
    text.push_str("Connection: close\r\n\r\n");
    text
}

async fn answer(client: &mut TcpStream, status: u16, headers: &str) -> io::Result<()> {
    let text =
        format!("HTTP/1.1 {status} Simulated\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n");
    client.write_all(text.as_bytes()).await?;
    client.shutdown().await
}
