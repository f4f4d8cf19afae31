//! `/panel/directories`: the directories that channels ask who somebody is, and what one would say of a person.

use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use maud::{Markup, html};
use serde_json::Value;
use switchboard_ports::channels::Channel;

use super::channels::trial;
use super::frame::{Section, inside};
use super::texts::Texts;
use super::visitor::Visitor;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::state::Api;

/// The page.
pub(super) fn routes() -> Router<Api> {
    Router::new().route("/panel/directories", get(page))
}

async fn page(visitor: Visitor, State(api): State<Api>, mut query: Query) -> Result<Html<String>, Problem> {
    let wanted = query.text("channel");
    query.finish()?;
    let channels = api.ports.channels.list().await?;
    let asking: Vec<_> = channels.iter().filter(|channel| !channel.directories.chain.is_empty()).collect();
    // Where there is one, it is the one that is tried.
    let tried = match wanted {
        Some(id) => asking.iter().find(|channel| channel.id.as_str() == id),
        None => asking.first().filter(|_| asking.len() == 1),
    };
    let t = visitor.texts();
    let title = t.say("directories-title");
    let content = html! {
        h1 { (title) }
        p.help { (t.say("directories-about")) }
        (table(t, &asking))
        @if let Some(channel) = tried { div id="try" { (trial(&visitor, channel, Some(&channel.name))) } }
    };
    Ok(Html(inside(&visitor, Section::Directories, &title, &content).into_string()))
}

/// In the order in which each channel asks them.
fn table(t: Texts, asking: &[&Channel]) -> Markup {
    if asking.is_empty() {
        return html! { section.card { p { (t.say("directories-none")) } } };
    }
    let (channel_name, name) = (t.say("column-channel"), t.say("column-directory"));
    let (kind, place, tried) = (t.say("column-kind"), t.say("column-address"), t.say("column-try"));
    html! {
        div.card.scroll {
            table.rows {
                thead { tr {
                    th scope="col" { (channel_name) } th scope="col" { (name) } th scope="col" { (kind) }
                    th scope="col" { (place) } th scope="col" { (tried) }
                } }
                tbody {
                    @for channel in asking {
                        @for directory in &channel.directories.chain {
                            tr {
                                td data-label=(channel_name) {
                                    a href=(format!("/panel/channels/{}/access", channel.id)) { bdi { (channel.name) } }
                                }
                                td data-label=(name) { bdi { (directory.name) } }
                                td data-label=(kind) { bdi.code { (directory.kind) } }
                                td data-label=(place) { bdi.code { (address(&directory.config)) } }
                                td data-label=(tried) {
                                    a href=(format!("/panel/directories?channel={}#try", channel.id)) { (t.say("try-title")) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Where a directory is: its address, or its file on the server.
fn address(config: &Value) -> &str {
    let found = ["/url", "/path"].into_iter().find_map(|at| config.pointer(at)?.as_str());
    found.unwrap_or("–")
}
