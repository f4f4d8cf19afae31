//! Files that are taken away from under an open store: nothing is acknowledged that nobody would find again.

use std::fs::{self, File};
use std::path::PathBuf;

use switchboard_domain::ids::Seq;
use switchboard_ports::conformance::samples::{accept_first, ask, key, replica};
use switchboard_ports::conversations::ConversationStore;
use switchboard_ports::error::StoreError;

use super::super::{OpenError, is_in_use, own, stores};
use super::Place;

impl Place {
    fn file(&self, name: &str) -> PathBuf {
        self.directory().join(name)
    }

    /// How many messages somebody finds who opens a copy of the database alone.
    fn found_alone(&self) -> i64 {
        let copy = self.folder.path().join("alone.db");
        fs::copy(self.database(), &copy).unwrap();
        let alone = rusqlite::Connection::open(&copy).unwrap();
        alone.query_row("SELECT count(*) FROM inbox", [], |row| row.get(0)).unwrap()
    }
}

/// Neither a message nor a lease.
async fn assert_refused(store: &dyn ConversationStore, id: &str, why: &str) {
    let answers = [
        store.accept(ask(&key("c"), id, "hello")).await.map(drop),
        store
            .claim(&replica("a"), &[key("c").partition()], std::time::Duration::from_secs(30))
            .await
            .map(drop),
    ];
    for answer in answers {
        assert!(matches!(&answer, Err(StoreError::Unavailable(words)) if words.contains(why)), "{answer:?}");
    }
}

const DATABASE: &str = "database was deleted, moved or replaced";

#[tokio::test]
async fn into_a_database_that_was_deleted_nothing_is_accepted() {
    let place = Place::new();
    let store = stores(&place.open().unwrap()).conversations;
    accept_first(&*store, ask(&key("c"), "m1", "hello")).await;
    fs::remove_file(place.database()).unwrap();
    assert_refused(&*store, "m2", DATABASE).await;
    assert!(!place.database().exists(), "no other is made in its place");
    drop(store);
    assert!(!place.database().exists());
}

#[tokio::test]
async fn a_database_that_is_put_back_goes_on_with_all_that_was_accepted() {
    let place = Place::new();
    let store = stores(&place.open().unwrap()).conversations;
    accept_first(&*store, ask(&key("c"), "m1", "hello")).await;
    let elsewhere = place.folder.path().join("elsewhere.db");
    fs::rename(place.database(), &elsewhere).unwrap();
    assert_refused(&*store, "m2", DATABASE).await;
    fs::rename(&elsewhere, place.database()).unwrap();
    assert_eq!(accept_first(&*store, ask(&key("c"), "m2", "hello")).await, Seq(2));
    drop(store);
    let store = stores(&place.open().unwrap()).conversations;
    assert_eq!(accept_first(&*store, ask(&key("c"), "m3", "hello")).await, Seq(3));
}

#[tokio::test]
async fn another_database_of_the_same_name_is_neither_read_nor_written() {
    let (place, other) = (Place::new(), Place::new());
    drop(other.open().unwrap());
    let core = place.open().unwrap();
    let store = stores(&core).conversations;
    accept_first(&*store, ask(&key("c"), "m1", "hello")).await;
    fs::rename(other.database(), place.database()).unwrap();
    let foreign = fs::read(place.database()).unwrap();
    assert_refused(&*store, "m2", DATABASE).await;
    let read = store.open(key("c").partition(), None).await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    // The log beside it would be taken for its own.
    assert_eq!(fs::metadata(place.file("switchboard.db-wal")).unwrap().len(), 0);
    drop((store, core));
    assert_eq!(fs::read(place.database()).unwrap(), foreign);
}

#[tokio::test]
async fn a_log_that_was_deleted_costs_nothing_that_was_accepted() {
    let place = Place::new();
    let store = stores(&place.open().unwrap()).conversations;
    for n in 1..=3 {
        accept_first(&*store, ask(&key("c"), &format!("m{n}"), "hello")).await;
    }
    fs::remove_file(place.file("switchboard.db-wal")).unwrap();
    assert_refused(&*store, "m4", "the log of the store's database").await;
    // As a process finds it that comes after this one was killed.
    assert_eq!(place.found_alone(), 3);
    drop(store);
    let store = stores(&place.open().unwrap()).conversations;
    assert_eq!(accept_first(&*store, ask(&key("c"), "m4", "hello")).await, Seq(4));
}

#[tokio::test]
async fn without_the_index_of_the_log_nothing_is_accepted_and_nothing_lost() {
    let place = Place::new();
    let store = stores(&place.open().unwrap()).conversations;
    accept_first(&*store, ask(&key("c"), "m1", "hello")).await;
    fs::remove_file(place.file("switchboard.db-shm")).unwrap();
    assert_refused(&*store, "m2", "the index of the log").await;
    drop(store);
    let store = stores(&place.open().unwrap()).conversations;
    assert_eq!(accept_first(&*store, ask(&key("c"), "m2", "hello")).await, Seq(2));
}

#[tokio::test]
async fn a_lock_file_that_was_removed_lets_nobody_else_in_and_is_made_anew() {
    let place = Place::new();
    let store = stores(&place.open().unwrap()).conversations;
    let lock = place.file("switchboard.lock");
    fs::remove_file(&lock).unwrap();
    assert!(is_in_use(&place.directory()), "the directory itself is locked");
    assert!(matches!(own(&place.directory()), Err(OpenError::InUse(_))));
    assert!(!lock.exists());
    accept_first(&*store, ask(&key("c"), "m1", "hello")).await;
    let made = File::open(&lock).unwrap();
    assert!(made.try_lock().is_err(), "locked by the store");
    drop(store);
    made.try_lock().unwrap();
}

#[tokio::test]
async fn when_somebody_else_has_the_lock_nothing_more_is_accepted() {
    let place = Place::new();
    let store = stores(&place.open().unwrap()).conversations;
    let lock = place.file("switchboard.lock");
    fs::remove_file(&lock).unwrap();
    // As a version does that knows nothing of the lock on the directory.
    let other = File::create(&lock).unwrap();
    other.try_lock().unwrap();
    assert_refused(&*store, "m1", "another process").await;
    drop(other);
    accept_first(&*store, ask(&key("c"), "m1", "hello")).await;
}
