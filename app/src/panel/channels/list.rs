//! `GET /panel/channels`: everything at a glance.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use maud::{Markup, html};
use switchboard_domain::ids::ChannelId;
use switchboard_ports::channels::Channel;
use switchboard_ports::page::PageRequest;
use switchboard_ports::tokens::Role;

use super::row::{self, Row};
use crate::http::channels::list::key;
use crate::http::dto::list::List;
use crate::http::dto::status::StatusView;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::state::Api;
use crate::panel::frame::{Section, inside};
use crate::panel::pieces::{more, reason, search, state};
use crate::panel::visitor::Visitor;
use crate::panel::welcome::made;
use crate::runtime::operations::ChannelStatus;

/// Channels on one page.
const ROWS: u32 = 50;

/// How many channels are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    connected: u32,
    disconnected: u32,
    disabled: u32,
}

/// The page. A first visit, with neither channel nor agent of one's own, begins with the first steps; `list` goes past them.
pub(super) async fn page(
    visitor: Visitor,
    State(api): State<Api>,
    mut query: Query,
) -> Result<Response, Problem> {
    let asked = query.search("q").unwrap_or_default();
    let page = PageRequest { limit: ROWS, ..query.page_by_name() };
    let is_list_wanted = query.flag("list");
    query.finish()?;
    let (channels, agents) = (api.ports.channels.list().await?, api.ports.agents.list().await?);
    let is_first = matches!(made(&agents, &channels), (None, None));
    if is_first && visitor.may(Role::Admin) && !is_list_wanted {
        return Ok(Redirect::to("/panel/welcome").into_response());
    }
    let agents: BTreeMap<_, _> = agents.into_iter().map(|agent| (agent.id, agent.name)).collect();
    let statuses = statuses(&api, &channels).await?;
    let counts = counted(&channels, &statuses);
    let wanted = asked.to_lowercase();
    let matching: Vec<Channel> =
        channels.into_iter().filter(|channel| channel.name.to_lowercase().contains(&wanted)).collect();
    let rows = List::cut(matching, &page, key, |channel: Channel| {
        let status = StatusView::observed_or(statuses.get(&channel.id).cloned(), &channel, visitor.texts().0);
        let agent = channel.default_agent.as_ref().and_then(|id| agents.get(id).cloned());
        Row::of(&api, &visitor, &channel, agent, status)
    });
    let title = visitor.texts().say("channels-title");
    Ok(Html(
        inside(&visitor, Section::Channels, &title, &view(&visitor, &rows, counts, &asked)).into_string(),
    )
    .into_response())
}

/// `GET /panel/pieces/channels`: the counts again.
pub(super) async fn counts(visitor: Visitor, State(api): State<Api>) -> Result<Html<String>, Problem> {
    let channels = api.ports.channels.list().await?;
    let statuses = statuses(&api, &channels).await?;
    Ok(Html(counts_view(&visitor, counted(&channels, &statuses)).into_string()))
}

/// What is observed of all channels.
pub(in crate::panel) async fn statuses(
    api: &Api,
    channels: &[Channel],
) -> Result<BTreeMap<ChannelId, ChannelStatus>, Problem> {
    api.operations.take_in(channels).await?;
    let ids: Vec<ChannelId> = channels.iter().map(|channel| channel.id.clone()).collect();
    let statuses = api.operations.statuses(&ids).await;
    Ok(statuses.into_iter().map(|status| (status.channel.clone(), status)).collect())
}

fn counted(channels: &[Channel], statuses: &BTreeMap<ChannelId, ChannelStatus>) -> Counts {
    channels.iter().fold(Counts::default(), |mut counts, channel| {
        let status = statuses.get(&channel.id).map(|status| status.status.as_ref());
        let count = match status {
            Some("connected") => &mut counts.connected,
            Some("disabled") => &mut counts.disabled,
            None if !channel.enabled => &mut counts.disabled,
            Some(_) | None => &mut counts.disconnected,
        };
        *count = count.saturating_add(1);
        counts
    })
}

fn view(visitor: &Visitor, rows: &List<Row>, counts: Counts, asked: &str) -> Markup {
    let t = visitor.texts();
    let why = reason(visitor, Role::Admin);
    html! {
        div.head {
            h1 { (t.say("channels-title")) }
            @match why {
                None => a.button.primary href="/panel/channels/new" { (t.say("channel-add")) },
                Some(why) => button type="button" disabled title=(why) { (t.say("channel-add")) },
            }
        }
        (counts_view(visitor, counts))
        (search(t, "/panel/channels", asked))
        @for row in &rows.items { (row::view(visitor, row)) }
        @if rows.items.is_empty() { p.card { (t.say("channels-none")) } }
        (more(t, "/panel/channels", &[("q", asked)], rows.next_cursor.as_deref()))
    }
}

/// How many channels are in which state.
pub(in crate::panel) fn counted_view(
    visitor: &Visitor,
    channels: &[Channel],
    statuses: &BTreeMap<ChannelId, ChannelStatus>,
) -> Markup {
    counts_view(visitor, counted(channels, statuses))
}

fn counts_view(visitor: &Visitor, counts: Counts) -> Markup {
    let t = visitor.texts();
    let all = counts.connected.saturating_add(counts.disconnected).saturating_add(counts.disabled);
    html! {
        div.counts data-channel="any" data-piece="/panel/pieces/channels" {
            span { (t.with("channels-count", [("count", all.into())])) }
            @for (status, count) in
                [("connected", counts.connected), ("disconnected", counts.disconnected), ("disabled", counts.disabled)] {
                @if count > 0 { span { (state(t, status)) " " (count) } }
            }
        }
    }
}
