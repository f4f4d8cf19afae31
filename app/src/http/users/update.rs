//! `PATCH /users/{id}`.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde_json::Value;
use switchboard_ports::audit::AuditAct;
use switchboard_ports::error::StoreError;
use switchboard_ports::users::User;

use super::found;
use super::note::note;
use crate::http::acts::{self, Act};
use crate::http::auth::Admin;
use crate::http::body::JsonBody;
use crate::http::dto::user::UserView;
use crate::http::dto::user_input::{UserInput, patched};
use crate::http::etag::{IfMatch, tagged};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// Changes a user by merge patch (RFC 7396): `null` clears, what is absent stays. One that is `disabled` is refused with one
/// sentence from its next message on. Its identities have paths of their own.
#[utoipa::path(patch, path = "/users/{id}", tag = "users", operation_id = "update_user",
    params(("id" = String, Path, description = "the user's id"),
        ("If-Match" = Option<String>, Header, description = "the version to change")),
    request_body(content = UserInput, description = "a merge patch of it: each field optional"),
    responses((status = 200, description = "the user as it is now", body = UserView,
        headers(("ETag" = String, description = "its version"))),
        (status = 409, description = "the username is taken"),
        (status = 412, description = "it has another version")),
    security(("bearer" = ["admin"])))]
pub async fn update(
    Admin(caller): Admin,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
    if_match: IfMatch,
    JsonBody(patch): JsonBody,
) -> Result<(HeaderMap, Json<UserView>), Problem> {
    query.finish()?;
    let (user, changed) = write(&api, &id, &if_match, patch).await?;
    if changed {
        acts::note(&api.ports, &caller, Act::UserChanged, user.id.as_str()).await;
    }
    Ok((tagged(user.version), Json(UserView::from(user))))
}

/// The user with the patch over it, and whether that changed anything.
async fn write(api: &Api, id: &str, if_match: &IfMatch, patch: Value) -> Result<(User, bool), Problem> {
    let stored = found(api, id).await?;
    if_match.check(stored.version)?;
    let now = api.ports.clock.now();
    let mut user = patched(&stored, patch, now).map_err(Problem::invalid)?;
    if user == (User { updated_at: now, ..stored.clone() }) {
        return Ok((stored, false));
    }
    let act = match (stored.disabled, user.disabled) {
        (false, true) => Some(AuditAct::Disabled),
        (true, false) => Some(AuditAct::Enabled),
        (true, true) | (false, false) => None,
    };
    let lines: Vec<_> = act.into_iter().map(|act| note(now, act, &user, None)).collect();
    user.version = match api.ports.users.update(&user, stored.version, &lines).await {
        Err(StoreError::Conflict) if if_match.is_given() => return Err(Problem::stale()),
        written => written?,
    };
    tracing::info!(user = %user.id, version = %user.version, disabled = user.disabled, "user changed");
    Ok((user, true))
}
