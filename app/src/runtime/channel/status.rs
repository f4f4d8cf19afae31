//! The published status: what the machine says, as the contract shows it.

use switchboard_domain::channel::{Channel as Machine, Status};
use switchboard_domain::ids::{ChannelId, ReplicaId};

use crate::runtime::operations::{ChannelStatus, LastError};

/// The status that a machine is in; connected is only what can also store messages. What depends on the moment of reading is filled in then.
pub(super) fn project(
    id: &ChannelId,
    replica: &ReplicaId,
    machine: &Machine,
    store_sound: bool,
) -> ChannelStatus {
    let status = match machine.status() {
        Status::Connected if !store_sound => Status::Disconnected,
        status @ (Status::Connected | Status::Disconnected | Status::Disabled) => status,
    };
    ChannelStatus {
        channel: id.clone(),
        status: status.as_str().into(),
        state: machine.phase().into(),
        since: machine.since(),
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
