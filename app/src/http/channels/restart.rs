//! `POST /channels/{id}/restart`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::{found, status_of};
use crate::http::acts::{self, Act};
use crate::http::auth::Operator;
use crate::http::dto::status::StatusView;
use crate::http::language::Language;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// Closes the channel's connection and opens a new one.
#[utoipa::path(post, path = "/channels/{id}/restart", tag = "channels", operation_id = "restart_channel",
    params(("id" = String, Path, description = "the channel's id")),
    responses((status = 202, description = "its status by now", body = StatusView),
        (status = 409, description = "it is disabled")),
    security(("bearer" = ["operator"])))]
pub async fn restart(
    Operator(caller): Operator,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
    Language(locale): Language,
) -> Result<(StatusCode, Json<StatusView>), Problem> {
    query.finish()?;
    let channel = found(&api, &id).await?;
    if !channel.enabled || !api.operations.restart(&channel.id).await? {
        return Err(Problem::wrong_state("the channel is disabled: enable it instead"));
    }
    tracing::info!(channel = %channel.id, "channel restarted");
    acts::note(&api.ports, &caller, Act::ChannelRestarted, channel.id.as_str()).await;
    Ok((StatusCode::ACCEPTED, Json(status_of(&api, &channel, locale).await)))
}
