//! `GET /status`.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use switchboard_ports::channels::Channel;

use super::auth::Viewer;
use super::channels::list::key;
use super::channels::unless_away;
use super::dto::list::List;
use super::dto::status::StatusView;
use super::language::Language;
use super::problem::Problem;
use super::query::{PageParams, Query};
use super::state::Api;

/// What is observed of all channels, in name order. While the store does not answer, it is what this replica observes itself.
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
    let reading = async {
        let stored = api.ports.channels.list().await?;
        api.operations.take_in(&stored).await?;
        Ok(stored)
    };
    let (channels, observed): (Vec<_>, Vec<_>) = if let Some(channels) = unless_away(reading).await? {
        let ids: Vec<_> = channels.iter().map(|channel| channel.id.clone()).collect();
        (channels, api.operations.statuses(&ids).await)
    } else {
        let mut here = api.operations.statuses_here();
        here.sort_by_cached_key(|(channel, _)| key(channel));
        here.into_iter().unzip()
    };
    let mut observed: BTreeMap<_, _> =
        observed.into_iter().map(|status| (status.channel.clone(), status)).collect();
    let view = |channel: Channel| StatusView::observed_or(observed.remove(&channel.id), &channel, locale);
    Ok(Json(List::cut(channels, &page, key, view)))
}
