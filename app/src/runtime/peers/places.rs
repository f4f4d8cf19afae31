//! Which channels are connected here: by the domain's placement, with an overlap where the platform allows it, and under a
//! lease where it does not.

use std::time::Duration;

use switchboard_domain::ids::ReplicaId;
use switchboard_domain::placement;
use switchboard_ports::error::StoreError;
use tokio::time::Instant;

use crate::runtime::channel::{ChannelHandle, Message};
use crate::runtime::shared::{Shared, lock};

/// How long a connection is kept for those who should have it instead and are not connected yet.
const OVERLAP_MAX: Duration = Duration::from_secs(10);

/// Gives each channel its place, or takes it.
pub(super) async fn place(shared: &Shared) -> Result<(), StoreError> {
    if shared.stopping.is_cancelled() {
        return Ok(());
    }
    let live = live(shared);
    for handle in shared.all_channels() {
        let placed = if handle.bot().description.exclusive {
            exclusive(shared, &handle, &live).await?
        } else {
            several(shared, &handle, &live).await?
        };
        tell(&handle, placed).await;
    }
    Ok(())
}

/// Where a new channel begins: an exclusive one waits for its place.
pub(crate) fn begins_placed(shared: &Shared, handle: &ChannelHandle) -> bool {
    let count = shared.settings.connections_per_channel;
    !handle.bot().description.exclusive
        && placement::connectors(&handle.id, &live(shared), count).contains(&&shared.replica)
}

fn live(shared: &Shared) -> Vec<ReplicaId> {
    lock(&shared.peers.state).live.clone()
}

/// On platforms that allow several connections the old one is kept until the new ones stand.
async fn several(shared: &Shared, handle: &ChannelHandle, live: &[ReplicaId]) -> Result<bool, StoreError> {
    let wanted = placement::connectors(&handle.id, live, shared.settings.connections_per_channel);
    if wanted.contains(&&shared.replica) {
        lock(&shared.peers.state).displaced.remove(&handle.id);
        return Ok(true);
    }
    if !handle.is_placed() {
        return Ok(false);
    }
    let since = *lock(&shared.peers.state).displaced.entry(handle.id.clone()).or_insert_with(Instant::now);
    let is_over = since.elapsed() >= OVERLAP_MAX || {
        let observed = shared.ports.replicas.observed(std::slice::from_ref(&handle.id)).await?;
        let connected = |replica| {
            observed
                .iter()
                .any(|(by, row)| by == replica && (row.connections > 0 || row.status == "disabled"))
        };
        wanted.into_iter().all(connected)
    };
    if is_over {
        lock(&shared.peers.state).displaced.remove(&handle.id);
    }
    Ok(!is_over)
}

/// Where only one connection may be open, it is opened under a lease, and closed before the lease is given up.
async fn exclusive(shared: &Shared, handle: &ChannelHandle, live: &[ReplicaId]) -> Result<bool, StoreError> {
    let ttl = shared.settings.lease_ttl;
    let is_ours = placement::connectors(&handle.id, live, 1).contains(&&shared.replica);
    if !is_ours || !handle.bot().channel.enabled {
        if lock(&shared.peers.state).places.remove(&handle.id).is_some() {
            tell(handle, false).await;
            shared.ports.replicas.hold(&handle.id, &shared.replica, Duration::ZERO).await?;
            shared.peers.post(switchboard_ports::replicas::Note::Freed);
        }
        return Ok(false);
    }
    let asked = Instant::now();
    let held = shared.ports.replicas.hold(&handle.id, &shared.replica, ttl).await?;
    let mut state = lock(&shared.peers.state);
    if held {
        state.places.insert(handle.id.clone(), asked + ttl);
    } else {
        state.places.remove(&handle.id);
    }
    Ok(held)
}

/// Closes what was opened under a lease that could not be renewed in time.
pub(super) async fn drop_lost_places(shared: &Shared) {
    let lost: Vec<_> = {
        let mut state = lock(&shared.peers.state);
        let now = Instant::now();
        let lost =
            state.places.iter().filter(|(_, until)| **until <= now).map(|(id, _)| id.clone()).collect();
        state.places.retain(|_, until| *until > now);
        lost
    };
    for channel in lost {
        if let Some(handle) = shared.channel(&channel) {
            tracing::warn!(%channel, "the only place at the platform could not be kept: the connection is closed");
            tell(&handle, false).await;
        }
    }
}

async fn tell(handle: &ChannelHandle, placed: bool) {
    if handle.set_placed(placed) != placed {
        handle.tell_surely(Message::Placed(placed)).await;
    }
}
