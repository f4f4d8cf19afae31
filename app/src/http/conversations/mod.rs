//! `/conversations`: what was said, and acting on it.

pub mod control;
pub mod list;
pub mod messages;
pub mod read;

use switchboard_domain::ids::ConversationId;
use switchboard_ports::transcripts::ConversationInfo;

use super::problem::Problem;
use super::state::Api;

/// The conversation with this id, or 404.
async fn found(api: &Api, id: &str) -> Result<ConversationInfo, Problem> {
    let conversation = api.ports.transcripts.conversation(&ConversationId::new(id)).await?;
    conversation.ok_or_else(unknown)
}

fn unknown() -> Problem {
    Problem::not_found("there is no conversation with this id")
}
