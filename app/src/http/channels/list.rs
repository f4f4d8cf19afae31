//! `GET /channels`.

use axum::Json;
use axum::extract::State;
use switchboard_ports::channels::Channel;

use crate::http::auth::Viewer;
use crate::http::dto::channel::ChannelView;
use crate::http::dto::list::{List, name_key};
use crate::http::problem::Problem;
use crate::http::query::{PageParams, Query};
use crate::http::state::Api;

/// All channels, in name order.
#[utoipa::path(get, path = "/channels", tag = "channels", operation_id = "list_channels", params(PageParams),
    responses((status = 200, description = "one page", body = List<ChannelView>)),
    security(("bearer" = ["viewer"])))]
pub async fn list(
    _: Viewer,
    State(api): State<Api>,
    mut query: Query,
) -> Result<Json<List<ChannelView>>, Problem> {
    let page = query.page_by_name();
    query.finish()?;
    let channels = api.ports.channels.list().await?;
    Ok(Json(List::cut(channels, &page, key, |channel| ChannelView::from(&channel))))
}

/// The order of channels in lists.
#[must_use]
pub fn key(channel: &Channel) -> String {
    name_key(&channel.name, channel.id.as_str())
}
