//! The token store: API tokens, by hash only.

use async_trait::async_trait;
use switchboard_domain::time::Timestamp;

use crate::error::StoreError;

/// API tokens at most; creating one more is refused by the application.
pub const TOKENS_MAX: usize = 1_000;

/// API tokens. Works beside a running server.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// All tokens in name order.
    async fn list(&self) -> Result<Vec<Token>, StoreError>;

    /// The token with this hash.
    async fn by_hash(&self, hash: &[u8; 32]) -> Result<Option<Token>, StoreError>;

    /// Adds a token. `Duplicate("name")` when the name is taken.
    async fn insert(&self, token: &Token) -> Result<(), StoreError>;

    /// Deletes a token by its name; `false` when there was none. Repeatable.
    async fn revoke(&self, name: &str) -> Result<bool, StoreError>;
}

/// An API token as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id, `tok_…`.
    pub id: String,
    /// Its name, unique, 1 to 100 characters.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads.
    Viewer,
    /// Reads and operates: enable, restart, reset, stop, retry.
    Operator,
    /// Everything.
    Admin,
}
