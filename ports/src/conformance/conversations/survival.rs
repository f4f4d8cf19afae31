//! Death between any two steps. Stores that forget leave these cases at once.

use std::time::Duration;

use switchboard_domain::ids::{ConversationKey, Seq, Version};

use crate::conformance::samples::{
    TTL, accept_first, ask, ending, failed, key, lease, line, reply, snapshot,
};
use crate::conformance::{Fixture, Stores};
use crate::conversations::{Accepted, Commit, Lease};
use crate::error::StoreError;
use crate::page::PageRequest;

/// Steps of one conversation's short life.
const STEPS: u32 = 5;

/// What must be there after a number of steps: waiting sequences, version, replies, lines, failures.
type Expected = (Vec<u64>, u64, usize, usize, usize);

fn expected(steps: u32) -> Expected {
    match steps {
        0 => (vec![], 0, 0, 0, 0),
        1 => (vec![1], 0, 0, 0, 0),
        2 => (vec![1, 2], 0, 0, 0, 0),
        3 => (vec![2], 1, 1, 2, 0),
        4 => (vec![2], 2, 0, 2, 0),
        _ => (vec![], 3, 0, 2, 1),
    }
}

async fn step(stores: &Stores, key: &ConversationKey, lease: &Lease, number: u32) {
    let store = &*stores.conversations;
    let id = key.id();
    let commit = match number {
        1 | 2 => {
            accept_first(store, ask(key, &format!("{}-{number}", key.chat), "hello")).await;
            return;
        }
        3 => {
            let mut answered = snapshot(1);
            answered.replies.push(reply(Seq(1), "answer"));
            Commit {
                snapshot: answered,
                transcript: vec![line(1, "question"), line(1, "answer")],
                ..ending("k1", &id, Version(0), &[Seq(1)])
            }
        }
        4 => ending("k2", &id, Version(1), &[]),
        _ => Commit { failures: vec![failed(2)], ..ending("k3", &id, Version(2), &[Seq(2)]) },
    };
    store.commit(lease, commit).await.unwrap();
}

async fn found(stores: &Stores, key: &ConversationKey, lease: &Lease) -> Expected {
    let page = PageRequest { limit: 200, after: None };
    let lines = stores.transcripts.lines(&key.id(), &page).await.unwrap().items.len();
    let failures = stores.failures.list(&page).await.unwrap();
    let failures = failures.items.iter().filter(|info| info.conversation == key.id()).count();
    let loaded = stores.conversations.load(lease, &key.id(), Seq(0)).await.unwrap();
    let Some(loaded) = loaded else {
        return (vec![], 0, 0, lines, failures);
    };
    let waiting = loaded.entries.iter().map(|entry| entry.seq.0).collect();
    let replies = loaded.snapshot.map_or(0, |snapshot| snapshot.replies.len());
    (waiting, loaded.version.0, replies, lines, failures)
}

/// Promise 1: whatever was answered with Ok is there, and nothing is there by half.
pub async fn a_death_between_any_two_steps_loses_nothing_and_leaves_nothing_half_done(
    mut fixture: impl Fixture,
) {
    for death_after in 0..=STEPS {
        let key = key(&format!("c{death_after}"));
        let stores = fixture.stores();
        let before = lease(&*stores.conversations, &format!("before{death_after}"), &key).await;
        for number in 1..=death_after {
            step(&stores, &key, &before, number).await;
        }
        drop(stores);
        if !fixture.reopen().await {
            return;
        }
        fixture.clock().advance(TTL + Duration::from_millis(1));
        let stores = fixture.stores();
        let after = lease(&*stores.conversations, &format!("after{death_after}"), &key).await;
        assert_eq!(found(&stores, &key, &after).await, expected(death_after), "after {death_after}");
        let open = stores.conversations.open(key.partition(), None).await.unwrap();
        let at_rest = death_after == 0 || death_after == STEPS;
        assert_eq!(open.contains(&key.id()), !at_rest, "after {death_after}");
        // And life goes on to the same end.
        for number in death_after + 1..=STEPS {
            step(&stores, &key, &after, number).await;
        }
        assert_eq!(found(&stores, &key, &after).await, expected(STEPS), "after {death_after}");
        fixture.clock().advance(TTL + Duration::from_millis(1));
    }
}

/// R1.
pub async fn a_mark_survives(mut fixture: impl Fixture) {
    accept_first(&*fixture.stores().conversations, ask(&key("c"), "m1", "hello")).await;
    if fixture.reopen().await {
        let again = fixture.stores().conversations.accept(ask(&key("c"), "m1", "hello")).await;
        assert_eq!(again, Ok(Accepted::Duplicate));
    }
}

/// R7: the id is stored with the state.
pub async fn a_commit_is_recognised_after_a_death(mut fixture: impl Fixture) {
    let stores = fixture.stores();
    accept_first(&*stores.conversations, ask(&key("c"), "m1", "hello")).await;
    let before = lease(&*stores.conversations, "a", &key("c")).await;
    let step = ending("k1", &key("c").id(), Version(0), &[Seq(1)]);
    stores.conversations.commit(&before, step.clone()).await.unwrap();
    drop(stores);
    if fixture.reopen().await {
        fixture.clock().advance(TTL + Duration::from_millis(1));
        let stores = fixture.stores();
        let after = lease(&*stores.conversations, "b", &key("c")).await;
        assert_eq!(stores.conversations.commit(&before, step.clone()).await, Err(StoreError::Fenced));
        assert_eq!(stores.conversations.commit(&after, step).await, Ok(Version(1)));
    }
}
