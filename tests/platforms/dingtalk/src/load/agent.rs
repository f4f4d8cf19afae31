//! The built-in agent: an OpenAI-compatible endpoint whose answers have as many pieces and take as long as a run wants.

use std::future::IntoFuture;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State as Shared};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Json, Router};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep_until};

use super::marks::{Mark, marks_in};
use super::words::Words;
use crate::state::Inner;

/// Largest request taken (bytes): a long history.
const REQUEST_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What the agent's answers are like.
#[derive(Clone, Debug)]
pub struct AgentPlan {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// From the first piece to the last.
    pub lasting: Duration,
}

/// A running agent; it ends with the simulator.
#[derive(Debug)]
pub(crate) struct Agent {
    address: SocketAddr,
}

struct Said {
    inner: Arc<Inner>,
    words: Words,
    /// The pieces as events; the first one lacks the marks, and is made anew for each answer.
    events: Vec<Bytes>,
    lasting: Duration,
}

impl Agent {
    pub(crate) async fn start(inner: Arc<Inner>, plan: &AgentPlan, words: Words) -> io::Result<Self> {
        let listener = TcpListener::bind(plan.listen).await?;
        let address = listener.local_addr()?;
        let ended = inner.root.clone().cancelled_owned();
        let events = words.pieces().iter().map(|piece| Bytes::from(event(piece))).collect();
        let said = Arc::new(Said { inner, words, events, lasting: plan.lasting });
        let router = Router::new()
            .route("/v1/chat/completions", post(answer))
            .route("/v1/models", get(models))
            .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
            .with_state(said);
        // Pieces are to leave one by one.
        let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
        tokio::spawn(axum::serve(listener, router).with_graceful_shutdown(ended).into_future());
        Ok(Self { address })
    }

    /// `base_url` of an agent of the kind `openai-chat`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

async fn models() -> Json<Value> {
    Json(
        json!({ "object": "list", "data": [{ "id": "load", "object": "model", "owned_by": "dingtalk-sim" }] }),
    )
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    stream: bool,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    #[serde(default)]
    content: Value,
}

impl Asked {
    /// The marks in the last thing that a person said.
    fn marks(&self) -> Vec<Mark> {
        let last = self.messages.iter().rev().find(|message| message.role == "user");
        match last.map(|message| &message.content) {
            Some(Value::String(text)) => marks_in(text),
            Some(Value::Array(parts)) => {
                let texts = parts.iter().filter_map(|part| part.get("text")?.as_str());
                texts.flat_map(marks_in).collect()
            }
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => Vec::new(),
        }
    }
}

async fn answer(Shared(said): Shared<Arc<Said>>, body: Bytes) -> Response {
    let Ok(asked) = serde_json::from_slice::<Asked>(&body) else {
        let error = json!({ "error": { "message": "no chat completion", "type": "invalid_request_error" } });
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    };
    let marks = asked.marks();
    said.tell(|judge, now_us| judge.asked(&marks, now_us));
    if asked.stream {
        return streamed(said, marks);
    }
    tokio::time::sleep(said.lasting).await;
    said.tell(|judge, now_us| judge.told(&marks, now_us));
    let choice = json!({
        "index": 0, "message": { "role": "assistant", "content": said.words.whole(&marks) }, "finish_reason": "stop",
    });
    Json(json!({ "id": "chatcmpl-load", "object": "chat.completion", "choices": [choice] })).into_response()
}

fn streamed(said: Arc<Said>, marks: Vec<Mark>) -> Response {
    let begun = Instant::now();
    let pieces = stream::unfold((said, marks, 0_usize), move |(said, marks, number)| async move {
        let mut bytes = said.events.get(number)?.clone();
        let due = said.due(number);
        if !due.is_zero() {
            sleep_until(begun + due).await;
        }
        if number == 0 {
            let first = said.words.pieces().first().map(String::as_str).unwrap_or_default();
            bytes = Bytes::from(event(&[Words::beginning(&marks).as_str(), first].concat()));
        }
        let next = number.saturating_add(1);
        if next < said.events.len() {
            return Some((Ok::<_, io::Error>(bytes), (said, marks, next)));
        }
        let mut last = bytes.to_vec();
        last.extend_from_slice(end().as_bytes());
        said.tell(|judge, now_us| judge.told(&marks, now_us));
        Some((Ok(Bytes::from(last)), (said, marks, next)))
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(pieces)).into_response()
}

impl Said {
    fn tell(&self, tell: impl FnOnce(&mut super::Judge, u64)) {
        self.inner.change(|state| {
            let now_us = state.clock.now_us();
            if let Some(judge) = &mut state.judge {
                tell(judge, now_us);
            }
        });
    }

    /// When a piece is said: the first at once, the last at the end, an only one at the end, too.
    fn due(&self, number: usize) -> Duration {
        let steps = u32::try_from(self.events.len().saturating_sub(1)).unwrap_or(u32::MAX);
        let step = u32::try_from(number).unwrap_or(u32::MAX);
        if steps == 0 { self.lasting } else { self.lasting.saturating_mul(step) / steps }
    }
}

fn event(piece: &str) -> String {
    let chunk = json!({
        "id": "chatcmpl-load",
        "object": "chat.completion.chunk",
        "choices": [{ "index": 0, "delta": { "content": piece }, "finish_reason": null }],
    });
    format!("data: {chunk}\n\n")
}

/// How a stream ends in good order: a reason, and the end mark.
fn end() -> String {
    let reason = json!({
        "id": "chatcmpl-load",
        "object": "chat.completion.chunk",
        "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }],
    });
    format!("data: {reason}\n\ndata: [DONE]\n\n")
}
