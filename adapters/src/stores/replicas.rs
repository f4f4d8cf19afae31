//! Replicas of a store that lives in one process: they can only be drivers of this process, and tests have several.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use switchboard_domain::ids::{ChannelId, ReplicaId};
use switchboard_domain::time::Timestamp;
use switchboard_ports::clock::Clock;
use switchboard_ports::error::StoreError;
use switchboard_ports::replicas::{
    Bulletin, NOTES_KEPT_MAX, Note, Observed, ReplicaInfo, ReplicaStore, Report, Roll,
};
use tokio::sync::broadcast::{self, error::RecvError};

/// Counts changes of settings.
#[derive(Debug, Clone, Default)]
pub(super) struct Revision(Arc<AtomicU64>);

impl Revision {
    /// One more change.
    pub(super) fn changed(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The replicas of one process.
pub(super) struct Replicas {
    clock: Arc<dyn Clock>,
    revision: Revision,
    state: Mutex<State>,
    notes: broadcast::Sender<(ReplicaId, Note)>,
}

#[derive(Default)]
struct State {
    live: BTreeMap<ReplicaId, Live>,
    places: BTreeMap<ChannelId, (ReplicaId, Timestamp)>,
    restarts: BTreeMap<ChannelId, u64>,
    evicting: BTreeMap<ChannelId, Timestamp>,
}

struct Live {
    info: ReplicaInfo,
    until: Timestamp,
    channels: BTreeMap<ChannelId, Observed>,
}

impl Replicas {
    /// Nobody lives yet.
    pub(super) fn new(clock: Arc<dyn Clock>, revision: Revision) -> Self {
        Self { clock, revision, state: Mutex::default(), notes: broadcast::channel(NOTES_KEPT_MAX).0 }
    }

    /// The state as it is now: whoever has not reported for too long is not in it.
    fn state(&self) -> MutexGuard<'_, State> {
        let now = self.clock.now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.live.retain(|_, live| live.until > now);
        state.places.retain(|_, (_, until)| *until > now);
        state.evicting.retain(|_, until| *until > now);
        state
    }
}

#[async_trait]
impl ReplicaStore for Replicas {
    async fn report(&self, report: &Report, ttl: Duration) -> Result<(), StoreError> {
        let until = self.clock.now().after(ttl);
        let mut state = self.state();
        let live = state.live.entry(report.info.id.clone());
        let live =
            live.or_insert_with(|| Live { info: report.info.clone(), until, channels: BTreeMap::new() });
        live.info = report.info.clone();
        live.until = until;
        if report.whole {
            live.channels.clear();
        }
        for gone in &report.gone {
            live.channels.remove(gone);
        }
        live.channels.extend(report.channels.iter().map(|row| (row.channel.clone(), row.clone())));
        Ok(())
    }

    async fn leave(&self, replica: &ReplicaId) -> Result<(), StoreError> {
        let mut state = self.state();
        state.live.remove(replica);
        state.places.retain(|_, (holder, _)| holder != replica);
        Ok(())
    }

    async fn roll(&self) -> Result<Roll, StoreError> {
        let state = self.state();
        let live = state.live.values().map(|live| live.info.clone()).collect();
        let revision = self.revision.0.load(Ordering::Relaxed);
        Ok(Roll { live, revision, evicting: state.evicting.clone() })
    }

    async fn observed(&self, channels: &[ChannelId]) -> Result<Vec<(ReplicaId, Observed)>, StoreError> {
        let state = self.state();
        let rows = state.live.iter().flat_map(|(id, live)| {
            let rows = channels.iter().filter_map(|channel| live.channels.get(channel));
            rows.map(|row| (id.clone(), row.clone()))
        });
        Ok(rows.collect())
    }

    async fn hold(
        &self,
        channel: &ChannelId,
        replica: &ReplicaId,
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        let until = self.clock.now().after(ttl);
        let mut state = self.state();
        let is_others = state.places.get(channel).is_some_and(|(holder, _)| holder != replica);
        if is_others {
            return Ok(false);
        }
        if ttl.is_zero() {
            state.places.remove(channel);
            return Ok(false);
        }
        state.places.insert(channel.clone(), (replica.clone(), until));
        Ok(true)
    }

    async fn note_eviction(&self, channel: &ChannelId, ttl: Duration) -> Result<(), StoreError> {
        let until = self.clock.now().after(ttl);
        // What ends now is over.
        self.state().evicting.insert(channel.clone(), until);
        Ok(())
    }
}

#[async_trait]
impl Bulletin for Replicas {
    async fn post(&self, from: &ReplicaId, note: &Note) -> Result<(), StoreError> {
        if let Note::Restart(channel) = note {
            let mut state = self.state();
            let count = state.restarts.entry(channel.clone()).or_default();
            *count = count.saturating_add(1);
            self.revision.changed();
        }
        // Nobody listening is the ordinary case.
        let _ = self.notes.send((from.clone(), note.clone()));
        Ok(())
    }

    fn notes(&self) -> BoxStream<'static, (ReplicaId, Note)> {
        told(self.notes.subscribe())
    }

    async fn restarts(&self) -> Result<Vec<(ChannelId, u64)>, StoreError> {
        Ok(self.state().restarts.iter().map(|(channel, count)| (channel.clone(), *count)).collect())
    }
}

/// What a receiver hears, with what it missed said in between.
pub(super) fn told(
    receiver: broadcast::Receiver<(ReplicaId, Note)>,
) -> BoxStream<'static, (ReplicaId, Note)> {
    stream::unfold(receiver, |mut receiver| async move {
        match receiver.recv().await {
            Ok(told) => Some((told, receiver)),
            Err(RecvError::Lagged(_)) => Some(((ReplicaId::new(String::new()), Note::Missed), receiver)),
            Err(RecvError::Closed) => None,
        }
    })
    .boxed()
}
