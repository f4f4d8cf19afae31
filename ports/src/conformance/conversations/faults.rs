//! R7 under faults: what failed without an answer is repeated unchanged.

use std::sync::Arc;

use switchboard_domain::ids::{Seq, Version};
use switchboard_domain::inbox::Verdict;

use crate::conformance::samples::{TTL, ask, commit, ending, failed, key, lease, line, replica};
use crate::conformance::{FakeClock, Fate, Faulty, Fixture, Stores, Verb};
use crate::conversations::{Accepted, Commit, ConversationStore};
use crate::error::StoreError;
use crate::page::PageRequest;

fn faulty(fixture: &impl Fixture) -> (Stores, Arc<Faulty>) {
    let stores = fixture.stores();
    let faulty = Arc::new(Faulty::around(Arc::clone(&stores.conversations)));
    (stores, faulty)
}

fn is_unavailable<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unavailable(_)))
}

async fn commit_once_in_spite_of(fixture: impl Fixture, fate: Fate) {
    let (stores, faulty) = faulty(&fixture);
    faulty.accept(ask(&key("c"), "m1", "hello")).await.unwrap();
    let lease = lease(&*faulty, "a", &key("c")).await;
    let step = Commit {
        transcript: vec![line(1, "question")],
        failures: vec![failed(1)],
        ..ending("k1", &key("c").id(), Version(0), &[Seq(1)])
    };
    faulty.fail(Verb::Commit, 1, fate);
    faulty.fail(Verb::Commit, 2, fate);
    assert!(is_unavailable(&faulty.commit(&lease, step.clone()).await));
    assert!(is_unavailable(&faulty.commit(&lease, step.clone()).await));
    assert_eq!(faulty.commit(&lease, step).await, Ok(Version(1)));
    assert_eq!(faulty.commit(&lease, commit("k2", &key("c").id(), Version(1))).await, Ok(Version(2)));
    let page = PageRequest::default();
    let lines = stores.transcripts.lines(&key("c").id(), &page).await.unwrap();
    let failures = stores.failures.list(&page).await.unwrap();
    assert_eq!((lines.items.len(), failures.items.len()), (1, 1));
}

/// The unknown-fate case.
pub async fn a_commit_done_but_unheard_is_repeated_without_harm(fixture: impl Fixture) {
    commit_once_in_spite_of(fixture, Fate::DoneUnheard).await;
}

/// The caller cannot tell it from the other case.
pub async fn a_commit_not_done_is_repeated_without_harm(fixture: impl Fixture) {
    commit_once_in_spite_of(fixture, Fate::NotDone).await;
}

/// The platform delivers again, and that is acked.
pub async fn an_acceptance_done_but_unheard_is_then_a_duplicate(fixture: impl Fixture) {
    let (_, faulty) = faulty(&fixture);
    faulty.fail(Verb::Accept, 1, Fate::DoneUnheard);
    faulty.fail(Verb::Accept, 3, Fate::NotDone);
    assert!(is_unavailable(&faulty.accept(ask(&key("c"), "m1", "hello")).await));
    assert_eq!(faulty.accept(ask(&key("c"), "m1", "hello")).await, Ok(Accepted::Duplicate));
    assert!(is_unavailable(&faulty.accept(ask(&key("c"), "m2", "hello")).await));
    let first = Accepted::First { seq: Some(Seq(2)), verdict: Verdict::Admit, at: FakeClock::START };
    assert_eq!(faulty.accept(ask(&key("c"), "m2", "hello")).await, Ok(first));
}

/// The second claim is a renewal.
pub async fn a_claim_done_but_unheard_is_repeated_without_harm(fixture: impl Fixture) {
    let (_, faulty) = faulty(&fixture);
    faulty.fail(Verb::Claim, 1, Fate::DoneUnheard);
    let partitions = [key("c").partition()];
    assert!(is_unavailable(&faulty.claim(&replica("a"), &partitions, TTL).await));
    assert_eq!(faulty.claim(&replica("a"), &partitions, TTL).await.unwrap().len(), 1);
    assert_eq!(faulty.claim(&replica("b"), &partitions, TTL).await, Ok(Vec::new()));
}

/// All verbs.
pub async fn a_store_that_is_down_does_nothing_and_works_again_afterwards(fixture: impl Fixture) {
    let (_, faulty) = faulty(&fixture);
    let key = key("c");
    let held = lease(&*faulty, "a", &key).await;
    faulty.down(true);
    assert!(is_unavailable(&faulty.accept(ask(&key, "m1", "hello")).await));
    assert!(is_unavailable(&faulty.claim(&replica("a"), &[key.partition()], TTL).await));
    assert!(is_unavailable(&faulty.open(key.partition(), None).await));
    assert!(is_unavailable(&faulty.load(&held, &key.id(), Seq(0)).await));
    assert!(is_unavailable(&faulty.commit(&held, commit("k1", &key.id(), Version(0))).await));
    faulty.down(false);
    assert_eq!(faulty.load(&held, &key.id(), Seq(0)).await, Ok(None));
    let answer = faulty.accept(ask(&key, "m1", "hello")).await;
    assert!(matches!(answer, Ok(Accepted::First { seq: Some(Seq(1)), .. })));
    assert_eq!(faulty.open(key.partition(), None).await, Ok(vec![key.id()]));
    assert_eq!(faulty.commit(&held, commit("k1", &key.id(), Version(0))).await, Ok(Version(1)));
}

/// Other verbs do not count.
pub async fn only_the_nth_call_of_the_verb_fails(fixture: impl Fixture) {
    let (_, faulty) = faulty(&fixture);
    faulty.fail(Verb::Open, 3, Fate::NotDone);
    let partition = key("c").partition();
    let mut failed = Vec::new();
    for _ in 0..5 {
        faulty.accept(ask(&key("c"), "m1", "hello")).await.unwrap();
        failed.push(is_unavailable(&faulty.open(partition, None).await));
    }
    assert_eq!(failed, [false, false, true, false, false]);
    assert_eq!(faulty.calls().len(), 10);
}
