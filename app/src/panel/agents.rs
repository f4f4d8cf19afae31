//! Agents: the list, making one, changing one, and a test that shows the time to its first output.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use maud::{Markup, html};
use serde_json::{Value, json};
use switchboard_domain::ids::AgentId;
use switchboard_ports::agent::KindForm;
use switchboard_ports::page::PageRequest;
use switchboard_ports::tokens::Role;

use super::fields::{LIMITS, NAME};
use super::form::{Field, Form, Group};
use super::frame::{Section, inside};
use super::pieces::{Deletion, more, reason};
use super::texts::Texts;
use super::visitor::Visitor;
use crate::http::dto::agent::AgentView;
use crate::http::dto::list::{List, name_key};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// The pages.
pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/panel/agents", get(list))
        .route("/panel/agents/new", get(new))
        .route("/panel/agents/{id}", get(show))
}

/// `GET /panel/agents`.
async fn list(visitor: Visitor, State(api): State<Api>, mut query: Query) -> Result<Html<String>, Problem> {
    let page = PageRequest { limit: 50, ..query.page_by_name() };
    query.finish()?;
    let mut used: BTreeMap<AgentId, u32> = BTreeMap::new();
    for agent in api.ports.channels.list().await?.into_iter().filter_map(|channel| channel.default_agent) {
        let count = used.entry(agent).or_default();
        *count = count.saturating_add(1);
    }
    let agents = api.ports.agents.list().await?;
    let rows = List::cut(
        agents,
        &page,
        |agent| name_key(&agent.name, agent.id.as_str()),
        |agent| {
            let count = used.get(&agent.id).copied().unwrap_or_default();
            (AgentView::from(&agent), count)
        },
    );
    let title = visitor.texts().say("agents-title");
    Ok(Html(inside(&visitor, Section::Agents, &title, &list_view(&visitor, &api, &rows)).into_string()))
}

fn list_view(visitor: &Visitor, api: &Api, rows: &List<(AgentView, u32)>) -> Markup {
    let t = visitor.texts();
    let why = reason(visitor, Role::Admin);
    html! {
        div.head {
            h1 { (t.say("agents-title")) }
            @match why {
                None => a.button.primary href="/panel/agents/new" { (t.say("agent-add")) },
                Some(why) => button type="button" disabled title=(why) { (t.say("agent-add")) },
            }
        }
        @if rows.items.is_empty() { p.card { (t.say("agents-none")) } }
        @for (agent, channels) in &rows.items {
            article.card {
                div.head {
                    h2 {
                        a href=(format!("/panel/agents/{}", agent.id)) { bdi { (agent.name) } } " "
                        span.tag { (kind_title(api, t, &agent.kind)) }
                        @if agent.managed_by_file { " " span.tag { (t.say("managed-by-file")) } }
                    }
                    (test_button(visitor, agent))
                }
                p.help {
                    @if let Some(address) = &agent.base_url { bdi { (address) } " · " }
                    @if let Some(model) = &agent.model { bdi { (model) } " · " }
                    (t.with("used-by-channels", [("count", (*channels).into())]))
                }
                ul.outcome id=(format!("tested-{}", agent.id)) hidden {}
            }
        }
        (more(t, "/panel/agents", &[], rows.next_cursor.as_deref()))
    }
}

fn kind_title<'a>(api: &Api, t: Texts, kind: &'a str) -> Cow<'a, str> {
    match api.ports.agent_kinds.get(kind) {
        Some(known) => Cow::Borrowed(known.form().title.of(t.0)),
        None => Cow::Borrowed(kind),
    }
}

/// One small turn; the time to its first output is shown.
fn test_button(visitor: &Visitor, agent: &AgentView) -> Markup {
    let why = reason(visitor, Role::Operator);
    html! {
        button type="button" data-act="POST" data-path=(format!("/api/v1/agents/{}/test", agent.id))
            data-shows=(format!("tested-{}", agent.id)) aria-disabled=[why.as_ref().map(|_| "true")] title=[why.as_deref()] {
            (visitor.texts().say("agent-test"))
        }
    }
}

/// `GET /panel/agents/new`: which kind, then its settings.
async fn new(visitor: Visitor, State(api): State<Api>, mut query: Query) -> Result<Html<String>, Problem> {
    let kind = query.text("kind");
    query.finish()?;
    let t = visitor.texts();
    let title = t.say("agent-add");
    let chosen = kind.as_deref().and_then(|kind| api.ports.agent_kinds.get(kind));
    let content = match chosen {
        None => html! { h1 { (title) } (kinds(&api, t, "/panel/agents/new?kind=")) },
        Some(kind) => html! {
            h1 { (title) " · " (kind.form().title.of(t.0)) }
            p { (kind.form().about.of(t.0)) }
            (making(t, kind.kind(), &kind.form(), "/panel/agents/{id}").view(&visitor))
        },
    };
    Ok(Html(inside(&visitor, Section::Agents, &title, &content).into_string()))
}

/// A choice of kinds; `to` is the address without the kind's name.
pub(super) fn kinds(api: &Api, t: Texts, to: &str) -> Markup {
    html! {
        p { (t.say("kind-choose")) }
        @for (name, kind) in &api.ports.agent_kinds {
            section.card {
                h2 { (kind.form().title.of(t.0)) }
                p { (kind.form().about.of(t.0)) }
                a.button.primary href=(format!("{to}{name}")) aria-label=(format!("{} {}", t.say("platform-take"), name)) {
                    (t.say("platform-take"))
                }
            }
        }
    }
}

/// The form for a new agent.
pub(super) fn making(t: Texts, kind: &'static str, form: &KindForm, then: &str) -> Form<'static> {
    Form {
        request: ("POST", String::from("/api/v1/agents")),
        version: None,
        base: Some(json!({"kind": kind})),
        then: then.to_owned(),
        check: Some(String::from("/api/v1/agents/test")),
        current: &Value::Null,
        groups: groups(t, form),
        locked: None,
        submit: t.say("create"),
    }
}

fn groups(t: Texts, form: &KindForm) -> Vec<Group> {
    let mut first = vec![Field::of(NAME)];
    first.extend(form.fields.iter().copied().map(Field::of));
    let limits = LIMITS.iter().copied().map(|field| Field::of(field.advanced())).collect();
    vec![
        Group { title: t.say("group-agent"), fields: first },
        Group { title: t.say("group-limits"), fields: limits },
    ]
}

/// `GET /panel/agents/{id}`.
async fn show(visitor: Visitor, State(api): State<Api>, Id(id): Id) -> Result<Html<String>, Problem> {
    let t = visitor.texts();
    let agent = api.ports.agents.find(&AgentId::new(&id)).await?;
    let agent = agent.ok_or_else(|| Problem::not_found("there is no agent with this id"))?;
    let view = AgentView::from(&agent);
    let current = serde_json::to_value(&view).unwrap_or_default();
    let locked = view.managed_by_file.then(|| t.say("managed-by-file-about"));
    let channels = api.ports.channels.list().await?;
    let using: Vec<_> = channels.iter().filter(|one| one.default_agent.as_ref() == Some(&agent.id)).collect();
    let in_use = (!using.is_empty()).then(|| t.say("agent-in-use"));
    let deletion = Deletion {
        path: format!("/api/v1/agents/{id}"),
        name: &view.name,
        about: t.say("agent-delete-about"),
        then: "/panel/agents",
        not_now: locked.clone().or(in_use),
    };
    let form = api.ports.agent_kinds.get(agent.kind.as_str()).map(|kind| Form {
        request: ("PATCH", format!("/api/v1/agents/{id}")),
        version: Some(view.version),
        base: None,
        then: String::from("reload"),
        check: Some(format!("/api/v1/agents/test?agent_id={id}")),
        current: &current,
        groups: groups(t, &kind.form()),
        locked,
        submit: t.say("save"),
    });
    let content = html! {
        div.head {
            h1 { bdi { (view.name) } " " span.tag { (kind_title(&api, t, &view.kind)) } }
            div.acts {
                a.button href=(format!("/panel/agents/{id}/history")) { (t.say("tab-history")) }
                (test_button(&visitor, &view))
            }
        }
        ul.outcome id=(format!("tested-{}", view.id)) hidden {}
        @match &form {
            Some(form) => (form.view(&visitor)),
            None => p.note.bad { (t.say("platform-unknown")) },
        }
        section.card {
            h2 { (t.say("delete")) }
            @if using.is_empty() { p { (t.say("agent-delete-about")) } } @else {
                p { (t.say("agent-in-use")) " "
                    @for channel in &using { a href=(format!("/panel/channels/{}", channel.id)) { bdi { (channel.name) } } " " }
                }
            }
            (deletion.dialog(&visitor))
        }
    };
    Ok(Html(inside(&visitor, Section::Agents, &view.name, &content).into_string()))
}
