//! Opening: what is made, what is refused, and that nothing refused is changed.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use rusqlite::Connection;
use sha2::{Digest, Sha256};
use switchboard_ports::clock::Clock as _;
use switchboard_ports::conformance::registries::{agent, channel};
use switchboard_ports::conformance::samples::{accept_first, address, ask, key, lease};
use switchboard_ports::conformance::tokens::token;
use switchboard_ports::conversations::Arrival;
use switchboard_ports::error::StoreError;
use switchboard_ports::tokens::Role;

use super::super::{Beside, OpenError, open_beside, schema, stores};
use super::Place;
use super::upgrade::of_format;

fn beside(place: &Place) -> Result<Beside, OpenError> {
    open_beside(&place.directory(), &place.key(), std::sync::Arc::clone(&place.clock) as _)
}

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

/// The formats there are, and one after them.
fn and_then(next: &'static str) -> Vec<&'static str> {
    schema::MIGRATIONS.iter().copied().chain([next]).collect()
}

#[test]
fn released_formats_never_change() {
    let hashes = [
        "6cdb950cce58e23bab792b8b9dd2714d",
        "3c07e98dd6442956430f5a1ceb83b081",
        "3dd7db1e41393b57a7769726c94fbbae",
        "4910967b538dfb9f6fb9d19290d4b2eb",
        "d4bfa3482159c8ca70b9be82f1d156a4",
        "69a551cd5af3b04cc08b52a74ee2ffc4",
        "8f3e326be314814feafd796078c2932f",
    ];
    let found = schema::MIGRATIONS.iter().map(|migration| {
        let start = Sha256::digest(migration.as_bytes()).0.first_chunk().copied().unwrap();
        format!("{:032x}", u128::from_be_bytes(start))
    });
    assert_eq!(found.collect::<Vec<_>>(), hashes, "add a format instead of changing one");
}

#[tokio::test]
async fn only_its_owner_may_read_a_new_store() {
    let place = Place::new();
    let core = place.open().unwrap();
    accept_first(&*stores(&core).conversations, ask(&key("c"), "m1", "hello")).await;
    assert_eq!(mode(&place.directory()), 0o700);
    for file in fs::read_dir(place.directory()).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
    }
}

#[test]
fn a_directory_has_one_owner_at_a_time() {
    let place = Place::new();
    let owner = place.open().unwrap();
    assert_eq!(place.open().err(), Some(OpenError::InUse(place.directory())));
    drop(owner);
    assert!(place.open().is_ok());
}

#[test]
fn a_file_where_the_directory_should_be_is_refused() {
    let place = Place::new();
    fs::write(place.directory(), "").unwrap();
    assert_eq!(place.open().err(), Some(OpenError::NotADirectory(place.directory())));
}

#[test]
fn a_damaged_or_foreign_file_is_refused_and_stays_as_it_was() {
    let place = Place::new();
    fs::create_dir(place.directory()).unwrap();
    for garbage in [&b"x"[..], &b"not a database at all, but precious".repeat(100)] {
        fs::write(place.database(), garbage).unwrap();
        assert!(matches!(place.open(), Err(OpenError::Corrupt { .. })));
        assert_eq!(fs::read(place.database()).unwrap(), garbage);
    }
    fs::remove_file(place.database()).unwrap();
    let foreign = Connection::open(place.database()).unwrap();
    foreign.execute_batch("CREATE TABLE precious (x); PRAGMA user_version = 1").unwrap();
    drop(foreign);
    let before = fs::read(place.database()).unwrap();
    assert_eq!(place.open().err(), Some(OpenError::NotAStore(place.database())));
    assert_eq!(fs::read(place.database()).unwrap(), before);
    assert!(!place.key().exists(), "no key is made for what is not opened");
}

/// `.cargo/config.toml` says how SQLite is built; nothing else would tell that it was not heeded.
#[test]
fn savepoints_are_kept_in_memory() {
    let connection = Connection::open_in_memory().unwrap();
    let mut options = connection.prepare("PRAGMA compile_options").unwrap();
    let options = options.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let options: Vec<_> = options.map(Result::unwrap).collect();
    assert!(options.contains(&"STMTJRNL_SPILL=131000".to_owned()), "{options:?}");
}

/// What does not fit goes to a file: with another limit SQLite took its own chunks for a full disk.
#[test]
fn savepoints_that_do_not_fit_in_memory_are_kept_all_the_same() {
    let place = Place::new();
    fs::create_dir(place.directory()).unwrap();
    let connection = Connection::open(place.database()).unwrap();
    let made = "PRAGMA journal_mode = WAL; CREATE TABLE lines (id INTEGER PRIMARY KEY, text);
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
        INSERT INTO lines SELECT i, hex(zeroblob(1500)) FROM n";
    connection.execute_batch(made).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    for keeps in [true, false, true] {
        connection.execute_batch("SAVEPOINT member; UPDATE lines SET text = text || 'x'").unwrap();
        assert!(!connection.is_autocommit(), "SQLite gave the transaction up");
        connection
            .execute_batch(if keeps { "RELEASE member" } else { "ROLLBACK TO member; RELEASE member" })
            .unwrap();
    }
    connection.execute_batch("COMMIT").unwrap();
    let longest: i64 =
        connection.query_row("SELECT max(length(text)) FROM lines", [], |row| row.get(0)).unwrap();
    assert_eq!(longest, 3_002);
}

/// An empty database beside a log: opening it would delete the log.
#[test]
fn the_log_of_a_database_that_is_gone_is_not_deleted() {
    let place = Place::new();
    fs::create_dir(place.directory()).unwrap();
    let log = place.database().with_extension("db-wal");
    fs::write(&log, "everything").unwrap();
    for _ in 0..2 {
        assert!(matches!(place.open(), Err(OpenError::Corrupt { .. })));
        fs::write(place.database(), "").unwrap();
    }
    assert_eq!(fs::read(&log).unwrap(), b"everything");
}

#[test]
fn a_newer_store_is_refused_in_one_line() {
    let place = Place::new();
    drop(place.open_with(&and_then("CREATE TABLE later (x)")).unwrap());
    let refused = place.open().err().unwrap();
    let known = schema::newest(schema::MIGRATIONS);
    assert_eq!(refused, OpenError::NewerVersion { found: known + 1, known });
    let line = refused.to_string();
    assert!(
        line.contains(&format!("format {}", known + 1)) && line.contains(&format!("up to {known}")),
        "{line}"
    );
    assert!(!line.contains('\n'), "{line}");
    assert!(matches!(beside(&place), Err(OpenError::NewerVersion { .. })));
}

#[tokio::test]
async fn a_migration_keeps_everything_and_leaves_a_copy() {
    let place = of_format(1);
    let core = place.open().unwrap();
    let waits = key("waits");
    assert_eq!(stores(&core).conversations.open(waits.partition(), None).await, Ok(vec![waits.id()]));
    drop(core);
    let now = super::super::copies::stamp(place.clock.now());
    let copy = place.directory().join(format!("switchboard.format1.{now}.db"));
    assert_eq!(mode(&copy), 0o600);
    let copy = Connection::open(copy).unwrap();
    let version: u32 = copy.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    let entries: u32 = copy.query_row("SELECT count(*) FROM inbox", [], |row| row.get(0)).unwrap();
    assert_eq!((version, entries), (1, 1));
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    let place = Place::new();
    drop(place.open().unwrap());
    let broken = and_then("CREATE TABLE half (x); CREATE TABLE meta (x)");
    for _ in 0..2 {
        assert!(matches!(place.open_with(&broken), Err(OpenError::Io { .. })));
    }
    drop(place.open().unwrap());
    let database = Connection::open(place.database()).unwrap();
    let half: u32 = database
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'half'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(half, 0);
}

#[test]
fn a_new_store_leaves_no_copy() {
    let place = Place::new();
    drop(place.open_with(&and_then("CREATE TABLE later (x)")).unwrap());
    let names = fs::read_dir(place.directory()).unwrap().map(|file| file.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().contains("format")));
}

#[test]
fn a_missing_wrong_or_exposed_key_is_told_in_one_line_and_no_new_one_is_made() {
    let place = Place::new();
    drop(place.open().unwrap());
    let key = fs::read_to_string(place.key()).unwrap();
    fs::remove_file(place.key()).unwrap();
    assert_eq!(place.open().err(), Some(OpenError::KeyMissing(place.key())));
    assert!(!place.key().exists());
    fs::write(place.key(), "0123456789abcdef".repeat(4)).unwrap();
    assert!(matches!(place.open(), Err(OpenError::KeyExposed { .. })));
    fs::set_permissions(place.key(), Permissions::from_mode(0o600)).unwrap();
    let wrong = place.open().err().unwrap();
    assert!(matches!(&wrong, OpenError::KeyWrong { key_file, sealed_with }
        if *key_file == place.key() && sealed_with.len() == 8));
    assert!(wrong.to_string().contains("is not the one this store was written with"));
    assert!(matches!(beside(&place), Err(OpenError::KeyWrong { .. })));
    fs::write(place.key(), "0123").unwrap();
    assert!(matches!(place.open(), Err(OpenError::KeyMalformed(_))));
    fs::write(place.key(), key).unwrap();
    assert!(place.open().is_ok());
}

#[test]
fn a_first_start_that_died_half_way_is_taken_up_again() {
    let place = Place::new();
    // The file was made, the key too, the first transaction was not.
    fs::create_dir(place.directory()).unwrap();
    fs::write(place.database(), "").unwrap();
    drop(crate::stores::key::create(&place.key()).unwrap());
    assert!(place.open().is_ok());
    assert!(place.open().is_ok());
}

#[tokio::test]
async fn tokens_are_written_and_channels_read_beside_the_owner() {
    let place = Place::new();
    let owner = stores(&place.open().unwrap());
    owner.channels.insert(&channel("chn_1", "one")).await.unwrap();
    owner.agents.insert(&agent("agt_1", "one")).await.unwrap();
    let beside = beside(&place).unwrap();
    assert_eq!(beside.channels.list().await, Ok(vec![channel("chn_1", "one")]));
    assert_eq!(beside.agents.list().await, Ok(vec![agent("agt_1", "one")]));
    let token = token("a", Role::Admin, 1);
    beside.tokens.insert(&token).await.unwrap();
    assert_eq!(owner.tokens.by_hash(&token.hash).await, Ok(Some(token.clone())));
    owner.tokens.revoke("a").await.unwrap();
    assert_eq!(beside.tokens.by_hash(&token.hash).await, Ok(None));
    let refused = beside.channels.insert(&channel("chn_2", "two")).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    assert!(matches!(beside.agents.delete(&agent("agt_1", "one").id).await, Err(StoreError::Unavailable(_))));
}

#[test]
fn opening_beside_makes_nothing_and_migrates_nothing() {
    let place = Place::new();
    assert_eq!(beside(&place).err(), Some(OpenError::Missing(place.directory())));
    assert!(!place.directory().exists() && !place.key().exists());
    drop(place.open().unwrap());
    let database = Connection::open(place.database()).unwrap();
    // As if this version knew a newer format than the store has.
    let older = super::super::opening::open_beside(&place.directory(), &place.key(), &and_then(""));
    let found = schema::newest(schema::MIGRATIONS);
    assert_eq!(older.err(), Some(OpenError::OlderVersion { found, known: found + 1 }));
    let version: u32 = database.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, found);
    fs::remove_file(place.key()).unwrap();
    assert_eq!(beside(&place).err(), Some(OpenError::KeyMissing(place.key())));
    assert!(!place.key().exists());
}

#[tokio::test]
async fn no_secret_is_in_the_files() {
    let place = Place::new();
    let core = place.open().unwrap();
    let all = stores(&core);
    all.channels.insert(&channel("chn_1", "one")).await.unwrap();
    all.agents.insert(&agent("agt_1", "one")).await.unwrap();
    let arrival = Arrival {
        session_address: Some(address("https://example.invalid/send?session=s3cr3t")),
        ..ask(&key("c"), "m1", "hello, findable text")
    };
    accept_first(&*all.conversations, arrival.clone()).await;
    let held = lease(&*all.conversations, "a", &key("c")).await;
    let mut commit = switchboard_ports::conformance::samples::commit(
        "k1",
        &key("c").id(),
        switchboard_domain::ids::Version(0),
    );
    let mut reply = switchboard_ports::conformance::samples::reply(switchboard_domain::ids::Seq(1), "answer");
    reply.target.session_address = arrival.session_address;
    commit.snapshot.replies.push(reply);
    all.conversations.commit(&held, commit).await.unwrap();
    let mut found_text = false;
    for file in fs::read_dir(place.directory()).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        let contains = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!contains("s3cr3t"));
        found_text |= contains("findable text");
    }
    assert!(found_text, "the test looks in the wrong place");
}
