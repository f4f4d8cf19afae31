//! `GET /changes`.

use axum::Json;
use axum::extract::State;

use super::view::ChangeView;
use crate::changes::{Kind, read};
use crate::http::auth::Viewer;
use crate::http::dto::list::List;
use crate::http::problem::Problem;
use crate::http::query::{PageParams, Query};
use crate::http::state::Api;

/// All changes of channels and agents, the newest first, 10,000 at most. With `resource` those of one kind; a page may be short
/// then, and only `next_cursor` says whether there are more.
#[utoipa::path(get, path = "/changes", tag = "changes", operation_id = "list_changes",
    params(PageParams, ("resource" = Option<String>, Query, description = "`agent` or `channel`")),
    responses((status = 200, description = "one page", body = List<ChangeView>)),
    security(("bearer" = ["viewer"])))]
pub async fn list(
    _: Viewer,
    State(api): State<Api>,
    mut query: Query,
) -> Result<Json<List<ChangeView>>, Problem> {
    let kind = query.word("resource", &[("agent", Kind::Agent), ("channel", Kind::Channel)]);
    let page = query.page_by_number();
    query.finish()?;
    let changes = read::changes(&api.ports, &page, kind).await?;
    Ok(Json(List::of(changes, ChangeView::from)))
}
