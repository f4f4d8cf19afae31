//! The published status: what the machine says, as the contract shows it.

use switchboard_domain::channel::{Channel as Machine, Status};
use switchboard_domain::ids::{ChannelId, ReplicaId};
use switchboard_domain::time::Timestamp;

use crate::runtime::operations::{ChannelStatus, LastError};

/// Whether messages can be stored, as far as a channel knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sound {
    pub(super) is_sound: bool,
    /// Since when that is so; zero: always.
    pub(super) since: Timestamp,
}

impl Sound {
    /// Nothing else is known.
    pub(super) const ALWAYS: Self = Self { is_sound: true, since: Timestamp::from_millis(0) };

    /// It is sound or not from now on; nothing new where that is known.
    pub(super) fn is_now(&mut self, is_sound: bool, now: Timestamp) {
        if self.is_sound != is_sound {
            *self = Self { is_sound, since: now };
        }
    }

    /// The status, and since when it is so.
    fn seen(self, machine: &Machine) -> (Status, Timestamp) {
        let since = machine.since();
        match machine.status() {
            Status::Connected if self.is_sound => (Status::Connected, since.max(self.since)),
            Status::Connected => (Status::Disconnected, self.since),
            // What followed a store that failed began with that.
            Status::Disconnected if !self.is_sound => (Status::Disconnected, since.min(self.since)),
            status @ (Status::Disconnected | Status::Disabled) => (status, since),
        }
    }
}

/// The status that a machine is in; connected is only what can also store messages. What depends on the moment of reading is filled in then.
pub(super) fn project(id: &ChannelId, replica: &ReplicaId, machine: &Machine, store: Sound) -> ChannelStatus {
    let (status, since) = store.seen(machine);
    ChannelStatus {
        channel: id.clone(),
        status: status.as_str().into(),
        state: machine.phase().into(),
        since,
        connected_at: machine.connected_at(),
        uptime_ms: None,
        last_error: machine.last_error().map(|error| LastError {
            code: error.code,
            detail: error.detail.clone(),
            at: error.at,
        }),
        attempt: machine.attempt(),
        next_attempt_at: machine.next_attempt_at(),
        connections: u32::try_from(machine.connections().count()).unwrap_or(u32::MAX),
        replica: replica.to_string(),
        last_frame_at: machine.last_heard_at(),
        last_message_at: None,
        last_reply_at: None,
        usage: None,
        one_connection_until: None,
        replicas: Vec::new(),
    }
}
