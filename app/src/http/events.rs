//! `GET /events`: what happens, as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt};
use serde_json::{Value, json};
use switchboard_domain::ids::Seq;
use switchboard_domain::settings::Locale;
use tokio::sync::OwnedSemaphorePermit;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

use super::auth::{Credential, Viewer};
use super::dto::status::StatusView;
use super::dto::time::rfc3339;
use super::language::Language;
use super::problem::Problem;
use super::query::Query;
use super::state::{Api, EVENT_STREAMS_MAX};
use crate::runtime::operations::RuntimeEvent;
use crate::runtime::timeline::message_id;

/// Pause between two signs of life on a silent stream.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// `channel.status`, `turn.started`, `turn.finished` and `failure`, with `heartbeat` every 15 s, which browsers can hear too. No replay: read
/// the state first, then listen. `missed` says that the reader was too slow: read the state again. The stream ends within 15 s
/// when the token is revoked or the session ends that it was opened with.
#[utoipa::path(get, path = "/events", tag = "operations", operation_id = "events",
    responses((status = 200, description = "the stream", body = String, content_type = "text/event-stream"),
        (status = 429, description = "too many streams")),
    security(("bearer" = ["viewer"])))]
pub async fn events(
    _: Viewer,
    State(api): State<Api>,
    Extension(credential): Extension<Credential>,
    query: Query,
    Language(locale): Language,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    query.finish()?;
    let place = api.streams.clone().try_acquire_owned();
    let place = place.map_err(|_| {
        Problem::too_many(&format!("there are {EVENT_STREAMS_MAX} event streams, which is the most"), 10)
    })?;
    let ends = {
        let api = api.clone();
        async move {
            tokio::select! {
                biased;
                () = api.shutdown.cancelled() => {}
                () = api.authenticator.over(&credential) => {}
            }
        }
    };
    let stream = stream(&api, place, locale).take_until(ends);
    let keep_alive =
        KeepAlive::new().interval(HEARTBEAT).event(Event::default().event("heartbeat").data("{}"));
    Ok(Sse::new(stream).keep_alive(keep_alive))
}

fn stream(
    api: &Api,
    place: OwnedSemaphorePermit,
    locale: Locale,
) -> impl Stream<Item = Result<Event, Infallible>> + use<> {
    BroadcastStream::new(api.operations.events()).map(move |received| {
        // The place is given back with the stream.
        let _held = &place;
        let (name, data) = match received {
            Ok(event) => wire(&event, locale),
            Err(BroadcastStreamRecvError::Lagged(count)) => ("missed", json!({"count": count})),
        };
        Ok(Event::default().event(name).data(data.to_string()))
    })
}

/// An event's name and data.
fn wire(event: &RuntimeEvent, locale: Locale) -> (&'static str, Value) {
    match event {
        RuntimeEvent::ChannelStatus(status) => {
            ("channel.status", serde_json::to_value(StatusView::of(status, locale)).unwrap_or_default())
        }
        RuntimeEvent::TurnStarted { channel, conversation, seq, at } => (
            "turn.started",
            json!({"channel_id": channel.as_str(), "conversation_id": conversation.as_str(), "seq": seq,
                "message_id": message_id(conversation, Seq(*seq)),
                "at": rfc3339(*at)}),
        ),
        RuntimeEvent::TurnFinished { channel, conversation, seq, outcome, at } => (
            "turn.finished",
            json!({"channel_id": channel.as_str(), "conversation_id": conversation.as_str(), "seq": seq,
                "message_id": message_id(conversation, Seq(*seq)),
                "outcome": outcome, "at": rfc3339(*at)}),
        ),
        RuntimeEvent::Failure { channel, conversation, seq, cause, at } => (
            "failure",
            json!({"channel_id": channel.as_str(), "conversation_id": conversation.as_str(), "seq": seq,
                "message_id": message_id(conversation, Seq(*seq)),
                "cause": cause, "at": rfc3339(*at)}),
        ),
    }
}

#[cfg(test)]
mod tests;
