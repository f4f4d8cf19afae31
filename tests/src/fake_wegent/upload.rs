//! Files given to the fake Wegent, as forms.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State as Shares;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde_json::{Value, json};

use super::Shared;
use super::http::{answered, enter};
use super::state::{Refusal, State, Verb, detail};

pub(super) async fn upload(Shares(shared): Shares<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let (index, result) = shared.change(|state| {
        let index = state.calls.len();
        (index, take(state, &headers, &body))
    });
    answered(&shared, index, result.unwrap_or_else(|refusal| refusal))
}

fn take(state: &mut State, headers: &HeaderMap, body: &[u8]) -> Result<(u16, Value), Refusal> {
    let user = enter(state, Verb::Upload, headers, None, Value::Null)?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (name, content) = file(kind, body).ok_or_else(|| {
        state.violations.push("a form that is none".to_owned());
        detail(422, json!([{"loc": ["body", "file"], "msg": "Field required"}]))
    })?;
    if name.ends_with(".exe") {
        return Err(detail(
            400,
            json!({"message": "Unsupported file type", "error_code": "unsupported_type"}),
        ));
    }
    state.files.push((user, name.clone(), content.len()));
    Ok((201, json!({"id": state.files.len(), "filename": name, "status": "ready"})))
}

/// The name and content of the field `file` of a form (RFC 7578).
fn file<'a>(content_type: &str, body: &'a [u8]) -> Option<(String, &'a [u8])> {
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=")?;
    let opening = format!("--{boundary}\r\n");
    let closing = format!("\r\n--{boundary}--\r\n");
    let rest = body.strip_prefix(opening.as_bytes())?.strip_suffix(closing.as_bytes())?;
    let end = rest.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(rest.get(..end)?).ok()?;
    let name = head.split("filename=\"").nth(1)?.split('"').next()?;
    (head.contains("name=\"file\"")).then(|| (name.to_owned(), &rest[end + 4..]))
}
