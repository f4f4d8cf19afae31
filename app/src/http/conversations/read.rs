//! `GET /conversations/{id}`.

use axum::Json;
use axum::extract::State;

use super::found;
use crate::http::auth::Viewer;
use crate::http::dto::conversation::ConversationView;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// One conversation.
#[utoipa::path(get, path = "/conversations/{id}", tag = "conversations", operation_id = "read_conversation",
    params(("id" = String, Path, description = "the conversation's id")),
    responses((status = 200, description = "the conversation", body = ConversationView)),
    security(("bearer" = ["viewer"])))]
pub async fn read(
    _: Viewer,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
) -> Result<Json<ConversationView>, Problem> {
    query.finish()?;
    Ok(Json(ConversationView::from(found(&api, &id).await?)))
}
