//! The stores: the same meaning in memory, in a file and in Redis, proven by one suite (`switchboard_ports::conformance`).
//!
//! | file | what |
//! |---|---|
//! | `memory/` | everything in this process's memory; for servers that may forget |
//! | `file/` | SQLite in a directory of its own; the default |
//! | `redis/` | Redis, Valkey or a Cluster, for one replica or several |
//! | `copy/` | everything of one store into another |
//! | `records/` | what is written, with a format version, and its conversions |
//! | `hashed.rs` | short names for what platforms call things |
//! | `journal.rs` | numbers of the journal's lines |
//! | `registered.rs` | what tables of channels and agents have to know of them |
//! | `seal.rs`, `key.rs` | secrets at rest |
//! | `sealed_session.rs` | what signed-in browsers carry |
//! | `durability.rs` | what stores say of what they may lose |
//! | `replicas.rs` | replicas of stores that one process owns alone |
//! | `budget.rs` | budgets of calls in such stores |
//! | `leases.rs` | leases of stores that one process owns alone |

mod budget;
pub mod copy;
mod cursor;
mod durability;
pub mod file;
mod hashed;
mod journal;
mod key;
mod leases;
mod memory;
mod records;
pub mod redis;
mod registered;
mod replicas;
mod seal;
mod sealed_session;

use std::sync::Arc;

use switchboard_ports::attachments::AttachmentLimits;
use switchboard_ports::clock::Clock;

pub use switchboard_ports::store_set::Stores;

#[cfg(feature = "fuzzing")]
pub use records::reread;

/// Rows that one step of a purge deletes, about: a step must not hold up the messages that come in meanwhile.
const PURGE_ROWS_MAX: u32 = 1_000;

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
