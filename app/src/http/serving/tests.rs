//! Clients that are slow, silent, mistaken, or many; with and without TLS.

use std::net::SocketAddr;
use std::path::Path;

use axum::routing::get;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::testing::certificates::{Certificates, server_with};

pub(super) struct Served {
    pub(super) address: SocketAddr,
    shutdown: CancellationToken,
    serving: tokio::task::JoinHandle<std::io::Result<()>>,
}

async fn served(tls: Option<Arc<Tls>>) -> Served {
    let said = |Extension(arrival): Extension<Arrival>| async move { format!("{arrival:?}") };
    served_with(tls, Router::new().route("/", get(said)), Trust::default()).await
}

pub(super) async fn served_with(tls: Option<Arc<Tls>>, router: Router, trust: Trust) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, tls, router, trust, shutdown.clone()));
    Served { address, shutdown, serving }
}

/// A server with a fresh certificate, the files it stands in, and a client that trusts them.
pub(super) async fn served_by_tls() -> (Served, Arc<Tls>, Certificates, TempDir) {
    let (certificates, folder) = (Certificates::default(), tempfile::tempdir().unwrap());
    write(&certificates, folder.path());
    let tls = Arc::new(Tls::load(&server_with(folder.path()).tls.unwrap()).unwrap());
    (served(Some(Arc::clone(&tls))).await, tls, certificates, folder)
}

fn write(certificates: &Certificates, folder: &Path) {
    std::fs::write(folder.join("cert.pem"), &certificates.cert).unwrap();
    std::fs::write(folder.join("key.pem"), &certificates.key).unwrap();
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

pub(super) async fn asked(mut client: impl AsyncRead + AsyncWrite + Unpin) -> String {
    client.write_all(REQUEST).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    answer
}

pub(super) async fn trusting(
    certificates: &Certificates,
    address: SocketAddr,
) -> std::io::Result<TlsStream<TcpStream>> {
    let connector = TlsConnector::from(certificates.client());
    let stream = TcpStream::connect(address).await?;
    connector.connect(address.ip().into(), stream).await
}

/// Waits for the other side's end; without a time-out this would wait for ever.
async fn is_closed(mut stream: TcpStream, within: Duration) -> bool {
    let mut left = Vec::new();
    tokio::time::timeout(within, stream.read_to_end(&mut left)).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_ends_its_header_is_shown_the_door() {
    let served = served(None).await;
    let mut slow = TcpStream::connect(served.address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nX: ").await.unwrap();
    // In virtual time the pause is over at once.
    assert!(is_closed(slow, HEADER_TIMEOUT * 4).await, "the connection is still open");
}

#[tokio::test]
async fn an_ordinary_request_is_answered_and_knows_its_peer() {
    let served = served(None).await;
    let answer = asked(TcpStream::connect(served.address).await.unwrap()).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("127.0.0.1:"), "{answer}");
    assert!(answer.contains("tls: false"), "{answer}");
    served.shutdown.cancel();
    assert!(served.serving.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_request_by_tls_is_answered_and_knows_it() {
    let (served, _tls, certificates, _folder) = served_by_tls().await;
    let answer = asked(trusting(&certificates, served.address).await.unwrap()).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("tls: true"), "{answer}");
    served.shutdown.cancel();
    assert!(served.serving.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_client_that_forgets_the_s_is_told() {
    let (served, _tls, _certificates, _folder) = served_by_tls().await;
    let answer = asked(TcpStream::connect(served.address).await.unwrap()).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 400") && body.contains("https://"), "{answer}");
    assert!(head.contains(&format!("content-length: {}", body.len())), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stalls_in_the_handshake_holds_up_nobody_and_is_shown_the_door() {
    let (served, _tls, certificates, _folder) = served_by_tls().await;
    let silent = TcpStream::connect(served.address).await.unwrap();
    let mut halfway = TcpStream::connect(served.address).await.unwrap();
    halfway.write_all(&[HANDSHAKE_RECORD, 3, 1, 2, 0, 1]).await.unwrap();
    let begun = tokio::time::Instant::now();
    let answer = asked(trusting(&certificates, served.address).await.unwrap()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(begun.elapsed() < HANDSHAKE_TIMEOUT, "others do not wait");
    assert!(is_closed(silent, HANDSHAKE_TIMEOUT * 4).await);
    assert!(is_closed(halfway, HANDSHAKE_TIMEOUT * 4).await);
}

/// Both ends of the flood are in this process.
pub(super) fn more_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
}

#[tokio::test]
async fn a_stop_does_not_wait_for_unfinished_handshakes() {
    let (served, _tls, certificates, _folder) = served_by_tls().await;
    let silent = TcpStream::connect(served.address).await.unwrap();
    // Once a later one is served, the earlier one has been taken.
    asked(trusting(&certificates, served.address).await.unwrap()).await;
    served.shutdown.cancel();
    let ended = tokio::time::timeout(HANDSHAKE_TIMEOUT / 2, served.serving).await;
    assert!(ended.unwrap().unwrap().is_ok());
    assert!(is_closed(silent, HANDSHAKE_TIMEOUT).await);
}

#[tokio::test]
async fn a_reload_changes_the_certificate_and_a_bad_one_changes_nothing() {
    let (served, tls, old, folder) = served_by_tls().await;
    let new = Certificates::default();
    assert!(trusting(&new, served.address).await.is_err());

    std::fs::write(folder.path().join("cert.pem"), &new.cert).unwrap();
    let refusal = tls.reload().unwrap_err().to_string();
    assert!(refusal.contains("server.tls_key: the key does not belong to the certificate"), "{refusal}");
    assert!(trusting(&old, served.address).await.is_ok());

    write(&new, folder.path());
    let kept = trusting(&old, served.address).await.unwrap();
    tls.reload().unwrap();
    assert!(trusting(&new, served.address).await.is_ok());
    assert!(trusting(&old, served.address).await.is_err());
    assert!(asked(kept).await.starts_with("HTTP/1.1 200"), "an open connection goes on");
}
