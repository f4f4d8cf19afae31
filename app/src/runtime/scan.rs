//! Leases, and the scan that guarantees what wakes only hint at (R5).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use switchboard_domain::ids::{ConversationId, Partition};
use switchboard_ports::conversations::OPEN_LISTED_MAX;
use switchboard_ports::error::StoreError;
use tokio::time::Instant;

use super::channel::{ChannelHandle, Message};
use super::panics::caught;
use super::shared::Shared;
use super::troubles::Kind;
use crate::telemetry::metrics as names;

/// How long a renewal may take until it is said that messages cannot be stored. What is written with it takes milliseconds.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(2);

/// Renews leases until the server has stopped; says when the store goes away and comes back.
pub(crate) async fn renew_leases(shared: Arc<Shared>) {
    let mut failing_since: Option<Instant> = None;
    loop {
        let begun = Instant::now();
        let pause = match watched_claim(&shared).await {
            Ok(()) => {
                shared.troubles.done(Kind::Leases, shared.now());
                names::stored("renew", begun.elapsed());
                shared.troubles.took(begun.elapsed(), shared.now());
                failing_since = None;
                store_back(&shared).await;
                // Looked at again soon while messages are still held.
                let sound = *shared.store_sound.borrow();
                if sound { shared.settings.renew_interval } else { shared.settings.renew_interval / 3 }
            }
            Err(error) => {
                store_doubted(&shared).await;
                let since = *failing_since.get_or_insert(begun);
                shared.troubles.refused(Kind::Leases, &error, shared.now());
                if since.elapsed() >= shared.settings.store_patience {
                    for handle in shared.all_channels() {
                        store_lost(&shared, &handle).await;
                    }
                }
                shared.settings.renew_interval / 3
            }
        };
        tokio::select! {
            biased;
            () = shared.parking.cancelled() => return,
            () = shared.renew_soon.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// A renewal; one that takes long is told before it ends.
async fn watched_claim(shared: &Shared) -> Result<(), StoreError> {
    let claim = claim(shared);
    tokio::pin!(claim);
    if let Ok(answer) = tokio::time::timeout(ANSWER_WAIT_MAX, &mut claim).await {
        return answer;
    }
    store_doubted(shared).await;
    let silence = StoreError::Unavailable(format!("no answer for {} s", ANSWER_WAIT_MAX.as_secs()));
    shared.troubles.refused(Kind::Leases, &silence, shared.now());
    claim.await
}

/// One renewal of everything that is or should be ours.
pub(crate) async fn claim(shared: &Shared) -> Result<(), StoreError> {
    let ours = |partition: &Partition| shared.has_lease(*partition) || shared.wants(*partition);
    claim_of(shared, &Partition::all().filter(ours).collect::<Vec<_>>()).await
}

/// Claims what should be ours and is not, and goes on with what is open in what was gained.
pub(crate) async fn take_over(shared: &Arc<Shared>, missing: &[Partition]) -> Result<(), StoreError> {
    if missing.is_empty() {
        return Ok(());
    }
    claim_of(shared, missing).await?;
    for partition in missing {
        scan_partition(shared, *partition).await?;
    }
    Ok(())
}

async fn claim_of(shared: &Shared, ours: &[Partition]) -> Result<(), StoreError> {
    let claimed = shared.ports.conversations.claim(&shared.replica, ours, shared.settings.lease_ttl);
    let claimed = tokio::time::timeout(shared.settings.store_patience, claimed);
    let granted = caught("a claim of leases", claimed)
        .await
        .and_then(Result::ok)
        .unwrap_or_else(|| Err(StoreError::Unavailable("no answer to a claim".to_owned())))?;
    let lost = shared.set_leases(ours, granted);
    if lost > 0 {
        tracing::warn!(
            partitions = lost,
            "others have taken over what was ours: this process stood still, or could not reach the store for too long"
        );
    }
    Ok(())
}

/// Looks through the open index for ever.
pub(crate) async fn scan_open(shared: Arc<Shared>) {
    loop {
        tokio::select! {
            biased;
            () = shared.parking.cancelled() => return,
            () = tokio::time::sleep(shared.settings.scan_interval) => {}
        }
        match caught("a look through what is open", scan_once(&shared)).await {
            // Without a lease that still lasts nothing is asked, which says nothing about the store.
            Some(Ok(false)) | None => {}
            Some(looked) => shared.troubles.saw(Kind::Look, &looked, shared.now()),
        }
    }
}

/// One look through the open index: whatever is open and not in memory is woken. Whether the store was asked at all.
pub(crate) async fn scan_once(shared: &Arc<Shared>) -> Result<bool, StoreError> {
    let mut asked = false;
    for partition in Partition::all() {
        asked |= scan_partition(shared, partition).await?;
    }
    Ok(asked)
}

async fn scan_partition(shared: &Arc<Shared>, partition: Partition) -> Result<bool, StoreError> {
    if shared.lease(partition).is_none() {
        return Ok(false);
    }
    for id in open_in(shared, partition).await? {
        super::wake(shared, partition, id);
    }
    Ok(true)
}

/// What is open in these partitions.
pub(super) async fn open_among(
    shared: &Shared,
    partitions: impl IntoIterator<Item = Partition>,
) -> Result<BTreeSet<ConversationId>, StoreError> {
    let mut open = BTreeSet::new();
    for partition in partitions {
        open.extend(open_in(shared, partition).await?);
    }
    Ok(open)
}

async fn open_in(shared: &Shared, partition: Partition) -> Result<Vec<ConversationId>, StoreError> {
    let mut open = Vec::new();
    loop {
        let listed = shared.ports.conversations.open(partition, open.last()).await?;
        let full = listed.len() >= OPEN_LISTED_MAX as usize;
        open.extend(listed);
        if !full {
            return Ok(open);
        }
    }
}

/// Something could not be written. Nothing is green from here on (status, `/readyz`), while sockets stay open for as long as
/// there is patience (R4).
pub(crate) async fn store_doubted(shared: &Shared) {
    if shared.store_sound.send_replace(false) {
        for handle in shared.all_channels() {
            handle.tell_surely(Message::StoreDoubted).await;
        }
    }
}

/// A message could not be stored for too long: the channel's sockets are closed, so that pushes go elsewhere or come again (R4).
pub(crate) async fn store_lost(shared: &Shared, handle: &ChannelHandle) {
    // In this order: whoever brings the news that the store is back looks at the mark, and must not find it set before the
    // channel knows.
    handle.tell_surely(Message::StoreLost).await;
    shared.store_up.send_replace(false);
}

async fn store_back(shared: &Shared) {
    // What is held is the better witness: it was refused, and has not been stored yet.
    if shared.held.load(Ordering::Relaxed) == 0 && !shared.store_sound.send_replace(true) {
        for handle in shared.all_channels() {
            handle.tell_surely(Message::StoreTrusted).await;
        }
    }
    if !shared.store_up.send_replace(true) {
        tracing::info!("the store is back");
        for handle in shared.all_channels() {
            handle.tell_surely(Message::StoreBack).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use switchboard_domain::ids::FencingToken;
    use switchboard_ports::conversations::{Lease, Lineage};

    use super::*;
    use crate::runtime::shared::Settings;
    use crate::testing::{FakeClock, FakeStores, ports};

    const TTL: Duration = Duration::from_secs(10);

    /// While a store is away leases run out, and then nothing is asked any more: that is not the end of the trouble.
    #[tokio::test(start_paused = true)]
    async fn a_look_that_asks_nothing_is_neither_a_success_nor_a_failure() {
        let (stores, clock) = (Arc::new(FakeStores::default()), Arc::new(FakeClock::default()));
        let shared = Arc::new(Shared::new(ports(&stores, clock.clone()), Settings::default()));
        let partition = Partition(7);
        let leased = || {
            let until = shared.now().after(TTL);
            let lease = Lease {
                partition,
                owner: shared.replica.clone(),
                token: FencingToken(1),
                until,
                lineage: Lineage::default(),
            };
            shared.set_leases(&[partition], vec![lease]);
        };
        let looks = || tokio::time::sleep(shared.settings.scan_interval * 3);
        leased();
        stores.set_down(true);
        shared.tasks.spawn(scan_open(Arc::clone(&shared)));
        looks().await;
        assert!(shared.troubles.last(Kind::Look));
        clock.advance(TTL);
        looks().await;
        stores.set_down(false);
        looks().await;
        assert!(shared.troubles.last(Kind::Look), "nobody has asked the store");
        leased();
        looks().await;
        assert!(!shared.troubles.last(Kind::Look));
        shared.parking.cancel();
    }
}
