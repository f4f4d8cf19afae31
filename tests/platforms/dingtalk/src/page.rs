//! The chat page: three embedded files, the conversation a person sees, and live events.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State as Shared};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::json;
use tokio_stream::wrappers::BroadcastStream;

use crate::clicks::{self, Click};
use crate::contents::{Content, Quote, Quoted};
use crate::control::{parsed, refuse, refuse_push};
use crate::delivery;
use crate::files::FileSpec;
use crate::push::{ChatKind, Origin, Push, PushError};
use crate::state::{Inner, State, card_for_page};
use crate::timeline::ItemContent;

type Shell = Shared<Arc<Inner>>;

/// Longest message typed on the page (characters).
const TEXT_CHARS_MAX: usize = 10_000;
/// Largest file sent from the page (bytes).
const ATTACHED_BYTES_MAX: usize = 20 * 1024 * 1024;
/// Nothing but the page's own files; no inline scripts.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Routes of the page.
pub(crate) fn routes() -> Router<Arc<Inner>> {
    Router::new()
        .route("/sim/", get(|| async { file("text/html", include_str!("../page/index.html")) }))
        .route("/sim/style.css", get(|| async { file("text/css", include_str!("../page/style.css")) }))
        .route("/sim/app.js", get(|| async { file("text/javascript", include_str!("../page/app.js")) }))
        .route("/sim/text.js", get(|| async { file("text/javascript", include_str!("../page/text.js")) }))
        .route("/sim/extras.js", get(|| async { file("text/javascript", include_str!("../page/extras.js")) }))
        .route("/sim/words.js", get(|| async { file("text/javascript", include_str!("../page/words.js")) }))
        .route("/sim/world", get(world))
        .route("/sim/conversation", get(conversation))
        .route("/sim/chat", post(chat))
        .route("/sim/attach", post(attach).layer(DefaultBodyLimit::max(ATTACHED_BYTES_MAX)))
        .route("/sim/click", post(click))
        .route("/sim/events", get(events))
}

fn file(kind: &str, text: &'static str) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    let kind = format!("{kind}; charset=utf-8");
    if let Ok(kind) = HeaderValue::from_str(&kind) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer"));
    response
}

/// People, groups and robots to choose from.
async fn world(Shared(inner): Shell) -> Response {
    inner.look(|state| {
        let robots = state.apps.all().iter().map(|app| json!({"app": app.client_id, "name": app.robot_name}));
        let robots: Vec<_> = robots.collect();
        Json(json!({"people": state.people.all(), "groups": state.groups, "robots": robots})).into_response()
    })
}

/// Which conversation the page shows: a group, or the private one of a person and a robot.
#[derive(Debug, Deserialize)]
struct Place {
    #[serde(default)]
    group: String,
    #[serde(default)]
    app: String,
    #[serde(default)]
    sender: String,
}

impl Place {
    fn conversation(&self, state: &mut State) -> Option<String> {
        if !self.group.is_empty() {
            return state.is_group(&self.group).then(|| self.group.clone());
        }
        let fits = state.apps.named(&self.app).is_some() && state.knows(&self.sender);
        fits.then(|| state.private_chat(&self.app, &self.sender))
    }
}

async fn conversation(Shared(inner): Shell, Query(place): Query<Place>) -> Response {
    inner.change(|state| {
        let id = place.conversation(state);
        let Some(found) = id.and_then(|id| state.observed.conversation(&id)) else {
            return refuse(StatusCode::NOT_FOUND, "no such conversation");
        };
        let cards: Vec<_> = state.observed.cards_in(&found.id).into_iter().map(card_for_page).collect();
        let reactions: BTreeMap<&str, Vec<String>> = found
            .items
            .iter()
            .filter_map(|item| match &item.content {
                ItemContent::User { msg_id: Some(id), .. } => {
                    Some((id.as_str(), state.observed.reactions_to(id)))
                }
                ItemContent::User { msg_id: None, .. } | ItemContent::Reply(_) | ItemContent::Card { .. } => {
                    None
                }
            })
            .filter(|(_, names)| !names.is_empty())
            .collect();
        Json(json!({"id": found.id, "first": found.items.forgotten(), "items": found.items, "cards": cards,
                    "reactions": reactions}))
        .into_response()
    })
}

/// What somebody typed on the page.
#[derive(Debug, Deserialize)]
struct Typed {
    #[serde(flatten)]
    place: Place,
    text: String,
    /// Groups: the robot was mentioned. Without a mention the platform does not call the robot.
    #[serde(default)]
    mention: bool,
    /// The text that is quoted.
    #[serde(default)]
    quote: Option<String>,
    /// The card that is quoted.
    #[serde(default)]
    quote_card: Option<String>,
}

/// A file dropped on the page; its content is the body.
#[derive(Debug, Deserialize)]
struct Attached {
    #[serde(flatten)]
    place: Place,
    name: String,
}

/// A click on a card's stop button.
#[derive(Debug, Deserialize)]
struct Clicked {
    card: String,
    sender: String,
}

type Body = Result<Json<Typed>, axum::extract::rejection::JsonRejection>;

async fn chat(Shared(inner): Shell, body: Body) -> Result<Response, Response> {
    let typed = parsed(body)?;
    if typed.text.trim().is_empty() || typed.text.chars().count() > TEXT_CHARS_MAX {
        return Err(refuse(StatusCode::UNPROCESSABLE_ENTITY, "a message has 1 to 10000 characters"));
    }
    let known = inner.change(|state| typed.place.conversation(state));
    let conversation = known.ok_or_else(|| refuse_push(&PushError::UnknownConversation))?;
    let in_group = !typed.place.group.is_empty();
    if in_group && !typed.mention {
        inner.change(|state| {
            let known = state.people.named(&typed.place.sender);
            let nick = known.map_or_else(|| typed.place.sender.clone(), |person| person.nick.clone());
            let content =
                ItemContent::User { msg_id: None, nick, text: typed.text, files: Vec::new(), quoted: None };
            state.appear(&conversation, content);
        });
        return Ok(Json(json!({"conversation": conversation})).into_response());
    }
    // The platform takes the robot's own mention out and leaves the blank (dingtalk §3.2).
    let text = if in_group { format!(" {}", typed.text) } else { typed.text };
    let kind = if in_group { ChatKind::Group } else { ChatKind::Private };
    let origin = Origin { kind, conversation, sender: typed.place.sender, nick: String::new() };
    let quoted = typed.quote_card.map(|out_track_id| Quoted::Card { out_track_id });
    let quoted = quoted.or_else(|| typed.quote.map(|text| Quoted::Text { text }));
    let mut push = Push::text(&typed.place.app, origin, &text);
    push.quote = quoted.map(Quote::of);
    let accepted = delivery::accept(&inner, push);
    accepted.map(|handle| Json(handle).into_response()).map_err(|error| refuse_push(&error))
}

/// A picture or a file to the robot; in groups people cannot send these to robots (dingtalk §3).
async fn attach(
    Shared(inner): Shell,
    Query(attached): Query<Attached>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Response> {
    // Other websites cannot send this type without being asked for permission first.
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != "application/octet-stream") {
        return Err(refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the file as application/octet-stream"));
    }
    let Attached { place, name } = attached;
    let known = inner.change(|state| place.conversation(state)).filter(|_| place.group.is_empty());
    let conversation = known.ok_or_else(|| refuse_push(&PushError::UnknownConversation))?;
    let file = FileSpec::new(&name, &body);
    let content = if file.media_type().starts_with("image/") {
        Content::Picture { file, one_code: false }
    } else {
        Content::File { file, in_space: true }
    };
    let origin = Origin { kind: ChatKind::Private, conversation, sender: place.sender, nick: String::new() };
    let accepted = delivery::accept(&inner, Push::of(&place.app, origin, content));
    accepted.map(|handle| Json(handle).into_response()).map_err(|error| refuse_push(&error))
}

async fn click(
    Shared(inner): Shell,
    body: Result<Json<Clicked>, axum::extract::rejection::JsonRejection>,
) -> Result<Response, Response> {
    let Clicked { card, sender } = parsed(body)?;
    let number = clicks::click(&inner, &card, &Click::stop(&sender));
    number
        .map(|number| Json(json!({"number": number})).into_response())
        .map_err(|unknown| refuse(StatusCode::NOT_FOUND, &unknown.to_string()))
}

/// Everything that appears or changes, as server-sent events; `reset` when the page missed some.
async fn events(Shared(inner): Shell) -> Sse<impl futures_util::Stream<Item = Result<Event, Infallible>>> {
    let live = BroadcastStream::new(inner.events.subscribe()).map(|event| {
        let text = event.unwrap_or_else(|_lagged| Arc::from(r#"{"type":"reset"}"#));
        Ok(Event::default().data(text.as_ref()))
    });
    Sse::new(live.take_until(inner.root.clone().cancelled_owned())).keep_alive(KeepAlive::default())
}
