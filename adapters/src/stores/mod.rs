//! The stores: the same meaning in memory, in a file and in Redis, proven by one suite (`switchboard_ports::conformance`).
//!
//! | file | what |
//! |---|---|
//! | `memory/` | everything in this process's memory; for servers that may forget |
//! | `file/` | SQLite in a directory of its own; the default |
//! | `redis/` | Redis, Valkey or a Cluster, for one replica or several |
//! | `records/` | what is written, with a format version, and its conversions |
//! | `registered.rs` | what tables of channels and agents have to know of them |
//! | `seal.rs`, `key.rs` | secrets at rest |
//! | `leases.rs` | leases of stores that one process owns alone |

mod cursor;
pub mod file;
mod key;
mod leases;
mod memory;
mod records;
pub mod redis;
mod registered;
mod seal;

use std::sync::Arc;

use switchboard_ports::agents::AgentStore;
use switchboard_ports::attachments::{AttachmentLimits, AttachmentStore};
use switchboard_ports::audit::AuditStore;
use switchboard_ports::channels::ChannelStore;
use switchboard_ports::clock::Clock;
use switchboard_ports::conversations::ConversationStore;
use switchboard_ports::failures::FailureStore;
use switchboard_ports::messages::MessageStore;
use switchboard_ports::tokens::TokenStore;
use switchboard_ports::transcripts::Transcripts;
use switchboard_ports::usage::UsageStore;
use switchboard_ports::users::UserStore;

#[cfg(feature = "fuzzing")]
pub use records::reread;

/// Rows that one step of a purge deletes, about: a step must not hold up the messages that come in meanwhile.
const PURGE_ROWS_MAX: u32 = 1_000;

/// All stores, over the same data.
#[derive(Clone)]
pub struct Stores {
    /// Inbox, state and outbox of conversations.
    pub conversations: Arc<dyn ConversationStore>,
    /// Transcripts.
    pub transcripts: Arc<dyn Transcripts>,
    /// Failure records.
    pub failures: Arc<dyn FailureStore>,
    /// Messages that nobody asked for.
    pub messages: Arc<dyn MessageStore>,
    /// Configured channels.
    pub channels: Arc<dyn ChannelStore>,
    /// Configured agents.
    pub agents: Arc<dyn AgentStore>,
    /// Company users.
    pub users: Arc<dyn UserStore>,
    /// API tokens.
    pub tokens: Arc<dyn TokenStore>,
    /// Files of waiting messages.
    pub attachments: Arc<dyn AttachmentStore>,
    /// What apps used of their quotas.
    pub usage: Arc<dyn UsageStore>,
    /// Who was mapped how.
    pub audit: Arc<dyn AuditStore>,
}

/// Stores that live and die with this process. What they keep is bounded: see `memory`.
#[must_use]
pub fn memory(clock: Arc<dyn Clock>) -> Stores {
    memory_bounded(clock, AttachmentLimits::default())
}

/// The same with other bounds on files.
#[must_use]
pub fn memory_bounded(clock: Arc<dyn Clock>, limits: AttachmentLimits) -> Stores {
    memory::open(clock, limits)
}

/// The number of a failure record's id, `flr_…`; `None` for what is no such id.
fn failure_number(id: &str) -> Option<u64> {
    let number = id.strip_prefix("flr_")?.parse().ok()?;
    (number > 0 && format!("flr_{number}") == id && i64::try_from(number).is_ok()).then_some(number)
}

/// A name as names are compared: without regard to case, in every script.
fn folded(name: &str) -> String {
    name.to_lowercase()
}
