//! Moving between stores with the real binary: the server goes on where it was, a kill in the middle costs nothing, and what must
//! not be mixed is refused.

use std::fs;
use std::path::Path;

use nix::sys::signal::Signal;
use rusqlite::Connection;
use switchboard_tests::looks;
use switchboard_tests::server::{Home, Ran};
use test_servers::redis;

use super::stage::{Stage, answer_to};

/// Lines of a transcript that take a copy many batches.
const LINES: u32 = 40_000;

/// Exit code 1, nothing on stdout, and a last line that holds all of these.
#[track_caller]
fn refused(ran: &Ran, words: &[&str]) {
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran:?}");
    let last = ran.stderr.lines().last().unwrap_or_default();
    for word in words {
        assert!(last.contains(word), "{word:?} in {ran:?}");
    }
}

/// The rows of a table, as the command told them.
fn rows(ran: &Ran, table: &str) -> u64 {
    let line = ran.stdout.lines().find_map(|line| line.strip_prefix(table)?.strip_prefix('\t'));
    line.and_then(|line| line.split('\t').next()?.parse().ok()).unwrap_or_else(|| panic!("{table}: {ran:?}"))
}

fn copy<'a>(from: &'a str, to: &'a str) -> [&'a str; 6] {
    ["store", "copy", "--from", from, "--to", to]
}

/// Somebody has written, and the server is stopped.
async fn stopped() -> Stage {
    let mut stage = Stage::start().await;
    for who in ["ann", "bob"] {
        stage.say(who, "hello");
        stage.wait_texts(who, &[&answer_to("hello")]).await;
    }
    stage.server.signal(Signal::SIGTERM);
    stage.server.end().await;
    stage
}

/// Serves from another store.
async fn serve_from(stage: &mut Stage, url: &str) {
    stage.home.set("SWITCHBOARD_STORE__URL", url);
    stage.serve_again().await;
    stage.api.wait_connected(&stage.channel).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_goes_on_in_the_store_it_was_copied_to() {
    let redis = redis::Server::start(&[]);
    let mut stage = stopped().await;
    let (here, there, back) = ("file:./switchboard-data", redis.url(), "file:./back");
    let ran = stage.home.run(&copy(here, &there)).await.fine();
    assert_eq!((rows(&ran, "channels"), rows(&ran, "conversations")), (1, 2));
    assert!(rows(&ran, "deduplication marks") >= 2, "{ran:?}");
    assert!(ran.stderr.contains("comparing both stores"), "{ran:?}");
    let key = fs::read_to_string(stage.home.store().join("key")).unwrap();
    assert!(!ran.stdout.contains(key.trim()) && !ran.stderr.contains(key.trim()));
    serve_from(&mut stage, &there).await;
    stage.say("ann", "again");
    stage.wait_texts("ann", &[&answer_to("hello"), &answer_to("again")]).await;
    // Beside a server nothing is copied.
    refused(&stage.home.run(&copy(&there, back)).await, &["runs on the source"]);
    assert!(!stage.home.path().join("back").exists());
    stage.server.signal(Signal::SIGTERM);
    stage.server.end().await;
    let ran = stage.home.run(&copy(&there, back)).await.fine();
    assert_eq!(rows(&ran, "conversations"), 2);
    serve_from(&mut stage, back).await;
    stage.say("bob", "once more");
    stage.wait_texts("bob", &[&answer_to("hello"), &answer_to("once more")]).await;
    refused(
        &stage.home.run(&copy(back, &there)).await,
        &["the source", "in use by another switchboard process"],
    );
    stage.assert_no_alarm();
}

/// Adds lines to the only transcript of a store.
fn lengthen(store: &Path) {
    let database = Connection::open(store.join("switchboard.db")).unwrap();
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
               INSERT INTO transcript (num, session, text, body)
               SELECT line.num, line.session, line.text || i, line.body
               FROM n, (SELECT * FROM transcript ORDER BY id LIMIT 1) AS line";
    database.execute(sql, [LINES]).unwrap();
}

/// Copies, and kills the copy with `kill -9` once it has said that it is on its way.
async fn killed(home: &Home, from: &str, to: &str) {
    let mut copying = home.spawn(&copy(from, to));
    looks::until("the copy is on its way", async || copying.log().contains(" rows copied").then_some(()))
        .await;
    copying.signal(Signal::SIGKILL);
    copying.end().await;
    assert!(!copying.log().contains("comparing"), "the kill came too late");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_killed_in_the_middle_goes_on_and_is_no_store_until_it_is_whole() {
    let redis = redis::Server::start(&[]);
    let mut stage = stopped().await;
    lengthen(&stage.home.store());
    let (mut from, there) = ("file:./switchboard-data".to_owned(), redis.url());
    for to in [there.as_str(), "file:./back"] {
        killed(&stage.home, &from, to).await;
        let home = &stage.home;
        for command in [&["serve", "--store", to][..], &["token", "list", "--store", to]] {
            refused(&home.run(command).await, &["is not finished", "switchboard store copy"]);
        }
        refused(&home.run(&copy(to, "file:./third")).await, &["the source", "is not finished"]);
        let ran = home.run(&copy(&from, to)).await.fine();
        assert!(ran.stderr.contains("going on where an earlier copy was cut off"), "{ran:?}");
        assert!(rows(&ran, "transcript lines") > u64::from(LINES), "{ran:?}");
        // Asked for again it looks, and changes nothing.
        let again = home.run(&copy(&from, to)).await.fine();
        assert!(again.stdout.starts_with("copied before: "), "{again:?}");
        assert_eq!(rows(&again, "transcript lines"), rows(&ran, "transcript lines"));
        to.clone_into(&mut from);
    }
    serve_from(&mut stage, "file:./back").await;
    stage.say("ann", "again");
    stage.wait_texts("ann", &[&answer_to("hello"), &answer_to("again")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_copied_is_said_and_nothing_is_made() {
    let stage = stopped().await;
    let home = &stage.home;
    let here = "file:./switchboard-data";
    for (from, to, words) in [
        (here, here, "--to: must be another store than --from"),
        ("memory:", here, "--from: must be a store that lasts"),
        (here, "memory:", "--to: must be a store that lasts"),
        (here, "mysql://s3cr3t@h", "--to: must be \"file:FOLDER\""),
    ] {
        let ran = home.run(&copy(from, to)).await;
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
        assert!(ran.stderr.contains(words) && !ran.stderr.contains("s3cr3t"), "{ran:?}");
    }
    let nowhere = "redis://:s3cr3t@127.0.0.1:1";
    for (from, to, words) in [
        ("file:./none", "file:./new", &["the source", "there is no store in"][..]),
        (nowhere, "file:./new", &["redis://127.0.0.1:1", "the source", "cannot connect"]),
        (here, nowhere, &["the target", "cannot connect"]),
    ] {
        let ran = home.run(&copy(from, to)).await;
        refused(&ran, words);
        assert!(!ran.stderr.contains("s3cr3t"), "{ran:?}");
    }
    assert!(!home.path().join("new").exists() && !home.path().join("none").exists());
    // Somebody else's store, with another key.
    let mut other = Home::default();
    other.serve().await.terminate().await;
    let theirs = format!("file:{}", other.store().display());
    refused(&home.run(&copy(here, &theirs)).await, &["the target", "the key in"]);
    other.set("SWITCHBOARD_SECURITY__ENCRYPTION_KEY_FILE", &home.store().join("key").display().to_string());
    refused(&other.run(&copy(here_of(home).as_str(), &theirs)).await, &["the target", "the key in"]);
}

fn here_of(home: &Home) -> String {
    format!("file:{}", home.store().display())
}
