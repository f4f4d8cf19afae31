//! One WebSocket connection: upgrade against a ticket, pings, orders, and its end.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State as Shared};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use crate::call_log::CallGuard;
use crate::connections::{self, CONNECTIONS_MAX, ORDERS_MAX, Order, Ping};
use crate::envelope::answer;
use crate::faults::FaultAction;
use crate::gateway::Ticket;
use crate::listener::{Peer, StreamControl};
use crate::records::ConnectionPhase;
use crate::request::ApiRequest;
use crate::state::{Inner, State};
use crate::wire::{Event, Wire};

/// Largest frame taken from a client (bytes).
const FRAME_BYTES_MAX: usize = 256 * 1024;
/// How long a closing handshake may take.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);
/// How far away a switched-off timer is set.
const NEVER: Duration = Duration::from_hours(365 * 24);

/// `GET /connect?ticket=`
pub(crate) async fn connect(
    Shared(inner): Shared<Arc<Inner>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let mut request = ApiRequest::new("GET", &uri, &headers, Bytes::new());
    let mut call = CallGuard::arrive(&inner, &mut request);
    match call.judge(&request).await {
        Some(FaultAction::Deny { status, body } | FaultAction::ApplyThenDeny { status, body }) => {
            call.finish(status, None, false);
            return answer(status, &body);
        }
        Some(FaultAction::Cut | FaultAction::ApplyThenCut) => {
            peer.control.reset();
            call.finish(0, None, false);
            return answer(500, &Value::Null);
        }
        Some(FaultAction::Hang) => {
            peer.control.ended().await;
            return answer(500, &Value::Null);
        }
        Some(
            FaultAction::SpaceFails { .. }
            | FaultAction::Delay { .. }
            | FaultAction::AnswerUrl { .. }
            | FaultAction::ExpiredSignature
            | FaultAction::Redirect { .. }
            | FaultAction::ContentType { .. }
            | FaultAction::WrongEncoding
            | FaultAction::SlowBody { .. }
            | FaultAction::EndlessBody
            | FaultAction::CutBody { .. },
        )
        | None => {}
    }
    let full = inner.look(|state| state.connections.len() >= CONNECTIONS_MAX);
    let ticket = inner.change(|state| Ticket::redeem(state, request.query_value("ticket")));
    let Some(ticket) = ticket.filter(|_| !full) else {
        let status = if full { 503 } else { 400 };
        call.finish(status, Some("ticket".to_owned()), false);
        return answer(status, &Value::String("invalid ticket".to_owned()));
    };
    call.finish(101, None, true);
    let control = peer.control;
    upgrade
        .max_message_size(FRAME_BYTES_MAX)
        .on_upgrade(move |socket| async move { Task::start(inner, socket, ticket, control).await })
}

/// Why a connection's task ended.
enum End {
    /// The client sent a close frame.
    ClosedByClient,
    /// The stream ended without a close frame.
    Vanished,
    /// The platform closed it.
    ByPlatform(&'static str),
    /// The platform sent a close frame.
    ClosingByPlatform,
    /// Half-open: nobody reads or writes any more.
    HalfOpen,
}

struct Task {
    inner: Arc<Inner>,
    wire: Wire,
    control: StreamControl,
    number: u64,
    ping: Option<Ping>,
    missed: u32,
    next_ping: Instant,
    next_keepalive: Instant,
    rotate_at: Instant,
    close_at: Instant,
    draining: bool,
}

fn in_ms_or_never(ms: u64) -> Instant {
    Instant::now() + if ms == 0 { NEVER } else { Duration::from_millis(ms) }
}

impl Task {
    async fn start(inner: Arc<Inner>, socket: WebSocket, ticket: Ticket, control: StreamControl) {
        let (orders, inbox) = mpsc::channel(ORDERS_MAX);
        let (number, knobs) = inner.change(|state| {
            let number = connections::register(state, ticket, orders, control.clone());
            (number, state.knobs.clone())
        });
        let mut task = Self {
            inner,
            wire: Wire::new(socket),
            control,
            number,
            ping: None,
            missed: 0,
            next_ping: in_ms_or_never(knobs.ping_interval_ms),
            next_keepalive: in_ms_or_never(knobs.keepalive_interval_ms),
            rotate_at: in_ms_or_never(knobs.rotation_ms),
            close_at: in_ms_or_never(0),
            draining: false,
        };
        if knobs.registered_frame {
            task.say("REGISTERED");
        }
        task.live(inbox).await;
    }

    /// A SYSTEM frame that asks for nothing (dingtalk §2.2).
    fn say(&mut self, topic: &str) {
        let text = self.inner.change(|state| {
            let (_, headers) = system_headers(state, topic);
            connections::frame("SYSTEM", &headers, "{}")
        });
        self.wire.queue(Message::text(text));
    }

    fn send_keepalive(&mut self) -> Option<End> {
        let interval_ms = self.inner.look(|state| state.knobs.keepalive_interval_ms);
        self.next_keepalive = in_ms_or_never(interval_ms);
        self.say("KEEPALIVE");
        None
    }

    async fn live(mut self, mut inbox: mpsc::Receiver<Order>) {
        let end = self.run(&mut inbox).await;
        let Self { inner, wire, control, number, .. } = self;
        let (stale_ms, vanished_ms) = inner.look(|state| (state.knobs.stale_ms, state.knobs.vanished_ms));
        match end {
            End::ClosedByClient => {
                forget(&inner, number, "closed by the client");
                finish_closing(wire).await;
            }
            End::ByPlatform(reason) => {
                forget(&inner, number, reason);
                control.cut();
            }
            End::ClosingByPlatform => {
                forget(&inner, number, "closed by the platform");
                finish_closing(wire).await;
                control.cut();
            }
            End::Vanished => {
                drop(wire);
                linger(&inner, number, &mut inbox, vanished_ms, "ended without a close frame").await;
            }
            End::HalfOpen => {
                linger(&inner, number, &mut inbox, stale_ms, "half-open").await;
                // Keeps the TCP connection open, as a dead middlebox would.
                control.ended().await;
                drop(wire);
            }
        }
    }

    async fn run(&mut self, inbox: &mut mpsc::Receiver<Order>) -> End {
        loop {
            // Reading comes before orders: a flood of pushes must not keep acknowledgements waiting.
            let step = tokio::select! {
                biased;
                () = self.control.ended() => Some(End::Vanished),
                () = sleep_until(self.close_at) => Some(End::ByPlatform("closed after disconnect")),
                () = sleep_until(self.rotate_at), if !self.draining => self.disconnect(true),
                () = sleep_until(self.next_ping), if !self.draining => self.send_ping(),
                () = sleep_until(self.next_keepalive), if !self.draining => self.send_keepalive(),
                event = self.wire.next() => match event {
                    Event::Arrived(message) => self.take(message),
                    Event::Wrote(written) => written.err().map(|_| End::Vanished),
                },
                order = inbox.recv(), if self.wire.has_room() => match order {
                    Some(order) => self.obey(order),
                    None => Some(End::ByPlatform("forgotten")),
                },
            };
            if let Some(end) = step {
                return end;
            }
        }
    }

    fn obey(&mut self, order: Order) -> Option<End> {
        match order {
            // "From that instant it delivers nothing more on that socket" (dingtalk §2.7).
            Order::Frame(_) | Order::Push { .. } | Order::Raw(_) if self.draining => None,
            Order::Frame(text) => {
                self.wire.queue(Message::text(text));
                None
            }
            Order::Push { text, msg_id, duty } => {
                // Noted before the client can see it, so that whoever has read it finds it in the account.
                self.inner.change(|state| state.fuzz.taken(&msg_id, duty));
                self.wire.queue(Message::text(text));
                None
            }
            Order::Raw(message) => {
                self.wire.queue(message);
                None
            }
            Order::Disconnect => self.disconnect(true),
            Order::BareDisconnect => self.disconnect(false),
            Order::HalfOpen => Some(End::HalfOpen),
            Order::Close(code) => {
                let frame = CloseFrame { code, reason: "going away".into() };
                self.wire.queue(Message::Close(Some(frame)));
                Some(End::ClosingByPlatform)
            }
        }
    }

    fn disconnect(&mut self, with_id: bool) -> Option<End> {
        if self.draining {
            return None;
        }
        self.draining = true;
        let (text, grace_ms) = self.inner.change(|state| {
            connections::set_phase(state, self.number, ConnectionPhase::Draining);
            let (_, mut headers) = system_headers(state, "disconnect");
            if let Some(fields) = headers.as_object_mut().filter(|_| !with_id) {
                fields.remove("messageId");
            }
            let data = r#"{"reason":"connection is expired"}"#;
            (connections::frame("SYSTEM", &headers, data), state.knobs.disconnect_grace_ms)
        });
        self.close_at = Instant::now() + Duration::from_millis(grace_ms);
        self.wire.queue(Message::text(text));
        None
    }

    fn send_ping(&mut self) -> Option<End> {
        let (interval_ms, unanswered_max) =
            self.inner.look(|state| (state.knobs.ping_interval_ms, state.knobs.pings_unanswered_max));
        self.next_ping = in_ms_or_never(interval_ms);
        if self.ping.is_some() {
            self.missed = self.missed.saturating_add(1);
            if self.missed >= unanswered_max.max(1) {
                return Some(End::ByPlatform("pings unanswered"));
            }
        }
        let (ping, text) = self.inner.change(|state| {
            let (header_id, headers) = system_headers(state, "ping");
            let data = json!({"opaque": format!("{}-{}", state.hex(3), state.hex(12))}).to_string();
            let text = connections::frame("SYSTEM", &headers, &data);
            connections::note(state, self.number, |record| {
                record.pings_sent = record.pings_sent.saturating_add(1);
            });
            (Ping { header_id, data, sent_at_ms: state.now_ms() }, text)
        });
        self.ping = Some(ping);
        self.wire.queue(Message::text(text));
        None
    }

    fn take(&mut self, message: Option<Message>) -> Option<End> {
        match message {
            None => Some(End::Vanished),
            Some(Message::Close(_)) => Some(End::ClosedByClient),
            Some(Message::Text(text)) => {
                self.receive(text.as_str());
                None
            }
            Some(Message::Binary(bytes)) => {
                self.receive(&String::from_utf8_lossy(&bytes));
                None
            }
            Some(Message::Ping(_)) => {
                self.inner.change(|state| {
                    connections::note(state, self.number, |record| {
                        record.client_pings = record.client_pings.saturating_add(1);
                    });
                });
                None
            }
            Some(Message::Pong(_)) => None,
        }
    }

    fn receive(&mut self, text: &str) {
        let answered =
            self.inner.change(|state| connections::receive(state, self.number, text, self.ping.as_ref()));
        if answered {
            self.ping = None;
            self.missed = 0;
        }
    }
}

fn forget(inner: &Inner, number: u64, reason: &str) {
    inner.change(|state| connections::forget(state, number, reason));
}

/// Exchanges what is left of the closing handshake.
async fn finish_closing(wire: Wire) {
    // A client that does not answer is cut off.
    let _ = tokio::time::timeout(CLOSE_PATIENCE, wire.finish()).await;
}

/// Stays in the routing set without delivering anything.
async fn linger(
    inner: &Inner,
    number: u64,
    inbox: &mut mpsc::Receiver<Order>,
    ms: u64,
    reason: &'static str,
) {
    if ms > 0 {
        inner.change(|state| connections::set_phase(state, number, ConnectionPhase::Stale));
        let swallow_all = async { while inbox.recv().await.is_some() {} };
        tokio::select! {
            biased;
            () = inner.root.cancelled() => {}
            () = sleep(Duration::from_millis(ms)) => {}
            () = swallow_all => {}
        }
    }
    forget(inner, number, reason);
}

fn system_headers(state: &mut State, topic: &str) -> (String, Value) {
    let header_id = format!("system_{}", state.header_id());
    let headers = json!({
        "topic": topic,
        "messageId": header_id,
        "contentType": "application/json",
        "time": state.now_ms().to_string(),
    });
    (header_id, headers)
}
