//! The audit list: who was mapped to whom, by which rule, when. It is written by [`UserStore`](crate::users::UserStore), in
//! one step with what it tells of, and read by people; nothing depends on it.

use async_trait::async_trait;
use switchboard_domain::ids::{ChannelId, UserId};
use switchboard_domain::time::Timestamp;

use crate::error::StoreError;
use crate::page::{Page, PageRequest};

/// Lines kept; of more, the oldest go.
pub const AUDIT_LINES_MAX: u32 = 10_000;

/// What was done to links between people and users.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// The lines, the newest first.
    async fn list(&self, page: &PageRequest) -> Result<Page<AuditInfo>, StoreError>;
}

/// A line with its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditInfo {
    /// Its number; later lines have greater ones, and none is used twice.
    pub number: u64,
    /// What it says.
    pub line: AuditLine,
}

/// One act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLine {
    /// When.
    pub at: Timestamp,
    /// What.
    pub act: AuditAct,
    /// The rule that decided (`directory`, `username`, …), or `api`.
    pub rule: String,
    /// Where it is known from: a directory's name, the platform's name, or `api`.
    pub source: String,
    /// The channel whose message it was; `None` for acts of the API's.
    pub channel: Option<ChannelId>,
    /// The platform of the identity; empty where the act is not on one.
    pub platform: String,
    /// The identity; empty where the act is not on one.
    pub im_user_id: String,
    /// The user.
    pub user: UserId,
    /// The username at that moment.
    pub username: String,
}

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditAct {
    /// A user was made, with the identity.
    Created,
    /// The identity was linked to a user there was.
    Linked,
    /// The identity was taken away.
    Unlinked,
    /// A user was disabled.
    Disabled,
    /// A user was enabled again.
    Enabled,
    /// A user was deleted with all links.
    Deleted,
    /// A directory no longer gives the user access.
    ShutOut,
    /// A directory gives the user access again.
    LetIn,
}

impl AuditAct {
    /// Each with its stable name in the API.
    pub const ALL: [(&'static str, Self); 8] = [
        ("created", Self::Created),
        ("linked", Self::Linked),
        ("unlinked", Self::Unlinked),
        ("disabled", Self::Disabled),
        ("enabled", Self::Enabled),
        ("deleted", Self::Deleted),
        ("shut_out", Self::ShutOut),
        ("let_in", Self::LetIn),
    ];
}
