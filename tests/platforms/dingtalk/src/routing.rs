//! Which connection a push goes to, and the frame it goes in (dingtalk §2.1, §2.9).

use rand::RngExt;
use serde_json::{Map, Value, json};

use crate::connections::{self, Order};
use crate::fuzz;
use crate::gateway::TOPIC_ROBOT;
use crate::records::ConnectionPhase;
use crate::state::State;

/// A push before it has a connection.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    kind: &'static str,
    topic: &'a str,
    /// Headers besides the usual ones.
    headers: Map<String, Value>,
    data: &'a str,
}

impl<'a> Outgoing<'a> {
    /// A CALLBACK.
    pub(crate) fn callback(topic: &'a str, data: &'a str) -> Self {
        Self { kind: "CALLBACK", topic, headers: Map::new(), data }
    }

    /// An EVENT with its own headers.
    pub(crate) fn event(headers: Map<String, Value>, data: &'a str) -> Self {
        Self { kind: "EVENT", topic: "*", headers, data }
    }
}

/// Where a push went.
#[derive(Debug)]
pub(crate) struct Routed {
    pub(crate) number: u64,
    pub(crate) connection: String,
    pub(crate) header_id: String,
}

/// Sends a push to one of the app's subscribed connections, chosen at random; `None` = there is none.
pub(crate) fn route(state: &mut State, app: &str, outgoing: &Outgoing<'_>) -> Option<Routed> {
    let candidates = connections::candidates(state, app, outgoing.kind, outgoing.topic);
    if candidates.is_empty() {
        return None;
    }
    let number = candidates.get(state.rng.random_range(0..candidates.len())).copied()?;
    let header_id = state.header_id();
    let time = state.now_ms().to_string();
    let connection = state.connections.get(&number)?;
    let mut headers = json!({
        "contentType": "application/json",
        "messageId": header_id,
        "time": time,
        "topic": outgoing.topic,
    });
    if let Some(fields) = headers.as_object_mut() {
        if outgoing.kind == "CALLBACK" {
            fields.insert("appId".to_owned(), json!(connection.app_uuid));
            fields.insert("connectionId".to_owned(), json!(connection.id));
        }
        fields.extend(outgoing.headers.clone());
    }
    let (orders, id) = (connection.orders.clone(), connection.id.clone());
    let frame =
        json!({"specVersion": "1.0", "type": outgoing.kind, "headers": headers, "data": outgoing.data});
    let messages = if outgoing.topic == TOPIC_ROBOT {
        fuzz::disturb(state, frame, &header_id)
    } else {
        vec![Order::frame(&frame)]
    };
    if messages.iter().any(|order| matches!(order, Order::BareDisconnect)) {
        // Routing changes at once, not when the connection's task gets to it.
        connections::set_phase(state, number, ConnectionPhase::Draining);
    }
    for order in messages {
        // A full queue loses the frame, as a full socket buffer would; the redelivery clock runs. A push of a type fuzz
        // is accounted for only when the connection has taken it.
        let _ = orders.try_send(order);
    }
    Some(Routed { number, connection: id, header_id })
}
