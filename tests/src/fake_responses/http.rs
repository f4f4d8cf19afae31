//! The fake server's endpoints.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, State as Shares};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream;
use serde_json::{Value, json};

use super::play::{Form, Play, document, events};
use super::{Asked, Shared, Stored, text_of};

/// Largest request taken, in bytes.
const REQUEST_BYTES_MAX: usize = 16 * 1024 * 1024;

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/v1/responses", post(ask))
        .route("/v1/responses/{id}", get(look))
        .route("/v1/responses/{id}/cancel", post(cancel))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .with_state(shared)
}

fn error(status: u16, code: Option<&str>, param: Option<&str>, message: &str) -> Response {
    let error =
        json!({"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}});
    (StatusCode::from_u16(status).expect("a status"), Json(error)).into_response()
}

async fn ask(Shares(shared): Shares<Arc<Shared>>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let asked = Asked {
        idempotency_key: text("idempotency-key"),
        authorization: text("authorization"),
        body: body.clone(),
    };
    let question =
        body["input"].as_array().and_then(|items| items.last()).map(|item| text_of(&item["content"]));
    let (number, known, play) = shared.change(|state| {
        let known = asked.previous().is_none_or(|id| state.responses.iter().any(|stored| stored.id == id));
        if body["input"].as_array().is_none_or(Vec::is_empty) {
            state.seen.violations.push("an input without items".to_owned());
        }
        if asked.previous().is_some() && asked.messages().len() != 1 {
            state.seen.violations.push("the history beside a response to go on from".to_owned());
        }
        state.seen.asked.push(asked);
        let play = if known { state.script.next() } else { None };
        (state.seen.asked.len(), known, play)
    });
    if !known {
        let message = "Previous response with id 'resp_x' not found.";
        return error(400, Some("previous_response_not_found"), Some("previous_response_id"), message);
    }
    let play = play
        .unwrap_or_else(|| Play::Say(format!("You said: {}", question.unwrap_or_default()), Form::Pieces));
    if let Play::Refuse { status, code, message } = play {
        return error(status, code, None, message);
    }
    let id = format!("resp_{number}");
    let background = body["background"] == true;
    let streamed = body["stream"] == true;
    if body["store"] == true {
        let waiting = document(&id, if background { "queued" } else { "in_progress" }, None);
        shared.change(|state| state.responses.push(Stored { id: id.clone(), background, document: waiting }));
    }
    if background {
        tokio::spawn(in_background(Arc::clone(&shared), id.clone(), play.clone()));
        return Json(document(&id, "queued", None)).into_response();
    }
    if let Play::Held(_) = play
        && shared.release().await.is_none()
    {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if !streamed || matches!(play, Play::Say(_, Form::Document)) {
        return Json(last_response(&id, &play)).into_response();
    }
    stream_of(&id, &play)
}

/// The whole response as it ends.
fn last_response(id: &str, play: &Play) -> Value {
    let (events, _) = events(id, play);
    let last = events.into_iter().last().unwrap_or_default();
    if last["response"].is_object() { last["response"].clone() } else { json!({"error": last}) }
}

fn stream_of(id: &str, play: &Play) -> Response {
    let (events, named) = events(id, play);
    let mut body: Vec<String> = events
        .iter()
        .map(|event| {
            let name = if named {
                format!("event: {}\n", event["type"].as_str().unwrap_or_default())
            } else {
                String::new()
            };
            format!("{name}data: {event}\n\n")
        })
        .collect();
    if named {
        body.push("data: [DONE]\n\n".to_owned());
    }
    let body = stream::iter(body.into_iter().map(Ok::<_, Infallible>));
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(body)).into_response()
}

/// A run that goes on whoever listens.
async fn in_background(shared: Arc<Shared>, id: String, play: Play) {
    if matches!(play, Play::Held(_)) {
        let cancelled = |state: &mut super::State| {
            let own = state.responses.iter().find(|stored| stored.id == id)?;
            (own.document["status"] == "cancelled").then_some(())
        };
        tokio::select! {
            biased;
            _ = shared.until(cancelled) => return,
            _ = shared.release() => {}
        }
    }
    let last = last_response(&id, &play);
    shared.change(|state| {
        if let Some(stored) = state.responses.iter_mut().find(|stored| stored.id == id) {
            stored.document = last;
        }
    });
}

async fn look(Shares(shared): Shares<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let found = shared.change(|state| {
        state.seen.looks.push(id.clone());
        state.responses.iter().find(|stored| stored.id == id).map(|stored| stored.document.clone())
    });
    match found {
        Some(document) => Json(document).into_response(),
        None => error(404, None, None, "Response not found"),
    }
}

async fn cancel(Shares(shared): Shares<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let found = shared.change(|state| {
        state.seen.cancels.push(id.clone());
        let stored = state.responses.iter_mut().find(|stored| stored.id == id)?;
        if stored.background {
            stored.document = document(&id, "cancelled", None);
        }
        Some((stored.background, stored.document.clone()))
    });
    match found {
        Some((true, document)) => Json(document).into_response(),
        Some((false, _)) => error(400, None, None, "Only responses in the background can be cancelled"),
        None => error(404, None, None, "Response not found"),
    }
}
