//! Behaviours as bytes: a script of steps, sent as server-sent events or carried out before one JSON document.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;

use super::record::Tracked;
use super::{Behaviour, Shared};

/// Characters of one piece of a huge answer.
const HUGE_PIECE_CHARS: usize = 1_000;

/// One step of a streamed answer.
enum Step {
    /// A piece of text.
    Text(String),
    /// Bytes that are no piece of text: the end, or something wrong.
    Raw(String),
    Wait(Wait),
    /// Breaks the connection.
    Cut,
}

/// What is waited for. The agent's own end ends each of them: the connection is broken then.
enum Wait {
    /// This long.
    Pause(Duration),
    /// A release.
    Release,
    /// Nothing: the client is to close.
    Forever,
}

impl Wait {
    /// Waits; `false` when the agent stopped before that was over.
    async fn is_over(&self, shared: &Shared) -> bool {
        let stopped = shared.stopped.cancelled();
        match self {
            Self::Pause(pause) => timeout(*pause, stopped).await.is_err(),
            Self::Release => tokio::select! {
                biased;
                // The end comes before a release: it was the last word.
                () = stopped => false,
                permit = shared.releases.acquire() => permit.map(SemaphorePermit::forget).is_ok(),
            },
            Self::Forever => {
                stopped.await;
                false
            }
        }
    }
}

/// The answer to one request.
pub(super) async fn respond(
    behaviour: Behaviour,
    body: &Value,
    mut tracked: Tracked,
    shared: Arc<Shared>,
) -> Response {
    let question = body.pointer("/messages").and_then(Value::as_array).and_then(|all| all.last());
    let question = question.and_then(|message| message.get("content")).and_then(Value::as_str);
    let quoting = format!("something is wrong with: {}", question.unwrap_or_default());
    let steps = match behaviour {
        Behaviour::HangBeforeHeaders => {
            shared.stopped.cancelled().await;
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        Behaviour::Status { status, code, retry_after_s } => {
            tracked.done();
            return refuse(status, code.as_deref(), retry_after_s, &quoting);
        }
        Behaviour::Whole { text } => {
            tracked.done();
            return whole(&text);
        }
        Behaviour::Words { text, pause } => words(&text, pause, end()),
        Behaviour::Held { before, after } => {
            let mut steps = words(&before, Duration::ZERO, [Step::Wait(Wait::Release)]);
            steps.extend(words(&after, Duration::ZERO, end()));
            steps
        }
        Behaviour::HangAfter { text } => words(&text, Duration::ZERO, [Step::Wait(Wait::Forever)]),
        Behaviour::Cut { text } => words(&text, Duration::ZERO, [Step::Cut]),
        Behaviour::Malformed { text } => {
            words(&text, Duration::ZERO, [Step::Raw("data: {\"choices\": nonsense}\n\n".to_owned())])
        }
        Behaviour::ErrorInStream { text } => {
            let error =
                json!({ "error": { "message": quoting, "type": "server_error", "code": "overloaded" } });
            words(&text, Duration::ZERO, [Step::Raw(format!("data: {error}\n\n"))])
        }
        Behaviour::Empty => words("", Duration::ZERO, end()),
        Behaviour::Huge { chars } => huge(chars),
    };
    if body.get("stream").and_then(Value::as_bool) == Some(true) {
        return streamed(steps, tracked, shared);
    }
    carry_out(steps, tracked, &shared).await
}

fn refuse(status: u16, code: Option<&str>, retry_after_s: Option<u64>, message: &str) -> Response {
    let error = json!({ "error": { "message": message, "type": "scripted", "param": null, "code": code } });
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match retry_after_s {
        Some(seconds) => (status, [(header::RETRY_AFTER, seconds.to_string())], Json(error)).into_response(),
        None => (status, Json(error)).into_response(),
    }
}

fn whole(text: &str) -> Response {
    let choice = json!({
        "index": 0, "message": { "role": "assistant", "content": text }, "finish_reason": "stop",
    });
    Json(json!({ "id": "chatcmpl-1", "object": "chat.completion", "choices": [choice] })).into_response()
}

fn words(text: &str, pause: Duration, then: impl IntoIterator<Item = Step>) -> VecDeque<Step> {
    let mut steps = VecDeque::new();
    for word in text.split_inclusive(' ') {
        if !pause.is_zero() {
            steps.push_back(Step::Wait(Wait::Pause(pause)));
        }
        steps.push_back(Step::Text(word.to_owned()));
    }
    steps.extend(then);
    steps
}

fn huge(chars: usize) -> VecDeque<Step> {
    let mut steps = VecDeque::new();
    let mut left = chars;
    while left > 0 {
        let length = left.min(HUGE_PIECE_CHARS);
        steps.push_back(Step::Text("x".repeat(length)));
        left = left.saturating_sub(length);
    }
    steps.extend(end());
    steps
}

/// How a stream ends in good order: a reason, a count of tokens (which has no choice), the end mark.
fn end() -> [Step; 1] {
    let reason = json!({
        "object": "chat.completion.chunk", "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }],
    });
    let usage = json!({ "object": "chat.completion.chunk", "choices": [], "usage": { "total_tokens": 1 } });
    [Step::Raw(format!("data: {reason}\n\ndata: {usage}\n\ndata: [DONE]\n\n"))]
}

fn streamed(steps: VecDeque<Step>, tracked: Tracked, shared: Arc<Shared>) -> Response {
    let opening = json!({
        "object": "chat.completion.chunk",
        "choices": [{ "index": 0, "delta": { "role": "assistant", "content": "" }, "finish_reason": null }],
    });
    let mut steps = steps;
    steps.push_front(Step::Raw(format!("data: {opening}\n\n")));
    let sending = Sending { steps, tracked, shared };
    let body =
        stream::unfold(
            sending,
            |mut sending| async move { sending.next().await.map(|bytes| (bytes, sending)) },
        );
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(body)).into_response()
}

/// A stream being sent.
struct Sending {
    steps: VecDeque<Step>,
    tracked: Tracked,
    shared: Arc<Shared>,
}

impl Sending {
    /// The next bytes, or the error by which the server breaks the connection.
    async fn next(&mut self) -> Option<Result<String, io::Error>> {
        loop {
            let step = self.steps.pop_front()?;
            if self.steps.is_empty() && !matches!(step, Step::Wait(_)) {
                // Before the bytes leave: a client may close as soon as it has them.
                self.tracked.done();
            }
            match step {
                Step::Text(text) => return Some(Ok(piece(self.tracked.number(), &text))),
                Step::Raw(bytes) => return Some(Ok(bytes)),
                Step::Wait(wait) if wait.is_over(&self.shared).await => {}
                Step::Wait(_) | Step::Cut => return Some(cut().await),
            }
        }
    }
}

fn piece(number: usize, text: &str) -> String {
    let chunk = json!({
        "id": format!("chatcmpl-{number}"),
        "object": "chat.completion.chunk",
        "choices": [{ "index": 0, "delta": { "content": text }, "finish_reason": null }],
    });
    format!("data: {chunk}\n\n")
}

/// The same steps for a client that wants the answer whole.
async fn carry_out(steps: VecDeque<Step>, mut tracked: Tracked, shared: &Shared) -> Response {
    let mut text = String::new();
    for step in steps {
        match step {
            Step::Text(piece) => text.push_str(&piece),
            Step::Raw(_) => {}
            Step::Wait(wait) if wait.is_over(shared).await => {}
            Step::Wait(_) | Step::Cut => {
                tracked.done();
                let begun = stream::once(async { Ok("{\"choices\":[".to_owned()) });
                let body = Body::from_stream(begun.chain(stream::once(cut())));
                return ([(header::CONTENT_TYPE, "application/json")], body).into_response();
            }
        }
    }
    tracked.done();
    whole(&text)
}

/// The error by which the server breaks the connection.
async fn cut() -> Result<String, io::Error> {
    // Once not ready, so that the server sends off what it still holds.
    tokio::task::yield_now().await;
    Err(io::Error::other("cut by the script"))
}
