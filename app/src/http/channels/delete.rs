//! `DELETE /channels/{id}`.

use axum::extract::State;
use axum::http::StatusCode;
use switchboard_domain::ids::ChannelId;
use switchboard_ports::journal::Book;

use super::{changeable, found};
use crate::changes::{Author, Change};
use crate::http::auth::Admin;
use crate::http::etag::IfMatch;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// Steps of a purge within one request, at most; each is bounded by the store.
const PURGE_STEPS_MAX: u32 = 100_000;

/// Deletes a channel: running replies end and their cards are closed with one sentence. Transcripts stay unless
/// `purge=true`.
#[utoipa::path(delete, path = "/channels/{id}", tag = "channels", operation_id = "delete_channel",
    params(("id" = String, Path, description = "the channel's id"),
        ("purge" = Option<bool>, Query, description = "also forget its conversations"),
        ("If-Match" = Option<String>, Header, description = "the version to delete")),
    responses((status = 204, description = "gone"), (status = 409, description = "managed by file"),
        (status = 412, description = "it has another version")),
    security(("bearer" = ["admin"])))]
pub async fn delete(
    Admin(caller): Admin,
    State(api): State<Api>,
    Id(id): Id,
    mut query: Query,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    let purge = query.flag("purge");
    query.finish()?;
    let channel = found(&api, &id).await?;
    changeable(&channel)?;
    if_match.check(channel.version)?;
    deleted(&api, &channel.id, purge, &Author::from(&caller)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The record goes last: until then the request can be repeated, and a channel whose deletion fails goes on.
async fn deleted(api: &Api, channel: &ChannelId, purge: bool, author: &Author) -> Result<(), Problem> {
    let ended = ended(api, channel, purge, author).await;
    let taken_in = api.operations.channel_changed(channel).await;
    ended?;
    taken_in?;
    // Not as the channel's own line, whose log is about to be forgotten.
    tracing::info!(deleted = %channel, purge, "channel deleted");
    forgotten(api, channel).await;
    Ok(())
}

/// What was noted of it for people to read goes as well; where that fails it goes by its age.
async fn forgotten(api: &Api, channel: &ChannelId) {
    api.lines.forget(channel.as_str());
    for book in [Book::States, Book::Logs] {
        if let Err(error) = api.ports.journal.forget(book, channel.as_str()).await {
            tracing::debug!(%error, book = book.name(), "failed to forget what was noted of a deleted channel");
        }
    }
}

async fn ended(api: &Api, channel: &ChannelId, purge: bool, author: &Author) -> Result<(), Problem> {
    api.operations.withdraw(channel).await?;
    if purge {
        purged(api, channel).await?;
    }
    let held = api.settings.hold().await?;
    // Whoever changed it meanwhile changed what is deleted; who deleted it meanwhile did so.
    if let Some(channel) = api.ports.channels.find(channel).await? {
        changeable(&channel)?;
        Change { ports: &api.ports, held: &held, author }.deleted(&channel).await?;
    }
    api.ports.playground.forget(channel, None);
    Ok(())
}

async fn purged(api: &Api, channel: &ChannelId) -> Result<(), Problem> {
    for _ in 0..PURGE_STEPS_MAX {
        if !api.ports.transcripts.purge(channel).await? {
            return Ok(());
        }
    }
    Err(Problem::unavailable("there is more to purge than fits into one request: repeat it"))
}
