//! No statement walks a table: every statement that the ports run is explained and must use an index.

use std::sync::Arc;

use bytes::Bytes;
use switchboard_domain::ids::{ChannelId, Seq, SessionNumber, UserId, Version};
use switchboard_domain::outbound::{News, Progress};
use switchboard_domain::outcome::Refusal;
use switchboard_ports::attachments::{AttachmentPlace, StoredAttachment};
use switchboard_ports::conformance::journal;
use switchboard_ports::conformance::messages::new_message;
use switchboard_ports::conformance::registries::{agent, channel};
use switchboard_ports::conformance::samples::{accept_first, ask, commit, ending, failed, key, lease, line};
use switchboard_ports::conformance::tokens::token;
use switchboard_ports::conformance::usage::{app, batch, month, usage};
use switchboard_ports::conformance::users::{identity, user};
use switchboard_ports::conversations::{Commit, Shown};
use switchboard_ports::journal::{Book, JournalStore};
use switchboard_ports::page::PageRequest;
use switchboard_ports::tokens::Role;
use switchboard_ports::transcripts::ConversationFilter;
use switchboard_ports::users::{User, UserStore};

use super::super::{Core, searching, sql, stores};
use super::Place;

async fn run_everything(core: &Arc<Core>) {
    let all = stores(core);
    let page = PageRequest::default();
    accept_first(&*all.conversations, ask(&key("c"), "m1", "hello")).await;
    accept_first(&*all.conversations, ask(&key("c"), "m2", "hello")).await;
    let held = lease(&*all.conversations, "a", &key("c")).await;
    let first = Commit {
        transcript: vec![line(1, "question")],
        failures: vec![failed(1)],
        shown: vec![Shown { seq: Seq(1), key: "card-1".to_owned() }],
        ..ending("k1", &key("c").id(), Version(0), &[Seq(1)])
    };
    all.conversations.commit(&held, first).await.unwrap();
    all.conversations.open(key("c").partition(), None).await.unwrap();
    all.conversations.load(&held, &key("c").id(), Seq(0)).await.unwrap();
    for bits in 0..8 {
        let filter = ConversationFilter {
            channel: (bits & 1 > 0).then(|| ChannelId::new("chn_a")),
            user: (bits & 2 > 0).then(|| UserId::new("usr_1")),
            text: (bits & 4 > 0).then(|| "text".to_owned()),
        };
        for after in [None, Some("1-cnv_1".to_owned())] {
            let page = PageRequest { limit: 10, after };
            all.transcripts.conversations(&filter, &page).await.unwrap();
        }
    }
    all.transcripts.conversation(&key("c").id()).await.unwrap();
    all.transcripts.lines(&key("c").id(), &page).await.unwrap();
    all.transcripts.recent(&key("c").id(), SessionNumber(1), 5).await.unwrap();
    all.transcripts.shown_as(&key("c").channel, "c", "card-1").await.unwrap();
    all.transcripts.private_with(&ChannelId::new("chn_a"), "staff1").await.unwrap();
    let message = new_message("msg_1", &key("c"));
    all.messages.give(message.clone()).await.unwrap();
    all.messages.find(&message.id).await.unwrap();
    let news = News { message: message.id, progress: Progress::refused(Refusal::ChannelDeleted) };
    let told = Commit { news: vec![news], ..commit("k2", &key("c").id(), Version(1)) };
    all.conversations.commit(&held, told).await.unwrap();
    all.failures.list(&page).await.unwrap();
    all.failures.find("flr_1").await.unwrap();
    all.failures.retry("flr_1").await.unwrap();
    all.failures.delete("flr_1").await.unwrap();
    all.channels.insert(&channel("chn_1", "one")).await.unwrap();
    all.channels.update(&channel("chn_1", "two"), Version(1)).await.unwrap();
    all.channels.find(&ChannelId::new("chn_1")).await.unwrap();
    all.channels.list().await.unwrap();
    all.channels.delete(&ChannelId::new("chn_1")).await.unwrap();
    all.agents.insert(&agent("agt_1", "one")).await.unwrap();
    run_users(&*all.users, &page).await;
    all.tokens.insert(&token("a", Role::Admin, 1)).await.unwrap();
    all.tokens.by_hash(&[1; 32]).await.unwrap();
    all.tokens.list().await.unwrap();
    all.tokens.revoke("a").await.unwrap();
    all.usage.add(batch("b1", &[(&app("a"), month(1), usage(1, 1))])).await.unwrap();
    all.usage.of(&app("a")).await.unwrap();
    run_journal(&*all.journal, &page).await;
    accept_first(&*all.conversations, ask(&key("d"), "m3", "see")).await;
    let place = AttachmentPlace { conversation: key("d").id(), seq: Seq(1), position: 0 };
    let file = StoredAttachment { media_type: "image/png".to_owned(), content: Bytes::from_static(b"png") };
    all.attachments.put(&place, file.clone()).await.unwrap();
    all.attachments.load(&place.conversation, place.seq).await.unwrap();
    all.attachments.remove(&place.conversation, place.seq).await.unwrap();
    all.attachments.put(&place, file).await.unwrap();
    while all.transcripts.purge(&ChannelId::new("chn_a")).await.unwrap() {}
    assert_eq!(all.attachments.sweep().await, Ok(1));
}

async fn run_users(users: &dyn UserStore, page: &PageRequest) {
    let one = User { identities: vec![identity("u1")], ..user("usr_1", "one") };
    users.create(&one, &[]).await.unwrap();
    users.update(&one, Version(1), &[]).await.unwrap();
    users.link(&one.id, &identity("u2"), &[]).await.unwrap();
    users.unlink(&one.id, &identity("u2"), &[]).await.unwrap();
    users.matching("one", Some("one@example.invalid")).await.unwrap();
    users.list(page).await.unwrap();
    users.delete(&one.id, &[]).await.unwrap();
}

/// More than a subject and a book keep.
async fn run_journal(store: &dyn JournalStore, page: &PageRequest) {
    let lines = ["first", "second"].map(|text| journal::line(Book::Intents, "chn_1", text));
    let subjects = ["one", "other"].map(|subject| journal::line(Book::Changes, subject, "text"));
    store.append(lines.into_iter().chain(subjects).collect()).await.unwrap();
    store.read(Book::Intents, "chn_1", page).await.unwrap();
    assert_eq!(store.subjects(Book::Changes).await.unwrap(), ["other"]);
    store.forget(Book::Intents, "chn_1").await.unwrap();
}

#[tokio::test]
async fn no_statement_walks_a_table_or_sorts() {
    let place = Place::new();
    let core = place.open().unwrap();
    run_everything(&core).await;
    drop(core);
    let database = rusqlite::Connection::open(place.database()).unwrap();
    searching::provide(&database).unwrap();
    let mut explained = 0;
    for statement in sql::seen::statements() {
        if !["SELECT", "UPDATE", "DELETE", "INSERT"].iter().any(|verb| statement.starts_with(verb)) {
            continue;
        }
        let mut explain = database.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
        let mut rows = explain.raw_query();
        while let Some(row) = rows.next().unwrap() {
            let plan: String = row.get(3).unwrap();
            let walks = plan.starts_with("SCAN") && !plan.contains("USING") && !plan.contains("CONSTANT ROW");
            // The whole of a small table, or the newest rows of one with a limit, in the order of its key.
            let in_key_order = ["SCAN failures", "SCAN users", "SCAN usage"].contains(&plan.as_str());
            // A search reads all lines, by a reader of its own, where the last conversations do not fill the page.
            let searches =
                statement.contains("says(") && ["SCAN line", "SCAN conversations"].contains(&plan.as_str());
            assert!(!walks || in_key_order || searches, "{statement}\n{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{statement}\n{plan}");
        }
        explained += 1;
    }
    assert!(explained > 40, "only {explained} statements were seen");
}

#[tokio::test]
async fn the_open_index_holds_only_what_is_open() {
    let place = Place::new();
    let core = place.open().unwrap();
    let store = stores(&core).conversations;
    for n in 0..20 {
        let key = key(&format!("c{n}"));
        accept_first(&*store, ask(&key, &format!("m{n}"), "hello")).await;
        let held = lease(&*store, "a", &key).await;
        store.commit(&held, ending("k1", &key.id(), Version(0), &[Seq(1)])).await.unwrap();
    }
    let plan = core.readers.read(|connection| {
        let sql = format!("EXPLAIN QUERY PLAN {}", super::super::conversations::OPEN);
        sql::first(connection, &sql, (1, "", 10), |row| row.get::<_, String>(3))
    });
    let plan = plan.await.unwrap().unwrap();
    assert!(
        plan.contains("USING COVERING INDEX conversations_open")
            || plan.contains("USING INDEX conversations_open"),
        "{plan}"
    );
}
