//! `POST /playground/{id}/messages`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use switchboard_domain::ids::{AgentId, MessageId};
use switchboard_ports::channels::Channel;
use switchboard_ports::playground::{NotTaken, Saying};

use super::{conversation, found, person, short};
use crate::http::auth::Operator;
use crate::http::body::JsonBody;
use crate::http::dto::playground::{PlaygroundInput, READS_OTHERWISE, SaidView, asked, switching_to};
use crate::http::messages::key::IdempotencyKey;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::{Api, new_id};
use crate::runtime::agents::is_offered;

/// Says something to the bot of a channel of type `web`, in the conversation that belongs to the token. It goes the way of every
/// message; what comes of it is seen in the stream. `/new`, `/stop` and the other commands work as in any chat.
///
/// With `Idempotency-Key` the same request may be sent again: it is one message.
#[utoipa::path(post, path = "/playground/{id}/messages", tag = "playground", operation_id = "say_in_playground",
    request_body = PlaygroundInput,
    params(("id" = String, Path, description = "the channel's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters; the same request under the same key \
            is one message")),
    responses((status = 202, description = "stored, or was before", body = SaidView),
        (status = 409, description = "the channel is disabled, or is not of type `web`")),
    security(("bearer" = ["operator"])))]
pub async fn say(
    Operator(caller): Operator,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(body): JsonBody,
) -> Result<(StatusCode, Json<SaidView>), Problem> {
    query.finish()?;
    let channel = found(&api, &id).await?;
    let asked = asked(&body).map_err(Problem::invalid)?;
    let switching = match &asked.agent {
        Some(agent) => Some(switching(&api, &channel, agent).await?),
        None => None,
    };
    if !channel.enabled {
        return Err(Problem::wrong_state("the channel is disabled: enable it first"));
    }
    let person = person(&caller);
    let message = match &key {
        Some(key) => {
            // Another text under the same key is another message: nothing that is said is taken for something else.
            let switches = asked.agent.as_ref().map_or("", |agent| agent.as_str());
            let parts = ["playground", channel.id.as_str(), &person.id, key, switches, &asked.text];
            MessageId::new(format!("web_{}", short(&parts)))
        }
        None => MessageId::new(new_id("web", &*api.ports.entropy)),
    };
    let view = SaidView {
        message_id: message.to_string(),
        conversation_id: conversation(&channel.id, &person).to_string(),
    };
    let saying =
        |message, text| Saying { channel: channel.id.clone(), person: person.clone(), message, text };
    let switching = switching.map(|text| saying(MessageId::new(format!("{message}-agent")), text));
    let all = switching.into_iter().chain([saying(message, asked.text)]).collect();
    said(&api, all).await?;
    Ok((StatusCode::ACCEPTED, Json(view)))
}

/// One after the other.
async fn said(api: &Api, all: Vec<Saying>) -> Result<(), Problem> {
    for saying in all {
        api.ports.playground.say(saying).await.map_err(|not_taken| match not_taken {
            NotTaken::NotConnected => {
                Problem::unavailable("the channel is not connected here yet: try again in a moment")
            }
            NotTaken::Withheld => {
                Problem::unavailable("the message could not be stored: try again in a moment")
            }
        })?;
    }
    Ok(())
}

/// The command that switches to an agent.
async fn switching(api: &Api, channel: &Channel, agent: &AgentId) -> Result<String, Problem> {
    let found = api.ports.agents.find(agent).await?;
    let found = found.ok_or_else(|| Problem::invalid_field("/agent_id", "names no agent there is"))?;
    // Otherwise the command would be refused, and what is said behind it go to another agent.
    if !is_offered(channel, agent) {
        return Err(Problem::invalid_field("/agent_id", "names an agent that this channel does not offer"));
    }
    switching_to(&found.name).ok_or_else(|| Problem::invalid_field("/agent_id", READS_OTHERWISE))
}
