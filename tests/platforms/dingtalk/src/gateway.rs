//! `connections/open`: credentials and subscriptions against a single-use ticket (dingtalk §1).

use serde_json::{Value, json};

use crate::api::Outcome;
use crate::envelope::ApiError;
use crate::records::OpenRecord;
use crate::request::ApiRequest;
use crate::state::State;

/// Tickets waiting for their connection; the oldest leave.
const TICKETS_MAX: usize = 5_000;
/// Subscriptions of one connection.
const SUBSCRIPTIONS_MAX: usize = 100;
/// Longest text kept of what a client says about itself (characters).
const UA_CHARS_MAX: usize = 200;

/// Topic of robot messages.
pub(crate) const TOPIC_ROBOT: &str = "/v1.0/im/bot/messages/get";

/// A ticket that was not used yet.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    pub(crate) app: String,
    pub(crate) subscriptions: Vec<(String, String)>,
    pub(crate) ua: String,
    valid_until_ms: u64,
}

impl Ticket {
    /// Takes a valid ticket out of circulation.
    pub(crate) fn redeem(state: &mut State, ticket: &str) -> Option<Self> {
        let now_ms = state.now_ms();
        state.tickets.remove(ticket).filter(|found| now_ms < found.valid_until_ms)
    }
}

/// `POST /v1.0/gateway/connections/open`
pub(crate) fn open(state: &mut State, request: &ApiRequest) -> Outcome {
    let client_id = request.text("clientId");
    let client_secret = request.text("clientSecret");
    if client_id.is_empty() || client_secret.is_empty() {
        return Err(ApiError::bad("invalidParameter", "clientId and clientSecret are required"));
    }
    let subscriptions = subscriptions_in(request.field("subscriptions"))?;
    if !state.apps.verify(client_id, client_secret) {
        return Err(ApiError::new(401, "authFailed", "鉴权失败"));
    }
    let rejected = state.knobs.rejected_ua.clone();
    if !rejected.is_empty() && request.text("ua").contains(&rejected) {
        // This answer spells the request id in another way (dingtalk §1.3).
        let body = json!({"code": "invalidParameter", "message": "ua invalid", "requestId": state.uuid()});
        return Err(ApiError::raw(400, "invalidParameter", body));
    }
    let now_ms = state.now_ms();
    state.tickets.retain(|_, ticket| now_ms < ticket.valid_until_ms);
    if state.tickets.len() >= TICKETS_MAX {
        return Err(ApiError::new(503, "serviceBusy", "too many tickets"));
    }
    let id = state.uuid();
    let ticket = Ticket {
        app: client_id.to_owned(),
        subscriptions,
        ua: request.text("ua").chars().take(UA_CHARS_MAX).collect(),
        valid_until_ms: now_ms.saturating_add(state.knobs.ticket_ttl_ms),
    };
    state.tickets.insert(id.clone(), ticket);
    let base = state.url("/connect");
    let endpoint = match base.strip_prefix("https://") {
        Some(rest) => format!("wss://{rest}"),
        None => format!("ws://{}", base.trim_start_matches("http://")),
    };
    Ok(json!({"endpoint": endpoint, "ticket": id}))
}

fn subscriptions_in(field: Option<&Value>) -> Result<Vec<(String, String)>, ApiError> {
    let wrong = |message: &str| ApiError::bad("systemError", message);
    let list = field.and_then(Value::as_array).ok_or_else(|| wrong("系统错误: subscriptions is required"))?;
    if list.is_empty() || list.len() > SUBSCRIPTIONS_MAX {
        return Err(wrong("系统错误: subscriptions is empty or too long"));
    }
    list.iter()
        .map(|entry| {
            let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
            let (kind, topic) = (text("type"), text("topic"));
            match kind {
                "EVENT" if topic != "*" => Err(wrong("系统错误: EVENT accepts the topic * only")),
                "EVENT" | "CALLBACK" | "SYSTEM" if !topic.is_empty() => {
                    Ok((kind.to_owned(), topic.to_owned()))
                }
                _ => Err(wrong("系统错误: a subscription needs a known type and a topic")),
            }
        })
        .collect()
}

/// Notes the request for judges.
pub(crate) fn record_open(state: &mut State, request: &ApiRequest, status: u16, code: Option<String>) {
    let client_id = request.text("clientId").chars().take(UA_CHARS_MAX).collect();
    let at_ms = state.now_ms();
    state.observed.opens.push(OpenRecord { at_ms, client_id, status, code });
}
