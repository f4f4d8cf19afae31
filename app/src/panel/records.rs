//! Pages that only show: the audit list, what people did, and the processes that run.

use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use maud::{Markup, html};
use switchboard_ports::journal::Book;
use switchboard_ports::page::PageRequest;
use switchboard_ports::replicas::ReplicaInfo;
use switchboard_ports::tokens::Role;

use super::codes;
use super::frame::{Section, inside};
use super::pieces::{author, moment, more, reason, stored_ago};
use super::texts::{Key, Texts};
use super::visitor::Visitor;
use crate::changes::read::sifted;
use crate::http::acts::ActLine;
use crate::http::acts::list::ActView;
use crate::http::audit::AuditView;
use crate::http::dto::list::List;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::state::Api;

/// The pages.
pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/panel/audit", get(audit))
        .route("/panel/acts", get(acts))
        .route("/panel/replicas", get(replicas))
}

/// `GET /panel/audit`.
async fn audit(visitor: Visitor, State(api): State<Api>, mut query: Query) -> Result<Html<String>, Problem> {
    let page = PageRequest { limit: 100, ..query.page_by_number() };
    query.finish()?;
    let t = visitor.texts();
    let rows = List::of(api.ports.audit.list(&page).await?, AuditView::from);
    let title = t.say("audit-title");
    let content = html! {
        h1 { (title) }
        (lists(t, "/panel/audit"))
        p.help { (t.say("audit-about")) }
        @if rows.items.is_empty() { p.card { (t.say("audit-none")) } } @else { (audit_table(t, &rows.items)) }
        (more(t, "/panel/audit", &[], rows.next_cursor.as_deref()))
    };
    Ok(Html(inside(&visitor, Section::Audit, &title, &content).into_string()))
}

fn audit_table(t: Texts, rows: &[AuditView]) -> Markup {
    html! {
        div.card.scroll {
            table.rows {
                thead { tr {
                    th scope="col" { (t.say("column-time")) } th scope="col" { (t.say("column-act")) }
                    th scope="col" { (t.say("column-user")) } th scope="col" { (t.say("column-identity")) }
                    th scope="col" { (t.say("column-rule")) }
                } }
                tbody {
                    @for row in rows {
                        tr {
                            td data-label=(t.say("column-time")) { (moment(&row.at)) }
                            td data-label=(t.say("column-act")) { (t.told(act_word(row.act))) }
                            td data-label=(t.say("column-user")) { a href=(format!("/panel/users/{}", row.user_id)) { bdi { (row.username) } } }
                            td data-label=(t.say("column-identity")) {
                                @if let Some(platform) = &row.platform { span.tag { (platform) } " " }
                                @if let Some(identity) = &row.im_user_id { bdi { (identity) } }
                            }
                            td data-label=(t.say("column-rule")) { (codes::rule(t, &row.rule)) " · " bdi { (row.source) } }
                        }
                    }
                }
            }
        }
    }
}

fn act_word(act: &str) -> Key {
    match act {
        "created" => Key("act-created"),
        "linked" => Key("act-linked"),
        "unlinked" => Key("act-unlinked"),
        "disabled" => Key("act-disabled"),
        "enabled" => Key("act-enabled"),
        "deleted" => Key("act-deleted"),
        "shut_out" => Key("act-shut-out"),
        _ => Key("act-let-in"),
    }
}

/// The two lists of what was done.
fn lists(t: Texts, here: &str) -> Markup {
    html! {
        ul.tabs {
            @for (path, name) in [("/panel/audit", Key("audit-users")), ("/panel/acts", Key("acts-title"))] {
                li { a href=(path) aria-current=[(path == here).then_some("page")] { (t.told(name)) } }
            }
        }
    }
}

/// `GET /panel/acts`.
async fn acts(visitor: Visitor, State(api): State<Api>, mut query: Query) -> Result<Html<String>, Problem> {
    let page = PageRequest { limit: 100, ..query.page_by_number() };
    query.finish()?;
    let t = visitor.texts();
    let acts = sifted(&api.ports, Book::Acts, &page, |_: &ActLine| true).await?;
    let rows = List::of(acts, ActView::from);
    let title = t.say("acts-title");
    let content = html! {
        h1 { (t.say("audit-title")) }
        (lists(t, "/panel/acts"))
        p.help { (t.say("acts-about")) }
        @if rows.items.is_empty() { p.card { (t.say("audit-none")) } } @else { (acts_table(t, &rows.items)) }
        (more(t, "/panel/acts", &[], rows.next_cursor.as_deref()))
    };
    Ok(Html(inside(&visitor, Section::Audit, &title, &content).into_string()))
}

fn acts_table(t: Texts, rows: &[ActView]) -> Markup {
    html! {
        div.card.scroll {
            table.rows {
                thead { tr {
                    th scope="col" { (t.say("column-time")) } th scope="col" { (t.say("column-author")) }
                    th scope="col" { (t.say("column-act")) } th scope="col" { (t.say("column-subject")) }
                } }
                tbody {
                    @for row in rows {
                        tr {
                            td data-label=(t.say("column-time")) { (moment(&row.at)) }
                            td data-label=(t.say("column-author")) { (author(t, Some(&row.author))) }
                            td data-label=(t.say("column-act")) { (t.told(done_word(row.act))) }
                            td data-label=(t.say("column-subject")) { bdi.code { (row.subject) } }
                        }
                    }
                }
            }
        }
    }
}

fn done_word(act: &str) -> Key {
    match act {
        "token_created" => Key("done-token-created"),
        "token_revoked" => Key("done-token-revoked"),
        "channel_restarted" => Key("done-channel-restarted"),
        "conversation_reset" => Key("done-conversation-reset"),
        "conversation_stopped" => Key("done-conversation-stopped"),
        "failure_retried" => Key("done-failure-retried"),
        "failure_deleted" => Key("done-failure-deleted"),
        "user_created" => Key("done-user-created"),
        "user_changed" => Key("done-user-changed"),
        "user_deleted" => Key("done-user-deleted"),
        "user_exported" => Key("done-user-exported"),
        "identity_linked" => Key("done-identity-linked"),
        _ => Key("done-identity-unlinked"),
    }
}

/// `GET /panel/replicas`.
async fn replicas(visitor: Visitor, State(api): State<Api>, query: Query) -> Result<Html<String>, Problem> {
    query.finish()?;
    let live = api.operations.replicas().ok_or_else(Problem::store_away)?;
    let t = visitor.texts();
    let title = t.say("replicas-title");
    let content = html! {
        h1 { (title) }
        p.help { (t.say("replicas-about")) }
        (diagnostics(&visitor))
        (replicas_table(t, &live))
    };
    Ok(Html(inside(&visitor, Section::Replicas, &title, &content).into_string()))
}

/// What a bug report needs, as a file.
fn diagnostics(visitor: &Visitor) -> Markup {
    let t = visitor.texts();
    html! {
        section.card {
            div.head {
                h2 { (t.say("diagnostics-title")) }
                @match reason(visitor, Role::Admin) {
                    None => a.button href="/api/v1/diagnostics" download { (t.say("diagnostics-act")) },
                    Some(why) => button type="button" disabled title=(why) { (t.say("diagnostics-act")) },
                }
            }
            p.help { (t.say("diagnostics-about")) }
        }
    }
}

fn replicas_table(t: Texts, rows: &[ReplicaInfo]) -> Markup {
    html! {
        div.card.scroll {
            table.rows {
                thead { tr {
                    th scope="col" { (t.say("replica")) } th scope="col" { (t.say("column-host")) }
                    th scope="col" { (t.say("column-version")) } th scope="col" { (t.say("column-started")) }
                    th scope="col" { (t.say("column-partitions")) } th scope="col" { (t.say("column-connections")) }
                } }
                tbody {
                    @for row in rows {
                        tr {
                            td data-label=(t.say("replica")) { bdi.code { (row.id) } }
                            td data-label=(t.say("column-host")) { bdi { (row.host.as_deref().unwrap_or_default()) } }
                            td data-label=(t.say("column-version")) { (row.version) }
                            td data-label=(t.say("column-started")) { (stored_ago(row.started_at)) }
                            td data-label=(t.say("column-partitions")) { (row.partitions) " / 256" }
                            td data-label=(t.say("column-connections")) { (row.connections) }
                        }
                    }
                }
            }
        }
    }
}
