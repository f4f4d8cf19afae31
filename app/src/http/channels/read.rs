//! `GET /channels/{id}`.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;

use super::found;
use crate::http::auth::Viewer;
use crate::http::dto::channel::ChannelView;
use crate::http::etag::tagged;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// One channel.
#[utoipa::path(get, path = "/channels/{id}", tag = "channels", operation_id = "read_channel",
    params(("id" = String, Path, description = "the channel's id")),
    responses((status = 200, description = "the channel", body = ChannelView,
        headers(("ETag" = String, description = "its version")))),
    security(("bearer" = ["viewer"])))]
pub async fn read(
    _: Viewer,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
) -> Result<(HeaderMap, Json<ChannelView>), Problem> {
    query.finish()?;
    let channel = found(&api, &id).await?;
    Ok((tagged(channel.version), Json(ChannelView::from(&channel))))
}
