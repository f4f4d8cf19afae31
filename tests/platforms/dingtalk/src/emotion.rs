//! Reactions of robots to messages: `emotion/reply` and `emotion/recall` (dingtalk §8).

use serde::Serialize;
use serde_json::json;

use crate::api::Outcome;
use crate::envelope::ApiError;
use crate::request::ApiRequest;
use crate::robot::check_robot;
use crate::state::State;

/// A reaction that a robot attached to a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reaction {
    /// Client id of the robot's app.
    pub app: String,
    /// `msgId` of the message.
    pub msg_id: String,
    /// What people read.
    pub name: String,
    /// When it was attached (ms since the epoch).
    pub at_ms: u64,
    /// When it was taken back (ms since the epoch).
    pub recalled_at_ms: Option<u64>,
}

fn named<'a>(state: &State, request: &'a ApiRequest) -> Result<(&'a str, &'a str), ApiError> {
    check_robot(state, request)?;
    let (msg_id, conversation) = (request.text("openMsgId"), request.text("openConversationId"));
    if msg_id.is_empty() || conversation.is_empty() {
        return Err(ApiError::bad("invalidParameter.param.invalid", "openMsgId和openConversationId不能为空"));
    }
    let known = state.observed.message(msg_id).is_some_and(|message| message.conversation == conversation);
    // The platform answers like this for a while after the message, too.
    if !known {
        return Err(ApiError::new(500, "system.err", "系统错误"));
    }
    Ok((msg_id, request.text("emotionName")))
}

/// `POST /v1.0/robot/emotion/reply`
pub(crate) fn reply(state: &mut State, request: &ApiRequest) -> Outcome {
    let (msg_id, name) = named(state, request)?;
    let reaction = Reaction {
        app: request.caller().to_owned(),
        msg_id: msg_id.to_owned(),
        name: name.to_owned(),
        at_ms: state.now_ms(),
        recalled_at_ms: None,
    };
    state.observed.reactions.push(reaction);
    state.reaction_changed(msg_id);
    Ok(json!({"success": true}))
}

/// `POST /v1.0/robot/emotion/recall`
pub(crate) fn recall(state: &mut State, request: &ApiRequest) -> Outcome {
    let (msg_id, name) = named(state, request)?;
    let now_ms = state.now_ms();
    let is_meant = |reaction: &&mut Reaction| {
        reaction.app == request.caller()
            && reaction.msg_id == msg_id
            && reaction.name == name
            && reaction.recalled_at_ms.is_none()
    };
    let found = state.observed.reactions.iter_mut().rev().find(is_meant);
    let reaction = found.ok_or_else(|| ApiError::new(500, "system.err", "系统错误"))?;
    reaction.recalled_at_ms = Some(now_ms);
    state.reaction_changed(msg_id);
    Ok(json!({"success": true}))
}
