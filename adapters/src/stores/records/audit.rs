//! The record of a line of the audit list.

use serde::{Deserialize, Serialize};
use switchboard_domain::ids::{ChannelId, UserId};
use switchboard_domain::time::Timestamp;
use switchboard_ports::audit::{AuditAct, AuditLine};

use super::{Record, mirrored};

/// A line; its number is the row's key. Nothing in it is sealed.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::stores) struct AuditRecord {
    at: u64,
    act: AuditActRecord,
    rule: String,
    source: String,
    channel: Option<String>,
    platform: String,
    im_user_id: String,
    user: String,
    username: String,
}

mirrored!(
    AuditActRecord = AuditAct { Created, Linked, Unlinked, Disabled, Enabled, Deleted, ShutOut, LetIn }
);

impl Record for AuditRecord {
    const VERSION: u32 = 1;
}

impl From<&AuditLine> for AuditRecord {
    fn from(from: &AuditLine) -> Self {
        Self {
            at: from.at.as_millis(),
            act: from.act.into(),
            rule: from.rule.clone(),
            source: from.source.clone(),
            channel: from.channel.as_ref().map(ChannelId::to_string),
            platform: from.platform.clone(),
            im_user_id: from.im_user_id.clone(),
            user: from.user.to_string(),
            username: from.username.clone(),
        }
    }
}

impl From<AuditRecord> for AuditLine {
    fn from(from: AuditRecord) -> Self {
        Self {
            at: Timestamp::from_millis(from.at),
            act: from.act.into(),
            rule: from.rule,
            source: from.source,
            channel: from.channel.map(ChannelId::new),
            platform: from.platform,
            im_user_id: from.im_user_id,
            user: UserId::new(from.user),
            username: from.username,
        }
    }
}
