//! Changes of settings: all of them in one list, and the history of one channel or agent with the way back.

use std::borrow::Cow;

use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use maud::{Markup, html};
use serde_json::{Value, json};
use switchboard_ports::agents::AgentConfig;
use switchboard_ports::channels::Channel;
use switchboard_ports::page::PageRequest;
use switchboard_ports::tokens::Role;

use super::channels;
use super::frame::{Section, inside};
use super::pieces::{Confirmation, author, moment, more, reason};
use super::texts::{Key, Texts};
use super::visitor::Visitor;
use crate::changes::diff::FieldChange;
use crate::changes::lines::VersionLine;
use crate::changes::resource::Resource;
use crate::changes::write::moment as moment_of;
use crate::changes::{Act, Kind, read};
use crate::http::changes::versions::known;
use crate::http::changes::view::{self, AuthorView, ChangeView};
use crate::http::dto::list::List;
use crate::http::dto::time::rfc3339;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// Changes on one page.
const ROWS: u32 = 50;

/// Versions on one page; each is shown with what differs.
const VERSIONS: u32 = 20;

/// Characters shown of a value, at most.
const VALUE_CHARS_MAX: usize = 300;

/// Fields shown of a version, at most.
const FIELDS_MAX: usize = 50;

/// The pages.
pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/panel/changes", get(list))
        .route("/panel/channels/{id}/history", get(of_channel))
        .route("/panel/agents/{id}/history", get(of_agent))
}

/// `GET /panel/changes`.
async fn list(visitor: Visitor, State(api): State<Api>, mut query: Query) -> Result<Html<String>, Problem> {
    let kind = query.word("resource", &[("agent", Kind::Agent), ("channel", Kind::Channel)]);
    let page = PageRequest { limit: ROWS, ..query.page_by_number() };
    query.finish()?;
    let rows = List::of(read::changes(&api.ports, &page, kind).await?, ChangeView::from);
    let t = visitor.texts();
    let title = t.say("changes-title");
    let asked = kind.map_or("", Kind::word);
    let content = html! {
        h1 { (title) }
        p.help { (t.say("changes-about")) }
        ul.tabs {
            @for (word, name) in [("", Key("changes-all")), ("channel", Key("nav-channels")), ("agent", Key("nav-agents"))] {
                li { a href=(if word.is_empty() { String::from("/panel/changes") } else { format!("/panel/changes?resource={word}") })
                    aria-current=[(word == asked).then_some("page")] { (t.told(name)) } }
            }
        }
        @if rows.items.is_empty() { p.card { (t.say("audit-none")) } } @else { (table(t, &rows.items)) }
        (more(t, "/panel/changes", &[("resource", asked)], rows.next_cursor.as_deref()))
    };
    Ok(Html(inside(&visitor, Section::Changes, &title, &content).into_string()))
}

fn table(t: Texts, rows: &[ChangeView]) -> Markup {
    html! {
        div.card.scroll {
            table.rows {
                thead { tr {
                    th scope="col" { (t.say("column-time")) } th scope="col" { (t.say("column-author")) }
                    th scope="col" { (t.say("column-act")) } th scope="col" { (t.say("column-resource")) }
                    th scope="col" { (t.say("column-fields")) }
                } }
                tbody {
                    @for row in rows {
                        tr {
                            td data-label=(t.say("column-time")) { (moment(&row.at)) }
                            td data-label=(t.say("column-author")) { (author(t, row.author.as_ref())) }
                            td data-label=(t.say("column-act")) { (t.told(act_word(row.act))) }
                            td data-label=(t.say("column-resource")) {
                                a href=(format!("/panel/{}s/{}/history", row.resource, row.id)) { bdi { (row.name) } }
                                " " span.tag { (row.version) }
                            }
                            td data-label=(t.say("column-fields")) { @for field in &row.fields { bdi.code { (field) } " " } }
                        }
                    }
                }
            }
        }
    }
}

/// What was done, in words.
fn act_word(act: &str) -> Key {
    match act {
        "created" => Key("act-created"),
        "enabled" => Key("act-enabled"),
        "disabled" => Key("act-disabled"),
        "deleted" => Key("act-deleted"),
        "rolled_back" => Key("act-rolled-back"),
        "from_file" => Key("act-from-file"),
        _ => Key("act-changed"),
    }
}

/// A version as the page shows it.
struct Shown {
    line: VersionLine,
    changes: Option<Vec<FieldChange>>,
}

/// A page of versions, each with what differs from the one before.
async fn shown(api: &Api, id: &str, page: &PageRequest) -> Result<List<Shown>, Problem> {
    let versions = read::versions(&api.ports, id, page).await?;
    let mut older = versions.items.clone();
    if versions.next.is_some() {
        // The last one of this page is compared with the first one of the next.
        let next = PageRequest { limit: 1, after: versions.next.clone() };
        older.extend(read::versions(&api.ports, id, &next).await?.items);
    }
    let before = older.into_iter().skip(1).map(Some).chain(std::iter::once(None));
    let items = versions.items.into_iter().zip(before);
    let items = items.map(|(line, before)| Shown { changes: view::changes(&line, before.as_ref()), line });
    Ok(List { items: items.collect(), next_cursor: versions.next })
}

/// `GET /panel/channels/{id}/history`.
async fn of_channel(
    visitor: Visitor,
    State(api): State<Api>,
    Id(id): Id,
    mut query: Query,
) -> Result<Html<String>, Problem> {
    let page = PageRequest { limit: VERSIONS, ..query.page_by_number() };
    query.finish()?;
    known::<Channel>(&api, &id).await?;
    let channel = Channel::find(&api.ports, &id).await?;
    let rows = shown(&api, &id, &page).await?;
    let content = history(&visitor, channel.as_ref(), &rows, &id);
    let page = match &channel {
        Some(channel) => channels::with_history(&visitor, channel, &content),
        None => gone(&visitor, Section::Channels, &rows, &content),
    };
    Ok(Html(page.into_string()))
}

/// `GET /panel/agents/{id}/history`.
async fn of_agent(
    visitor: Visitor,
    State(api): State<Api>,
    Id(id): Id,
    mut query: Query,
) -> Result<Html<String>, Problem> {
    let page = PageRequest { limit: VERSIONS, ..query.page_by_number() };
    query.finish()?;
    known::<AgentConfig>(&api, &id).await?;
    let agent = AgentConfig::find(&api.ports, &id).await?;
    let rows = shown(&api, &id, &page).await?;
    let content = history(&visitor, agent.as_ref(), &rows, &id);
    let Some(agent) = agent else {
        return Ok(Html(gone(&visitor, Section::Agents, &rows, &content).into_string()));
    };
    let t = visitor.texts();
    let content = html! {
        h1 {
            a href=(format!("/panel/agents/{id}")) { bdi { (agent.name) } } " · " (t.say("tab-history"))
            @if agent.managed_by_file { " " span.tag { (t.say("managed-by-file")) } }
        }
        (content)
    };
    Ok(Html(inside(&visitor, Section::Agents, &agent.name, &content).into_string()))
}

/// The history of what is deleted.
fn gone(visitor: &Visitor, section: Section, rows: &List<Shown>, content: &Markup) -> Markup {
    let t = visitor.texts();
    let name = rows.items.first().map_or("", |shown| shown.line.name.as_str());
    let content = html! {
        h1 { bdi { (name) } " " span.tag { (t.say("history-gone")) } }
        (content)
    };
    inside(visitor, section, name, &content)
}

fn history<R: Resource>(visitor: &Visitor, stored: Option<&R>, rows: &List<Shown>, id: &str) -> Markup {
    let t = visitor.texts();
    let base = format!("/panel/{}s/{id}/history", kind_of::<R>());
    html! {
        p.help { (t.say("history-about")) }
        @if stored.is_some_and(Resource::is_managed) { p.note { (t.say("managed-by-file-about")) } }
        @for shown in &rows.items { (version(visitor, stored, shown)) }
        (more(t, &base, &[], rows.next_cursor.as_deref()))
    }
}

fn kind_of<R: Resource>() -> &'static str {
    R::KIND.word()
}

fn version<R: Resource>(visitor: &Visitor, stored: Option<&R>, shown: &Shown) -> Markup {
    let (t, line) = (visitor.texts(), &shown.line);
    let is_present = stored.is_some_and(|stored| crate::changes::write::is_of(line, stored));
    html! {
        article.card {
            div.head {
                h2 {
                    (t.with("history-version", [("version", line.stamp.version.to_string().into())])) " · "
                    (t.told(act_word(line.act.word())))
                    @if is_present { " " span.tag { (t.say("history-present")) } }
                }
                @if let Some(stored) = stored.filter(|_| !is_present && line.act != Act::Deleted) {
                    (way_back(visitor, stored, line))
                }
            }
            p.help {
                (moment(&rfc3339(moment_of(line.stamp)))) " · "
                (author(t, line.author.clone().map(AuthorView::from).as_ref()))
            }
            @match &shown.changes {
                Some(changes) => (differing(t, changes)),
                None if line.previous.is_some() && line.act != Act::Deleted => p.help { (t.say("history-unknown")) },
                None => {}
            }
            @if line.act == Act::Deleted { (content(t, line.content.as_ref())) }
        }
    }
}

/// The button with its question.
fn way_back<R: Resource>(visitor: &Visitor, stored: &R, line: &VersionLine) -> Markup {
    let t = visitor.texts();
    let not_now: Option<Cow<'static, str>> = if stored.is_managed() {
        Some(t.say("managed-by-file-about"))
    } else if line.content.is_none() {
        Some(t.say("history-too-long"))
    } else {
        None
    };
    let number = line.stamp.version;
    Confirmation {
        id: format!("rollback-{number}-{}", line.stamp.at),
        label: t.say("history-back"),
        title: t.with("history-back-title", [("version", number.to_string().into())]),
        about: t.say("history-back-about"),
        request: ("POST", format!("/api/v1/{}s/{}/rollback", kind_of::<R>(), stored.id())),
        body: Some(json!({"version": number})),
        version: Some(stored.version().0),
        then: "reload",
        class: "",
        why_not: reason(visitor, Role::Admin).or(not_now),
    }
    .view(t)
}

fn differing(t: Texts, changes: &[FieldChange]) -> Markup {
    html! {
        @if changes.is_empty() { p.help { (t.say("history-nothing")) } }
        dl.differing {
            @for change in changes.iter().take(FIELDS_MAX) {
                div {
                    dt { bdi.code { (change.pointer) } }
                    dd {
                        @if change.secret { (t.say("history-secret")) } @else {
                            del { (value(change.before.as_ref())) } " → " ins { (value(change.after.as_ref())) }
                        }
                    }
                }
            }
        }
        @if changes.len() > FIELDS_MAX {
            p.help { (t.with("history-more", [("count", changes.len().saturating_sub(FIELDS_MAX).to_string().into())])) }
        }
    }
}

/// What was there last, as it would stand in an export.
fn content(t: Texts, content: Option<&Value>) -> Markup {
    html! {
        @if let Some(content) = content {
            details {
                summary { (t.say("history-content")) }
                pre { bdi { (format!("{content:#}")) } }
            }
        }
    }
}

/// A value as people read it, cut where it is long.
fn value(value: Option<&Value>) -> Markup {
    let text = match value {
        None | Some(Value::Null) => String::from("–"),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let is_cut = text.chars().nth(VALUE_CHARS_MAX).is_some();
    let start: String = text.chars().take(VALUE_CHARS_MAX).collect();
    html! { bdi { (start) @if is_cut { "…" } } }
}
