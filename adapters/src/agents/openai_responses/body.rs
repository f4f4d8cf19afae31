//! The body of a request to the Responses protocol.

use serde_json::{Map, Value, json};
use switchboard_domain::snapshot::Role;
use switchboard_ports::agent::RunRequest;

use super::super::attachments::{Form, forms};
use super::super::http::body::{METADATA_BYTES_MAX, merge, put_identity};
use super::super::http::settings::Settings;
use super::super::text::cut;

/// The body for one question. With `previous` the server knows what was said before, else the history goes along.
pub(super) fn request_body(settings: &Settings, request: &RunRequest, previous: Option<&str>) -> Value {
    let mut body = Map::new();
    if let Some(model) = request.model.as_ref().or(settings.model.as_ref()) {
        body.insert("model".to_owned(), json!(model));
    }
    if let Some(prompt) = &settings.system_prompt {
        // Never carried over by the server from one response to the next.
        body.insert("instructions".to_owned(), json!(prompt));
    }
    body.insert("input".to_owned(), Value::Array(input(request, previous.is_none())));
    if let Some(previous) = previous {
        body.insert("previous_response_id".to_owned(), json!(previous));
    }
    body.insert("stream".to_owned(), json!(settings.stream));
    body.insert("store".to_owned(), json!(true));
    body.insert("user".to_owned(), json!(request.user.id));
    let mut metadata = Map::new();
    metadata.insert("turn".to_owned(), json!(cut(&request.turn, METADATA_BYTES_MAX)));
    if settings.metadata {
        put_identity(&mut metadata, &request.user);
    }
    body.insert("metadata".to_owned(), Value::Object(metadata));
    merge(&mut body, &settings.extra_body);
    Value::Object(body)
}

fn input(request: &RunRequest, with_history: bool) -> Vec<Value> {
    let history = request
        .history
        .iter()
        // An answer that failed before its first word is a line without text; some servers refuse those.
        .filter(|line| with_history && !line.text.trim().is_empty())
        .map(|line| message(role(line.role), json!(line.text)));
    history.chain([message("user", question(request))]).collect()
}

fn message(role: &str, content: Value) -> Value {
    let mut message = Map::new();
    message.insert("role".to_owned(), json!(role));
    message.insert("content".to_owned(), content);
    Value::Object(message)
}

/// The question: a text where nothing came with it, which every server understands; else parts, the text first.
fn question(request: &RunRequest) -> Value {
    if request.attachments.is_empty() {
        return json!(request.text);
    }
    let asked = (!request.text.trim().is_empty()).then(|| text_part(&request.text));
    Value::Array(asked.into_iter().chain(forms(&request.attachments).into_iter().map(part)).collect())
}

fn part(form: Form) -> Value {
    match form {
        Form::Picture { data_url } => json!({ "type": "input_image", "image_url": data_url }),
        Form::Audio { format, base64 } => {
            json!({ "type": "input_audio", "input_audio": { "data": base64, "format": format } })
        }
        Form::Pdf { name, data_url } => {
            json!({ "type": "input_file", "filename": name, "file_data": data_url })
        }
        Form::Text(text) | Form::Named(text) => text_part(&text),
    }
}

fn text_part(text: &str) -> Value {
    json!({ "type": "input_text", "text": text })
}

fn role(role: Role) -> &'static str {
    match role {
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}
