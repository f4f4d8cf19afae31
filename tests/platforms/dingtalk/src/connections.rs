//! The platform's view of WebSocket connections: routing set, frames, acknowledgements.

use axum::extract::ws::Message;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::fuzz_account::Duty;
use crate::gateway::Ticket;
use crate::listener::StreamControl;
use crate::records::{Ack, ConnectionPhase, ConnectionRecord, ViolationKind};
use crate::state::State;
use crate::{clicks, events};

/// Orders waiting for one connection's task.
pub(crate) const ORDERS_MAX: usize = 4_096;
/// Connections at the same time.
pub(crate) const CONNECTIONS_MAX: usize = 2_000;

/// A connection as the platform sees it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: String,
    pub(crate) app: String,
    pub(crate) app_uuid: String,
    subscriptions: Vec<(String, String)>,
    pub(crate) orders: mpsc::Sender<Order>,
    pub(crate) control: StreamControl,
    pub(crate) phase: ConnectionPhase,
    record: u64,
}

/// What a connection's task is told to do.
#[derive(Debug)]
pub(crate) enum Order {
    /// Send this text frame.
    Frame(String),
    /// Send this text frame, a delivery of a type fuzz, and account for it.
    Push {
        /// The frame.
        text: String,
        /// `msgId`.
        msg_id: String,
        /// What is owed to it.
        duty: Duty,
    },
    /// Send this message, whatever it is.
    Raw(Message),
    /// Like `Disconnect`, but without `messageId` in the frame (dingtalk §2.1).
    BareDisconnect,
    /// Send a SYSTEM `disconnect`, then keep silent, then close.
    Disconnect,
    /// Close with a WebSocket close frame.
    Close(u16),
    /// Stop reading and writing for ever, without closing.
    HalfOpen,
}

impl Order {
    /// Send this object as a text frame.
    pub(crate) fn frame(frame: &Value) -> Self {
        Self::Frame(frame.to_string())
    }
}

/// What can be done to a connection from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disruption {
    /// TCP reset.
    Reset,
    /// TCP FIN without a close frame (clients see 1006).
    Drop,
    /// WebSocket close frame 1001, then close.
    Close,
    /// Stop reading and writing but never close; keeps its share of pushes for the knob `stale_ms`.
    HalfOpen,
    /// SYSTEM `disconnect`, silence, TCP close after the knob `disconnect_grace_ms`.
    Disconnect,
    /// The same, with a `disconnect` frame that has no `messageId`.
    BareDisconnect,
}

/// Registers an established connection; returns its number.
pub(crate) fn register(
    state: &mut State,
    ticket: Ticket,
    orders: mpsc::Sender<Order>,
    control: StreamControl,
) -> u64 {
    if state.knobs.single_connection {
        for connection in state.connections.values().filter(|other| other.app == ticket.app) {
            // A full queue means a dead reader: its own end will come.
            let _ = connection.orders.try_send(Order::Close(1001));
        }
    }
    let id = state.uuid();
    let app_uuid = state.uuid();
    let (record, _) = state.observed.connections.push(ConnectionRecord {
        id: id.clone(),
        app: ticket.app.clone(),
        subscriptions: ticket.subscriptions.iter().map(|(kind, topic)| format!("{kind} {topic}")).collect(),
        ua: ticket.ua,
        opened_at_ms: state.clock.now_ms(),
        phase: ConnectionPhase::Live,
        closed_at_ms: None,
        reason: None,
        pings_sent: 0,
        pings_answered: 0,
        ping_answer_ms_max: 0,
        client_pings: 0,
        pushes: 0,
    });
    let connection = Connection {
        id,
        app: ticket.app,
        app_uuid,
        subscriptions: ticket.subscriptions,
        orders,
        control,
        phase: ConnectionPhase::Live,
        record,
    };
    state.connections.insert(record, connection);
    record
}

/// The connection takes part in routing, or not any more.
pub(crate) fn set_phase(state: &mut State, number: u64, phase: ConnectionPhase) {
    if let Some(connection) = state.connections.get_mut(&number) {
        connection.phase = phase;
    }
    if let Some(record) = state.observed.connections.numbered_mut(number) {
        record.phase = phase;
    }
}

/// The connection leaves the routing set for good.
pub(crate) fn forget(state: &mut State, number: u64, reason: &str) {
    state.connections.remove(&number);
    let now_ms = state.now_ms();
    if let Some(record) = state.observed.connections.numbered_mut(number) {
        record.phase = ConnectionPhase::Closed;
        record.closed_at_ms = Some(now_ms);
        record.reason.get_or_insert_with(|| reason.to_owned());
    }
}

/// Changes the public record of a connection.
pub(crate) fn note(state: &mut State, number: u64, change: impl FnOnce(&mut ConnectionRecord)) {
    if let Some(record) = state.observed.connections.numbered_mut(number) {
        change(record);
    }
}

/// Numbers of the connections that a push of this app and topic may go to.
pub(crate) fn candidates(state: &State, app: &str, kind: &str, topic: &str) -> Vec<u64> {
    let fits = |connection: &Connection| {
        connection.app == app
            && matches!(connection.phase, ConnectionPhase::Live | ConnectionPhase::Stale)
            && connection.subscriptions.iter().any(|(of, name)| of == kind && name == topic)
    };
    state.connections.iter().filter(|(_, connection)| fits(connection)).map(|(number, _)| *number).collect()
}

/// A frame in the platform's envelope (dingtalk §2.1).
pub(crate) fn frame(kind: &str, headers: &Value, data: &str) -> String {
    json!({"specVersion": "1.0", "type": kind, "headers": headers, "data": data}).to_string()
}

/// What a SYSTEM ping waits for.
#[derive(Debug)]
pub(crate) struct Ping {
    pub(crate) header_id: String,
    pub(crate) data: String,
    pub(crate) sent_at_ms: u64,
}

/// A client frame arrived. Returns true when it answered `ping`.
pub(crate) fn receive(state: &mut State, number: u64, text: &str, ping: Option<&Ping>) -> bool {
    let now_ms = state.now_ms();
    let parsed: Option<Value> = serde_json::from_str(text).ok();
    let header_id = parsed.as_ref().and_then(|frame| frame.pointer("/headers/messageId")?.as_str());
    let code = parsed.as_ref().and_then(|frame| frame.get("code")?.as_i64());
    // An SDK acknowledges whatever it got, without an id where there was none.
    let has_no_id = header_id.is_none_or(str::is_empty) && code.is_some();
    let draining = state.connections.get(&number).is_some_and(|one| one.phase == ConnectionPhase::Draining);
    if has_no_id && (draining || state.fuzz.was_used()) {
        return false;
    }
    let (Some(header_id), Some(code)) = (header_id, code) else {
        let detail = format!("connection {number}: no acknowledgement with code and messageId");
        state.observed.violate(now_ms, ViolationKind::MalformedFrame, detail);
        return false;
    };
    if let Some(ping) = ping.filter(|ping| ping.header_id == header_id) {
        let data = parsed.as_ref().and_then(|frame| frame.get("data")?.as_str()).unwrap_or_default();
        // An SDK reads the data and writes it again, with other blanks: the value counts, not its spelling.
        let value = |text: &str| serde_json::from_str::<Value>(text).ok();
        if code != 200 || value(data).is_none() || value(data) != value(&ping.data) {
            state.observed.violate(now_ms, ViolationKind::WrongOpaque, format!("connection {number}"));
            return false;
        }
        let took_ms = now_ms.saturating_sub(ping.sent_at_ms);
        note(state, number, |record| {
            record.pings_answered = record.pings_answered.saturating_add(1);
            record.ping_answer_ms_max = record.ping_answer_ms_max.max(took_ms);
        });
        return true;
    }
    let data = parsed.as_ref().and_then(|frame| frame.get("data")?.as_str()).unwrap_or_default();
    if !acknowledges_other(state, number, header_id, code, data) {
        acknowledge(state, number, header_id, code, now_ms);
    }
    false
}

/// True when the acknowledgement answers a card action or an event.
fn acknowledges_other(state: &mut State, number: u64, header_id: &str, code: i64, data: &str) -> bool {
    let Some(connection) = state.connections.get(&number).map(|connection| connection.id.clone()) else {
        return false;
    };
    clicks::answered(state, header_id, &connection, code, data)
        || events::answered(state, header_id, code, data)
}

fn acknowledge(state: &mut State, number: u64, header_id: &str, code: i64, now_ms: u64) {
    let Some(connection) = state.connections.get(&number).map(|connection| connection.id.clone()) else {
        return;
    };
    let message = state.observed.header_ids.get(header_id).copied();
    let Some(message) = message.filter(|number| state.observed.messages.numbered(*number).is_some()) else {
        if !header_id.starts_with("system_") {
            let detail = format!("{header_id} on connection {connection}");
            state.observed.violate(now_ms, ViolationKind::UnknownMessageId, detail);
        }
        return;
    };
    let swallow = take_swallow(state);
    let ack_ms_max = state.knobs.ack_ms_max;
    let Some(message) = state.observed.messages.numbered_mut(message) else {
        return;
    };
    let Some(delivery) = message.deliveries.iter_mut().find(|delivery| delivery.header_id == header_id)
    else {
        return;
    };
    if delivery.connection.as_deref() != Some(connection.as_str()) {
        let detail = format!("{header_id} went to another connection than {connection}");
        state.observed.violate(now_ms, ViolationKind::WrongConnection, detail);
        return;
    }
    let took_ms = now_ms.saturating_sub(delivery.at_ms);
    let late = ack_ms_max > 0 && took_ms > ack_ms_max && delivery.acked_at_ms.is_none();
    delivery.acked_at_ms.get_or_insert(now_ms);
    if swallow {
        delivery.swallowed = true;
    } else if code == 200 && message.acked.is_none() {
        message.acked = Some(Ack { at_ms: now_ms, connection, header_id: header_id.to_owned() });
        state.fuzz.acked(&message.msg_id);
        if let Some(judge) = &mut state.judge {
            judge.acknowledged(&message.text, state.clock.now_us());
        }
    }
    if late {
        let detail = format!("{header_id} after {took_ms} ms");
        state.observed.violate(now_ms, ViolationKind::LateAck, detail);
    }
}

fn take_swallow(state: &mut State) -> bool {
    if let Some(left) = state.faults.acks_to_swallow.checked_sub(1) {
        state.faults.acks_to_swallow = left;
        return true;
    }
    let rate = state.knobs.swallow_rate;
    state.chance(rate)
}

/// Disrupts one connection (by `connectionId`) or all; returns how many it hit.
pub(crate) fn disrupt(state: &mut State, only: Option<&str>, disruption: Disruption) -> usize {
    let wanted = state.connections.values().filter(|connection| {
        only.is_none_or(|id| connection.id == id)
            && matches!(connection.phase, ConnectionPhase::Live | ConnectionPhase::Draining)
    });
    let mut hit = 0_usize;
    let mut changed = Vec::new();
    for connection in wanted {
        let order = match disruption {
            Disruption::Reset => {
                connection.control.reset();
                None
            }
            Disruption::Drop => {
                connection.control.cut();
                None
            }
            Disruption::Close => Some(Order::Close(1001)),
            Disruption::HalfOpen => Some(Order::HalfOpen),
            Disruption::Disconnect => Some(Order::Disconnect),
            Disruption::BareDisconnect => Some(Order::BareDisconnect),
        };
        if let Some(order) = order {
            // A full queue means that the task is stuck; then the disruption has no effect and is not counted.
            if connection.orders.try_send(order).is_err() {
                continue;
            }
        }
        hit = hit.saturating_add(1);
        changed.push(connection.record);
    }
    // Routing changes at once, not when the connection's task gets to it.
    for number in changed {
        match disruption {
            Disruption::Disconnect | Disruption::BareDisconnect => {
                set_phase(state, number, ConnectionPhase::Draining);
            }
            Disruption::HalfOpen => set_phase(state, number, ConnectionPhase::Stale),
            Disruption::Reset | Disruption::Drop | Disruption::Close => {}
        }
    }
    hit
}
