//! `GET /export`.

use axum::extract::State;
use axum::http::{HeaderName, header};

use super::writing::text;
use crate::http::auth::Viewer;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::state::Api;

/// What an export is, and what an import has to say that it is.
pub(super) const CONTENT_TYPE: &str = "application/toml";

/// All agents and channels in the form of the configuration file, without secrets: where one is stored, `${SWITCHBOARD_…}` stands.
#[utoipa::path(get, path = "/export", tag = "changes", operation_id = "export",
    responses((status = 200, description = "TOML", body = String, content_type = "application/toml")),
    security(("bearer" = ["viewer"])))]
pub async fn export(
    _: Viewer,
    State(api): State<Api>,
    query: Query,
) -> Result<([(HeaderName, &'static str); 2], String), Problem> {
    query.finish()?;
    let (agents, channels) = (api.ports.agents.list().await?, api.ports.channels.list().await?);
    let headers = [
        (header::CONTENT_TYPE, CONTENT_TYPE),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"switchboard.toml\""),
    ];
    Ok((headers, text(&agents, &channels)))
}
