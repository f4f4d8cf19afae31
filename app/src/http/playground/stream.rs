//! `GET /playground/{id}/stream`: what somebody sees, as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use serde::Serialize;
use switchboard_domain::ids::ChannelId;
use switchboard_domain::snapshot::{Role, TranscriptLine};
use switchboard_ports::playground::{By, Item, Person};
use tokio::sync::OwnedSemaphorePermit;

use super::{conversation, found, person};
use crate::http::auth::{Credential, Viewer};
use crate::http::dto::playground::{ItemView, RoomView};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::{Api, EVENT_STREAMS_MAX};

/// Pause between two signs of life on a silent stream.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Lines of the transcript shown before what is remembered, at most.
const LINES_MAX: u32 = 50;

/// What the token's own conversation with a channel of type `web` looks like, as it happens. First `room`: everything that is
/// there, what was said in the session before included. Then `item` for each thing that is new or has changed, whole; and
/// `room` again where the reader was too slow or everything was forgotten. `heartbeat` every 15 s. The stream ends within 15 s when the token is
/// revoked or the session ends that it was opened with.
#[utoipa::path(get, path = "/playground/{id}/stream", tag = "playground", operation_id = "listen_in_playground",
    params(("id" = String, Path, description = "the channel's id")),
    responses((status = 200, description = "the stream", body = String, content_type = "text/event-stream"),
        (status = 409, description = "the channel is not of type `web`"),
        (status = 429, description = "too many streams")),
    security(("bearer" = ["viewer"])))]
pub async fn listen(
    Viewer(caller): Viewer,
    State(api): State<Api>,
    Id(id): Id,
    Extension(credential): Extension<Credential>,
    query: Query,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    query.finish()?;
    let channel = found(&api, &id).await?;
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
    let looker = Looker { api, channel: channel.id, person: person(&caller), changes: None, _place: place };
    let stream = stream::unfold(looker, |mut looker| async move {
        let event = looker.next().await;
        Some((Ok(event), looker))
    });
    let keep_alive =
        KeepAlive::new().interval(HEARTBEAT).event(Event::default().event("heartbeat").data("{}"));
    Ok(Sse::new(stream.take_until(ends)).keep_alive(keep_alive))
}

/// Somebody who looks into a room.
struct Looker {
    api: Api,
    channel: ChannelId,
    person: Person,
    changes: Option<BoxStream<'static, Item>>,
    _place: OwnedSemaphorePermit,
}

impl Looker {
    async fn next(&mut self) -> Event {
        if let Some(changes) = &mut self.changes
            && let Some(item) = changes.next().await
        {
            return event("item", &ItemView::from(item));
        }
        let listening = self.api.ports.playground.listen(&self.channel, &self.person.id);
        self.changes = Some(listening.changes);
        event("room", &room(&self.api, &self.channel, &self.person, listening.items).await)
    }
}

/// What was said before, as far as the transcript has it, and what is remembered.
async fn room(api: &Api, channel: &ChannelId, person: &Person, items: Vec<Item>) -> RoomView {
    let id = conversation(channel, person);
    let transcripts = &api.ports.transcripts;
    let lines = async {
        let info = transcripts.conversation(&id).await.ok().flatten()?;
        let (session, _) = info.session?;
        transcripts.recent(&id, session, LINES_MAX).await.ok()
    };
    // A store that is away hides what was before, and nothing else.
    let lines = lines.await.unwrap_or_default();
    let before = lines.into_iter().filter(|line| is_before(line, &items)).map(ItemView::from);
    let items = before.chain(items.iter().cloned().map(ItemView::from)).collect();
    RoomView { conversation_id: id.to_string(), items }
}

/// Whether a line of the transcript is older than what is remembered. An answer may have been shown anew after a restart: it is
/// told by the place that it answers.
fn is_before(line: &TranscriptLine, items: &[Item]) -> bool {
    let first = |by| items.iter().filter(move |item| item.by == by).map(|item| item.at).min();
    match line.role {
        Role::User => first(By::Person).is_none_or(|first| line.at < first),
        Role::Assistant => {
            let is_shown = items.iter().any(|item| item.by == By::Bot && item.seq == Some(line.seq));
            !is_shown && items.iter().map(|item| item.at).min().is_none_or(|first| line.at < first)
        }
    }
}

fn event(name: &str, data: &impl Serialize) -> Event {
    let data = serde_json::to_string(data).unwrap_or_default();
    Event::default().event(name).data(data)
}
