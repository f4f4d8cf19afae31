//! Plain data that stores keep of a conversation: its session and its open replies.
//!
//! The machines make these with `snapshot()` and come back from them with `restore()`. Stores convert them to
//! record types of their own; nothing here is a wire format.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::choice::Choices;
use crate::ids::{Epoch, MessageId, RetryNumber, Seq, SessionNumber};
use crate::message::Target;
use crate::outbound::Format;
use crate::outcome::FailureCause;
use crate::reply::Tried;
use crate::settings::TurnLimits;
use crate::time::Timestamp;

/// A conversation's record: its session and the replies that have to be brought to their end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationSnapshot {
    /// The session.
    pub session: SessionSnapshot,
    /// Committed replies that are not done: the outbox. A conversation is open while there is one.
    pub replies: Vec<ReplySnapshot>,
    /// Entries that wait and may have a card that says so; at most [`crate::conversation::NOTES_MAX`].
    pub noted: Vec<Seq>,
}

/// What is kept of a session. Running turns are not: they are in the inbox until they end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSnapshot {
    /// Which session of the conversation.
    pub number: SessionNumber,
    /// The last epoch given out before the commit.
    pub epoch: Epoch,
    /// When the session began.
    pub started_at: Timestamp,
    /// When its last message was taken in.
    pub last_activity_at: Timestamp,
    /// Turns ended in this session.
    pub turns: u32,
    /// What was chosen in the chat, instead of what the channel says.
    pub choices: Choices,
    /// Where the agent can go on from (`previous_response_id`).
    pub continuation: Option<String>,
    /// How often the turn at the head of the inbox was begun and not ended.
    pub attempts: Option<Attempts>,
    /// The run of the turn at the head of the inbox, where its result can be asked for later.
    pub run: Option<Box<KeptRun>>,
}

/// A run that goes on upstream whatever becomes of us, and whose result can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRun {
    /// The turn's inbox entry.
    pub seq: Seq,
    /// The last entry whose words went with it; the entry itself where none did.
    pub through: Seq,
    /// What the agent calls the run; 1 to 512 bytes.
    pub handle: String,
    /// Where the next turn goes on from if this run is stopped; `None` where that is left as it was.
    pub continuation: Option<String>,
    /// The limits that its turn began with, which hold for it in the next process too; `None` where they were not stored.
    pub limits: Option<TurnLimits>,
}

/// Count of crash attempts of one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    /// The turn's inbox entry.
    pub seq: Seq,
    /// How often it was resumed after a crash.
    pub count: u32,
    /// Whether the process stopped in good order since: the next resume is not counted.
    pub graceful: bool,
}

/// Names one reply within its conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyId {
    /// The inbox entry it answers.
    pub seq: Seq,
    /// An agent's answer or a notice of ours.
    pub role: ReplyRole,
}

/// What a reply is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReplyRole {
    /// The agent's answer, in a card where cards are on.
    Answer,
    /// One sentence of ours, always plain text.
    Notice,
    /// Says that a message waits: on the card that becomes its answer's, or as one plain message.
    Note,
    /// A message that nobody asked for, always plain messages.
    Message,
}

/// What is kept of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplySnapshot {
    /// Which reply.
    pub id: ReplyId,
    /// The message it answers; with the channel it makes the card's id (R8).
    pub message: MessageId,
    /// Which retry of the message it answers; part of the card's id (R8).
    pub retry: RetryNumber,
    /// Where it goes.
    pub target: Target,
    /// Crash attempts of its turn so far; part of each call's idempotency key, never of the card's id.
    pub attempt: u32,
    /// When its end was committed; deadlines count from here.
    pub ended_at: Timestamp,
    /// How its text is meant.
    pub format: Format,
    /// The ways that were tried so far.
    pub tried: Tried,
    /// How far it is.
    pub state: ReplyStateSnapshot,
}

/// The durable states of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyStateSnapshot {
    /// A card has to be brought to this exact text (R9).
    Finishing {
        /// The card's final text.
        text: String,
        /// What did not fit into the card and follows as plain parts.
        rest: Vec<String>,
        /// Whether the card shows a failure.
        failed: bool,
        /// Whether a finishing call's fate is unknown: the text may be on the card already.
        uncertain: bool,
    },
    /// Plain parts have to be sent, in order (R10).
    Plain {
        /// The parts.
        parts: Vec<Part>,
        /// The card left behind by a fallback, to be reduced to one line (R11).
        pointer: Option<Pointer>,
    },
}

/// The card that a fallback to text left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    /// The one line it is reduced to.
    pub text: String,
    /// How many of the leading parts the card may already show, because a finishing call is of unknown fate. While there
    /// is one, all parts wait for the pointer.
    pub covers: u32,
}

/// One plain message of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its text.
    pub text: String,
    /// How far it is.
    pub status: PartStatus,
}

/// How far a plain part is (R10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PartStatus {
    /// Not tried, or proven not sent: safe to send.
    Pending,
    /// A call may be under way. Found at recovery, it is of unknown fate.
    Attempting,
    /// The platform took it.
    Sent,
    /// The platform refused every way.
    Refused,
    /// It may have been sent; never repeated.
    Unknown,
}

/// One line of a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranscriptLine {
    /// The session it belongs to.
    pub session: SessionNumber,
    /// The inbox entry it belongs to.
    pub seq: Seq,
    /// Who speaks.
    pub role: Role,
    /// What was said, whole.
    pub text: String,
    /// When: for a question the time it was accepted, for an answer the time it ended.
    pub at: Timestamp,
    /// What is special about it.
    pub mark: Option<Mark>,
}

/// Who speaks in a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The person.
    User,
    /// The agent.
    Assistant,
}

/// What is special about a transcript line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// The answer was stopped; the text is what it had by then.
    Stopped,
    /// The answer failed; the text is what it had by then.
    Failed(FailureCause),
}
