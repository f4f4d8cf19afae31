//! What is written: record types of our own, each with a format version, and their conversions.
//!
//! A record is JSON in an envelope `{"v":1,"r":{…}}`. Changing a record means: a new version number, the old type kept for
//! reading (or, where fields were only added, defaults for them), and a new folder of golden files; the old folders stay
//! and are read back by a test for ever.
//!
//! Replicas of two versions work on one store while it is upgraded. A format that only adds fields says so with `since`, the
//! oldest format whose readers understand it: `{"v":5,"since":4,"r":{…}}`. They pass over the fields that they do not know, and
//! lose them where they write the record anew. Whatever else is newer is refused, and what cannot be read is not written over,
//! because nobody knows its version.

mod access;
mod agent;
mod asked;
mod audit;
mod channel;
mod choices;
mod conversation;

mod entry;
mod identity;
mod lookup;
mod message;
mod outbound;
#[cfg(feature = "fuzzing")]
pub mod reread;
mod switching;
mod transcript;
mod tried;
mod user;

#[cfg(test)]
mod golden;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use switchboard_domain::secret::Secret;
use switchboard_ports::error::StoreError;

use super::seal::{Place, SealError, Sealing};

pub(super) use agent::AgentRecord;
pub(super) use audit::AuditRecord;
pub(super) use channel::ChannelRecord;
pub(super) use conversation::ConversationRecord;
pub(super) use entry::{AgainRecord, EntryRecord};
pub(super) use outbound::OutboundRecord;
pub(super) use transcript::{FailureRecord, LineRecord};
pub(super) use user::{TokenRecord, UserRecord};

/// Something stored as JSON.
pub(super) trait Record: Serialize + DeserializeOwned {
    /// The format that is written.
    const VERSION: u32;
    /// The oldest format that this type reads: what newer ones added has a default.
    const OLDEST: u32 = Self::VERSION;
    /// The oldest format whose readers understand what is written: what newer ones added they may pass over and lose.
    const SINCE: u32 = Self::VERSION;

    /// The same of this one: it may use nothing of what newer formats added.
    fn since(&self) -> u32 {
        Self::SINCE
    }
}

/// The row that a record is or will be: names it in errors, and seals what is secret in it.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    /// Seals and opens.
    pub(super) sealing: &'a dyn Sealing,
    /// The table.
    pub(super) table: &'static str,
    /// The row's key.
    pub(super) key: &'a str,
}

impl Row<'_> {
    fn place<'b>(&'b self, field: &'b str) -> Place<'b> {
        Place { table: self.table, row: self.key, field }
    }

    fn seal(&self, field: &str, clear: &Secret) -> Result<String, StoreError> {
        let sealed = self.sealing.seal(self.place(field), clear);
        sealed.map_err(|error| StoreError::Unavailable(format!("a secret {error}")))
    }

    fn open(&self, field: &str, sealed: &str) -> Result<Secret, StoreError> {
        let opened = self.sealing.open(self.place(field), sealed);
        opened.map_err(|error: SealError| self.corrupt(&format!("{field}: {error}")))
    }

    /// The error that names this row.
    pub(super) fn corrupt(&self, what: &str) -> StoreError {
        StoreError::Corrupt(format!("table {}, row {}: {what}", self.table, self.key))
    }

    /// Writes a record.
    pub(super) fn write<R: Record>(&self, record: &R) -> Result<String, StoreError> {
        let since = Some(record.since()).filter(|since| *since < R::VERSION);
        let envelope = Envelope { v: R::VERSION, since, r: record };
        serde_json::to_string(&envelope).map_err(|_| self.corrupt("cannot be written as JSON"))
    }

    /// Reads a record. Parsers' own words are left out: they quote contents.
    pub(super) fn read<R: Record>(&self, text: &str) -> Result<R, StoreError> {
        let envelope: Envelope<IgnoredAny> =
            serde_json::from_str(text).map_err(|_| self.corrupt("not a record"))?;
        let is_understood = envelope.since.unwrap_or(envelope.v) <= R::VERSION;
        if envelope.v > R::VERSION && !is_understood {
            let (found, known) = (envelope.v, R::VERSION);
            let what = format!("format {found} of a newer version, this one knows up to {known}");
            return Err(self.corrupt(&what));
        }
        if envelope.v < R::OLDEST {
            return Err(self.corrupt(&format!("format {}, expected {}", envelope.v, R::VERSION)));
        }
        let envelope: Envelope<R> = serde_json::from_str(text).map_err(|error| {
            self.corrupt(&format!("not a record of format {}, column {}", R::VERSION, error.column()))
        })?;
        Ok(envelope.r)
    }
}

#[derive(Serialize, Deserialize)]
struct Envelope<R> {
    v: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<u32>,
    r: R,
}

/// An enum without data as its record: the same variants, written in snake case.
macro_rules! mirrored {
    ($record:ident = $domain:ident { $($variant:ident),+ $(,)? }) => {
        #[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub(super) enum $record {
            $($variant),+
        }

        impl From<$domain> for $record {
            fn from(from: $domain) -> Self {
                match from {
                    $($domain::$variant => Self::$variant),+
                }
            }
        }

        impl From<$record> for $domain {
            fn from(from: $record) -> Self {
                match from {
                    $($record::$variant => Self::$variant),+
                }
            }
        }
    };
}
use mirrored;

/// Milliseconds of a time span, at most what a record can hold.
fn millis(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
