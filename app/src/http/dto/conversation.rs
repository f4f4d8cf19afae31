//! Conversations and their transcript on the wire.

use serde::Serialize;
use switchboard_domain::ids::ConversationId;
use switchboard_domain::message::ChatKind;
use switchboard_domain::snapshot::{Mark, Role, TranscriptLine};
use switchboard_ports::transcripts::ConversationInfo;
use utoipa::ToSchema;

use super::time::rfc3339;
use crate::runtime::timeline::message_id;

/// A conversation.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ConversationView {
    /// Its id, `cnv_…`.
    pub id: String,
    /// The channel.
    pub channel_id: String,
    /// The platform's id of the conversation.
    pub platform_conversation_id: String,
    /// The member's platform id, in groups where each member has a session of their own.
    pub member: Option<String>,
    /// `private` or `group`.
    pub kind: &'static str,
    /// The group's title, where the platform gives one.
    pub title: Option<String>,
    /// The last author's name.
    pub author: String,
    /// The user that the last author was mapped to.
    pub user_id: Option<String>,
    /// The current session.
    pub session: Option<SessionView>,
    /// When its first message was accepted.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When something last happened in it.
    #[schema(format = DateTime)]
    pub last_active_at: String,
    /// Entries of the inbox that have not ended: the message that is being answered, those that wait behind it, and
    /// commands, resets and stops on their way. 0: nothing is under way. While the first turn runs, `session` and
    /// `user_id` may still be null.
    pub waiting: u32,
}

/// The current session of a conversation.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SessionView {
    /// 1 for the first, one more after each `/new`.
    pub number: u64,
    /// When it began.
    #[schema(format = DateTime)]
    pub started_at: String,
}

impl From<ConversationInfo> for ConversationView {
    fn from(info: ConversationInfo) -> Self {
        let session =
            info.session.map(|(number, at)| SessionView { number: number.0, started_at: rfc3339(at) });
        Self {
            id: info.id.to_string(),
            channel_id: info.key.channel.to_string(),
            platform_conversation_id: info.key.chat,
            member: info.key.member,
            kind: match info.kind {
                ChatKind::Private => "private",
                ChatKind::Group => "group",
            },
            title: info.title,
            author: info.author,
            user_id: info.user.map(|user| user.to_string()),
            session,
            created_at: rfc3339(info.created_at),
            last_active_at: rfc3339(info.active_at),
            waiting: info.waiting,
        }
    }
}

/// One line of a transcript.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LineView {
    /// The session it belongs to.
    pub session: u64,
    /// The place in the inbox that it belongs to: a question and its answer share it.
    pub seq: u64,
    /// The message that it belongs to: names its timeline. A question and its answer share it.
    pub message_id: String,
    /// `user` or `assistant`.
    pub role: &'static str,
    /// What was said, whole.
    pub text: String,
    /// For a question when it was accepted, for an answer when it ended.
    #[schema(format = DateTime)]
    pub at: String,
    /// `stopped` or `failed`, where the text is what the answer had by then.
    pub mark: Option<&'static str>,
    /// Why it failed.
    pub cause: Option<&'static str>,
}

impl LineView {
    /// A line of this conversation's.
    #[must_use]
    pub fn of(conversation: &ConversationId, line: TranscriptLine) -> Self {
        let (mark, cause) = match line.mark {
            None => (None, None),
            Some(Mark::Stopped) => (Some("stopped"), None),
            Some(Mark::Failed(cause)) => (Some("failed"), Some(cause.as_str())),
        };
        Self {
            session: line.session.0,
            seq: line.seq.0,
            message_id: message_id(conversation, line.seq),
            role: match line.role {
                Role::User => "user",
                Role::Assistant => "assistant",
            },
            text: line.text,
            at: rfc3339(line.at),
            mark,
            cause,
        }
    }
}
