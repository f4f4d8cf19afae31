//! Clicks on cards: the callback, its deadline, and what its answer changes for the clicking person (dingtalk §6.9).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::time::sleep;

use crate::knobs::ClickShape;
use crate::records::ViolationKind;
use crate::routing::{self, Outgoing};
use crate::state::{Inner, State};

/// Topic of card actions.
pub(crate) const TOPIC_CARD: &str = "/v1.0/card/instances/callback";

/// A click on a card's button.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Click {
    /// Staff id of who clicks.
    pub user: String,
    /// `actionIds`; default `["stop"]`.
    #[serde(default = "stop")]
    pub action_ids: Vec<String>,
    /// `params`; default `{"action": <first action id>}`.
    #[serde(default)]
    pub params: Option<Map<String, Value>>,
    /// Conversation it is clicked in; `None` = the last one the card was delivered to.
    #[serde(default)]
    pub conversation: Option<String>,
}

fn stop() -> Vec<String> {
    vec!["stop".to_owned()]
}

impl Click {
    /// A click on the stop button.
    #[must_use]
    pub fn stop(user: &str) -> Self {
        Self { user: user.to_owned(), action_ids: stop(), params: None, conversation: None }
    }

    /// A click on another button.
    #[must_use]
    pub fn on(user: &str, action_id: &str) -> Self {
        Self { action_ids: vec![action_id.to_owned()], ..Self::stop(user) }
    }
}

/// The card does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownCard;

impl fmt::Display for UnknownCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no card with this outTrackId")
    }
}

impl std::error::Error for UnknownCard {}

/// One click and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct ClickRecord {
    /// When (ms since the epoch).
    pub at_ms: u64,
    /// The card.
    pub out_track_id: String,
    /// Who clicked (staff id).
    pub user: String,
    /// The first action id.
    pub action: String,
    /// `headers.messageId` of the callback.
    pub header_id: Option<String>,
    /// Connection it went to.
    pub connection: Option<String>,
    /// What became of it.
    pub outcome: ClickOutcome,
    /// When its answer arrived (ms since the epoch).
    pub answered_at_ms: Option<u64>,
    /// `code` of the answer.
    pub code: Option<i64>,
    /// `response` of the answer.
    pub response: Option<Value>,
}

/// What became of a click.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClickOutcome {
    /// Its answer may still come in time.
    Waiting,
    /// Answered in time.
    Answered,
    /// Answered too late: nothing was applied.
    Late,
    /// Not answered.
    Unanswered,
    /// Lost: the card's `callbackType` is not `STREAM`.
    NotStream,
    /// Lost: no connection is subscribed to the topic.
    NoSubscriber,
}

/// Clicks; returns the click's number in [`crate::Observed::clicks`].
pub(crate) fn click(inner: &Arc<Inner>, out_track_id: &str, click: &Click) -> Result<u64, UnknownCard> {
    let (number, waits_ms) = inner.change(|state| {
        let number = push(state, out_track_id, click)?;
        Ok((number, state.knobs.click_answer_ms_max))
    })?;
    let waiting = Arc::clone(inner);
    inner.runtime.spawn(async move {
        tokio::select! {
            biased;
            () = waiting.root.cancelled() => {}
            () = sleep(Duration::from_millis(waits_ms)) => waiting.change(|state| give_up(state, number)),
        }
    });
    Ok(number)
}

fn push(state: &mut State, out_track_id: &str, click: &Click) -> Result<u64, UnknownCard> {
    let card = state.observed.card(out_track_id).ok_or(UnknownCard)?;
    let (app, is_stream) = (card.app.clone(), card.callback_type == "STREAM");
    let data = body(state.knobs.click_shape, card, click).to_string();
    let routed =
        if is_stream { routing::route(state, &app, &Outgoing::callback(TOPIC_CARD, &data)) } else { None };
    let outcome = match (&routed, is_stream) {
        (_, false) => ClickOutcome::NotStream,
        (None, true) => ClickOutcome::NoSubscriber,
        (Some(_), true) => ClickOutcome::Waiting,
    };
    let (header_id, connection) = routed.map(|routed| (routed.header_id, routed.connection)).unzip();
    let at_ms = state.now_ms();
    let (number, _) = state.observed.clicks.push(ClickRecord {
        at_ms,
        out_track_id: out_track_id.to_owned(),
        user: click.user.clone(),
        action: click.action_ids.first().cloned().unwrap_or_default(),
        header_id,
        connection,
        outcome,
        answered_at_ms: None,
        code: None,
        response: None,
    });
    Ok(number)
}

fn body(shape: ClickShape, card: &crate::timeline::Card, click: &Click) -> Value {
    let first = click.action_ids.first().cloned().unwrap_or_default();
    let params = click.params.clone().map_or_else(|| json!({"action": first}), Value::Object);
    let content = json!({"cardPrivateData": {"actionIds": click.action_ids, "params": params}}).to_string();
    let delivered = card.carriers.last().map(|carrier| carrier.conversation.clone());
    let user = if card.user_id_type == 2 { format!("union-{}", click.user) } else { click.user.clone() };
    let mut body = json!({
        "type": "actionCallback",
        "outTrackId": card.out_track_id,
        "corpId": "dingsimcorp",
        "userId": user,
        "userIdType": card.user_id_type,
        "spaceId": click.conversation.clone().or(delivered),
        "spaceType": "IM",
        "extension": "{}",
    });
    let fields: &[(&str, Value)] = match shape {
        ClickShape::Content => &[("content", json!(content))],
        ClickShape::Value => &[("value", json!(content))],
        ClickShape::Both => {
            &[("content", json!(content)), ("value", json!(content)), ("actionId", json!(first))]
        }
    };
    if let Some(object) = body.as_object_mut() {
        object.extend(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    }
    body
}

fn give_up(state: &mut State, number: u64) {
    if let Some(record) = state.observed.clicks.numbered_mut(number)
        && record.outcome == ClickOutcome::Waiting
    {
        record.outcome = ClickOutcome::Unanswered;
    }
}

/// A click on this card waits for its answer.
pub(crate) fn is_waiting(state: &State, out_track_id: &str) -> bool {
    let waits =
        |click: &ClickRecord| click.out_track_id == out_track_id && click.outcome == ClickOutcome::Waiting;
    state.observed.clicks.iter().rev().take(100).any(waits)
}

/// An acknowledgement: true when it answers a click.
pub(crate) fn answered(state: &mut State, header_id: &str, connection: &str, code: i64, data: &str) -> bool {
    let now_ms = state.now_ms();
    let answer_ms_max = state.knobs.click_answer_ms_max;
    let is_meant = |record: &&mut ClickRecord| record.header_id.as_deref() == Some(header_id);
    let Some(record) = state.observed.clicks.iter_mut().rev().find(is_meant) else {
        return false;
    };
    if record.connection.as_deref() != Some(connection) {
        let detail = format!("{header_id} went to another connection than {connection}");
        state.observed.violate(now_ms, ViolationKind::WrongConnection, detail);
        return true;
    }
    if record.answered_at_ms.is_some() {
        return true;
    }
    let response = serde_json::from_str::<Value>(data).ok().and_then(|data| data.get("response").cloned());
    let took_ms = now_ms.saturating_sub(record.at_ms);
    let in_time = record.outcome == ClickOutcome::Waiting && took_ms <= answer_ms_max;
    record.answered_at_ms = Some(now_ms);
    record.code = Some(code);
    record.response.clone_from(&response);
    record.outcome = if in_time { ClickOutcome::Answered } else { ClickOutcome::Late };
    let (card, user) = (record.out_track_id.clone(), record.user.clone());
    if !in_time {
        let detail = format!("card {card}: answered after {took_ms} ms");
        state.observed.violate(now_ms, ViolationKind::LateClickAnswer, detail);
    } else if let Some(response) = response.filter(|_| code == 200) {
        apply(state, &card, &user, &response);
    }
    true
}

/// What the answer changes: only the clicking person sees it (dingtalk §6.9).
fn apply(state: &mut State, out_track_id: &str, user: &str, response: &Value) {
    let option =
        |name: &str| response.pointer(&format!("/cardUpdateOptions/{name}")) == Some(&Value::Bool(true));
    let Some(card) = state.observed.card_mut(out_track_id) else {
        return;
    };
    for (part, by_key, views) in [
        ("userPrivateData", option("updatePrivateDataByKey"), &mut card.private),
        ("cardData", option("updateCardDataByKey"), &mut card.click_views),
    ] {
        let Some(map) = response.pointer(&format!("/{part}/cardParamMap")).and_then(Value::as_object) else {
            continue;
        };
        let texts = map.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
        let texts: BTreeMap<String, String> = texts.collect();
        let view = views.entry(user.to_owned()).or_default();
        if by_key {
            view.extend(texts);
        } else {
            *view = texts;
        }
    }
    state.card_changed(out_track_id);
}
