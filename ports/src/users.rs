//! The user store: company users and their identities on chat platforms.

use async_trait::async_trait;
use switchboard_domain::ids::{UserId, Version};
use switchboard_domain::time::Timestamp;

use crate::audit::AuditLine;
use crate::error::StoreError;
use crate::page::{Page, PageRequest};

/// Company users.
///
/// What changes them takes lines for the audit list: they are written behind all others in the same atomic step, if it changes
/// anything, and the oldest beyond [`AUDIT_LINES_MAX`](crate::audit::AUDIT_LINES_MAX) go. So there is no link without its line and
/// no line without its link, whatever dies in between.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// Users in id order.
    async fn list(&self, page: &PageRequest) -> Result<Page<User>, StoreError>;

    /// One user.
    async fn find(&self, id: &UserId) -> Result<Option<User>, StoreError>;

    /// The user linked to this platform identity.
    async fn linked(&self, identity: &Identity) -> Result<Option<User>, StoreError>;

    /// Users with this username or, if given, this verified e-mail address (both compared without regard to case), at
    /// most two by e-mail: enough to know that it is not unique.
    async fn matching(&self, username: &str, email: Option<&str>) -> Result<Matches, StoreError>;

    /// Makes a user with its links, in one atomic step. Answers with the user that its identities are linked to
    /// afterwards: an existing link of one of them wins (the first one's, if there are several), so that two first
    /// messages at once make one user. Else `Duplicate("id")` or `Duplicate("username")` when one of them is taken.
    /// Repeatable with an identity; without one, repeating it after a time-out gives `Duplicate("id")` when it had
    /// worked.
    async fn create(&self, user: &User, lines: &[AuditLine]) -> Result<User, StoreError>;

    /// Replaces what is said of a user whose stored version is `expected` by this with a version one greater, which is
    /// returned; links stay as they are. `Conflict` when the version is another or the user is gone;
    /// `Duplicate("username")` when the name is another user's.
    async fn update(
        &self,
        user: &User,
        expected: Version,
        lines: &[AuditLine],
    ) -> Result<Version, StoreError>;

    /// Deletes a user and all its links in one atomic step; `false` when there was none. Repeatable.
    async fn delete(&self, id: &UserId, lines: &[AuditLine]) -> Result<bool, StoreError>;

    /// Links an identity to a user there is. Answers with the user that the identity is linked to afterwards: an existing
    /// link always wins. `None` when there is no such user, and nothing is linked then. Repeatable.
    async fn link(
        &self,
        id: &UserId,
        identity: &Identity,
        lines: &[AuditLine],
    ) -> Result<Option<User>, StoreError>;

    /// Takes an identity away from a user; `false` when it was not linked to that one. Repeatable.
    async fn unlink(&self, id: &UserId, identity: &Identity, lines: &[AuditLine])
    -> Result<bool, StoreError>;
}

/// Which users match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matches {
    /// By username.
    pub username: Option<User>,
    /// By verified e-mail address.
    pub email: Vec<User>,
}

/// Identities of one user at most; linking one more is refused by the application.
pub const IDENTITIES_MAX: usize = 100;

/// A company user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// Unique without regard to case.
    pub username: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Whether the address is known to be the user's; an unverified one is never mailed and never matched.
    pub email_verified: bool,
    /// Name to show.
    pub display_name: String,
    /// Where the user comes from: a platform's name, `api`, …
    pub auth_source: String,
    /// Disabled users are refused with one sentence.
    pub disabled: bool,
    /// The department, where a directory tells one.
    pub department: Option<String>,
    /// The directory that vouches for the user, by its name in the channel's settings: when it no longer knows the user,
    /// access ends.
    pub directory: Option<String>,
    /// The directory that shut the user out, by its name: nobody has let it in since.
    pub shut_out_by: Option<String>,
    /// Links to platforms, in order; `update` leaves them as they are.
    pub identities: Vec<Identity>,
    /// Counts changes of what stands here, links excepted, from 1.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Somebody's identity on a platform.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The platform's name: `dingtalk`.
    pub platform: String,
    /// The platform's id of the person.
    pub im_user_id: String,
}
