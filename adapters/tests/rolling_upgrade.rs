//! A rolling upgrade: two versions of the record code work on one shared store side by side.
//!
//! The other version is this one and a hand that rewrites each record which it has just written into what another version would
//! have written: the next format, with fields that nobody here knows, or the oldest one that is still read.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "test code: a test fails by panicking"
)]

#[path = "rolling_upgrade/records.rs"]
mod records;

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use switchboard_adapters::stores::Stores;
use switchboard_adapters::stores::redis::{self, LeaseClock, Making};
use switchboard_domain::ids::{ChannelId, ConversationKey, Seq, Version};
use switchboard_domain::outcome::Outcome;
use switchboard_domain::snapshot::{Role, TranscriptLine};
use switchboard_ports::attachments::AttachmentLimits;
use switchboard_ports::audit::AuditAct;
use switchboard_ports::channels::Channel;
use switchboard_ports::conformance::registries::{agent, channel};
use switchboard_ports::conformance::samples::{
    TTL, accept_first, address, ask, commit, failed, key, lease, line, reply, snapshot,
};
use switchboard_ports::conformance::users::{identity, user};
use switchboard_ports::conformance::{FakeClock, audit};
use switchboard_ports::conversations::{Arrival, Commit, Shown};
use switchboard_ports::error::StoreError;
use switchboard_ports::failures::Requeued;
use switchboard_ports::page::PageRequest;
use switchboard_ports::users::User;
use tempfile::TempDir;
use test_servers::redis::Server;

use records::{Records, Writes};

/// One Redis, and replicas of any version on it.
struct Ground {
    clock: Arc<FakeClock>,
    server: Server,
    folder: TempDir,
}

impl Ground {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("key"), "5a".repeat(32)).unwrap();
        fs::set_permissions(folder.path().join("key"), Permissions::from_mode(0o600)).unwrap();
        Self { clock: Arc::new(FakeClock::new()), server: Server::start(&[]), folder }
    }

    async fn replica(&self, name: &'static str, writes: Writes) -> Replica {
        let (clock, key) = (Arc::clone(&self.clock) as _, self.folder.path().join("key"));
        let limits = AttachmentLimits::default();
        let url = self.server.url();
        let opened =
            redis::open_with(url.as_str(), "test", &key, clock, Making::Allowed, LeaseClock::Given, limits);
        Replica { name, writes, stores: opened.await.unwrap(), records: Records::of(&url) }
    }

    /// Until whoever had a lease has it no longer.
    fn leases_end(&self) {
        self.clock.advance(TTL + Duration::from_secs(1));
    }
}

/// A replica of one version.
struct Replica {
    name: &'static str,
    writes: Writes,
    stores: Stores,
    records: Records,
}

impl Replica {
    /// Does something; what it wrote is then as its version writes it.
    async fn does<T>(&self, act: impl Future<Output = T>) -> T {
        let before = self.records.all();
        let done = act.await;
        self.records.rewrite(&before, self.writes);
        done
    }

    async fn accepts(&self, key: &ConversationKey, message: &str) -> Seq {
        let session_address = Some(address("https://example.invalid/send?s=1"));
        let arrival = Arrival { session_address, ..ask(key, message, "question 问") };
        self.does(accept_first(&*self.stores.conversations, arrival)).await
    }
}

/// A commit with something of everything, which leaves a reply to bring out.
fn step(id: &str, key: &ConversationKey, expected: u64, seq: Seq) -> Commit {
    let mut state = snapshot(expected + 1);
    state.replies.push(reply(seq, "answer 答"));
    Commit {
        snapshot: state,
        ended: vec![(seq, Outcome::Answered)],
        transcript: vec![
            line(seq.0, "question"),
            TranscriptLine { role: Role::Assistant, ..line(seq.0, "answer") },
        ],
        failures: vec![failed(seq.0)],
        shown: vec![Shown { seq, key: format!("card {seq}") }],
        ..commit(id, &key.id(), Version(expected))
    }
}

/// One accepts and the other answers, and the other way round; each goes on with what the other has written.
#[rstest]
#[case(Writes::Next, Writes::ThisFormat)]
#[case(Writes::ThisFormat, Writes::Next)]
#[case(Writes::Oldest, Writes::ThisFormat)]
#[case(Writes::ThisFormat, Writes::Oldest)]
#[case(Writes::Next, Writes::Oldest)]
#[tokio::test]
async fn replicas_of_two_versions_serve_one_conversation(#[case] one: Writes, #[case] other: Writes) {
    let ground = Ground::new();
    let replicas = [ground.replica("one", one).await, ground.replica("other", other).await];
    let key = key("c");
    let (mut last, mut formats) = (None::<Commit>, BTreeSet::new());
    for round in 0..6_u64 {
        // Who accepts has the lease of the round before; who answers takes it over.
        let (accepting, answering) = (&replicas[(round % 2) as usize], &replicas[((round + 1) % 2) as usize]);
        let seq = accepting.accepts(&key, &format!("m{round}")).await;
        ground.leases_end();
        let store = &*answering.stores.conversations;
        let held = answering.does(lease(store, answering.name, &key)).await;
        let loaded = store.load(&held, &key.id(), Seq(0)).await.unwrap().unwrap();
        assert_eq!(loaded.version, Version(round));
        assert_eq!(loaded.snapshot.as_ref(), last.as_ref().map(|commit| &commit.snapshot), "round {round}");
        let [entry] = loaded.entries.as_slice() else { panic!("{:?}", loaded.entries) };
        assert_eq!((entry.seq, entry.message.as_str()), (seq, format!("m{round}").as_str()));
        assert_eq!(entry.session_address, Some(address("https://example.invalid/send?s=1")));
        let next = step(&format!("k{round}"), &key, round, seq);
        let done = answering.does(store.commit(&held, next.clone())).await;
        assert_eq!(done, Ok(Version(round + 1)));
        // Repeated by whoever did not hear the answer, it is the same commit.
        assert_eq!(answering.does(store.commit(&held, next.clone())).await, Ok(Version(round + 1)));
        for replica in &replicas {
            replica.tells(&key, round, seq).await;
        }
        formats.extend(replicas[0].records.formats());
        last = Some(next);
    }
    assert!(formats.len() > 1, "only one version has written: {formats:?}");
    for (round, replica) in (0_u64..).zip(&replicas) {
        let failures = replica.stores.failures.list(&PageRequest::default()).await.unwrap().items;
        assert_eq!(failures.len(), 6);
        let retried = replica.does(replica.stores.failures.retry(&failures[round as usize].id)).await;
        assert!(matches!(retried.unwrap().unwrap().outcome, Requeued::Now(_)));
    }
}

impl Replica {
    /// What lists and quotes show of the round.
    async fn tells(&self, key: &ConversationKey, round: u64, seq: Seq) {
        let page = PageRequest { limit: 200, after: None };
        let lines = self.stores.transcripts.lines(&key.id(), &page).await.unwrap().items;
        assert_eq!(lines.len() as u64, 2 * (round + 1));
        let shown = self.stores.transcripts.shown_as(&key.channel, &key.chat, &format!("card {seq}")).await;
        assert_eq!(shown.unwrap().unwrap().text, "answer");
    }
}

/// Settings: each version reads and changes what the other wrote.
#[rstest]
#[case(Writes::Next, Writes::ThisFormat)]
#[case(Writes::ThisFormat, Writes::Next)]
#[case(Writes::Oldest, Writes::ThisFormat)]
#[tokio::test]
async fn replicas_of_two_versions_share_settings_and_users(#[case] one: Writes, #[case] other: Writes) {
    let ground = Ground::new();
    let (one, other) = (ground.replica("one", one).await, ground.replica("other", other).await);
    let made = channel("chn_1", "one");
    one.does(one.stores.channels.insert(&made)).await.unwrap();
    assert_eq!(other.stores.channels.list().await.unwrap(), std::slice::from_ref(&made));
    let renamed = Channel { name: "two".to_owned(), ..made.clone() };
    let version = other.does(other.stores.channels.update(&renamed, Version(1))).await.unwrap();
    let found = one.stores.channels.find(&ChannelId::new("chn_1")).await.unwrap().unwrap();
    assert_eq!(found, Channel { version, ..renamed });
    one.does(one.stores.agents.insert(&agent("agt_1", "helper"))).await.unwrap();
    assert_eq!(other.stores.agents.list().await.unwrap(), [agent("agt_1", "helper")]);
    let ann = User { identities: vec![identity("u1")], ..user("usr_1", "ann") };
    let line = |act| [audit::line(act, "usr_1")];
    one.does(one.stores.users.create(&ann, &line(AuditAct::Created))).await.unwrap();
    let (second, told) = (identity("u2"), line(AuditAct::Linked));
    let linked = other.does(other.stores.users.link(&ann.id, &second, &told)).await.unwrap().unwrap();
    assert_eq!(linked.identities.len(), 2);
    assert_eq!(one.stores.users.find(&ann.id).await.unwrap(), Some(linked.clone()));
    // What one version changes, the other changes again.
    for (number, replica) in (1..).zip([&one, &other, &one]) {
        let found = replica.stores.users.find(&ann.id).await.unwrap().unwrap();
        assert_eq!((found.disabled, found.department.as_deref()), (number % 2 == 0, None));
        let changed = User { disabled: number % 2 == 1, ..found.clone() };
        replica.does(replica.stores.users.update(&changed, found.version, &[])).await.unwrap();
    }
    for replica in [&one, &other] {
        let lines = replica.stores.audit.list(&PageRequest::default()).await.unwrap().items;
        let acts: Vec<_> = lines.iter().map(|info| info.line.act).collect();
        assert_eq!(acts, [AuditAct::Linked, AuditAct::Created]);
    }
}

/// What this version does not understand it says so of, and leaves as it is.
#[tokio::test]
async fn what_a_newer_version_alone_understands_is_refused_and_never_written_over() {
    let ground = Ground::new();
    let (newer, ours) =
        (ground.replica("newer", Writes::Unreadable).await, ground.replica("ours", Writes::ThisFormat).await);
    let key = key("c");
    // Ours has read both before the newer one comes.
    ours.stores.channels.insert(&channel("chn_1", "one")).await.unwrap();
    let known = ours.stores.channels.find(&ChannelId::new("chn_1")).await.unwrap().unwrap();
    let seq = ours.accepts(&key, "m1").await;
    let held = lease(&*ours.stores.conversations, "ours", &key).await;
    ground.leases_end();
    let theirs = lease(&*newer.stores.conversations, "newer", &key).await;
    let done = newer.does(newer.stores.conversations.commit(&theirs, step("k1", &key, 0, seq))).await;
    done.unwrap();
    let renamed = Channel { name: "two".to_owned(), ..known.clone() };
    newer.does(newer.stores.channels.update(&renamed, Version(1))).await.unwrap();
    newer.accepts(&key, "m2").await;
    let before = ours.records.all();
    // Stale, ours does nothing.
    let stale = ours.stores.conversations.commit(&held, step("k2", &key, 0, seq)).await;
    assert_eq!(stale, Err(StoreError::Fenced));
    assert_eq!(ours.stores.channels.update(&known, Version(1)).await, Err(StoreError::Conflict));
    // With a lease of its own it reads nothing, and so has no version to write with.
    ground.leases_end();
    let held = lease(&*ours.stores.conversations, "ours", &key).await;
    let store = &ours.stores;
    for refused in [
        store.conversations.load(&held, &key.id(), Seq(0)).await.map(drop),
        store.transcripts.lines(&key.id(), &PageRequest::default()).await.map(drop),
        store.failures.list(&PageRequest::default()).await.map(drop),
        store.channels.find(&known.id).await.map(drop),
        store.channels.list().await.map(drop),
    ] {
        let Err(StoreError::Corrupt(words)) = refused else { panic!("{refused:?}") };
        assert!(words.contains("of a newer version, this one knows up to"), "{words}");
        assert!(!words.contains("question"), "{words}");
    }
    let guessed = ours.stores.conversations.commit(&held, step("k3", &key, 0, seq)).await;
    assert_eq!(guessed, Err(StoreError::Conflict));
    // Messages are stored all the same, and nothing else has changed.
    let third = ours.accepts(&key, "m3").await;
    assert_eq!(third, Seq(3));
    let after = ours.records.all();
    assert!(before.iter().all(|(place, record)| after.get(place) == Some(record)));
    // The newer one goes on with all of it.
    ground.leases_end();
    lease(&*newer.stores.conversations, "newer", &key).await;
    newer.records.rewrite(&before, Writes::Unreadable);
    assert_eq!(newer.records.all().len(), before.len() + 1);
}
