//! The control API below `/sim/api`: pushing, disturbing, turning knobs. Described in the README.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Path, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::config::{Group, Person};
use crate::connections::{self, Disruption};
use crate::delivery;
use crate::faults::{FaultId, FaultRule};
use crate::push::{Push, PushError};
use crate::state::{Inner, State};
use crate::{control_acts, control_views, webhook};

/// Largest body of a control request (bytes): a file of 64 MiB in Base64.
const BODY_BYTES_MAX: usize = 90 * 1024 * 1024;

type Shell = Shared<Arc<Inner>>;
type Body<T> = Result<Json<T>, JsonRejection>;

/// Routes of the control API.
pub(crate) fn routes() -> Router<Arc<Inner>> {
    Router::new()
        .route("/sim/api/push", post(push))
        .route("/sim/api/messages/{msg_id}/duplicate", post(duplicate))
        .route("/sim/api/knobs", get(knobs).patch(turn_knobs))
        .route("/sim/api/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/sim/api/faults/{id}", delete(remove_fault))
        .route("/sim/api/swallow-acks", post(swallow_acks))
        .route("/sim/api/connections/{id}/disrupt", post(disrupt))
        .route("/sim/api/tokens/expire", post(expire_tokens))
        .route("/sim/api/webhooks/expire", post(expire_webhooks))
        .route("/sim/api/apps/{client_id}", axum::routing::patch(change_app))
        .route("/sim/api/people", post(add_person))
        .route("/sim/api/groups", post(add_group))
        .merge(control_views::routes())
        .merge(control_acts::routes())
        // Pushes carry files.
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// An error answer of the control API.
pub(crate) fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"error": message}))).into_response()
}

pub(crate) fn done() -> Response {
    Json(json!({"ok": true})).into_response()
}

/// The parsed body, or the answer to a wrong one.
#[expect(clippy::result_large_err, reason = "handlers return the answer as it is")]
pub(crate) fn parsed<T>(body: Body<T>) -> Result<T, Response> {
    body.map(|Json(value)| value).map_err(|rejection| refuse(rejection.status(), &rejection.body_text()))
}

/// The answer to a message that was not accepted.
pub(crate) fn refuse_push(error: &PushError) -> Response {
    let status = match error {
        PushError::UnknownApp | PushError::UnknownConversation | PushError::UnknownCard => {
            StatusCode::NOT_FOUND
        }
        PushError::BadFile => StatusCode::UNPROCESSABLE_ENTITY,
        PushError::Full => StatusCode::SERVICE_UNAVAILABLE,
        PushError::MessageIdUsed => StatusCode::CONFLICT,
    };
    refuse(status, &error.to_string())
}

async fn push(Shared(inner): Shell, body: Body<Push>) -> Result<Response, Response> {
    let accepted = delivery::accept(&inner, parsed(body)?);
    accepted.map(|handle| Json(handle).into_response()).map_err(|error| refuse_push(&error))
}

async fn duplicate(Shared(inner): Shell, Path(msg_id): Path<String>) -> Response {
    if delivery::duplicate(&inner, &msg_id) {
        done()
    } else {
        refuse(StatusCode::NOT_FOUND, "no message with this id")
    }
}

async fn knobs(Shared(inner): Shell) -> Response {
    Json(inner.look(|state| state.knobs.clone())).into_response()
}

async fn turn_knobs(Shared(inner): Shell, body: Body<Map<String, Value>>) -> Result<Response, Response> {
    let patch = parsed(body)?;
    let turned = inner.change(|state| {
        state.knobs = state.knobs.patched(patch)?;
        Ok(state.knobs.clone())
    });
    turned
        .map(|knobs| Json(knobs).into_response())
        .map_err(|message: String| refuse(StatusCode::UNPROCESSABLE_ENTITY, &message))
}

async fn faults(Shared(inner): Shell) -> Response {
    inner.look(|state| Json(state.faults.all()).into_response())
}

async fn add_fault(Shared(inner): Shell, body: Body<FaultRule>) -> Result<Response, Response> {
    let rule = parsed(body)?;
    if !(0.0..=1.0).contains(&rule.probability) {
        return Err(refuse(StatusCode::UNPROCESSABLE_ENTITY, "probability must be between 0 and 1"));
    }
    let id = inner.change(|state| state.faults.add(rule));
    id.map(|id| Json(json!({"id": id})).into_response())
        .ok_or_else(|| refuse(StatusCode::INSUFFICIENT_STORAGE, "too many fault rules"))
}

async fn clear_faults(Shared(inner): Shell) -> Response {
    inner.change(|state| state.faults.clear());
    done()
}

async fn remove_fault(Shared(inner): Shell, Path(id): Path<FaultId>) -> Response {
    if inner.change(|state| state.faults.remove(id)) {
        done()
    } else {
        refuse(StatusCode::NOT_FOUND, "no fault rule with this id")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SwallowAcks {
    count: u32,
}

async fn swallow_acks(Shared(inner): Shell, body: Body<SwallowAcks>) -> Result<Response, Response> {
    let SwallowAcks { count } = parsed(body)?;
    inner.change(|state| state.faults.acks_to_swallow = count);
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Disrupt {
    kind: Disruption,
}

/// `{id}` = a `connectionId` or `all`.
async fn disrupt(
    Shared(inner): Shell,
    Path(id): Path<String>,
    body: Body<Disrupt>,
) -> Result<Response, Response> {
    let Disrupt { kind } = parsed(body)?;
    let only = (id != "all").then_some(id.as_str());
    let hit = inner.change(|state| connections::disrupt(state, only, kind));
    Ok(Json(json!({"connections": hit})).into_response())
}

async fn expire_tokens(Shared(inner): Shell) -> Response {
    inner.change(|state| state.apps.expire_all());
    done()
}

async fn expire_webhooks(Shared(inner): Shell) -> Response {
    inner.change(webhook::expire_all);
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AppChange {
    client_secret: Option<String>,
    scopes: Option<Vec<String>>,
    robot_name: Option<String>,
}

async fn change_app(
    Shared(inner): Shell,
    Path(client_id): Path<String>,
    body: Body<AppChange>,
) -> Result<Response, Response> {
    let change = parsed(body)?;
    let apply = |state: &mut State| {
        let app = state.apps.named_mut(&client_id)?;
        app.client_secret = change.client_secret.unwrap_or_else(|| app.client_secret.clone());
        app.scopes = change.scopes.unwrap_or_else(|| app.scopes.clone());
        app.robot_name = change.robot_name.unwrap_or_else(|| app.robot_name.clone());
        Some(())
    };
    inner
        .change(apply)
        .map(|()| done())
        .ok_or_else(|| refuse(StatusCode::NOT_FOUND, "no app with this client id"))
}

async fn add_person(Shared(inner): Shell, body: Body<Person>) -> Result<Response, Response> {
    let person = parsed(body)?;
    inner.change(|state| state.learn_person(&person.staff_id, &person.nick));
    Ok(done())
}

async fn add_group(Shared(inner): Shell, body: Body<Group>) -> Result<Response, Response> {
    let group = parsed(body)?;
    inner.change(|state| state.learn_group(&group.conversation, &group.title));
    Ok(done())
}
