//! kill -9 between, before and after commits: nothing that was answered with Ok is ever missing.
//!
//! This binary runs itself: the child opens the store, accepts and commits as fast as it can and prints what was answered;
//! the parent kills it in the middle, again and again, and looks.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "test code: a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use switchboard_adapters::stores::{Stores, file};
use switchboard_domain::ids::{ConversationId, Partition, Seq, Version};
use switchboard_ports::conformance::FakeClock;
use switchboard_ports::conformance::samples::{ask, ending, key, line, replica};
use switchboard_ports::conversations::{Accepted, Commit, ConversationStore, Lease};
use switchboard_ports::page::PageRequest;

const CHILD: &str = "SWITCHBOARD_STORE_TEST_CHILD";
const CHILD_TEST: &str = "child_of_the_kill_test";
const ROUNDS: u32 = 12;
const CHATS: usize = 8;

fn open(directory: &Path) -> Stores {
    let clock = Arc::new(FakeClock::new());
    file::open(&directory.join("data"), &directory.join("key"), clock).unwrap()
}

async fn claim_all(store: &dyn ConversationStore, owner: &str) -> BTreeMap<Partition, Lease> {
    let all: Vec<_> = Partition::all().collect();
    let leases = store.claim(&replica(owner), &all, Duration::from_hours(1)).await.unwrap();
    leases.into_iter().map(|lease| (lease.partition, lease)).collect()
}

/// Accepts a message in each chat at once, then answers them; prints each answer of the store's.
async fn work(directory: &Path) {
    let store = open(directory).conversations;
    let leases = claim_all(&*store, "child").await;
    println!("token {}", leases.values().map(|lease| lease.token.0).min().unwrap());
    let mut versions = [Version(0); CHATS];
    for (chat, version) in versions.iter_mut().enumerate() {
        let key = key(&format!("c{chat}"));
        if let Some(loaded) = store.load(&leases[&key.partition()], &key.id(), Seq(0)).await.unwrap() {
            *version = loaded.version;
        }
    }
    for round in 0.. {
        let accepted = (0..CHATS).map(|chat| {
            let message = format!("{}-{round}-{chat}", std::process::id());
            store.accept(ask(&key(&format!("c{chat}")), &message, "hello"))
        });
        let mut out = Vec::new();
        let mut seqs = Vec::new();
        for (chat, answer) in join_all(accepted).await.into_iter().enumerate() {
            let Accepted::First { seq: Some(seq), .. } = answer.unwrap() else {
                panic!("a message of the child's own was seen before");
            };
            writeln!(out, "accepted {chat} {seq}").unwrap();
            seqs.push(seq);
        }
        print(&out);
        let commits = seqs.iter().enumerate().map(|(chat, seq)| {
            let key = key(&format!("c{chat}"));
            // The last of each ten stays in the inbox.
            let ended: &[Seq] = if seq.0 % 10 == 0 { &[] } else { &[*seq] };
            let commit = Commit {
                transcript: vec![line(seq.0, "question")],
                ..ending(&format!("k{}-{round}", std::process::id()), &key.id(), versions[chat], ended)
            };
            let lease = &leases[&key.partition()];
            let store = &store;
            async move { store.commit(lease, commit).await }
        });
        let mut out = Vec::new();
        for (chat, answer) in join_all(commits).await.into_iter().enumerate() {
            versions[chat] = answer.unwrap();
            writeln!(out, "committed {chat} {} {}", versions[chat], seqs[chat]).unwrap();
        }
        print(&out);
    }
}

/// Whole lines at once: a line cut by the kill was not answered.
fn print(lines: &[u8]) {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(lines).and_then(|()| stdout.flush()).unwrap();
}

#[tokio::test]
async fn child_of_the_kill_test() {
    if let Some(directory) = std::env::var_os(CHILD) {
        work(&PathBuf::from(directory)).await;
    }
}

/// What the children were told.
#[derive(Debug, Default)]
struct Told {
    accepted: u64,
    committed: u64,
    last_committed: u64,
    version: u64,
}

fn run_and_kill(directory: &Path, round: u32, told: &mut [Told], last_token: &mut u64) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", CHILD_TEST, "--nocapture", "--test-threads=1"])
        .env(CHILD, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    // Each round dies somewhere else: after a different number of answers.
    let lines_max = 40 + 37 * round;
    let mut lines = 0;
    for answer in output.lines() {
        let answer = answer.unwrap();
        let mut words = answer.split(' ');
        let kind = words.next().unwrap();
        let mut number = || words.next().and_then(|word| word.parse::<u64>().ok());
        match (kind, number(), number(), number()) {
            ("token", Some(token), ..) => {
                assert!(token > *last_token, "tokens grow with each opening");
                *last_token = token;
            }
            ("accepted", Some(chat), Some(seq), None) => told[chat as usize].accepted = seq,
            ("committed", Some(chat), Some(version), Some(seq)) => {
                let told = &mut told[chat as usize];
                told.committed += 1;
                told.last_committed = seq;
                told.version = version;
            }
            _ => continue,
        }
        lines += 1;
        if lines == lines_max {
            // What was printed before the kill takes effect was answered too, so reading goes on.
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(lines >= lines_max, "the child ended by itself");
}

async fn look(directory: &Path, told: &[Told], owner: &str) {
    let stores = open(directory);
    let store = &*stores.conversations;
    let leases = claim_all(store, owner).await;
    for (chat, told) in told.iter().enumerate() {
        let key = key(&format!("c{chat}"));
        let loaded = store.load(&leases[&key.partition()], &key.id(), Seq(0)).await.unwrap().unwrap();
        assert!(loaded.version.0 >= told.version, "chat {chat}: a commit is missing");
        let lines = count_lines(&stores, &key.id()).await;
        assert_eq!(lines, loaded.version.0, "chat {chat}: state and transcript do not fit");
        let waiting: Vec<_> = loaded.entries.iter().map(|entry| entry.seq.0).collect();
        // What was answered last and not committed is waiting; so is each tenth.
        for seq in told.last_committed + 1..=told.accepted {
            assert!(
                waiting.contains(&seq) || loaded.version.0 > told.version,
                "chat {chat}: {seq} is missing"
            );
        }
        for seq in (10..=told.accepted).step_by(10) {
            assert!(waiting.contains(&seq), "chat {chat}: {seq} is missing");
        }
        let info = stores.transcripts.conversation(&key.id()).await.unwrap().unwrap();
        assert_eq!(info.waiting as usize, waiting.len(), "chat {chat}: the count is wrong");
        let open = store.open(key.partition(), None).await.unwrap();
        assert_eq!(open.contains(&key.id()), !waiting.is_empty());
    }
}

async fn count_lines(stores: &Stores, id: &ConversationId) -> u64 {
    let mut count = 0;
    let mut after = None;
    loop {
        let page = PageRequest { limit: 200, after };
        let page = stores.transcripts.lines(id, &page).await.unwrap();
        count += page.items.len() as u64;
        after = page.next;
        if after.is_none() {
            return count;
        }
    }
}

#[tokio::test]
async fn nothing_answered_is_missing_after_any_kill() {
    let directory = tempfile::tempdir().unwrap();
    let mut told: Vec<Told> = (0..CHATS).map(|_| Told::default()).collect();
    let mut last_token = 0;
    for round in 0..ROUNDS {
        run_and_kill(directory.path(), round, &mut told, &mut last_token);
        look(directory.path(), &told, &format!("parent{round}")).await;
        // The parent's own claims count too.
        last_token += 1;
    }
    let committed: u64 = told.iter().map(|told| told.committed).sum();
    assert!(committed > 500, "the children did too little: {committed}");
}
