//! Streams as they come: in halves, slowly, cut, and dropped by us.

use futures_util::StreamExt;
use switchboard_ports::agent::AgentEvent;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::peer::{
    CAP, SSE_HEAD, chat, closed, events, failure, peer, piece, request, said, send, send_chunk,
};

const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const COMPLETED: AgentEvent = AgentEvent::Completed { continuation: None, cut: None };

#[tokio::test]
async fn an_answer_in_single_bytes_is_the_same_answer() {
    let (address, server) = peer(async |mut socket| {
        send(&mut socket, SSE_HEAD).await;
        let body = format!("{}{}{STOP}data: [DONE]\n\n", piece("你好"), piece(", 👋"));
        for byte in body.into_bytes() {
            send_chunk(&mut socket, [byte]).await;
        }
        send(&mut socket, "0\r\n\r\n").await;
    })
    .await;
    let events = events(&chat(&address)).await;
    assert_eq!(events[0], AgentEvent::Started { run: None });
    assert_eq!((said(&events).as_str(), events.last()), ("你好, 👋", Some(&COMPLETED)));
    server.await.unwrap();
}

#[tokio::test]
async fn each_piece_arrives_before_the_next_is_sent() {
    let (next, mut wait) = tokio::sync::mpsc::channel::<()>(1);
    let (address, server) = peer(async move |mut socket| {
        send(&mut socket, SSE_HEAD).await;
        for word in ["one", "two"] {
            wait.recv().await.unwrap();
            send_chunk(&mut socket, piece(word)).await;
        }
        wait.recv().await.unwrap();
        send_chunk(&mut socket, "data: [DONE]\n\n").await;
    })
    .await;
    let mut run = chat(&address).run(request("Hello?"));
    let started = AgentEvent::Started { run: None };
    for expected in
        [started, AgentEvent::Delta("one".to_owned()), AgentEvent::Delta("two".to_owned()), COMPLETED]
    {
        assert_eq!(timeout(CAP, run.next()).await.unwrap(), Some(expected));
        // Nobody listens any more after the last one.
        let _ = next.send(()).await;
    }
    assert_eq!(run.next().await, None);
    server.await.unwrap();
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_middle_is_a_cut_stream() {
    let (address, _server) = peer(async |mut socket| {
        send(&mut socket, SSE_HEAD).await;
        send_chunk(&mut socket, piece("half")).await;
    })
    .await;
    let events = events(&chat(&address)).await;
    assert_eq!(said(&events), "half");
    assert_eq!(failure(&events).0, "agent_cut_stream");
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_reason_to_finish_is_none() {
    let (address, _server) = peer(async |mut socket| {
        send(&mut socket, SSE_HEAD).await;
        send_chunk(&mut socket, format!("{}{STOP}", piece("all"))).await;
    })
    .await;
    assert_eq!(events(&chat(&address)).await.last(), Some(&COMPLETED));
}

#[tokio::test]
async fn a_server_that_never_says_done_is_not_waited_for() {
    let (address, server) = peer(async |mut socket| {
        send(&mut socket, SSE_HEAD).await;
        send_chunk(&mut socket, format!("{}{STOP}", piece("all"))).await;
        closed(socket).await;
    })
    .await;
    assert_eq!(events(&chat(&address)).await.last(), Some(&COMPLETED));
    server.await.unwrap();
}

#[tokio::test]
async fn a_whole_answer_shorter_than_announced_is_a_cut_stream() {
    let (address, _server) = peer(async |mut socket| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n";
        send(&mut socket, format!("{head}{{\"choices\":[")).await;
    })
    .await;
    assert_eq!(failure(&events(&chat(&address)).await).0, "agent_cut_stream");
}

#[tokio::test]
async fn dropping_a_run_in_the_middle_closes_the_connection() {
    let (address, server) = peer(async |mut socket| {
        send(&mut socket, SSE_HEAD).await;
        send_chunk(&mut socket, piece("first")).await;
        closed(socket).await;
    })
    .await;
    let agent = chat(&address);
    let mut run = agent.run(request("Hello?"));
    while timeout(CAP, run.next()).await.unwrap() != Some(AgentEvent::Delta("first".to_owned())) {}
    drop(run);
    server.await.unwrap();
}

#[tokio::test]
async fn dropping_a_run_before_the_answer_begins_closes_the_connection() {
    let (asked, is_asked) = tokio::sync::oneshot::channel();
    let (address, server) = peer(async move |socket: TcpStream| {
        asked.send(()).unwrap();
        closed(socket).await;
    })
    .await;
    let agent = chat(&address);
    let mut run = agent.run(request("Hello?"));
    tokio::select! {
        biased;
        event = run.next() => panic!("nothing can come: {event:?}"),
        asked = is_asked => asked.unwrap(),
    }
    drop(run);
    server.await.unwrap();
}

#[tokio::test]
async fn nothing_is_sent_before_the_first_poll() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let agent = chat(&format!("http://{address}"));
    let run = agent.run(request("Hello?"));
    let ours = TcpStream::connect(address).await.unwrap();
    let (_, first) = listener.accept().await.unwrap();
    assert_eq!(first, ours.local_addr().unwrap());
    drop(run);
}
