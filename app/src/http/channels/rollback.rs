//! `POST /channels/{id}/rollback`.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::Value;
use switchboard_ports::channels::Channel;

use super::{changeable, found, references, twins};
use crate::changes::{Act, Author, Change};
use crate::http::auth::Admin;
use crate::http::body::JsonBody;
use crate::http::changes::rollback::{RollbackInput, content_then, refused};
use crate::http::dto::channel::ChannelView;
use crate::http::dto::channel_input::replaced;
use crate::http::etag::{IfMatch, tagged};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// Makes a channel what it was in an earlier version, which becomes a new version. Secrets are part of no version: each that it
/// had then keeps the value that is stored now. What is not valid today is refused, and the field is named.
#[utoipa::path(post, path = "/channels/{id}/rollback", tag = "changes", operation_id = "rollback_channel",
    request_body = RollbackInput,
    params(("id" = String, Path, description = "the channel's id"),
        ("If-Match" = Option<String>, Header, description = "the version to change")),
    responses((status = 200, description = "the channel as it is now", body = ChannelView,
        headers(("ETag" = String, description = "its version"))),
        (status = 409, description = "the name is taken, another enabled channel is the same bot, or managed by file"),
        (status = 412, description = "it has another version")),
    security(("bearer" = ["admin"])))]
pub async fn rollback(
    Admin(caller): Admin,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
    if_match: IfMatch,
    JsonBody(body): JsonBody,
) -> Result<(HeaderMap, Json<ChannelView>), Problem> {
    query.finish()?;
    let (channel, changed) = write(&api, &id, &if_match, &body, &Author::from(&caller)).await?;
    if changed {
        api.operations.channel_changed(&channel.id).await?;
        tracing::info!(channel = %channel.id, version = %channel.version, "channel rolled back");
    }
    Ok((tagged(channel.version), Json(ChannelView::from(&channel))))
}

/// The channel as it was then, and whether that changed anything.
async fn write(
    api: &Api,
    id: &str,
    if_match: &IfMatch,
    body: &Value,
    author: &Author,
) -> Result<(Channel, bool), Problem> {
    let held = api.settings.hold().await?;
    let stored = found(api, id).await?;
    changeable(&stored)?;
    if_match.check(stored.version)?;
    let document = content_then(&api.ports, &stored, body).await?;
    let references = references(&api.ports, &[&document]).await?;
    let now = api.ports.clock.now();
    let then = replaced(&stored, &document, now, &api.ports.providers, &references);
    let mut channel = then.map_err(Problem::invalid)?;
    if channel == (Channel { updated_at: now, ..stored.clone() }) {
        return Ok((stored, false));
    }
    twins::refuse(&api.ports, &channel).await?;
    let change = Change { ports: &api.ports, held: &held, author };
    let version = change.changed(&stored, &channel, Act::RolledBack).await;
    channel.version = version.map_err(|error| refused(error, if_match.is_given()))?;
    Ok((channel, true))
}
