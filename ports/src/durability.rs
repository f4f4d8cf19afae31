//! What a store may lose of what it has acknowledged, by its own settings.

use std::fmt;

use async_trait::async_trait;

use crate::error::StoreError;

/// Asks a store how it keeps what it has acknowledged.
#[async_trait]
pub trait DurabilityProbe: Send + Sync {
    /// What may be lost as the store is set up now. Repeatable.
    async fn durability(&self) -> Result<Durability, StoreError>;
}

/// What may be lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Durability {
    /// Nothing: what was acknowledged is on disk.
    Durable,
    /// Something, for these reasons; never empty.
    Lossy(Vec<Loss>),
    /// The store does not tell how it is set up.
    CannotBeTold,
}

/// Why something may be lost. The words are for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// Everything goes with this process.
    InMemory,
    /// Redis writes no log.
    NoAppendOnlyFile,
    /// Redis writes its log to disk once a second.
    SyncedEachSecond,
    /// Redis leaves it to the operating system when its log is on disk.
    SyncedByTheSystem,
    /// Redis drops keys when its memory is full, by this policy.
    Evicting(String),
}

impl Durability {
    /// The name that scripts hold on to.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Durable => "durable",
            Self::Lossy(_) => "lossy",
            Self::CannotBeTold => "cannot_be_told",
        }
    }
}

impl Loss {
    /// The name that scripts hold on to.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::InMemory => "in_memory",
            Self::NoAppendOnlyFile => "no_append_only_file",
            Self::SyncedEachSecond => "synced_each_second",
            Self::SyncedByTheSystem => "synced_by_the_system",
            Self::Evicting(_) => "evicting",
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InMemory => f.write_str("everything is forgotten when the server ends"),
            Self::NoAppendOnlyFile => f.write_str(
                "appendonly is off: what was acknowledged since the last snapshot is lost when Redis dies; set appendonly yes and appendfsync always",
            ),
            Self::SyncedEachSecond => f.write_str(
                "appendfsync is everysec: about the last second of what was acknowledged is lost when the machine of Redis dies; set appendfsync always",
            ),
            Self::SyncedByTheSystem => f.write_str(
                "appendfsync is no: up to half a minute of what was acknowledged is lost when the machine of Redis dies; set appendfsync always",
            ),
            Self::Evicting(policy) => write!(
                f,
                "maxmemory-policy is {policy}: Redis drops stored messages when its memory is full; set maxmemory-policy noeviction"
            ),
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Durable => f.write_str("what was acknowledged is on disk"),
            Self::CannotBeTold => f.write_str(
                "it cannot be told whether the store keeps what it has acknowledged: its settings are hidden",
            ),
            Self::Lossy(losses) => {
                for (number, loss) in losses.iter().enumerate() {
                    let between = if number == 0 { "" } else { "; " };
                    write!(f, "{between}{loss}")?;
                }
                Ok(())
            }
        }
    }
}
