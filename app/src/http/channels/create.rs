//! `POST /channels`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use switchboard_ports::channels::CHANNELS_MAX;

use super::{references, twins};
use crate::changes::{Author, Change};
use crate::http::auth::Admin;
use crate::http::body::JsonBody;
use crate::http::dto::channel::ChannelView;
use crate::http::dto::channel_input::{ChannelInput, created};
use crate::http::etag::located;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::state::{Api, new_channel_id};

/// Adds a channel; an enabled one begins to connect at once.
#[utoipa::path(post, path = "/channels", tag = "channels", operation_id = "create_channel",
    request_body = ChannelInput,
    responses((status = 201, description = "made", body = ChannelView,
        headers(("Location" = String, description = "its path"), ("ETag" = String, description = "its version"))),
        (status = 409, description = "the name is taken, or another enabled channel is the same bot")),
    security(("bearer" = ["admin"])))]
pub async fn create(
    Admin(caller): Admin,
    State(api): State<Api>,
    query: Query,
    JsonBody(body): JsonBody,
) -> Result<(StatusCode, HeaderMap, Json<ChannelView>), Problem> {
    query.finish()?;
    let (id, now) = (new_channel_id(&*api.ports.entropy), api.ports.clock.now());
    let held = api.settings.hold().await?;
    let references = references(&api.ports, &[&body]).await?;
    let channel = created(&body, id, now, &api.ports.providers, &references).map_err(Problem::invalid)?;
    twins::refuse(&api.ports, &channel).await?;
    if api.ports.channels.list().await?.len() >= CHANNELS_MAX {
        return Err(Problem::wrong_state(format!("there are {CHANNELS_MAX} channels, which is the most")));
    }
    let change = Change { ports: &api.ports, held: &held, author: &Author::from(&caller) };
    change.made(&channel).await?;
    drop(held);
    api.operations.channel_changed(&channel.id).await?;
    tracing::info!(channel = %channel.id, platform = channel.platform, "channel made");
    let headers = located(channel.version, &format!("/api/v1/channels/{}", channel.id));
    Ok((StatusCode::CREATED, headers, Json(ChannelView::from(&channel))))
}
