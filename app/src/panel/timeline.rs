//! The timeline of a message: what happened to it, in words, with the time since it came.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use maud::{Markup, html};
use switchboard_domain::ids::{ChannelId, ConversationId};
use switchboard_domain::time::Timestamp;
use switchboard_ports::failures::FailureInfo;
use switchboard_ports::page::{PAGE_ROWS_MAX, PageRequest};
use switchboard_ports::tokens::Role;
use switchboard_ports::transcripts::ConversationInfo;

use super::codes;
use super::conversations::{acts, channel_link, channel_names};
use super::frame::{Section, inside};
use super::pieces::{Act, fact, moment};
use super::texts::{Key, Texts};
use super::visitor::Visitor;
use crate::http::dto::conversation::ConversationView;
use crate::http::dto::time::rfc3339;
use crate::http::messages::timeline::found;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;
use crate::runtime::timeline::place_of;
use crate::runtime::timeline::read::{Item, Timeline};

/// Failure records that are looked through for a message's.
const READ: u32 = PAGE_ROWS_MAX;
const READS_MAX: u32 = 5;

/// How long after the last word a page still asks whether there is more: the end of the turn is not the last line.
const MORE_FOR: Duration = Duration::from_secs(15);

/// A turn of which nothing was heard for so long is over, whatever its timeline says.
const GIVEN_UP_AFTER: Duration = Duration::from_hours(2);

/// The pages.
pub(super) fn routes() -> Router<Api> {
    Router::new().route("/panel/messages/{id}", get(show)).route("/panel/pieces/messages/{id}", get(piece))
}

/// `GET /panel/messages/{id}`.
async fn show(
    visitor: Visitor,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
) -> Result<Html<String>, Problem> {
    query.finish()?;
    let t = visitor.texts();
    let timeline = found(&api, &id).await?;
    let channels = channel_names(&api, timeline.channel.iter().map(ChannelId::as_str)).await?;
    let conversation = match &timeline.conversation {
        Some(id) => api.ports.transcripts.conversation(id).await?,
        None => None,
    };
    let failure = failure_of(&api, &timeline).await?;
    let title = t.say("timeline-title");
    let content = html! {
        h1 { (title) }
        (facts(t, &timeline, conversation.as_ref(), &channels))
        @if let Some(failure) = &failure { (retry(&visitor, failure)) }
        @if let Some(conversation) = conversation {
            (acts(&visitor, &ConversationView::from(conversation)))
        }
        (list(t, &timeline, api.ports.clock.now()))
        p.help { (t.say("timeline-about")) }
    };
    Ok(Html(inside(&visitor, Section::Conversations, &title, &content).into_string()))
}

/// `GET /panel/pieces/messages/{id}`: the list again.
async fn piece(visitor: Visitor, State(api): State<Api>, Id(id): Id) -> Result<Html<String>, Problem> {
    let timeline = found(&api, &id).await?;
    Ok(Html(list(visitor.texts(), &timeline, api.ports.clock.now()).into_string()))
}

/// The record of this message's failure, where it is among the newest.
async fn failure_of(api: &Api, timeline: &Timeline) -> Result<Option<FailureInfo>, Problem> {
    let failed = timeline.items.iter().any(|item| item.event == "failure_recorded");
    let Some((conversation, seq)) = place_of(&timeline.message).filter(|_| failed) else { return Ok(None) };
    let mut after = None;
    for _ in 0..READS_MAX {
        let page = api.ports.failures.list(&PageRequest { limit: READ, after }).await?;
        let is_its = |row: &FailureInfo| row.conversation == conversation && row.failure.seq == seq;
        if let Some(found) = page.items.into_iter().find(is_its) {
            return Ok(Some(found));
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(None)
}

fn retry(visitor: &Visitor, failure: &FailureInfo) -> Markup {
    let t = visitor.texts();
    let retry = Act {
        label: t.say("failure-retry"),
        request: ("POST", format!("/api/v1/failures/{}/retry", failure.id)),
        needs: Role::Operator,
        done: t.say("failure-retry-done"),
        then: Some("reload"),
        class: "plain",
        not_now: failure.retried_at.is_some().then(|| t.say("failure-retried")),
    };
    html! {
        div.card.head {
            p { (t.say("timeline-failure")) " " (codes::reason(t, failure.failure.cause.as_str())) }
            (retry.button(visitor))
        }
    }
}

fn facts(
    t: Texts,
    timeline: &Timeline,
    conversation: Option<&ConversationInfo>,
    channels: &BTreeMap<String, String>,
) -> Markup {
    let attempts = timeline.items.iter().filter_map(|item| item.attempt).max();
    html! {
        dl.card {
            @if let Some(ConversationInfo { id, title, author, .. }) = conversation {
                (fact(&t.say("failure-conversation"), &html! {
                    a href=(format!("/panel/conversations/{id}")) { bdi { (title.as_deref().unwrap_or(author)) } }
                }))
            }
            @if let Some(channel) = &timeline.channel {
                (fact(&t.say("conversation-channel"), &channel_link(channel.as_str(), channels)))
            }
            @if let Some(attempts) = attempts { (fact(&t.say("timeline-attempts"), &html! { (attempts) })) }
            (fact(&t.say("timeline-trace"), &html! { span.code { (timeline.trace) } }))
            (fact(&t.say("conversation-id"), &html! { span.code { (timeline.message) } }))
        }
    }
}

/// The list; as long as more is to be expected, it asks for itself again. What may come behind the end is more, too: so that the
/// end is still to come is said by itself.
fn list(t: Texts, timeline: &Timeline, now: Timestamp) -> Markup {
    let began = timeline.items.first().map_or(now, |item| item.at);
    let silent = timeline.items.last().map_or(Duration::MAX, |item| now.since(item.at));
    let open = timeline.is_open() && silent < GIVEN_UP_AFTER;
    let more = open || silent < MORE_FOR;
    let conversation = timeline.conversation.as_ref().map(ConversationId::as_str);
    html! {
        ol.timeline data-piece=(format!("/panel/pieces/messages/{}", timeline.message))
            data-conversation=[conversation] data-again=[more.then_some("true")]
            data-open=[open.then_some("true")] {
            @for item in &timeline.items { (view(t, item, began)) }
        }
    }
}

fn view(t: Texts, item: &Item, began: Timestamp) -> Markup {
    html! {
        li.(tone(item)) {
            span.since title=(rfc3339(item.at)) { (since(t, item.at.since(began))) }
            div {
                p { (told(t, item)) }
                p.help {
                    (moment(&rfc3339(item.at)))
                    @if let Some(attempt) = item.attempt { " · " (t.with("timeline-attempt", [("count", attempt.into())])) }
                    @if let Some(replica) = &item.replica { " · " (t.say("replica")) " " bdi.code { (replica) } }
                }
            }
        }
    }
}

/// Whether it is good or bad news.
fn tone(item: &Item) -> &'static str {
    match (item.event.as_str(), item.text("outcome").or(item.text("state"))) {
        ("agent_failed" | "card_trouble" | "failure_recorded", _)
        | (_, Some("failed" | "refused" | "unknown")) => "bad",
        ("delivered", _) | (_, Some("answered" | "sent")) => "good",
        _ => "plain",
    }
}

/// How long after the message came.
fn since(t: Texts, span: Duration) -> String {
    let millis = span.as_millis();
    let seconds = span.as_secs();
    let text = match seconds {
        0 => t.with("since-ms", [("ms", format!("{millis}").into())]),
        1..60 => t.with("since-s", [("s", format!("{seconds}.{}", millis % 1_000 / 100).into())]),
        60..3_600 => t.with(
            "since-min",
            [("min", format!("{}", seconds / 60).into()), ("s", format!("{}", seconds % 60).into())],
        ),
        _ => t.with(
            "since-h",
            [
                ("h", format!("{}", seconds / 3_600).into()),
                ("min", format!("{}", seconds % 3_600 / 60).into()),
            ],
        ),
    };
    text.into_owned()
}

fn code(text: &str) -> Markup {
    html! { " " span.code { (text) } }
}

/// A code of a closed list, in words.
fn coded(t: Texts, item: &Item, name: &str, told: fn(Texts, &str) -> Markup) -> Markup {
    html! { @if let Some(code) = item.text(name) { " " (told(t, code)) } }
}

/// What happened, in words.
fn told(t: Texts, item: &Item) -> Markup {
    let plain = |key: Key| html! { (t.told(key)) };
    let count = |name: &str| item.number(name).unwrap_or_default().into();
    match item.event.as_str() {
        "received" => received(t, item),
        "stored" => plain(Key("told-stored")),
        "acknowledged" => plain(Key("told-acknowledged")),
        "given" => plain(Key("told-given")),
        "retry_of" => link(t, Key("told-retry-of"), "/panel/messages", item.text("message"), None),
        "retried" => link(t, Key("told-retried"), "/panel/messages", item.text("message"), None),
        "queued" => html! { (t.with("told-queued", [("count", count("behind"))])) },
        "taken_up" => plain(Key("told-taken-up")),
        "left" => plain(Key("told-left")),
        "mapped" => {
            let user = link(t, Key("told-mapped"), "/panel/users", item.text("user"), None);
            html! { (user) " " (t.say("told-rule")) (coded(t, item, "rule", codes::rule)) }
        }
        "asked" => asked(t, item),
        "first_output" => plain(Key("told-first-output")),
        "agent_finished" => html! {
            (t.say("told-agent-finished"))
            @if item.text("cut").is_some() { " " (t.say("told-cut")) (coded(t, item, "cut", codes::cut)) }
        },
        "agent_failed" => {
            html! { (t.say("told-agent-failed")) (coded(t, item, "cause", codes::reason)) }
        }
        "waiting_shown" => plain(Key("told-waiting-shown")),
        "card_created" => plain(Key("told-card-created")),
        "card_trouble" => {
            html! {
                (t.say("told-card-trouble")) (coded(t, item, "result", codes::result))
                (coded(t, item, "code", codes::reason))
            }
        }
        "card_updates" => html! {
            (t.with("told-card-updates", [("count", count("count")), ("failed", count("failed"))]))
        },
        "card_closed" => plain(Key("told-card-closed")),
        "parts" => html! {
            (t.with("told-parts", [("count", count("sent")), ("failed", count("failed"))]))
            (coded(t, item, "way", codes::way))
        },
        "delivered" => plain(Key("told-delivered")),
        "told" => plain(Key("told-told")),
        "failure_recorded" => {
            html! { (t.say("told-failure")) (coded(t, item, "cause", codes::reason)) }
        }
        "ended" => ended(t, item),
        "sending" => sending(t, item),
        // Of a later version.
        other => code(other),
    }
}

/// Words with a link behind them.
fn link(t: Texts, words: Key, base: &str, id: Option<&str>, name: Option<&str>) -> Markup {
    html! {
        (t.told(words))
        @if let Some(id) = id { " " a href=(format!("{base}/{id}")) { bdi { (name.unwrap_or(id)) } } }
    }
}

fn received(t: Texts, item: &Item) -> Markup {
    html! {
        @match item.text("asks") {
            Some("command") => { (t.say("told-received-command")) },
            _ => { (t.say("told-received")) },
        }
        @if item.text("refused").is_some() { " " (t.say("told-not-taken")) (coded(t, item, "refused", codes::reason)) }
    }
}

fn asked(t: Texts, item: &Item) -> Markup {
    let goes_on = item.detail.get("goes_on").and_then(serde_json::Value::as_bool) == Some(true);
    let words = if goes_on { Key("told-asked-on") } else { Key("told-asked") };
    html! {
        (link(t, words, "/panel/agents", item.text("agent_id"), item.text("agent")))
        @if let Some(model) = item.text("model") { " · " (t.say("told-model")) " " bdi { (model) } }
    }
}

fn ended(t: Texts, item: &Item) -> Markup {
    let words = match item.text("outcome").unwrap_or_default() {
        "answered" => Key("told-answered"),
        "joined" => Key("told-joined"),
        "cancelled" => Key("told-cancelled"),
        "refused" => Key("told-refused"),
        _ => Key("told-failed"),
    };
    let by = match item.text("by") {
        Some("chat_stop") => Some(Key("by-chat-stop")),
        Some("chat_new") => Some(Key("by-chat-new")),
        Some("api_stop") => Some(Key("by-api-stop")),
        Some("api_reset") => Some(Key("by-api-reset")),
        Some("button") => Some(Key("by-button")),
        Some("channel_deleted") => Some(Key("by-channel-deleted")),
        Some("newer_message") => Some(Key("by-newer-message")),
        Some(_) | None => None,
    };
    html! {
        (t.told(words))
        @if let Some(by) = by { " " (t.told(by)) }
        (coded(t, item, "reason", codes::reason))
    }
}

fn sending(t: Texts, item: &Item) -> Markup {
    let words = match item.text("state").unwrap_or_default() {
        "queued" => Key("sending-queued"),
        "attempting" => Key("sending-attempting"),
        "sent" => Key("sending-sent"),
        "failed" => Key("sending-failed"),
        _ => Key("sending-unknown"),
    };
    let number = |name| item.number(name).unwrap_or_default();
    html! {
        (t.told(words))
        @if number("parts") > 1 {
            " " (t.with("sending-parts", [("sent", number("sent").into()), ("count", number("parts").into())]))
        }
        (coded(t, item, "cause", codes::reason))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use switchboard_domain::settings::Locale;

    use super::*;

    #[test]
    fn times_are_told_as_people_say_them() {
        let told = |locale, ms| since(Texts(locale), Duration::from_millis(ms));
        for (ms, en, zh) in [
            (0, "+0 ms", "+0 毫秒"),
            (12, "+12 ms", "+12 毫秒"),
            (1_349, "+1.3 s", "+1.3 秒"),
            (125_000, "+2 min 5 s", "+2 分 5 秒"),
            (7_380_000, "+2 h 3 min", "+2 小时 3 分"),
        ] {
            assert_eq!((told(Locale::En, ms), told(Locale::ZhCn, ms)), (en.to_owned(), zh.to_owned()));
        }
    }

    #[test]
    fn what_happened_is_told_in_words() {
        let said = |event: &str, detail: serde_json::Value| {
            let serde_json::Value::Object(detail) = detail else { panic!("an object") };
            let item = Item {
                at: Timestamp::default(),
                event: event.to_owned(),
                attempt: None,
                replica: None,
                detail,
            };
            told(Texts(Locale::En), &item).into_string()
        };
        assert_eq!(said("queued", json!({"behind": 1})), "It waits: 1 turn comes first.");
        assert_eq!(said("queued", json!({"behind": 0})), "It waits for its turn.");
        let updates = said("card_updates", json!({"count": 3, "failed": 0}));
        assert_eq!(updates, "The card was updated 3 times.");
        let ended = said("ended", json!({"outcome": "cancelled", "by": "button"}));
        assert_eq!(ended, "Its turn is over: stopped by the button on the card.");
        let asked =
            said("asked", json!({"agent": "helper", "agent_id": "agt_1", "model": "m", "goes_on": false}));
        assert!(asked.contains("href=\"/panel/agents/agt_1\"") && asked.contains("helper"), "{asked}");
        assert!(said("of_later", json!({})).contains("of_later"));
        let trouble = said("card_trouble", json!({"result": "refused", "code": "misconfigured"}));
        assert!(
            trouble.contains("refused <span") && trouble.contains("A setting of the channel"),
            "{trouble}"
        );
        let mapped = said("mapped", json!({"user": "usr_1", "rule": "on_miss"}));
        assert!(mapped.contains("nobody fits") && mapped.contains("on_miss"), "{mapped}");
    }
}
