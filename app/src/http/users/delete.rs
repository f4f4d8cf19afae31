//! `DELETE /users/{id}`.

use axum::extract::State;
use axum::http::StatusCode;
use switchboard_domain::ids::UserId;
use switchboard_domain::settings::MappingMode;
use switchboard_ports::audit::AuditAct;
use switchboard_ports::channels::Channel;

use super::erase::{erase, rest};
use super::note::note;
use super::{found, no_user};
use crate::http::acts::{self, Act};
use crate::http::auth::Admin;
use crate::http::channels::unused;
use crate::http::etag::IfMatch;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// Deletes a user and all its links: whoever writes with one of them next is mapped anew. To keep somebody out, disable the
/// user instead.
///
/// Transcripts stay unless `transcripts` is `true`: then those of the user's own conversations are deleted too (private
/// chats, and sessions of their own in groups), with the questions that failure records keep of them; answers under way there are
/// stopped first. What was said in a session that a group shares stays: it does not say who wrote what. Of a user who was deleted
/// before without them, they are deleted now.
#[utoipa::path(delete, path = "/users/{id}", tag = "users", operation_id = "delete_user",
    params(("id" = String, Path, description = "the user's id"),
        ("transcripts" = Option<bool>, Query, description = "whether the user's own transcripts are deleted too"),
        ("If-Match" = Option<String>, Header, description = "the version to delete")),
    responses((status = 204, description = "gone"),
        (status = 409, description = "channels map everybody to this user (`fixed_user`), or an answer does not stop"),
        (status = 412, description = "it has another version")),
    security(("bearer" = ["admin"])))]
pub async fn delete(
    Admin(caller): Admin,
    State(api): State<Api>,
    Id(id): Id,
    mut query: Query,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    let transcripts = query.flag("transcripts");
    query.finish()?;
    let fixed = MappingMode::FixedUser(UserId::new(id.clone()));
    let names_it = |channel: &Channel| channel.user_mapping.mode == fixed;
    let unused = || unused(&api.ports, "channels map everybody to this user", names_it);
    if transcripts {
        // First: whoever is stopped in the middle can ask again. It may take long, and holds nobody's settings up.
        let Some(user) = api.ports.users.find(&UserId::new(id.clone())).await? else {
            return if erase(&api, &UserId::new(id)).await? {
                Ok(StatusCode::NO_CONTENT)
            } else {
                Err(no_user())
            };
        };
        if_match.check(user.version)?;
        unused().await?;
        at_rest(&api, &user.id).await?;
        erase(&api, &user.id).await?;
    }
    // A channel must not begin to name the user in between.
    let settings = api.settings.hold().await?;
    let user = found(&api, &id).await?;
    if_match.check(user.version)?;
    unused().await?;
    settings.still()?;
    let line = note(api.ports.clock.now(), AuditAct::Deleted, &user, None);
    if !api.ports.users.delete(&user.id, &[line]).await? {
        return Err(no_user());
    }
    if transcripts {
        // And after: what was answered meanwhile.
        at_rest(&api, &user.id).await?;
        erase(&api, &user.id).await?;
    }
    tracing::info!(user = %user.id, "user deleted");
    drop(settings);
    acts::note(&api.ports, &caller, Act::UserDeleted, user.id.as_str()).await;
    Ok(StatusCode::NO_CONTENT)
}

/// An answer that goes on would be written down after everything is forgotten.
async fn at_rest(api: &Api, user: &UserId) -> Result<(), Problem> {
    if rest(api, user).await? {
        return Ok(());
    }
    Err(Problem::wrong_state("an answer to this user does not stop: ask again in a moment"))
}
