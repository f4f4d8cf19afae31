//! Addresses that hold as many connections as they can, over real sockets, and everybody else meanwhile.
//!
//! Nothing here waits for a time-out of the server's: whatever is answered is answered because somebody gave way.

use std::net::{IpAddr, SocketAddr};

use axum::routing::get;
use tokio::net::TcpSocket;

use super::places::PEER_CONNECTIONS_MAX;
use super::tests::{Served, asked, more_files, served_by_tls, served_with, trusting};
use super::*;
use crate::testing::server_section;

/// Generous, and yet less than what the server gives a silent client.
const SOON: Duration = Duration::from_secs(8);

/// More than the buffers of two sockets take in.
static LONG: [u8; 32 << 20] = [b'x'; 32 << 20];

async fn served(server_keys: &str) -> Served {
    more_files();
    let endless = || async {
        let first = futures_util::stream::once(async { Ok::<_, Infallible>("begun") });
        Body::from_stream(futures_util::StreamExt::chain(first, futures_util::stream::pending()))
    };
    let router = Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/healthz", get(|| async { "alive" }))
        .route("/endless", get(endless))
        .route("/long", get(|| async { &LONG[..] }));
    served_with(None, router, Trust::of(&server_section(server_keys))).await
}

/// A connection from one of the loopback addresses.
async fn from(last: u8, server: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(IpAddr::from([127, 0, 0, last]), 0)).unwrap();
    socket.connect(server).await.unwrap()
}

async fn many(
    count: usize,
    last: u8,
    server: SocketAddr,
    says: impl Fn(usize) -> &'static [u8],
) -> Vec<TcpStream> {
    let mut all = Vec::new();
    for number in 0..count {
        let mut stream = from(last, server).await;
        stream.write_all(says(number)).await.unwrap();
        all.push(stream);
    }
    all
}

async fn answer(last: u8, server: SocketAddr) -> String {
    timeout(SOON, async { asked(from(last, server).await).await }).await.expect("it is answered soon")
}

async fn said(last: u8, server: SocketAddr, request: &str) -> String {
    let mut stream = from(last, server).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    timeout(SOON, stream.read_to_string(&mut text)).await.expect("it is answered soon").unwrap();
    text
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut byte = [0];
    matches!(timeout(SOON, stream.read(&mut byte)).await, Ok(Ok(0) | Err(_)))
}

fn is_open(stream: &TcpStream) -> bool {
    let nothing = stream.try_read(&mut [0]);
    matches!(nothing, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

const HALF: &[u8] = b"GET / HTTP/1.1\r\nX: ";
const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn silent_and_slow_connections_of_one_address_take_places_from_each_other_only() {
    let served = served("").await;
    let mut other = from(2, served.address).await;
    other.write_all(HALF).await.unwrap();
    let flood = CONNECTIONS_MAX + 60;
    let mut silent = many(flood, 1, served.address, |number| if number % 2 == 0 { HALF } else { b"" }).await;
    assert!(answer(1, served.address).await.ends_with("hello"), "the address itself is served too");
    assert!(answer(2, served.address).await.ends_with("hello"));
    let (gone, kept) = silent.split_at_mut(flood - PEER_CONNECTIONS_MAX);
    for stream in gone {
        assert!(is_closed(stream).await, "an old one is still open");
    }
    // The last answer's connection took one place more.
    assert_eq!(kept.iter().filter(|stream| is_open(stream)).count(), PEER_CONNECTIONS_MAX - 1);
    other.write_all(b"y\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut text = String::new();
    other.read_to_string(&mut text).await.unwrap();
    assert!(text.ends_with("hello"), "it was there before the flood: {text}");
}

#[tokio::test]
async fn clients_that_read_nothing_count_as_idle() {
    let served = served("").await;
    let request = b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n";
    let stuck = many(PEER_CONNECTIONS_MAX, 1, served.address, |_| request).await;
    for stream in &stuck {
        timeout(SOON, stream.readable()).await.expect("its answer has begun").unwrap();
    }
    assert!(answer(1, served.address).await.ends_with("hello"));
}

#[tokio::test]
async fn while_an_address_is_busy_with_all_its_connections_health_is_answered_and_others_are_served() {
    let served = served("").await;
    let request = b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut busy = many(PEER_CONNECTIONS_MAX, 1, served.address, |_| request).await;
    for stream in &busy {
        timeout(SOON, stream.readable()).await.expect("its answer has begun").unwrap();
    }
    let refusal = answer(1, served.address).await;
    let (head, body) = refusal.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 503") && head.contains("connection: close"), "{head}");
    assert!(
        head.contains("application/problem+json") && body.contains("as many HTTP connections as"),
        "{refusal}"
    );
    // More often than there are places for it, with silent ones in between.
    for _ in 0..HEALTH_CONNECTIONS_MAX * 3 {
        let _silent = from(1, served.address).await;
        assert!(said(1, served.address, HEALTH).await.ends_with("alive"));
    }
    assert!(answer(2, served.address).await.ends_with("hello"));
    busy.pop();
    let again = async { while !answer(1, served.address).await.ends_with("hello") {} };
    timeout(SOON, again).await.expect("a place that is free again is given again");
}

#[tokio::test]
async fn a_full_server_serves_a_new_address_at_once() {
    let served = served("").await;
    let mut all = Vec::new();
    for last in 1..=5 {
        all.push(many(PEER_CONNECTIONS_MAX, last, served.address, |_| HALF).await);
    }
    assert!(answer(9, served.address).await.ends_with("hello"));
    let open = all.iter().flatten().filter(|stream| is_open(stream)).count();
    assert!(open <= CONNECTIONS_MAX, "{open} are open");
}

#[tokio::test]
async fn a_trusted_proxy_may_hold_more_connections_than_a_client() {
    let served = served("trusted_proxies = [\"127.0.0.0/30\"]").await;
    let through = many(PEER_CONNECTIONS_MAX * 2, 1, served.address, |_| HALF).await;
    assert!(answer(1, served.address).await.ends_with("hello"));
    assert!(through.iter().all(is_open));
}

#[tokio::test]
async fn after_a_flood_of_unfinished_handshakes_the_next_client_is_served_at_once() {
    more_files();
    let (served, _tls, certificates, _folder) = served_by_tls().await;
    let mut flood =
        many(
            CONNECTIONS_MAX + 60,
            1,
            served.address,
            |number| if number % 2 == 0 { &[22, 3, 1] } else { b"" },
        )
        .await;
    let next = async { asked(trusting(&certificates, served.address).await.unwrap()).await };
    let answer = timeout(SOON, next).await.expect("it is served soon");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(is_closed(&mut flood[0]).await);
}
