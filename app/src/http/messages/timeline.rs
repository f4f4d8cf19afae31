//! `GET /messages/{id}/timeline`.

use axum::Json;
use axum::extract::State;

use crate::http::auth::Viewer;
use crate::http::dto::timeline::TimelineView;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;
use crate::runtime::timeline::read::Timeline;

/// What happened to a message, the oldest first: one that came from the platform, or one of the API's. Kept for a week after
/// the last thing that happened, for the last 100,000 messages.
#[utoipa::path(get, path = "/messages/{id}/timeline", tag = "messages", operation_id = "read_message_timeline",
    params(("id" = String, Path, description = "the message's id: `message_id` of a transcript's line, a failure or an event")),
    responses((status = 200, description = "what happened", body = TimelineView)),
    security(("bearer" = ["viewer"])))]
pub async fn timeline(
    _: Viewer,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
) -> Result<Json<TimelineView>, Problem> {
    query.finish()?;
    found(&api, &id).await.map(|timeline| Json(timeline.into()))
}

/// The timeline of this message, or 404.
pub(crate) async fn found(api: &Api, id: &str) -> Result<Timeline, Problem> {
    let found = Timeline::of(&api.ports, id).await?;
    found.ok_or_else(|| Problem::not_found("nothing is known (any more) of a message with this id"))
}
