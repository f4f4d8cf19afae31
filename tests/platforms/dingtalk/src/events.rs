//! Events over Stream: pushed, answered with `SUCCESS` or `LATER`, repeated twice, then failed (dingtalk §2.4, §2.6).

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use crate::api::Outcome;
use crate::request::ApiRequest;
use crate::routing::{self, Outgoing};
use crate::state::{Inner, State};

/// Attempts at one event (dingtalk §2.6).
const ATTEMPTS_MAX: usize = 3;
/// Entries of one answer of the failed list.
const FAILED_LIST_MAX: usize = 200;

/// An event as it happens in the organisation.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlatformEvent {
    /// Client id of the app it is for.
    pub app: String,
    /// `eventType`, for example `robot_msg_recall`.
    pub event_type: String,
    /// `data`.
    #[serde(default)]
    pub data: Map<String, Value>,
    /// `eventId`; `None` = a new one.
    #[serde(default)]
    pub event_id: Option<String>,
}

/// One event and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct EventRecord {
    /// `eventId`; the same in every attempt.
    pub event_id: String,
    /// `eventType`.
    pub event_type: String,
    /// Client id.
    pub app: String,
    /// When it happened (ms since the epoch).
    pub at_ms: u64,
    /// Attempts so far.
    pub attempts: Vec<EventAttempt>,
    /// What became of it.
    pub outcome: EventOutcome,
    #[serde(skip)]
    data: String,
}

/// One attempt to deliver an event.
#[derive(Clone, Debug, Serialize)]
pub struct EventAttempt {
    /// When (ms since the epoch).
    pub at_ms: u64,
    /// `headers.messageId`; `None` = nobody was subscribed.
    pub header_id: Option<String>,
    /// Connection it went to.
    pub connection: Option<String>,
    /// `status` of the answer; empty when the answer had none.
    pub status: Option<String>,
    /// The answer said that the event was consumed.
    pub consumed: bool,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventOutcome {
    /// Attempts remain, or one is running.
    Open,
    /// Consumed.
    Consumed,
    /// All attempts failed: it is in the failed list.
    Failed,
}

/// Makes an event happen; returns its number in [`crate::Observed::events`].
pub(crate) fn happen(inner: &Arc<Inner>, event: PlatformEvent) -> Option<u64> {
    let number = inner.change(|state| {
        state.apps.named(&event.app)?;
        let event_id = event.event_id.unwrap_or_else(|| state.hex(32));
        let at_ms = state.now_ms();
        let data = Value::Object(event.data).to_string();
        let (number, _) = state.observed.events.push(EventRecord {
            event_id,
            event_type: event.event_type,
            app: event.app,
            at_ms,
            attempts: Vec::new(),
            outcome: EventOutcome::Open,
            data,
        });
        Some(number)
    })?;
    inner.runtime.spawn(deliver(Arc::clone(inner), number));
    Some(number)
}

async fn deliver(inner: Arc<Inner>, number: u64) {
    for attempt in 0..ATTEMPTS_MAX {
        let consumed = try_once(&inner, number).await;
        if inner.root.is_cancelled() {
            return;
        }
        let pause_ms = inner.change(|state| {
            let pauses = [state.knobs.event_first_retry_ms, state.knobs.event_second_retry_ms];
            let record = state.observed.events.numbered_mut(number)?;
            if consumed {
                record.outcome = EventOutcome::Consumed;
                return None;
            }
            let pause = pauses.get(attempt).copied();
            if pause.is_none() {
                record.outcome = EventOutcome::Failed;
            }
            pause
        });
        let Some(pause_ms) = pause_ms else { return };
        tokio::select! {
            biased;
            () = inner.root.cancelled() => return,
            () = sleep(Duration::from_millis(pause_ms)) => {}
        }
    }
}

/// One attempt; true when it was consumed.
async fn try_once(inner: &Inner, number: u64) -> bool {
    let mut versions = inner.changes();
    let (sent, waits_ms) = inner.change(|state| (send(state, number), state.knobs.event_answer_ms_max));
    if !sent {
        return false;
    }
    let deadline = Instant::now() + Duration::from_millis(waits_ms);
    loop {
        let answered = inner.look(|state| {
            let newest = state.observed.events.numbered(number)?.attempts.last()?;
            newest.status.as_ref().map(|_| newest.consumed)
        });
        if let Some(consumed) = answered {
            return consumed;
        }
        tokio::select! {
            biased;
            () = inner.root.cancelled() => return false,
            () = sleep_until(deadline) => return false,
            changed = versions.changed() => if changed.is_err() { return false },
        }
    }
}

/// Sends the event; false when nobody is subscribed.
fn send(state: &mut State, number: u64) -> bool {
    let Some(record) = state.observed.events.numbered(number).cloned() else {
        return false;
    };
    let headers = json!({
        "eventType": record.event_type,
        "eventId": record.event_id,
        "eventCorpId": "dingsimcorp",
        "eventBornTime": record.at_ms.to_string(),
        "eventUnifiedAppId": format!("unified-{}", record.app),
    });
    let headers = headers.as_object().cloned().unwrap_or_default();
    let routed = routing::route(state, &record.app, &Outgoing::event(headers, &record.data));
    let sent = routed.is_some();
    let (header_id, connection) = routed.map(|routed| (routed.header_id, routed.connection)).unzip();
    let at_ms = state.now_ms();
    if let Some(record) = state.observed.events.numbered_mut(number) {
        record.attempts.push(EventAttempt { at_ms, header_id, connection, status: None, consumed: false });
    }
    sent
}

/// An acknowledgement: true when it answers an event.
pub(crate) fn answered(state: &mut State, header_id: &str, code: i64, data: &str) -> bool {
    let mut sent = state.observed.events.iter_mut().rev().flat_map(|record| record.attempts.iter_mut());
    let Some(meant) = sent.find(|one| one.header_id.as_deref() == Some(header_id)) else {
        return false;
    };
    let answer: Option<Value> = serde_json::from_str(data).ok();
    let status = answer.as_ref().and_then(|answer| answer.get("status")?.as_str()).unwrap_or_default();
    // An SDK that echoes the event instead of a status is tolerated (dingtalk §2.4).
    meant.consumed = code == 200 && status != "LATER";
    meant.status.get_or_insert_with(|| status.to_owned());
    true
}

/// `GET /call_back/get_call_back_failed_result?access_token=` (dingtalk §2.6)
#[expect(clippy::unnecessary_wraps, reason = "one signature for all endpoints")]
pub(crate) fn failed_list(state: &mut State, request: &ApiRequest) -> Outcome {
    let failed =
        |record: &&EventRecord| record.app == request.caller() && record.outcome == EventOutcome::Failed;
    let mine = state.observed.events.iter().filter(failed);
    let mut list: Vec<Value> = mine
        .take(FAILED_LIST_MAX.saturating_add(1))
        .map(|record| {
            json!({"event_time": record.at_ms, "call_back_tag": record.event_type, "eventId": record.event_id,
                   "data": record.data})
        })
        .collect();
    let has_more = list.len() > FAILED_LIST_MAX;
    list.truncate(FAILED_LIST_MAX);
    Ok(json!({"errcode": 0, "errmsg": "ok", "has_more": has_more, "failed_list": list}))
}
