//! The body of a chat request.

use serde_json::{Map, Value, json};
use switchboard_domain::snapshot::Role;
use switchboard_ports::agent::RunRequest;

use super::super::http::body::merge;
use super::super::http::settings::Settings;

/// The body for one question.
///
/// `extra_body` is laid over it; it cannot name `messages`, `model` or `stream` (the settings refuse that).
pub(super) fn request_body(settings: &Settings, request: &RunRequest) -> Value {
    let mut body = Map::new();
    if let Some(model) = request.model.as_ref().or(settings.model.as_ref()) {
        body.insert("model".to_owned(), json!(model));
    }
    body.insert("messages".to_owned(), Value::Array(messages(settings, request)));
    body.insert("stream".to_owned(), json!(settings.stream));
    body.insert("user".to_owned(), json!(request.user.id));
    merge(&mut body, &settings.extra_body);
    Value::Object(body)
}

fn messages(settings: &Settings, request: &RunRequest) -> Vec<Value> {
    let prompt = settings.system_prompt.as_deref().map(|prompt| message("system", prompt));
    let history = request
        .history
        .iter()
        // An answer that failed before its first word is a line without text; some servers refuse those.
        .filter(|line| !line.text.trim().is_empty())
        .map(|line| message(role(line.role), &line.text));
    prompt.into_iter().chain(history).chain([message("user", &request.text)]).collect()
}

fn message(role: &str, content: &str) -> Value {
    json!({ "role": role, "content": content })
}

fn role(role: Role) -> &'static str {
    match role {
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}
