//! Connections of the HTTP side: bounded in number, for each address and together, and in the time that TLS and a
//! request's header may take.
//!
//! A client that opens connections and says nothing must not cost the server its file descriptors: the platform's
//! sockets and the store need them too. Nor may it keep others out: see `places`. Each connection agrees on TLS in a
//! task of its own, so that one that stalls holds up nobody.

mod places;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderValue, Request, Response, header};
use axum::response::IntoResponse as _;
use axum::{Extension, Router};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::places::{Busy, CONNECTIONS_MAX, HEALTH_CONNECTIONS_MAX, Place, Places};
use super::health;
use super::origin::{Arrival, Trust};
use super::problem::Problem;
use super::tls::Tls;

/// Connections at most that have given their place up and are being closed; then the next one waits for their end.
const CLOSING_MAX: usize = 32;

/// How long a client may take for a request's header, and how long a connection may idle between two requests.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a client may take to agree on TLS.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Pause after a connection could not be taken, for instance for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The first byte of a client that speaks TLS: a handshake record (RFC 8446 §5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// Bytes read from a client that speaks HTTP where https is spoken, so that it gets to read the answer.
const MISTAKEN_BYTES_MAX: u64 = 64 * 1024;

/// What it is told.
const NOT_HTTPS: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 55\r\n\
    connection: close\r\n\r\nthis address speaks https: begin the URL with https://\n";

/// Serves until told to shut down, then lets requests under way end. With `tls`, https only. Addresses that `trust`
/// calls proxies have no share of their own among the connections.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    router: Router,
    trust: Trust,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let open_max = CONNECTIONS_MAX.saturating_add(HEALTH_CONNECTIONS_MAX).saturating_add(CLOSING_MAX);
    let (open, places) = (Arc::new(Semaphore::new(open_max)), Arc::new(Places::default()));
    let graceful = GracefulShutdown::new();
    while let Some(permit) = shutdown.run_until_cancelled(Arc::clone(&open).acquire_owned()).await {
        let Ok(permit) = permit else { break };
        let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await else { break };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "failed to take an HTTP connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Nothing that is idle could make room: the connection is closed.
        let Some(place) = places.take(peer.ip(), trust.trusts(peer.ip().to_canonical())) else { continue };
        let place = Arc::new(place);
        let connection = Connection { place: Arc::clone(&place), tls: tls.clone(), router: router.clone() };
        let (watcher, shutdown) = (graceful.watcher(), shutdown.clone());
        tokio::spawn(async move {
            let served = connection.serve(stream, peer, watcher, &shutdown);
            place.gives_way().run_until_cancelled(served).await;
            drop(permit);
        });
    }
    drop(listener);
    graceful.shutdown().await;
    Ok(())
}

/// What a connection needs.
struct Connection {
    place: Arc<Place>,
    tls: Option<Arc<Tls>>,
    router: Router,
}

impl Connection {
    /// Serves it until it ends.
    async fn serve(
        self,
        stream: TcpStream,
        peer: std::net::SocketAddr,
        watcher: Watcher,
        shutdown: &CancellationToken,
    ) {
        let Self { place, tls, router } = self;
        match tls {
            None => requests(stream, Arrival { peer, tls: false }, router, place, watcher).await,
            Some(tls) => {
                // A request cannot be under way yet: a stop need not wait for it.
                let agreed = shutdown.run_until_cancelled(agreed(stream, &tls)).await.flatten();
                if let Some(stream) = agreed {
                    requests(stream, Arrival { peer, tls: true }, router, place, watcher).await;
                }
            }
        }
    }
}

/// The stream within TLS; `None` where the client does not agree on it in time.
async fn agreed(stream: TcpStream, tls: &Tls) -> Option<tokio_rustls::server::TlsStream<TcpStream>> {
    let agreeing = async {
        let mut first = [0];
        if stream.peek(&mut first).await.ok()? == 1 && first != [HANDSHAKE_RECORD] {
            mistaken(stream).await;
            return None;
        }
        tls.acceptor().accept(stream).await.ok()
    };
    timeout(HANDSHAKE_TIMEOUT, agreeing).await.ok().flatten()
}

/// Answers somebody who forgot the `s`.
async fn mistaken(mut stream: TcpStream) {
    if stream.write_all(NOT_HTTPS).await.is_ok() && stream.shutdown().await.is_ok() {
        // Closing with bytes unread would take the answer back.
        let _ = tokio::io::copy(&mut stream.take(MISTAKEN_BYTES_MAX), &mut tokio::io::sink()).await;
    }
}

/// Answers the requests of a connection until it ends.
async fn requests<S>(stream: S, arrival: Arrival, router: Router, place: Arc<Place>, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let inner = TowerToHyperService::new(router.layer(Extension(arrival)));
    let service = service_fn(move |request: Request<Incoming>| {
        let answering = match place.begin() {
            Some(busy) if !place.is_for_health() || health::is_asked(&request) => {
                Some((inner.call(request), busy))
            }
            Some(_) | None => None,
        };
        async move {
            let Some((answering, busy)) = answering else { return Ok(crowded()) };
            let answer = answering.await?;
            Ok::<_, Infallible>(answer.map(|body| Answer { body, _busy: Some(busy) }))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    // Clients break off all the time; whom it concerns has seen it.
    let _ended = watcher.watch(connection).await;
}

/// For whom there is no place but to ask after the server's health.
fn crowded() -> Response<Answer> {
    let detail =
        "the server, or this address, has as many HTTP connections as it may have: close some or try again";
    let mut response = Problem::unavailable(detail).into_response();
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response.map(|body| Answer { body, _busy: None })
}

/// An answer's body. While it lasts, its connection is busy; what the network still has to take does not count, for a
/// client that reads nothing would be busy for ever.
struct Answer {
    body: Body,
    _busy: Option<Busy>,
}

impl HttpBody for Answer {
    type Data = <Body as HttpBody>::Data;
    type Error = <Body as HttpBody>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod crowds;
#[cfg(test)]
mod tests;
