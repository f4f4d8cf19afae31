//! The record of a conversation's state: its session and the replies to bring out.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use switchboard_domain::ids::{Epoch, MessageId, RetryNumber, Seq, SessionNumber};
use switchboard_domain::settings::TurnLimits;
use switchboard_domain::snapshot::{
    Attempts, ConversationSnapshot, KeptRun, Part, PartStatus, Pointer, ReplyId, ReplyRole, ReplySnapshot,
    ReplyStateSnapshot, SessionSnapshot,
};
use switchboard_domain::time::Timestamp;
use switchboard_ports::error::StoreError;

use super::channel::LocaleRecord;
use super::choices::ChoicesRecord;
use super::message::TargetRecord;
use super::outbound::FormatRecord;
use super::tried::TriedRecord;
use super::{Record, Row, millis, mirrored};

/// A conversation's state.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::stores) struct ConversationRecord {
    session: SessionRecord,
    replies: Vec<ReplyRecord>,
    /// Since format 5.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    noted: Vec<u64>,
}

impl Record for ConversationRecord {
    const VERSION: u32 = 5;
    const OLDEST: u32 = 1;

    /// Older readers take a model for one of the channel's own agent, leave cards open that say that a message waits, and know no
    /// plain message that says it.
    fn since(&self) -> u32 {
        let has_note = self.replies.iter().any(|reply| matches!(reply.role, ReplyRoleRecord::Note));
        if self.session.model.is_some() || !self.noted.is_empty() || has_note { 5 } else { 4 }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct SessionRecord {
    number: u64,
    epoch: u64,
    started_at: u64,
    last_activity_at: u64,
    turns: u32,
    agent: Option<String>,
    model: Option<String>,
    continuation: Option<String>,
    attempts: Option<AttemptsRecord>,
    /// Since format 2.
    #[serde(default)]
    run: Option<KeptRunRecord>,
    /// Whose model it is. Since format 5; before, the chosen agent's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model_agent: Option<String>,
    /// Since format 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    locale: Option<LocaleRecord>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptRunRecord {
    seq: u64,
    /// Since format 5; absent where no other message went with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    through: Option<u64>,
    handle: String,
    /// Since format 3.
    #[serde(default)]
    continuation: Option<String>,
    /// Since format 3.
    #[serde(default)]
    limits: Option<LimitsRecord>,
}

#[derive(Debug, Serialize, Deserialize)]
struct LimitsRecord {
    first_output_timeout_ms: u64,
    idle_timeout_ms: u64,
    turn_timeout_ms: u64,
    output_chars_max: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct AttemptsRecord {
    seq: u64,
    count: u32,
    graceful: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct ReplyRecord {
    seq: u64,
    role: ReplyRoleRecord,
    message: String,
    /// Since format 4.
    #[serde(default)]
    retry: u64,
    target: TargetRecord,
    attempt: u32,
    ended_at: u64,
    /// Since format 4.
    #[serde(default = "FormatRecord::as_ever")]
    format: FormatRecord,
    /// Since format 4.
    #[serde(default)]
    tried: TriedRecord,
    state: ReplyStateRecord,
}

mirrored!(ReplyRoleRecord = ReplyRole { Answer, Notice, Note, Message });

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ReplyStateRecord {
    Finishing { text: String, rest: Vec<String>, failed: bool, uncertain: bool },
    Plain { parts: Vec<PartRecord>, pointer: Option<PointerRecord> },
}

#[derive(Debug, Serialize, Deserialize)]
struct PartRecord {
    text: String,
    status: PartStatusRecord,
}

mirrored!(PartStatusRecord = PartStatus { Pending, Attempting, Sent, Refused, Unknown });

#[derive(Debug, Serialize, Deserialize)]
struct PointerRecord {
    text: String,
    covers: u32,
}

impl ConversationRecord {
    /// Seals a state for its row.
    pub(in crate::stores) fn seal(from: &ConversationSnapshot, row: &Row<'_>) -> Result<Self, StoreError> {
        let replies = from.replies.iter().map(|reply| ReplyRecord::seal(reply, row));
        Ok(Self {
            session: (&from.session).into(),
            replies: replies.collect::<Result<_, _>>()?,
            noted: from.noted.iter().map(|seq| seq.0).collect(),
        })
    }

    /// Opens the state of a row.
    pub(in crate::stores) fn open(self, row: &Row<'_>) -> Result<ConversationSnapshot, StoreError> {
        let replies = self.replies.into_iter().map(|reply| reply.open(row));
        Ok(ConversationSnapshot {
            session: self.session.into(),
            replies: replies.collect::<Result<_, _>>()?,
            noted: self.noted.into_iter().map(Seq).collect(),
        })
    }
}

impl From<&SessionSnapshot> for SessionRecord {
    fn from(from: &SessionSnapshot) -> Self {
        let choices = ChoicesRecord::from(&from.choices);
        Self {
            number: from.number.0,
            epoch: from.epoch.0,
            started_at: from.started_at.as_millis(),
            last_activity_at: from.last_activity_at.as_millis(),
            turns: from.turns,
            agent: choices.agent,
            model: choices.model,
            continuation: from.continuation.clone(),
            attempts: from.attempts.map(|attempts| AttemptsRecord {
                seq: attempts.seq.0,
                count: attempts.count,
                graceful: attempts.graceful,
            }),
            run: from.run.as_deref().map(KeptRunRecord::from),
            model_agent: choices.model_agent,
            locale: choices.locale,
        }
    }
}

impl From<SessionRecord> for SessionSnapshot {
    fn from(from: SessionRecord) -> Self {
        let (model_agent, locale) = (from.model_agent.or_else(|| from.agent.clone()), from.locale);
        let choices = ChoicesRecord { agent: from.agent, model: from.model, model_agent, locale };
        Self {
            number: SessionNumber(from.number),
            epoch: Epoch(from.epoch),
            started_at: Timestamp::from_millis(from.started_at),
            last_activity_at: Timestamp::from_millis(from.last_activity_at),
            turns: from.turns,
            choices: choices.into(),
            continuation: from.continuation,
            attempts: from.attempts.map(|attempts| Attempts {
                seq: Seq(attempts.seq),
                count: attempts.count,
                graceful: attempts.graceful,
            }),
            run: from.run.map(|run| Box::new(KeptRun::from(run))),
        }
    }
}

impl From<&KeptRun> for KeptRunRecord {
    fn from(from: &KeptRun) -> Self {
        Self {
            seq: from.seq.0,
            through: (from.through != from.seq).then_some(from.through.0),
            handle: from.handle.clone(),
            continuation: from.continuation.clone(),
            limits: from.limits.map(LimitsRecord::from),
        }
    }
}

impl From<KeptRunRecord> for KeptRun {
    fn from(from: KeptRunRecord) -> Self {
        Self {
            seq: Seq(from.seq),
            through: Seq(from.through.unwrap_or(from.seq)),
            handle: from.handle,
            continuation: from.continuation,
            limits: from.limits.map(TurnLimits::from),
        }
    }
}

impl From<TurnLimits> for LimitsRecord {
    fn from(from: TurnLimits) -> Self {
        Self {
            first_output_timeout_ms: millis(from.first_output_timeout),
            idle_timeout_ms: millis(from.idle_timeout),
            turn_timeout_ms: millis(from.turn_timeout),
            output_chars_max: u64::try_from(from.output_chars_max).unwrap_or(u64::MAX),
        }
    }
}

impl From<LimitsRecord> for TurnLimits {
    fn from(from: LimitsRecord) -> Self {
        Self {
            first_output_timeout: Duration::from_millis(from.first_output_timeout_ms),
            idle_timeout: Duration::from_millis(from.idle_timeout_ms),
            turn_timeout: Duration::from_millis(from.turn_timeout_ms),
            output_chars_max: usize::try_from(from.output_chars_max).unwrap_or(usize::MAX),
        }
    }
}

/// Where a reply's address stands in its row.
fn address_field(seq: u64, role: ReplyRoleRecord) -> String {
    let role = match role {
        ReplyRoleRecord::Answer => "answer",
        ReplyRoleRecord::Notice => "notice",
        ReplyRoleRecord::Note => "note",
        ReplyRoleRecord::Message => "message",
    };
    format!("replies/{seq}/{role}/session_address")
}

impl ReplyRecord {
    fn seal(from: &ReplySnapshot, row: &Row<'_>) -> Result<Self, StoreError> {
        let (seq, role) = (from.id.seq.0, from.id.role.into());
        Ok(Self {
            seq,
            role,
            message: from.message.to_string(),
            retry: from.retry.0,
            target: TargetRecord::seal(&from.target, row, &address_field(seq, role))?,
            attempt: from.attempt,
            ended_at: from.ended_at.as_millis(),
            format: from.format.into(),
            tried: from.tried.into(),
            state: (&from.state).into(),
        })
    }

    fn open(self, row: &Row<'_>) -> Result<ReplySnapshot, StoreError> {
        Ok(ReplySnapshot {
            id: ReplyId { seq: Seq(self.seq), role: self.role.into() },
            message: MessageId::new(self.message),
            retry: RetryNumber(self.retry),
            target: self.target.open(row, &address_field(self.seq, self.role))?,
            attempt: self.attempt,
            ended_at: Timestamp::from_millis(self.ended_at),
            format: self.format.into(),
            tried: self.tried.open(row)?,
            state: self.state.into(),
        })
    }
}

impl From<&ReplyStateSnapshot> for ReplyStateRecord {
    fn from(from: &ReplyStateSnapshot) -> Self {
        match from {
            ReplyStateSnapshot::Finishing { text, rest, failed, uncertain } => Self::Finishing {
                text: text.clone(),
                rest: rest.clone(),
                failed: *failed,
                uncertain: *uncertain,
            },
            ReplyStateSnapshot::Plain { parts, pointer } => Self::Plain {
                parts: parts.iter().map(PartRecord::from).collect(),
                pointer: pointer
                    .as_ref()
                    .map(|pointer| PointerRecord { text: pointer.text.clone(), covers: pointer.covers }),
            },
        }
    }
}

impl From<ReplyStateRecord> for ReplyStateSnapshot {
    fn from(from: ReplyStateRecord) -> Self {
        match from {
            ReplyStateRecord::Finishing { text, rest, failed, uncertain } => {
                Self::Finishing { text, rest, failed, uncertain }
            }
            ReplyStateRecord::Plain { parts, pointer } => Self::Plain {
                parts: parts.into_iter().map(Part::from).collect(),
                pointer: pointer.map(|pointer| Pointer { text: pointer.text, covers: pointer.covers }),
            },
        }
    }
}

impl From<&Part> for PartRecord {
    fn from(from: &Part) -> Self {
        Self { text: from.text.clone(), status: from.status.into() }
    }
}

impl From<PartRecord> for Part {
    fn from(from: PartRecord) -> Self {
        Self { text: from.text, status: from.status.into() }
    }
}
