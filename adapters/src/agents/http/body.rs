//! What bodies of requests have in common: who asks, and the part that is the administrator's.

use serde_json::{Map, Value, json};
use switchboard_ports::agent::AgentUser;

use super::super::template::chat;
use super::super::text::cut;

/// Longest value in `metadata`, in bytes (the protocols allow 512 characters).
pub(in crate::agents) const METADATA_BYTES_MAX: usize = 512;

/// Adds who asks to a request's `metadata`: what the agent may not know is not there.
pub(in crate::agents) fn put_identity(metadata: &mut Map<String, Value>, user: &AgentUser) {
    let told = [
        ("user_id", Some(user.id.as_str())),
        ("username", Some(user.username.as_str())),
        ("name", Some(user.display_name.as_str())),
        ("platform", Some(user.platform.as_str())),
        ("chat", Some(chat(user.chat))),
        ("email", user.email.as_deref()),
        ("department", user.department.as_deref()),
    ];
    for (name, value) in told {
        if let Some(value) = value {
            metadata.insert(name.to_owned(), json!(cut(value, METADATA_BYTES_MAX)));
        }
    }
}

/// Lays `extra` over the body field by field; a `null` takes a field out: `{"user": null}` for servers that refuse `user`.
/// What it may not name the settings have refused.
pub(in crate::agents) fn merge(body: &mut Map<String, Value>, extra: &Map<String, Value>) {
    for (field, value) in extra {
        if value.is_null() {
            body.remove(field);
        } else {
            body.insert(field.clone(), value.clone());
        }
    }
}
