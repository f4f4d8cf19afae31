//! The driver: runs the machines, commits before it performs, and keeps channels connected.

pub(crate) mod agents;
mod alerts;
mod channel;
mod conversation;
pub(crate) mod directories;
mod driver;
mod durability;
mod fast_lane;
mod files;
mod gate;
mod intake;
mod lines;
pub(crate) mod log_lines;
mod mapping;
pub(crate) mod measures;
mod meter;
pub mod operations;
mod panics;
mod peers;
mod playground;
mod preflight;
mod press;
mod registry;
mod retention;
mod scan;
pub(crate) mod scribe;
mod shared;
pub(crate) mod states;
pub(crate) mod timeline;
pub(crate) mod told;
mod tracer;
mod troubles;

pub use alerts::AlertRules;
pub use driver::Driver;
pub use shared::Settings;

use std::sync::Arc;

use switchboard_domain::ids::{ConversationId, Partition};
use switchboard_domain::inbox::Entry;
use switchboard_ports::replicas::Note;

use shared::Shared;

/// Wakes a conversation, starting its task where it is not in memory; one of another replica's partitions is woken there.
fn wake(shared: &Arc<Shared>, partition: Partition, id: ConversationId) {
    wake_for(shared, partition, id, None);
}

/// The same, for an entry that was just stored.
fn wake_for(shared: &Arc<Shared>, partition: Partition, id: ConversationId, fresh: Option<Entry>) {
    if shared.parking.is_cancelled() || shared.registry.wake_active(&id, fresh) {
        return;
    }
    if !shared.has_lease(partition) {
        return shared.peers.post(Note::Wake { partition, conversation: id });
    }
    if shared.peers.is_leaving(partition) {
        // Its next owner finds it.
        return;
    }
    if let Some(slot) = shared.registry.wake(&id, partition) {
        conversation::start(shared, partition, id, slot);
    }
}
