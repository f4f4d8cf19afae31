//! Who changes settings: one at a time, over all replicas of a store.
//!
//! A check of settings spans records (two enabled channels must not be one bot, an agent in use must not go), so that no version of a
//! single record decides it. Whoever reads, checks and writes holds this lock meanwhile: here by a mutex, against other
//! replicas by a place in the store that runs out by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use switchboard_domain::ids::ReplicaId;
use switchboard_ports::clock::Entropy;
use switchboard_ports::error::StoreError;
use switchboard_ports::replicas::{ReplicaStore, settings_place};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep, timeout};

/// How long the place is held at most, so that whoever dies with it holds nobody up for longer.
const HELD_MAX: Duration = Duration::from_secs(5);
/// How long may pass from taking the place to a write under it; the rest is the write's own time.
const WRITE_BEGINS_WITHIN: Duration = Duration::from_secs(3);
/// How long to wait for others; a dead one's place is free by then.
const WAIT_MAX: Duration = Duration::from_secs(8);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// The lock, as one process has it.
pub struct SettingsLock {
    here: Mutex<()>,
    name: String,
    /// Times it was taken; each has a holder's name of its own, so that giving up the last one never frees the next.
    taken: AtomicU64,
    replicas: Arc<dyn ReplicaStore>,
}

/// The lock is held until this is dropped.
pub struct Held<'a> {
    replicas: Arc<dyn ReplicaStore>,
    holder: ReplicaId,
    until: Instant,
    _here: MutexGuard<'a, ()>,
}

impl SettingsLock {
    /// A lock over this store.
    #[must_use]
    pub fn new(replicas: Arc<dyn ReplicaStore>, entropy: &dyn Entropy) -> Self {
        let name = format!("{:016x}{:016x}", entropy.next_u64(), entropy.next_u64());
        Self { here: Mutex::new(()), name, taken: AtomicU64::new(0), replicas }
    }

    /// Takes the lock, after whoever has it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when others hold it for too long, and whatever the store says.
    pub async fn hold(&self) -> Result<Held<'_>, StoreError> {
        let here = timeout(WAIT_MAX, self.here.lock()).await.map_err(|_| StoreError::Conflict)?;
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        let holder = ReplicaId::new(format!("{}-{number}", self.name));
        let patience = Instant::now() + WAIT_MAX;
        loop {
            let begun = Instant::now();
            if self.replicas.hold(&settings_place(), &holder, HELD_MAX).await? {
                let replicas = Arc::clone(&self.replicas);
                return Ok(Held { replicas, holder, until: begun + WRITE_BEGINS_WITHIN, _here: here });
            }
            if Instant::now() > patience {
                return Err(StoreError::Conflict);
            }
            sleep(PAUSE).await;
        }
    }
}

impl Held<'_> {
    /// Right before a write: whether what was checked still counts.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the check took so long that somebody else may have the lock by the time the write is done.
    pub fn still(&self) -> Result<(), StoreError> {
        if Instant::now() < self.until { Ok(()) } else { Err(StoreError::Conflict) }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let (replicas, holder) = (Arc::clone(&self.replicas), self.holder.clone());
        // Whoever cannot give it up lets it run out.
        drop(tokio::spawn(async move { replicas.hold(&settings_place(), &holder, Duration::ZERO).await }));
    }
}
