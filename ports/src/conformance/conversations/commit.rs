//! Committing: versions, ends, idempotency.

use std::time::Duration;

use futures_util::future::join_all;
use switchboard_domain::ids::{Seq, SessionNumber, UserId, Version};
use switchboard_domain::message::TEXT_BYTES_MAX;

use crate::conformance::generate::{snapshots, values};
use crate::conformance::samples::{
    TTL, accept_first, ask, commit, ending, failed, key, lease, line, replica, reply, snapshot, telling,
};
use crate::conformance::{FakeClock, Fixture, Stores};
use crate::conversations::{Commit, Lease, Loaded};
use crate::error::StoreError;
use crate::page::PageRequest;

/// Stores with one conversation, its lease, and this many entries waiting.
async fn begin(fixture: &impl Fixture, entries: u64) -> (Stores, Lease) {
    let stores = fixture.stores();
    for n in 1..=entries {
        accept_first(&*stores.conversations, ask(&key("c"), &format!("m{n}"), "hello")).await;
    }
    let lease = lease(&*stores.conversations, "a", &key("c")).await;
    (stores, lease)
}

async fn load(stores: &Stores, lease: &Lease) -> Loaded {
    let loaded = stores.conversations.load(lease, &key("c").id(), Seq(0)).await;
    loaded.unwrap().unwrap()
}

/// Lines and failures that are stored.
async fn written(stores: &Stores) -> (usize, usize) {
    let page = PageRequest::default();
    let lines = stores.transcripts.lines(&key("c").id(), &page).await.unwrap();
    let failures = stores.failures.list(&page).await.unwrap();
    (lines.items.len(), failures.items.len())
}

/// A commit that does everything a commit can do.
fn full(id: &str, expected: Version) -> Commit {
    let mut with_reply = snapshot(3);
    with_reply.replies.push(reply(Seq(1), "answer"));
    Commit {
        snapshot: with_reply,
        transcript: vec![line(1, "question"), line(1, "answer")],
        failures: vec![failed(1)],
        user: Some(UserId::new("usr_1")),
        ..ending(id, &key("c").id(), expected, &[Seq(1)])
    }
}

/// The plain case, and what lists show of it.
pub async fn a_commit_counts_the_version_and_is_read_back(fixture: impl Fixture) {
    let (stores, lease) = begin(&fixture, 2).await;
    fixture.clock().advance(Duration::from_secs(5));
    let step = full("k1", Version(0));
    assert_eq!(stores.conversations.commit(&lease, step.clone()).await, Ok(Version(1)));
    let loaded = load(&stores, &lease).await;
    assert_eq!(loaded.version, Version(1));
    assert_eq!(loaded.snapshot, Some(step.snapshot));
    assert_eq!(written(&stores).await, (2, 1));
    let info = stores.transcripts.conversation(&key("c").id()).await.unwrap().unwrap();
    assert_eq!(info.session, Some((SessionNumber(3), FakeClock::START)));
    assert_eq!(info.user, Some(UserId::new("usr_1")));
    assert_eq!(info.created_at, FakeClock::START);
    assert_eq!(info.active_at, FakeClock::START.after(Duration::from_secs(5)));
    assert_eq!(info.waiting, 1);
    // A commit that maps nobody leaves the user as it is.
    let next = stores.conversations.commit(&lease, commit("k2", &key("c").id(), Version(1))).await;
    assert_eq!(next, Ok(Version(2)));
    let info = stores.transcripts.conversation(&key("c").id()).await.unwrap().unwrap();
    assert_eq!(info.user, Some(UserId::new("usr_1")));
}

/// From `load` and from the count of what waits.
pub async fn ended_entries_disappear(fixture: impl Fixture) {
    let (stores, lease) = begin(&fixture, 3).await;
    let step = ending("k1", &key("c").id(), Version(0), &[Seq(1), Seq(3)]);
    stores.conversations.commit(&lease, step).await.unwrap();
    let loaded = load(&stores, &lease).await;
    let left: Vec<_> = loaded.entries.iter().map(|entry| entry.seq).collect();
    assert_eq!(left, [Seq(2)]);
    let info = stores.transcripts.conversation(&key("c").id()).await.unwrap().unwrap();
    assert_eq!(info.waiting, 1);
}

/// Nor does ending what never was count for anything.
pub async fn ending_an_ended_entry_leaves_it(fixture: impl Fixture) {
    let (stores, lease) = begin(&fixture, 2).await;
    let id = key("c").id();
    let twice = ending("k1", &id, Version(0), &[Seq(1), Seq(1)]);
    assert_eq!(stores.conversations.commit(&lease, twice).await, Ok(Version(1)));
    let again = ending("k2", &id, Version(1), &[Seq(1), Seq(77)]);
    assert_eq!(stores.conversations.commit(&lease, again).await, Ok(Version(2)));
    let info = stores.transcripts.conversation(&id).await.unwrap().unwrap();
    assert_eq!(info.waiting, 1);
    assert_eq!(load(&stores, &lease).await.entries.len(), 1);
}

/// R7.
pub async fn a_repeated_commit_answers_the_same_and_writes_nothing_twice(fixture: impl Fixture) {
    let (stores, lease) = begin(&fixture, 1).await;
    let step = full("k1", Version(0));
    for _ in 0..3 {
        assert_eq!(stores.conversations.commit(&lease, step.clone()).await, Ok(Version(1)));
        // What arrives meanwhile makes no difference.
        fixture.clock().advance(Duration::from_secs(1));
    }
    assert_eq!(written(&stores).await, (2, 1));
    assert_eq!(load(&stores, &lease).await.version, Version(1));
}

/// Otherwise it would perform what the new owner performs too.
pub async fn a_repeated_commit_of_a_fenced_owner_is_fenced(fixture: impl Fixture) {
    let (stores, stale) = begin(&fixture, 1).await;
    let step = full("k1", Version(0));
    stores.conversations.commit(&stale, step.clone()).await.unwrap();
    fixture.clock().advance(TTL + Duration::from_millis(1));
    let _current = lease(&*stores.conversations, "b", &key("c")).await;
    assert_eq!(stores.conversations.commit(&stale, step).await, Err(StoreError::Fenced));
}

/// Only the last id is remembered.
pub async fn a_commit_older_than_the_last_is_a_conflict(fixture: impl Fixture) {
    let (stores, lease) = begin(&fixture, 1).await;
    let id = key("c").id();
    stores.conversations.commit(&lease, commit("k1", &id, Version(0))).await.unwrap();
    stores.conversations.commit(&lease, commit("k2", &id, Version(1))).await.unwrap();
    let old = stores.conversations.commit(&lease, commit("k1", &id, Version(0))).await;
    assert_eq!(old, Err(StoreError::Conflict));
}

/// Too high and too low.
pub async fn a_wrong_version_is_a_conflict_and_writes_nothing(fixture: impl Fixture) {
    let (stores, lease) = begin(&fixture, 1).await;
    let id = key("c").id();
    stores.conversations.commit(&lease, commit("k1", &id, Version(0))).await.unwrap();
    let before = load(&stores, &lease).await;
    for wrong in [0, 2, 9] {
        let answer = stores.conversations.commit(&lease, full("k2", Version(wrong))).await;
        assert_eq!(answer, Err(StoreError::Conflict), "expected version {wrong}");
    }
    assert_eq!(load(&stores, &lease).await, before);
    assert_eq!(written(&stores).await, (0, 0));
    let info = stores.transcripts.conversation(&id).await.unwrap().unwrap();
    assert_eq!((info.user, info.waiting), (None, 1));
}

/// Purged meanwhile, or never there.
pub async fn a_commit_to_a_conversation_that_is_gone_is_a_conflict(fixture: impl Fixture) {
    let (stores, lease) = begin(&fixture, 1).await;
    while stores.transcripts.purge(&key("c").channel).await.unwrap() {}
    let answer = stores.conversations.commit(&lease, full("k1", Version(0))).await;
    assert_eq!(answer, Err(StoreError::Conflict));
    assert_eq!(written(&stores).await, (0, 0));
}

/// Two halves of one mistaken owner.
pub async fn of_commits_at_once_on_one_version_exactly_one_wins(fixture: impl Fixture) {
    let (stores, lease) = begin(&fixture, 1).await;
    let commits = (0..6).map(|n| {
        let step = telling(&format!("k{n}"), &key("c").id(), Version(0), &[line(1, "x")]);
        stores.conversations.commit(&lease, step)
    });
    let answers = join_all(commits).await;
    let won = answers.iter().filter(|answer| **answer == Ok(Version(1))).count();
    let lost = answers.iter().filter(|answer| **answer == Err(StoreError::Conflict)).count();
    assert_eq!((won, lost), (1, 5));
    assert_eq!(written(&stores).await, (1, 0));
}

/// All variants, all fields.
pub async fn every_snapshot_comes_back_as_it_was(mut fixture: impl Fixture) {
    let snapshots = values(&snapshots(), 80);
    let (stores, lease) = begin(&fixture, 1).await;
    let mut version = Version(0);
    for (n, snapshot) in snapshots.iter().enumerate() {
        let step = Commit { snapshot: snapshot.clone(), ..commit(&format!("k{n}"), &key("c").id(), version) };
        version = stores.conversations.commit(&lease, step).await.unwrap();
        assert_eq!(load(&stores, &lease).await.snapshot.as_ref(), Some(snapshot));
    }
    drop(stores);
    if fixture.reopen().await {
        fixture.clock().advance(TTL + Duration::from_millis(1));
        let stores = fixture.stores();
        let claimed = stores.conversations.claim(&replica("b"), &[key("c").partition()], TTL).await;
        let loaded = load(&stores, &claimed.unwrap()[0]).await;
        assert_eq!((loaded.snapshot.as_ref(), loaded.version), (snapshots.last(), version));
    }
}

/// R2: inbox and state do not get in each other's way.
pub async fn what_arrives_between_load_and_commit_stays(fixture: impl Fixture) {
    let (stores, lease) = begin(&fixture, 1).await;
    let before = load(&stores, &lease).await;
    accept_first(&*stores.conversations, ask(&key("c"), "m2", "meanwhile")).await;
    let step = ending("k1", &key("c").id(), before.version, &[Seq(1)]);
    stores.conversations.commit(&lease, step).await.unwrap();
    let after = load(&stores, &lease).await;
    let left: Vec<_> = after.entries.iter().map(|entry| entry.seq).collect();
    assert_eq!(left, [Seq(2)]);
}

/// As long as the limits allow.
pub async fn long_texts_come_back_whole(fixture: impl Fixture) {
    let stores = fixture.stores();
    let question = "问".repeat(TEXT_BYTES_MAX / 3);
    let answer = "答".repeat(200_000);
    let arrival = ask(&key("c"), "m1", &question);
    accept_first(&*stores.conversations, arrival.clone()).await;
    let lease = lease(&*stores.conversations, "a", &key("c")).await;
    assert_eq!(load(&stores, &lease).await.entries[0].intake, arrival.intake);
    let mut long = snapshot(1);
    long.replies.push(reply(Seq(1), &answer));
    let step =
        Commit { snapshot: long.clone(), ..telling("k1", &key("c").id(), Version(0), &[line(1, &answer)]) };
    stores.conversations.commit(&lease, step).await.unwrap();
    assert_eq!(load(&stores, &lease).await.snapshot, Some(long));
    let lines = stores.transcripts.recent(&key("c").id(), SessionNumber(1), 5).await.unwrap();
    assert_eq!(lines, [line(1, &answer)]);
}
