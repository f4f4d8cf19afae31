//! Serving signed addresses, well or badly: `GET /objects/{name}?Expires=&Signature=` (dingtalk §7.1).

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State as Shared};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::Value;

use crate::call_log::CallGuard;
use crate::envelope::answer;
use crate::faults::FaultAction;
use crate::files::{self, Content, Refusal};
use crate::listener::Peer;
use crate::request::ApiRequest;
use crate::state::Inner;

/// Piece of an endless body (bytes).
const PIECE_BYTES: usize = 64 * 1024;
/// Pause between the last bytes of a cut body and its end.
const CUT_PAUSE: Duration = Duration::from_millis(20);

/// `GET /objects/{name}`
pub(crate) async fn object(
    Shared(inner): Shared<Arc<Inner>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let mut request = ApiRequest::new("GET", &parts.uri, &parts.headers, Bytes::new());
    let mut call = CallGuard::arrive(&inner, &mut request);
    let action = call.judge(&request).await;
    let found = inner.look(|state| files::redeem(state, &request));
    let (code, content) = match found {
        Ok(found) => found,
        Err(refusal) => {
            let (status, text) = refusal.answer();
            call.finish(status, Some(format!("{refusal:?}")), false);
            return xml(status, text);
        }
    };
    let status = action.as_ref().map_or(200, status_of);
    match action {
        Some(FaultAction::Hang) => {
            peer.control.ended().await;
            answer(500, &Value::Null)
        }
        Some(FaultAction::Cut | FaultAction::ApplyThenCut) => {
            peer.control.reset();
            call.finish(0, None, false);
            answer(500, &Value::Null)
        }
        other => {
            call.finish(status, None, status == 200);
            respond(&inner, &code, content, other)
        }
    }
}

fn status_of(action: &FaultAction) -> u16 {
    match action {
        FaultAction::Deny { status, .. } | FaultAction::ApplyThenDeny { status, .. } => *status,
        FaultAction::Redirect { .. } => 302,
        FaultAction::ExpiredSignature => 403,
        FaultAction::Delay { .. }
        | FaultAction::ApplyThenCut
        | FaultAction::Cut
        | FaultAction::Hang
        | FaultAction::SpaceFails { .. }
        | FaultAction::AnswerUrl { .. }
        | FaultAction::ContentType { .. }
        | FaultAction::SlowBody { .. }
        | FaultAction::EndlessBody
        | FaultAction::CutBody { .. }
        | FaultAction::WrongEncoding => 200,
    }
}

fn respond(inner: &Inner, code: &str, content: Content, action: Option<FaultAction>) -> Response {
    let length = content.bytes.len();
    match action {
        Some(FaultAction::Deny { status, body } | FaultAction::ApplyThenDeny { status, body }) => {
            answer(status, &body)
        }
        Some(FaultAction::ExpiredSignature) => {
            let (status, text) = Refusal::Expired.answer();
            xml(status, text)
        }
        Some(FaultAction::Redirect { to }) => {
            let target = match to {
                Some(to) => to,
                None => inner.change(|state| files::sign(state, code)),
            };
            (StatusCode::FOUND, [(header::LOCATION, target)]).into_response()
        }
        Some(FaultAction::ContentType { content_type }) => typed(&content_type, Body::from(content.bytes)),
        Some(FaultAction::SlowBody { chunk_bytes, pause_ms }) => {
            sized(&content.mime, length, slowly(content.bytes, chunk_bytes, Duration::from_millis(pause_ms)))
        }
        Some(FaultAction::EndlessBody) => {
            let piece = Bytes::from(vec![b'x'; PIECE_BYTES]);
            let endless = stream::repeat_with(move || Ok::<_, Infallible>(piece.clone()));
            typed(&content.mime, Body::from_stream(endless))
        }
        Some(FaultAction::CutBody { after_bytes }) => {
            let first = content.bytes.slice(..after_bytes.min(length));
            sized(&content.mime, length.max(after_bytes.saturating_add(1)), cut_after(first))
        }
        Some(FaultAction::WrongEncoding) => {
            let mut response = typed(&content.mime, Body::from(content.bytes));
            response
                .headers_mut()
                .insert(header::CONTENT_ENCODING, axum::http::HeaderValue::from_static("gzip"));
            response
        }
        Some(
            FaultAction::Delay { .. }
            | FaultAction::ApplyThenCut
            | FaultAction::Cut
            | FaultAction::Hang
            | FaultAction::SpaceFails { .. }
            | FaultAction::AnswerUrl { .. },
        )
        | None => typed(&content.mime, Body::from(content.bytes)),
    }
}

fn xml(status: u16, text: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "application/xml")], text).into_response()
}

fn typed(mime: &str, body: Body) -> Response {
    ([(header::CONTENT_TYPE, mime.to_owned())], body).into_response()
}

fn sized(mime: &str, length: usize, body: Body) -> Response {
    let headers = [(header::CONTENT_TYPE, mime.to_owned()), (header::CONTENT_LENGTH, length.to_string())];
    (headers, body).into_response()
}

fn slowly(bytes: Bytes, chunk_bytes: usize, pause: Duration) -> Body {
    let pieces = stream::unfold(bytes, move |mut left| async move {
        if left.is_empty() {
            return None;
        }
        tokio::time::sleep(pause).await;
        let piece = left.split_to(chunk_bytes.max(1).min(left.len()));
        Some((Ok::<_, Infallible>(piece), left))
    });
    Body::from_stream(pieces)
}

/// The first bytes, then the connection ends.
fn cut_after(first: Bytes) -> Body {
    let pieces = stream::unfold(Some(first), |left| async move {
        if let Some(first) = left {
            return Some((Ok(first), None));
        }
        // What was sent so far is written out while the body waits.
        tokio::time::sleep(CUT_PAUSE).await;
        Some((Err(io::Error::from(io::ErrorKind::ConnectionReset)), None))
    });
    Body::from_stream(pieces)
}
