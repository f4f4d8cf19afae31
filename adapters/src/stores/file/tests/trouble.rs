//! Trouble: full disks, lost transactions, panics, full queues; and that it passes.

use std::sync::Arc;
use std::sync::mpsc::channel as signal;
use std::time::Duration;

use futures_util::future::join_all;
use switchboard_domain::ids::Seq;
use switchboard_domain::inbox::Verdict;
use switchboard_ports::conformance::FakeClock;
use switchboard_ports::conformance::samples::{accept_first, ask, key, lease, replica};
use switchboard_ports::conversations::{Accepted, Admission, Arrival, DEDUPLICATION_KEPT};
use switchboard_ports::error::StoreError;

use super::super::{Core, sql, stores};
use super::Place;

fn is_unavailable<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unavailable(_)))
}

/// Holds the writer until the answer is dropped, so that what is queued meanwhile becomes one transaction.
fn hold(core: &Core) -> std::sync::mpsc::Sender<()> {
    let (release, held) = signal::<()>();
    let (started, has_started) = signal();
    drop(core.writer.submit(move |_| {
        started.send(()).unwrap();
        // Ends when the sender is dropped.
        let _released = held.recv();
        Ok(())
    }));
    has_started.recv_timeout(Duration::from_secs(30)).unwrap();
    release
}

fn limit_pages(core: &Core, pages: u32) {
    let limited = core.writer.submit(move |step| {
        let sql = format!("PRAGMA max_page_count = {pages}");
        sql::first(step.connection, &sql, [], |row| row.get::<_, u32>(0))
    });
    block_on(limited).unwrap();
}

/// Waits on a thread that has nothing else to do.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn a_full_disk_is_unavailable_and_passes() {
    let place = Place::new();
    let core = place.open().unwrap();
    let store = stores(&core).conversations;
    let long = "x".repeat(20_000);
    block_on(async {
        accept_first(&*store, ask(&key("c"), "before", "hello")).await;
    });
    limit_pages(&core, 1);
    block_on(async {
        for n in 0..20 {
            let refused = store.accept(ask(&key("c"), &format!("m{n}"), &long)).await;
            assert!(is_unavailable(&refused), "{refused:?}");
        }
    });
    limit_pages(&core, 1_000_000);
    block_on(async {
        // Nothing of what failed is there, not even a mark.
        for n in 0..20 {
            let seq = accept_first(&*store, ask(&key("c"), &format!("m{n}"), &long)).await;
            assert_eq!(seq, Seq(n + 2));
        }
        let duplicate = store.accept(ask(&key("c"), "before", "hello")).await;
        assert_eq!(duplicate, Ok(Accepted::Duplicate));
    });
}

#[tokio::test]
async fn when_a_transaction_is_lost_nobody_in_it_hears_anything_else() {
    let place = Place::new();
    let core = place.open().unwrap();
    let store = stores(&core).conversations;
    let stale = lease(&*store, "a", &key("c")).await;
    place.clock.advance(Duration::from_hours(1));
    let release = hold(&core);
    let first = store.accept(ask(&key("c"), "m1", "hello"));
    // "Seen before" would be a lie: the first delivery is about to be lost.
    let second = store.accept(ask(&key("c"), "m1", "hello"));
    let owner = replica("b");
    let partitions = [key("c").partition()];
    let mut claim = Box::pin(store.claim(&owner, &partitions, Duration::from_secs(30)));
    assert!(futures_util::poll!(&mut claim).is_pending());
    let lost = core.writer.submit(|step| sql::run(step.connection, "ROLLBACK", []));
    drop(release);
    let answers = join_all([first, second]).await;
    assert!(answers.iter().all(is_unavailable), "{answers:?}");
    assert!(is_unavailable(&claim.await));
    assert!(is_unavailable(&lost.await));
    // And all of it can be done again.
    assert_eq!(accept_first(&*store, ask(&key("c"), "m1", "hello")).await, Seq(1));
    let current = lease(&*store, "b", &key("c")).await;
    assert!(current.token > stale.token);
    assert_eq!(store.load(&stale, &key("c").id(), Seq(0)).await, Err(StoreError::Fenced));
}

struct Panicking;

impl Admission for Panicking {
    fn verdict(&self, _waiting: u32) -> Verdict {
        panic!("a decision that panics, on purpose")
    }
}

#[tokio::test]
async fn a_member_that_fails_takes_no_other_with_it() {
    let place = Place::new();
    let core = place.open().unwrap();
    let store = stores(&core).conversations;
    let release = hold(&core);
    let panicking = Arrival { admission: Arc::new(Panicking), ..ask(&key("c"), "m2", "hello") };
    let answers = [
        store.accept(ask(&key("c"), "m1", "hello")),
        store.accept(panicking),
        store.accept(ask(&key("c"), "m3", "hello")),
    ];
    let broken = core.writer.submit(|step| {
        sql::run(step.connection, "UPDATE conversations SET waiting = 77", [])?;
        sql::run(step.connection, "INSERT INTO conversations (id) VALUES ('half')", [])
    });
    drop(release);
    let answers = join_all(answers).await;
    let at = FakeClock::START;
    let first = |seq| Ok(Accepted::First { seq: Some(Seq(seq)), verdict: Verdict::Admit, at });
    assert_eq!(answers[0], first(1));
    assert!(is_unavailable(&answers[1]));
    assert_eq!(answers[2], first(2));
    assert!(is_unavailable(&broken.await));
    // The message whose decision panicked can be delivered again, and what the broken member wrote is gone.
    assert_eq!(store.accept(ask(&key("c"), "m2", "hello")).await, first(3));
    let info = stores(&core).transcripts.conversation(&key("c").id()).await.unwrap().unwrap();
    assert_eq!(info.waiting, 3);
}

#[tokio::test]
async fn a_full_queue_is_unavailable_and_passes() {
    let place = Place::new();
    let core = place.open().unwrap();
    let store = stores(&core).conversations;
    let release = hold(&core);
    let answers: Vec<_> =
        (0..5_000).map(|n| store.accept(ask(&key("c"), &format!("m{n}"), "hello"))).collect();
    drop(release);
    let answers = join_all(answers).await;
    let accepted = answers.iter().filter(|answer| answer.is_ok()).count();
    let refused = answers.iter().filter(|answer| is_unavailable(answer)).count();
    assert_eq!((accepted, refused), (4_096, 5_000 - 4_096));
    assert_eq!(accept_first(&*store, ask(&key("c"), "m4999", "hello")).await, Seq(4_097));
}

#[tokio::test]
async fn somebody_elses_lock_is_unavailable_and_passes() {
    let place = Place::new();
    let core = place.open().unwrap();
    let store = stores(&core).conversations;
    // Not the five seconds it would wait otherwise.
    let impatient = core.writer.submit(|step| {
        step.connection.busy_timeout(Duration::ZERO).unwrap();
        Ok(())
    });
    impatient.await.unwrap();
    let other = rusqlite::Connection::open(place.database()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(is_unavailable(&store.accept(ask(&key("c"), "m1", "hello")).await));
    assert_eq!(store.open(key("c").partition(), None).await, Ok(vec![]), "reading goes on");
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(accept_first(&*store, ask(&key("c"), "m1", "hello")).await, Seq(1));
}

#[tokio::test]
async fn what_is_queued_is_written_before_the_store_closes() {
    let place = Place::new();
    let core = place.open().unwrap();
    let store = stores(&core).conversations;
    let release = hold(&core);
    for n in 0..50 {
        drop(store.accept(ask(&key("c"), &format!("m{n}"), "hello")));
    }
    drop(release);
    drop((store, core));
    let store = stores(&place.open().unwrap()).conversations;
    assert_eq!(accept_first(&*store, ask(&key("c"), "last", "hello")).await, Seq(51));
}

#[tokio::test]
async fn marks_older_than_a_day_are_swept_a_few_at_a_time() {
    let place = Place::new();
    let core = place.open().unwrap();
    let store = stores(&core).conversations;
    let marks = async || {
        let count = core.readers.read(|connection| {
            sql::first(connection, "SELECT count(*) FROM marks", [], |row| row.get::<_, u32>(0))
        });
        count.await.unwrap().unwrap()
    };
    let old = (0..300).map(|n| store.accept(ask(&key("c"), &format!("old{n}"), "hello")));
    for accepted in old.collect::<Vec<_>>() {
        accepted.await.unwrap();
    }
    place.clock.advance(DEDUPLICATION_KEPT + Duration::from_millis(1));
    for n in 0..63 {
        accept_first(&*store, ask(&key(&format!("c{n}")), &format!("new{n}"), "hello")).await;
    }
    let before = marks().await;
    // The last look was made among the old ones.
    assert!((363 - 128..=363).contains(&before), "{before} left");
    for n in 63..64 * 3 {
        accept_first(&*store, ask(&key(&format!("c{n}")), &format!("new{n}"), "hello")).await;
    }
    assert_eq!(marks().await, 64 * 3);
}
