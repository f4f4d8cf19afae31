//! `GET /users` and `GET /users/{id}`.

use axum::Json;
use axum::extract::State;
use switchboard_domain::ids::UserId;

use super::auth::Viewer;
use super::dto::list::List;
use super::dto::user::UserView;
use super::problem::Problem;
use super::query::{PageParams, Query};
use super::router::Id;
use super::state::Api;

/// All users, in id order.
#[utoipa::path(get, path = "/users", tag = "users", operation_id = "list_users", params(PageParams),
    responses((status = 200, description = "one page", body = List<UserView>)),
    security(("bearer" = ["viewer"])))]
pub async fn list(
    _: Viewer,
    State(api): State<Api>,
    mut query: Query,
) -> Result<Json<List<UserView>>, Problem> {
    let page = query.page();
    query.finish()?;
    Ok(Json(List::of(api.ports.users.list(&page).await?, UserView::from)))
}

/// One user.
#[utoipa::path(get, path = "/users/{id}", tag = "users", operation_id = "read_user",
    params(("id" = String, Path, description = "the user's id")),
    responses((status = 200, description = "the user", body = UserView)), security(("bearer" = ["viewer"])))]
pub async fn read(
    _: Viewer,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
) -> Result<Json<UserView>, Problem> {
    query.finish()?;
    let user = api.ports.users.find(&UserId::new(id)).await?;
    let user = user.ok_or_else(|| Problem::not_found("there is no user with this id"))?;
    Ok(Json(UserView::from(user)))
}
