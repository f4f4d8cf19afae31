//! What all replicas observe of a channel, as one status.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use switchboard_domain::channel::ErrorCode;
use switchboard_domain::ids::ChannelId;
use switchboard_domain::time::Timestamp;
use switchboard_ports::error::StoreError;
use switchboard_ports::replicas::Observed;

use crate::runtime::channel::ChannelHandle;
use crate::runtime::operations::{ChannelStatus, LastError, ReplicaStatus};
use crate::runtime::shared::Shared;

/// Longest wait for what the others observe: somebody waits for the status, or for the event that tells it.
const OTHERS_WAIT_MAX: Duration = Duration::from_secs(2);

/// How exactly others are told of the last frame, in milliseconds.
const ROUGHLY_MS: u64 = 10_000;

/// The whole of each channel that somebody observes.
pub(crate) async fn whole(shared: &Shared, channels: &[ChannelId]) -> Vec<ChannelStatus> {
    let now = shared.now();
    let mut rows: BTreeMap<&ChannelId, Vec<ChannelStatus>> = BTreeMap::new();
    for channel in channels {
        if let Some(handle) = shared.channel(channel) {
            rows.entry(channel).or_default().push(handle.status(now));
        }
    }
    // What the others observe they tell through the store: while nothing can be written there, it is of before.
    if !shared.peers.is_alone() && *shared.store_sound.borrow() {
        let observed = tokio::time::timeout(OTHERS_WAIT_MAX, shared.ports.replicas.observed(channels)).await;
        match observed.unwrap_or_else(|_late| Err(StoreError::Unavailable("no answer".to_owned()))) {
            Ok(observed) => {
                let others = observed.into_iter().filter(|(replica, _)| *replica != shared.replica);
                for (replica, row) in others {
                    if let Some(channel) = channels.iter().find(|channel| **channel == row.channel) {
                        rows.entry(channel).or_default().push(status_of(replica.to_string(), row, now));
                    }
                }
            }
            // What we see ourselves is still true.
            Err(error) => tracing::debug!(%error, "failed to read what the other replicas observe"),
        }
    }
    let wholes = rows.values().filter_map(|rows| summed(rows));
    let told = wholes.map(|whole| ChannelStatus {
        one_connection_until: shared.peers.evicting_until(&whole.channel),
        ..whole
    });
    told.collect()
}

/// What this replica alone observes of a channel, as one status.
pub(crate) fn alone(shared: &Shared, handle: &ChannelHandle, now: Timestamp) -> ChannelStatus {
    let status = handle.status(now);
    let one_connection_until = shared.peers.evicting_until(&handle.id);
    ChannelStatus { replicas: vec![ReplicaStatus::of(&status)], one_connection_until, ..status }
}

/// How much a row says about whether people are heard: the most telling one stands for all.
fn weight(row: &ChannelStatus) -> u8 {
    match (&*row.status, &*row.state) {
        ("connected", _) => 3,
        ("disabled", _) => 0,
        (_, "standby") => 1,
        _ => 2,
    }
}

/// One status of all rows; the first one is our own, and stands for all where others say no more. `None` of none.
fn summed(rows: &[ChannelStatus]) -> Option<ChannelStatus> {
    let telling = rows.iter().rev().max_by_key(|row| weight(row))?;
    let newest = |at: fn(&ChannelStatus) -> Option<_>| rows.iter().filter_map(at).max();
    let mut whole = telling.clone();
    whole.connections = rows.iter().map(|row| row.connections).fold(0, u32::saturating_add);
    whole.last_frame_at = newest(|row| row.last_frame_at);
    whole.last_message_at = newest(|row| row.last_message_at);
    whole.last_reply_at = newest(|row| row.last_reply_at);
    whole.last_error = rows.iter().filter_map(|row| row.last_error.clone()).max_by_key(|error| error.at);
    whole.usage = rows.iter().find_map(|row| row.usage.clone());
    whole.replicas = rows.iter().map(ReplicaStatus::of).collect();
    whole.replicas.sort_by(|one, other| one.replica.cmp(&other.replica));
    Some(whole)
}

/// A status as the others are told of it, without what became of its connections.
pub(super) fn observed_of(status: &ChannelStatus) -> Observed {
    let error = status.last_error.as_ref();
    Observed {
        channel: status.channel.clone(),
        status: status.status.to_string(),
        state: status.state.to_string(),
        since: status.since,
        connected_at: status.connected_at,
        last_error: error.map(|error| (error.code.as_str().to_owned(), error.detail.clone(), error.at)),
        attempt: status.attempt,
        next_attempt_at: status.next_attempt_at,
        connections: status.connections,
        last_frame_at: status.last_frame_at.map(roughly),
        last_message_at: status.last_message_at,
        last_reply_at: status.last_reply_at,
        lives: Vec::new(),
    }
}

/// Frames come all the time: a row that is told anew for each of them would be most of what is told.
fn roughly(at: Timestamp) -> Timestamp {
    Timestamp::from_millis(at.as_millis() / ROUGHLY_MS * ROUGHLY_MS)
}

fn status_of(replica: String, row: Observed, now: Timestamp) -> ChannelStatus {
    let is_connected = row.status == "connected";
    let last_error = row.last_error.and_then(|(code, detail, at)| {
        // A later version may know codes that this one does not.
        let code = ErrorCode::ALL.into_iter().find(|known| known.as_str() == code)?;
        Some(LastError { code, detail, at })
    });
    ChannelStatus {
        channel: row.channel,
        status: Cow::Owned(row.status),
        state: Cow::Owned(row.state),
        since: row.since,
        connected_at: row.connected_at,
        uptime_ms: row
            .connected_at
            .filter(|_| is_connected)
            .map(|at| u64::try_from(now.since(at).as_millis()).unwrap_or(u64::MAX)),
        last_error,
        attempt: row.attempt,
        next_attempt_at: row.next_attempt_at,
        connections: row.connections,
        replica,
        last_frame_at: row.last_frame_at,
        last_message_at: row.last_message_at,
        last_reply_at: row.last_reply_at,
        usage: None,
        one_connection_until: None,
        replicas: Vec::new(),
    }
}
