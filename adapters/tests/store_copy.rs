//! Everything of one store into another and back: what the ports tell is the same, what may not be mixed is refused, and a copy
//! that failed on its way goes on.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "test code: a test fails by panicking"
)]

#[path = "store_copy/everything.rs"]
mod everything;
#[path = "store_copy/ground.rs"]
mod ground;
#[path = "store_copy/journal.rs"]
mod journal;

use std::sync::Arc;
use std::time::Duration;

use rstest::rstest;
use switchboard_adapters::stores::Stores;
use switchboard_adapters::stores::copy::{CopyError, Told};
use switchboard_adapters::stores::redis::{self, Making};
use switchboard_domain::ids::Seq;
use switchboard_ports::audit::AuditAct;
use switchboard_ports::conformance::audit;
use switchboard_ports::conformance::replicas::report;
use switchboard_ports::conformance::samples::{accept_first, ask, key, lease, replica};
use switchboard_ports::conformance::users::user;
use switchboard_ports::conversations::Accepted;
use switchboard_ports::error::StoreError;
use switchboard_ports::failures::Requeued;
use switchboard_ports::page::PageRequest;
use switchboard_ports::replicas::Report;

use everything::{Everything, fill};
use ground::{End, Ground, Kind};

/// What a copied store does, and not only what it tells.
async fn works(stores: &Stores, token_before: u64) {
    let (store, first) = (&*stores.conversations, key("c1"));
    for message in ["c1-1", "c1-2", "c1-3", "passed"] {
        assert_eq!(store.accept(ask(&first, message, "again")).await, Ok(Accepted::Duplicate), "{message}");
    }
    let info = stores.transcripts.conversation(&first.id()).await.unwrap().unwrap();
    let held = lease(store, "before", &first).await;
    assert!(held.token.0 > token_before, "{} after {token_before}", held.token.0);
    let loaded = store.load(&held, &first.id(), Seq(0)).await.unwrap().unwrap();
    assert_eq!(loaded.entries.len(), info.waiting as usize);
    let last = loaded.entries.last().unwrap().seq;
    assert_eq!(accept_first(store, ask(&first, "new", "hello")).await, last.next());
    let failures = stores.failures.list(&PageRequest { limit: 200, after: None }).await.unwrap().items;
    let failure = failures.iter().find(|failure| failure.retried_at.is_none()).unwrap();
    let retried = stores.failures.retry(&failure.id).await.unwrap().unwrap();
    assert!(matches!(retried.outcome, Requeued::Now(_)), "{:?}", retried.outcome);
    assert_eq!(retried.partition, everything::key_of(&failure.conversation).partition());
    assert!(stores.failures.delete(&failure.id).await.unwrap());
    let last = stores.audit.list(&PageRequest::default()).await.unwrap().items[0].number;
    let line = audit::line(AuditAct::Created, "usr_new");
    stores.users.create(&user("usr_new", "new"), &[line]).await.unwrap();
    assert_eq!(stores.audit.list(&PageRequest::default()).await.unwrap().items[0].number, last + 1);
    assert_eq!(stores.failures.find(&failure.id).await, Ok(None));
    journal::works(stores).await;
}

#[rstest]
#[case(Kind::File, Kind::Redis)]
#[case(Kind::File, Kind::Cluster)]
#[case(Kind::Redis, Kind::Cluster)]
#[case(Kind::Cluster, Kind::Redis)]
#[case(Kind::Redis, Kind::File)]
#[case(Kind::File, Kind::File)]
#[case(Kind::Redis, Kind::Redis)]
#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_over_and_back(#[case] one: Kind, #[case] other: Kind) {
    let mut ground = Ground::new();
    let (here, there, back) = (ground.end(one), ground.end(other), ground.end(one));
    let (before, token) = {
        let stores = ground.open(&here).await;
        let token = fill(&stores).await;
        (Everything::of(&stores).await, token)
    };
    let copied = ground.copy(&here, &there).await.unwrap();
    assert_eq!(copied.tables.len(), 15);
    assert!(copied.tables.iter().all(|(name, rows, _)| *rows > 0 || panic!("no {name}")));
    assert!(copied.marks.unwrap() >= 16);
    // Asked for once more it only looks.
    let again = ground.copy(&here, &there).await.unwrap();
    assert_eq!((again.tables, again.marks), (copied.tables.clone(), None));
    assert_eq!(ground.copy(&there, &back).await.unwrap().tables, copied.tables);
    for end in [&there, &back] {
        let stores = ground.open(end).await;
        let after = Everything::of(&stores).await;
        before.assert_is(&after);
        works(&stores, token + 1).await;
    }
    // Used since, it is a store of its own.
    assert!(ground.refused(&here, &there).await.contains("has changed since"));
}

#[rstest]
#[case(Kind::File, Kind::Redis)]
#[case(Kind::Redis, Kind::File)]
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_was_cut_off_anywhere_goes_on(#[case] one: Kind, #[case] other: Kind) {
    let mut ground = Ground::new();
    let (here, there, elsewhere) = (ground.end(one), ground.end(other), ground.end(one));
    let before = {
        let stores = ground.open(&here).await;
        fill(&stores).await;
        let before = Everything::of(&stores).await;
        fill(&ground.open(&elsewhere).await).await;
        before
    };
    // Dropped at each of the places at which something is told, further each time.
    let mut cuts = 0;
    loop {
        let told = std::sync::atomic::AtomicUsize::new(0);
        let (cut, is_cut) = (tokio::sync::Notify::new(), std::sync::atomic::AtomicBool::new(false));
        let tell = |_: Told| {
            if told.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == cuts + 1 {
                is_cut.store(true, std::sync::atomic::Ordering::SeqCst);
                cut.notify_one();
            }
        };
        let ended = tokio::select! {
            biased;
            () = cut.notified() => None,
            ended = ground.copy_told(&here, &there, "key", &tell) => Some(ended),
        };
        match ended {
            // What was cut off still writes its last batch.
            Some(Err(CopyError::Source(in_use) | CopyError::Target(in_use))) => {
                assert!(in_use.to_string().contains("in use"), "{in_use}");
                continue;
            }
            Some(ended) => {
                ended.unwrap();
                break;
            }
            None => cuts += 1,
        }
        // Until it is whole nobody takes it for a store, and nothing else is mixed into it.
        if cuts == 3 {
            loop {
                let refused = ground.try_open(&there).await.err().unwrap();
                if refused.contains("is not finished") {
                    break;
                }
                assert!(refused.contains("in use"), "{refused}");
            }
            let other = ground.end(one);
            everything::a_little(&ground.open(&other).await).await;
            assert!(ground.refused(&other, &there).await.contains("a part of a copy of"));
            assert!(ground.refused(&there, &other).await.contains("is not finished"));
        }
    }
    assert!(cuts > 5, "only {cuts} cuts");
    before.assert_is(&Everything::of(&ground.open(&there).await).await);
}

#[rstest]
#[case(Kind::File, Kind::Redis)]
#[case(Kind::Redis, Kind::File)]
#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changed_since_is_noticed(#[case] one: Kind, #[case] other: Kind) {
    let mut ground = Ground::new();
    let (here, there) = (ground.end(one), ground.end(other));
    fill(&ground.open(&here).await).await;
    let cut = tokio::sync::Notify::new();
    let tell = |told: Told| {
        if let Told::Copied(_) = told {
            cut.notify_one();
        }
    };
    tokio::select! {
        biased;
        () = cut.notified() => {}
        ended = ground.copy_told(&here, &there, "key", &tell) => panic!("not cut off: {ended:?}"),
    }
    accept_first(&*ground.open_when_free(&here).conversations, ask(&key("c1"), "late", "hello")).await;
    let mut refused = ground.refused(&here, &there).await;
    // The target, too, may be held for a moment more.
    while refused.contains("in use") {
        refused = ground.refused(&here, &there).await;
    }
    assert!(refused.contains("has changed since the copy was begun (conversations)"), "{refused}");
    assert!(ground.try_open(&there).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_be_mixed_is_refused_and_stays_as_it_was() {
    let mut ground = Ground::new();
    let (full, other) = (ground.end(Kind::File), ground.end(Kind::Redis));
    let (none, nowhere) = (ground.end(Kind::File), End::Redis("redis://127.0.0.1:1".to_owned()));
    everything::a_little(&ground.open(&full).await).await;
    let before = {
        let stores = ground.open(&other).await;
        fill(&stores).await;
        Everything::of(&stores).await
    };
    for (from, to, words) in [
        (&full, &other, "the target holds a store already"),
        (&other, &full, "the target holds a store already"),
        (&none, &other, "the source: there is no store in"),
        (&nowhere, &full, "the source: cannot connect to Redis"),
        (&full, &nowhere, "the target: cannot connect to Redis"),
    ] {
        let refused = ground.refused(from, to).await;
        assert!(refused.contains(words), "{refused}");
    }
    let End::File(folder) = &none else { unreachable!() };
    assert!(!folder.exists());
    let empty = ground.end(Kind::Redis);
    drop(ground.open(&empty).await);
    assert!(ground.refused(&empty, &none).await.contains("there is nothing in the source"));
    assert!(!folder.exists());
    // A server on either side.
    let held = ground.open(&full).await;
    assert!(ground.refused(&full, &empty).await.contains("in use by another switchboard process"));
    assert!(ground.refused(&other, &full).await.contains("in use by another switchboard process"));
    drop(held);
    // Another key on either side.
    ground.write_key("other", "77");
    for (from, to) in [(&full, &empty), (&other, &none), (&other, &empty)] {
        let refused = ground.copy_told(from, to, "other", &|_| {}).await.unwrap_err().to_string();
        assert!(refused.contains("other"), "{refused}");
    }
    before.assert_is(&Everything::of(&ground.open(&other).await).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_lives_on_a_shared_store_keeps_it_from_being_copied() {
    let mut ground = Ground::new();
    let (shared, other, file) = (ground.end(Kind::Redis), ground.end(Kind::Redis), ground.end(Kind::File));
    let live = async |end: &End| {
        let End::Redis(url) = end else { unreachable!() };
        let (clock, key) = (Arc::clone(&ground.clock) as _, ground.folder.path().join("key"));
        let stores = redis::open(url.as_str(), "test", &key, clock, Making::Allowed).await.unwrap();
        let report = Report { whole: true, ..report("r1", Vec::new()) };
        stores.replicas.report(&report, Duration::from_hours(1)).await.unwrap();
        stores
    };
    let stores = live(&shared).await;
    everything::a_little(&stores).await;
    let refused = ground.refused(&shared, &file).await;
    assert!(refused.contains("a server still runs on the source (1 in all)"), "{refused}");
    stores.replicas.leave(&replica("r1")).await.unwrap();
    let on_target = live(&other).await;
    let refused = ground.refused(&shared, &other).await;
    assert!(refused.contains("a server still runs on the target (1 in all)"), "{refused}");
    on_target.replicas.leave(&replica("r1")).await.unwrap();
    ground.copy(&shared, &other).await.unwrap();
}

/// What went into files that nobody finds any more was not copied, however late they vanish.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_deleted_under_a_copy_is_no_copy() {
    let mut ground = Ground::new();
    let (from, to) = (ground.end(Kind::File), ground.end(Kind::File));
    everything::a_little(&ground.open(&from).await).await;
    let End::File(folder) = &to else { unreachable!() };
    let told = |told| {
        if let Told::Comparing = told {
            std::fs::remove_dir_all(folder).unwrap();
        }
    };
    let failed = ground.copy_told(&from, &to, "key", &told).await.unwrap_err().to_string();
    assert!(failed.contains("the store's database was deleted, moved or replaced"), "{failed}");
    ground.copy(&from, &to).await.unwrap();
}

/// An owner from before the copy writes nothing into what was copied, not even with its token.
#[tokio::test(flavor = "multi_thread")]
async fn a_stale_owner_is_fenced_out_of_a_copy() {
    let mut ground = Ground::new();
    let (here, there) = (ground.end(Kind::Redis), ground.end(Kind::Redis));
    let stale = {
        let stores = ground.open(&here).await;
        fill(&stores).await;
        lease(&*stores.conversations, "before", &key("c1")).await
    };
    ground.copy(&here, &there).await.unwrap();
    let store = ground.open(&there).await.conversations;
    assert_eq!(store.load(&stale, &key("c1").id(), Seq(0)).await.err(), Some(StoreError::Fenced));
    let held = lease(&*store, "before", &key("c1")).await;
    assert!(held.token > stale.token.next());
}

/// What belongs to running servers, counts changes, or says of a store what it is.
const LEFT_BEHIND: [&str; 5] = [":lease", ":fence", ":failed", "{config}:meta", "{config}:revision"];

/// Nothing that is added to the layout is forgotten: the same keys of the same types are in a copy.
#[tokio::test(flavor = "multi_thread")]
async fn a_shared_stores_copy_has_the_same_keys() {
    let mut ground = Ground::new();
    let (here, there) = (ground.end(Kind::Redis), ground.end(Kind::Redis));
    fill(&ground.open(&here).await).await;
    ground.copy(&here, &there).await.unwrap();
    let keys = |end: &End| {
        let End::Redis(url) = end else { unreachable!() };
        let mut connection = ::redis::Client::open(url.as_str()).unwrap().get_connection().unwrap();
        let keys: Vec<String> = ::redis::cmd("KEYS").arg("*").query(&mut connection).unwrap();
        let kept = keys.into_iter().filter(|key| !LEFT_BEHIND.iter().any(|end| key.ends_with(end)));
        let mut keys: Vec<_> = kept
            .map(|key| {
                let kind: String = ::redis::cmd("TYPE").arg(&key).query(&mut connection).unwrap();
                let count = match kind.as_str() {
                    "hash" => "HLEN",
                    "zset" => "ZCARD",
                    "set" => "SCARD",
                    "list" => "LLEN",
                    _ => "STRLEN",
                };
                let count: u64 = ::redis::cmd(count).arg(&key).query(&mut connection).unwrap();
                let lasts: i64 = ::redis::cmd("TTL").arg(&key).query(&mut connection).unwrap();
                (key, kind, count, lasts > 0)
            })
            .collect();
        keys.sort();
        keys
    };
    let (found, expected) = (keys(&there), keys(&here));
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}
