//! Users: the list, making, changing, disabling and deleting one, and the identities that lead to it.

use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use maud::{Markup, html};
use serde_json::Value;
use switchboard_domain::ids::UserId;
use switchboard_ports::config_field::ConfigKind;
use switchboard_ports::error::StoreError;
use switchboard_ports::form::{FormField, FormKind, Words};
use switchboard_ports::page::{PAGE_ROWS_MAX, Page, PageRequest};
use switchboard_ports::tokens::Role;
use switchboard_ports::users::User;

use super::form::{Field, Form, Group};
use super::frame::{Section, inside};
use super::pieces::{Act, Deletion, fact, moment, more, reason, search};
use super::texts::{Key, Texts};
use super::visitor::Visitor;
use crate::http::dto::list::List;
use crate::http::dto::user::UserView;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// Users on one page; of a search, the least after which it stops to look for more.
const ROWS: u32 = 50;

/// Users that one search looks through at most, but for the rest of a page of the store.
const LOOKED_THROUGH_MAX: usize = 2_000;

const FIELDS: [FormField; 6] = [
    FormField::new(
        "/username",
        Words::new("Username", "用户名"),
        Words::new("Unique; the name that agents are told.", "不能重复；会告知智能体。"),
        FormKind::Line { chars_max: 128 },
    )
    .required(),
    FormField::new(
        "/display_name",
        Words::new("Name to show", "显示名称"),
        Words::new("The username, if there is none.", "留空则显示用户名。"),
        FormKind::Line { chars_max: 200 },
    ),
    FormField::new(
        "/email",
        Words::new("E-mail address", "邮箱"),
        Words::new("May be empty.", "可留空。"),
        FormKind::Line { chars_max: 254 },
    ),
    FormField::new(
        "/email_verified",
        Words::new("The address is the user's", "邮箱已确认"),
        Words::new("Only then is it matched and told to agents.", "仅在确认后才会用于匹配并告知智能体。"),
        FormKind::Setting(ConfigKind::Flag { default: false }),
    ),
    FormField::new(
        "/department",
        Words::new("Department", "部门"),
        Words::new("May be empty.", "可留空。"),
        FormKind::Line { chars_max: 200 },
    ),
    FormField::new(
        "/disabled",
        Words::new("Disabled", "停用"),
        Words::new(
            "Is refused with one sentence, beginning with the next message.",
            "从下一条消息起以一句提示拒绝。",
        ),
        FormKind::Setting(ConfigKind::Flag { default: false }),
    ),
];

/// The pages.
pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/panel/users", get(list))
        .route("/panel/users/new", get(new))
        .route("/panel/users/{id}", get(show))
}

/// `GET /panel/users`.
async fn list(visitor: Visitor, State(api): State<Api>, mut query: Query) -> Result<Html<String>, Problem> {
    let asked = query.search("q").unwrap_or_default();
    let page = PageRequest { limit: ROWS, ..query.page_by_id("usr_") };
    query.finish()?;
    let rows = List::of(matching(&api, page, &asked).await?, UserView::from);
    let t = visitor.texts();
    let title = t.say("users-title");
    let content = html! {
        div.head {
            h1 { (title) }
            @match reason(&visitor, Role::Admin) {
                None => a.button.primary href="/panel/users/new" { (t.say("user-add")) },
                Some(why) => button type="button" disabled title=(why) { (t.say("user-add")) },
            }
        }
        (search(t, "/panel/users", &asked))
        (table(t, &rows.items, &asked))
        (more(t, "/panel/users", &[("q", &asked)], rows.next_cursor.as_deref()))
    };
    Ok(Html(inside(&visitor, Section::Users, &title, &content).into_string()))
}

/// Users in whom these words stand, from a page on: those of whole pages of the store, until there are enough or
/// [`LOOKED_THROUGH_MAX`] were looked at; the next page goes on behind them.
async fn matching(api: &Api, mut page: PageRequest, asked: &str) -> Result<Page<User>, StoreError> {
    let wanted = asked.trim().to_lowercase();
    if wanted.is_empty() {
        return api.ports.users.list(&page).await;
    }
    page.limit = PAGE_ROWS_MAX;
    let mut found = Vec::new();
    let mut seen = 0_usize;
    loop {
        let read = api.ports.users.list(&page).await?;
        seen = seen.saturating_add(read.items.len());
        found.extend(read.items.into_iter().filter(|user| is_meant(user, &wanted)));
        if read.next.is_none() || found.len() >= ROWS as usize || seen >= LOOKED_THROUGH_MAX {
            return Ok(Page { items: found, next: read.next });
        }
        page.after = read.next;
    }
}

fn is_meant(user: &User, wanted: &str) -> bool {
    let own = [Some(user.id.as_str()), Some(&user.username), Some(&user.display_name)];
    let more = [user.email.as_deref(), user.department.as_deref()];
    let ids = user.identities.iter().map(|identity| Some(identity.im_user_id.as_str()));
    let mut all = own.into_iter().chain(more).chain(ids).flatten();
    all.any(|text| text.to_lowercase().contains(wanted))
}

fn table(t: Texts, rows: &[UserView], asked: &str) -> Markup {
    let none = if asked.is_empty() { Key("users-none") } else { Key("users-none-found") };
    html! {
        @if rows.is_empty() { p.card { (t.told(none)) } } @else {
            div.card.scroll {
                table.rows {
                    thead { tr {
                        th scope="col" { (t.say("column-user")) } th scope="col" { (t.say("column-email")) }
                        th scope="col" { (t.say("column-department")) } th scope="col" { (t.say("column-source")) }
                        th scope="col" { (t.say("column-identities")) }
                    } }
                    tbody { @for user in rows { (row(t, user)) } }
                }
            }
        }
    }
}

fn row(t: Texts, user: &UserView) -> Markup {
    html! {
        tr {
            td data-label=(t.say("column-user")) {
                a href=(format!("/panel/users/{}", user.id)) { bdi { (user.username) } }
                @if user.display_name != user.username { " " bdi { (user.display_name) } }
                @if user.disabled { " " span.tag { (t.say("user-disabled")) } }
            }
            td data-label=(t.say("column-email")) { @if let Some(email) = &user.email { bdi { (email) } } }
            td data-label=(t.say("column-department")) { @if let Some(department) = &user.department { bdi { (department) } } }
            td data-label=(t.say("column-source")) { bdi { (user.auth_source) } }
            td data-label=(t.say("column-identities")) { @for identity in &user.identities { span.tag { (identity.platform) ": " bdi { (identity.im_user_id) } } " " } }
        }
    }
}

/// `GET /panel/users/new`.
async fn new(visitor: Visitor, query: Query) -> Result<Html<String>, Problem> {
    query.finish()?;
    let t = visitor.texts();
    let form = Form {
        request: ("POST", String::from("/api/v1/users")),
        version: None,
        base: None,
        then: String::from("/panel/users/{id}"),
        check: None,
        current: &Value::Null,
        groups: groups(t),
        locked: None,
        submit: t.say("create"),
    };
    let title = t.say("user-add");
    let content = html! { h1 { (title) } (form.view(&visitor)) };
    Ok(Html(inside(&visitor, Section::Users, &title, &content).into_string()))
}

fn groups(t: Texts) -> Vec<Group> {
    vec![Group { title: t.say("group-user"), fields: FIELDS.iter().copied().map(Field::of).collect() }]
}

/// `GET /panel/users/{id}`.
async fn show(visitor: Visitor, State(api): State<Api>, Id(id): Id) -> Result<Html<String>, Problem> {
    let user = api.ports.users.find(&UserId::new(&id)).await?;
    let user = user.ok_or_else(|| Problem::not_found("there is no user with this id"))?;
    let user = UserView::from(user);
    let t = visitor.texts();
    let current = serde_json::to_value(&user).unwrap_or_default();
    let form = Form {
        request: ("PATCH", format!("/api/v1/users/{id}")),
        version: Some(user.version),
        base: None,
        then: String::from("reload"),
        check: None,
        current: &current,
        groups: groups(t),
        locked: None,
        submit: t.say("save"),
    };
    let deletion = Deletion {
        path: format!("/api/v1/users/{id}"),
        name: &user.username,
        about: t.say("user-delete-about"),
        then: "/panel/users",
        not_now: None,
    };
    let content = html! {
        h1 { bdi { (user.username) } @if user.disabled { " " span.tag { (t.say("user-disabled")) } } }
        (facts(t, &user))
        (form.view(&visitor))
        (identities(&visitor, &api, &user))
        section.card {
            h2 { (t.say("delete")) }
            p { (t.say("user-delete-about")) }
            (deletion.dialog(&visitor))
        }
    };
    Ok(Html(inside(&visitor, Section::Users, &user.username, &content).into_string()))
}

fn facts(t: Texts, user: &UserView) -> Markup {
    html! {
        dl.card {
            (fact(&t.say("column-source"), &html! { bdi { (user.auth_source) } }))
            (fact(&t.say("user-made"), &moment(&user.created_at)))
            @if let Some(directory) = &user.directory { (fact(&t.say("user-directory"), &html! { bdi { (directory) } })) }
            @if let Some(by) = &user.shut_out_by { (fact(&t.say("user-shut-out"), &html! { bdi { (by) } })) }
            (fact(&t.say("nav-conversations"), &html! {
                a href=(format!("/panel/conversations?user_id={}", user.id)) { (t.say("user-conversations")) }
            }))
        }
    }
}

/// The identities, each with a way to take it away; adding one is a path of its own, made of two fields.
fn identities(visitor: &Visitor, api: &Api, user: &UserView) -> Markup {
    let t = visitor.texts();
    let part = |text: &str| {
        url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
    };
    html! {
        section.card {
            h2 { (t.say("column-identities")) }
            p.help { (t.say("identities-about")) }
            @if user.identities.is_empty() { p { (t.say("identities-none")) } }
            @for identity in &user.identities {
                p {
                    span.tag { (identity.platform) } " " bdi.code { (identity.im_user_id) } " "
                    (Act {
                        label: t.say("identity-unlink"),
                        request: ("DELETE", format!("/api/v1/users/{}/identities/{}/{}",
                            user.id, part(&identity.platform), part(&identity.im_user_id))),
                        needs: Role::Admin,
                        done: t.say("said-done"),
                        then: Some("reload"),
                        class: "danger",
                        not_now: None,
                    }.button(visitor))
                }
            }
            (linking(visitor, api, user))
        }
    }
}

fn linking(visitor: &Visitor, api: &Api, user: &UserView) -> Markup {
    let t = visitor.texts();
    html! {
        form data-method="PUT" data-path=(format!("/api/v1/users/{}/identities/{{platform}}/{{im_user_id}}", user.id))
            data-then="reload" {
            fieldset disabled[!visitor.may(Role::Admin)] {
                div.field {
                    label for="platform" { (t.say("identity-platform")) }
                    select id="platform" name="/platform" data-kind="text" {
                        @for (name, it) in &api.ports.providers { option value=(name) { (it.description().title.of(t.0)) } }
                    }
                    p.mistake id="platform-mistake" role="alert" hidden {}
                }
                div.field {
                    label.required for="im-user-id" { (t.say("try-id")) }
                    input id="im-user-id" name="/im_user_id" data-kind="text" type="text" maxlength="512" required
                        autocomplete="off";
                    p.mistake id="im-user-id-mistake" role="alert" hidden {}
                }
                div.rest.note.bad tabindex="-1" role="alert" hidden {}
                button type="submit" { (t.say("identity-link")) }
            }
        }
    }
}
