//! The one error of all stores. Its variants are what a caller decides by.

use thiserror::Error;

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// The store cannot be reached or did not answer in time. What was asked may or may not have happened: repeat it
    /// unchanged. The text names the cause without contents.
    #[error("store unavailable: {0}")]
    Unavailable(String),
    /// Somebody else changed the record since it was read. Nothing was done: read again.
    #[error("changed by somebody else since it was read")]
    Conflict,
    /// The lease is no longer the caller's. Nothing was done: drop what is in memory.
    #[error("the partition has a newer owner")]
    Fenced,
    /// A record with this name or key exists already. Nothing was done.
    #[error("{0} exists already")]
    Duplicate(&'static str),
    /// What is stored cannot be understood; the text names table and row. Nothing was done.
    #[error("corrupt record: {0}")]
    Corrupt(String),
}
