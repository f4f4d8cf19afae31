//! What stands around every page: the way around, who is signed in, language and theme.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use switchboard_domain::settings::Locale;
use switchboard_ports::tokens::Role;

use super::HOME;
use super::assets;
use super::codes;
use super::texts::{Key, Texts};
use super::visitor::{Look, Theme, Visitor};
use crate::http::problem::Problem;

/// A part of the panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Dashboard,
    Channels,
    Playground,
    Agents,
    Users,
    Directories,
    Conversations,
    Failures,
    Changes,
    Audit,
    Tokens,
    Replicas,
    Settings,
}

/// The way around, in this order: path, name.
const SECTIONS: [(Section, &str, Key); 13] = [
    (Section::Dashboard, HOME, Key("nav-dashboard")),
    (Section::Channels, "/panel/channels", Key("nav-channels")),
    (Section::Playground, "/panel/playground", Key("nav-playground")),
    (Section::Agents, "/panel/agents", Key("nav-agents")),
    (Section::Conversations, "/panel/conversations", Key("nav-conversations")),
    (Section::Failures, "/panel/failures", Key("nav-failures")),
    (Section::Users, "/panel/users", Key("nav-users")),
    (Section::Directories, "/panel/directories", Key("nav-directories")),
    (Section::Changes, "/panel/changes", Key("nav-changes")),
    (Section::Audit, "/panel/audit", Key("nav-audit")),
    (Section::Tokens, "/panel/tokens", Key("nav-tokens")),
    (Section::Replicas, "/panel/replicas", Key("nav-replicas")),
    (Section::Settings, "/panel/settings", Key("nav-settings")),
];

/// A page for whoever is signed in.
pub(super) fn inside(visitor: &Visitor, here: Section, title: &str, content: &Markup) -> Markup {
    let t = visitor.texts();
    let csrf = visitor.signed.session.csrf();
    document(
        visitor.look,
        title,
        Some(&csrf),
        &html! {
            div.body {
                header.top {
                    a.brand href=(HOME) { "Switchboard" }
                    // On a phone; on a desk the menu is always there, and there is nothing to open.
                    button.menu type="button" popovertarget="menu" { (t.say("nav-menu")) }
                    (menu(visitor, here, &csrf))
                }
                main id="main" tabindex="-1" {
                    p.note.bad id="cut" role="status" hidden { (t.say("push-cut")) }
                    @if visitor.signed.caller.role < Role::Admin {
                        p.note { (t.told(role_about(visitor.signed.caller.role))) }
                    }
                    (content)
                }
            }
        },
    )
}

/// The way around, and whatever concerns whoever is signed in.
fn menu(visitor: &Visitor, here: Section, csrf: &str) -> Markup {
    let (t, caller) = (visitor.texts(), &visitor.signed.caller);
    html! {
        div id="menu" popover {
            nav aria-label=(t.say("nav-label")) {
                ul {
                    @for (section, path, name) in SECTIONS {
                        li { a href=(path) aria-current=[(section == here).then_some("page")] { (t.told(name)) } }
                    }
                }
            }
            div.who {
                p.name title=(t.told(role_about(caller.role))) {
                    bdi { (caller.name) } br; (t.told(role_word(caller.role)))
                }
                (choices(visitor.look))
                form method="post" action="/panel/sign-out" {
                    input type="hidden" name="csrf" value=(csrf);
                    button.quiet type="submit" { (t.say("sign-out")) }
                }
            }
        }
    }
}

/// A page for whoever is not.
pub(super) fn outside(look: Look, title: &str, content: &Markup) -> Markup {
    document(
        look,
        title,
        None,
        &html! {
            header.top {
                span.brand { "Switchboard" }
                div.who { (choices(look)) }
            }
            main.alone id="main" tabindex="-1" { (content) }
        },
    )
}

/// A page that says what went wrong.
pub(super) fn problem(look: Look, problem: &Problem) -> Markup {
    let t = look.texts;
    let (title, about) = match problem.status {
        404 => (Key("problem-missing"), Key("problem-missing-about")),
        403 => (Key("problem-forbidden"), Key("problem-forbidden-about")),
        503 => (Key("problem-away"), Key("problem-away-about")),
        _ => (Key("problem-other"), Key("problem-other-about")),
    };
    let told = problem.clone().told(t.0).detail;
    outside(
        look,
        &t.told(title),
        &html! {
            section.card.narrow {
                h1 { (t.told(title)) }
                p { (t.told(about)) }
                p.help lang=[(told == problem.detail && t.0 != Locale::En).then_some("en")] { (told) }
                p { a href=(HOME) { (t.say("problem-back")) } }
            }
        },
    )
}

/// What a role is called.
pub(super) const fn role_word(role: Role) -> Key {
    match role {
        Role::Viewer => Key("role-viewer"),
        Role::Operator => Key("role-operator"),
        Role::Admin => Key("role-admin"),
    }
}

/// What a role may do.
const fn role_about(role: Role) -> Key {
    match role {
        Role::Viewer => Key("role-viewer-about"),
        Role::Operator => Key("role-operator-about"),
        Role::Admin => Key("role-admin-about"),
    }
}

fn choices(look: Look) -> Markup {
    let t = look.texts;
    let (language, name) = match t.0 {
        Locale::En => (Locale::ZhCn, "中文"),
        Locale::ZhCn => (Locale::En, "English"),
    };
    let tag = Texts(language).tag();
    let (theme, words) = match look.theme {
        Theme::Browser => (Theme::Dark, Key("theme-auto")),
        Theme::Dark => (Theme::Light, Key("theme-dark")),
        Theme::Light => (Theme::Browser, Key("theme-light")),
    };
    html! {
        button.quiet type="button" data-cookie="switchboard_language" data-value=(tag) lang=(tag) { (name) }
        button.quiet type="button" data-cookie="switchboard_theme" data-value=(theme.word()) { (t.told(words)) }
    }
}

fn document(look: Look, title: &str, csrf: Option<&str>, content: &Markup) -> Markup {
    let t = look.texts;
    html! {
        (DOCTYPE)
        html lang=(t.tag()) data-theme=(look.theme.word()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if let Some(csrf) = csrf { meta name="csrf-token" content=(csrf); }
                title { (title) " · Switchboard" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(assets::address("panel.css"));
                @for module in assets::modules() { link rel="modulepreload" href=(module); }
                script type="module" src=(assets::address("panel.js")) {}
            }
            (body(t, content))
        }
    }
}

/// The page's body, with what modules say in the page's language.
fn body(t: Texts, content: &Markup) -> Markup {
    html! {
        body data-offline=(t.say("said-offline")) data-failed=(t.say("said-failed")) data-done=(t.say("said-done"))
            data-saved=(t.say("said-saved")) data-refused=(t.say("said-refused")) data-stale=(t.say("said-stale"))
            data-checking=(t.say("said-checking")) data-check-fine=(t.say("said-check-fine"))
            data-check-failed=(t.say("said-check-failed")) data-result-ok=(t.say("result-ok"))
            data-result-failed=(t.say("result-failed")) data-result-untold=(t.say("result-untold"))
            data-first-output=(t.say("first-output")) data-checks=(codes::check_names(t)) {
            a.skip href="#main" { (t.say("nav-skip")) }
            noscript { p.note { (t.say("no-script")) } }
            (content)
            p id="said" role="status" aria-live="polite" hidden {}
        }
    }
}

/// Nothing, as markup.
pub(super) fn nothing() -> Markup {
    PreEscaped(String::new())
}
