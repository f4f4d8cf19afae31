//! Records of users and API tokens.

use serde::{Deserialize, Serialize};
use switchboard_domain::ids::{UserId, Version};
use switchboard_domain::time::Timestamp;
use switchboard_ports::tokens::{Role, Token};
use switchboard_ports::users::{Identity, User};

use super::{Record, Row, mirrored};

/// A user; the id is the row's key, identities have a table of their own.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::stores) struct UserRecord {
    username: String,
    email: Option<String>,
    email_verified: bool,
    display_name: String,
    auth_source: String,
    disabled: bool,
    created_at: u64,
    // Format 2 added what follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    department: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    directory: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shut_out_by: Option<String>,
    #[serde(default = "first")]
    version: u64,
    #[serde(default)]
    updated_at: Option<u64>,
}

/// What nobody had changed had no number.
const fn first() -> u64 {
    1
}

impl Record for UserRecord {
    const VERSION: u32 = 2;
    const OLDEST: u32 = 1;
    // Readers of format 1 make users and link them; they write none anew, and so lose nothing of what they pass over.
    const SINCE: u32 = 1;
}

impl From<&User> for UserRecord {
    fn from(from: &User) -> Self {
        Self {
            username: from.username.clone(),
            email: from.email.clone(),
            email_verified: from.email_verified,
            display_name: from.display_name.clone(),
            auth_source: from.auth_source.clone(),
            disabled: from.disabled,
            created_at: from.created_at.as_millis(),
            department: from.department.clone(),
            directory: from.directory.clone(),
            shut_out_by: from.shut_out_by.clone(),
            version: from.version.0,
            updated_at: Some(from.updated_at.as_millis()),
        }
    }
}

impl UserRecord {
    /// The user of a row.
    pub(in crate::stores) fn open(self, identities: Vec<Identity>, row: &Row<'_>) -> User {
        User {
            id: UserId::new(row.key),
            username: self.username,
            email: self.email,
            email_verified: self.email_verified,
            display_name: self.display_name,
            auth_source: self.auth_source,
            disabled: self.disabled,
            department: self.department,
            directory: self.directory,
            shut_out_by: self.shut_out_by,
            identities,
            version: Version(self.version),
            created_at: Timestamp::from_millis(self.created_at),
            updated_at: Timestamp::from_millis(self.updated_at.unwrap_or(self.created_at)),
        }
    }
}

/// An API token; its id is the row's key, name and hash are columns.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::stores) struct TokenRecord {
    role: TokenRoleRecord,
    created_at: u64,
}

impl Record for TokenRecord {
    const VERSION: u32 = 1;
}

mirrored!(TokenRoleRecord = Role { Viewer, Operator, Admin });

impl From<&Token> for TokenRecord {
    fn from(from: &Token) -> Self {
        Self { role: from.role.into(), created_at: from.created_at.as_millis() }
    }
}

impl TokenRecord {
    /// The token of a row.
    pub(in crate::stores) fn open(self, name: String, hash: [u8; 32], row: &Row<'_>) -> Token {
        Token {
            id: row.key.to_owned(),
            name,
            role: self.role.into(),
            hash,
            created_at: Timestamp::from_millis(self.created_at),
        }
    }
}
