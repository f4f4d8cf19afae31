//! `POST /channels/test`.

use axum::Json;
use axum::extract::State;
use switchboard_ports::channels::Channel;
use utoipa::IntoParams;

use super::test::{ChannelTestView, agent};
use super::{found, references};
use crate::http::auth::Admin;
use crate::http::body::JsonBody;
use crate::http::dto::channel::ChannelView;
use crate::http::dto::channel_input::{ChannelInput, created, patched};
use crate::http::language::Language;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::state::{Api, new_channel_id};

/// Parameters of a check, for the document.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CheckParams {
    /// The channel that the body is a merge patch of; without one it is a whole channel.
    pub channel_id: Option<String>,
}

/// Asks the platform, the directories and the agent with settings that are not saved: those of a channel to be made, or of one
/// there is with changes over it, whose stored secrets are used.
///
/// Nothing is stored and nothing connected. It takes the role admin, because whoever changes where a stored secret is sent to
/// can read it there.
#[utoipa::path(post, path = "/channels/test", tag = "channels", operation_id = "test_channel_settings",
    params(CheckParams), request_body = ChannelInput,
    responses((status = 200, description = "what the platform says", body = ChannelTestView),
        (status = 404, description = "there is no such channel")),
    security(("bearer" = ["admin"])))]
pub async fn check(
    _: Admin,
    State(api): State<Api>,
    mut query: Query,
    Language(locale): Language,
    JsonBody(body): JsonBody,
) -> Result<Json<ChannelTestView>, Problem> {
    let id = query.text("channel_id");
    query.finish()?;
    let channel = settings(&api, id.as_deref(), body).await?;
    let (checks, agent) = tokio::join!(api.operations.preflight_of(channel.clone()), agent(&api, &channel));
    let mut checks = checks?;
    checks.push(agent?);
    Ok(Json(ChannelTestView::of(&checks, locale)))
}

async fn settings(api: &Api, id: Option<&str>, body: serde_json::Value) -> Result<Channel, Problem> {
    let now = api.ports.clock.now();
    let Some(id) = id else {
        let references = references(&api.ports, &[&body]).await?;
        let id = new_channel_id(&*api.ports.entropy);
        return created(&body, id, now, &api.ports.providers, &references).map_err(Problem::invalid);
    };
    let stored = found(api, id).await?;
    let current = serde_json::to_value(ChannelView::from(&stored)).unwrap_or_default();
    let references = references(&api.ports, &[&current, &body]).await?;
    patched(&stored, body, now, &api.ports.providers, &references).map_err(Problem::invalid)
}
