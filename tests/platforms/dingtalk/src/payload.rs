//! The callback's `data`, field by field (dingtalk §3.1, §3.2).

use serde_json::{Map, Value, json};

use crate::push::{AtList, ChatKind, Push};
use crate::state::State;
use crate::webhook;

fn set(fields: &mut Map<String, Value>, name: &str, value: Value) {
    fields.insert(name.to_owned(), value);
}

/// The callback's `data` (dingtalk §3.1, §3.2).
pub(crate) fn payload(state: &mut State, push: &Push, msg_id: &str) -> Value {
    let origin = &push.origin;
    let created_at_ms = push.created_at_ms.unwrap_or_else(|| state.now_ms());
    let robot_code = state.apps.named(&push.app).map(|app| app.robot_code.clone()).unwrap_or_default();
    let bot_id = format!("$:LWCP_v1:$bot-{}", push.app);
    let mut fields = Map::new();
    set(&mut fields, "conversationId", json!(origin.conversation));
    set(&mut fields, "openThreadId", json!(origin.conversation));
    set(&mut fields, "msgId", json!(msg_id));
    set(&mut fields, "createAt", json!(created_at_ms));
    set(&mut fields, "senderId", json!(format!("$:LWCP_v1:${}", origin.sender)));
    set(&mut fields, "senderNick", json!(origin.nick));
    set(&mut fields, "senderPlatform", json!("Mac"));
    set(&mut fields, "chatbotCorpId", json!("dingsimcorp"));
    set(&mut fields, "chatbotUserId", json!(bot_id));
    set(&mut fields, "robotCode", json!(robot_code));
    if !push.outsider {
        set(&mut fields, "senderStaffId", json!(origin.sender));
        set(&mut fields, "senderCorpId", json!("dingsimcorp"));
        set(&mut fields, "isAdmin", json!(false));
    }
    set_conversation(state, push, &bot_id, &mut fields);
    let msgtype = if push.msgtype.is_empty() { "text" } else { push.msgtype.as_str() };
    set(&mut fields, "msgtype", json!(msgtype));
    if msgtype == "text" {
        set(&mut fields, "text", json!({"content": push.text}));
    }
    if !push.without_webhook {
        let (url, until_ms) = webhook::open_session(state, &push.app, &origin.conversation);
        set(&mut fields, "sessionWebhook", json!(url));
        set(&mut fields, "sessionWebhookExpiredTime", json!(until_ms));
    }
    for (name, value) in &push.body {
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    Value::Object(fields)
}

/// Which conversation it is, and who was mentioned.
fn set_conversation(state: &State, push: &Push, bot_id: &str, fields: &mut Map<String, Value>) {
    let origin = &push.origin;
    let at_list = match (push.at_list, origin.kind) {
        (AtList::Usual, ChatKind::Private) | (AtList::Absent, _) => None,
        (AtList::Usual, ChatKind::Group) | (AtList::Yes, _) => Some(true),
        (AtList::No, _) => Some(false),
    };
    if let Some(mentioned) = at_list {
        set(fields, "isInAtList", json!(mentioned));
    }
    match origin.kind {
        ChatKind::Private => {
            set(fields, "conversationType", json!("1"));
        }
        ChatKind::Group => {
            set(fields, "conversationType", json!("2"));
            let known = state.groups.iter().find(|group| group.conversation == origin.conversation);
            set(fields, "conversationTitle", json!(known.map(|group| group.title.clone())));
            if at_list != Some(false) {
                set(fields, "atUsers", json!([{"dingtalkId": bot_id}]));
            }
        }
    }
}
