//! Platforms that turn out to close the older of two connections: noticed by whoever suffers it, and believed by all for a while.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use switchboard_domain::eviction;
use switchboard_domain::ids::ChannelId;
use switchboard_domain::time::Timestamp;
use switchboard_ports::error::StoreError;
use switchboard_ports::replicas::Note;

use super::Peers;
use crate::runtime::channel::ChannelHandle;
use crate::runtime::shared::{Shared, lock};
use crate::telemetry::metrics as names;

/// Looks whether connections that were taken here were taken by those of other replicas.
pub(super) async fn notice(shared: &Shared) -> Result<(), StoreError> {
    let now = shared.now();
    let is_suspected = |handle: &Arc<ChannelHandle>| {
        shared.peers.evicting_until(&handle.id).is_none()
            && !handle.bot().description.exclusive
            && lock(&handle.lives).are_suspicious(now)
    };
    let suspected = shared.all_channels().into_iter().filter(is_suspected);
    let suspected: Vec<_> = suspected.map(|handle| handle.id.clone()).collect();
    if suspected.is_empty() || shared.peers.is_alone() {
        return Ok(());
    }
    let observed = shared.ports.replicas.observed(&suspected).await?;
    for channel in suspected {
        let rows = observed.iter().filter(|(_, row)| row.channel == channel);
        let lives: Vec<_> = rows.map(|(_, row)| row.lives.as_slice()).collect();
        if eviction::closes_the_older(&lives, now) {
            shared.ports.replicas.note_eviction(&channel, eviction::FOUND_FOR).await?;
            shared.peers.post(Note::Freed);
            let mut evicting = lock(&shared.peers.state).evicting.clone();
            evicting.insert(channel, now.after(eviction::FOUND_FOR));
            take_in(shared, evicting);
        }
    }
    Ok(())
}

/// Takes in what is believed of platforms.
pub(super) fn take_in(shared: &Shared, evicting: BTreeMap<ChannelId, Timestamp>) {
    let mut state = lock(&shared.peers.state);
    let before = std::mem::replace(&mut state.evicting, evicting);
    let (found, over): (Vec<_>, Vec<_>) = (
        state.evicting.keys().filter(|channel| !before.contains_key(*channel)).cloned().collect(),
        before.into_keys().filter(|channel| !state.evicting.contains_key(channel)).collect(),
    );
    state.changed.extend(found.iter().chain(&over).cloned());
    drop(state);
    for channel in found {
        tracing::warn!(%channel, "the platform closes the older of two connections: one replica alone is connected from now on, the others stand by");
        gauge(&channel, 1.0);
    }
    for channel in over {
        tracing::info!(%channel, "several connections of the channel are tried again");
        gauge(&channel, 0.0);
        if let Some(handle) = shared.channel(&channel) {
            // What it was told from does not tell it again.
            lock(&handle.lives).forget();
        }
    }
}

fn gauge(channel: &ChannelId, value: f64) {
    metrics::gauge!(names::CHANNEL_ONE_CONNECTION, "channel" => channel.to_string()).set(value);
}

/// Believes a platform again: somebody has asked for a restart, or credentials are new. If it cannot be told now, the belief
/// ends by itself.
pub(crate) async fn believe_again(shared: &Shared, channel: &ChannelId) {
    if shared.peers.evicting_until(channel).is_some()
        && let Err(error) = shared.ports.replicas.note_eviction(channel, Duration::ZERO).await
    {
        tracing::warn!(%channel, %error, "failed to try several connections of the channel again");
    }
}

impl Peers {
    /// Until when the channel's platform is believed to close the older of two connections.
    pub(crate) fn evicting_until(&self, channel: &ChannelId) -> Option<Timestamp> {
        lock(&self.state).evicting.get(channel).copied()
    }
}
