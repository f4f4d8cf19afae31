//! `GET /channels/{id}/status`.

use axum::Json;
use axum::extract::State;
use switchboard_domain::ids::ChannelId;

use super::{status_of, unless_away};
use crate::http::auth::Viewer;
use crate::http::dto::status::StatusView;
use crate::http::language::Language;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// What is observed of a channel. While the store does not answer, it is what this replica observes itself.
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
    let id = ChannelId::new(id);
    let reading = async {
        let stored = api.ports.channels.find(&id).await?;
        api.operations.take_in(stored.as_slice()).await?;
        Ok(stored)
    };
    match unless_away(reading).await? {
        Some(Some(channel)) => Ok(Json(status_of(&api, &channel, locale).await)),
        Some(None) => Err(Problem::not_found("there is no channel with this id")),
        None => {
            let here = api.operations.statuses_here().into_iter().find(|(channel, _)| channel.id == id);
            let (_, status) = here.ok_or_else(Problem::store_away)?;
            Ok(Json(StatusView::of(&status, locale)))
        }
    }
}
