//! The suite of `FailureStore`: reading what commits wrote, retrying it once, forgetting it.

use std::time::Duration;

use futures_util::future::join_all;
use switchboard_domain::ids::{RetryNumber, Seq, Version};
use switchboard_domain::inbox::{Entry, INBOX_ENTRIES_MAX, Intake};

use crate::conformance::generate::{agains, causes, tried, values};
use crate::conformance::samples::{TTL, accept_first, again, ask, commit, failed, failure, key, lease};
use crate::conformance::{Fixture, Stores};
use crate::conversations::{Commit, Failure, Lease, NewFailure};
use crate::failures::{FailureInfo, Requeued};
use crate::page::PageRequest;

/// One test per case of the failure store's contract.
#[macro_export]
macro_rules! failure_store_suite {
    ($fresh:path) => {
        $crate::__conformance_cases!($fresh; (failures);
            failures_are_listed_newest_first,
            every_record_is_read_back_as_it_was,
            a_retry_puts_the_message_into_its_inbox_once_more,
            everything_that_can_be_retried_comes_back_as_it_was,
            of_two_retries_at_once_one_is_done,
            a_retry_of_what_waits_behind_too_much_changes_nothing,
            a_deleted_record_is_gone_and_no_other,
            a_retry_and_a_deletion_survive,
        );
    };
}

/// Stores with one conversation at rest that has these failures, and its lease.
async fn with(fixture: &impl Fixture, failures: &[NewFailure]) -> (Stores, Lease) {
    let stores = fixture.stores();
    accept_first(&*stores.conversations, ask(&key("c"), "m1", "hello")).await;
    let lease = lease(&*stores.conversations, "a", &key("c")).await;
    for (n, chunk) in failures.chunks(3).enumerate() {
        let step = Commit {
            failures: chunk.to_vec(),
            ended: vec![(Seq(1), switchboard_domain::outcome::Outcome::Answered)],
            ..commit(&format!("k{n}"), &key("c").id(), Version(n as u64))
        };
        stores.conversations.commit(&lease, step).await.unwrap();
    }
    (stores, lease)
}

async fn listed(stores: &Stores, limit: u32) -> Vec<FailureInfo> {
    let mut read = Vec::new();
    let mut after = None;
    loop {
        let page = stores.failures.list(&PageRequest { limit, after }).await.unwrap();
        read.extend(page.items);
        after = page.next;
        if after.is_none() {
            return read;
        }
    }
}

async fn entries(stores: &Stores, lease: &Lease) -> Vec<Entry> {
    let loaded = stores.conversations.load(lease, &key("c").id(), Seq(0)).await;
    loaded.unwrap().unwrap().entries
}

/// All causes, in pages, each with an id of its own.
pub async fn failures_are_listed_newest_first(fixture: impl Fixture) {
    let failures: Vec<_> = (1..=7)
        .zip(values(&causes(), 7))
        .map(|(n, cause)| NewFailure { failure: Failure { cause, ..failure(n) }, ..failed(n) })
        .collect();
    let (stores, _) = with(&fixture, &failures).await;
    let read = listed(&stores, 2).await;
    let newest_first: Vec<_> = failures.into_iter().rev().map(|new| new.failure).collect();
    let records: Vec<_> = read.iter().map(|info| info.failure.clone()).collect();
    assert_eq!(records, newest_first);
    assert!(read.iter().all(|info| info.conversation == key("c").id() && info.id.starts_with("flr_")));
    let mut ids: Vec<_> = read.iter().map(|info| &info.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 7);
}

/// By its id, ways and retry number included.
pub async fn every_record_is_read_back_as_it_was(fixture: impl Fixture) {
    let failures: Vec<_> = (1..=40)
        .zip(values(&tried(), 40))
        .map(|(n, tried)| NewFailure {
            failure: Failure { tried, retry: RetryNumber(n / 3), ..failure(n) },
            ..failed(n)
        })
        .collect();
    let (stores, _) = with(&fixture, &failures).await;
    for (info, new) in listed(&stores, 50).await.into_iter().rev().zip(failures) {
        assert_eq!(info.failure, new.failure);
        assert_eq!((info.retried_at, info.can_be_retried, &info.channel), (None, true, &key("c").channel));
        assert_eq!(stores.failures.find(&info.id).await, Ok(Some(info)));
    }
    for nobody in ["", "flr_", "flr_9999", "flr_-1", "9", "flr_99999999999999999999"] {
        assert_eq!(stores.failures.find(nobody).await, Ok(None), "{nobody}");
        assert_eq!(stores.failures.retry(nobody).await, Ok(None), "{nobody}");
        assert_eq!(stores.failures.delete(nobody).await, Ok(false), "{nobody}");
    }
}

/// R8: the same message, with a retry number that no other retry of it has. Whoever wrote last stays who wrote last.
pub async fn a_retry_puts_the_message_into_its_inbox_once_more(fixture: impl Fixture) {
    let twice =
        [failed(1), NewFailure { failure: failure(1), again: again(Intake::Deliver { text: "a".into() }) }];
    let (stores, lease) = with(&fixture, &twice).await;
    assert_eq!(stores.conversations.open(key("c").partition(), None).await, Ok(vec![]));
    let before = stores.transcripts.conversation(&key("c").id()).await.unwrap().unwrap();
    fixture.clock().advance(Duration::from_secs(5));
    let now = crate::clock::Clock::now(&*fixture.clock());
    let read = listed(&stores, 10).await;
    for (n, info) in (2..).zip(read.iter().rev()) {
        let retried = stores.failures.retry(&info.id).await.unwrap().unwrap();
        assert_eq!(retried.outcome, Requeued::Now(Seq(n)));
        assert_eq!(retried.partition, key("c").partition());
        assert_eq!(retried.info, FailureInfo { retried_at: Some(now), ..info.clone() });
        assert_eq!(stores.failures.find(&info.id).await, Ok(Some(retried.info)));
    }
    let entries = entries(&stores, &lease).await;
    let intakes: Vec<_> = entries.iter().map(|entry| entry.intake.clone()).collect();
    assert_eq!(intakes, twice.clone().map(|new| new.again.intake));
    assert!(entries.iter().all(|entry| entry.message == twice[0].failure.message));
    assert!(entries.iter().all(|entry| entry.accepted_at == now && entry.fence == lease.token));
    assert!(entries.iter().all(|entry| entry.session_address == twice[0].again.session_address));
    assert!(entries[0].retry != entries[1].retry && entries.iter().all(|entry| entry.retry > RetryNumber(0)));
    assert_eq!(stores.conversations.open(key("c").partition(), None).await, Ok(vec![key("c").id()]));
    let after = stores.transcripts.conversation(&key("c").id()).await.unwrap().unwrap();
    assert_eq!((after.author, after.waiting), (before.author, 2));
    // The numbers of the inbox go on behind it.
    assert_eq!(accept_first(&*stores.conversations, ask(&key("c"), "m9", "next")).await, Seq(4));
}

/// Secrets included.
pub async fn everything_that_can_be_retried_comes_back_as_it_was(fixture: impl Fixture) {
    let agains = values(&agains(), 40);
    let failures: Vec<_> =
        agains.iter().map(|again| NewFailure { again: again.clone(), ..failed(1) }).collect();
    let (stores, lease) = with(&fixture, &failures).await;
    for (info, again) in listed(&stores, 50).await.into_iter().rev().zip(agains) {
        stores.failures.retry(&info.id).await.unwrap().unwrap();
        let entry = entries(&stores, &lease).await.pop().unwrap();
        assert_eq!(switchboard_domain::inbox::Again::ask(entry), again);
    }
}

/// A button pressed twice.
pub async fn of_two_retries_at_once_one_is_done(fixture: impl Fixture) {
    let (stores, lease) = with(&fixture, &[failed(1)]).await;
    let id = listed(&stores, 1).await.remove(0).id;
    let answers = join_all((0..4).map(|_| stores.failures.retry(&id))).await;
    let outcomes: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().unwrap()).collect();
    let done = outcomes.iter().filter(|retried| retried.outcome == Requeued::Now(Seq(2))).count();
    let before = outcomes.iter().filter(|retried| retried.outcome == Requeued::Before).count();
    assert_eq!((done, before), (1, 3));
    assert!(outcomes.iter().all(|retried| retried.info == outcomes[0].info));
    assert_eq!(entries(&stores, &lease).await.len(), 1);
}

/// The bound of the inbox holds for operators, too.
pub async fn a_retry_of_what_waits_behind_too_much_changes_nothing(fixture: impl Fixture) {
    let (stores, lease) = with(&fixture, &[failed(1)]).await;
    for n in 0..INBOX_ENTRIES_MAX {
        accept_first(&*stores.conversations, ask(&key("c"), &format!("w{n}"), "hello")).await;
    }
    let info = listed(&stores, 1).await.remove(0);
    let retried = stores.failures.retry(&info.id).await.unwrap().unwrap();
    assert_eq!((retried.outcome, retried.info), (Requeued::Full, info.clone()));
    assert_eq!(entries(&stores, &lease).await.len(), INBOX_ENTRIES_MAX as usize);
    let step = crate::conformance::samples::ending("k9", &key("c").id(), Version(1), &[Seq(2)]);
    stores.conversations.commit(&lease, step).await.unwrap();
    let retried = stores.failures.retry(&info.id).await.unwrap().unwrap();
    assert!(matches!(retried.outcome, Requeued::Now(_)));
}

/// Its id is not given again.
pub async fn a_deleted_record_is_gone_and_no_other(fixture: impl Fixture) {
    let (stores, lease) = with(&fixture, &[failed(1), failed(2), failed(3)]).await;
    let read = listed(&stores, 10).await;
    stores.failures.retry(&read[0].id).await.unwrap().unwrap();
    assert_eq!(stores.failures.delete(&read[0].id).await, Ok(true));
    assert_eq!(stores.failures.delete(&read[0].id).await, Ok(false));
    assert_eq!(stores.failures.find(&read[0].id).await, Ok(None));
    assert_eq!(stores.failures.retry(&read[0].id).await, Ok(None));
    assert_eq!(listed(&stores, 10).await, read[1..]);
    // What the retry has put into the inbox stays there.
    assert_eq!(entries(&stores, &lease).await.len(), 1);
    let step = Commit { failures: vec![failed(4)], ..commit("k9", &key("c").id(), Version(1)) };
    stores.conversations.commit(&lease, step).await.unwrap();
    let newest = listed(&stores, 1).await.remove(0);
    assert!(read.iter().all(|info| info.id != newest.id));
}

/// Stores that forget leave this case at once.
pub async fn a_retry_and_a_deletion_survive(mut fixture: impl Fixture) {
    let (stores, _) = with(&fixture, &[failed(1), failed(2)]).await;
    let read = listed(&stores, 10).await;
    stores.failures.retry(&read[0].id).await.unwrap().unwrap();
    stores.failures.delete(&read[1].id).await.unwrap();
    drop(stores);
    if !fixture.reopen().await {
        return;
    }
    fixture.clock().advance(TTL + Duration::from_millis(1));
    let stores = fixture.stores();
    let again = stores.failures.retry(&read[0].id).await.unwrap().unwrap();
    assert_eq!(again.outcome, Requeued::Before);
    let lease = lease(&*stores.conversations, "b", &key("c")).await;
    let entries = entries(&stores, &lease).await;
    assert_eq!(entries.len(), 1);
    assert!(entries[0].fence < lease.token, "whoever reads it now may have been preceded");
    assert_eq!(listed(&stores, 10).await.len(), 1);
}
