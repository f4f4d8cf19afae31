//! `GET /channels/{id}/versions`.

use axum::Json;
use axum::extract::State;
use switchboard_ports::channels::Channel;

use crate::http::auth::Viewer;
use crate::http::changes::versions::page;
use crate::http::changes::view::VersionView;
use crate::http::dto::list::List;
use crate::http::problem::Problem;
use crate::http::query::{PageParams, Query};
use crate::http::router::Id;
use crate::http::state::Api;

/// The versions of a channel, the newest first, 200 at most; those of a deleted one too.
#[utoipa::path(get, path = "/channels/{id}/versions", tag = "changes", operation_id = "list_channel_versions",
    params(("id" = String, Path, description = "the channel's id"), PageParams),
    responses((status = 200, description = "one page", body = List<VersionView>)),
    security(("bearer" = ["viewer"])))]
pub async fn list(
    _: Viewer,
    State(api): State<Api>,
    Id(id): Id,
    mut query: Query,
) -> Result<Json<List<VersionView>>, Problem> {
    let request = query.page_by_number();
    query.finish()?;
    Ok(Json(page::<Channel>(&api, &id, &request).await?))
}
