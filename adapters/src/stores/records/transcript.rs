//! Records of transcript lines and failures.

use serde::{Deserialize, Serialize};
use switchboard_domain::ids::{MessageId, RetryNumber, Seq, SessionNumber};
use switchboard_domain::outcome::{AgentFailureKind, FailureCause};
use switchboard_domain::snapshot::{Mark, Role, TranscriptLine};
use switchboard_domain::time::Timestamp;
use switchboard_ports::conversations::Failure;
use switchboard_ports::error::StoreError;

use super::tried::TriedRecord;
use super::{Record, Row, mirrored};

/// A transcript line; session and text have columns of their own, to be found by.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::stores) struct LineRecord {
    seq: u64,
    role: RoleRecord,
    at: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mark: Option<MarkRecord>,
}

impl Record for LineRecord {
    const VERSION: u32 = 1;
}

mirrored!(RoleRecord = Role { User, Assistant });

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MarkRecord {
    Stopped,
    Failed(String),
}

impl From<&TranscriptLine> for LineRecord {
    fn from(from: &TranscriptLine) -> Self {
        let mark = from.mark.map(|mark| match mark {
            Mark::Stopped => MarkRecord::Stopped,
            Mark::Failed(cause) => MarkRecord::Failed(cause.as_str().to_owned()),
        });
        Self { seq: from.seq.0, role: from.role.into(), at: from.at.as_millis(), mark }
    }
}

impl LineRecord {
    /// The line of a row.
    pub(in crate::stores) fn open(
        self,
        session: SessionNumber,
        text: String,
        row: &Row<'_>,
    ) -> Result<TranscriptLine, StoreError> {
        let mark = match self.mark {
            None => None,
            Some(MarkRecord::Stopped) => Some(Mark::Stopped),
            Some(MarkRecord::Failed(name)) => Some(Mark::Failed(cause(&name, row)?)),
        };
        Ok(TranscriptLine {
            session,
            seq: Seq(self.seq),
            role: self.role.into(),
            text,
            at: Timestamp::from_millis(self.at),
            mark,
        })
    }
}

/// A failure record.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::stores) struct FailureRecord {
    seq: u64,
    message: String,
    cause: String,
    attempts: u32,
    at: u64,
    /// Since format 2.
    #[serde(default)]
    retry: u64,
    /// Since format 2.
    #[serde(default)]
    tried: TriedRecord,
}

impl Record for FailureRecord {
    const VERSION: u32 = 2;
    const OLDEST: u32 = 1;
}

impl From<&Failure> for FailureRecord {
    fn from(from: &Failure) -> Self {
        Self {
            seq: from.seq.0,
            message: from.message.to_string(),
            cause: from.cause.as_str().to_owned(),
            attempts: from.attempts,
            at: from.at.as_millis(),
            retry: from.retry.0,
            tried: from.tried.into(),
        }
    }
}

impl FailureRecord {
    /// The failure of a row.
    pub(in crate::stores) fn open(self, row: &Row<'_>) -> Result<Failure, StoreError> {
        Ok(Failure {
            seq: Seq(self.seq),
            message: MessageId::new(self.message),
            retry: RetryNumber(self.retry),
            cause: cause(&self.cause, row)?,
            attempts: self.attempts,
            at: Timestamp::from_millis(self.at),
            tried: self.tried.open(row)?,
        })
    }
}

/// Causes are stored by their stable names.
fn cause(name: &str, row: &Row<'_>) -> Result<FailureCause, StoreError> {
    let ours = [
        FailureCause::CrashLoop,
        FailureCause::UserLookup,
        FailureCause::Stale,
        FailureCause::DeliveryRefused,
        FailureCause::DeliveryUnknown,
        FailureCause::CardAbandoned,
    ];
    let agents = AgentFailureKind::ALL.into_iter().map(FailureCause::Agent);
    let found = ours.into_iter().chain(agents).find(|cause| cause.as_str() == name);
    found.ok_or_else(|| row.corrupt("unknown cause of failure"))
}
