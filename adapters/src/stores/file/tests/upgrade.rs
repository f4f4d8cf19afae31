//! A stored file of each format there has been is opened by this version, with everything that was in it.
//!
//! `fixtures/formatN.db` was written by the version that wrote format N. `SWITCHBOARD_BLESS=1` writes the file of the newest
//! format where it is missing; those that are there are never written again.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;
use switchboard_domain::ids::{AgentId, ChannelId, Seq, SessionNumber, Version};
use switchboard_ports::conformance::journal;
use switchboard_ports::conformance::registries::{agent, channel};
use switchboard_ports::conformance::samples::{accept_first, address, ask, ending, failed, key, lease, line};
use switchboard_ports::conformance::tokens::token;
use switchboard_ports::conformance::usage::{app, batch, month, usage};
use switchboard_ports::conformance::users::{identity, user};
use switchboard_ports::conversations::{Arrival, Commit};
use switchboard_ports::journal::Book;
use switchboard_ports::page::PageRequest;
use switchboard_ports::tokens::Role;
use switchboard_ports::users::User;

use super::super::{Core, schema, stores};
use super::Place;

const WEBHOOK: &str = "https://example.invalid/send?session=s3cr3t";

fn fixture(format: u32) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/stores/file/tests/fixtures");
    folder.join(format!("format{format}.db"))
}

/// The key that all of them were written with.
fn write_key(place: &Place) {
    fs::write(place.key(), "0123456789abcdef".repeat(4)).unwrap();
    fs::set_permissions(place.key(), fs::Permissions::from_mode(0o600)).unwrap();
}

/// A store of a format there has been, not opened yet: one chat at rest, one that `waits`, one whose answer `leaves`.
pub(super) fn of_format(format: u32) -> Place {
    let place = Place::new();
    write_key(&place);
    fs::create_dir(place.directory()).unwrap();
    let written = fs::read(fixture(format))
        .unwrap_or_else(|_| panic!("format {format} has no file: run this once with SWITCHBOARD_BLESS=1"));
    fs::write(place.database(), &written).unwrap();
    place
}

/// Something of every kind that is stored.
pub(super) async fn fill(core: &Arc<Core>) {
    let all = stores(core);
    all.channels.insert(&channel("chn_1", "One")).await.unwrap();
    all.agents.insert(&agent("agt_1", "One")).await.unwrap();
    let one = User { identities: vec![identity("u1")], ..user("usr_1", "one") };
    all.users.create(&one, &[]).await.unwrap();
    all.tokens.insert(&token("ci", Role::Operator, 7)).await.unwrap();
    all.usage.add(batch("b1", &[(&app("a"), month(1), usage(7, 5))])).await.unwrap();
    all.journal.append(vec![journal::line(Book::Versions, "chn_1", "first")]).await.unwrap();
    let with_address = |chat: &str, id: &str| Arrival {
        session_address: Some(address(WEBHOOK)),
        ..ask(&key(chat), id, "hello")
    };
    // One at rest, one that waits, one whose answer is on its way out.
    accept_first(&*all.conversations, ask(&key("rest"), "m1", "hello")).await;
    let held = lease(&*all.conversations, "a", &key("rest")).await;
    let lines = vec![line(1, "a question"), line(1, "an answer")];
    let commit = Commit {
        transcript: lines,
        failures: vec![failed(1)],
        ..ending("k1", &key("rest").id(), Version(0), &[Seq(1)])
    };
    all.conversations.commit(&held, commit).await.unwrap();
    accept_first(&*all.conversations, with_address("waits", "m2")).await;
    let arrival = with_address("leaves", "m3");
    accept_first(&*all.conversations, arrival.clone()).await;
    let held = lease(&*all.conversations, "a", &key("leaves")).await;
    let mut commit = ending("k2", &key("leaves").id(), Version(0), &[Seq(1)]);
    let mut reply = switchboard_ports::conformance::samples::reply(Seq(1), "answer");
    reply.target.session_address = arrival.session_address;
    commit.snapshot.replies.push(reply);
    all.conversations.commit(&held, commit).await.unwrap();
}

/// Writes the newest format's file, small.
async fn bless(format: u32) {
    let place = Place::new();
    write_key(&place);
    let core = place.open().unwrap();
    fill(&core).await;
    drop(core);
    let database = Connection::open(place.database()).unwrap();
    database.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA page_size = 1024; VACUUM").unwrap();
    drop(database);
    fs::copy(place.database(), fixture(format)).unwrap();
}

pub(super) async fn everything_is_there(core: &Arc<Core>) {
    let all = stores(core);
    let found = all.channels.find(&ChannelId::new("chn_1")).await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.version), ("One", Version(1)));
    assert_eq!(found.secrets, channel("chn_1", "One").secrets);
    let found = all.agents.find(&AgentId::new("agt_1")).await.unwrap().unwrap();
    assert_eq!((found.api_key, found.headers), (agent("a", "a").api_key, agent("a", "a").headers));
    let found = all.users.linked(&identity("u1")).await.unwrap().unwrap();
    assert_eq!((found.id.as_str(), found.username.as_str()), ("usr_1", "one"));
    let found = all.tokens.by_hash(&[7; 32]).await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.role), ("ci", Role::Operator));
    let lines = all.transcripts.recent(&key("rest").id(), SessionNumber(1), 5).await.unwrap();
    assert_eq!(lines, [line(1, "a question"), line(1, "an answer")]);
    assert_eq!(all.failures.list(&PageRequest::default()).await.unwrap().items.len(), 1);
    assert_eq!(all.conversations.open(key("rest").partition(), None).await, Ok(vec![]));
    for (chat, waiting) in [("waits", 1), ("leaves", 0)] {
        let (key, id) = (key(chat), key(chat).id());
        assert_eq!(all.conversations.open(key.partition(), None).await, Ok(vec![id.clone()]));
        let held = lease(&*all.conversations, "b", &key).await;
        let loaded = all.conversations.load(&held, &id, Seq(0)).await.unwrap().unwrap();
        assert_eq!(loaded.entries.len(), waiting);
        let entries = loaded.entries.into_iter().map(|entry| entry.session_address);
        let replies = loaded.snapshot.into_iter().flat_map(|snapshot| snapshot.replies);
        let addresses = entries.chain(replies.map(|reply| reply.target.session_address));
        assert!(addresses.eq([Some(address(WEBHOOK))]), "{chat}");
        // And goes on.
        let ended = &[Seq(1)][..waiting];
        all.conversations.commit(&held, ending("k9", &id, loaded.version, ended)).await.unwrap();
        assert_eq!(all.conversations.open(key.partition(), None).await, Ok(vec![]));
    }
    let again = all.conversations.accept(ask(&key("rest"), "m1", "hello")).await;
    assert_eq!(again, Ok(switchboard_ports::conversations::Accepted::Duplicate));
    assert_eq!(accept_first(&*all.conversations, ask(&key("rest"), "m9", "hello")).await, Seq(2));
}

#[tokio::test]
async fn a_file_of_each_format_is_opened_with_everything_in_it() {
    let newest = schema::newest(schema::MIGRATIONS);
    if std::env::var_os("SWITCHBOARD_BLESS").is_some() && !fixture(newest).exists() {
        bless(newest).await;
    }
    for format in 1..=newest {
        let place = of_format(format);
        let before = Connection::open(place.database()).unwrap();
        let version: u32 = before.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, format, "the file is of another format than its name");
        drop(before);
        let core = place.open().unwrap();
        everything_is_there(&core).await;
        let used = stores(&core).usage.of(&app("a")).await.unwrap();
        let expected = if format < 5 { vec![] } else { vec![(month(1), usage(7, 5))] };
        assert_eq!(used, expected, "format {format} has counts from 5 on");
        let lines = journal::read(&stores(&core), Book::Versions, "chn_1", 5).await;
        assert_eq!(lines.len(), usize::from(format >= 7), "format {format} has a journal from 7 on");
        drop(core);
        let after = Connection::open(place.database()).unwrap();
        let version: u32 = after.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, newest);
    }
}
