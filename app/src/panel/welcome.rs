//! `GET /panel/welcome`: the first steps, one after the other: a token, an agent, a channel, a message.

use axum::extract::State;
use axum::response::Html;
use maud::{Markup, html};
use serde_json::{Value, json};
use switchboard_ports::agents::AgentConfig;
use switchboard_ports::channels::Channel;
use switchboard_ports::playground::PLATFORM;
use switchboard_ports::provider::Description;

use super::agents;
use super::channels;
use super::frame::{Section, inside};
use super::texts::{Key, Texts};
use super::visitor::Visitor;
use crate::http::playground::ECHO;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::state::Api;

/// How far somebody has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Token,
    Agent,
    Channel,
    Message,
}

const STEPS: [(Step, Key); 4] = [
    (Step::Token, Key("step-token")),
    (Step::Agent, Key("step-agent")),
    (Step::Channel, Key("step-channel")),
    (Step::Message, Key("step-message")),
];

/// The page. The step follows from what there is, so that it goes on wherever somebody stopped.
pub(super) async fn page(
    visitor: Visitor,
    State(api): State<Api>,
    mut query: Query,
) -> Result<Html<String>, Problem> {
    let (kind, platform) = (query.text("kind"), query.text("type"));
    query.finish()?;
    let t = visitor.texts();
    let (agents, channels) = (api.ports.agents.list().await?, api.ports.channels.list().await?);
    let (step, content) = match made(&agents, &channels) {
        (_, Some(channel)) => (Step::Message, message(&visitor, &api, channel).await?),
        (None, None) => (Step::Agent, agent(&visitor, &api, kind.as_deref())),
        (Some(agent), None) => {
            let current = json!({"default_agent_id": agent.id.as_str(), "locale": t.tag()});
            (Step::Channel, channel(&visitor, &api, platform.as_deref(), &current).await?)
        }
    };
    let title = t.say("welcome-title");
    let content = html! {
        h1 { (title) }
        p { (t.say("welcome-about")) }
        (steps(t, step))
        @if channels.iter().any(|channel| channel.platform == PLATFORM) { (playground(t)) }
        (content)
        p { a href="/panel/channels?list=true" { (t.say("welcome-skip")) } }
    };
    Ok(Html(inside(&visitor, Section::Channels, &title, &content).into_string()))
}

/// The first agent and the first channel that somebody has made. The playground and the agent that a new installation begins
/// with are there to be tried; what they are for is still to be done.
pub(super) fn made<'a>(
    agents: &'a [AgentConfig],
    channels: &'a [Channel],
) -> (Option<&'a AgentConfig>, Option<&'a Channel>) {
    let plays = |agent: &AgentConfig| {
        let of = |channel: &Channel| channel.default_agent.as_ref() == Some(&agent.id);
        channels.iter().any(|channel| channel.platform == PLATFORM && of(channel))
    };
    let came_along = |agent: &AgentConfig| agent.kind == ECHO && agent.name == ECHO && plays(agent);
    let agent = agents.iter().find(|agent| !came_along(agent));
    (agent, channels.iter().find(|channel| channel.platform != PLATFORM))
}

/// An answer is one click away.
fn playground(t: Texts) -> Markup {
    html! {
        section.card {
            p { (t.say("welcome-playground")) }
            a.button href="/panel/playground" { (t.say("welcome-playground-open")) }
        }
    }
}

fn steps(t: Texts, here: Step) -> Markup {
    html! {
        ol.steps aria-label=(t.say("welcome-steps")) {
            @for (step, name) in STEPS {
                li.done[step < here] aria-current=[(step == here).then_some("step")] {
                    @if step < here { "✓ " } (t.told(name))
                }
            }
        }
    }
}

fn agent(visitor: &Visitor, api: &Api, kind: Option<&str>) -> Markup {
    let t = visitor.texts();
    match kind.and_then(|kind| api.ports.agent_kinds.get(kind)) {
        None => html! { p { (t.say("welcome-agent")) } (agents::kinds(api, t, "/panel/welcome?kind=")) },
        Some(kind) => html! {
            h2 { (kind.form().title.of(t.0)) }
            p { (kind.form().about.of(t.0)) }
            (agents::making(t, kind.kind(), &kind.form(), "/panel/welcome").view(visitor))
        },
    }
}

async fn channel(
    visitor: &Visitor,
    api: &Api,
    platform: Option<&str>,
    current: &Value,
) -> Result<Markup, Problem> {
    let t = visitor.texts();
    // Here a bot is to come to where people are.
    let platforms = api.ports.providers.values().map(|it| it.description());
    let platforms: Vec<Description> = platforms.filter(|it| it.platform != PLATFORM).collect();
    let chosen = platform.and_then(|name| platforms.iter().find(|it| it.platform == name).copied());
    let Some(platform) = chosen else {
        return Ok(
            html! { p { (t.say("welcome-channel")) } (channels::platforms(t, &platforms, "/panel/welcome?type=")) },
        );
    };
    let form = channels::making(t, &platform, channels::agents(api, t).await?, current, "/panel/welcome");
    Ok(html! {
        h2 { (platform.title.of(t.0)) }
        div.beside { (form.view(visitor)) (channels::guide(t, &platform)) }
    })
}

async fn message(visitor: &Visitor, api: &Api, channel: &Channel) -> Result<Markup, Problem> {
    let t = visitor.texts();
    Ok(html! {
        section.card {
            h2 { (t.say("welcome-message-title")) }
            p { (t.say("welcome-message")) }
        }
        (channels::row_now(visitor, api, channel).await?)
    })
}
