//! Making a channel and changing its settings: forms out of what its platform says of them, with the way to a bot beside.

use std::borrow::Cow;

use axum::extract::State;
use axum::response::Html;
use maud::{Markup, html};
use serde_json::{Value, json};
use switchboard_ports::channels::Channel;
use switchboard_ports::form::{FormField, Words};
use switchboard_ports::provider::Description;

use super::found;
use super::tabs::{Tab, around};
use crate::http::dto::channel::ChannelView;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;
use crate::panel::fields::{AGENT, CONVERSATION, NAME, PRIVACY, SPEECH};
use crate::panel::form::{Field, Form, Group};
use crate::panel::frame::{Section, inside};
use crate::panel::pieces::Deletion;
use crate::panel::texts::{Key, Texts};
use crate::panel::visitor::Visitor;

/// Platforms that come in a later version.
const PLANNED: [Words; 2] = [Words::new("Feishu / Lark", "飞书 / Lark"), Words::new("WeCom", "企业微信")];

/// Agents that a channel may have: id and name.
pub(in crate::panel) async fn agents(api: &Api, t: Texts) -> Result<Vec<(String, String)>, Problem> {
    let agents = api.ports.agents.list().await?;
    let none = (String::new(), t.say("no-agent").into_owned());
    let named = agents.into_iter().map(|agent| (agent.id.to_string(), agent.name));
    Ok([none].into_iter().chain(named).collect())
}

/// `GET /panel/channels/new`: which platform, then its settings; those of another channel with `copy`.
pub(super) async fn new(
    visitor: Visitor,
    State(api): State<Api>,
    mut query: Query,
) -> Result<Html<String>, Problem> {
    let (kind, copy) = (query.text("type"), query.text("copy"));
    query.finish()?;
    let t = visitor.texts();
    let copied = match copy {
        Some(id) => Some(found(&api, &id).await?),
        None => None,
    };
    let kind = copied.as_ref().map(|channel| channel.platform.clone()).or(kind);
    let platforms: Vec<Description> = api.ports.providers.values().map(|it| it.description()).collect();
    let chosen = kind.and_then(|kind| platforms.iter().find(|it| it.platform == kind).copied());
    let title = t.say("channel-add");
    let content = match chosen {
        None => platforms_view(t, &title, &platforms),
        Some(platform) => {
            let current = copied.map_or_else(|| blank(t), |channel| copy_of(&channel, t));
            let form = making(t, &platform, agents(&api, t).await?, &current, "/panel/channels/{id}");
            html! {
                h1 { (title) " · " (platform.title.of(t.0)) }
                div.beside { (form.view(&visitor)) (guide(t, &platform)) }
            }
        }
    };
    Ok(Html(inside(&visitor, Section::Channels, &title, &content).into_string()))
}

/// What a new channel begins with: its bot speaks the language of whoever makes it.
fn blank(t: Texts) -> Value {
    json!({"locale": t.tag()})
}

/// A channel's settings as those of another one: without what is only this one's, and without secrets, which nobody can read.
fn copy_of(channel: &Channel, t: Texts) -> Value {
    let mut copy = serde_json::to_value(ChannelView::from(channel)).unwrap_or_default();
    let name = t.with("copy-of", [("name", channel.name.clone().into())]);
    if let Some(map) = copy.as_object_mut() {
        map.insert(String::from("name"), Value::from(name));
    }
    if let Some(config) = copy.get_mut("config").and_then(Value::as_object_mut) {
        config.retain(|_, value| value.as_str() != Some("***"));
    }
    copy
}

fn platforms_view(t: Texts, title: &str, there: &[Description]) -> Markup {
    html! { h1 { (title) } (platforms(t, there, "/panel/channels/new?type=")) }
}

/// A choice of platforms; `to` is the address without the platform's name.
pub(in crate::panel) fn platforms(t: Texts, platforms: &[Description], to: &str) -> Markup {
    html! {
        p { (t.say("platform-choose")) }
        @for platform in platforms {
            section.card {
                h2 { (platform.title.of(t.0)) }
                a.button.primary href=(format!("{to}{}", platform.platform)) { (t.say("platform-take")) }
            }
        }
        @for planned in PLANNED {
            section.card.planned {
                h2 { (planned.of(t.0)) " " span.tag { (t.say("planned")) } }
                p { (t.say("planned-about")) }
            }
        }
    }
}

/// The form for a new channel on a platform.
pub(in crate::panel) fn making<'a>(
    t: Texts,
    platform: &Description,
    agents: Vec<(String, String)>,
    current: &'a Value,
    then: &str,
) -> Form<'a> {
    Form {
        request: ("POST", String::from("/api/v1/channels")),
        version: None,
        base: Some(json!({"type": platform.platform})),
        then: then.to_owned(),
        check: Some(String::from("/api/v1/channels/test")),
        current,
        groups: groups(t, platform, agents),
        locked: None,
        submit: t.say("create"),
    }
}

fn groups(t: Texts, platform: &Description, agents: Vec<(String, String)>) -> Vec<Group> {
    let own = |fields: &'static [FormField]| fields.iter().copied().map(Field::of);
    let settings = platform.config_fields.iter().map(|field| Field::below("/config", FormField::from(field)));
    let mut first: Vec<Field> = vec![Field::of(NAME), Field::of(AGENT).choosing(agents)];
    first.extend(own(&SPEECH));
    vec![
        Group { title: t.say("group-channel"), fields: first },
        Group { title: Cow::Borrowed(platform.title.of(t.0)), fields: settings.collect() },
        Group { title: t.say("group-conversation"), fields: own(&CONVERSATION).collect() },
        Group { title: t.say("group-privacy"), fields: own(&PRIVACY).collect() },
    ]
}

/// The way to a bot on the platform.
pub(in crate::panel) fn guide(t: Texts, platform: &Description) -> Markup {
    html! {
        aside.card.guide aria-labelledby="guide-title" {
            h2 id="guide-title" { (t.say("guide-title")) }
            ol { @for step in platform.guide { li { (step.of(t.0)) } } }
        }
    }
}

/// `GET /panel/channels/{id}/settings`.
pub(super) async fn settings(
    visitor: Visitor,
    State(api): State<Api>,
    Id(id): Id,
) -> Result<Html<String>, Problem> {
    let channel = found(&api, &id).await?;
    let t = visitor.texts();
    let current = serde_json::to_value(ChannelView::from(&channel)).unwrap_or_default();
    let platform = api.ports.providers.get(channel.platform.as_str()).map(|it| it.description());
    let locked = channel.managed_by_file.then(|| t.say("managed-by-file-about"));
    let deletion = Deletion {
        path: format!("/api/v1/channels/{id}"),
        name: &channel.name,
        about: t.told(Key("channel-delete-about")),
        then: "/panel/channels",
        not_now: locked.clone(),
    };
    let content = match platform {
        None => html! { p.note.bad { (t.say("platform-unknown")) } },
        Some(platform) => {
            let form = Form {
                request: ("PATCH", format!("/api/v1/channels/{id}")),
                version: Some(channel.version.0),
                base: None,
                check: Some(format!("/api/v1/channels/test?channel_id={id}")),
                then: format!("/panel/channels/{id}"),
                submit: t.say("save"),
                locked,
                ..making(t, &platform, agents(&api, t).await?, &current, "")
            };
            html! { div.beside { (form.view(&visitor)) (guide(t, &platform)) } }
        }
    };
    Ok(Html(
        around(
            &visitor,
            &channel,
            Tab::Settings,
            &html! {
                (content)
                section.card {
                    h2 { (t.say("channel-delete")) }
                    p { (t.told(Key("channel-delete-about"))) }
                    (deletion.dialog(&visitor))
                }
            },
        )
        .into_string(),
    ))
}
