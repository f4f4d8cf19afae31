//! Connections of the HTTP side: bounded in number, and in the time that TLS and a request's header may take.
//!
//! A client that opens connections and says nothing must not cost the server its file descriptors: the platform's
//! sockets and the store need them too. Each connection agrees on TLS in a task of its own, so that one that stalls
//! holds up nobody.

use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::origin::Arrival;
use super::tls::Tls;

/// Open connections at most; further ones wait in the operating system's queue.
pub const CONNECTIONS_MAX: usize = 512;

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

/// Serves until told to shut down, then lets requests under way end. With `tls`, https only.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    router: Router,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let open = Arc::new(Semaphore::new(CONNECTIONS_MAX));
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
        let (tls, router, watcher) = (tls.clone(), router.clone(), graceful.watcher());
        let shutdown = shutdown.clone();
        tokio::spawn(async move {
            match tls {
                None => requests(stream, Arrival { peer, tls: false }, router, watcher).await,
                Some(tls) => {
                    // A request cannot be under way yet: a stop need not wait for it.
                    let agreed = shutdown.run_until_cancelled(agreed(stream, &tls)).await.flatten();
                    if let Some(stream) = agreed {
                        requests(stream, Arrival { peer, tls: true }, router, watcher).await;
                    }
                }
            }
            drop(permit);
        });
    }
    drop(listener);
    graceful.shutdown().await;
    Ok(())
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
async fn requests<S>(stream: S, arrival: Arrival, router: Router, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = TowerToHyperService::new(router.layer(Extension(arrival)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    // Clients break off all the time; whom it concerns has seen it.
    let _ended = watcher.watch(connection).await;
}

#[cfg(test)]
mod tests;
