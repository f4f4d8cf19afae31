//! `/panel/settings`: what the server runs with, to be read, and channels and agents as text, out and in.

use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use maud::{Markup, html};
use serde_json::Value;
use switchboard_ports::tokens::Role;

use super::frame::{Section, inside};
use super::pieces::{fact, moment, reason, stored_ago};
use super::texts::Texts;
use super::visitor::Visitor;
use crate::http::dto::time::rfc3339;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::state::Api;

/// The page.
pub(super) fn routes() -> Router<Api> {
    Router::new().route("/panel/settings", get(page))
}

async fn page(visitor: Visitor, State(api): State<Api>, query: Query) -> Result<Html<String>, Problem> {
    query.finish()?;
    let t = visitor.texts();
    let title = t.say("settings-title");
    let content = html! {
        h1 { (title) }
        p.help { (t.say("settings-about")) }
        (server(&visitor, &api))
        (export(t))
        (import(&visitor))
    };
    Ok(Html(inside(&visitor, Section::Settings, &title, &content).into_string()))
}

/// What it runs with, by the names that the configuration has for it.
fn server(visitor: &Visitor, api: &Api) -> Markup {
    let t = visitor.texts();
    // Addresses of the company's own, which the API's diagnostics tell administrators only, too.
    let locked = reason(visitor, Role::Admin);
    let settings = if locked.is_none() { settings(&api.configuration) } else { Vec::new() };
    html! {
        section.card {
            h2 { (t.say("settings-server")) }
            @if let Some(why) = &locked { p.note { (why) } }
            dl {
                (fact(&t.say("column-version"), &html! { (env!("CARGO_PKG_VERSION")) }))
                (fact(&t.say("replica"), &html! { bdi.code { (api.operations.replica()) } }))
                (fact(&t.say("column-started"), &html! { (moment(&rfc3339(api.started_at))) }))
                (fact(&t.say("settings-runs-for"), &html! { (stored_ago(api.started_at)) }))
                @for (key, value) in settings {
                    (fact(&key, &html! { bdi.code { @if value.is_empty() { "–" } @else { (value) } } }))
                }
            }
        }
    }
}

/// Settings by the names that the configuration has for them, each as one line.
fn settings(configuration: &Value) -> Vec<(String, String)> {
    let sections = configuration.as_object().into_iter().flatten();
    let keys = sections.flat_map(|(section, keys)| {
        keys.as_object().into_iter().flatten().map(move |(key, value)| {
            let line = match value {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                    other.to_string()
                }
            };
            (format!("{section}.{key}"), line)
        })
    });
    keys.collect()
}

fn export(t: Texts) -> Markup {
    html! {
        section.card {
            h2 { (t.say("export-title")) }
            p { (t.say("export-about")) }
            a.button href="/api/v1/export" download="switchboard.toml" { (t.say("export-act")) }
        }
    }
}

/// The text, what it would change, and only then the button that does it.
fn import(visitor: &Visitor) -> Markup {
    let t = visitor.texts();
    let locked = reason(visitor, Role::Admin);
    html! {
        section.card {
            h2 { (t.say("import-title")) }
            p { (t.say("import-about")) }
            @if let Some(why) = &locked { p.note { (why) } }
            form data-import="/api/v1/import" {
                fieldset disabled[locked.is_some()] {
                    div.field {
                        label for="import-file" { (t.say("import-file")) }
                        input id="import-file" type="file" accept=".toml,application/toml";
                    }
                    div.field {
                        label for="import-text" { (t.say("import-text")) }
                        textarea.code id="import-text" rows="10" spellcheck="false" autocomplete="off" {}
                    }
                    div.rest.note.bad tabindex="-1" role="alert" hidden {}
                    div.acts {
                        button type="submit" data-dry { (t.say("import-try")) }
                        button.primary type="submit" disabled { (t.say("import-act")) }
                    }
                }
            }
            ul.outcome id="imported" aria-live="polite" hidden
                data-created=(t.say("import-created")) data-changed=(t.say("import-changed"))
                data-unchanged=(t.say("import-unchanged")) data-agent=(t.say("import-agent")) data-channel=(t.say("import-channel"))
                data-nothing=(t.say("import-nothing")) {}
        }
    }
}
