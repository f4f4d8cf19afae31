//! Starting costs what is open, not what is stored.
//!
//! `SWITCHBOARD_STORED=100000 cargo xtask test starting` makes that many conversations of twenty messages, fifty of them
//! open, and prints what the start took (`--no-capture` shows it).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use rusqlite::Connection;
use serde_json::json;
use switchboard_adapters::stores::file;
use switchboard_domain::ids::{ConversationKey, Partition, Seq, Version};
use switchboard_domain::snapshot::{Role, TranscriptLine};
use switchboard_ports::conformance::FakeClock;
use switchboard_ports::conformance::samples::{ask, ending, key_on, line, replica};
use switchboard_ports::conversations::{Commit, ConversationStore, Lease};
use switchboard_tests::api::Api;
use switchboard_tests::looks;
use switchboard_tests::server::Home;
use tokio::time::Instant;

/// Conversations without `SWITCHBOARD_STORED`.
const STORED: usize = 600;
/// Conversations with a message that waits.
const OPEN: usize = 50;
/// Messages in each: ten questions, ten answers.
const LINES: u64 = 20;
/// Conversations written at the same time.
const AT_ONCE: usize = 128;

fn stored() -> usize {
    let wanted = std::env::var_os("SWITCHBOARD_STORED");
    wanted.map_or(STORED, |wanted| wanted.to_str().and_then(|text| text.parse().ok()).expect("a number"))
}

fn lines() -> Vec<TranscriptLine> {
    let words =
        "some words that somebody wrote or an agent answered, about as long as messages usually are. ";
    let each = |number: u64| TranscriptLine {
        role: if number.is_multiple_of(2) { Role::User } else { Role::Assistant },
        ..line(1 + number / 2, &words.repeat(1 + (number % 3) as usize))
    };
    (0..LINES).map(each).collect()
}

async fn conversation(
    store: &dyn ConversationStore,
    leases: &BTreeMap<Partition, Lease>,
    key: ConversationKey,
    number: usize,
) {
    store.accept(ask(&key, &format!("m{number}"), "hello")).await.unwrap();
    let commit = Commit { transcript: lines(), ..ending("k1", &key.id(), Version(0), &[Seq(1)]) };
    store.commit(&leases[&key.partition()], commit).await.unwrap();
    if number < OPEN {
        store.accept(ask(&key, &format!("open{number}"), "still open")).await.unwrap();
    }
}

/// Fills the home's store through the store's own code, for a channel that has to be there.
async fn fill(home: &Home, channel: &str, count: usize) {
    let stores = file::open(&home.store(), &home.store().join("key"), Arc::new(FakeClock::new())).unwrap();
    let store = &*stores.conversations;
    let all: Vec<_> = Partition::all().collect();
    let leases = store.claim(&replica("filler"), &all, Duration::from_hours(10)).await.unwrap();
    let leases: BTreeMap<_, _> = leases.into_iter().map(|lease| (lease.partition, lease)).collect();
    for first in (0..count).step_by(AT_ONCE) {
        let numbers = first..(first + AT_ONCE).min(count);
        let each = numbers.map(|n| conversation(store, &leases, key_on(channel, &format!("chat{n}")), n));
        join_all(each).await;
    }
}

/// A value out of `/proc/PID/status`, in KiB.
fn memory_kib(pid: i32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// CPU time used so far, in milliseconds.
fn cpu_millis(pid: i32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // Fields 14 and 15 of proc(5), in ticks of a hundredth of a second.
    let ticks: u64 = [11, 12].map(|index: usize| fields[index].parse::<u64>().unwrap()).iter().sum();
    ticks * 10
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn starting_takes_as_long_as_there_is_work_and_not_as_there_is_history() {
    let mut home = Home::default();
    home.set("SWITCHBOARD_TELEMETRY__LOG", "warn");
    let server = home.serve().await;
    let api = Api::of(&server);
    let agent = api.create("/agents", &json!({ "name": "echo", "kind": "echo" })).await;
    // Nobody answers at this address: what is open stays open.
    let channel = json!({
        "name": "Bot", "type": "dingtalk", "default_agent_id": agent,
        "config": { "client_id": "a", "client_secret": "b",
            "api_base_url": "http://127.0.0.1:9", "oapi_base_url": "http://127.0.0.1:9" },
    });
    let channel = api.create("/channels", &channel).await;
    assert_eq!(server.terminate().await.code(), Some(0));
    let count = stored();
    fill(&home, &channel, count).await;
    let database = Connection::open(home.store().join("switchboard.db")).unwrap();
    let number = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(number("SELECT count(*) FROM conversations"), i64::try_from(count).unwrap());
    assert_eq!(number("SELECT count(*) FROM inbox"), i64::try_from(OPEN).unwrap());
    drop(database);
    let bytes = std::fs::metadata(home.store().join("switchboard.db")).unwrap().len();
    for round in 0..3 {
        let begun = Instant::now();
        let mut server = home.spawn(&["serve"]);
        server.ready().await;
        let took = begun.elapsed();
        let (pid, mut peak) = (server.process_id(), 0);
        let cpu = cpu_millis(pid);
        // What is open is taken up after that.
        for _ in 0..50 {
            peak = peak.max(memory_kib(pid, "VmRSS"));
            looks::pause().await;
        }
        println!(
            "{count} conversations of {LINES} messages ({} MiB), {OPEN} open, round {round}: ready after {} ms ({cpu} ms of \
             CPU), {} MiB a second later at most",
            bytes / 1024 / 1024,
            took.as_millis(),
            peak / 1024
        );
        assert!(took < Duration::from_secs(10), "{took:?} is more than a busy machine explains");
        assert!(peak < 150 * 1024, "{peak} KiB");
        server.kill().await;
    }
}
