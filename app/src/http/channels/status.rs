//! `GET /channels/{id}/status`.

use axum::Json;
use axum::extract::State;

use super::{found, status_of};
use crate::http::auth::Viewer;
use crate::http::dto::status::StatusView;
use crate::http::language::Language;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// What is observed of a channel.
#[utoipa::path(get, path = "/channels/{id}/status", tag = "channels", operation_id = "read_channel_status",
    params(("id" = String, Path, description = "the channel's id")),
    responses((status = 200, description = "its status", body = StatusView)),
    security(("bearer" = ["viewer"])))]
pub async fn status(
    _: Viewer,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
    Language(locale): Language,
) -> Result<Json<StatusView>, Problem> {
    query.finish()?;
    let channel = found(&api, &id).await?;
    Ok(Json(status_of(&api, &channel, locale).await))
}
