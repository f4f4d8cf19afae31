//! `PATCH /channels/{id}`.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::Value;
use switchboard_ports::channels::Channel;

use super::{changeable, found, references, twins};
use crate::changes::{Act, Author, Change};
use crate::http::auth::Admin;
use crate::http::body::JsonBody;
use crate::http::changes::rollback::refused;
use crate::http::dto::channel::ChannelView;
use crate::http::dto::channel_input::{ChannelInput, patched};
use crate::http::etag::{IfMatch, tagged};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// Changes a channel by merge patch (RFC 7396): `null` clears, what is absent stays, and so does a secret that is absent,
/// empty or `***`. The connection is opened anew only where a connection setting changed.
#[utoipa::path(patch, path = "/channels/{id}", tag = "channels", operation_id = "update_channel",
    params(("id" = String, Path, description = "the channel's id"),
        ("If-Match" = Option<String>, Header, description = "the version to change")),
    request_body(content = ChannelInput, description = "a merge patch of it: each field optional"),
    responses((status = 200, description = "the channel as it is now", body = ChannelView,
        headers(("ETag" = String, description = "its version"))),
        (status = 409, description = "the name is taken, another enabled channel is the same bot, or managed by file"),
        (status = 412, description = "it has another version")),
    security(("bearer" = ["admin"])))]
pub async fn update(
    Admin(caller): Admin,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
    if_match: IfMatch,
    JsonBody(patch): JsonBody,
) -> Result<(HeaderMap, Json<ChannelView>), Problem> {
    query.finish()?;
    let (channel, changed) = write(&api, &id, &if_match, patch, &Author::from(&caller)).await?;
    if changed {
        api.operations.channel_changed(&channel.id).await?;
        tracing::info!(channel = %channel.id, version = %channel.version, "channel changed");
    }
    Ok((tagged(channel.version), Json(ChannelView::from(&channel))))
}

/// The channel with the patch over it, and whether that changed anything.
async fn write(
    api: &Api,
    id: &str,
    if_match: &IfMatch,
    patch: Value,
    author: &Author,
) -> Result<(Channel, bool), Problem> {
    let held = api.settings.hold().await?;
    let stored = found(api, id).await?;
    changeable(&stored)?;
    if_match.check(stored.version)?;
    let current = serde_json::to_value(ChannelView::from(&stored)).unwrap_or_default();
    let references = references(&api.ports, &[&current, &patch]).await?;
    let now = api.ports.clock.now();
    let mut channel =
        patched(&stored, patch, now, &api.ports.providers, &references).map_err(Problem::invalid)?;
    if channel == (Channel { updated_at: now, ..stored.clone() }) {
        return Ok((stored, false));
    }
    twins::refuse(&api.ports, &channel).await?;
    let change = Change { ports: &api.ports, held: &held, author };
    let version = change.changed(&stored, &channel, Act::Changed).await;
    channel.version = version.map_err(|error| refused(error, if_match.is_given()))?;
    Ok((channel, true))
}
