//! `GET /failures`.

use axum::Json;
use axum::extract::State;

use crate::http::auth::Viewer;
use crate::http::dto::failure::FailureView;
use crate::http::dto::list::List;
use crate::http::problem::Problem;
use crate::http::query::{PageParams, Query};
use crate::http::state::Api;

/// Messages given up on and answers not shown, newest first.
#[utoipa::path(get, path = "/failures", tag = "failures", operation_id = "list_failures", params(PageParams),
    responses((status = 200, description = "one page", body = List<FailureView>)),
    security(("bearer" = ["viewer"])))]
pub async fn list(
    _: Viewer,
    State(api): State<Api>,
    mut query: Query,
) -> Result<Json<List<FailureView>>, Problem> {
    let page = query.page_by_number();
    query.finish()?;
    Ok(Json(List::of(api.ports.failures.list(&page).await?, FailureView::from)))
}
