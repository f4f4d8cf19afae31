//! `POST /agents/test`.

use axum::Json;
use axum::extract::State;
use utoipa::IntoParams;

use super::found;
use crate::http::auth::Admin;
use crate::http::body::JsonBody;
use crate::http::dto::agent_input::{AgentInput, created, patched};
use crate::http::language::Language;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::state::{Api, new_agent_id};
use crate::trial::{TrialView, asked};

/// Parameters of a check, for the document.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CheckParams {
    /// The agent that the body is a merge patch of; without one it is a whole agent.
    pub agent_id: Option<String>,
}

/// Asks an agent one small question with settings that are not saved: those of an agent to be made, or of one there is with
/// changes over it, whose stored secrets are used. Nothing is stored.
#[utoipa::path(post, path = "/agents/test", tag = "agents", operation_id = "test_agent_settings",
    params(CheckParams), request_body = AgentInput,
    responses((status = 200, description = "what came of it", body = TrialView),
        (status = 404, description = "there is no such agent")),
    security(("bearer" = ["admin"])))]
pub async fn check(
    _: Admin,
    State(api): State<Api>,
    mut query: Query,
    Language(locale): Language,
    JsonBody(body): JsonBody,
) -> Result<Json<TrialView>, Problem> {
    let id = query.text("agent_id");
    query.finish()?;
    let (now, kinds) = (api.ports.clock.now(), &api.ports.agent_kinds);
    let agent = match id {
        Some(id) => patched(&found(&api, &id).await?, body, now, kinds),
        None => created(&body, new_agent_id(&*api.ports.entropy), now, kinds),
    };
    let agent = agent.map_err(Problem::invalid)?;
    Ok(Json(TrialView::of(asked(&agent, kinds, None).await, locale)))
}
