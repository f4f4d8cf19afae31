//! Channels: the list with what is true of each, live, and a channel's own pages.

mod access;
mod course;
mod edit;
mod list;
mod log;
mod overview;
mod related;
mod row;
mod tabs;

pub(super) use access::trial;
pub(super) use edit::{agents, guide, making, platforms};
pub(super) use list::{counted_view, statuses};
pub(super) use row::trouble;

use axum::Router;
use axum::routing::get;
use maud::Markup;
use switchboard_domain::ids::ChannelId;
use switchboard_domain::settings::Locale;
use switchboard_ports::channels::Channel;

use crate::http::dto::status::StatusView;
use crate::http::problem::Problem;
use crate::http::state::Api;
use crate::panel::visitor::Visitor;
use crate::runtime::operations::QuotaUsage;

/// The pages.
pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/panel/channels", get(list::page))
        .route("/panel/channels/new", get(edit::new))
        .route("/panel/channels/{id}", get(overview::page))
        .route("/panel/channels/{id}/settings", get(edit::settings))
        .route("/panel/channels/{id}/access", get(access::page))
        .route("/panel/channels/{id}/conversations", get(related::conversations))
        .route("/panel/channels/{id}/failures", get(related::failures))
        .route("/panel/channels/{id}/log", get(log::page))
        .route("/panel/pieces/channels", get(list::counts))
        .route("/panel/pieces/channels/{id}", get(row::piece))
        .route("/panel/pieces/channels/{id}/details", get(overview::piece))
}

/// The channel with this id, or 404.
async fn found(api: &Api, id: &str) -> Result<Channel, Problem> {
    let channel = api.ports.channels.find(&ChannelId::new(id)).await?;
    api.operations.take_in(channel.as_slice()).await?;
    channel.ok_or_else(|| Problem::not_found("there is no channel with this id"))
}

/// What is observed of one channel, and what its app used of its quota, where that is known.
async fn status_of(api: &Api, channel: &Channel, locale: Locale) -> (StatusView, Option<QuotaUsage>) {
    let observed = api.operations.statuses(std::slice::from_ref(&channel.id)).await.pop();
    let used = observed.as_ref().and_then(|status| status.usage.clone());
    (StatusView::observed_or(observed, channel, locale), used)
}

/// A channel as the list shows it, as it is now.
pub(super) async fn row_now(visitor: &Visitor, api: &Api, channel: &Channel) -> Result<Markup, Problem> {
    api.operations.take_in(std::slice::from_ref(channel)).await?;
    let (status, _) = status_of(api, channel, visitor.texts().0).await;
    row(visitor, api, channel, status).await
}

/// A channel as the list shows it.
async fn row(visitor: &Visitor, api: &Api, channel: &Channel, status: StatusView) -> Result<Markup, Problem> {
    let agent = match &channel.default_agent {
        Some(id) => api.ports.agents.find(id).await?.map(|agent| agent.name),
        None => None,
    };
    Ok(row::view(visitor, &row::Row::of(api, visitor, channel, agent, status)))
}

/// A channel's history, with the way to its other pages.
pub(super) fn with_history(visitor: &Visitor, channel: &Channel, content: &Markup) -> Markup {
    tabs::around(visitor, channel, tabs::Tab::History, content)
}

/// What a platform is called; its own word where this build does not have it.
fn platform_title(api: &Api, channel: &Channel, locale: Locale) -> String {
    let provider = api.ports.providers.get(channel.platform.as_str());
    provider.map_or_else(|| channel.platform.clone(), |it| it.description().title.of(locale).to_owned())
}
