//! `GET /tokens`.

use axum::Json;
use axum::extract::State;
use switchboard_ports::tokens::Token;

use super::TokenView;
use crate::http::auth::Admin;
use crate::http::dto::list::{List, name_key};
use crate::http::problem::Problem;
use crate::http::query::{PageParams, Query};
use crate::http::state::Api;

/// All tokens in name order, but for themselves. One that stands in the configuration is not among them.
#[utoipa::path(get, path = "/tokens", tag = "tokens", operation_id = "list_tokens", params(PageParams),
    responses((status = 200, description = "one page", body = List<TokenView>)),
    security(("bearer" = ["admin"])))]
pub async fn list(
    _: Admin,
    State(api): State<Api>,
    mut query: Query,
) -> Result<Json<List<TokenView>>, Problem> {
    let page = query.page_by_name();
    query.finish()?;
    let tokens = api.ports.tokens.list().await?;
    Ok(Json(List::cut(tokens, &page, key, |token| TokenView::of(&api, &token))))
}

/// Where a token stands in the list.
#[must_use]
pub fn key(token: &Token) -> String {
    name_key(&token.name, &token.id)
}
