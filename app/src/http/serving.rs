//! Connections of the HTTP side: bounded in number, and in the time that a request's header may take.
//!
//! A client that opens connections and says nothing must not cost the server its file descriptors: the platform's
//! sockets and the store need them too.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Open connections at most; further ones wait in the operating system's queue.
pub const CONNECTIONS_MAX: usize = 512;

/// How long a client may take for a request's header, and how long a connection may idle between two requests.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(15);

/// Pause after a connection could not be taken, for instance for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves until told to shut down, then lets requests under way end.
pub async fn serve(
    listener: TcpListener,
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
        let connection = graceful.watch(connection(stream, peer, &router));
        tokio::spawn(async move {
            // Clients break off all the time; whom it concerns has seen it.
            let _ended = connection.await;
            drop(permit);
        });
    }
    drop(listener);
    graceful.shutdown().await;
    Ok(())
}

type Connection = http1::Connection<TokioIo<TcpStream>, TowerToHyperService<Router>>;

fn connection(stream: TcpStream, peer: SocketAddr, router: &Router) -> Connection {
    let service = TowerToHyperService::new(router.clone().layer(Extension(ConnectInfo(peer))));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn served() -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<std::io::Result<()>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/", get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() }));
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, router, shutdown.clone()));
        (address, shutdown, serving)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_never_ends_its_header_is_shown_the_door() {
        let (address, _shutdown, _serving) = served().await;
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"GET / HTTP/1.1\r\nX: ").await.unwrap();
        let mut left = Vec::new();
        // In virtual time the pause is over at once; without a time-out this would wait for ever.
        let end = tokio::time::timeout(HEADER_TIMEOUT * 4, slow.read_to_end(&mut left)).await;
        assert!(end.is_ok(), "the connection is still open");
    }

    #[tokio::test]
    async fn an_ordinary_request_is_answered_and_knows_its_peer() {
        let (address, shutdown, serving) = served().await;
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("127.0.0.1:"), "{answer}");
        shutdown.cancel();
        assert!(serving.await.unwrap().is_ok());
    }
}
