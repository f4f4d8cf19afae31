//! The user store: company users and their identities on chat platforms.

use async_trait::async_trait;
use switchboard_domain::ids::UserId;
use switchboard_domain::time::Timestamp;

use crate::error::StoreError;
use crate::page::{Page, PageRequest};

/// Company users.
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

    /// Links an identity to a user, making the user if it does not exist, in one atomic step. Answers with the user that
    /// the identity is linked to afterwards: an existing link always wins, so that two first messages at once make one
    /// user. `Duplicate("username")` when `user` is new and the name is taken. Repeatable.
    async fn link(&self, user: &User, identity: &Identity) -> Result<User, StoreError>;
}

/// Which users match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matches {
    /// By username.
    pub username: Option<User>,
    /// By verified e-mail address.
    pub email: Vec<User>,
}

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
    /// Links to platforms; filled by reads, ignored by `link`.
    pub identities: Vec<Identity>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Somebody's identity on a platform.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The platform's name: `dingtalk`.
    pub platform: String,
    /// The platform's id of the person.
    pub im_user_id: String,
}
