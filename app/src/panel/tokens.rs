//! `/panel/tokens`: what opens the server, made and revoked. A new one is shown once.

use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use maud::{Markup, html};
use switchboard_ports::page::PageRequest;
use switchboard_ports::tokens::Role;

use super::frame::{Section, inside, role_word};
use super::pieces::{Confirmation, ago, moment, more, reason};
use super::texts::{Key, Texts};
use super::visitor::Visitor;
use crate::http::dto::list::List;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::state::Api;
use crate::http::tokens::TokenView;
use crate::http::tokens::list::key;

/// Tokens on one page.
const ROWS: u32 = 50;

/// The page.
pub(super) fn routes() -> Router<Api> {
    Router::new().route("/panel/tokens", get(page))
}

async fn page(visitor: Visitor, State(api): State<Api>, mut query: Query) -> Result<Html<String>, Problem> {
    let page = PageRequest { limit: ROWS, ..query.page_by_name() };
    query.finish()?;
    let t = visitor.texts();
    let title = t.say("tokens-title");
    let content = if let Some(why) = reason(&visitor, Role::Admin) {
        html! { h1 { (title) } p.note { (why) } }
    } else {
        let tokens = api.ports.tokens.list().await?;
        let rows = List::cut(tokens, &page, key, |token| TokenView::of(&api, &token));
        html! {
            h1 { (title) }
            p.help { (t.say("tokens-about")) }
            (making(t))
            (table(t, &visitor, &rows.items))
            (more(t, "/panel/tokens", &[], rows.next_cursor.as_deref()))
        }
    };
    Ok(Html(inside(&visitor, Section::Tokens, &title, &content).into_string()))
}

fn role_of(word: &str) -> Key {
    match word {
        "admin" => role_word(Role::Admin),
        "operator" => role_word(Role::Operator),
        _ => role_word(Role::Viewer),
    }
}

/// The form, and the place where the new token is shown once.
fn making(t: Texts) -> Markup {
    html! {
        section.card {
            h2 { (t.say("token-add")) }
            form data-method="POST" data-path="/api/v1/tokens" data-then="outcome" data-shows="token-made" {
                div.field {
                    label.required for="name" { (t.say("token-name")) }
                    input id="name" name="/name" data-kind="text" type="text" maxlength="100" required autocomplete="off"
                        aria-describedby="name-help";
                    p.help id="name-help" { (t.say("token-name-about")) }
                    p.mistake id="name-mistake" role="alert" hidden {}
                }
                div.field {
                    label for="role" { (t.say("token-role")) }
                    select id="role" name="/role" data-kind="text" {
                        @for word in ["viewer", "operator", "admin"] { option value=(word) { (t.told(role_of(word))) } }
                    }
                    p.mistake id="role-mistake" role="alert" hidden {}
                }
                div.rest.note.bad tabindex="-1" role="alert" hidden {}
                button.primary type="submit" { (t.say("create")) }
            }
            div.note.good.below id="token-made" role="status" hidden {
                p { (t.say("token-shown")) }
                dl {
                    div data-row { dt { (t.say("token-name")) } dd { bdi data-from="name" {} } }
                    div data-row { dt { (t.say("sign-in-token")) } dd { bdi.code data-from="token" {} } }
                }
                p { a href="/panel/tokens" { (t.say("token-noted")) } }
            }
        }
    }
}

fn table(t: Texts, visitor: &Visitor, rows: &[TokenView]) -> Markup {
    html! {
        @if rows.is_empty() { p.card { (t.say("tokens-none")) } } @else {
            div.card.scroll {
                table.rows {
                    thead { tr {
                        th scope="col" { (t.say("token-name")) } th scope="col" { (t.say("token-role")) }
                        th scope="col" { (t.say("token-made")) } th scope="col" { (t.say("token-used")) }
                        th scope="col" { (t.say("token-revoke")) }
                    } }
                    tbody { @for token in rows { (row(t, visitor, token)) } }
                }
            }
        }
    }
}

fn row(t: Texts, visitor: &Visitor, token: &TokenView) -> Markup {
    let revoking = Confirmation {
        id: format!("revoke-{}", token.id),
        label: t.say("token-revoke"),
        title: t.say("token-revoke-title"),
        about: t.say("token-revoke-about"),
        request: ("DELETE", format!("/api/v1/tokens/{}", token.id)),
        body: None,
        version: None,
        then: "reload",
        class: "danger",
        why_not: None,
    };
    html! {
        tr {
            td data-label=(t.say("token-name")) {
                bdi { (token.name) }
                @if token.name == visitor.signed.caller.name { " " span.tag { (t.say("token-own")) } }
                @if token.bootstrap { " " span.tag { (t.say("token-bootstrap")) } }
            }
            td data-label=(t.say("token-role")) { (t.told(role_of(token.role))) }
            td data-label=(t.say("token-made")) { (moment(&token.created_at)) }
            td data-label=(t.say("token-used")) {
                @match &token.last_used_at { Some(at) => (ago(at)), None => (t.say("token-unused")) }
            }
            td data-label=(t.say("token-revoke")) { div { (revoking.view(t)) } }
        }
    }
}
