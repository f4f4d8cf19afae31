//! sessionWebhook: plain replies into one conversation, HTTP 200 whatever happens (dingtalk §4.1, §4.4).

use serde_json::Value;

use crate::api::Outcome;
use crate::apps::legacy;
use crate::records::ViolationKind;
use crate::request::ApiRequest;
use crate::state::State;
use crate::timeline::{ItemContent, PlainReply, Via};

/// Largest webhook body (bytes, dingtalk §4.5).
const BODY_BYTES_MAX: usize = 20_000;
/// Sessions remembered; the oldest leave.
const SESSIONS_MAX: usize = 50_000;
/// People mentioned in one message (dingtalk §4.1).
const AT_USERS_MAX: usize = 50;

/// Where a webhook leads.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) app: String,
    pub(crate) conversation: String,
    pub(crate) valid_until_ms: u64,
    /// What the callback announced; a webhook may end earlier, which its client cannot know.
    announced_until_ms: u64,
}

/// A new webhook for a conversation: URL and end of life (ms since the epoch).
pub(crate) fn open_session(state: &mut State, app: &str, conversation: &str) -> (String, u64) {
    if state.session_order.len() >= SESSIONS_MAX
        && let Some(oldest) = state.session_order.pop_front()
    {
        state.sessions.remove(&oldest);
    }
    let id = state.hex(32);
    let valid_until_ms = state.now_ms().saturating_add(state.knobs.webhook_ttl_ms);
    let session = Session {
        app: app.to_owned(),
        conversation: conversation.to_owned(),
        valid_until_ms,
        announced_until_ms: valid_until_ms,
    };
    state.sessions.insert(id.clone(), session);
    state.session_order.push_back(id.clone());
    (state.url(&format!("/robot/sendBySession?session={id}")), valid_until_ms)
}

/// No webhook given out so far works any more.
pub(crate) fn expire_all(state: &mut State) {
    for session in state.sessions.values_mut() {
        session.valid_until_ms = 0;
    }
}

/// `POST /robot/sendBySession?session=`
#[expect(clippy::unnecessary_wraps, reason = "one signature for all endpoints")]
pub(crate) fn send(state: &mut State, request: &ApiRequest) -> Outcome {
    let (errcode, errmsg) = match try_send(state, request) {
        Ok(()) => (0, "ok"),
        Err(refusal) => refusal,
    };
    Ok(legacy(errcode, errmsg))
}

fn try_send(state: &mut State, request: &ApiRequest) -> Result<(), (i64, &'static str)> {
    let session = state.sessions.get(request.query_value("session")).cloned();
    let now_ms = state.now_ms();
    if session.as_ref().is_some_and(|session| now_ms > session.announced_until_ms) {
        state.observed.violate(now_ms, ViolationKind::WebhookAfterExpiry, "sendBySession".to_owned());
    }
    let session = session.filter(|session| now_ms < session.valid_until_ms);
    let session = session.ok_or((300_001, "session 不存在"))?;
    if !request.json_content {
        return Err((43_004, "无效的HTTP HEADER Content-Type"));
    }
    if request.body.len() > BODY_BYTES_MAX {
        let detail = format!("sendBySession: {} bytes", request.body.len());
        state.observed.violate(now_ms, ViolationKind::TooLong, detail);
        return Err((460_101, "message too long, exceed 20000 bytes"));
    }
    let body = request.json.as_ref().ok_or((40_035, "缺少参数 json"))?;
    let format = request.text("msgtype");
    if format == "empty" {
        return Ok(());
    }
    let (title, text) = content(body, format)?;
    let at = body.pointer("/at/atUserIds").and_then(Value::as_array).into_iter().flatten();
    let at_user_ids: Vec<String> = at.filter_map(|id| id.as_str().map(str::to_owned)).collect();
    if at_user_ids.len() > AT_USERS_MAX {
        return Err((40_035, "at 人数超过 50"));
    }
    let robot = state.apps.named(&session.app).map(|app| app.robot_name.clone()).unwrap_or_default();
    let reply = PlainReply {
        app: session.app,
        robot,
        via: Via::Webhook,
        format: format.to_owned(),
        title,
        text,
        at_user_ids,
        process_query_key: None,
        recalled: false,
    };
    state.appear(&session.conversation, ItemContent::Reply(reply));
    state.judge_answers(&session.conversation);
    Ok(())
}

/// Title and text of a webhook body.
fn content(body: &Value, format: &str) -> Result<(String, String), (i64, &'static str)> {
    let required = |path: &str| {
        let text = body.pointer(path).and_then(Value::as_str).unwrap_or_default();
        if text.is_empty() { Err((40_035, "缺少参数 json")) } else { Ok(text.to_owned()) }
    };
    match format {
        "text" => Ok((String::new(), required("/text/content")?)),
        "markdown" => Ok((required("/markdown/title")?, required("/markdown/text")?)),
        "link" => Ok((required("/link/title")?, required("/link/text")?)),
        "actionCard" => Ok((required("/actionCard/title")?, required("/actionCard/text")?)),
        "feedCard" => Ok((String::new(), required("/feedCard/links/0/title")?)),
        _ => Err((400_105, "不支持的消息类型")),
    }
}
