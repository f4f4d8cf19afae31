//! `GET /status`.

use axum::Json;
use axum::extract::State;

use super::auth::Viewer;
use super::channels::list::key;
use super::dto::list::List;
use super::dto::status::StatusView;
use super::language::Language;
use super::problem::Problem;
use super::query::{PageParams, Query};
use super::state::Api;

/// What is observed of all channels, in name order.
#[utoipa::path(get, path = "/status", tag = "channels", operation_id = "list_status", params(PageParams),
    responses((status = 200, description = "one page", body = List<StatusView>)),
    security(("bearer" = ["viewer"])))]
pub async fn list(
    _: Viewer,
    State(api): State<Api>,
    mut query: Query,
    Language(locale): Language,
) -> Result<Json<List<StatusView>>, Problem> {
    let page = query.page_by_name();
    query.finish()?;
    let channels = api.ports.channels.list().await?;
    let view = |channel: switchboard_ports::channels::Channel| {
        StatusView::observed_or(api.operations.status(&channel.id), &channel, locale)
    };
    Ok(Json(List::cut(channels, &page, key, view)))
}
