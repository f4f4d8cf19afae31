//! The record of an inbox entry.

use serde::{Deserialize, Serialize};
use switchboard_domain::choice::Lookup;
use switchboard_domain::ids::{FencingToken, MessageId, RetryNumber, Seq};
use switchboard_domain::inbox::{Again, Control, Entry, Intake, Origin};
use switchboard_domain::outcome::Refusal;
use switchboard_domain::time::Timestamp;
use switchboard_ports::error::StoreError;

use super::lookup::LookupRecord;
use super::message::{AddressRecord, AttachmentRecord, ChatRecord, SenderRecord};
use super::outbound::FormatRecord;
use super::{Record, Row, mirrored};

const ADDRESS: &str = "session_address";

/// An inbox entry; its sequence is the row's key.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::stores) struct EntryRecord {
    accepted_at: u64,
    fence: u64,
    message: String,
    /// Since format 4.
    #[serde(default)]
    retry: u64,
    chat: ChatRecord,
    sender: SenderRecord,
    sent_at: u64,
    session_address: Option<AddressRecord>,
    intake: IntakeRecord,
}

impl Record for EntryRecord {
    const VERSION: u32 = 5;
    const OLDEST: u32 = 1;

    /// Older readers know no looks.
    fn since(&self) -> u32 {
        if matches!(self.intake, IntakeRecord::Lookup(_)) { 5 } else { 4 }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum IntakeRecord {
    Ask {
        text: String,
        /// Since format 2.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        attachments: Vec<AttachmentRecord>,
        /// Since format 3.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        quotes: Option<String>,
    },
    /// Since format 4.
    Deliver {
        text: String,
    },
    /// Since format 4.
    Send {
        text: String,
        format: FormatRecord,
    },
    Control {
        control: ControlRecord,
        origin: OriginRecord,
    },
    /// Since format 5.
    Lookup(LookupRecord),
    Refused(RefusalRecord),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ControlRecord {
    New,
    Stop {
        all: bool,
    },
    StopAnswer {
        seq: u64,
    },
    /// Up to format 4; a look since.
    Status,
    Help,
    Withdraw,
}

mirrored!(OriginRecord = Origin { Chat, Api });

mirrored!(
    RefusalRecord = Refusal {
        TooManyMessages,
        InboxFull,
        Busy,
        AccessDenied,
        UserDisabled,
        NotMapped,
        NotLookedUp,
        Unsupported,
        NoAgent,
        ChannelDeleted,
        NotFetched,
        FilesTooLarge,
        FilesDenied,
    }
);

impl EntryRecord {
    /// Seals an entry for its row.
    pub(in crate::stores) fn seal(from: &Entry, row: &Row<'_>) -> Result<Self, StoreError> {
        let address = from.session_address.as_ref();
        Ok(Self {
            accepted_at: from.accepted_at.as_millis(),
            fence: from.fence.0,
            message: from.message.to_string(),
            retry: from.retry.0,
            chat: (&from.chat).into(),
            sender: (&from.sender).into(),
            sent_at: from.sent_at.as_millis(),
            session_address: address.map(|address| AddressRecord::seal(address, row, ADDRESS)).transpose()?,
            intake: IntakeRecord::seal(&from.intake, row)?,
        })
    }

    /// Opens the entry of a row.
    pub(in crate::stores) fn open(self, seq: Seq, row: &Row<'_>) -> Result<Entry, StoreError> {
        let address = self.session_address;
        Ok(Entry {
            seq,
            accepted_at: Timestamp::from_millis(self.accepted_at),
            fence: FencingToken(self.fence),
            message: MessageId::new(self.message),
            retry: RetryNumber(self.retry),
            chat: self.chat.into(),
            sender: self.sender.into(),
            sent_at: Timestamp::from_millis(self.sent_at),
            session_address: address.map(|address| address.open(row, ADDRESS)).transpose()?,
            intake: self.intake.open(row)?,
        })
    }
}

/// What a retry puts into the inbox.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::stores) struct AgainRecord {
    chat: ChatRecord,
    sender: SenderRecord,
    sent_at: u64,
    session_address: Option<AddressRecord>,
    intake: IntakeRecord,
}

impl Record for AgainRecord {
    const VERSION: u32 = 1;
}

impl AgainRecord {
    /// Seals it for the row of its failure.
    pub(in crate::stores) fn seal(from: &Again, row: &Row<'_>) -> Result<Self, StoreError> {
        let address = from.session_address.as_ref();
        Ok(Self {
            chat: (&from.chat).into(),
            sender: (&from.sender).into(),
            sent_at: from.sent_at.as_millis(),
            session_address: address.map(|address| AddressRecord::seal(address, row, ADDRESS)).transpose()?,
            intake: IntakeRecord::seal(&from.intake, row)?,
        })
    }

    /// Opens that of a row.
    pub(in crate::stores) fn open(self, row: &Row<'_>) -> Result<Again, StoreError> {
        let address = self.session_address;
        Ok(Again {
            chat: self.chat.into(),
            sender: self.sender.into(),
            sent_at: Timestamp::from_millis(self.sent_at),
            session_address: address.map(|address| address.open(row, ADDRESS)).transpose()?,
            intake: self.intake.open(row)?,
        })
    }
}

impl IntakeRecord {
    fn seal(from: &Intake, row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(match from {
            Intake::Ask { text, attachments, quotes } => {
                let sealed = |(index, attachment)| AttachmentRecord::seal(attachment, row, &source(index));
                let attachments = attachments.iter().enumerate().map(sealed).collect::<Result<_, _>>()?;
                Self::Ask { text: text.clone(), attachments, quotes: quotes.clone() }
            }
            Intake::Deliver { text } => Self::Deliver { text: text.clone() },
            Intake::Send { text, format } => Self::Send { text: text.clone(), format: (*format).into() },
            Intake::Control { control, origin } => {
                Self::Control { control: (*control).into(), origin: (*origin).into() }
            }
            Intake::Lookup(lookup) => Self::Lookup(lookup.into()),
            Intake::Refused(refusal) => Self::Refused((*refusal).into()),
        })
    }

    fn open(self, row: &Row<'_>) -> Result<Intake, StoreError> {
        Ok(match self {
            Self::Ask { text, attachments, quotes } => {
                let opened = |(index, record): (usize, AttachmentRecord)| record.open(row, &source(index));
                let attachments = attachments.into_iter().enumerate().map(opened);
                let attachments = attachments.collect::<Result<_, _>>()?;
                Intake::Ask { text, attachments, quotes }
            }
            Self::Deliver { text } => Intake::Deliver { text },
            Self::Send { text, format } => Intake::Send { text, format: format.into() },
            Self::Control { control, origin } => match control.open() {
                Some(control) => Intake::Control { control, origin: origin.into() },
                None => Intake::Lookup(Lookup::Status),
            },
            Self::Lookup(lookup) => Intake::Lookup(lookup.into()),
            Self::Refused(refusal) => Intake::Refused(refusal.into()),
        })
    }
}

/// The field of a file's source, for its seal.
fn source(index: usize) -> String {
    format!("attachments/{index}/source")
}

impl From<Control> for ControlRecord {
    fn from(from: Control) -> Self {
        match from {
            Control::New => Self::New,
            Control::Stop { all } => Self::Stop { all },
            Control::StopAnswer { seq } => Self::StopAnswer { seq: seq.0 },
            Control::Help => Self::Help,
            Control::Withdraw => Self::Withdraw,
        }
    }
}

impl ControlRecord {
    /// The act; `None` for what is a look since.
    const fn open(self) -> Option<Control> {
        Some(match self {
            Self::New => Control::New,
            Self::Stop { all } => Control::Stop { all },
            Self::StopAnswer { seq } => Control::StopAnswer { seq: Seq(seq) },
            Self::Status => return None,
            Self::Help => Control::Help,
            Self::Withdraw => Control::Withdraw,
        })
    }
}
