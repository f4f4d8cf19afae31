//! What comes from outside or is elsewhere than it seems: foreign backups, keys behind links.

use std::fs;
use std::os::unix::fs::symlink;

use rusqlite::Connection;

use super::super::{UpkeepError, backup, open_with, restore, rotate_key, schema, try_writing};
use super::Place;
use crate::stores::key;

#[test]
fn a_backup_of_another_shape_than_its_format_says_replaces_nothing() {
    let place = Place::new();
    drop(place.open().unwrap());
    let sound = place.folder.path().join("sound.db");
    backup(&place.directory(), &place.key(), &sound, false).unwrap();
    let broken = place.folder.path().join("broken.db");
    let breaking = [
        ("DROP TABLE tokens", "no table tokens"),
        ("ALTER TABLE inbox DROP COLUMN body", "other columns in table inbox"),
        ("ALTER TABLE users ADD COLUMN more TEXT", "other columns in table users"),
        ("DROP INDEX marks_by_age", "no index marks_by_age"),
        ("DROP TRIGGER attachments_take_room", "other triggers"),
        ("CREATE TRIGGER more AFTER INSERT ON inbox BEGIN DELETE FROM marks; END", "other triggers"),
        // A migration would make what is there already.
        ("PRAGMA user_version = 4", "a later one's"),
        ("PRAGMA user_version = 1", "other columns in table conversations"),
    ];
    let before = fs::read(place.database()).unwrap();
    for (sql, why) in breaking {
        fs::copy(&sound, &broken).unwrap();
        Connection::open(&broken).unwrap().execute_batch(sql).unwrap();
        let refused = restore(&place.directory(), &place.key(), &broken, place.now());
        let refused = refused.err().unwrap_or_else(|| panic!("{sql} was not found"));
        assert!(
            matches!(&refused, UpkeepError::SourceUnsound { cause, .. } if cause.contains(why)),
            "{refused}"
        );
        assert_eq!(fs::read(place.database()).unwrap(), before, "{sql}");
    }
}

#[test]
fn what_else_is_in_a_backup_and_does_nothing_is_no_reason_to_refuse_it() {
    let place = Place::new();
    drop(place.open().unwrap());
    let more = place.folder.path().join("more.db");
    backup(&place.directory(), &place.key(), &more, false).unwrap();
    let sql = "CREATE TABLE notes (text); CREATE INDEX own ON marks (channel, at); ANALYZE";
    Connection::open(&more).unwrap().execute_batch(sql).unwrap();
    restore(&place.directory(), &place.key(), &more, place.now()).unwrap();
    drop(place.open().unwrap());
}

#[test]
fn a_key_behind_a_link_is_changed_where_it_is_and_the_link_stays() {
    let place = Place::new();
    let (vault, link) = (place.folder.path().join("vault"), place.folder.path().join("link"));
    fs::create_dir(&vault).unwrap();
    symlink(vault.join("real"), &link).unwrap();
    drop(key::create(&vault.join("real")).unwrap());
    let open = || open_with(&place.directory(), &link, place.clock.clone() as _, schema::MIGRATIONS);
    drop(open().unwrap());
    let old = fs::read(vault.join("real")).unwrap();
    let done = rotate_key(&place.directory(), &link, None, place.now()).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_ne!(fs::read(vault.join("real")).unwrap(), old);
    assert_eq!(fs::read(&done.retired).unwrap(), old);
    assert_eq!(done.retired.parent(), Some(fs::canonicalize(&vault).unwrap().as_path()));
    drop(open().unwrap());
    // Killed after the decision: the staged key is found behind the link, too.
    let staged = fs::canonicalize(&vault).unwrap().join("real.new");
    rotate_key(&place.directory(), &link, Some(&staged), place.now()).unwrap();
    drop(open().unwrap());
    assert!(!staged.exists() && fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn a_store_is_tried_without_a_trace() {
    let place = Place::new();
    assert!(try_writing(&place.directory()).is_err(), "there is none");
    assert!(!place.directory().exists());
    let core = place.open().unwrap();
    try_writing(&place.directory()).unwrap();
    let other = Connection::open(place.database()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = try_writing(&place.directory()).unwrap_err().to_string();
    assert!(refused.ends_with("another program has locked the database: let it end"), "{refused}");
    drop((other, core));
    try_writing(&place.directory()).unwrap();
}
