//! Claiming: leases, tokens, fencing.

use std::time::Duration;

use switchboard_domain::ids::{Partition, Seq, Version};

use crate::conformance::Fixture;
use crate::conformance::samples::{
    TTL, accept_first, ask, commit, ending, key, lease, line, replica, telling,
};
use crate::conversations::Lease;
use crate::error::StoreError;
use crate::page::PageRequest;

const ALMOST_TTL: Duration = Duration::from_millis(29_999);
const AFTER_TTL: Duration = Duration::from_millis(30_001);

/// Nobody holds it.
pub async fn a_free_partition_is_granted_at_once(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    let leases = store.claim(&replica("a"), &[Partition(7)], TTL).await.unwrap();
    let [lease] = leases.as_slice() else {
        panic!("expected one lease, got {leases:?}");
    };
    let expected = Lease {
        partition: Partition(7),
        owner: replica("a"),
        token: lease.token,
        until: crate::clock::Clock::now(&*fixture.clock()).after(TTL),
        lineage: lease.lineage,
    };
    assert_eq!(*lease, expected);
    assert!(lease.token.0 > 0);
}

/// All 256 at the start of a single server.
pub async fn all_partitions_are_claimed_in_one_step(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    let all: Vec<_> = Partition::all().collect();
    let leases = store.claim(&replica("a"), &all, TTL).await.unwrap();
    let mut granted: Vec<_> = leases.iter().map(|lease| lease.partition).collect();
    granted.sort();
    assert_eq!(granted, all);
    assert_eq!(store.claim(&replica("a"), &[], TTL).await, Ok(Vec::new()));
}

/// The others are granted all the same.
pub async fn a_held_partition_is_left_out(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    store.claim(&replica("a"), &[Partition(1), Partition(2)], TTL).await.unwrap();
    let wanted = [Partition(1), Partition(2), Partition(3)];
    let leases = store.claim(&replica("b"), &wanted, TTL).await.unwrap();
    let granted: Vec<_> = leases.iter().map(|lease| lease.partition).collect();
    assert_eq!(granted, [Partition(3)]);
    // Until the last millisecond.
    fixture.clock().advance(ALMOST_TTL);
    let leases = store.claim(&replica("b"), &[Partition(1)], TTL).await.unwrap();
    assert_eq!(leases, []);
}

/// A renewal in time.
pub async fn a_renewal_keeps_the_token_and_moves_the_end(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    let first = store.claim(&replica("a"), &[Partition(1)], TTL).await.unwrap();
    fixture.clock().advance(TTL / 2);
    let second = store.claim(&replica("a"), &[Partition(1)], TTL).await.unwrap();
    assert_eq!(second[0].token, first[0].token);
    assert_eq!(second[0].until, first[0].until.after(TTL / 2));
    fixture.clock().advance(ALMOST_TTL);
    let other = store.claim(&replica("b"), &[Partition(1)], TTL).await.unwrap();
    assert_eq!(other, []);
}

/// R15.
pub async fn after_its_end_a_lease_goes_to_a_new_owner_with_a_greater_token(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    let mut last = store.claim(&replica("a"), &[Partition(1)], TTL).await.unwrap();
    for owner in ["b", "a", "c"] {
        fixture.clock().advance(AFTER_TTL);
        let next = store.claim(&replica(owner), &[Partition(1)], TTL).await.unwrap();
        assert!(next[0].token > last[0].token, "{owner} got no greater token");
        last = next;
    }
}

/// Nobody can have written in between, so what it has in memory is still true.
pub async fn a_late_owner_keeps_its_token_when_nobody_came_between(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    let key = key("c");
    accept_first(&*store, ask(&key, "m1", "hello")).await;
    let first = lease(&*store, "a", &key).await;
    fixture.clock().advance(AFTER_TTL);
    let late = store.commit(&first, commit("k1", &key.id(), Version(0))).await;
    assert_eq!(late, Ok(Version(1)));
    let second = lease(&*store, "a", &key).await;
    assert_eq!(second.token, first.token);
}

/// R15: checked in the same step.
pub async fn a_stale_token_is_fenced_and_writes_nothing(fixture: impl Fixture) {
    let stores = fixture.stores();
    let store = stores.conversations;
    let key = key("c");
    accept_first(&*store, ask(&key, "m1", "hello")).await;
    let stale = lease(&*store, "a", &key).await;
    fixture.clock().advance(AFTER_TTL);
    let current = lease(&*store, "b", &key).await;
    assert_eq!(store.load(&stale, &key.id(), Seq(0)).await, Err(StoreError::Fenced));
    let mut late = telling("k1", &key.id(), Version(0), &[line(1, "hello")]);
    late.ended = ending("", &key.id(), Version(0), &[Seq(1)]).ended;
    assert_eq!(store.commit(&stale, late).await, Err(StoreError::Fenced));
    let loaded = store.load(&current, &key.id(), Seq(0)).await.unwrap().unwrap();
    assert_eq!((loaded.version, loaded.snapshot, loaded.entries.len()), (Version(0), None, 1));
    let lines = stores.transcripts.lines(&key.id(), &PageRequest::default()).await.unwrap();
    assert_eq!(lines.items, []);
    // The stale owner's return changes nothing for the current one.
    assert_eq!(store.claim(&replica("a"), &[key.partition()], TTL).await, Ok(Vec::new()));
    assert_eq!(store.commit(&current, commit("k2", &key.id(), Version(0))).await, Ok(Version(1)));
}

/// A mistake of the caller's must not get through.
pub async fn a_lease_on_one_partition_is_none_on_another(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    let key = key("c");
    accept_first(&*store, ask(&key, "m1", "hello")).await;
    let other = Partition(key.partition().0.wrapping_add(1));
    let wrong = store.claim(&replica("a"), &[other], TTL).await.unwrap().remove(0);
    let step = commit("k1", &key.id(), Version(0));
    assert_eq!(store.commit(&wrong, step).await, Err(StoreError::Fenced));
    assert_eq!(store.load(&wrong, &key.id(), Seq(0)).await, Err(StoreError::Fenced));
}

/// R15: the counter never starts again.
pub async fn tokens_grow_over_a_restart(mut fixture: impl Fixture) {
    let before = lease(&*fixture.stores().conversations, "a", &key("c")).await;
    for owner in ["b", "c"] {
        if !fixture.reopen().await {
            return;
        }
        fixture.clock().advance(AFTER_TTL);
        let after = lease(&*fixture.stores().conversations, owner, &key("c")).await;
        assert!(after.token > before.token);
    }
}
