//! `GET /panel/playground`: talking to any agent here, through the same machines as in every chat.

use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use maud::{Markup, html};
use serde_json::json;
use switchboard_domain::outbound::MESSAGE_CHARS_MAX;
use switchboard_ports::agents::AgentConfig;
use switchboard_ports::channels::Channel;
use switchboard_ports::playground::PLATFORM;
use switchboard_ports::tokens::Role;

use super::frame::{Section, inside};
use super::pieces::reason;
use super::texts::Texts;
use super::visitor::Visitor;
use crate::http::channels::list::key;
use crate::http::dto::playground::switching_to;
use crate::http::playground::{conversation, person};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::state::Api;

/// The page.
pub(super) fn routes() -> Router<Api> {
    Router::new().route("/panel/playground", get(page))
}

/// Channels that people talk to here, in the order of their names.
fn here(channels: Vec<Channel>) -> Vec<Channel> {
    let mut here: Vec<Channel> =
        channels.into_iter().filter(|channel| channel.platform == PLATFORM).collect();
    here.sort_by_key(key);
    here
}

async fn page(visitor: Visitor, State(api): State<Api>, mut query: Query) -> Result<Html<String>, Problem> {
    let wanted = query.text("channel");
    query.finish()?;
    let t = visitor.texts();
    let channels = here(api.ports.channels.list().await?);
    let agents = api.ports.agents.list().await?;
    let chosen = match wanted {
        Some(id) => {
            let found = channels.iter().find(|channel| channel.id.as_str() == id);
            Some(found.ok_or_else(|| Problem::not_found("there is no channel with this id"))?)
        }
        None => channels.iter().find(|channel| channel.enabled).or(channels.first()),
    };
    let title = t.say("playground-title");
    let content = match chosen {
        None => none(&visitor, &agents),
        Some(channel) => view(&visitor, channel, &channels, &agents),
    };
    Ok(Html(inside(&visitor, Section::Playground, &title, &content).into_string()))
}

/// Where there is none, it is one press away.
fn none(visitor: &Visitor, agents: &[AgentConfig]) -> Markup {
    let t = visitor.texts();
    let body = json!({
        "name": "Playground", "type": PLATFORM, "config": {}, "locale": t.tag(),
        "default_agent_id": agents.first().map(|agent| agent.id.as_str()),
    });
    let why = reason(visitor, Role::Admin);
    html! {
        h1 { (t.say("playground-title")) }
        section.card {
            p { (t.say("playground-none")) }
            @if agents.is_empty() {
                a.button.primary href="/panel/agents/new?kind=echo" { (t.say("playground-agent-first")) }
            } @else {
                button.primary type="button" data-act="POST" data-path="/api/v1/channels" data-body=(body)
                    data-then="/panel/playground" aria-disabled=[why.as_ref().map(|_| "true")] title=[why.as_deref()] {
                    (t.say("playground-make"))
                }
            }
        }
    }
}

fn view(visitor: &Visitor, channel: &Channel, channels: &[Channel], agents: &[AgentConfig]) -> Markup {
    let t = visitor.texts();
    let conversation = conversation(&channel.id, &person(&visitor.signed.caller));
    let transcript = format!("/panel/conversations/{conversation}");
    html! {
        h1 { (t.say("playground-title")) }
        p { (t.say("playground-about")) " " a href=(transcript) { (t.say("playground-transcript")) } }
        (others(t, channel, channels))
        @if !channel.enabled { p.note.bad { (t.say("playground-disabled")) } }
        div.beside id="playground" data-channel-id=(channel.id) data-conversation-id=(conversation)
            data-you=(t.say("playground-you")) data-bot=(t.say("playground-bot"))
            data-writing=(t.say("playground-writing")) data-sending=(t.say("playground-sending"))
            data-failed=(t.say("playground-failed")) data-lost=(t.say("playground-lost"))
            data-cut=(t.say("playground-cut")) data-timeline=(t.say("playground-timeline"))
            data-no-timeline=(t.say("playground-no-timeline")) data-timeline-yet=(t.say("playground-timeline-yet")) {
            section aria-label=(t.say("playground-talk")) {
                div.lines id="talk" role="log" aria-live="polite" aria-label=(t.say("playground-talk")) tabindex="0" {}
                p.card id="talk-empty" { (t.say("playground-empty")) }
                (composer(visitor, channel, agents))
            }
            (timeline(t))
        }
    }
}

/// The ways to other channels, where there are any.
fn others(t: Texts, channel: &Channel, channels: &[Channel]) -> Markup {
    html! {
        @if channels.len() > 1 {
            nav aria-label=(t.say("playground-channels")) {
                ul.tabs {
                    @for other in channels {
                        li {
                            a href=(format!("/panel/playground?channel={}", other.id))
                                aria-current=[(other.id == channel.id).then_some("page")] { bdi { (other.name) } }
                        }
                    }
                }
            }
        }
    }
}

fn composer(visitor: &Visitor, channel: &Channel, agents: &[AgentConfig]) -> Markup {
    let t = visitor.texts();
    let why = reason(visitor, Role::Operator);
    html! {
        form id="composer" autocomplete="off" {
            fieldset disabled[why.is_some()] {
                @if let Some(why) = &why { p.note { (why) } }
                div.field {
                    label for="words" { (t.say("playground-words")) }
                    textarea id="words" rows="3" maxlength=(MESSAGE_CHARS_MAX) aria-describedby="words-help" {}
                    p.help id="words-help" { (t.say("playground-keys")) }
                }
                div.acts {
                    button.primary type="submit" { (t.say("playground-send")) }
                    button type="button" data-says="/stop" { (t.say("playground-stop")) }
                    button type="button" data-says="/new" { (t.say("playground-new")) }
                    label.hidden for="agent" { (t.say("playground-switch")) }
                    select id="agent" { (choices(t, channel, agents)) }
                }
            }
        }
    }
}

/// Agents to switch to, each as what is said for it in the chat.
fn choices(t: Texts, channel: &Channel, agents: &[AgentConfig]) -> Markup {
    let mut agents: Vec<&AgentConfig> = agents.iter().collect();
    agents.sort_by_key(|agent| agent.name.to_lowercase());
    html! {
        option value="" { (t.say("playground-switch")) }
        @for agent in agents {
            @if channel.default_agent.as_ref() == Some(&agent.id) {
                option value="/agents default" { (agent.name) " · " (t.say("playground-own")) }
            } @else {
                @let command = switching_to(&agent.name);
                option value=[command.as_deref()] disabled[command.is_none()] { (agent.name) }
            }
        }
    }
}

/// What became of one message, beside the talk.
fn timeline(t: Texts) -> Markup {
    html! {
        aside.card id="timeline" aria-labelledby="timeline-title" {
            h2 id="timeline-title" { (t.say("playground-timeline")) }
            p.help id="timeline-about" { (t.say("playground-timeline-about")) }
            div id="timeline-lines" hidden {}
            p { a id="timeline-page" href="#timeline" hidden { (t.say("playground-timeline-page")) } }
        }
    }
}
