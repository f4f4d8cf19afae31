//! The callback's `data`, field by field (dingtalk §3.1, §3.2).

use serde_json::{Map, Value, json};

use crate::contents::{Body, SharedFile, set as set_in};
use crate::push::{AtList, ChatKind, Push, PushError, QuotaShape};
use crate::state::State;
use crate::webhook;

fn set(fields: &mut Map<String, Value>, name: &str, value: Value) {
    fields.insert(name.to_owned(), value);
}

/// A callback's `data`, and what people see of the message.
pub(crate) struct Payload {
    pub(crate) data: Value,
    pub(crate) text: String,
    pub(crate) files: Vec<SharedFile>,
    pub(crate) quoted: Option<String>,
}

/// The callback's `data` (dingtalk §3.1, §3.2).
pub(crate) fn payload(state: &mut State, push: &Push, msg_id: &str) -> Result<Payload, PushError> {
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
    let mut made = set_body(state, push, &mut fields)?;
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
    if let Some(shape) = push.quota {
        empty(&mut fields, shape);
    }
    made.data = Value::Object(fields);
    Ok(made)
}

/// What was said, and what it answers to.
fn set_body(state: &mut State, push: &Push, fields: &mut Map<String, Value>) -> Result<Payload, PushError> {
    let mut body = match &push.content {
        Some(content) => content.body(state, &push.app)?,
        None => Body {
            msgtype: "text",
            field: "text",
            value: json!({"content": push.text}),
            text: push.text.clone(),
            files: Vec::new(),
        },
    };
    let mut quoted = None;
    if let Some(quote) = &push.quote {
        let quote = quote.fields(state, &push.app)?;
        for (name, value) in quote.beside {
            set_in(&mut body.value, &name, value);
        }
        fields.extend(quote.top);
        body.files.extend(quote.files);
        quoted = Some(quote.text);
    }
    let msgtype = if push.msgtype.is_empty() { body.msgtype } else { push.msgtype.as_str() };
    set(fields, "msgtype", json!(msgtype));
    if push.msgtype.is_empty() || push.msgtype == body.msgtype {
        set(fields, body.field, body.value);
    }
    let text = if push.text.is_empty() { body.text } else { push.text.clone() };
    Ok(Payload { data: Value::Null, text, files: body.files, quoted })
}

/// The organisation's pushes are used up: the message comes without what was said (dingtalk §3.1).
fn empty(fields: &mut Map<String, Value>, shape: QuotaShape) {
    fields.remove("text");
    fields.remove("content");
    let (code, message) = match shape {
        QuotaShape::Err => ("errCode", "errMsg"),
        QuotaShape::Error => ("errorCode", "errorMessage"),
    };
    set(fields, code, json!("20001"));
    set(fields, message, json!("企业当月Webhook与Stream推送量已用尽"));
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
