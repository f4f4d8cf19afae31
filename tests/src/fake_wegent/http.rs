//! The fake Wegent's endpoints, and the runs behind them.

use std::io;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State as Shares};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::state::{Call, Play, Refusal, State, TaskState, Verb, detail};
use super::{EXECUTOR_TEAM, Shared, upload};

/// Largest request taken, in bytes.
const REQUEST_BYTES_MAX: usize = 16 * 1024 * 1024;

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/api/v1/responses", post(ask))
        .route("/api/v1/responses/{id}", get(look))
        .route("/api/v1/responses/{id}/cancel", post(cancel))
        .route("/api/v1/attachments/upload", post(upload::upload))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .with_state(shared)
}

/// Who makes a request: the key, and whom it says it is for.
fn credentials(headers: &HeaderMap) -> (String, Option<String>) {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // A key in its own header counts only with its prefix.
    let key = text("x-api-key").filter(|key| key.starts_with("wg-"));
    let token = || text("authorization").and_then(|value| value.strip_prefix("Bearer "));
    (key.or_else(token).unwrap_or_default().to_owned(), text("wegent-username").map(str::to_owned))
}

/// Notes a request and says whose it is, or why it is refused.
pub(super) fn enter(
    state: &mut State,
    verb: Verb,
    headers: &HeaderMap,
    response: Option<&str>,
    body: Value,
) -> Result<String, Refusal> {
    let (key, named) = credentials(headers);
    state.calls.push(Call {
        verb,
        key: key.clone(),
        user: None,
        response: response.map(str::to_owned),
        body,
        status: 0,
        at: Instant::now(),
    });
    let result =
        state.user_of(&key, named.as_deref()).and_then(|user| state.admit(verb, &key).map(|()| user));
    if let (Some(call), Ok(user)) = (state.calls.last_mut(), &result) {
        call.user = Some(user.clone());
    }
    result
}

/// Notes the status of the last request and answers with it.
pub(super) fn answered(shared: &Shared, index: usize, (status, body): (u16, Value)) -> Response {
    shared.change(|state| {
        if let Some(call) = state.calls.get_mut(index) {
            call.status = status;
        }
    });
    (StatusCode::from_u16(status).expect("a status"), Json(body)).into_response()
}

async fn ask(Shares(shared): Shares<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let begun = shared.change(|state| {
        let index = state.calls.len();
        (index, begin(state, &headers, &body))
    });
    let (index, id) = match begun {
        (index, Ok(id)) => (index, id),
        (index, Err(refusal)) => return answered(&shared, index, refusal),
    };
    let play = shared.change(|state| state.script.next());
    let question = body["input"].as_str().unwrap_or_default().to_owned();
    let play = play.unwrap_or_else(|| Play::Say(format!("You said: {question}")));
    // The run is the server's: a client that goes away does not end it.
    tokio::spawn(run(Arc::clone(&shared), id, play.clone()));
    let model = body["model"].as_str().unwrap_or_default().to_owned();
    if body["stream"] == true {
        shared.change(|state| state.calls[index].status = 200);
        return streamed(shared, id, model, &play);
    }
    // Executors answer at once that it is queued; chat teams when it is done.
    let document = shared
        .until(|state| {
            let task = state.task(id)?;
            (task.is_executors() || task.state.is_over()).then(|| task.document(&model))
        })
        .await;
    answered(&shared, index, (200, document.unwrap_or_default()))
}

/// A question is taken on: its task's number.
fn begin(state: &mut State, headers: &HeaderMap, body: &Value) -> Result<u64, Refusal> {
    let user = enter(state, Verb::Ask, headers, None, body.clone())?;
    let text = state.input(body)?;
    let previous = state.previous(body, &user)?;
    let team = State::team(body)?;
    let executors = team == EXECUTOR_TEAM;
    if executors && body["stream"] == true {
        // It is set up before that is noticed, and stays behind as failed.
        let id = state.begin(previous, &user, &team, &text, TaskState::Failed);
        let task = state.task(id).expect("just begun");
        task.error = Some("Streaming is only supported for Chat Shell type teams".to_owned());
        return Err(detail(400, "Streaming is only supported for Chat Shell type teams"));
    }
    for id in body["attachment_ids"].as_array().into_iter().flatten() {
        let given = u64::try_from(state.files.len()).unwrap_or(u64::MAX);
        let known = id.as_u64().is_some_and(|id| (1..=given).contains(&id));
        if !known {
            return Err(detail(404, "Attachment not found"));
        }
    }
    let first = if executors { TaskState::Queued } else { TaskState::Running };
    Ok(state.begin(previous, &user, &team, &text, first))
}

/// Carries a run out, whoever listens.
async fn run(shared: Arc<Shared>, id: u64, play: Play) {
    let say = |text: &str| {
        shared.change(|state| {
            if let Some(item) = state.task(id).and_then(|task| task.items.last_mut()) {
                item.text.push_str(text);
            }
        });
    };
    let looks_over = async || {
        let over = |state: &mut State| {
            let needed = state.executor_looks;
            let task = state.task(id)?;
            (!task.is_executors() || task.looks >= needed).then_some(())
        };
        shared.until(over).await
    };
    match play {
        Play::Say(text) | Play::SayAtTheEnd(text) => {
            looks_over().await;
            for word in text.split_inclusive(' ') {
                say(word);
                tokio::task::yield_now().await;
            }
        }
        Play::Held { before, after } => {
            say(&before);
            let mark = shared.released();
            // A stop reaches chat teams only.
            let go = |state: &mut State| {
                let released = state.script.released() > mark;
                let task = state.task(id)?;
                let stopped = task.stopped && !task.is_executors();
                (released || stopped).then_some(stopped)
            };
            if shared.until(go).await == Some(false) {
                say(&after);
            }
        }
        Play::Cut { before, after } => {
            say(&before);
            shared.until(|state| (state.task(id)?.looks > 0).then_some(())).await;
            say(&after);
        }
        Play::Fail(words) => {
            looks_over().await;
            shared.change(|state| state.task(id).map(|task| task.error = Some(words)));
        }
        Play::Ask(question) => {
            looks_over().await;
            shared.change(|state| state.task(id).map(|task| task.question = Some(question)));
        }
    }
    shared.change(|state| {
        if let Some(task) = state.task(id) {
            task.state = if task.error.is_some() { TaskState::Failed } else { TaskState::Completed };
        }
    });
}

async fn look(Shares(shared): Shares<Arc<Shared>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let (index, result) = shared.change(|state| {
        let index = state.calls.len();
        let result = enter(state, Verb::Look, &headers, Some(&id), Value::Null).and_then(|user| {
            let task = of_user(state, &id, &user)?;
            task.looks += 1;
            if task.state == TaskState::Queued && task.looks > 1 {
                task.state = TaskState::Running;
            }
            Ok(task.document("whatever"))
        });
        (index, result)
    });
    answered(&shared, index, result.map_or_else(|refusal| refusal, |document| (200, document)))
}

async fn cancel(Shares(shared): Shares<Arc<Shared>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let (index, result) = shared.change(|state| {
        let index = state.calls.len();
        let result = enter(state, Verb::Cancel, &headers, Some(&id), Value::Null).and_then(|user| {
            let task = of_user(state, &id, &user)?;
            task.cancels += 1;
            task.stopped = !task.state.is_over();
            Ok((task.id, task.is_executors()))
        });
        (index, result)
    });
    let (number, executors) = match result {
        Ok(found) => found,
        Err(refusal) => return answered(&shared, index, refusal),
    };
    let document = shared
        .until(|state| {
            let task = state.task(number)?;
            (executors || task.state.is_over()).then(|| task.document("whatever"))
        })
        .await;
    answered(&shared, index, (200, document.unwrap_or_default()))
}

fn of_user<'a>(state: &'a mut State, id: &str, user: &str) -> Result<&'a mut super::Task, Refusal> {
    let number = id.strip_prefix("resp_").and_then(|id| id.parse().ok()).unwrap_or(0);
    let task = state.tasks.iter_mut().find(|task| task.id == number && task.user == user);
    task.ok_or_else(|| detail(404, format!("Response '{id}' not found")))
}

/// One event of a stream.
fn line(event: &Value) -> String {
    format!("data: {event}\n\n")
}

/// A stream of a run: data lines only, no names, no end mark, types that nobody knows in between.
fn streamed(shared: Arc<Shared>, id: u64, model: String, play: &Play) -> Response {
    let in_pieces = !matches!(play, Play::SayAtTheEnd(_));
    let breaks = matches!(play, Play::Cut { .. });
    let created = json!({"type": "response.created", "response": {"id": format!("resp_{id}"), "object": "response", "status": "in_progress", "model": model, "output": []}});
    let opening = [
        created,
        json!({"type": "response.task_context", "task_id": id}),
        json!({"type": "response.block.created", "block": {"type": "text"}}),
        json!({"type": "response.mcp_call.in_progress", "item_id": "mcp_1"}),
    ];
    let opening = opening.iter().map(line).collect::<Vec<_>>().concat();
    let following = (shared, 0_usize, Some(opening), false);
    let body = stream::unfold(following, move |(shared, shown, opening, over)| {
        let model = model.clone();
        async move {
            if let Some(opening) = opening {
                return Some((Ok::<_, io::Error>(opening), (shared, shown, None, false)));
            }
            if over {
                return None;
            }
            if breaks && shown > 0 {
                // Once not ready, so that the server sends off what it still holds.
                tokio::task::yield_now().await;
                return Some((Err(io::Error::other("cut")), (shared, shown, None, true)));
            }
            let (text, document) = shared
                .until(|state| {
                    let task = state.task(id)?;
                    let text = task.items.last()?.text.clone();
                    let over = task.state.is_over();
                    let grown = text.len() > shown && in_pieces;
                    (grown || over).then(|| (text, over.then(|| (task.state, task.document(&model)))))
                })
                .await?;
            let mut events = String::new();
            if in_pieces && text.len() > shown {
                let delta = json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": text.get(shown..)});
                events.push_str(&line(&delta));
            }
            let over = document.is_some();
            if let Some((state, response)) = document {
                let kind = if state == TaskState::Failed { "response.failed" } else { "response.completed" };
                events.push_str(&line(&json!({"type": kind, "response": response})));
            }
            Some((Ok(events), (shared, text.len(), None, over)))
        }
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(body)).into_response()
}
