//! The playground as a platform of its own: no service stands behind it. Messages come in by the playground port, and what a
//! channel shows is kept in rooms, where whoever is signed in reads it.

mod fields;
mod link;
mod provider;
mod rooms;

pub use provider::Web;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use switchboard_domain::ids::{ChannelId, ConnectionId};
use switchboard_ports::clock::{Clock, Entropy};
use switchboard_ports::provider::ConnectionSink;

use rooms::Rooms;

/// What all channels of the platform share.
struct Inside {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    rooms: Rooms,
    /// The ways in: a channel has one while it is connected here.
    doors: Mutex<BTreeMap<ChannelId, Door>>,
}

/// One connection's way in.
#[derive(Clone)]
struct Door {
    connection: ConnectionId,
    sink: Arc<dyn ConnectionSink>,
}

impl Inside {
    fn door(&self, channel: &ChannelId) -> Option<Arc<dyn ConnectionSink>> {
        lock(&self.doors).get(channel).map(|door| Arc::clone(&door.sink))
    }

    fn open(&self, channel: &ChannelId, door: Door) {
        lock(&self.doors).insert(channel.clone(), door);
    }

    /// A newer connection's door stays.
    fn close(&self, channel: &ChannelId, connection: ConnectionId) {
        let mut doors = lock(&self.doors);
        if doors.get(channel).is_some_and(|door| door.connection == connection) {
            doors.remove(channel);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing panics while one of these is held, and a poisoned map would still be a good map.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
