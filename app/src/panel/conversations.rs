//! Conversations: search, and the transcript as people saw it.

use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use maud::{Markup, html};
use switchboard_domain::ids::{ChannelId, ConversationId, UserId};
use switchboard_ports::page::PageRequest;
use switchboard_ports::tokens::Role;
use switchboard_ports::transcripts::ConversationFilter;

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
    let user = user.unwrap_or_default();
    Ok(html! {
        (search(t, base, &asked))
        (rows_view(t, &rows.items))
        (more(t, base, &[("q", &asked), ("user_id", &user)], rows.next_cursor.as_deref()))
    })
}

fn rows_view(t: Texts, rows: &[ConversationView]) -> Markup {
    html! {
        @if rows.is_empty() { p.card { (t.say("conversations-none")) } }
        @for row in rows {
            article.card {
                div.head {
                    h2 { a href=(format!("/panel/conversations/{}", row.id)) { bdi { (title_of(row)) } } }
                    span.tag { (t.told(kind_word(row))) }
                }
                p.help {
                    bdi { (row.author) } " · " (ago(&row.last_active_at))
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

/// `GET /panel/conversations/{id}`.
async fn show(
    visitor: Visitor,
    State(api): State<Api>,
    Id(id): Id,
    mut query: Query,
) -> Result<Html<String>, Problem> {
    let page = PageRequest { limit: ROWS, ..query.page_by_number() };
    query.finish()?;
    let t = visitor.texts();
    let found = conversation(&api, &id).await?;
    let lines = lines(&api, &id, &page).await?;
    let title = title_of(&found).to_owned();
    let content = html! {
        h1 { bdi { (title) } " " span.tag { (t.told(kind_word(&found))) } }
        (facts(t, &found))
        (acts(&visitor, &found))
        h2 { (t.say("transcript-title")) }
        (transcript(t, &found.id, &lines, page.after.is_none()))
        (more(t, &format!("/panel/conversations/{id}"), &[], lines.next_cursor.as_deref()))
    };
    Ok(Html(inside(&visitor, Section::Conversations, &title, &content).into_string()))
}

/// `GET /panel/pieces/conversations/{id}`: the newest lines again.
async fn piece(visitor: Visitor, State(api): State<Api>, Id(id): Id) -> Result<Html<String>, Problem> {
    let found = conversation(&api, &id).await?;
    let lines = lines(&api, &id, &PageRequest { limit: ROWS, after: None }).await?;
    Ok(Html(transcript(visitor.texts(), &found.id, &lines, true).into_string()))
}

async fn conversation(api: &Api, id: &str) -> Result<ConversationView, Problem> {
    let found = api.ports.transcripts.conversation(&ConversationId::new(id)).await?;
    found
        .map(ConversationView::from)
        .ok_or_else(|| Problem::not_found("there is no conversation with this id"))
}

async fn lines(api: &Api, id: &str, page: &PageRequest) -> Result<List<LineView>, Problem> {
    let lines = api.ports.transcripts.lines(&ConversationId::new(id), page).await?;
    Ok(List::of(lines, LineView::from))
}

fn facts(t: Texts, row: &ConversationView) -> Markup {
    html! {
        dl.card {
            (fact(&t.say("conversation-channel"), &html! { a href=(format!("/panel/channels/{}", row.channel_id)) { (row.channel_id) } }))
            @if let Some(user) = &row.user_id {
                (fact(&t.say("conversation-user"), &html! { a href=(format!("/panel/users/{user}")) { (user) } }))
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

fn acts(visitor: &Visitor, row: &ConversationView) -> Markup {
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

/// The lines, as people saw them; those of the first page change as they are written.
fn transcript(t: Texts, id: &str, lines: &List<LineView>, is_first: bool) -> Markup {
    let piece = is_first.then(|| format!("/panel/pieces/conversations/{id}"));
    html! {
        ol.lines data-conversation=[is_first.then_some(id)] data-piece=[piece] {
            @if lines.items.is_empty() { li { (t.say("transcript-none")) } }
            @for line in &lines.items { (line_view(t, line)) }
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
                    Some(_) => { " · " (t.say("line-failed")) " " span.code { (line.cause.unwrap_or_default()) } },
                    None => {},
                }
            }
            div.words dir="auto" { (line.text) }
        }
    }
}
