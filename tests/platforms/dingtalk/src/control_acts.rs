//! The control API's newer half: clicks, events, uploads and files, reading, fuzzing. Described in the README.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State as Shared};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use crate::clicks::{self, Click};
use crate::control::{done, parsed, refuse};
use crate::events::{self, PlatformEvent};
use crate::fuzz::{self, FuzzPlan};
use crate::sent;
use crate::state::Inner;

type Shell = Shared<Arc<Inner>>;
type Body<T> = Result<Json<T>, JsonRejection>;

/// Newest entries of one answer.
const LIST_MAX: usize = 1_000;

/// Routes of this half.
pub(crate) fn routes() -> Router<Arc<Inner>> {
    Router::new()
        .route("/sim/api/cards/{out_track_id}/click", post(click))
        .route("/sim/api/clicks", get(all_clicks))
        .route("/sim/api/clicks/{number}", get(one_click))
        .route("/sim/api/events", get(all_events).post(event))
        .route("/sim/api/events/{number}", get(one_event))
        .route("/sim/api/media", get(uploads))
        .route("/sim/api/media/{media_id}", get(upload))
        .route("/sim/api/files/expire", post(expire_files))
        .route("/sim/api/sent", get(all_sent))
        .route("/sim/api/sent/{key}/read", post(read))
        .route("/sim/api/reactions", get(reactions))
        .route("/sim/api/fuzz", get(fuzz_report).post(start_fuzz).delete(stop_fuzz))
        .route("/sim/media/{media_id}", get(media_content))
        .route("/sim/files/{code}", get(file_content))
}

async fn click(
    Shared(inner): Shell,
    Path(out_track_id): Path<String>,
    body: Body<Click>,
) -> Result<Response, Response> {
    let number = clicks::click(&inner, &out_track_id, &parsed(body)?);
    let number = number.map_err(|unknown| refuse(StatusCode::NOT_FOUND, &unknown.to_string()))?;
    Ok(inner.look(|state| {
        Json(json!({"number": number, "click": state.observed.clicks.numbered(number)})).into_response()
    }))
}

fn newest<'a, T: serde::Serialize + 'a>(entries: impl DoubleEndedIterator<Item = &'a T>) -> Response {
    let mut kept: Vec<&T> = entries.rev().take(LIST_MAX).collect();
    kept.reverse();
    Json(kept).into_response()
}

fn found<T: serde::Serialize>(entry: Option<T>) -> Response {
    entry.map_or_else(
        || refuse(StatusCode::NOT_FOUND, "nothing with this id"),
        |entry| Json(entry).into_response(),
    )
}

async fn all_clicks(Shared(inner): Shell) -> Response {
    inner.look(|state| newest(state.observed.clicks.iter()))
}

async fn one_click(Shared(inner): Shell, Path(number): Path<u64>) -> Response {
    inner.look(|state| found(state.observed.clicks.numbered(number)))
}

async fn event(Shared(inner): Shell, body: Body<PlatformEvent>) -> Result<Response, Response> {
    let number = events::happen(&inner, parsed(body)?);
    number
        .map(|number| Json(json!({"number": number})).into_response())
        .ok_or_else(|| refuse(StatusCode::NOT_FOUND, "no app with this client id"))
}

async fn all_events(Shared(inner): Shell) -> Response {
    inner.look(|state| newest(state.observed.events.iter()))
}

async fn one_event(Shared(inner): Shell, Path(number): Path<u64>) -> Response {
    inner.look(|state| found(state.observed.events.numbered(number)))
}

async fn uploads(Shared(inner): Shell) -> Response {
    inner.look(|state| newest(state.media.all()))
}

async fn upload(Shared(inner): Shell, Path(media_id): Path<String>) -> Response {
    inner.look(|state| found(state.media.named(&media_id)))
}

async fn expire_files(Shared(inner): Shell) -> Response {
    inner.change(|state| state.files.expire_codes());
    done()
}

async fn all_sent(Shared(inner): Shell) -> Response {
    inner.look(|state| newest(state.observed.sent.iter()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reader {
    user: String,
}

async fn read(
    Shared(inner): Shell,
    Path(key): Path<String>,
    body: Body<Reader>,
) -> Result<Response, Response> {
    let Reader { user } = parsed(body)?;
    if inner.change(|state| sent::read(state, &key, &user)) {
        Ok(done())
    } else {
        Err(refuse(StatusCode::NOT_FOUND, "no message with this processQueryKey"))
    }
}

async fn reactions(Shared(inner): Shell) -> Response {
    inner.look(|state| newest(state.observed.reactions.iter()))
}

async fn start_fuzz(Shared(inner): Shell, body: Body<FuzzPlan>) -> Result<Response, Response> {
    let seed = fuzz::start(&inner, parsed(body)?);
    Ok(Json(json!({"seed": seed})).into_response())
}

async fn stop_fuzz(Shared(inner): Shell) -> Response {
    inner.change(|state| state.fuzz.stop());
    done()
}

async fn fuzz_report(Shared(inner): Shell) -> Response {
    Json(inner.look(fuzz::report)).into_response()
}

/// The content of an upload, for the page and for judges.
async fn media_content(Shared(inner): Shell, Path(media_id): Path<String>) -> Response {
    let media = inner.look(|state| state.media.named(&media_id).cloned());
    media.map_or_else(
        || refuse(StatusCode::NOT_FOUND, "no upload with this media id"),
        |media| shown(&media.mime, media.content),
    )
}

/// The content of a file somebody sent, for the page and for judges.
async fn file_content(Shared(inner): Shell, Path(code): Path<String>) -> Response {
    let content = inner.look(|state| state.files.content(&code).cloned());
    content.map_or_else(
        || refuse(StatusCode::NOT_FOUND, "no file with this download code"),
        |content| shown(&content.mime, content.bytes),
    )
}

/// Pictures are shown; whatever else it is, a browser only saves it.
fn shown(mime: &str, content: axum::body::Bytes) -> Response {
    let is_picture = mime.starts_with("image/") && !mime.contains("svg");
    let mime = if is_picture { mime } else { "application/octet-stream" };
    let mut response = content.into_response();
    let headers = response.headers_mut();
    if let Ok(mime) = HeaderValue::from_str(mime) {
        headers.insert(header::CONTENT_TYPE, mime);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        HeaderName::from_static("content-security-policy"),
        HeaderValue::from_static("default-src 'none'"),
    );
    response
}
