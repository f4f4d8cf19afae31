//! `GET /messages/{id}`.

use axum::Json;
use axum::extract::State;
use switchboard_domain::ids::MessageId;
use switchboard_domain::outcome::Refusal;
use switchboard_ports::messages::MessageRecord;

use crate::http::auth::Viewer;
use crate::http::dto::message::MessageView;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;

/// How far a message is. Kept for a week, the newest 10,000 of a channel.
#[utoipa::path(get, path = "/messages/{id}", tag = "messages", operation_id = "read_message",
    params(("id" = String, Path, description = "the message's id")),
    responses((status = 200, description = "the message", body = MessageView)),
    security(("bearer" = ["viewer"])))]
pub async fn read(
    _: Viewer,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
) -> Result<Json<MessageView>, Problem> {
    query.finish()?;
    let record = api.ports.messages.find(&MessageId::new(id)).await?;
    let record = record.ok_or_else(|| Problem::not_found("there is no message with this id"))?;
    Ok(Json(MessageView::from(as_it_is(&api, record).await?)))
}

/// Of a channel that is gone nobody goes on with anything, whether or not the end was still written down.
pub(super) async fn as_it_is(api: &Api, mut record: MessageRecord) -> Result<MessageRecord, Problem> {
    let is_over = record.progress.state().is_final();
    if !is_over && api.ports.channels.find(&record.channel).await?.is_none() {
        record.progress = record.progress.abandoned(Refusal::ChannelDeleted);
    }
    Ok(record)
}
