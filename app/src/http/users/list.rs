//! `GET /users`.

use axum::Json;
use axum::extract::State;

use crate::http::auth::Viewer;
use crate::http::dto::list::List;
use crate::http::dto::user::UserView;
use crate::http::problem::Problem;
use crate::http::query::{PageParams, Query};
use crate::http::state::Api;

/// All users, in id order.
#[utoipa::path(get, path = "/users", tag = "users", operation_id = "list_users", params(PageParams),
    responses((status = 200, description = "one page", body = List<UserView>)),
    security(("bearer" = ["viewer"])))]
pub async fn list(
    _: Viewer,
    State(api): State<Api>,
    mut query: Query,
) -> Result<Json<List<UserView>>, Problem> {
    let page = query.page_by_id("usr_");
    query.finish()?;
    Ok(Json(List::of(api.ports.users.list(&page).await?, UserView::from)))
}
