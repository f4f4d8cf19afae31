//! Stored texts read, written and read again, for the fuzzers: what one version of a record means must not depend on how
//! often it was written.

use switchboard_domain::ids::{ChannelId, ConversationId, MessageId, Seq, SessionNumber, Version};
use switchboard_domain::secret::Secret;
use switchboard_ports::audit::AuditLine;
use switchboard_ports::error::StoreError;

use super::{
    AgainRecord, AgentRecord, AuditRecord, ChannelRecord, ConversationRecord, EntryRecord, FailureRecord,
    LineRecord, OutboundRecord, Record, Row, TokenRecord, UserRecord,
};
use crate::stores::seal::{Place, SealError, Sealing};

/// Every kind of record, by the name its golden files have.
pub const KINDS: [&str; 11] = [
    "again",
    "agent",
    "audit",
    "channel",
    "conversation",
    "entry",
    "failure",
    "line",
    "outbound",
    "token",
    "user",
];

/// What a text was read as, and what it became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reread {
    /// What it means, in words that are equal where the meaning is.
    pub meaning: String,
    /// The text as it is written today.
    pub written: String,
}

/// Hides nothing and trusts everybody, so that an invented text can have secrets in it.
struct Glass;

impl Sealing for Glass {
    fn seal(&self, _place: Place<'_>, clear: &Secret) -> Result<String, SealError> {
        Ok(clear.expose().to_owned())
    }

    fn open(&self, _place: Place<'_>, sealed: &str) -> Result<Secret, SealError> {
        Ok(Secret::new(sealed))
    }
}

/// Reads a text as one of [`KINDS`] and writes it again.
///
/// # Errors
/// [`StoreError::Corrupt`] where the text is no such record.
pub fn reread(kind: &str, text: &str) -> Result<Reread, StoreError> {
    let row = Row { sealing: &Glass, table: "reread", key: "row" };
    match kind {
        "again" => both(&row, text, |record: AgainRecord| {
            let again = record.open(&row)?;
            Ok((format!("{again:?}"), AgainRecord::seal(&again, &row)?))
        }),
        "agent" => both(&row, text, |record: AgentRecord| {
            let agent = record.open(Version(1), &row)?;
            Ok((format!("{agent:?}"), AgentRecord::seal(&agent, &row)?))
        }),
        "audit" => both(&row, text, |record: AuditRecord| {
            let line = AuditLine::from(record);
            Ok((format!("{line:?}"), AuditRecord::from(&line)))
        }),
        "channel" => both(&row, text, |record: ChannelRecord| {
            let channel = record.open(Version(1), &row)?;
            Ok((format!("{channel:?}"), ChannelRecord::seal(&channel, &row)?))
        }),
        "conversation" => both(&row, text, |record: ConversationRecord| {
            let snapshot = record.open(&row)?;
            Ok((format!("{snapshot:?}"), ConversationRecord::seal(&snapshot, &row)?))
        }),
        "entry" => both(&row, text, |record: EntryRecord| {
            let entry = record.open(Seq(1), &row)?;
            Ok((format!("{entry:?}"), EntryRecord::seal(&entry, &row)?))
        }),
        "failure" => both(&row, text, |record: FailureRecord| {
            let failure = record.open(&row)?;
            Ok((format!("{failure:?}"), FailureRecord::from(&failure)))
        }),
        "line" => both(&row, text, |record: LineRecord| {
            let line = record.open(SessionNumber(1), String::new(), &row)?;
            Ok((format!("{line:?}"), LineRecord::from(&line)))
        }),
        "outbound" => both(&row, text, |record: OutboundRecord| {
            let place = (ChannelId::new(""), ConversationId::new(""));
            let message = record.open(MessageId::new(""), place, &row)?;
            Ok((format!("{message:?}"), OutboundRecord::from(&message)))
        }),
        "token" => both(&row, text, |record: TokenRecord| {
            let token = record.open(String::new(), [0; 32], &row);
            Ok((format!("{token:?}"), TokenRecord::from(&token)))
        }),
        "user" => both(&row, text, |record: UserRecord| {
            let user = record.open(Vec::new(), &row);
            Ok((format!("{user:?}"), UserRecord::from(&user)))
        }),
        _ => Err(row.corrupt("no such kind of record")),
    }
}

fn both<R: Record>(
    row: &Row<'_>,
    text: &str,
    again: impl Fn(R) -> Result<(String, R), StoreError>,
) -> Result<Reread, StoreError> {
    let (meaning, record) = again(row.read(text)?)?;
    Ok(Reread { meaning, written: row.write(&record)? })
}
