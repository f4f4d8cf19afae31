//! Agents, requests, and an HTTP peer whose every byte a test decides.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use switchboard_adapters::agents::kinds;
use switchboard_adapters::net::{Authorities, Network, Proxies};
use switchboard_domain::time::Timestamp;
use switchboard_ports::agent::{Agent, AgentEvent, RunRequest};
use switchboard_ports::agents::AgentConfig;
use switchboard_ports::clock::Clock;
pub(crate) use switchboard_ports::conformance::samples::agent as config;
use switchboard_ports::conformance::samples::question;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Nothing here takes nearly as long; whatever does has failed.
pub(crate) const CAP: Duration = Duration::from_secs(20);

pub(crate) const SSE_HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        // Sun, 06 Nov 1994 12:00:00 GMT.
        Timestamp::from_millis(784_123_200_000)
    }
}

pub(crate) fn try_build(config: &AgentConfig) -> Result<Arc<dyn Agent>, (String, String)> {
    build_behind(config, Proxies::default())
}

/// An agent that is reached by these rules.
pub(crate) fn build_behind(
    config: &AgentConfig,
    proxies: Proxies,
) -> Result<Arc<dyn Agent>, (String, String)> {
    let network = Network::new(&Authorities::default(), proxies).unwrap();
    kinds(Arc::new(Noon), &network)[config.kind.as_str()].build(config)
}

pub(crate) fn build(config: &AgentConfig) -> Arc<dyn Agent> {
    try_build(config).unwrap()
}

/// A chat agent at this address.
pub(crate) fn chat(base_url: &str) -> Arc<dyn Agent> {
    build(&config("openai-chat", base_url))
}

/// A question of somebody.
pub(crate) fn request(text: &str) -> RunRequest {
    question("zhang3", text)
}

/// All events of one run.
pub(crate) async fn events(agent: &Arc<dyn Agent>) -> Vec<AgentEvent> {
    timeout(CAP, agent.run(request("Hello?")).collect()).await.expect("a run that ends")
}

/// The failure a run ends in: its name, its detail and its pause.
pub(crate) fn failure(events: &[AgentEvent]) -> (&'static str, String, Option<Duration>) {
    match events.last() {
        Some(AgentEvent::Failed { failure, detail }) => {
            (failure.kind.as_str(), detail.clone(), failure.retry_after)
        }
        other => panic!("no failure: {other:?}"),
    }
}

/// The text of all deltas.
pub(crate) fn said(events: &[AgentEvent]) -> String {
    events
        .iter()
        .filter_map(|event| if let AgentEvent::Delta(text) = event { Some(text.as_str()) } else { None })
        .collect()
}

/// An address, and a task that takes one connection, reads its request and hands the socket to `answer`.
pub(crate) async fn peer<F, T>(
    answer: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> (String, JoinHandle<T>)
where
    F: Future<Output = T> + Send,
    T: Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/v1", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        read_request(&mut socket).await;
        answer(socket).await
    });
    (address, task)
}

async fn read_request(socket: &mut TcpStream) {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte).await.unwrap();
        seen.push(byte[0]);
    }
    let head = String::from_utf8(seen).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    socket.read_exact(&mut body).await.unwrap();
}

/// Sends bytes as they are.
pub(crate) async fn send(socket: &mut TcpStream, bytes: impl AsRef<[u8]>) {
    socket.write_all(bytes.as_ref()).await.unwrap();
    socket.flush().await.unwrap();
}

/// Sends one chunk of a chunked body.
pub(crate) async fn send_chunk(socket: &mut TcpStream, bytes: impl AsRef<[u8]>) {
    let bytes = bytes.as_ref();
    let chunk = [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    send(socket, chunk).await;
}

/// Waits until the other side closed.
pub(crate) async fn closed(mut socket: TcpStream) {
    let mut rest = Vec::new();
    // A reset is a close, too.
    let _ = timeout(CAP, socket.read_to_end(&mut rest)).await.expect("the connection to be closed");
}

/// A streamed piece with this content.
pub(crate) fn piece(content: &str) -> String {
    format!("data: {}\n\n", serde_json::json!({ "choices": [{ "delta": { "content": content } }] }))
}
