//! The reading half of the control API: everything a judge outside the process may look at.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use crate::control::refuse;
use crate::records::PushedMessage;
use crate::state::Inner;

type Shell = Shared<Arc<Inner>>;

/// Longest answer to one list request (entries).
const LIST_MAX: usize = 1_000;
/// Longest wait of one `changes` request (ms).
const CHANGES_WAIT_MS_MAX: u64 = 60_000;

/// Routes that only read.
pub(crate) fn routes() -> Router<Arc<Inner>> {
    Router::new()
        .route("/sim/api/summary", get(summary))
        .route("/sim/api/changes", get(changes))
        .route("/sim/api/messages", get(messages))
        .route("/sim/api/messages/{msg_id}", get(message))
        .route("/sim/api/conversations", get(conversations))
        .route("/sim/api/conversations/{id}", get(conversation))
        .route("/sim/api/cards", get(cards))
        .route("/sim/api/cards/{out_track_id}", get(card))
        .route("/sim/api/calls", get(calls))
        .route("/sim/api/connections", get(connections))
        .route("/sim/api/opens", get(opens))
        .route("/sim/api/violations", get(violations))
}

/// Narrows a list. The newest entries win when there are more than `limit`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Only this path (calls).
    path: Option<String>,
    /// Only this conversation (messages, cards).
    conversation: Option<String>,
    /// Only this `outTrackId` (calls).
    card: Option<String>,
    /// At most this many entries, 1 to 1000. Default 1000.
    limit: Option<usize>,
}

impl Filter {
    fn newest<'a, T>(&self, entries: impl DoubleEndedIterator<Item = &'a T>) -> Vec<&'a T> {
        let limit = self.limit.unwrap_or(LIST_MAX).min(LIST_MAX);
        let mut kept: Vec<&T> = entries.rev().take(limit).collect();
        kept.reverse();
        kept
    }
}

async fn summary(Shared(inner): Shell) -> Response {
    inner.look(|state| Json(state.observed.summary()).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Since {
    /// The last version seen; the answer comes when there is another one.
    after: Option<u64>,
    /// Longest wait (ms), up to 60 000. Default 10 000.
    timeout_ms: Option<u64>,
}

/// Waits until something changed: `{"version": N, "changed": true}`.
async fn changes(Shared(inner): Shell, Query(since): Query<Since>) -> Response {
    let mut versions = inner.changes();
    let wait = Duration::from_millis(since.timeout_ms.unwrap_or(10_000).min(CHANGES_WAIT_MS_MAX));
    let changed = tokio::select! {
        biased;
        () = inner.root.cancelled() => false,
        reached = versions.wait_for(|version| since.after != Some(*version)) => reached.is_ok(),
        () = tokio::time::sleep(wait) => false,
    };
    let version = *inner.changes().borrow();
    Json(json!({"version": version, "changed": changed})).into_response()
}

async fn messages(Shared(inner): Shell, Query(filter): Query<Filter>) -> Response {
    let wanted = filter.conversation.as_deref();
    let fits = |message: &&PushedMessage| wanted.is_none_or(|id| message.conversation == id);
    inner.look(|state| Json(filter.newest(state.observed.messages.iter().filter(fits))).into_response())
}

async fn message(Shared(inner): Shell, Path(msg_id): Path<String>) -> Response {
    inner.look(|state| found(state.observed.message(&msg_id)))
}

fn found<T: serde::Serialize>(entry: Option<T>) -> Response {
    match entry {
        Some(entry) => Json(entry).into_response(),
        None => refuse(StatusCode::NOT_FOUND, "nothing with this id"),
    }
}

async fn conversations(Shared(inner): Shell, Query(filter): Query<Filter>) -> Response {
    inner.look(|state| {
        let known = filter.newest(state.observed.conversations.values());
        let entries: Vec<_> = known
            .into_iter()
            .map(|one| {
                json!({"id": one.id, "kind": one.kind, "title": one.title, "person": one.person,
                       "items": one.items.len()})
            })
            .collect();
        Json(entries).into_response()
    })
}

async fn conversation(Shared(inner): Shell, Path(id): Path<String>) -> Response {
    inner.look(|state| {
        found(state.observed.conversation(&id).map(|one| {
            json!({"conversation": one, "cards": state.observed.cards_in(&id),
                   "robot_texts": state.observed.robot_texts(&id)})
        }))
    })
}

async fn cards(Shared(inner): Shell, Query(filter): Query<Filter>) -> Response {
    let wanted = filter.conversation.as_ref();
    inner.look(|state| {
        let fitting =
            state.observed.cards().filter(|card| wanted.is_none_or(|id| card.conversations.contains(id)));
        Json(filter.newest(fitting)).into_response()
    })
}

async fn card(Shared(inner): Shell, Path(out_track_id): Path<String>) -> Response {
    inner.look(|state| found(state.observed.card(&out_track_id)))
}

async fn calls(Shared(inner): Shell, Query(filter): Query<Filter>) -> Response {
    inner.look(|state| {
        let fitting = state.observed.calls.iter().filter(|call| {
            filter.path.as_ref().is_none_or(|path| call.path == *path)
                && filter.card.as_deref().is_none_or(|card| call.out_track_id.as_deref() == Some(card))
        });
        Json(filter.newest(fitting)).into_response()
    })
}

async fn connections(Shared(inner): Shell, Query(filter): Query<Filter>) -> Response {
    inner.look(|state| Json(filter.newest(state.observed.connections.iter())).into_response())
}

async fn opens(Shared(inner): Shell, Query(filter): Query<Filter>) -> Response {
    inner.look(|state| Json(filter.newest(state.observed.opens.iter())).into_response())
}

async fn violations(Shared(inner): Shell, Query(filter): Query<Filter>) -> Response {
    inner.look(|state| Json(filter.newest(state.observed.violations.iter())).into_response())
}
