//! `GET /users/{id}`.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;

use super::found;
use crate::http::auth::Viewer;
use crate::http::dto::user::UserView;
use crate::http::etag::tagged;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// One user.
#[utoipa::path(get, path = "/users/{id}", tag = "users", operation_id = "read_user",
    params(("id" = String, Path, description = "the user's id")),
    responses((status = 200, description = "the user", body = UserView,
        headers(("ETag" = String, description = "its version")))),
    security(("bearer" = ["viewer"])))]
pub async fn read(
    _: Viewer,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
) -> Result<(HeaderMap, Json<UserView>), Problem> {
    query.finish()?;
    let user = found(&api, &id).await?;
    Ok((tagged(user.version), Json(UserView::from(user))))
}
