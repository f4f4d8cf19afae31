//! The session store: what keeps a signed-in browser's cookie from being forged, and which sessions were ended early.
//!
//! A session itself is not stored: whoever is signed in carries it, sealed with a key that all replicas of a store have.
//! Only what cannot be carried is kept here: that somebody signed out, until the session would have ended by itself.

use async_trait::async_trait;
use switchboard_domain::time::Timestamp;

use crate::error::StoreError;

/// Ended sessions remembered, at most; of more, those that would have ended first are forgotten.
pub const ENDED_MAX: usize = 2_000;

/// Longest name of a session, in bytes.
pub const SESSION_NAME_BYTES_MAX: usize = 128;

/// Sessions of the panel.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Seals what a session consists of: unreadable and unforgeable for whoever has no key of this store. Each call gives
    /// another text, of printable ASCII characters without blanks, quotes, commas, semicolons and backslashes. Pure but for
    /// chance.
    fn seal(&self, clear: &str) -> Result<String, StoreError>;

    /// What was sealed; `None` for whatever this store's key has not sealed as a session. Pure.
    fn open(&self, sealed: &str) -> Option<String>;

    /// Ends a session early. It is remembered until `until`, when the session would have ended by itself. Repeatable.
    async fn end(&self, name: &str, until: Timestamp) -> Result<(), StoreError>;

    /// Whether a session was ended early. After its `until` the answer may be either.
    async fn is_ended(&self, name: &str) -> Result<bool, StoreError>;
}
