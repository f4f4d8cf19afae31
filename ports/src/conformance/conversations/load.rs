//! Loading: state and waiting entries.

use switchboard_domain::ids::{Seq, Version};

use crate::conformance::Fixture;
use crate::conformance::samples::{accept_first, ask, ending, key, lease};
use crate::conversations::LOADED_ENTRIES_MAX;

/// `None` is an answer.
pub async fn nobody_wrote_to_it_so_there_is_nothing(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    let lease = lease(&*store, "a", &key("c")).await;
    assert_eq!(store.load(&lease, &key("c").id(), Seq(0)).await, Ok(None));
}

/// Written to, never committed.
pub async fn what_was_never_committed_has_version_zero_and_no_state(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    accept_first(&*store, ask(&key("c"), "m1", "hello")).await;
    let lease = lease(&*store, "a", &key("c")).await;
    let loaded = store.load(&lease, &key("c").id(), Seq(0)).await.unwrap().unwrap();
    assert_eq!(loaded.key, key("c"));
    assert_eq!((loaded.version, loaded.snapshot), (Version(0), None));
    assert_eq!(loaded.entries.len(), 1);
}

/// Only what is new to the caller.
pub async fn load_goes_on_after_a_sequence(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    for n in 1..=4 {
        accept_first(&*store, ask(&key("c"), &format!("m{n}"), "hello")).await;
    }
    let lease = lease(&*store, "a", &key("c")).await;
    let id = key("c").id();
    store.commit(&lease, ending("k1", &id, Version(0), &[Seq(3)])).await.unwrap();
    for (after, expected) in [(0, vec![1, 2, 4]), (1, vec![2, 4]), (3, vec![4]), (4, vec![]), (9, vec![])] {
        let loaded = store.load(&lease, &id, Seq(after)).await.unwrap().unwrap();
        let found: Vec<_> = loaded.entries.iter().map(|entry| entry.seq.0).collect();
        assert_eq!(found, expected, "after {after}");
        assert_eq!(loaded.version, Version(1));
    }
}

/// Bounded, and nothing is skipped.
pub async fn more_entries_than_one_load_hands_over_follow_with_the_next(fixture: impl Fixture) {
    let store = fixture.stores().conversations;
    let count = u64::from(LOADED_ENTRIES_MAX) + 5;
    let accepted: Vec<_> =
        (1..=count).map(|n| store.accept(ask(&key("c"), &format!("m{n}"), "hello"))).collect();
    for accepted in accepted {
        accepted.await.unwrap();
    }
    let lease = lease(&*store, "a", &key("c")).await;
    let mut seen = Seq(0);
    let mut sizes = Vec::new();
    loop {
        let loaded = store.load(&lease, &key("c").id(), seen).await.unwrap().unwrap();
        if loaded.entries.is_empty() {
            break;
        }
        sizes.push(loaded.entries.len());
        for entry in loaded.entries {
            assert_eq!(entry.seq, seen.next());
            seen = entry.seq;
        }
    }
    assert_eq!(sizes, [usize::try_from(LOADED_ENTRIES_MAX).unwrap(), 5]);
    assert_eq!(seen, Seq(count));
}
