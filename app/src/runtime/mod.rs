//! The driver: runs the machines, commits before it performs, and keeps channels connected.

mod channel;
mod conversation;
mod directories;
mod driver;
mod files;
mod gate;
mod intake;
mod lines;
mod mapping;
mod meter;
pub mod operations;
mod panics;
mod press;
mod registry;
mod retention;
mod scan;
mod shared;
pub(crate) mod told;
mod troubles;

pub use driver::Driver;
pub use shared::Settings;

use std::sync::Arc;

use switchboard_domain::ids::{ConversationId, Partition};

use shared::Shared;

/// Wakes a conversation, starting its task where it is not in memory.
fn wake(shared: &Arc<Shared>, partition: Partition, id: ConversationId) {
    if shared.parking.is_cancelled() {
        return;
    }
    if let Some(slot) = shared.registry.wake(&id) {
        conversation::start(shared, partition, id, slot);
    }
}
