//! An open connection against a scripted peer, in virtual time over a pipe.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, SinkExt, StreamExt};
use serde_json::{Value, json};
use switchboard_domain::channel::{CloseCause, ErrorCode};
use switchboard_domain::content::Content;
use switchboard_domain::message::{Body, Inbound};
use switchboard_domain::time::Timestamp;
use switchboard_domain::usage::{Pace, QuotaRules, Usage, Used};
use switchboard_ports::clock::Clock;
use switchboard_ports::provider::{Ack, ConnectionSink, Meter, Press, Pressed, Signal};
use tokio::io::DuplexStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_util::sync::CancellationToken;

use super::config::StopButton;
use super::frame::ROBOT_TOPIC;
use super::socket::serve;

const PIPE_BYTES: usize = 64 * 1024;

struct StillClock;

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_000)
    }
}

/// Hands signals and offers to the test, which decides.
struct Sink {
    signals: mpsc::UnboundedSender<Signal>,
    offers: mpsc::UnboundedSender<(Inbound, oneshot::Sender<Ack>)>,
    presses: mpsc::UnboundedSender<(Press, oneshot::Sender<Pressed>)>,
}

impl ConnectionSink for Sink {
    fn signal(&self, signal: Signal) {
        let _ = self.signals.send(signal);
    }

    fn offer(&self, message: Inbound) -> BoxFuture<'static, Ack> {
        let (decide, decided) = oneshot::channel();
        self.offers.send((message, decide)).expect("the test listens");
        async move { decided.await.unwrap_or(Ack::Withheld) }.boxed()
    }

    fn press(&self, press: Press) -> BoxFuture<'static, Pressed> {
        let (decide, decided) = oneshot::channel();
        self.presses.send((press, decide)).expect("the test listens");
        async move { decided.await.unwrap_or(Pressed::Withheld) }.boxed()
    }
}

#[derive(Default)]
struct Tally(Mutex<Usage>);

impl Meter for Tally {
    fn count(&self, used: Used) {
        self.0.lock().unwrap().count(used);
    }

    fn performed(&self) {}

    fn refused(&self) {}

    fn pushed(&self, _is_withheld: bool) {}

    fn pace(&self, rules: QuotaRules) -> Pace {
        rules.pace.unwrap_or_default()
    }
}

/// A connection under test, with its peer and its sink.
pub(super) struct Bench {
    peer: WebSocketStream<DuplexStream>,
    signals: mpsc::UnboundedReceiver<Signal>,
    offers: mpsc::UnboundedReceiver<(Inbound, oneshot::Sender<Ack>)>,
    pub(super) presses: mpsc::UnboundedReceiver<(Press, oneshot::Sender<Pressed>)>,
    pub(super) close: CancellationToken,
    tally: Arc<Tally>,
    served: JoinHandle<CloseCause>,
}

impl Bench {
    pub(super) async fn start() -> Self {
        Self::with(PIPE_BYTES, None).await
    }

    async fn with_pipe(bytes: usize) -> Self {
        Self::with(bytes, None).await
    }

    /// A connection of a channel whose cards have a stop button.
    pub(super) async fn with_button() -> Self {
        Self::with(PIPE_BYTES, Some(StopButton { key: Some("canStop".into()), action: "stop".into() })).await
    }

    async fn with(bytes: usize, stop: Option<StopButton>) -> Self {
        let (ours, theirs) = tokio::io::duplex(bytes);
        let config = WebSocketConfig::default().max_message_size(Some(1 << 20)).max_frame_size(Some(1 << 20));
        let socket = WebSocketStream::from_raw_socket(ours, Role::Client, Some(config)).await;
        let peer = WebSocketStream::from_raw_socket(theirs, Role::Server, None).await;
        let (signals, heard) = mpsc::unbounded_channel();
        let (offers, offered) = mpsc::unbounded_channel();
        let close = CancellationToken::new();
        let (presses, decided) = mpsc::unbounded_channel();
        let sink = Arc::new(Sink { signals, offers, presses });
        let tally = Arc::new(Tally::default());
        let meter = Arc::clone(&tally) as Arc<dyn Meter>;
        let served = tokio::spawn(serve(socket, sink, Arc::new(StillClock), meter, stop, close.clone()));
        Self { peer, signals: heard, offers: offered, presses: decided, close, tally, served }
    }

    pub(super) async fn push(&mut self, frame: Value) {
        self.peer.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// The next answer; our own pings are passed over (and ponged by the peer's stack).
    pub(super) async fn answer(&mut self) -> Value {
        loop {
            let message = self.peer.next().await.unwrap().unwrap();
            if let Message::Text(text) = &message {
                return serde_json::from_str(text).unwrap();
            }
            assert!(message.is_ping(), "not an answer: {message:?}");
        }
    }

    /// Whether an answer comes within ten seconds.
    pub(super) async fn answers(&mut self) -> bool {
        timeout(Duration::from_secs(10), self.answer()).await.is_ok()
    }

    /// The next signal that is not `Heard`.
    pub(super) async fn signal(&mut self) -> Signal {
        loop {
            let signal = self.signals.recv().await.unwrap();
            if signal != Signal::Heard {
                return signal;
            }
        }
    }

    /// Whether the next message is a close frame, and then the stream's end.
    pub(super) async fn peer_closes(&mut self) -> bool {
        let closed = matches!(self.peer.next().await, Some(Ok(Message::Close(_))));
        closed && self.peer.next().await.is_none_or(|read| read.is_err())
    }

    pub(super) async fn cause(self) -> CloseCause {
        timeout(Duration::from_mins(1), self.served).await.expect("the connection ends").unwrap()
    }
}

fn robot(push: &str, message: &str) -> Value {
    let data = json!({
        "msgId": message, "conversationId": "cidP1==", "conversationType": "1", "senderId": "$:LWCP_v1:$ann",
        "senderStaffId": "manager807", "msgtype": "text", "text": {"content": "hello"},
    });
    json!({"specVersion": "1.0", "type": "CALLBACK",
        "headers": {"topic": ROBOT_TOPIC, "messageId": push, "time": "7"}, "data": data.to_string()})
}

fn lost(cause: &CloseCause) -> bool {
    matches!(cause, CloseCause::Failed { code: ErrorCode::ConnectionLost, .. })
}

#[tokio::test(start_paused = true)]
async fn a_new_connection_pings_at_once_and_hears_the_pong() {
    let mut bench = Bench::start().await;
    let started = Instant::now();
    assert!(matches!(bench.peer.next().await.unwrap().unwrap(), Message::Ping(_)));
    assert_eq!(Instant::now(), started);
    // Reading drives the peer's stack, which writes the pong.
    let _ = timeout(Duration::from_millis(1), bench.peer.next()).await;
    assert_eq!(bench.signals.recv().await, Some(Signal::Opened));
    assert_eq!(bench.signals.recv().await, Some(Signal::Heard));
}

#[tokio::test(start_paused = true)]
async fn pushes_are_counted_and_what_keeps_the_connection_going_is_not() {
    let mut bench = Bench::start().await;
    let system =
        |topic: &str| json!({"type": "SYSTEM", "headers": {"topic": topic, "messageId": "s"}, "data": "{}"});
    let callback =
        json!({"type": "CALLBACK", "headers": {"topic": "/other", "messageId": "c"}, "data": "{}"});
    let event = json!({"type": "EVENT", "headers": {"topic": "*", "messageId": "e"}, "data": "{}"});
    for frame in
        [robot("p1", "m1"), robot("p2", "m1"), callback, event, system("KEEPALIVE"), json!({"type": "NEWS"})]
    {
        bench.push(frame).await;
    }
    bench.push(system("ping")).await;
    while bench.answer().await["headers"]["messageId"] != "s" {}
    assert_eq!(*bench.tally.0.lock().unwrap(), Usage { api_calls: 0, pushes: 4 });
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_keeps_pinging() {
    let mut bench = Bench::start().await;
    let mut times = Vec::new();
    for _ in 0..4 {
        assert!(matches!(bench.peer.next().await.unwrap().unwrap(), Message::Ping(_)));
        times.push(Instant::now());
    }
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == Duration::from_secs(20)));
}

#[tokio::test(start_paused = true)]
async fn a_system_ping_is_answered_while_the_store_is_stuck() {
    let mut bench = Bench::start().await;
    bench.push(robot("p1", "m1")).await;
    let _undecided = bench.offers.recv().await.unwrap();
    bench
        .push(json!({"type": "SYSTEM", "headers": {"topic": "ping", "messageId": "c0a8_1"},
        "data": "{\"opaque\":\"1\"}"}))
        .await;
    let before = Instant::now();
    let answer = bench.answer().await;
    assert_eq!(answer["headers"]["messageId"], "c0a8_1");
    assert_eq!(answer["data"], "{\"opaque\":\"1\"}");
    assert_eq!(Instant::now(), before);
}

#[tokio::test(start_paused = true)]
async fn offers_come_in_frame_order_and_acks_as_they_are_decided() {
    let mut bench = Bench::start().await;
    for (push, message) in [("p1", "m1"), ("p2", "m2"), ("p3", "m3")] {
        bench.push(robot(push, message)).await;
    }
    let mut decisions = Vec::new();
    for expected in ["m1", "m2", "m3"] {
        let (message, decide) = bench.offers.recv().await.unwrap();
        assert_eq!(message.id.as_str(), expected);
        assert_eq!(message.body, Body::Content(Content::of_text("hello")));
        assert_eq!(message.sent_at, Timestamp::from_millis(7));
        decisions.push(decide);
    }
    let third = decisions.pop().unwrap();
    let second = decisions.pop().unwrap();
    third.send(Ack::Stored).unwrap();
    assert_eq!(bench.answer().await["headers"]["messageId"], "p3");
    second.send(Ack::Withheld).unwrap();
    decisions.pop().unwrap().send(Ack::Stored).unwrap();
    assert_eq!(bench.answer().await["headers"]["messageId"], "p1");
    assert!(!bench.answers().await, "a withheld ack is never sent");
}

#[tokio::test(start_paused = true)]
async fn beyond_1024_messages_without_an_ack_no_more_are_taken() {
    let mut bench = Bench::start().await;
    let mut decisions = Vec::new();
    for number in 0..1_025 {
        bench.push(robot(&format!("p{number}"), &format!("m{number}"))).await;
    }
    while let Ok(Some((_, decide))) = timeout(Duration::from_secs(1), bench.offers.recv()).await {
        decisions.push(decide);
    }
    assert_eq!(decisions.len(), 1_024);
    decisions.pop().unwrap().send(Ack::Stored).unwrap();
    assert_eq!(bench.answer().await["code"], 200);
    bench.push(robot("p-again", "m1024")).await;
    assert_eq!(bench.offers.recv().await.unwrap().0.id.as_str(), "m1024");
}

#[tokio::test(start_paused = true)]
async fn events_are_consumed_and_unknown_topics_are_not_found() {
    let mut bench = Bench::start().await;
    bench.push(json!({"type": "EVENT", "headers": {"topic": "*", "messageId": "e1"}, "data": "{}"})).await;
    assert_eq!(bench.answer().await["data"], "{\"status\":\"SUCCESS\",\"message\":\"success\"}");
    bench
        .push(
            json!({"type": "CALLBACK", "headers": {"topic": "/v1.0/other", "messageId": "c1"}, "data": "{}"}),
        )
        .await;
    assert_eq!(bench.answer().await["code"], 404);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_cannot_be_understood_is_acked_and_reported() {
    let mut bench = Bench::start().await;
    bench
        .push(json!({"type": "CALLBACK", "headers": {"topic": ROBOT_TOPIC, "messageId": "p1"}, "data": "{}"}))
        .await;
    assert_eq!(bench.answer().await["headers"]["messageId"], "p1");
    assert_eq!(bench.signal().await, Signal::Opened);
    assert_eq!(bench.signal().await, Signal::Undecodable);
    bench.peer.send(Message::text("not json")).await.unwrap();
    assert_eq!(bench.signal().await, Signal::Undecodable);
    assert!(!bench.answers().await, "what has no id cannot be acked");
}

#[tokio::test(start_paused = true)]
async fn after_the_platforms_disconnect_acks_still_go_out_and_the_end_is_clean() {
    let mut bench = Bench::start().await;
    bench.push(robot("p1", "m1")).await;
    bench
        .push(json!({"type": "SYSTEM", "headers": {"topic": "disconnect"},
        "data": "{\"reason\":\"connection is expired\"}"}))
        .await;
    let (_, decide) = bench.offers.recv().await.unwrap();
    assert_eq!(bench.signal().await, Signal::Opened);
    assert_eq!(bench.signal().await, Signal::Rotating);
    decide.send(Ack::Stored).unwrap();
    assert_eq!(bench.answer().await["headers"]["messageId"], "p1");
    let Bench { peer, served, .. } = bench;
    drop(peer);
    assert_eq!(served.await.unwrap(), CloseCause::Clean);
}

#[tokio::test(start_paused = true)]
async fn a_cut_connection_is_lost() {
    let Bench { peer, served, .. } = Bench::start().await;
    drop(peer);
    assert!(lost(&served.await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_close_frame_without_announcement_is_a_loss_with_its_code() {
    let mut bench = Bench::start().await;
    bench.peer.close(None).await.unwrap();
    assert!(lost(&bench.cause().await));
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_acks_takes_nothing_more_and_ends_with_a_close_frame() {
    let mut bench = Bench::start().await;
    bench.push(robot("p1", "m1")).await;
    let (_, decide) = bench.offers.recv().await.unwrap();
    bench.close.cancel();
    bench.push(robot("p2", "m2")).await;
    bench
        .push(json!({"type": "SYSTEM", "headers": {"topic": "ping", "messageId": "s1"}, "data": "{}"}))
        .await;
    assert_eq!(bench.answer().await["headers"]["messageId"], "s1");
    sleep(Duration::from_secs(3)).await;
    decide.send(Ack::Stored).unwrap();
    assert_eq!(bench.answer().await["headers"]["messageId"], "p1");
    assert!(bench.peer_closes().await, "a close frame, and the stream ends");
    assert!(bench.offers.try_recv().is_err(), "m2 was not taken");
    assert_eq!(bench.cause().await, CloseCause::Clean);
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_ever() {
    let mut bench = Bench::start().await;
    bench.push(robot("p1", "m1")).await;
    let _undecided = bench.offers.recv().await.unwrap();
    let before = Instant::now();
    bench.close.cancel();
    // The peer never reads: neither the close frame nor its answer can come.
    let Bench { peer, served, .. } = bench;
    assert_eq!(served.await.unwrap(), CloseCause::Clean);
    assert!(before.elapsed() <= Duration::from_secs(17), "took {:?}", before.elapsed());
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_stopped_reading_ends_the_connection() {
    let bench = Bench::with_pipe(8).await;
    let before = Instant::now();
    let Bench { peer, served, .. } = bench;
    let cause = timeout(Duration::from_mins(2), served).await.unwrap().unwrap();
    assert!(lost(&cause));
    assert!(before.elapsed() <= Duration::from_secs(45), "took {:?}", before.elapsed());
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn a_frame_beyond_the_limit_ends_the_connection() {
    let Bench { mut peer, served, .. } = Bench::start().await;
    let _ = peer.send(Message::text("x".repeat((1 << 20) + 1))).await;
    assert!(lost(&served.await.unwrap()));
}
