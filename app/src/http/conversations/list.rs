//! `GET /conversations`.

use axum::Json;
use axum::extract::State;
use switchboard_domain::ids::{ChannelId, UserId};
use switchboard_ports::transcripts::ConversationFilter;

use crate::http::auth::Viewer;
use crate::http::dto::conversation::ConversationView;
use crate::http::dto::list::List;
use crate::http::problem::Problem;
use crate::http::query::{PageParams, Query};
use crate::http::state::Api;

/// Conversations, last active first. Filters narrow each other.
#[utoipa::path(get, path = "/conversations", tag = "conversations", operation_id = "list_conversations",
    params(PageParams, ("channel_id" = Option<String>, Query, description = "only of this channel"),
        ("user_id" = Option<String>, Query, description = "only with this mapped user"),
        ("q" = Option<String>, Query, description = "only where the title or a message contains this text")),
    responses((status = 200, description = "one page", body = List<ConversationView>)),
    security(("bearer" = ["viewer"])))]
pub async fn list(
    _: Viewer,
    State(api): State<Api>,
    mut query: Query,
) -> Result<Json<List<ConversationView>>, Problem> {
    let page = query.page_by_activity();
    let filter = ConversationFilter {
        channel: query.text("channel_id").map(ChannelId::new),
        user: query.text("user_id").map(UserId::new),
        text: query.search("q"),
    };
    query.finish()?;
    let found = api.ports.transcripts.conversations(&filter, &page).await?;
    Ok(Json(List::of(found, ConversationView::from)))
}
