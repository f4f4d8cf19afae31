//! `GET /panel/channels/{id}/log`: what was logged about a channel, and what is being logged.

use axum::extract::State;
use axum::response::Html;
use maud::{Markup, html};
use switchboard_ports::channels::Channel;

use super::found;
use super::tabs::{Tab, around};
use crate::http::channels::log::{LogLineView, Placed, all};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;
use crate::panel::pieces::moment;
use crate::panel::texts::{Key, Texts};
use crate::panel::visitor::Visitor;
use crate::telemetry::lines::Severity;

/// Lines that are shown at first; the page holds some more as they come.
const LINES: usize = 200;

/// The levels to choose from, the most severe first.
const LEVELS: [(Severity, Key); 4] = [
    (Severity::Error, Key("log-error")),
    (Severity::Warn, Key("log-warn")),
    (Severity::Info, Key("log-info")),
    (Severity::Debug, Key("log-debug")),
];

/// The page.
pub(super) async fn page(
    visitor: Visitor,
    State(api): State<Api>,
    Id(id): Id,
    mut query: Query,
) -> Result<Html<String>, Problem> {
    let least = query.word("level", &Severity::WORDS).unwrap_or(Severity::Info);
    query.finish()?;
    let channel = found(&api, &id).await?;
    let mut lines = all(&api, channel.id.as_str(), least).await?;
    lines.truncate(LINES);
    let lines: Vec<LogLineView> = lines.iter().rev().map(Placed::view).collect();
    let content = view(visitor.texts(), &channel, least, &lines);
    Ok(Html(around(&visitor, &channel, Tab::Log, &content).into_string()))
}

fn view(t: Texts, channel: &Channel, least: Severity, lines: &[LogLineView]) -> Markup {
    let home = format!("/panel/channels/{}/log", channel.id);
    let word = least.word();
    let stream = format!("/api/v1/channels/{}/log?follow=true&limit={LINES}&level={word}", channel.id);
    html! {
        section.card {
            p.help { (t.say("log-about")) }
            div.head {
                ul.tabs aria-label=(t.say("log-levels")) {
                    @for (level, name) in LEVELS {
                        li {
                            a href=(format!("{home}?level={}", level.word())) aria-current=[(level == least).then_some("page")] {
                                (t.told(name))
                            }
                        }
                    }
                }
                button type="button" data-pause data-on=(t.say("log-pause")) data-off=(t.say("log-go-on")) { (t.say("log-pause")) }
            }
            ol.log data-log=(stream) tabindex="0" aria-label=(t.say("tab-log")) lang="en" {
                @for line in lines { (shown(line)) }
            }
            p.help data-log-none hidden[!lines.is_empty()] { (t.say("log-none")) }
            template id="log-line" { (empty()) }
        }
    }
}

fn shown(line: &LogLineView) -> Markup {
    html! {
        li class=(line.level) {
            (moment(&line.at)) " " strong.level { (line.level) } " " bdi.message { (line.message) } " "
            span.fields { @for (name, value) in &line.fields { bdi { (name) "=" (value) } " " } }
            span.replica { (line.replica) }
        }
    }
}

/// A line for the module to fill.
fn empty() -> Markup {
    html! {
        li {
            time datetime="" data-shown="full" {} " " strong.level {} " " bdi.message {} " "
            span.fields {} span.replica {}
        }
    }
}
