//! Nothing that is added to the schema is forgotten by a copy.

use super::super::sql::walk;
use super::Place;

/// What a copy takes along: tables and their columns.
const COPIED: &[(&str, &str)] = &[
    ("agents", "id name version body"),
    ("attachment_pieces", "attachment number content"),
    ("attachments", "id conversation seq position media_type cost whole"),
    ("audit", "id body"),
    ("channels", "id name version body"),
    (
        "conversations",
        "num id partition channel chat member kind title author user session session_at created_at active_at seq \
         waiting replies version commit_id person",
    ),
    ("failures", "id num body again retried_at"),
    ("fences", "partition token"),
    ("identities", "platform im_user_id user"),
    ("inbox", "num seq body"),
    ("journal_lines", "num number at body"),
    ("journal_subjects", "num book subject last lines"),
    ("marks", "channel message at"),
    ("messages", "id num channel at ended body"),
    ("shown", "key num seq"),
    ("sqlite_sequence", "name seq"),
    ("states", "num body"),
    ("tokens", "id name hash body"),
    ("transcript", "id num session text body"),
    ("usage", "month platform app api_calls pushes batch"),
    ("users", "id username email body"),
];

/// What is made anew: what the store says of itself, room taken, counts, statistics.
const MADE_ANEW: &[&str] = &["attachment_room", "journal_books", "meta", "sqlite_stat1", "sqlite_stat4"];

#[test]
fn a_copy_knows_every_table_and_column() {
    let place = Place::new();
    drop(place.open().unwrap());
    let database = rusqlite::Connection::open(place.database()).unwrap();
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let tables = walk(&database, sql, [], |row| row.get::<_, String>(0)).unwrap();
    let tables: Vec<_> = tables.into_iter().filter(|table| !MADE_ANEW.contains(&table.as_str())).collect();
    let found: Vec<_> = tables
        .iter()
        .map(|table| {
            let sql = "SELECT name FROM pragma_table_info(?1) ORDER BY cid";
            let columns = walk(&database, sql, [table], |row| row.get::<_, String>(0)).unwrap();
            (table.as_str(), columns.join(" "))
        })
        .collect();
    let known: Vec<_> = COPIED.iter().map(|(table, columns)| (*table, (*columns).to_owned())).collect();
    assert_eq!(found, known, "teach `file/moving`, `redis/moving` and `copy/items.rs` what is new");
}
