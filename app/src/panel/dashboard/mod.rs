//! The first page: what is not as it should be, and how much goes through.

mod measures;

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use maud::{Markup, html};
use switchboard_domain::ids::ChannelId;
use switchboard_ports::channels::Channel;
use switchboard_ports::tokens::Role;

use super::channels::{counted_view, statuses, trouble};
use super::frame::{Section, inside};
use super::quota::{saver, strain};
use super::texts::Texts;
use super::visitor::Visitor;
use super::welcome::made;
use crate::http::dto::list::name_key;
use crate::http::dto::status::StatusView;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::state::Api;
use crate::runtime::operations::{ChannelStatus, QuotaUsage};

/// Channels that are named as not connected, and those whose quota is shown: of more, the list of channels tells.
const NAMED_MAX: usize = 20;
const QUOTAS_MAX: usize = 10;

/// The pages.
pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/panel/dashboard", get(page))
        .route("/panel/pieces/dashboard", get(piece))
        .route("/panel/pieces/measures", get(measures::piece))
}

/// What is true of all channels.
struct Channels {
    all: Vec<Channel>,
    statuses: BTreeMap<ChannelId, ChannelStatus>,
}

impl Channels {
    async fn read(api: &Api) -> Result<Self, Problem> {
        let mut all = api.ports.channels.list().await?;
        all.sort_by_cached_key(|channel| name_key(&channel.name, channel.id.as_str()));
        let statuses = statuses(api, &all).await?;
        Ok(Self { all, statuses })
    }

    fn views(&self, t: Texts) -> Vec<(&Channel, StatusView)> {
        let view = |channel: &Channel| {
            let observed = self.statuses.get(&channel.id).cloned();
            StatusView::observed_or(observed, channel, t.0)
        };
        self.all.iter().map(|channel| (channel, view(channel))).collect()
    }

    /// What was used of quotas, where that is known.
    fn used(&self) -> Vec<(&Channel, &QuotaUsage)> {
        let used = self.all.iter().filter_map(|channel| {
            let usage = self.statuses.get(&channel.id)?.usage.as_ref()?;
            Some((channel, usage))
        });
        used.collect()
    }
}

/// `GET /panel/dashboard`. A first visit, with neither channel nor agent but what came along, begins with the first steps, unless
/// `list=true` asks for the page all the same.
async fn page(visitor: Visitor, State(api): State<Api>, mut query: Query) -> Result<Response, Problem> {
    let is_wanted = query.flag("list");
    query.finish()?;
    let channels = Channels::read(&api).await?;
    let agents = api.ports.agents.list().await?;
    if matches!(made(&agents, &channels.all), (None, None)) && visitor.may(Role::Admin) && !is_wanted {
        return Ok(Redirect::to("/panel/welcome").into_response());
    }
    let t = visitor.texts();
    let title = t.say("dashboard-title");
    let content = html! {
        h1 { (title) }
        (counted_view(&visitor, &channels.all, &channels.statuses))
        (state(t, &channels))
        (measures::read(&api, t).await?)
    };
    Ok(Html(inside(&visitor, Section::Dashboard, &title, &content).into_string()).into_response())
}

/// `GET /panel/pieces/dashboard`: what is true of channels again.
async fn piece(visitor: Visitor, State(api): State<Api>) -> Result<Html<String>, Problem> {
    Ok(Html(state(visitor.texts(), &Channels::read(&api).await?).into_string()))
}

/// Channels that are not connected, each with what to do, and what was used of quotas.
fn state(t: Texts, channels: &Channels) -> Markup {
    let views = channels.views(t);
    let away: Vec<_> =
        views.iter().filter(|(channel, status)| channel.enabled && status.status == "disconnected").collect();
    let mut used = channels.used();
    // Whoever is refused or runs short comes first, however few the calls.
    used.sort_by_key(|(_, usage)| std::cmp::Reverse((usage.strain, usage.usage.api_calls)));
    used.truncate(QUOTAS_MAX);
    html! {
        div data-channel="any" data-piece="/panel/pieces/dashboard" {
            section.card {
                h2 { (t.say("dashboard-away")) }
                @if away.is_empty() { p { (t.say("dashboard-away-none")) } }
                @for (channel, status) in away.iter().take(NAMED_MAX) {
                    div.away {
                        h3 { a href=(format!("/panel/channels/{}", channel.id)) { bdi { (channel.name) } } }
                        @if status.last_error.is_some() { (trouble(t, status)) } @else { p { (t.say("dashboard-away-yet")) } }
                    }
                }
                @if away.len() > NAMED_MAX {
                    p { a href="/panel/channels" { (t.with("dashboard-away-more", [("count", count(away.len() - NAMED_MAX))])) } }
                }
            }
            @if !used.is_empty() { (quotas(t, &used)) }
        }
    }
}

fn count(number: usize) -> fluent_bundle::FluentValue<'static> {
    u32::try_from(number).unwrap_or(u32::MAX).into()
}

fn quotas(t: Texts, used: &[(&Channel, &QuotaUsage)]) -> Markup {
    html! {
        section.card {
            h2 { (t.say("quota-title")) }
            p.help { (t.say("quota-about")) }
            div.scroll {
                table.rows {
                    thead { tr {
                        th scope="col" { (t.say("column-channel")) } th scope="col" { (t.say("column-month")) }
                        th scope="col" { (t.say("column-calls")) } th scope="col" { (t.say("column-pushes")) }
                        th scope="col" { (t.say("column-quota")) } th scope="col" { (t.say("column-saver")) }
                    } }
                    tbody {
                        @for (channel, usage) in used {
                            tr {
                                td data-label=(t.say("column-channel")) {
                                    a href=(format!("/panel/channels/{}", channel.id)) { bdi { (channel.name) } }
                                }
                                td data-label=(t.say("column-month")) { (usage.month) }
                                td data-label=(t.say("column-calls")) { (usage.usage.api_calls) }
                                td data-label=(t.say("column-pushes")) { (usage.usage.pushes) }
                                td data-label=(t.say("column-quota")) { (t.told(strain(usage))) }
                                td data-label=(t.say("column-saver")) { (saver(t, usage)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
