//! Conversations and failures of one channel.

use axum::extract::State;
use axum::response::Html;

use super::found;
use super::tabs::{Tab, around};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;
use crate::panel::visitor::Visitor;
use crate::panel::{conversations, failures};

/// `GET /panel/channels/{id}/conversations`.
pub(super) async fn conversations(
    visitor: Visitor,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
) -> Result<Html<String>, Problem> {
    let channel = found(&api, &id).await?;
    let base = format!("/panel/channels/{id}/conversations");
    let list = conversations::listed(&visitor, &api, query, &base, Some(channel.id.clone()), None).await?;
    Ok(Html(around(&visitor, &channel, Tab::Conversations, &list).into_string()))
}

/// `GET /panel/channels/{id}/failures`.
pub(super) async fn failures(
    visitor: Visitor,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
) -> Result<Html<String>, Problem> {
    let channel = found(&api, &id).await?;
    let base = format!("/panel/channels/{id}/failures");
    let list = failures::listed(&visitor, &api, query, &base, Some(&channel.id)).await?;
    Ok(Html(around(&visitor, &channel, Tab::Failures, &list).into_string()))
}
