//! `GET /acts`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use switchboard_domain::time::Timestamp;
use switchboard_ports::journal::Book;
use utoipa::ToSchema;

use super::ActLine;
use crate::changes::read::sifted;
use crate::http::auth::Viewer;
use crate::http::changes::view::AuthorView;
use crate::http::dto::list::List;
use crate::http::dto::time::rfc3339;
use crate::http::problem::Problem;
use crate::http::query::{PageParams, Query};
use crate::http::state::Api;

/// Something that somebody did.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ActView {
    /// Its number; later lines have greater ones.
    pub number: String,
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// Who.
    pub author: AuthorView,
    /// `token_created`, `token_revoked`, `channel_restarted`, `conversation_reset`, `conversation_stopped`, `failure_retried`,
    /// `failure_deleted`, `user_created`, `user_changed`, `user_deleted`, `user_exported`, `identity_linked` or
    /// `identity_unlinked`.
    pub act: &'static str,
    /// To what: an id, or a token's name.
    pub subject: String,
}

impl From<(u64, ActLine)> for ActView {
    fn from((number, line): (u64, ActLine)) -> Self {
        Self {
            number: number.to_string(),
            at: rfc3339(Timestamp::from_millis(line.at)),
            author: line.author.into(),
            act: line.act.word(),
            subject: line.subject,
        }
    }
}

/// What people did through the API and the panel besides changing settings, the newest first, 10,000 at most.
#[utoipa::path(get, path = "/acts", tag = "changes", operation_id = "list_acts", params(PageParams),
    responses((status = 200, description = "one page", body = List<ActView>)),
    security(("bearer" = ["viewer"])))]
pub async fn list(
    _: Viewer,
    State(api): State<Api>,
    mut query: Query,
) -> Result<Json<List<ActView>>, Problem> {
    let page = query.page_by_number();
    query.finish()?;
    let acts = sifted(&api.ports, Book::Acts, &page, |_: &ActLine| true).await?;
    Ok(Json(List::of(acts, ActView::from)))
}
