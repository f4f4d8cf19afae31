//! Backup, restore, change of keys, copies before migrations: every step at which a process can be killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use switchboard_domain::ids::ChannelId;
use switchboard_domain::secret::Secret;
use switchboard_domain::time::Timestamp;
use switchboard_ports::clock::Clock as _;
use switchboard_ports::conformance::registries::{agent, channel};
use switchboard_ports::conformance::samples::{accept_first, ask, key};

use super::super::{
    OpenError, UpkeepError, backup, copies, open_beside, restore, rotate_key, schema, stores,
};
use super::Place;
use super::upgrade::{everything_is_there, fill, of_format};

impl Place {
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn backup(&self) -> PathBuf {
        self.folder.path().join("backup.db")
    }

    /// A store with one conversation of this name and nothing else.
    async fn with_conversation(&self, chat: &str) {
        let core = self.open().unwrap();
        accept_first(&*stores(&core).conversations, ask(&key(chat), chat, "hello")).await;
    }

    /// The names of all conversations.
    fn chats(&self) -> Vec<String> {
        drop(self.open().unwrap());
        chats(&self.database())
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.directory()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

fn chats(database: &Path) -> Vec<String> {
    let database = Connection::open(database).unwrap();
    let mut statement = database.prepare("SELECT chat FROM conversations ORDER BY chat").unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// A store whose last conversation is only in its log, as after `kill -9`.
async fn killed(place: &Place, first: &str, second: &str) {
    place.with_conversation(first).await;
    let core = place.open().unwrap();
    accept_first(&*stores(&core).conversations, ask(&key(second), second, "hello")).await;
    let copy = tempfile::tempdir().unwrap();
    for part in ["switchboard.db", "switchboard.db-wal"] {
        fs::copy(place.directory().join(part), copy.path().join(part)).unwrap();
    }
    drop(core);
    for part in ["switchboard.db", "switchboard.db-wal"] {
        fs::copy(copy.path().join(part), place.directory().join(part)).unwrap();
    }
    assert!(fs::metadata(place.directory().join("switchboard.db-wal")).unwrap().len() > 0);
}

#[tokio::test]
async fn a_restore_that_was_decided_is_carried_out_from_wherever_it_was_killed() {
    let source = Place::new();
    source.with_conversation("new").await;
    backup(&source.directory(), &source.key(), &source.backup(), false).unwrap();
    // How many of the old store's files have been moved when the process dies.
    for moved in 0..=3 {
        let place = Place::new();
        killed(&place, "old", "only in the log").await;
        fs::copy(source.key(), place.key()).unwrap();
        let decided = place.directory().join("switchboard.restored-20260102T030405Z.db");
        fs::copy(source.backup(), &decided).unwrap();
        let kept = place.directory().join("replaced-20260102T030405Z");
        for part in ["switchboard.db-wal", "switchboard.db-shm", "switchboard.db"].iter().take(moved) {
            fs::create_dir_all(&kept).unwrap();
            let _not_there = fs::rename(place.directory().join(part), kept.join(part));
        }
        let beside = open_beside(&place.directory(), &place.key(), Arc::clone(&place.clock) as _);
        assert_eq!(beside.err(), Some(OpenError::RestoreUnfinished(place.directory())));
        assert_eq!(place.chats(), ["new"], "after {moved} moves");
        assert!(!decided.exists());
        assert_eq!(chats(&kept.join("switchboard.db")), ["old", "only in the log"], "after {moved} moves");
    }
}

#[tokio::test]
async fn a_restore_that_was_not_decided_has_done_nothing_and_is_done_again() {
    let place = Place::new();
    place.with_conversation("old").await;
    backup(&place.directory(), &place.key(), &place.backup(), false).unwrap();
    place.open().unwrap();
    fs::write(place.directory().join("switchboard.restoring"), "half").unwrap();
    place.with_conversation("later").await;
    assert_eq!(place.chats(), ["later", "old"]);
    for round in 1..=2 {
        let done = restore(&place.directory(), &place.key(), &place.backup(), place.now()).unwrap();
        assert_eq!(
            (done.format, done.conversations, done.key_is_there),
            (schema::newest(schema::MIGRATIONS), 1, true)
        );
        // In the same second: the first one's folder is not touched by the second.
        let kept = place.names().into_iter().filter(|name| name.starts_with("replaced-")).count();
        assert_eq!(kept, round);
        assert_eq!(place.chats(), ["old"]);
    }
}

#[tokio::test]
async fn a_backup_of_an_older_format_is_migrated_when_the_server_starts() {
    let place = of_format(1);
    let made = backup(&place.directory(), &place.key(), &place.backup(), false).unwrap();
    assert_eq!((made.format, made.conversations), (1, 3));
    let other = Place::new();
    fs::copy(place.key(), other.key()).unwrap();
    assert_eq!(restore(&other.directory(), &other.key(), &place.backup(), other.now()).unwrap().format, 1);
    everything_is_there(&other.open().unwrap()).await;
}

#[tokio::test]
async fn a_damaged_store_gives_no_backup() {
    let place = Place::new();
    place.with_conversation("old").await;
    let mut bytes = fs::read(place.database()).unwrap();
    bytes[4_096..].fill(0x5a);
    fs::write(place.database(), &bytes).unwrap();
    let refused = backup(&place.directory(), &place.key(), &place.backup(), false);
    assert!(matches!(refused, Err(UpkeepError::Store(OpenError::Corrupt { .. }))), "{refused:?}");
    assert!(!place.backup().exists());
    assert!(matches!(place.open(), Err(OpenError::Corrupt { .. })));
    assert_eq!(fs::read(place.database()).unwrap(), bytes);
}

#[tokio::test]
async fn damage_in_what_is_open_or_set_is_found_before_anything_is_written() {
    let place = Place::new();
    let core = place.open().unwrap();
    fill(&core).await;
    drop(core);
    let sound = fs::read(place.database()).unwrap();
    let pages = Connection::open(place.database()).unwrap();
    for table in ["meta", "channels", "agents", "tokens", "inbox", "conversations", "states", "transcript"] {
        let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
        let page: u32 = pages.query_row(sql, [table], |row| row.get(0)).unwrap();
        let page = page as usize;
        let mut bytes = sound.clone();
        bytes[(page - 1) * 4_096..page * 4_096].fill(0x5a);
        fs::write(place.database(), &bytes).unwrap();
        let refused = place.open().err();
        assert!(matches!(refused, Some(OpenError::Corrupt { .. })), "{table}: {refused:?}");
        assert_eq!(fs::read(place.database()).unwrap(), bytes, "{table}");
    }
}

/// Every text and blob in a database.
fn everything(database: &Path) -> String {
    let database = Connection::open(database).unwrap();
    let mut tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    let names: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut all = String::new();
    for name in names {
        let mut statement = database.prepare(&format!("SELECT * FROM {name}")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                all.push_str(row.get_ref(column).unwrap().as_str().unwrap_or_default());
                all.push(' ');
            }
        }
    }
    all
}

#[tokio::test]
async fn a_change_of_keys_seals_every_secret_there_is_anew() {
    let place = Place::new();
    let core = place.open().unwrap();
    fill(&core).await;
    drop(core);
    let before = everything(&place.database());
    let done = rotate_key(&place.directory(), &place.key(), None, place.now()).unwrap();
    let (old, new) = (format!("s1.{}.", done.retired_id), format!("s1.{}.", done.key_id));
    let after = everything(&place.database());
    assert_eq!(
        (before.matches(&old).count(), before.matches(&new).count()),
        (after.matches(&new).count(), 0)
    );
    assert_eq!(after.matches(&old).count(), 0);
    assert!(before.matches(&old).count() >= 6, "channel, agent twice, entry, reply, sentinel");
    assert_eq!(done.records, Some(5));
    everything_is_there(&place.open().unwrap()).await;
}

#[tokio::test]
async fn a_change_of_keys_is_completed_from_wherever_it_was_killed() {
    for linked in [false, true] {
        let place = Place::new();
        let core = place.open().unwrap();
        fill(&core).await;
        drop(core);
        let old = fs::read(place.key()).unwrap();
        let staged = place.folder.path().join("key.new");
        // Sealed with the new key, which waits beside the old one: as after a kill between the two.
        rotate_key(&place.directory(), &place.key(), Some(&staged), place.now()).unwrap();
        if linked {
            fs::hard_link(place.key(), place.folder.path().join("key.retired-first")).unwrap();
        }
        let new = fs::read(&staged).unwrap();
        // Beside nobody both keys are tried, and nothing is done.
        let beside = open_beside(&place.directory(), &place.key(), Arc::clone(&place.clock) as _).unwrap();
        let found = beside.channels.find(&ChannelId::new("chn_1")).await.unwrap().unwrap();
        assert_eq!(found.secrets, channel("chn_1", "One").secrets);
        drop(beside);
        assert_eq!((fs::read(place.key()).unwrap(), staged.exists()), (old.clone(), true));
        if linked {
            everything_is_there(&place.open().unwrap()).await;
        } else {
            let done = rotate_key(&place.directory(), &place.key(), None, place.now()).unwrap();
            assert_eq!(done.records, None);
            assert_eq!(fs::read(done.retired).unwrap(), old);
            everything_is_there(&place.open().unwrap()).await;
        }
        assert_eq!((fs::read(place.key()).unwrap(), staged.exists()), (new, false));
    }
}

#[tokio::test]
async fn a_key_that_was_staged_and_never_used_is_used_by_the_next_try() {
    let place = Place::new();
    let core = place.open().unwrap();
    stores(&core).agents.insert(&agent("agt_1", "One")).await.unwrap();
    drop(core);
    let staged = place.folder.path().join("key.new");
    drop(crate::stores::key::create(&staged).unwrap());
    let (old, new) = (fs::read(place.key()).unwrap(), fs::read(&staged).unwrap());
    drop(place.open().unwrap());
    assert_eq!(fs::read(place.key()).unwrap(), old, "nothing is sealed with it");
    let done = rotate_key(&place.directory(), &place.key(), None, place.now()).unwrap();
    assert_eq!(done.records, Some(1));
    assert_eq!((fs::read(place.key()).unwrap(), fs::read(done.retired).unwrap()), (new, old));
    let same = rotate_key(&place.directory(), &place.key(), Some(&place.key()), place.now());
    assert_eq!(same.err(), Some(UpkeepError::SameKey(place.key())));
}

#[tokio::test]
async fn a_record_that_the_old_key_does_not_open_leaves_everything_as_it_was() {
    let place = Place::new();
    let core = place.open().unwrap();
    stores(&core).channels.insert(&channel("chn_1", "One")).await.unwrap();
    stores(&core).agents.insert(&agent("agt_1", "One")).await.unwrap();
    drop(core);
    let database = Connection::open(place.database()).unwrap();
    let sql = "UPDATE agents SET body = replace(body, 'api_key_sealed\":\"s1', 'api_key_sealed\":\"s0')";
    assert_eq!(database.execute(sql, []), Ok(1));
    drop(database);
    let before = everything(&place.database());
    let refused = rotate_key(&place.directory(), &place.key(), None, place.now()).err().unwrap();
    assert!(refused.to_string().contains("table agents, row agt_1"), "{refused}");
    assert_eq!(everything(&place.database()), before);
    let found =
        stores(&place.open().unwrap()).channels.find(&ChannelId::new("chn_1")).await.unwrap().unwrap();
    assert_eq!(found.secrets["/client_secret"], Secret::new("s3cr3t 密"));
}

#[tokio::test]
async fn of_the_copies_before_migrations_the_newest_three_are_kept() {
    let place = Place::new();
    drop(place.open_with(&schema::MIGRATIONS[..1]).unwrap());
    let copies = [1, 2, 3, 4].map(|day| format!("switchboard.format1.2020010{day}T000000Z.db"));
    let others = ["switchboard.format1.mine.db", "switchboard.formatted.20200101T000000Z.db"];
    for name in copies.iter().map(String::as_str).chain(others) {
        fs::write(place.directory().join(name), "x").unwrap();
    }
    // However many steps there are, what was there before them is copied, and nothing in between.
    drop(place.open().unwrap());
    let names = place.names();
    let is_copy = |name: &&String| name.starts_with("switchboard.format") && name.contains(".20");
    let kept: Vec<_> = names.iter().filter(is_copy).filter(|name| !others.contains(&name.as_str())).collect();
    let own = format!("switchboard.format1.{}.db", copies::stamp(place.now()));
    assert_eq!(kept, [&copies[2], &copies[3], &own]);
    assert!(others.iter().all(|other| names.iter().any(|name| name == other)));
}

#[tokio::test]
async fn where_no_copy_can_be_made_nothing_is_migrated() {
    let place = Place::new();
    drop(place.open_with(&schema::MIGRATIONS[..1]).unwrap());
    // A folder of that name cannot be written, as root too.
    let in_the_way = place.directory().join("switchboard.format1.partial");
    fs::create_dir(&in_the_way).unwrap();
    let refused = place.open().err().unwrap();
    assert!(matches!(refused, OpenError::NotCopied { .. }), "{refused:?}");
    assert!(
        !refused.to_string().contains('\n') && refused.to_string().contains("nothing was changed"),
        "{refused}"
    );
    let database = Connection::open(place.database()).unwrap();
    let format: u32 = database.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(format, 1);
    drop(database);
    fs::remove_dir(&in_the_way).unwrap();
    drop(place.open().unwrap());
}

#[test]
fn what_is_waited_for_and_what_is_not_is_told_apart() {
    let place = Place::new();
    assert!(!super::super::is_in_use(&place.directory()));
    assert!(!place.directory().exists(), "asking makes nothing");
    let owned = super::super::own(&place.directory()).unwrap();
    assert!(super::super::is_in_use(&place.directory()));
    drop(owned);
    assert!(!super::super::is_in_use(&place.directory()));
}
