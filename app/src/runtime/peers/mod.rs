//! The other replicas of the same store: who lives, what is whose, and what is told to whom.
//!
//! ```text
//!            report, roll (once a second, or when told)
//!  look.rs ───────────────────────────────────────────> who lives, revision of settings
//!     ├─ evictions.rs   whether a platform closes the older of two connections
//!     ├─ places.rs      which channels are connected here
//!     ├─ hand_over.rs   which partitions are ours, and how the others' are let go
//!     └─ settings.rs    what others changed
//!  notes.rs  what is told and heard: hints, so that nobody has to wait for the next look
//!  whole.rs  what all replicas observe of a channel, as one status
//! ```
//! Alone, a replica owns everything, connects everything and tells nobody anything.

mod evictions;
mod hand_over;
mod look;
mod notes;
mod places;
mod settings;
mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use switchboard_domain::ids::{ChannelId, Partition, ReplicaId};
use switchboard_domain::placement;
use switchboard_domain::time::Timestamp;
use switchboard_ports::replicas::{Note, Observed, ReplicaInfo};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;

pub(crate) use evictions::believe_again;
pub(crate) use hand_over::{HAND_OVER_MAX, give_up_all};
pub(crate) use look::{join, keep_looking};
pub(crate) use notes::{News, hear, post_all};
pub(crate) use places::{begins_placed, watch_places};
pub(crate) use whole::{alone, whole};

use super::shared::{Shared, lock};

/// Notes waiting to be told; further ones are not: they are hints.
const NOTES_WAITING_MAX: usize = 1_024;

/// What others changed is known this soon, looks being made once a second. Where it is longer ago, this process stood still
/// or does not reach the store.
const LOOK_AGE_MAX: Duration = Duration::from_secs(5);

/// What is known of the other replicas.
pub(crate) struct Peers {
    replica: ReplicaId,
    state: Mutex<State>,
    /// When all that others had changed was last known.
    looked: watch::Sender<Timestamp>,
    /// Somebody has a reason to look now.
    look: Notify,
    posts: mpsc::Sender<Note>,
    to_post: Mutex<Option<mpsc::Receiver<Note>>>,
}

#[derive(Default)]
struct State {
    /// Who lives, this replica always included.
    live: Vec<ReplicaId>,
    roll: Vec<ReplicaInfo>,
    /// Of settings, as last looked at.
    revision: Option<u64>,
    /// How often restarts were asked for, as last looked at.
    restarts: BTreeMap<ChannelId, u64>,
    /// What the others were told of channels, and when; `None` until they were told everything.
    told: Option<(Timestamp, BTreeMap<ChannelId, Observed>)>,
    /// Channels whose status changed since the others were told.
    changed: BTreeSet<ChannelId>,
    /// Channels whose rows changed because a replica came or went.
    regrouped: BTreeSet<ChannelId>,
    /// Partitions of ours that should be somebody else's, since when.
    leaving: BTreeMap<Partition, Instant>,
    /// Channels connected here that should be connected elsewhere, since when.
    displaced: BTreeMap<ChannelId, Instant>,
    /// Until when we have the only place at a channel's platform.
    places: BTreeMap<ChannelId, Timestamp>,
    /// Channels whose platform closes the older of two connections, and until when that is believed.
    evicting: BTreeMap<ChannelId, Timestamp>,
    /// We are off the list, at the end.
    has_left: bool,
    /// Channels that somebody began to delete, since when.
    withdrawn: BTreeMap<ChannelId, Timestamp>,
}

impl Peers {
    /// Nobody else is known.
    pub(crate) fn new(replica: &ReplicaId) -> Self {
        let (posts, to_post) = mpsc::channel(NOTES_WAITING_MAX);
        let state = State { live: vec![replica.clone()], ..State::default() };
        let (replica, state) = (replica.clone(), Mutex::new(state));
        let looked = watch::channel(Timestamp::from_millis(0)).0;
        Self { replica, state, looked, look: Notify::new(), posts, to_post: Mutex::new(Some(to_post)) }
    }

    /// Has the others looked after now.
    pub(crate) fn look_now(&self) {
        self.look.notify_one();
    }

    /// Whether nobody else lives, as far as is known.
    pub(crate) fn is_alone(&self) -> bool {
        lock(&self.state).live.iter().all(|other| *other == self.replica)
    }

    /// Somebody begins to delete a channel.
    pub(crate) fn withdrawn(&self, channel: &ChannelId, now: Timestamp) {
        lock(&self.state).withdrawn.insert(channel.clone(), now);
    }

    /// Since when somebody has been deleting a channel.
    pub(crate) fn withdrawn_since(&self, channel: &ChannelId) -> Option<Timestamp> {
        lock(&self.state).withdrawn.get(channel).copied()
    }

    /// The deletion of a channel is over, one way or the other.
    pub(crate) fn settled(&self, channel: &ChannelId) {
        lock(&self.state).withdrawn.remove(channel);
    }

    /// Who lives, as they said last.
    pub(crate) fn roll(&self) -> Vec<ReplicaInfo> {
        lock(&self.state).roll.clone()
    }

    /// Whether a partition of ours is being handed over: what runs there ends, and nothing begins.
    pub(crate) fn is_leaving(&self, partition: Partition) -> bool {
        lock(&self.state).leaving.contains_key(&partition)
    }

    /// Since when a partition is being handed over.
    pub(crate) fn leaving_since(&self, partition: Partition) -> Option<Instant> {
        lock(&self.state).leaving.get(&partition).copied()
    }

    /// Tells the other replicas something, if there are any.
    pub(crate) fn post(&self, note: Note) {
        if !self.is_alone() && self.posts.try_send(note).is_err() {
            tracing::debug!("too many notes wait to be told; one was dropped");
        }
    }
}

impl Shared {
    /// Whether others may have changed or deleted what is thought to be here: nothing new is begun upon it.
    pub(crate) fn is_behind(&self) -> bool {
        let looked = *self.peers.looked.borrow();
        self.now().since(looked) > LOOK_AGE_MAX && !self.peers.is_alone()
    }

    /// Whether who lives was last looked at so long ago that nobody's word of then counts any more.
    pub(crate) fn knows_nobody(&self) -> bool {
        self.now().since(*self.peers.looked.borrow()) > self.settings.report_ttl
    }

    /// Waits until what others changed is known.
    pub(crate) async fn catch_up(&self) {
        let mut looked = self.peers.looked.subscribe();
        while self.is_behind() && looked.changed().await.is_ok() {}
    }

    /// Whether a partition should be ours.
    pub(crate) fn wants(&self, partition: Partition) -> bool {
        if self.stopping.is_cancelled() {
            return false;
        }
        placement::owner(partition, &lock(&self.peers.state).live) == Some(&self.replica)
    }
}
