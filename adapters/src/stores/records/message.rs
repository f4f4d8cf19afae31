//! Records of chats, authors, addresses and files; parts of others.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use switchboard_domain::content::{Attachment, AttachmentKind};
use switchboard_domain::message::{Chat, ChatKind, Sender, SessionAddress, Target};
use switchboard_domain::time::Timestamp;
use switchboard_ports::error::StoreError;

use super::{Row, millis, mirrored};

mirrored!(ChatKindRecord = ChatKind { Private, Group });

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ChatRecord {
    id: String,
    kind: ChatKindRecord,
    title: Option<String>,
}

impl From<&Chat> for ChatRecord {
    fn from(from: &Chat) -> Self {
        Self { id: from.id.clone(), kind: from.kind.into(), title: from.title.clone() }
    }
}

impl From<ChatRecord> for Chat {
    fn from(from: ChatRecord) -> Self {
        Self { id: from.id, kind: from.kind.into(), title: from.title }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SenderRecord {
    im_user_id: Option<String>,
    opaque_id: String,
    name: String,
}

impl From<&Sender> for SenderRecord {
    fn from(from: &Sender) -> Self {
        Self {
            im_user_id: from.im_user_id.clone(),
            opaque_id: from.opaque_id.clone(),
            name: from.name.clone(),
        }
    }
}

impl From<SenderRecord> for Sender {
    fn from(from: SenderRecord) -> Self {
        Self { im_user_id: from.im_user_id, opaque_id: from.opaque_id, name: from.name }
    }
}

/// The address itself is sealed: it is a credential (R13).
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AddressRecord {
    url_sealed: String,
    until: u64,
}

impl AddressRecord {
    pub(super) fn seal(from: &SessionAddress, row: &Row<'_>, field: &str) -> Result<Self, StoreError> {
        Ok(Self { url_sealed: row.seal(field, &from.url)?, until: from.until.as_millis() })
    }

    pub(super) fn open(self, row: &Row<'_>, field: &str) -> Result<SessionAddress, StoreError> {
        Ok(SessionAddress {
            url: row.open(field, &self.url_sealed)?,
            until: Timestamp::from_millis(self.until),
        })
    }
}

mirrored!(AttachmentKindRecord = AttachmentKind { Picture, Audio, Video, File });

/// What it is fetched by is sealed, like the address: whoever has it can have the file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AttachmentRecord {
    kind: AttachmentKindRecord,
    name: String,
    duration_ms: Option<u64>,
    source_sealed: String,
}

impl AttachmentRecord {
    pub(super) fn seal(from: &Attachment, row: &Row<'_>, field: &str) -> Result<Self, StoreError> {
        Ok(Self {
            kind: from.kind.into(),
            name: from.name.clone(),
            duration_ms: from.duration.map(millis),
            source_sealed: row.seal(field, &from.source)?,
        })
    }

    pub(super) fn open(self, row: &Row<'_>, field: &str) -> Result<Attachment, StoreError> {
        Ok(Attachment {
            kind: self.kind.into(),
            name: self.name,
            duration: self.duration_ms.map(Duration::from_millis),
            source: row.open(field, &self.source_sealed)?,
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TargetRecord {
    chat: ChatRecord,
    im_user_id: Option<String>,
    session_address: Option<AddressRecord>,
}

impl TargetRecord {
    pub(super) fn seal(from: &Target, row: &Row<'_>, field: &str) -> Result<Self, StoreError> {
        let address = from.session_address.as_ref();
        let session_address = address.map(|address| AddressRecord::seal(address, row, field)).transpose()?;
        Ok(Self { chat: (&from.chat).into(), im_user_id: from.im_user_id.clone(), session_address })
    }

    pub(super) fn open(self, row: &Row<'_>, field: &str) -> Result<Target, StoreError> {
        let address = self.session_address;
        Ok(Target {
            chat: self.chat.into(),
            im_user_id: self.im_user_id,
            session_address: address.map(|address| address.open(row, field)).transpose()?,
        })
    }
}
