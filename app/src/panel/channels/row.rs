//! One channel in the list: what it is, what is true of it now, and what can be done.

use std::borrow::Cow;

use axum::extract::State;
use axum::response::Html;
use maud::{Markup, html};
use switchboard_ports::channels::Channel;
use switchboard_ports::tokens::Role;

use super::{found, platform_title};
use crate::http::dto::status::{LastErrorView, StatusView};
use crate::http::problem::Problem;
use crate::http::router::Id;
use crate::http::state::Api;
use crate::panel::pieces::{Act, ago, fact, moment, reason, state};
use crate::panel::texts::Texts;
use crate::panel::visitor::Visitor;

/// What a row shows.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) platform: String,
    pub(super) enabled: bool,
    pub(super) managed_by_file: bool,
    /// The agent's name; `None` where nobody answers.
    pub(super) agent: Option<String>,
    pub(super) status: StatusView,
}

impl Row {
    pub(super) fn of(
        api: &Api,
        visitor: &Visitor,
        channel: &Channel,
        agent: Option<String>,
        status: StatusView,
    ) -> Self {
        Self {
            id: channel.id.to_string(),
            name: channel.name.clone(),
            platform: platform_title(api, channel, visitor.texts().0),
            enabled: channel.enabled,
            managed_by_file: channel.managed_by_file,
            agent,
            status,
        }
    }
}

/// `GET /panel/pieces/channels/{id}`: the row again, after something changed.
pub(super) async fn piece(
    visitor: Visitor,
    State(api): State<Api>,
    Id(id): Id,
) -> Result<Html<String>, Problem> {
    let channel = found(&api, &id).await?;
    Ok(Html(super::row_now(&visitor, &api, &channel).await?.into_string()))
}

/// The row.
pub(super) fn view(visitor: &Visitor, row: &Row) -> Markup {
    let t = visitor.texts();
    let home = format!("/panel/channels/{}", row.id);
    html! {
        article.card data-channel=(row.id) data-piece=(format!("/panel/pieces/channels/{}", row.id)) {
            div.head {
                h2 { a href=(home) data-key="name" { bdi { (row.name) } } " " span.tag { (row.platform) }
                    @if row.managed_by_file { " " span.tag { (t.say("managed-by-file")) } }
                }
                div.acts { (state(t, &row.status.status)) (switch(visitor, row)) }
            }
            (facts(t, row))
            (trouble(t, &row.status))
            div.acts.below {
                (restart(visitor, &row.id, row.enabled))
                a.button href=(format!("{home}/settings")) data-key="edit" { (t.say("edit")) }
                @if visitor.may(Role::Admin) {
                    a.button href=(format!("/panel/channels/new?copy={}", row.id)) data-key="copy" { (t.say("duplicate")) }
                }
            }
        }
    }
}

/// The on/off switch.
pub(super) fn switch(visitor: &Visitor, row: &Row) -> Markup {
    let t = visitor.texts();
    let (verb, word) =
        if row.enabled { ("disable", t.say("switch-on")) } else { ("enable", t.say("switch-off")) };
    let by_file = row.managed_by_file.then(|| t.say("managed-by-file-about"));
    let why = reason(visitor, Role::Operator).or(by_file);
    html! {
        button.switch type="button" role="switch" aria-checked=(row.enabled.to_string())
            aria-label=(format!("{}: {}", t.say("switch-label"), row.name)) data-key="switch" data-act="POST"
            data-path=(format!("/api/v1/channels/{}/{verb}", row.id)) aria-disabled=[why.as_ref().map(|_| "true")]
            title=[why.as_deref()] { (word) }
    }
}

/// Connects a channel anew.
pub(super) fn restart(visitor: &Visitor, id: &str, enabled: bool) -> Markup {
    let t = visitor.texts();
    let restart = Act {
        label: t.say("restart"),
        request: ("POST", format!("/api/v1/channels/{id}/restart")),
        needs: Role::Operator,
        done: t.say("restarted"),
        then: None,
        class: "plain",
        not_now: (!enabled).then(|| t.say("restart-disabled")),
    };
    restart.button(visitor)
}

fn facts(t: Texts, row: &Row) -> Markup {
    let status = &row.status;
    let never = || html! { (t.say("never")) };
    let at = |at: &Option<String>| at.as_deref().map_or_else(never, ago);
    html! {
        dl {
            (fact(&t.say("fact-since"), &moment(&status.since)))
            @if let Some(seconds) = status.uptime_seconds {
                (fact(&t.say("fact-uptime"), &html! { (uptime(t, seconds)) }))
            }
            (fact(&t.say("fact-message"), &at(&status.last_message_at)))
            (fact(&t.say("fact-reply"), &at(&status.last_reply_at)))
            (fact(&t.say("fact-agent"), &html! {
                @if let Some(agent) = &row.agent { bdi { (agent) } } @else { (t.say("no-agent")) }
            }))
        }
    }
}

/// The last thing that went wrong, and what to do about it; quieter once it is over.
pub(in crate::panel) fn trouble(t: Texts, status: &StatusView) -> Markup {
    let is_over =
        status.status == "connected" && status.last_error.as_ref().is_none_or(|error| is_past(status, error));
    html! {
        @if let Some(error) = &status.last_error {
            p.problem.note.bad[!is_over] {
                @if is_over { (t.say("last-error")) " " } @else { strong { (t.say("error-now")) " " } }
                bdi { (error.message) } " " (ago(&error.at))
                span.remedy { (error.remedy) }
            }
        }
        @if let Some(one) = &status.one_connection {
            p.problem.note { (one.message) " " (moment(&one.until)) }
        }
    }
}

/// Whether what went wrong lies before the connection that stands now.
fn is_past(status: &StatusView, error: &LastErrorView) -> bool {
    status.connected_at.as_ref().is_some_and(|since| error.at < *since)
}

/// How long a connection stands, in the two greatest units.
fn uptime(t: Texts, seconds: f64) -> Cow<'static, str> {
    let minutes = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs() / 60;
    let (days, hours, minutes) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
    let number = |value: u64| u32::try_from(value).unwrap_or(u32::MAX).into();
    if days > 0 {
        t.with("uptime-days", [("days", number(days)), ("hours", number(hours))])
    } else if hours > 0 {
        t.with("uptime-hours", [("hours", number(hours)), ("minutes", number(minutes))])
    } else {
        t.with("uptime-minutes", [("minutes", number(minutes))])
    }
}
