//! `POST /agents/{id}/test`.

use axum::Json;
use axum::extract::State;

use switchboard_domain::ids::UserId;
use switchboard_domain::message::ChatKind;
use switchboard_ports::agent::AgentUser;
use switchboard_ports::agents::AgentConfig;
use utoipa::IntoParams;

use super::found;
use crate::http::auth::Operator;
use crate::http::language::Language;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;
use crate::runtime::told::agent_user;
use crate::trial::{Outcome, TrialView, asked};

/// Parameters of a test, for the document.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TestParams {
    /// The id of the user to ask as; without one the test is nobody's.
    pub user_id: Option<String>,
}

/// Asks the agent one small question with its stored settings. An agent that fails is a good answer to this request: 200
/// with `"ok": false` and the error.
///
/// The question is nobody's. Where the agent's server makes a user of every name it is told (Wegent, with a service key),
/// none is told, and the result is `cannot_be_told` once the server is there and takes the key. With `user_id` the agent is
/// asked as that user is in chats; one who is disabled, or shut out by a directory, is refused.
#[utoipa::path(post, path = "/agents/{id}/test", tag = "agents", operation_id = "test_agent",
    params(("id" = String, Path, description = "the agent's id"), TestParams),
    responses((status = 200, description = "what came of it", body = TrialView),
        (status = 409, description = "the user to ask as is disabled, or shut out by a directory")),
    security(("bearer" = ["operator"])))]
pub async fn test(
    _: Operator,
    State(api): State<Api>,
    Id(id): Id,
    mut query: Query,
    Language(locale): Language,
) -> Result<Json<TrialView>, Problem> {
    let user = query.text("user_id");
    query.finish()?;
    let agent = found(&api, &id).await?;
    let user = match user {
        Some(user) => Some(asker(&api, &agent, user).await?),
        None => None,
    };
    let trial = asked(&agent, &api.ports.agent_kinds, user).await;
    if let Outcome::Failed(error) = &trial.outcome {
        let detail = error.message.as_str();
        tracing::warn!(agent = agent.name, kind = error.code, detail, "the test of an agent failed");
    }
    Ok(Json(TrialView::of(trial, locale)))
}

/// The user to ask as, as agents are told of them. The platform is the one that the user was first linked to.
async fn asker(api: &Api, agent: &AgentConfig, id: String) -> Result<AgentUser, Problem> {
    let user = api.ports.users.find(&UserId::new(id)).await?;
    let user = user.ok_or_else(|| Problem::not_found("there is no user with the id in user_id"))?;
    // What they may not ask in a chat is not asked in their name either: the agent may act as them.
    if user.disabled {
        return Err(Problem::wrong_state("the user in user_id is disabled: nothing is asked as them"));
    }
    if let Some(by) = &user.shut_out_by {
        let detail = format!("the directory {by} has shut the user in user_id out: nothing is asked as them");
        return Err(Problem::wrong_state(detail));
    }
    let platform = user.identities.first().map_or("api", |identity| identity.platform.as_str()).to_owned();
    Ok(agent_user(user, &platform, ChatKind::Private, &agent.identity))
}
