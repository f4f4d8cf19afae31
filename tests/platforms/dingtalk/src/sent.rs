//! What robots sent by API and can take back or ask about: recall and read status (dingtalk §8).

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::api::Outcome;
use crate::envelope::ApiError;
use crate::request::ApiRequest;
use crate::robot::check_robot;
use crate::state::State;
use crate::timeline::ItemContent;

/// How long a message can be taken back or asked about (ms, dingtalk §8).
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// Keys in one recall (dingtalk §8).
const KEYS_MAX: usize = 20;
/// Readers in one page of a query (dingtalk §8).
const READERS_MAX: u64 = 200;

/// A message that has a `processQueryKey`.
#[derive(Clone, Debug, Serialize)]
pub struct SentMessage {
    /// `processQueryKey`, or a card's `carrierId`.
    pub process_query_key: String,
    /// Client id of the sending robot.
    pub app: String,
    /// Conversations it went to.
    pub conversations: Vec<String>,
    /// People it went to (private messages).
    pub users: Vec<String>,
    /// The card, if it is one.
    pub out_track_id: Option<String>,
    /// When (ms since the epoch).
    pub at_ms: u64,
    /// Taken back.
    pub recalled: bool,
    /// Who read it (staff ids).
    pub read_by: Vec<String>,
}

fn find<'a>(state: &'a State, app: &str, key: &str) -> Option<&'a SentMessage> {
    state.observed.sent.iter().rev().find(|sent| sent.process_query_key == key && sent.app == app)
}

/// `POST /v1.0/robot/otoMessages/batchRecall`
pub(crate) fn batch_recall(state: &mut State, request: &ApiRequest) -> Outcome {
    check_robot(state, request)?;
    recall(state, request, None)
}

/// `POST /v1.0/robot/groupMessages/recall`
pub(crate) fn group_recall(state: &mut State, request: &ApiRequest) -> Outcome {
    check_robot(state, request)?;
    let conversation = request.text("openConversationId").to_owned();
    if conversation.is_empty() {
        return Err(ApiError::bad("miss.openConversationId", "openConversationId不能为空"));
    }
    recall(state, request, Some(&conversation))
}

fn recall(state: &mut State, request: &ApiRequest, conversation: Option<&str>) -> Outcome {
    let keys = request.field("processQueryKeys").and_then(Value::as_array).into_iter().flatten();
    let keys: Vec<String> = keys.filter_map(|key| key.as_str().map(str::to_owned)).collect();
    if keys.is_empty() || keys.len() > KEYS_MAX {
        return Err(ApiError::bad("invalidParameter.param.invalid", "processQueryKeys的个数应为1到20"));
    }
    let now_ms = state.now_ms();
    let (mut succeeded, mut failed) = (Vec::new(), Map::new());
    for key in keys {
        let sent = find(state, request.caller(), &key);
        let here = sent.filter(|sent| match conversation {
            Some(id) => sent.users.is_empty() && sent.conversations.iter().any(|known| known == id),
            None => !sent.users.is_empty(),
        });
        let reason = match here {
            None => Some("message not exist"),
            Some(sent) if sent.recalled => Some("message is recalled"),
            Some(sent) if now_ms.saturating_sub(sent.at_ms) > DAY_MS => Some("message is expired"),
            Some(_) => None,
        };
        if let Some(reason) = reason {
            failed.insert(key, json!(reason));
        } else {
            take_back(state, request.caller(), &key);
            succeeded.push(key);
        }
    }
    Ok(json!({"successResult": succeeded, "failedResult": failed}))
}

fn take_back(state: &mut State, app: &str, key: &str) {
    let fits = |sent: &&mut SentMessage| sent.process_query_key == key && sent.app == app;
    let Some(sent) = state.observed.sent.iter_mut().rev().find(fits) else {
        return;
    };
    sent.recalled = true;
    let (conversations, card) = (sent.conversations.clone(), sent.out_track_id.clone());
    if let Some(card) = card.and_then(|card| state.observed.card_mut(&card)) {
        card.recalled = true;
    }
    for conversation in conversations {
        let items = state.observed.conversations.get_mut(&conversation).into_iter();
        for item in items.flat_map(|found| found.items.iter_mut()) {
            if let ItemContent::Reply(reply) = &mut item.content
                && reply.process_query_key.as_deref() == Some(key)
            {
                reply.recalled = true;
            }
        }
    }
    state.reload_pages();
}

/// `GET /v1.0/robot/oToMessages/readStatus?robotCode=&processQueryKey=`
pub(crate) fn read_status(state: &mut State, request: &ApiRequest) -> Outcome {
    if request.query_value("robotCode").is_empty() {
        return Err(ApiError::bad("invalidParameter.robotCode.empty", "robotCode不能为空"));
    }
    let sent = readable(state, request, request.query_value("processQueryKey"))?;
    let readers: Vec<Value> = sent
        .users
        .iter()
        .map(|user| {
            let status = if sent.read_by.contains(user) { "READ" } else { "UNREAD" };
            json!({"userId": user, "name": state.nick_of(user), "readStatus": status})
        })
        .collect();
    Ok(json!({"sendStatus": status_of(sent), "messageReadInfoList": readers}))
}

/// `POST /v1.0/robot/groupMessages/query`
pub(crate) fn group_query(state: &mut State, request: &ApiRequest) -> Outcome {
    check_robot(state, request)?;
    let sent = readable(state, request, request.text("processQueryKey"))?;
    let page =
        request.field("maxResults").and_then(Value::as_u64).unwrap_or(READERS_MAX).clamp(1, READERS_MAX);
    let page = usize::try_from(page).unwrap_or(1);
    let from: usize = request.text("nextToken").parse().unwrap_or_default();
    let readers: Vec<&String> = sent.read_by.iter().skip(from).take(page).collect();
    let next = from.saturating_add(readers.len());
    let has_more = next < sent.read_by.len();
    let next_token = if has_more { next.to_string() } else { String::new() };
    Ok(json!({
        "sendStatus": status_of(sent), "readUserIds": readers, "hasMore": has_more, "nextToken": next_token,
    }))
}

fn status_of(sent: &SentMessage) -> &'static str {
    if sent.recalled { "RECALLED" } else { "SUCCESS" }
}

fn readable<'a>(state: &'a State, request: &ApiRequest, key: &str) -> Result<&'a SentMessage, ApiError> {
    let now_ms = state.now_ms();
    find(state, request.caller(), key)
        .filter(|sent| now_ms.saturating_sub(sent.at_ms) <= DAY_MS)
        .ok_or_else(|| ApiError::bad("invalidParameter.param.invalid", "processQueryKey无效"))
}

/// Somebody reads a message. False: no such message.
pub(crate) fn read(state: &mut State, key: &str, user: &str) -> bool {
    let found = state.observed.sent.iter_mut().rev().find(|sent| sent.process_query_key == key);
    let Some(sent) = found else { return false };
    if !sent.read_by.iter().any(|known| known == user) {
        sent.read_by.push(user.to_owned());
    }
    true
}
