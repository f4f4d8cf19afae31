//! Robot messages by API: to people and to groups (dingtalk §4.2, §4.3, §4.4).

use serde_json::{Value, json};

use crate::api::Outcome;
use crate::envelope::ApiError;
use crate::request::ApiRequest;
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
    let reply = message(state, request, Via::OneToOne)?;
    let mut invalid = Vec::new();
    for user in users {
        if state.knows(&user) {
            let conversation = state.private_chat(request.caller(), &user);
            state.appear(&conversation, ItemContent::Reply(reply.clone()));
        } else {
            invalid.push(user);
        }
    }
    let query_key = state.hex(32);
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
    let reply = message(state, request, Via::Group)?;
    state.appear(conversation, ItemContent::Reply(reply));
    let query_key = state.hex(32);
    Ok(json!({"processQueryKey": query_key}))
}

fn check_robot(state: &State, request: &ApiRequest) -> Result<(), ApiError> {
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
        "sampleFile" => (required("fileName")?, required("mediaId")?),
        _ => return Err(ApiError::bad("invalidParameter.msgKey.invalid", "msgKey无效")),
    };
    let app = request.caller().to_owned();
    let robot = state.apps.named(&app).map(|app| app.robot_name.clone()).unwrap_or_default();
    Ok(PlainReply { app, robot, via, format: key.to_owned(), title, text, at_user_ids: Vec::new() })
}
