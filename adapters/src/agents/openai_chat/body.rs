//! The body of a chat request.

use serde_json::{Map, Value, json};
use switchboard_domain::snapshot::Role;
use switchboard_ports::agent::RunRequest;

use super::super::attachments::{Form, forms};
use super::super::http::body::{merge, put_identity};
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
    if settings.metadata {
        let mut metadata = Map::new();
        put_identity(&mut metadata, &request.user);
        body.insert("metadata".to_owned(), Value::Object(metadata));
    }
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
    prompt.into_iter().chain(history).chain([question(request)]).collect()
}

/// The question: a text where nothing came with it, which every server understands; else parts, the text first.
fn question(request: &RunRequest) -> Value {
    if request.attachments.is_empty() {
        return message("user", &request.text);
    }
    let asked = (!request.text.trim().is_empty()).then(|| text_part(&request.text));
    let parts = asked.into_iter().chain(forms(&request.attachments).into_iter().map(part)).collect();
    json!({ "role": "user", "content": Value::Array(parts) })
}

fn part(form: Form) -> Value {
    match form {
        Form::Picture { data_url } => json!({ "type": "image_url", "image_url": { "url": data_url } }),
        Form::Audio { format, base64 } => {
            json!({ "type": "input_audio", "input_audio": { "data": base64, "format": format } })
        }
        Form::Pdf { name, data_url } => {
            json!({ "type": "file", "file": { "filename": name, "file_data": data_url } })
        }
        Form::Text(text) | Form::Named(text) => text_part(&text),
    }
}

fn text_part(text: &str) -> Value {
    json!({ "type": "text", "text": text })
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
