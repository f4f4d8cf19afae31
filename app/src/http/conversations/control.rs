//! `POST /conversations/{id}/reset` and `POST /conversations/{id}/stop`: what `/new` and `/stop` do in the chat.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use switchboard_domain::ids::ConversationId;
use switchboard_domain::inbox::Control;

use super::{found, unknown};
use crate::http::acts::{self, Act};
use crate::http::auth::{Caller, Operator};
use crate::http::dto::conversation::ConversationView;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

type Accepted = (StatusCode, Json<ConversationView>);

/// Starts a new session: the running reply stops, waiting messages are dropped, the context is cleared.
#[utoipa::path(post, path = "/conversations/{id}/reset", tag = "conversations", operation_id = "reset_conversation",
    params(("id" = String, Path, description = "the conversation's id")),
    responses((status = 202, description = "taken in", body = ConversationView)),
    security(("bearer" = ["operator"])))]
pub async fn reset(
    Operator(caller): Operator,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
) -> Result<Accepted, Problem> {
    query.finish()?;
    act(&api, &id, Control::New, (Act::ConversationReset, &caller)).await
}

/// Stops the running reply; with `all=true` waiting messages are withdrawn too.
#[utoipa::path(post, path = "/conversations/{id}/stop", tag = "conversations", operation_id = "stop_conversation",
    params(("id" = String, Path, description = "the conversation's id"),
        ("all" = Option<bool>, Query, description = "also withdraw what waits")),
    responses((status = 202, description = "taken in", body = ConversationView)),
    security(("bearer" = ["operator"])))]
pub async fn stop(
    Operator(caller): Operator,
    State(api): State<Api>,
    Id(id): Id,
    mut query: Query,
) -> Result<Accepted, Problem> {
    let all = query.flag("all");
    query.finish()?;
    act(&api, &id, Control::Stop { all }, (Act::ConversationStopped, &caller)).await
}

async fn act(
    api: &Api,
    id: &str,
    control: Control,
    (done, caller): (Act, &Caller),
) -> Result<Accepted, Problem> {
    if !api.operations.control(&ConversationId::new(id), control).await? {
        return Err(unknown());
    }
    acts::note(&api.ports, caller, done, id).await;
    let conversation = found(api, id).await?;
    Ok((StatusCode::ACCEPTED, Json(ConversationView::from(conversation))))
}
