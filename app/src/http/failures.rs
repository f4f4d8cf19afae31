//! `GET /failures`.

use axum::Json;
use axum::extract::State;

use super::auth::Viewer;
use super::dto::failure::FailureView;
use super::dto::list::List;
use super::problem::Problem;
use super::query::{PageParams, Query};
use super::state::Api;

/// Messages given up on and answers not shown, newest first.
#[utoipa::path(get, path = "/failures", tag = "failures", operation_id = "list_failures", params(PageParams),
    responses((status = 200, description = "one page", body = List<FailureView>)),
    security(("bearer" = ["viewer"])))]
pub async fn list(
    _: Viewer,
    State(api): State<Api>,
    mut query: Query,
) -> Result<Json<List<FailureView>>, Problem> {
    let page = query.page();
    query.finish()?;
    Ok(Json(List::of(api.ports.transcripts.failures(&page).await?, FailureView::from)))
}
