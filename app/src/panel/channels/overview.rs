//! `GET /panel/channels/{id}`: what is true of one channel now, on each replica, and what it used of its quota.

use axum::extract::State;
use axum::response::Html;
use maud::{Markup, html};
use switchboard_ports::channels::Channel;
use switchboard_ports::tokens::Role;

use super::course::{self, Past, past};
use super::tabs::{Tab, around};
use super::{found, status_of};
use crate::http::dto::status::{StatusView, UsageView};
use crate::http::problem::Problem;
use crate::http::router::Id;
use crate::http::state::Api;
use crate::panel::pieces::{ago, moment, reason, state};
use crate::panel::quota::{saver, strain};
use crate::panel::texts::Texts;
use crate::panel::visitor::Visitor;
use crate::runtime::operations::QuotaUsage;

/// The page.
pub(super) async fn page(
    visitor: Visitor,
    State(api): State<Api>,
    Id(id): Id,
) -> Result<Html<String>, Problem> {
    let channel = found(&api, &id).await?;
    let (status, usage) = status_of(&api, &channel, visitor.texts().0).await;
    let row = super::row(&visitor, &api, &channel, status.clone()).await?;
    let past = past(&api, &channel.id, visitor.texts()).await?;
    Ok(Html(
        around(
            &visitor,
            &channel,
            Tab::Overview,
            &html! {
                (row)
                (test(&visitor, &channel))
                (details(visitor.texts(), &channel, &status, usage.as_ref(), &past))
            },
        )
        .into_string(),
    ))
}

/// `GET /panel/pieces/channels/{id}/details`: connections and quota again.
pub(super) async fn piece(
    visitor: Visitor,
    State(api): State<Api>,
    Id(id): Id,
) -> Result<Html<String>, Problem> {
    let channel = found(&api, &id).await?;
    let (status, usage) = status_of(&api, &channel, visitor.texts().0).await;
    let past = past(&api, &channel.id, visitor.texts()).await?;
    Ok(Html(details(visitor.texts(), &channel, &status, usage.as_ref(), &past).into_string()))
}

/// Asks the platform with what is stored.
fn test(visitor: &Visitor, channel: &Channel) -> Markup {
    let t = visitor.texts();
    let why = reason(visitor, Role::Operator);
    html! {
        section.card {
            div.head {
                h2 { (t.say("check-title")) }
                button type="button" data-act="POST" data-path=(format!("/api/v1/channels/{}/test", channel.id))
                    data-shows="checked" aria-disabled=[why.as_ref().map(|_| "true")] title=[why.as_deref()] { (t.say("check")) }
            }
            p.help { (t.say("check-about")) }
            ul.outcome id="checked" hidden {}
        }
    }
}

fn details(
    t: Texts,
    channel: &Channel,
    status: &StatusView,
    usage: Option<&QuotaUsage>,
    past: &Past,
) -> Markup {
    html! {
        div data-channel=(channel.id) data-piece=(format!("/panel/pieces/channels/{}/details", channel.id)) {
            section.card {
                h2 { (t.say("connections-title")) }
                @if status.replicas.is_empty() { p { (t.say("connections-none")) } } @else { (replicas(t, status)) }
                @if let Some(at) = &status.next_attempt_at {
                    p { (t.say("next-attempt")) " " (ago(at)) }
                }
            }
            (course::view(t, past))
            @if let Some(usage) = usage { (used(t, usage)) }
        }
    }
}

fn replicas(t: Texts, status: &StatusView) -> Markup {
    html! {
        div.scroll {
            table.rows {
                thead { tr {
                    th scope="col" { (t.say("replica")) } th scope="col" { (t.say("column-state")) }
                    th scope="col" { (t.say("column-since")) } th scope="col" { (t.say("column-connections")) }
                    th scope="col" { (t.say("column-problem")) }
                } }
                tbody {
                    @for row in &status.replicas {
                        tr {
                            td data-label=(t.say("replica")) { bdi { (row.replica) } }
                            td data-label=(t.say("column-state")) { (state(t, &row.status)) " " span.help { (row.state) } }
                            td data-label=(t.say("column-since")) { (moment(&row.since)) }
                            td data-label=(t.say("column-connections")) { (row.connections) }
                            td data-label=(t.say("column-problem")) { @if let Some(error) = &row.last_error { bdi { (error.message) } " " (ago(&error.at)) } }
                        }
                    }
                }
            }
        }
    }
}

fn used(t: Texts, usage: &QuotaUsage) -> Markup {
    let view = UsageView::of(usage, t.0);
    html! {
        section.card {
            h2 { (t.say("quota-title")) }
            p.help { (t.say("quota-about")) }
            @if let Some(warning) = &view.warning { p.note.bad { (warning) } }
            p { (t.say("quota-state")) " " (t.told(strain(usage))) }
            p { (t.say("quota-saver")) " " (saver(t, usage)) }
            p { (t.say("quota-used")) " " (view.api_calls) }
            @if let Some(limit) = view.calls_per_month {
                p { (t.say("quota-limit")) " " (limit) }
            }
            @if let Some(forecast) = view.forecast {
                p { (t.say("quota-forecast")) " " (forecast) }
            }
            div.scroll {
                table {
                    thead { tr {
                        th scope="col" { (t.say("column-month")) } th scope="col" { (t.say("column-calls")) }
                        th scope="col" { (t.say("column-pushes")) }
                    } }
                    tbody {
                        tr { td { (view.month) " (" (view.utc_offset) ")" } td { (view.api_calls) } td { (view.pushes) } }
                        @for month in &view.earlier {
                            tr { td { (month.month) } td { (month.api_calls) } td { (month.pushes) } }
                        }
                    }
                }
            }
        }
    }
}
