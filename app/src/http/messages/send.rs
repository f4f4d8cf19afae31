//! `POST /channels/{id}/messages`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use switchboard_domain::ids::{ChannelId, MessageId};
use switchboard_ports::messages::{Given, MessageRecord, NewMessage};

use super::key::IdempotencyKey;
use super::read::as_it_is;
use super::recipient::{Place, place};
use crate::http::auth::Operator;
use crate::http::body::JsonBody;
use crate::http::dto::message::{MessageInput, MessageView, asked, digest};
use crate::http::openapi::BASE;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::{Api, new_id};

/// After this many seconds a conversation where much waits may take another message.
const FULL_RETRY_S: u32 = 5;

/// Characters of an id made from a key: half of the hash, as many as random ids have.
const KEYED_CHARS: usize = 32;

type Accepted = (StatusCode, HeaderMap, Json<MessageView>);

/// Sends a message that nobody asked for, to a person or a group, by the platform's API. Long texts go out in parts, in order.
/// `GET /messages/{id}` tells what becomes of it.
///
/// With `Idempotency-Key` the same request may be sent again: it is one message. Keys are a channel's own and remembered as
/// long as the message is.
#[utoipa::path(post, path = "/channels/{id}/messages", tag = "messages", operation_id = "send_message",
    request_body = MessageInput,
    params(("id" = String, Path, description = "the channel's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters; the same request under the same key \
            is one message")),
    responses((status = 202, description = "queued, or was before", body = MessageView,
            headers(("Location" = String, description = "its path"))),
        (status = 409, description = "the channel is disabled, or being deleted"),
        (status = 422, description = "bad or unknown field, an unknown recipient, or a key that was used for another request"),
        (status = 429, description = "too much waits in the conversation")),
    security(("bearer" = ["operator"])))]
pub async fn send(
    _: Operator,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(body): JsonBody,
) -> Result<Accepted, Problem> {
    query.finish()?;
    let channel = api.ports.channels.find(&ChannelId::new(id)).await?;
    let channel = channel.ok_or_else(|| Problem::not_found("there is no channel with this id"))?;
    let asked = asked(&body).map_err(Problem::invalid)?;
    let fingerprint = asked.fingerprint();
    let id = match &key {
        Some(key) => keyed(&channel.id, key),
        None => MessageId::new(new_id("msg", &*api.ports.entropy)),
    };
    if key.is_some()
        && let Some(record) = api.ports.messages.find(&id).await?
    {
        // Whatever has become of the channel or the recipient since: it was taken on.
        return repeated(&api, record, &fingerprint).await;
    }
    if !channel.enabled {
        return Err(Problem::wrong_state("the channel is disabled: enable it first"));
    }
    let Place { key, chat, person } = place(&api, &channel, &asked.to).await?;
    let message = NewMessage {
        id,
        key,
        chat,
        person,
        text: asked.text,
        format: asked.format,
        fingerprint: fingerprint.clone(),
    };
    match api.operations.send(message).await? {
        Some(Given::Now { record, .. }) => accepted(record),
        Some(Given::Before(record)) => repeated(&api, record, &fingerprint).await,
        Some(Given::Full) => {
            Err(Problem::too_many("too many messages wait in this conversation", FULL_RETRY_S))
        }
        None => Err(Problem::wrong_state("the channel is being deleted")),
    }
}

/// The id of the message that a key of a channel stands for.
fn keyed(channel: &ChannelId, key: &str) -> MessageId {
    let hash = digest(&["message", channel.as_str(), key]);
    MessageId::new(format!("msg_{}", hash.get(..KEYED_CHARS).unwrap_or(&hash)))
}

async fn repeated(api: &Api, record: MessageRecord, fingerprint: &str) -> Result<Accepted, Problem> {
    if record.fingerprint != fingerprint {
        return Err(Problem::key_reused());
    }
    accepted(as_it_is(api, record).await?)
}

fn accepted(record: MessageRecord) -> Result<Accepted, Problem> {
    let mut headers = HeaderMap::new();
    let location = HeaderValue::try_from(format!("{BASE}/messages/{}", record.id));
    headers.insert(header::LOCATION, location.map_err(|_| Problem::internal())?);
    Ok((StatusCode::ACCEPTED, headers, Json(MessageView::from(record))))
}
