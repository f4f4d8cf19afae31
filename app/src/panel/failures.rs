//! Failures: messages given up on and answers not shown, with the cause and what can be done.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use maud::{Markup, html};
use switchboard_domain::ids::ChannelId;
use switchboard_domain::notice::{Notice, Remedy, failure};
use switchboard_ports::page::PageRequest;
use switchboard_ports::tokens::Role;

use super::codes;
use super::conversations::{channel_link, channel_names};
use super::frame::{Section, inside};
use super::pieces::{Act, moment, more};
use super::visitor::Visitor;
use crate::http::dto::failure::FailureView;
use crate::http::dto::list::List;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::state::Api;

/// Failures on one page.
const ROWS: usize = 50;

/// Records read at once, and reads for one page of a channel's: among many of other channels a page may have fewer.
const READ: u32 = 200;
const READS_MAX: u32 = 10;

/// A failure in words, and what people were told.
struct Row {
    of: FailureView,
    words: Remedy,
    sentence: String,
}

/// The pages.
pub(super) fn routes() -> Router<Api> {
    Router::new().route("/panel/failures", get(list))
}

/// `GET /panel/failures`.
async fn list(visitor: Visitor, State(api): State<Api>, query: Query) -> Result<Html<String>, Problem> {
    let title = visitor.texts().say("failures-title");
    let content = listed(&visitor, &api, query, "/panel/failures", None).await?;
    Ok(Html(inside(&visitor, Section::Failures, &title, &html! { h1 { (title) } (content) }).into_string()))
}

/// A list of failures, of one channel or of all.
pub(super) async fn listed(
    visitor: &Visitor,
    api: &Api,
    mut query: Query,
    base: &str,
    channel: Option<&ChannelId>,
) -> Result<Markup, Problem> {
    let mut after = query.page_by_number().after;
    query.finish()?;
    let t = visitor.texts();
    let mut rows: Vec<Row> = Vec::new();
    for _ in 0..READS_MAX {
        let limit = if channel.is_some() { READ } else { u32::try_from(ROWS).unwrap_or(READ) };
        let page = api.ports.failures.list(&PageRequest { limit, after: after.take() }).await?;
        after.clone_from(&page.next);
        let of_channel =
            page.items.into_iter().filter(|row| channel.is_none_or(|channel| row.channel == *channel));
        rows.extend(of_channel.map(|info| Row {
            words: failure(info.failure.cause, t.0),
            sentence: Notice::Failed(info.failure.cause).text(t.0),
            of: info.into(),
        }));
        if after.is_none() || rows.len() >= ROWS {
            break;
        }
    }
    let channels = channel_names(api, rows.iter().map(|row| row.of.channel_id.as_str())).await?;
    let list = List { items: rows, next_cursor: after };
    Ok(html! {
        p.help { (t.say("failures-about")) }
        @if list.items.is_empty() { p.card { (t.say("failures-none")) } }
        @for row in &list.items { (view(visitor, row, &channels)) }
        (more(t, base, &[], list.next_cursor.as_deref()))
    })
}

fn view(
    visitor: &Visitor,
    Row { of: failure, words, sentence }: &Row,
    channels: &BTreeMap<String, String>,
) -> Markup {
    let t = visitor.texts();
    let retried = failure.retried_at.is_some().then(|| t.say("failure-retried"));
    let retry = Act {
        label: t.say("failure-retry"),
        request: ("POST", format!("/api/v1/failures/{}/retry", failure.id)),
        needs: Role::Operator,
        done: t.say("failure-retry-done"),
        then: Some("reload"),
        class: "plain",
        not_now: retried,
    };
    let delete = Act {
        label: t.say("delete"),
        request: ("DELETE", format!("/api/v1/failures/{}", failure.id)),
        needs: Role::Operator,
        done: t.say("said-done"),
        then: Some("reload"),
        class: "danger",
        not_now: None,
    };
    html! {
        article.card {
            div.head {
                h2 { (words.message) " " span.code.help { (failure.cause) } }
                div.acts { (retry.button(visitor)) (delete.button(visitor)) }
            }
            @if let Some(at) = &failure.retried_at { p { span.tag { (t.say("failure-retried-at")) " " (moment(at)) } } }
            p { (words.remedy) }
            p { (t.say("failure-told")) " " q { (sentence) } }
            p.help {
                (moment(&failure.at)) " · "
                a href=(format!("/panel/conversations/{}", failure.conversation_id)) { (t.say("failure-conversation")) } " · "
                (channel_link(&failure.channel_id, channels)) " · "
                (t.with("failure-attempts", [("count", failure.attempts.into())]))
                @for way in &failure.ways { " · " (codes::tried(t, way)) }
            }
        }
    }
}
