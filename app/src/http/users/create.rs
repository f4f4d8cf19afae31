//! `POST /users`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use switchboard_ports::audit::AuditAct;

use super::note::note;
use crate::http::acts::{self, Act};
use crate::http::auth::Admin;
use crate::http::body::JsonBody;
use crate::http::dto::user::UserView;
use crate::http::dto::user_input::{UserInput, created};
use crate::http::etag::located;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::state::{Api, new_user_id};

/// Adds a user, with its identities if any are given, in one step. It is known by its `username` to the modes that look
/// for usernames, and by its `email`, if that is verified, to `match_email`.
#[utoipa::path(post, path = "/users", tag = "users", operation_id = "create_user", request_body = UserInput,
    responses((status = 201, description = "made", body = UserView,
        headers(("Location" = String, description = "its path"), ("ETag" = String, description = "its version"))),
        (status = 409, description = "the username is taken, or an identity is linked already")),
    security(("bearer" = ["admin"])))]
pub async fn create(
    Admin(caller): Admin,
    State(api): State<Api>,
    query: Query,
    JsonBody(body): JsonBody,
) -> Result<(StatusCode, HeaderMap, Json<UserView>), Problem> {
    query.finish()?;
    let (id, now) = (new_user_id(&*api.ports.entropy), api.ports.clock.now());
    let new = created(&body, id, now, &api.ports.providers).map_err(Problem::invalid)?;
    let linked = new.identities.iter().map(|identity| note(now, AuditAct::Linked, &new, Some(identity)));
    let lines: Vec<_> = [note(now, AuditAct::Created, &new, None)].into_iter().chain(linked).collect();
    let user = api.ports.users.create(&new, &lines).await?;
    if user.id != new.id {
        // An existing link wins: nothing was made.
        let at = new.identities.iter().position(|identity| user.identities.contains(identity));
        let pointer = format!("/identities/{}", at.unwrap_or_default());
        let detail = format!("the identity is linked to another user ({})", user.id);
        return Err(Problem::duplicate(&pointer, &detail));
    }
    tracing::info!(user = %user.id, "user made");
    acts::note(&api.ports, &caller, Act::UserCreated, user.id.as_str()).await;
    let headers = located(user.version, &format!("/api/v1/users/{}", user.id));
    Ok((StatusCode::CREATED, headers, Json(UserView::from(user))))
}
