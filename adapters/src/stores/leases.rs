//! Leases of a store that one process owns alone: they are kept in memory, only the fence counters have to last (R15). They end
//! by the process's own clock, which is never set back, so that none of them can last longer than it was given for.

use std::collections::BTreeMap;
use std::time::Duration;

use switchboard_domain::ids::{FencingToken, Partition, ReplicaId};
use switchboard_domain::time::Timestamp;
use switchboard_ports::conversations::{Lease, Lineage};
use switchboard_ports::error::StoreError;

/// Who holds what, and the greatest token ever given per partition.
#[derive(Debug, Default)]
pub(super) struct Leases {
    held: BTreeMap<Partition, Lease>,
    fences: BTreeMap<Partition, FencingToken>,
}

/// A lease given out.
#[derive(Debug)]
pub(super) struct Granted {
    /// The lease.
    pub(super) lease: Lease,
    /// Whether its token is new, and has to be stored before anybody hears of it.
    pub(super) new: bool,
}

impl Leases {
    /// Nobody holds anything; tokens go on after these.
    pub(super) fn new(fences: BTreeMap<Partition, FencingToken>) -> Self {
        Self { held: BTreeMap::new(), fences }
    }

    /// The greatest token given; 0 when there was none.
    pub(super) fn fence(&self, partition: Partition) -> FencingToken {
        self.fences.get(&partition).copied().unwrap_or_default()
    }

    /// Gives or renews a lease, unless somebody else holds it. An owner whose lease ran out keeps its token when nobody came
    /// between: nobody can have written, so what it has in memory is still true.
    pub(super) fn claim(
        &mut self,
        owner: &ReplicaId,
        partition: Partition,
        ttl: Duration,
        now: Timestamp,
    ) -> Option<Granted> {
        let held = self.held.get(&partition);
        let renewed = held.filter(|lease| lease.owner == *owner);
        if renewed.is_none() && held.is_some_and(|lease| lease.until > now) {
            return None;
        }
        let new = renewed.is_none();
        let token = renewed.map_or_else(|| self.fence(partition).next(), |lease| lease.token);
        let lease = Lease {
            partition,
            owner: owner.clone(),
            token,
            until: now.after(ttl),
            lineage: Lineage::default(),
        };
        self.held.insert(partition, lease.clone());
        self.fences.insert(partition, token);
        Some(Granted { lease, new })
    }

    /// Whether the lease is still the caller's and is for this partition.
    pub(super) fn check(&self, lease: &Lease, partition: Partition) -> Result<(), StoreError> {
        let current = self.held.get(&partition);
        let is_callers = lease.partition == partition
            && current.is_some_and(|held| held.token == lease.token && held.owner == lease.owner);
        if is_callers { Ok(()) } else { Err(StoreError::Fenced) }
    }

    /// Takes a lease back whose token could not be stored. The counter stays where it is: a number skipped harms nobody.
    pub(super) fn revoke(&mut self, partition: Partition) {
        self.held.remove(&partition);
    }
}
