//! Partitions that should be somebody else's are let go without a gap: what runs there ends first, within bounds.

use std::time::Duration;

use switchboard_domain::ids::Partition;
use switchboard_ports::error::StoreError;
use switchboard_ports::replicas::Note;
use tokio::time::Instant;

use crate::runtime::shared::{Shared, lock};

/// How long a partition is kept for what runs there; then it is parked, and goes on with its next owner.
pub(crate) const HAND_OVER_MAX: Duration = Duration::from_secs(30);

/// Lets go of what should not be ours, as far as nothing runs there; what should be ours and is not.
pub(super) async fn hand_over(shared: &Shared) -> Result<Vec<Partition>, StoreError> {
    let (mut free, mut missing) = (Vec::new(), Vec::new());
    for partition in Partition::all() {
        let held = shared.has_lease(partition);
        if shared.wants(partition) {
            lock(&shared.peers.state).leaving.remove(&partition);
            if !held {
                missing.push(partition);
            }
        } else if held {
            lock(&shared.peers.state).leaving.entry(partition).or_insert_with(Instant::now);
            // Those at rest go now, and those at work when they are done.
            if shared.registry.wake_in(partition) == 0 {
                free.push(partition);
            }
        }
    }
    give_up(shared, &free).await?;
    Ok(missing)
}

/// Lets go of everything, at the very end.
pub(crate) async fn give_up_all(shared: &Shared) {
    let held: Vec<_> = Partition::all().filter(|partition| shared.has_lease(*partition)).collect();
    let left = tokio::time::timeout(shared.settings.renew_interval, async {
        give_up(shared, &held).await?;
        shared.ports.replicas.leave(&shared.replica).await
    });
    if !matches!(left.await, Ok(Ok(()))) {
        tracing::debug!(
            "the store could not be told that this replica ends; its leases run out by themselves"
        );
    }
}

/// Gives leases back. Memory goes first: nothing begins under a lease that somebody else may have.
async fn give_up(shared: &Shared, partitions: &[Partition]) -> Result<(), StoreError> {
    if partitions.is_empty() {
        return Ok(());
    }
    shared.forget_leases(partitions);
    {
        let mut state = lock(&shared.peers.state);
        for partition in partitions {
            state.leaving.remove(partition);
        }
    }
    shared.ports.conversations.claim(&shared.replica, partitions, Duration::ZERO).await?;
    shared.peers.post(Note::Freed);
    Ok(())
}
