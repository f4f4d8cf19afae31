//! Robot messages by API: to people and to groups (dingtalk §4.2, §4.3, §4.4).

use serde_json::{Value, json};

use crate::api::Outcome;
use crate::envelope::ApiError;
use crate::records::ViolationKind;
use crate::request::ApiRequest;
use crate::sent::SentMessage;
use crate::state::State;
use crate::timeline::{ItemContent, PlainReply, Via};

/// People addressed by one call (dingtalk §4.2).
const USERS_MAX: usize = 20;
/// Largest `msgParam` (bytes, dingtalk §4.5).
const MSG_PARAM_BYTES_MAX: usize = 15_000;

/// `POST /v1.0/robot/oToMessages/batchSend`
pub(crate) fn batch_send(state: &mut State, request: &ApiRequest) -> Outcome {
    check_robot(state, request)?;
    let users = request.field("userIds").and_then(Value::as_array);
    let users: Vec<String> =
        users.into_iter().flatten().filter_map(|id| id.as_str().map(str::to_owned)).collect();
    if users.is_empty() {
        return Err(ApiError::bad("invalidParameter.userIds.empty", "userIds不能为空"));
    }
    if users.len() > USERS_MAX {
        return Err(ApiError::bad("invalidParameter.userIds.overMax", "userIds个数超过100"));
    }
    let reply = judged_message(state, request, Via::OneToOne)?;
    let (mut invalid, mut reached, mut conversations) = (Vec::new(), Vec::new(), Vec::new());
    for user in users {
        if state.knows(&user) {
            let conversation = state.private_chat(request.caller(), &user);
            state.appear(&conversation, ItemContent::Reply(reply.clone()));
            state.judge_answers(&conversation);
            conversations.push(conversation);
            reached.push(user);
        } else {
            invalid.push(user);
        }
    }
    let query_key = remember(state, reply, conversations, reached);
    Ok(json!({
        "processQueryKey": query_key,
        "invalidStaffIdList": invalid,
        "flowControlledStaffIdList": [],
        "filteredStaffIdList": [],
    }))
}

/// `POST /v1.0/robot/groupMessages/send`
pub(crate) fn group_send(state: &mut State, request: &ApiRequest) -> Outcome {
    check_robot(state, request)?;
    let conversation = request.text("openConversationId");
    if conversation.is_empty() {
        return Err(ApiError::bad("miss.openConversationId", "openConversationId不能为空"));
    }
    if !state.is_group(conversation) {
        return Err(ApiError::bad("invalidParameter.openConversationId.invalid", "无效的openConversationId"));
    }
    let reply = judged_message(state, request, Via::Group)?;
    state.appear(conversation, ItemContent::Reply(reply.clone()));
    state.judge_answers(conversation);
    let query_key = remember(state, reply, vec![conversation.to_owned()], Vec::new());
    Ok(json!({"processQueryKey": query_key}))
}

/// `POST /v1.0/robot/groups/robots/query`
pub(crate) fn list(state: &mut State, request: &ApiRequest) -> Outcome {
    if !state.is_group(request.text("openConversationId")) {
        return Err(ApiError::bad("invalidParameter.openConversationId.invalid", "无效的openConversationId"));
    }
    let robots = state.apps.all().iter().map(|app| {
        json!({"robotCode": app.robot_code, "robotName": app.robot_name, "openRobotId": format!("bot-{}", app.client_id)})
    });
    Ok(json!({"chatbotInstanceVOList": robots.collect::<Vec<_>>()}))
}

/// The message becomes one that can be taken back; returns its `processQueryKey`.
fn remember(state: &mut State, reply: PlainReply, conversations: Vec<String>, users: Vec<String>) -> String {
    let process_query_key = reply.process_query_key.unwrap_or_default();
    let at_ms = state.now_ms();
    state.observed.sent.push(SentMessage {
        process_query_key: process_query_key.clone(),
        app: reply.app,
        conversations,
        users,
        out_track_id: None,
        at_ms,
        recalled: false,
        read_by: Vec::new(),
    });
    process_query_key
}

/// The message, after a look at what a correct client would not send.
fn judged_message(state: &mut State, request: &ApiRequest, via: Via) -> Result<PlainReply, ApiError> {
    let mut reply = message(state, request, via);
    let now_ms = state.now_ms();
    match &mut reply {
        Ok(reply) => {
            reply.process_query_key = Some(state.hex(32));
            if reply.text.starts_with('@')
                && is_media_key(&reply.format)
                && state.media.named(&reply.text).is_none()
            {
                let detail = format!("{} in {}", reply.text, reply.format);
                state.observed.violate(now_ms, ViolationKind::UnknownMedia, detail);
            }
        }
        Err(error) if error.code.ends_with(".tooLong") => {
            let detail = format!("msgParam: {} bytes", request.text("msgParam").len());
            state.observed.violate(now_ms, ViolationKind::TooLong, detail);
        }
        Err(_) => {}
    }
    reply
}

/// The message key carries a media id.
fn is_media_key(key: &str) -> bool {
    matches!(key, "sampleImageMsg" | "sampleFile" | "sampleAudio" | "sampleVideo")
}

/// The robot code belongs to the calling app.
pub(crate) fn check_robot(state: &State, request: &ApiRequest) -> Result<(), ApiError> {
    let robot_code = request.text("robotCode");
    if robot_code.is_empty() {
        return Err(ApiError::bad("invalidParameter.robotCode.empty", "robotCode不能为空"));
    }
    let own = state.apps.named(request.caller()).is_some_and(|app| app.robot_code == robot_code);
    if own {
        Ok(())
    } else if state.apps.has_robot(robot_code) {
        Err(ApiError::bad("invalidParameter.robotCode.auth", "robotCode无权限"))
    } else {
        // The platform's own spelling.
        Err(ApiError::bad("invalidParameter.robotCode.notExsit", "robotCode不存在"))
    }
}

fn message(state: &State, request: &ApiRequest, via: Via) -> Result<PlainReply, ApiError> {
    let key = request.text("msgKey");
    if key.is_empty() {
        return Err(ApiError::bad("invalidParameter.msgKey.empty", "msgKey不能为空"));
    }
    let raw = request.text("msgParam");
    if raw.len() > MSG_PARAM_BYTES_MAX {
        return Err(ApiError::bad("invalidParameter.msgParam.tooLong", "msgParam过长"));
    }
    let param: Value = serde_json::from_str(raw)
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| ApiError::bad("invalidParameter.msgParam.invalid", "msgParam不是JSON"))?;
    let required = |name: &str| {
        let text = param.get(name).and_then(Value::as_str).unwrap_or_default();
        if text.is_empty() {
            Err(ApiError::bad(&format!("miss.param.{name}"), &format!("缺少参数{name}")))
        } else {
            Ok(text.to_owned())
        }
    };
    let (title, text) = match key {
        "sampleText" => (String::new(), required("content")?),
        "sampleMarkdown" | "sampleActionCard" | "sampleLink" => (required("title")?, required("text")?),
        "sampleImageMsg" => (String::new(), required("photoURL")?),
        "sampleFile" => {
            required("fileType")?;
            (required("fileName")?, required("mediaId")?)
        }
        "sampleAudio" => (required("duration")?, required("mediaId")?),
        "sampleVideo" => {
            required("videoType")?;
            required("picMediaId")?;
            (required("duration")?, required("videoMediaId")?)
        }
        "sampleActionCard2" | "sampleActionCard3" | "sampleActionCard4" | "sampleActionCard5" => {
            required("actionTitle1")?;
            required("actionURL1")?;
            (required("title")?, required("text")?)
        }
        "sampleActionCard6" => {
            required("buttonTitle1")?;
            required("buttonUrl1")?;
            (required("title")?, required("text")?)
        }
        _ => return Err(ApiError::bad("invalidParameter.msgKey.invalid", "msgKey无效")),
    };
    let app = request.caller().to_owned();
    let robot = state.apps.named(&app).map(|app| app.robot_name.clone()).unwrap_or_default();
    Ok(PlainReply {
        app,
        robot,
        via,
        format: key.to_owned(),
        title,
        text,
        at_user_ids: Vec::new(),
        process_query_key: None,
        recalled: false,
    })
}
