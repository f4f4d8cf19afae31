//! `DELETE /tokens/{id}`.

use axum::extract::State;
use axum::http::StatusCode;
use switchboard_ports::tokens::{Role, Token};

use crate::http::acts::{self, Act};
use crate::http::auth::Admin;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// Revokes a token, by its id or its name: it, and the sessions opened with it, count no more. The last one with the role admin
/// stays, unless one stands in the configuration.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens", operation_id = "revoke_token",
    params(("id" = String, Path, description = "the token's id or name")),
    responses((status = 204, description = "revoked"), (status = 409, description = "the last one of an administrator")),
    security(("bearer" = ["admin"])))]
pub async fn delete(
    Admin(caller): Admin,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
) -> Result<StatusCode, Problem> {
    query.finish()?;
    // Two must not revoke the last two of them at once.
    let held = api.settings.hold().await?;
    let tokens = api.ports.tokens.list().await?;
    let token =
        tokens.iter().find(|token| token.id == id).or_else(|| tokens.iter().find(|token| token.name == id));
    let token = token.ok_or_else(unknown)?;
    let is_other_admin = |other: &Token| other.role == Role::Admin && other.id != token.id;
    if token.role == Role::Admin && !api.authenticator.has_configured() && !tokens.iter().any(is_other_admin)
    {
        return Err(Problem::wrong_state(
            "this is the last token with the role admin: make another one first",
        ));
    }
    held.still()?;
    if !api.ports.tokens.revoke(&token.name).await? {
        return Err(unknown());
    }
    drop(held);
    api.authenticator.look_again();
    tracing::info!(token = token.name, "token revoked");
    acts::note(&api.ports, &caller, Act::TokenRevoked, &token.name).await;
    Ok(StatusCode::NO_CONTENT)
}

fn unknown() -> Problem {
    Problem::not_found("there is no token with this id or name")
}
