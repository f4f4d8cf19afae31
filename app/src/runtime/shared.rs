//! What all tasks of the driver share: ports, leases, channels, conversations, and who listens.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use switchboard_domain::ids::{ChannelId, CommitId, FencingToken, Partition, ReplicaId};
use switchboard_domain::time::Timestamp;
use switchboard_ports::conversations::Lease;
use switchboard_ports::durability::Durability;
use tokio::sync::{Notify, broadcast, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::agents::Agents;
use super::alerts::AlertRules;
use super::channel::ChannelHandle;
use super::directories::Chains;
use super::fast_lane::Lane;
use super::files::Files;
use super::meter::Meters;
use super::operations::RuntimeEvent;
use super::peers::Peers;
use super::press::Cards;
use super::registry::Registry;
use super::scribe::Scribe;
use super::tracer::Tracer;
use super::troubles::Troubles;
use crate::ports::Ports;
use crate::telemetry::lines::Lines;
use crate::telemetry::tally::Tally;

/// The pause before a store that is away is asked again for something read.
const STORE_PAUSE: Duration = Duration::from_millis(200);

/// Events kept for a slow listener.
const EVENTS_KEPT_MAX: usize = 1_024;

/// Numbers of the driver that tests and later platforms may want otherwise.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long a lease lasts without a renewal.
    pub lease_ttl: Duration,
    /// How often leases are renewed.
    pub renew_interval: Duration,
    /// How often a replica says that it lives and looks who else does.
    pub look_interval: Duration,
    /// How long its word counts: less than a lease, so that its successors are known when its leases end.
    pub report_ttl: Duration,
    /// Replicas that hold a connection of a channel, where its platform allows several.
    pub connections_per_channel: usize,
    /// The machine's name, for people.
    pub host: Option<String>,
    /// How often the open index is looked through (R5).
    pub scan_interval: Duration,
    /// Longest platform call; a call starts only while the lease lasts longer than this (R16).
    pub call_timeout: Duration,
    /// How long a lazy change waits for company.
    pub lazy_commit_wait: Duration,
    /// How long a conversation at rest is kept in memory.
    pub rest_kept: Duration,
    /// How long messages are held un-acked while the store is away (R4).
    pub store_patience: Duration,
    /// When somebody is told that a channel is not connected.
    pub alerts: AlertRules,
    /// Log lines of channels, to be written into the journal.
    pub lines: Option<Arc<Lines>>,
    /// What counts for the dashboard; what adapters do is counted in it before there is a driver. None: one of the driver's own.
    pub tally: Option<Arc<Tally>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lease_ttl: Duration::from_secs(30),
            renew_interval: Duration::from_secs(3),
            look_interval: Duration::from_secs(1),
            report_ttl: Duration::from_secs(20),
            connections_per_channel: 2,
            host: None,
            scan_interval: Duration::from_secs(2),
            call_timeout: Duration::from_secs(12),
            lazy_commit_wait: Duration::from_millis(500),
            // Reading it again takes a fifth of a millisecond; most who write again do so later, or never.
            rest_kept: Duration::from_secs(15),
            store_patience: Duration::from_secs(10),
            alerts: AlertRules::default(),
            lines: None,
            tally: None,
        }
    }
}

impl Settings {
    /// Where several replicas share a store, one takes over from another within 10 s, and calls are shorter for it: they begin
    /// only under a lease that outlasts them (R16).
    #[must_use]
    pub fn of_shared_store() -> Self {
        Self {
            lease_ttl: Duration::from_secs(10),
            renew_interval: Duration::from_secs(2),
            report_ttl: Duration::from_secs(6),
            call_timeout: Duration::from_secs(7),
            // Reading it again is a question more to a store that all replicas share.
            rest_kept: Duration::from_mins(1),
            ..Self::default()
        }
    }
}

/// What all tasks of the driver share.
pub(crate) struct Shared {
    pub(crate) ports: Ports,
    pub(crate) settings: Settings,
    pub(crate) replica: ReplicaId,
    pub(crate) started_at: Timestamp,
    pub(crate) peers: Peers,
    /// What the store may lose; none until it was asked.
    pub(crate) durability: Mutex<Option<Durability>>,
    pub(crate) bus: broadcast::Sender<RuntimeEvent>,
    pub(crate) channels: Mutex<BTreeMap<ChannelId, Arc<ChannelHandle>>>,
    pub(crate) registry: Registry,
    pub(crate) cards: Arc<Cards>,
    pub(crate) agents: Agents,
    pub(crate) lane: Lane,
    pub(crate) files: Files,
    pub(crate) meters: Meters,
    pub(crate) directories: Chains,
    pub(crate) troubles: Troubles,
    pub(crate) scribe: Scribe,
    pub(crate) tracer: Tracer,
    pub(crate) tally: Arc<Tally>,
    /// Whether channels may have sockets open, as far as the store goes.
    pub(crate) store_up: watch::Sender<bool>,
    /// Whether the last thing that was written could be. Sockets stay open for a while without it, but nothing is green.
    pub(crate) store_sound: watch::Sender<bool>,
    /// There is reason to believe that the store has gone: leases are renewed now, which tells.
    pub(crate) renew_soon: Notify,
    /// Pushes of all connections that the store has refused once and that are offered again.
    pub(crate) held: AtomicU32,
    /// Cancelled when the server begins to stop: no new turns, no intake.
    pub(crate) stopping: CancellationToken,
    /// Cancelled when the grace is over: conversations are parked.
    pub(crate) parking: CancellationToken,
    pub(crate) tasks: TaskTracker,
    leases: Mutex<BTreeMap<Partition, Lease>>,
}

impl Shared {
    pub(crate) fn new(ports: Ports, settings: Settings) -> Self {
        let replica = ReplicaId::new(format!("rep_{:016x}", ports.entropy.next_u64()));
        let tally = settings.tally.clone().unwrap_or_default();
        Self {
            started_at: ports.clock.now(),
            peers: Peers::new(&replica),
            durability: Mutex::default(),
            tracer: Tracer::new(ports.traces.clone()),
            ports,
            settings,
            replica,
            bus: broadcast::channel(EVENTS_KEPT_MAX).0,
            channels: Mutex::new(BTreeMap::new()),
            registry: Registry::default(),
            cards: Arc::default(),
            agents: Agents::default(),
            lane: Lane::default(),
            files: Files::default(),
            meters: Meters::default(),
            directories: Chains::default(),
            troubles: Troubles::default(),
            scribe: Scribe::default(),
            tally,
            store_up: watch::channel(true).0,
            store_sound: watch::channel(true).0,
            renew_soon: Notify::new(),
            held: AtomicU32::new(0),
            stopping: CancellationToken::new(),
            parking: CancellationToken::new(),
            tasks: TaskTracker::new(),
            leases: Mutex::new(BTreeMap::new()),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// A name for a commit; unique enough that a repeated one is recognised.
    pub(crate) fn commit_id(&self) -> CommitId {
        CommitId::new(format!("{:016x}{:016x}", self.ports.entropy.next_u64(), self.ports.entropy.next_u64()))
    }

    /// Tells whoever watches this replica.
    pub(crate) fn publish_here(&self, event: RuntimeEvent) {
        // Nobody listening is the ordinary case.
        let _ = self.bus.send(event);
    }

    pub(crate) fn channel(&self, id: &ChannelId) -> Option<Arc<ChannelHandle>> {
        lock(&self.channels).get(id).cloned()
    }

    pub(crate) fn all_channels(&self) -> Vec<Arc<ChannelHandle>> {
        lock(&self.channels).values().cloned().collect()
    }

    /// The lease on a partition under which something may begin: one that has not run out and is not being given up.
    pub(crate) fn lease(&self, partition: Partition) -> Option<Lease> {
        if self.peers.is_leaving(partition) {
            return None;
        }
        let now = self.now();
        lock(&self.leases).get(&partition).filter(|lease| lease.until > now).cloned()
    }

    /// The lease on a partition under this token, run out or not; `None` when somebody else had the partition since, and
    /// what was read under the token may be old.
    pub(crate) fn lease_under(&self, partition: Partition, token: FencingToken) -> Option<Lease> {
        lock(&self.leases).get(&partition).filter(|lease| lease.token == token).cloned()
    }

    /// Whether the partition was ours when we last heard.
    pub(crate) fn has_lease(&self, partition: Partition) -> bool {
        lock(&self.leases).contains_key(&partition)
    }

    /// Leases that were ours when we last heard.
    pub(crate) fn leases_held(&self) -> u32 {
        u32::try_from(lock(&self.leases).len()).unwrap_or(u32::MAX)
    }

    /// Nothing more is done under these leases.
    pub(crate) fn forget_leases(&self, partitions: &[Partition]) {
        lock(&self.leases).retain(|partition, _| !partitions.contains(partition));
    }

    /// Takes in what came of a claim. Of what was not asked for nothing is said: two claims may be under way at once. And what
    /// was given up meanwhile stays given up. Answers how many partitions others have taken over that were ours before.
    pub(crate) fn set_leases(&self, asked: &[Partition], granted: Vec<Lease>) -> usize {
        let wanted: Vec<Partition> = asked.iter().copied().filter(|asked| self.wants(*asked)).collect();
        let mut leases = lock(&self.leases);
        let granted: Vec<_> = granted
            .into_iter()
            .filter(|lease| wanted.contains(&lease.partition) || leases.contains_key(&lease.partition))
            .collect();
        let is_elsewhere =
            |lease: &&Lease| leases.get(&lease.partition).is_some_and(|known| known.lineage != lease.lineage);
        let elsewhere: Vec<_> = granted.iter().filter(is_elsewhere).map(|lease| lease.partition).collect();
        let before = leases.len();
        let kept = granted.iter().filter(|lease| leases.contains_key(&lease.partition)).count();
        leases.retain(|partition, _| !asked.contains(partition));
        let lost = before.saturating_sub(leases.len() + kept);
        leases.extend(granted.into_iter().map(|lease| (lease.partition, lease)));
        drop(leases);
        // What is in memory looks whether the store still has it, before anybody waits for that.
        for partition in elsewhere {
            self.registry.wake_in(partition);
        }
        lost
    }

    /// Waits until the lease lasts for a platform call (R16); `None` when the partition is somebody else's, or the server
    /// stops first.
    pub(crate) async fn lease_for_call(&self, partition: Partition, token: FencingToken) -> Option<Lease> {
        loop {
            let lease = self.lease_under(partition, token)?;
            if lease.until > self.now().after(self.settings.call_timeout) {
                return Some(lease);
            }
            tokio::select! {
                biased;
                () = self.parking.cancelled() => return None,
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
            }
        }
    }
}

/// Patience with a store that fails, where somebody waits for an answer.
pub(crate) struct Patience {
    span: Duration,
    until: Instant,
    /// While this is false, patience does not run out.
    store_sound: Option<watch::Receiver<bool>>,
}

impl Patience {
    pub(crate) fn new(shared: &Shared) -> Self {
        let span = shared.settings.store_patience;
        Self { span, until: Instant::now() + span, store_sound: None }
    }

    /// A turn's: it does not run out while nothing can be written at all. Whatever would be said instead of an answer could not
    /// be written down either.
    pub(crate) fn of_turn(shared: &Shared) -> Self {
        Self { store_sound: Some(shared.store_sound.subscribe()), ..Self::new(shared) }
    }

    /// Waits a little before the next try; `false` when it is time to give up.
    pub(crate) async fn waits(&mut self) -> bool {
        tokio::time::sleep(STORE_PAUSE).await;
        if self.store_sound.as_ref().is_some_and(|sound| !*sound.borrow()) {
            self.until = Instant::now() + self.span;
        }
        Instant::now() < self.until
    }
}

/// Locks without fear of poison: our critical sections do not panic, and if one did, the data is still whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
