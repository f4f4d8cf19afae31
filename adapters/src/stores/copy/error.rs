//! Why a store was not copied.

use switchboard_ports::error::StoreError;
use thiserror::Error;

use crate::stores::file::OpenError;
use crate::stores::redis::RedisOpenError;

/// Why a store was not copied. Each is one clear line after "failed to copy FROM to TO: ".
#[derive(Debug, Error)]
pub enum CopyError {
    /// The source cannot be opened.
    #[error("the source: {0}")]
    Source(#[source] End),
    /// The target cannot be opened.
    #[error("the target: {0}")]
    Target(#[source] End),
    /// Servers live on the source, or on the target.
    #[error(
        "a server still runs on the {which} ({replicas} in all): stop it first (one that was killed is forgotten within a minute)"
    )]
    Live {
        /// Which of the two.
        which: &'static str,
        /// How many.
        replicas: usize,
    },
    /// There is nothing in the source.
    #[error("there is nothing in the source")]
    NothingToCopy,
    /// The target has data that no copy has put there.
    #[error("the target holds a store already: nothing was changed; choose an empty place")]
    TargetHoldsStore,
    /// The target has been used since it was copied.
    #[error(
        "the target holds a finished copy, and either it or the source has changed since: nothing was changed"
    )]
    TargetInUse,
    /// The target has a part of another copy.
    #[error(
        "the target holds a part of a copy of {0}: nothing was changed; finish that one, or empty the target"
    )]
    TargetOfAnother(String),
    /// The target has a part of a copy that another version began.
    #[error("the target holds a part of a copy that another version began: empty it, and copy again")]
    TargetOfOtherForm,
    /// The source is not what it was.
    #[error("the source has changed since the copy was begun ({0}): empty the target, and copy again")]
    SourceChanged(&'static str),
    /// What is in the target is not what was copied.
    #[error(
        "the target does not hold what was copied ({table}: {found} rows, expected {expected}): empty it, and copy again"
    )]
    Differs {
        /// The table.
        table: &'static str,
        /// Rows there should be.
        expected: u64,
        /// Rows there are.
        found: u64,
    },
    /// A store failed on the way: the same command goes on from there.
    #[error("{0}; the same command goes on from there")]
    Store(#[from] StoreError),
}

/// Why one end cannot be opened.
#[derive(Debug, Error)]
pub enum End {
    /// A file store.
    #[error(transparent)]
    File(#[from] OpenError),
    /// A shared store.
    #[error(transparent)]
    Redis(#[from] RedisOpenError),
}
