//! The record of a message that nobody asked for.

use serde::{Deserialize, Serialize};
use switchboard_domain::ids::{ChannelId, ConversationId, MessageId};
use switchboard_domain::outbound::{Format, Progress};
use switchboard_domain::time::Timestamp;
use switchboard_ports::error::StoreError;
use switchboard_ports::messages::MessageRecord;

use super::conversation::PartStatusRecord;
use super::entry::RefusalRecord;
use super::tried::TrialRecord;
use super::{Record, Row, mirrored};

mirrored!(FormatRecord = Format { Markdown, Text });

impl FormatRecord {
    /// What records without a format mean.
    pub(super) const fn as_ever() -> Self {
        Self::Markdown
    }
}

/// A message as far as it is known; what it says is in the inbox and the outbox alone.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::stores) struct OutboundRecord {
    fingerprint: String,
    parts: Vec<PartStatusRecord>,
    last: Option<TrialRecord>,
    refusal: Option<RefusalRecord>,
    created_at: u64,
    updated_at: u64,
}

impl Record for OutboundRecord {
    const VERSION: u32 = 1;
}

impl From<&MessageRecord> for OutboundRecord {
    fn from(from: &MessageRecord) -> Self {
        let Progress { parts, last, refusal } = &from.progress;
        Self {
            fingerprint: from.fingerprint.clone(),
            parts: parts.iter().map(|status| (*status).into()).collect(),
            last: last.map(TrialRecord::from),
            refusal: refusal.map(RefusalRecord::from),
            created_at: from.created_at.as_millis(),
            updated_at: from.updated_at.as_millis(),
        }
    }
}

impl OutboundRecord {
    /// The message of a row.
    pub(in crate::stores) fn open(
        self,
        id: MessageId,
        (channel, conversation): (ChannelId, ConversationId),
        row: &Row<'_>,
    ) -> Result<MessageRecord, StoreError> {
        Ok(MessageRecord {
            id,
            channel,
            conversation,
            fingerprint: self.fingerprint,
            progress: Progress {
                parts: self.parts.into_iter().map(Into::into).collect(),
                last: self.last.map(|last| last.open(row)).transpose()?,
                refusal: self.refusal.map(Into::into),
            },
            created_at: Timestamp::from_millis(self.created_at),
            updated_at: Timestamp::from_millis(self.updated_at),
        })
    }
}
