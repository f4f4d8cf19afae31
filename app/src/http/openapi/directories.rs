//! What a company's own endpoint is asked and answers: a call of ours, so it stands among the document's webhooks.

use serde_json::{Value, json};
use switchboard_ports::directory::NOBODY;

/// Puts it into the document.
pub(super) fn describe(document: &mut Value) {
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        schemas.insert(String::from("DirectoryLookUp"), question());
        schemas.insert(String::from("DirectoryPeople"), answer());
        schemas.insert(String::from("DirectoryPerson"), person());
    }
    if let Some(document) = document.as_object_mut() {
        document.insert(String::from("webhooks"), json!({ "directory_look_up": { "post": call() } }));
    }
}

fn call() -> Value {
    let description = format!(
        "Sent to the `url` of a directory of the kind `http`, once for each person and `cache_seconds`, with 5 seconds to \
         answer. Check the signature before anything else, and refuse a timestamp that is more than five minutes off. A check \
         asks about the id `{NOBODY}`, whom nobody has. Every answer that is not one of those below counts as none: nobody \
         is mapped and nobody is shut out by it."
    );
    let json_of = |name: &str| json!({"application/json": {"schema": {"$ref": format!("#/components/schemas/{name}")}}});
    json!({
        "operationId": "directory_look_up",
        "summary": "Who is this?",
        "description": description,
        "tags": ["users"],
        "parameters": [
            header("X-Switchboard-Timestamp", "Seconds since 1970, UTC.", "^[0-9]+$"),
            header("X-Switchboard-Signature",
                "`sha256=` and, in hexadecimal digits, the HMAC-SHA256 (RFC 2104) with `hmac_key` over the timestamp as it was \
                 sent, a full stop, and the body as it was sent.",
                "^sha256=[0-9a-f]{64}$"),
        ],
        "requestBody": {"required": true, "content": json_of("DirectoryLookUp")},
        "responses": {
            "200": {"description": "who fits", "content": json_of("DirectoryPeople")},
            "401": {"description": "the signature is wrong"},
            "503": {"description": "cannot be told now"},
        },
    })
}

fn header(name: &str, description: &str, pattern: &str) -> Value {
    json!({"name": name, "in": "header", "required": true, "description": description,
        "schema": {"type": "string", "pattern": pattern}})
}

fn question() -> Value {
    json!({
        "type": "object",
        "description": "Whom a directory is asked about.",
        "required": ["platform", "im_user_id", "name", "email", "mobile"],
        "properties": {
            "platform": {"type": "string", "description": "The platform's name: `dingtalk`."},
            "im_user_id": {"type": "string", "maxLength": 128, "description": "The platform's id of the person."},
            "name": {"type": "string", "description":
                "The name shown in the chat. People choose it themselves: recognise nobody by it."},
            "email": {"type": ["string", "null"], "description":
                "The address that the platform knows; null unless `send_contact` is on and it knows one."},
            "mobile": {"type": ["string", "null"], "description": "The mobile number, likewise."},
        },
    })
}

fn answer() -> Value {
    json!({
        "type": "object",
        "description": "Who fits. An empty list says that nobody does, which ends the access of whom this directory vouches \
                        for; more than one says that it cannot be told who is meant. At most 64 KiB.",
        "required": ["users"],
        "properties": {
            "users": {"type": "array", "items": {"$ref": "#/components/schemas/DirectoryPerson"}},
        },
    })
}

fn person() -> Value {
    json!({
        "type": "object",
        "description": "Somebody in a directory. Further fields are passed over.",
        "required": ["username"],
        "properties": {
            "username": {"type": "string", "minLength": 1, "maxLength": 128, "description":
                "On one line; without regard to case the same as an existing user's means that user."},
            "email": {"type": ["string", "null"], "maxLength": 254, "description":
                "The directory vouches for it: `match_email` goes by it."},
            "display_name": {"type": ["string", "null"], "description": "Cut at 200 characters."},
            "department": {"type": ["string", "null"], "description": "Cut at 200 characters."},
            "disabled": {"type": ["boolean", "null"], "default": false, "description":
                "Whether the person has no access (any more); null is false."},
        },
    })
}
