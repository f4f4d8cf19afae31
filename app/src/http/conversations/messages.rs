//! `GET /conversations/{id}/messages`.

use axum::Json;
use axum::extract::State;

use super::found;
use crate::http::auth::Viewer;
use crate::http::dto::conversation::LineView;
use crate::http::dto::list::List;
use crate::http::problem::Problem;
use crate::http::query::{PageParams, Query};
use crate::http::router::Id;
use crate::http::state::Api;

/// The transcript of a conversation over all its sessions, oldest first.
#[utoipa::path(get, path = "/conversations/{id}/messages", tag = "conversations",
    operation_id = "list_conversation_messages",
    params(("id" = String, Path, description = "the conversation's id"), PageParams),
    responses((status = 200, description = "one page", body = List<LineView>)),
    security(("bearer" = ["viewer"])))]
pub async fn list(
    _: Viewer,
    State(api): State<Api>,
    Id(id): Id,
    mut query: Query,
) -> Result<Json<List<LineView>>, Problem> {
    let page = query.page_by_number();
    query.finish()?;
    let conversation = found(&api, &id).await?;
    let lines = api.ports.transcripts.lines(&conversation.id, &page).await?;
    Ok(Json(List::of(lines, |line| LineView::of(&conversation.id, line))))
}
