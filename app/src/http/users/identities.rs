//! `PUT, DELETE /users/{id}/identities/{platform}/{im_user_id}`.

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use switchboard_ports::audit::AuditAct;
use switchboard_ports::users::{IDENTITIES_MAX, Identity};

use super::note::note;
use super::{found, no_user};
use crate::http::acts::{self, Act};
use crate::http::auth::Admin;
use crate::http::dto::user::UserView;
use crate::http::dto::user_input::check_identity;
use crate::http::etag::tagged;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::state::Api;

/// The user and the identity of a path.
#[derive(Debug)]
pub struct Place {
    user: String,
    identity: Identity,
}

impl<S: Send + Sync> FromRequestParts<S> for Place {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<(String, String, String)>::from_request_parts(parts, state).await;
        let Ok(Path((user, platform, im_user_id))) = path else {
            return Err(Problem::not_found("there is nothing at this path"));
        };
        Ok(Self { user, identity: Identity { platform, im_user_id } })
    }
}

/// Links an identity to a user. Repeatable; linked to somebody else it is 409 until it is taken away there.
#[utoipa::path(put, path = "/users/{id}/identities/{platform}/{im_user_id}", tag = "users",
    operation_id = "link_identity",
    params(("id" = String, Path, description = "the user's id"),
        ("platform" = String, Path, description = "the platform: `dingtalk`"),
        ("im_user_id" = String, Path, description = "the platform's id of the person; percent-encoded")),
    responses((status = 200, description = "the user as it is now", body = UserView,
        headers(("ETag" = String, description = "its version"))),
        (status = 409, description = "it is linked to another user, or the user has too many")),
    security(("bearer" = ["admin"])))]
pub async fn link(
    Admin(caller): Admin,
    State(api): State<Api>,
    place: Place,
    query: Query,
) -> Result<(HeaderMap, Json<UserView>), Problem> {
    query.finish()?;
    let Place { user, identity } = place;
    let user = found(&api, &user).await?;
    check_identity(&identity, &api.ports.providers)
        .map_err(|(field, message)| Problem::invalid_field(&format!("/{field}"), message))?;
    if user.identities.len() >= IDENTITIES_MAX && !user.identities.contains(&identity) {
        return Err(Problem::wrong_state(format!(
            "the user has {IDENTITIES_MAX} identities, which is the most"
        )));
    }
    let line = note(api.ports.clock.now(), AuditAct::Linked, &user, Some(&identity));
    let linked = api.ports.users.link(&user.id, &identity, &[line]).await?.ok_or_else(no_user)?;
    if linked.id != user.id {
        let detail = format!("the identity is linked to another user ({})", linked.id);
        return Err(Problem::duplicate("/im_user_id", &detail));
    }
    tracing::info!(user = %linked.id, platform = identity.platform, "identity linked");
    acts::note(&api.ports, &caller, Act::IdentityLinked, linked.id.as_str()).await;
    Ok((tagged(linked.version), Json(UserView::from(linked))))
}

/// Takes an identity away from a user: whoever writes with it next is mapped anew.
#[utoipa::path(delete, path = "/users/{id}/identities/{platform}/{im_user_id}", tag = "users",
    operation_id = "unlink_identity",
    params(("id" = String, Path, description = "the user's id"),
        ("platform" = String, Path, description = "the platform"),
        ("im_user_id" = String, Path, description = "the platform's id of the person; percent-encoded")),
    responses((status = 204, description = "gone")), security(("bearer" = ["admin"])))]
pub async fn unlink(
    Admin(caller): Admin,
    State(api): State<Api>,
    place: Place,
    query: Query,
) -> Result<StatusCode, Problem> {
    query.finish()?;
    let Place { user, identity } = place;
    let user = found(&api, &user).await?;
    let line = note(api.ports.clock.now(), AuditAct::Unlinked, &user, Some(&identity));
    if !api.ports.users.unlink(&user.id, &identity, &[line]).await? {
        return Err(Problem::not_found("the user is not linked to this identity"));
    }
    tracing::info!(user = %user.id, platform = identity.platform, "identity taken away");
    acts::note(&api.ports, &caller, Act::IdentityUnlinked, user.id.as_str()).await;
    Ok(StatusCode::NO_CONTENT)
}
