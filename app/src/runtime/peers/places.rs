//! Which channels are connected here: by the domain's placement, with an overlap where the platform allows it, and under a
//! lease where one connection only may be open, or is of use.

use std::sync::Arc;
use std::time::Duration;

use switchboard_domain::ids::{ChannelId, ReplicaId};
use switchboard_domain::placement;
use switchboard_ports::error::StoreError;
use switchboard_ports::replicas::Note;
use tokio::time::Instant;

use crate::runtime::channel::{ChannelHandle, Message};
use crate::runtime::shared::{Shared, lock};

/// How long a connection is kept for those who should have it instead and are not connected yet.
const OVERLAP_MAX: Duration = Duration::from_secs(10);

/// How a channel's platform has its connections.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// One on each replica.
    Everywhere,
    /// As many as we like, up to the setting.
    Several,
    /// It closes the older one: only one is of use, and the newer one may come up before the older one goes.
    Newest,
    /// Only one may be open.
    Exclusive,
}

fn manner(shared: &Shared, handle: &ChannelHandle) -> Manner {
    let description = handle.bot().description;
    if description.everywhere {
        Manner::Everywhere
    } else if description.exclusive {
        Manner::Exclusive
    } else if shared.peers.evicting_until(&handle.id).is_some() {
        Manner::Newest
    } else {
        Manner::Several
    }
}

/// Gives each channel its place, or takes it.
pub(super) async fn place(shared: &Shared) -> Result<(), StoreError> {
    if shared.stopping.is_cancelled() {
        return leave_when_closed(shared).await;
    }
    let live = live(shared);
    for handle in shared.all_channels() {
        let placed = match manner(shared, &handle) {
            Manner::Everywhere => true,
            Manner::Several => {
                give_up(shared, &handle.id).await?;
                several(shared, &handle, &live, shared.settings.connections_per_channel).await?
            }
            Manner::Newest => newest(shared, &handle, &live).await?,
            Manner::Exclusive => exclusive(shared, &handle, &live).await?,
        };
        tell(&handle, placed).await;
    }
    Ok(())
}

/// Where a new channel begins: one that needs a lease waits for its place.
pub(crate) fn begins_placed(shared: &Shared, handle: &ChannelHandle) -> bool {
    let count = shared.settings.connections_per_channel;
    match manner(shared, handle) {
        Manner::Everywhere => true,
        Manner::Several => placement::connectors(&handle.id, &live(shared), count).contains(&&shared.replica),
        Manner::Newest | Manner::Exclusive => false,
    }
}

fn live(shared: &Shared) -> Vec<ReplicaId> {
    lock(&shared.peers.state).live.clone()
}

fn is_first(shared: &Shared, handle: &ChannelHandle, live: &[ReplicaId]) -> bool {
    placement::connectors(&handle.id, live, 1).contains(&&shared.replica)
}

/// On platforms that allow several connections the old one is kept until the new ones stand.
async fn several(
    shared: &Shared,
    handle: &ChannelHandle,
    live: &[ReplicaId],
    count: usize,
) -> Result<bool, StoreError> {
    let wanted = placement::connectors(&handle.id, live, count);
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

/// Where the platform keeps the newest connection only, one is opened, under a lease. Whoever had it before keeps it until the
/// new one stands, and gives up the lease at once: the platform itself closes the older one.
async fn newest(shared: &Shared, handle: &ChannelHandle, live: &[ReplicaId]) -> Result<bool, StoreError> {
    if !handle.bot().channel.enabled {
        give_up(shared, &handle.id).await?;
        return Ok(false);
    }
    if is_first(shared, handle, live) {
        lock(&shared.peers.state).displaced.remove(&handle.id);
        let had = lock(&shared.peers.state).places.contains_key(&handle.id);
        let held = hold(shared, &handle.id).await?;
        if held && !had && !handle.has_sockets() {
            // Whatever pause it is in is over: others have been closing its connections.
            tell(handle, false).await;
        }
        return Ok(held);
    }
    give_up(shared, &handle.id).await?;
    several(shared, handle, live, 1).await
}

/// Where only one connection may be open, it is opened under a lease, and closed before the lease is given up.
async fn exclusive(shared: &Shared, handle: &ChannelHandle, live: &[ReplicaId]) -> Result<bool, StoreError> {
    if is_first(shared, handle, live) && handle.bot().channel.enabled {
        return hold(shared, &handle.id).await;
    }
    if lock(&shared.peers.state).places.contains_key(&handle.id) {
        tell(handle, false).await;
        if handle.has_sockets() {
            // Nobody else may open one yet.
            hold(shared, &handle.id).await?;
        } else {
            give_up(shared, &handle.id).await?;
        }
    }
    Ok(false)
}

/// Takes or keeps a channel's only place; whether it is ours.
async fn hold(shared: &Shared, channel: &ChannelId) -> Result<bool, StoreError> {
    let (asked, ttl) = (shared.now(), shared.settings.lease_ttl);
    let held = shared.ports.replicas.hold(channel, &shared.replica, ttl).await?;
    let mut state = lock(&shared.peers.state);
    if held {
        state.places.insert(channel.clone(), asked.after(ttl));
    } else {
        state.places.remove(channel);
    }
    Ok(held)
}

/// Gives a channel's only place up, where we have it.
async fn give_up(shared: &Shared, channel: &ChannelId) -> Result<(), StoreError> {
    if lock(&shared.peers.state).places.remove(channel).is_some() {
        shared.ports.replicas.hold(channel, &shared.replica, Duration::ZERO).await?;
        shared.peers.post(Note::Freed);
    }
    Ok(())
}

/// At the end: once all connections are closed we are off the list, so that others open theirs at once, while what runs here
/// may go on for as long as the grace. Until then our places are kept.
async fn leave_when_closed(shared: &Shared) -> Result<(), StoreError> {
    if shared.all_channels().iter().all(|handle| handle.has_ended()) {
        lock(&shared.peers.state).places.clear();
        shared.ports.replicas.leave(&shared.replica).await?;
        if !std::mem::replace(&mut lock(&shared.peers.state).has_left, true) {
            shared.peers.post(Note::Freed);
        }
        return Ok(());
    }
    let held: Vec<_> = lock(&shared.peers.state).places.keys().cloned().collect();
    for channel in held {
        hold(shared, &channel).await?;
    }
    Ok(())
}

/// Closes what was opened under a lease that could not be renewed in time, until the server has stopped. Not a part of the look
/// around, which may be waiting for the store just then.
pub(crate) async fn watch_places(shared: Arc<Shared>) {
    loop {
        drop_lost_places(&shared).await;
        let now = shared.now();
        let next = lock(&shared.peers.state).places.values().min().map(|until| until.since(now));
        let pause = next.unwrap_or(Duration::MAX).min(shared.settings.look_interval);
        tokio::select! {
            biased;
            () = shared.parking.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn drop_lost_places(shared: &Shared) {
    let lost: Vec<_> = {
        let mut state = lock(&shared.peers.state);
        let now = shared.now();
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
