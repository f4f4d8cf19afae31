//! What pages are made of.

use std::borrow::Cow;

use maud::{Markup, html};
use serde_json::Value;
use switchboard_domain::time::Timestamp;
use switchboard_ports::tokens::Role;

use super::texts::{Key, Texts};
use super::visitor::Visitor;
use crate::http::changes::view::AuthorView;
use crate::http::dto::time::rfc3339;

/// A time: how long ago, once a module has seen it.
pub(super) fn ago(at: &str) -> Markup {
    html! { time datetime=(at) { (at) } }
}

/// A time, whole.
pub(super) fn moment(at: &str) -> Markup {
    html! { time datetime=(at) data-shown="full" { (at) } }
}

/// A stored time, how long ago.
pub(super) fn stored_ago(at: Timestamp) -> Markup {
    ago(&rfc3339(at))
}

/// A channel's state, by colour and by word.
pub(super) fn state(t: Texts, status: &str) -> Markup {
    let (class, word) = match status {
        "connected" => ("connected", Key("state-connected")),
        "disabled" => ("disabled", Key("state-disabled")),
        _ => ("disconnected", Key("state-disconnected")),
    };
    html! { span.state.(class) { (t.told(word)) } }
}

/// A button that does something through the API.
#[derive(Debug, Clone)]
pub(super) struct Act<'a> {
    /// What it says.
    pub(super) label: Cow<'a, str>,
    /// The API's method and path.
    pub(super) request: (&'static str, String),
    /// The role that this takes.
    pub(super) needs: Role,
    /// What is said when it is done.
    pub(super) done: Cow<'a, str>,
    /// Where to go then: a path, `reload`, or nowhere.
    pub(super) then: Option<&'a str>,
    /// How it looks.
    pub(super) class: &'static str,
    /// Whether it is not possible at present, whoever asks, and why.
    pub(super) not_now: Option<Cow<'a, str>>,
}

impl Act<'_> {
    /// The button. Whoever may not press it sees it all the same, and why not.
    pub(super) fn button(&self, visitor: &Visitor) -> Markup {
        let why = reason(visitor, self.needs).or_else(|| self.not_now.clone());
        let (method, path) = &self.request;
        html! {
            button.(self.class) type="button" data-act=(method) data-path=(path) data-done=(self.done)
                data-then=[self.then] data-key=(format!("{method} {path}"))
                aria-disabled=[why.as_ref().map(|_| "true")] title=[why.as_deref()] { (self.label) }
        }
    }
}

/// Why a visitor may not do what takes this role.
pub(super) fn reason(visitor: &Visitor, needs: Role) -> Option<Cow<'static, str>> {
    if visitor.may(needs) {
        return None;
    }
    let t = visitor.texts();
    Some(match needs {
        Role::Viewer => Cow::Borrowed(""),
        Role::Operator => t.say("needs-operator"),
        Role::Admin => t.say("needs-admin"),
    })
}

/// A deletion: a button, and a dialog that asks for the name first.
pub(super) struct Deletion<'a> {
    /// The API's path.
    pub(super) path: String,
    /// The name to type.
    pub(super) name: &'a str,
    /// What is gone afterwards.
    pub(super) about: Cow<'a, str>,
    /// Where to go then.
    pub(super) then: &'a str,
    /// Why it cannot be deleted, whoever asks.
    pub(super) not_now: Option<Cow<'a, str>>,
}

impl Deletion<'_> {
    pub(super) fn dialog(&self, visitor: &Visitor) -> Markup {
        let t = visitor.texts();
        if let Some(why) = reason(visitor, Role::Admin).or_else(|| self.not_now.clone()) {
            return html! {
                button.danger type="button" disabled title=(why) { (t.say("delete")) }
            };
        }
        html! {
            button.danger type="button" data-opens="deletion" { (t.say("delete")) }
            dialog id="deletion" aria-labelledby="deletion-title" {
                h2 id="deletion-title" { (t.say("delete-title")) " " bdi { (self.name) } }
                p { (self.about) }
                div.field {
                    label for="deletion-name" { (t.say("delete-type")) " " bdi.code { (self.name) } }
                    input id="deletion-name" type="text" data-typed=(self.name) autocomplete="off" spellcheck="false";
                }
                div.acts {
                    button.danger type="button" data-act="DELETE" data-path=(self.path) data-then=(self.then) {
                        (t.say("delete"))
                    }
                    button type="button" data-closes { (t.say("cancel")) }
                }
            }
        }
    }
}

/// A question before something is done: a button, and a dialog that says what it means.
pub(super) struct Confirmation<'a> {
    /// The dialog's name, unique on the page.
    pub(super) id: String,
    /// What the button says.
    pub(super) label: Cow<'a, str>,
    /// What is asked.
    pub(super) title: Cow<'a, str>,
    /// What it means.
    pub(super) about: Cow<'a, str>,
    /// The API's method and path.
    pub(super) request: (&'static str, String),
    /// What is sent.
    pub(super) body: Option<Value>,
    /// The version that is meant.
    pub(super) version: Option<u64>,
    /// Where to go then.
    pub(super) then: &'a str,
    /// How the buttons look.
    pub(super) class: &'static str,
    /// Why it cannot be done.
    pub(super) why_not: Option<Cow<'a, str>>,
}

impl Confirmation<'_> {
    pub(super) fn view(&self, t: Texts) -> Markup {
        if let Some(why) = &self.why_not {
            return html! { button.(self.class) type="button" disabled title=(why) { (self.label) } };
        }
        let (method, path) = &self.request;
        let title = format!("{}-title", self.id);
        html! {
            button.(self.class) type="button" data-opens=(self.id) { (self.label) }
            dialog id=(self.id) aria-labelledby=(title) {
                h2 id=(title) { (self.title) }
                p { (self.about) }
                div.acts {
                    button.(self.class) type="button" data-act=(method) data-path=(path) data-then=(self.then)
                        data-body=[self.body.as_ref().map(Value::to_string)] data-version=[self.version] { (self.label) }
                    button type="button" data-closes { (t.say("cancel")) }
                }
            }
        }
    }
}

/// Who did something.
pub(super) fn author(t: Texts, author: Option<&AuthorView>) -> Markup {
    html! {
        @match author {
            None => (t.say("author-unknown")),
            Some(author) => @match (author.kind, &author.name) {
                ("token", Some(name)) => bdi { (name) },
                ("file", _) => (t.say("author-file")),
                _ => (t.say("author-command-line")),
            }
        }
    }
}

/// The way to the next page of a list.
pub(super) fn more(t: Texts, base: &str, query: &[(&str, &str)], cursor: Option<&str>) -> Markup {
    let Some(cursor) = cursor else { return super::frame::nothing() };
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    pairs.extend_pairs(query.iter().filter(|(_, value)| !value.is_empty()));
    let query = pairs.append_pair("cursor", cursor).finish();
    html! { p { a.button rel="next" href=(format!("{base}?{query}")) { (t.say("next-page")) } } }
}

/// A line of facts: name and value.
pub(super) fn fact(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

/// A search box over a list.
pub(super) fn search(t: Texts, base: &str, asked: &str) -> Markup {
    html! {
        form.search role="search" method="get" action=(base) {
            label.hidden for="q" { (t.say("search")) }
            input id="q" name="q" type="search" value=(asked) placeholder=(t.say("search"));
            button type="submit" { (t.say("search")) }
        }
    }
}
