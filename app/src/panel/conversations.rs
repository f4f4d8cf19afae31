//! Conversations: search, and the transcript as people saw it.

use std::collections::{BTreeMap, BTreeSet};

use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use futures_util::future::try_join_all;
use maud::{Markup, html};
use switchboard_domain::ids::{ChannelId, ConversationId, SessionNumber, UserId};
use switchboard_ports::page::PageRequest;
use switchboard_ports::tokens::Role;
use switchboard_ports::transcripts::ConversationFilter;

use super::codes;
use super::frame::{Section, inside};
use super::pieces::{Act, ago, fact, moment, more, search};
use super::texts::{Key, Texts};
use super::visitor::Visitor;
use crate::http::dto::conversation::{ConversationView, LineView};
use crate::http::dto::list::List;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// Conversations, or lines, on one page.
const ROWS: u32 = 50;

/// The pages.
pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/panel/conversations", get(list))
        .route("/panel/conversations/{id}", get(show))
        .route("/panel/pieces/conversations/{id}", get(piece))
}

/// `GET /panel/conversations`.
async fn list(visitor: Visitor, State(api): State<Api>, mut query: Query) -> Result<Html<String>, Problem> {
    let t = visitor.texts();
    let user = query.text("user_id");
    let content = listed(&visitor, &api, query, "/panel/conversations", None, user).await?;
    let title = t.say("conversations-title");
    Ok(Html(
        inside(&visitor, Section::Conversations, &title, &html! { h1 { (title) } (content) }).into_string(),
    ))
}

/// A list of conversations, of one channel or user or of all.
pub(super) async fn listed(
    visitor: &Visitor,
    api: &Api,
    mut query: Query,
    base: &str,
    channel: Option<ChannelId>,
    user: Option<String>,
) -> Result<Markup, Problem> {
    let t = visitor.texts();
    let asked = query.search("q").unwrap_or_default();
    let page = PageRequest { limit: ROWS, ..query.page_by_activity() };
    query.finish()?;
    let text = Some(asked.clone()).filter(|text| !text.is_empty());
    let filter = ConversationFilter { channel, user: user.as_deref().map(UserId::new), text };
    let found = api.ports.transcripts.conversations(&filter, &page).await?;
    let rows = List::of(found, ConversationView::from);
    let channels = channel_names(api, rows.items.iter().map(|row| row.channel_id.as_str())).await?;
    let user = user.unwrap_or_default();
    Ok(html! {
        (search(t, base, &asked))
        (rows_view(t, &rows.items, &channels))
        (more(t, base, &[("q", &asked), ("user_id", &user)], rows.next_cursor.as_deref()))
    })
}

fn rows_view(t: Texts, rows: &[ConversationView], channels: &BTreeMap<String, String>) -> Markup {
    html! {
        @if rows.is_empty() { p.card { (t.say("conversations-none")) } }
        @for row in rows {
            article.card {
                div.head {
                    h2 { a href=(format!("/panel/conversations/{}", row.id)) { bdi { (title_of(row)) } } }
                    span.tag { (t.told(kind_word(row))) }
                }
                p.help {
                    bdi { (row.author) } " · " (channel_link(&row.channel_id, channels)) " · "
                    (ago(&row.last_active_at))
                    @if row.waiting > 0 { " · " (t.with("conversation-waiting", [("count", row.waiting.into())])) }
                }
            }
        }
    }
}

fn title_of(row: &ConversationView) -> &str {
    row.title.as_deref().filter(|title| !title.is_empty()).unwrap_or(&row.author)
}

fn kind_word(row: &ConversationView) -> Key {
    if row.kind == "group" { Key("conversation-group") } else { Key("conversation-private") }
}

/// `GET /panel/conversations/{id}`: what was said last in the present session, or everything from the beginning.
async fn show(
    visitor: Visitor,
    State(api): State<Api>,
    Id(id): Id,
    mut query: Query,
) -> Result<Html<String>, Problem> {
    let from_the_beginning = query.flag("whole");
    let page = PageRequest { limit: ROWS, ..query.page_by_number() };
    query.finish()?;
    let t = visitor.texts();
    let found = conversation(&api, &id).await?;
    let said = if from_the_beginning || page.after.is_some() {
        let of = ConversationId::new(&id);
        let lines = api.ports.transcripts.lines(&of, &page).await?;
        let lines = List::of(lines, |line| LineView::of(&of, line));
        html! {
            h2 { (t.say("transcript-title")) }
            (transcript(t, &found.id, &lines.items, Shown::Page))
            (more(t, &format!("/panel/conversations/{id}"), &[], lines.next_cursor.as_deref()))
        }
    } else {
        let lines = recent(&api, &found).await?;
        html! {
            div.head {
                h2 { (t.say("session-title")) }
                a href=(format!("/panel/conversations/{id}?whole=true")) { (t.say("session-whole")) }
            }
            (transcript(t, &found.id, &lines, Shown::Live))
        }
    };
    let title = title_of(&found).to_owned();
    let channels = channel_names(&api, [found.channel_id.as_str()]).await?;
    let user = match &found.user_id {
        Some(id) => api.ports.users.find(&UserId::new(id)).await?.map(|user| user.username),
        None => None,
    };
    let content = html! {
        h1 { bdi { (title) } " " span.tag { (t.told(kind_word(&found))) } }
        (facts(t, &found, &channels, user.as_deref()))
        (acts(&visitor, &found))
        (said)
    };
    Ok(Html(inside(&visitor, Section::Conversations, &title, &content).into_string()))
}

/// `GET /panel/pieces/conversations/{id}`: the last lines again.
async fn piece(visitor: Visitor, State(api): State<Api>, Id(id): Id) -> Result<Html<String>, Problem> {
    let found = conversation(&api, &id).await?;
    let lines = recent(&api, &found).await?;
    Ok(Html(transcript(visitor.texts(), &found.id, &lines, Shown::Live).into_string()))
}

/// What was said last in the present session.
async fn recent(api: &Api, of: &ConversationView) -> Result<Vec<LineView>, Problem> {
    let Some(session) = &of.session else { return Ok(Vec::new()) };
    let (id, session) = (ConversationId::new(&of.id), SessionNumber(session.number));
    let lines = api.ports.transcripts.recent(&id, session, ROWS).await?;
    Ok(lines.into_iter().map(|line| LineView::of(&id, line)).collect())
}

/// What these channels are called, by id; not those that are gone. Rows of one page name a few, of many that there may be.
pub(super) async fn channel_names<'a>(
    api: &Api,
    ids: impl IntoIterator<Item = &'a str>,
) -> Result<BTreeMap<String, String>, Problem> {
    let ids: BTreeSet<_> = ids.into_iter().map(ChannelId::new).collect();
    let found = try_join_all(ids.iter().map(|id| api.ports.channels.find(id))).await?;
    Ok(found.into_iter().flatten().map(|channel| (channel.id.to_string(), channel.name)).collect())
}

/// A way to a channel, by its name as long as it has one.
pub(super) fn channel_link(id: &str, names: &BTreeMap<String, String>) -> Markup {
    html! { a href=(format!("/panel/channels/{id}")) { bdi { (names.get(id).map_or(id, String::as_str)) } } }
}

async fn conversation(api: &Api, id: &str) -> Result<ConversationView, Problem> {
    let found = api.ports.transcripts.conversation(&ConversationId::new(id)).await?;
    found
        .map(ConversationView::from)
        .ok_or_else(|| Problem::not_found("there is no conversation with this id"))
}

fn facts(
    t: Texts,
    row: &ConversationView,
    channels: &BTreeMap<String, String>,
    user: Option<&str>,
) -> Markup {
    html! {
        dl.card {
            (fact(&t.say("conversation-channel"), &channel_link(&row.channel_id, channels)))
            @if let Some(id) = &row.user_id {
                (fact(&t.say("conversation-user"), &html! {
                    a href=(format!("/panel/users/{id}")) { bdi { (user.unwrap_or(id)) } }
                }))
            }
            (fact(&t.say("conversation-author"), &html! { bdi { (row.author) } }))
            (fact(&t.say("conversation-active"), &ago(&row.last_active_at)))
            @if let Some(session) = &row.session {
                (fact(&t.say("conversation-session"), &html! { (session.number) ", " (moment(&session.started_at)) }))
            }
            (fact(&t.say("conversation-id"), &html! { span.code { (row.id) } }))
        }
    }
}

pub(super) fn acts(visitor: &Visitor, row: &ConversationView) -> Markup {
    let t = visitor.texts();
    let act = |label, verb: &str, done| Act {
        label,
        request: ("POST", format!("/api/v1/conversations/{}/{verb}", row.id)),
        needs: Role::Operator,
        done,
        then: None,
        class: "plain",
        not_now: None,
    };
    html! {
        div.acts {
            (act(t.say("conversation-stop"), "stop", t.say("conversation-stopped")).button(visitor))
            (act(t.say("conversation-reset"), "reset", t.say("conversation-was-reset")).button(visitor))
        }
    }
}

/// Whether lines are asked for again when something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Live,
    Page,
}

/// The lines, as people saw them.
fn transcript(t: Texts, id: &str, lines: &[LineView], shown: Shown) -> Markup {
    let is_live = shown == Shown::Live;
    let piece = is_live.then(|| format!("/panel/pieces/conversations/{id}"));
    html! {
        ol.lines data-conversation=[is_live.then_some(id)] data-piece=[piece] {
            @if lines.is_empty() { li { (t.say("transcript-none")) } }
            @for line in lines { (line_view(t, line)) }
        }
    }
}

fn line_view(t: Texts, line: &LineView) -> Markup {
    let (class, who) = match line.role {
        "user" => ("user", Key("line-user")),
        _ => ("agent", Key("line-agent")),
    };
    html! {
        li.line.(class) {
            p.help { (t.told(who)) " · " (moment(&line.at))
                @match line.mark {
                    Some("stopped") => { " · " (t.say("line-stopped")) },
                    Some(_) => { " · " (t.say("line-failed")) " " (codes::reason(t, line.cause.unwrap_or_default())) },
                    None => {},
                }
                " · " a href=(format!("/panel/messages/{}", line.message_id)) { (t.say("timeline-way")) }
            }
            div.words dir="auto" { (line.text) }
        }
    }
}
