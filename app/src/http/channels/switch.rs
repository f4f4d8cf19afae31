//! `POST /channels/{id}/enable` and `POST /channels/{id}/disable`: two sides of one switch.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use switchboard_ports::channels::Channel;
use switchboard_ports::error::StoreError;

use super::{changeable, found, status_of, twins};
use crate::changes::{Act, Author, Change};
use crate::http::auth::Operator;
use crate::http::dto::status::StatusView;
use crate::http::language::Language;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// How often a switch is tried again after somebody else's change.
const TRIES_MAX: u32 = 3;

type Accepted = (StatusCode, Json<StatusView>);

/// Enables a channel: it begins to connect.
#[utoipa::path(post, path = "/channels/{id}/enable", tag = "channels", operation_id = "enable_channel",
    params(("id" = String, Path, description = "the channel's id")),
    responses((status = 202, description = "its status by now", body = StatusView),
        (status = 409, description = "managed by file, or another enabled channel is the same bot")),
    security(("bearer" = ["operator"])))]
pub async fn enable(
    Operator(caller): Operator,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
    Language(locale): Language,
) -> Result<Accepted, Problem> {
    query.finish()?;
    let channel = switched(&api, &id, true, &Author::from(&caller)).await?;
    Ok((StatusCode::ACCEPTED, Json(status_of(&api, &channel, locale).await)))
}

/// Disables a channel: its sockets close at once, running replies finish, what waits is kept for the next enable.
#[utoipa::path(post, path = "/channels/{id}/disable", tag = "channels", operation_id = "disable_channel",
    params(("id" = String, Path, description = "the channel's id")),
    responses((status = 202, description = "its status by now", body = StatusView),
        (status = 409, description = "managed by file")),
    security(("bearer" = ["operator"])))]
pub async fn disable(
    Operator(caller): Operator,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
    Language(locale): Language,
) -> Result<Accepted, Problem> {
    query.finish()?;
    let channel = switched(&api, &id, false, &Author::from(&caller)).await?;
    Ok((StatusCode::ACCEPTED, Json(status_of(&api, &channel, locale).await)))
}

async fn switched(api: &Api, id: &str, enabled: bool, author: &Author) -> Result<Channel, Problem> {
    let mut tries: u32 = 0;
    let held = api.settings.hold().await?;
    let channel = loop {
        let stored = found(api, id).await?;
        changeable(&stored)?;
        if stored.enabled == enabled {
            break stored;
        }
        let mut channel = Channel { enabled, updated_at: api.ports.clock.now(), ..stored.clone() };
        twins::refuse(&api.ports, &channel).await?;
        tries = tries.saturating_add(1);
        let change = Change { ports: &api.ports, held: &held, author };
        match change.changed(&stored, &channel, Act::Changed).await {
            Err(StoreError::Conflict) if tries < TRIES_MAX => {}
            written => {
                channel.version = written?;
                tracing::info!(channel = %channel.id, enabled, "channel switched");
                break channel;
            }
        }
    };
    drop(held);
    // Also where nothing was written: an earlier request may have ended between the two steps.
    api.operations.channel_changed(&channel.id).await?;
    Ok(channel)
}
