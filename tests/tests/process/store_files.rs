//! The store's files taken away from under a running server, and what lies in the way of a start or a backup.

use std::fs;
use std::os::unix::fs::symlink;

use nix::sys::signal::Signal;
use switchboard_tests::api::Api;
use switchboard_tests::server::{Home, Ran, Server};

use super::stage::{Stage, answer_to};
use super::store_trouble::{all_answered, may_mount, persistent, until_green, until_red};

/// How often a server has logged something.
fn logged(stage: &Stage, words: &str) -> usize {
    stage.server.log().matches(words).count()
}

/// A stage with one answer, whose store then loses a file.
async fn without(name: &str) -> Stage {
    let stage = persistent().await;
    stage.say("ann", "before");
    stage.wait_texts("ann", &[&answer_to("before")]).await;
    fs::rename(stage.home.store().join(name), stage.home.path().join(name)).unwrap();
    stage.say("ann", "meanwhile");
    until_red(&stage).await;
    // What is told is told once, however often it is looked at.
    stage.simulator.observe(|seen| {
        assert_eq!(seen.messages.iter().filter(|message| message.acked.is_some()).count(), 1);
    });
    assert_eq!(logged(&stage, "was deleted, moved or replaced while the server runs"), 1);
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_moved_away_under_a_server_is_told_and_goes_on_when_it_is_put_back() {
    let mut stage = without("switchboard.db").await;
    let beside = stage.home.run(&["token", "list"]).await;
    assert_eq!((beside.code, beside.stderr.lines().count()), (Some(1), 1), "{beside:?}");
    let (away, place) = (stage.home.path().join("switchboard.db"), stage.home.store().join("switchboard.db"));
    fs::rename(away, place).unwrap();
    until_green(&stage).await;
    all_answered(&stage).await;
    assert_eq!(logged(&stage, "the store goes on"), 1);
    stage.server.signal(Signal::SIGTERM);
    assert_eq!(stage.server.end().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_moved_away_for_good_ends_a_server_in_good_order_and_is_whole_where_it_is() {
    let mut stage = without("switchboard.db").await;
    stage.server.signal(Signal::SIGTERM);
    assert_eq!(stage.server.end().await.code(), Some(0));
    assert!(!stage.home.store().join("switchboard.db").exists(), "no other is made in its place");
    let away = stage.home.path().join("switchboard.db").display().to_string();
    let ran = stage.home.run(&["store", "restore", "--from", &away]).await;
    assert!(ran.code == Some(0) && ran.stdout.contains("1 conversations"), "{ran:?}");
    stage.serve_again().await;
    all_answered(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_deleted_under_a_server_costs_nothing_even_when_the_server_is_killed_then() {
    let mut stage = without("switchboard.db-wal").await;
    stage.server.signal(Signal::SIGKILL);
    stage.server.end().await;
    stage.serve_again().await;
    all_answered(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_file_removed_under_a_server_lets_no_second_one_in() {
    let mut stage = persistent().await;
    fs::remove_file(stage.home.store().join("switchboard.lock")).unwrap();
    let mut second = stage.home.spawn(&["serve"]);
    second.wait_logged("waiting to take over").await;
    // A reload is asked of servers, the one that waits among them: it is none yet, and waits on.
    second.signal(Signal::SIGHUP);
    stage.say("ann", "to the first");
    stage.wait_texts("ann", &[&answer_to("to the first")]).await;
    stage.server.wait_logged("it was made anew").await;
    assert_eq!((second.ended(), second.said().len()), (None, 0));
    stage.server.signal(Signal::SIGTERM);
    assert_eq!(stage.server.end().await.code(), Some(0));
    second.ready().await;
    // What came before it could be heard is done now.
    second.wait_logged("nothing to read again").await;
    assert!(Api::of(&second).get("/channels").await["items"].is_array());
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_leaves_alone_what_has_the_name_of_its_unfinished_file() {
    let home = Home::default();
    home.serve().await.terminate().await;
    let path = |name: &str| home.path().join(name);
    let precious = path("precious");
    fs::write(&precious, "precious").unwrap();
    symlink(&precious, path("b.db.partial")).unwrap();
    fs::write(path("b.db.partial-2"), "left by a killed one").unwrap();
    let backup = async || home.run(&["store", "backup", "--to", "b.db", "--force"]).await;
    let ran: Ran = backup().await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
    assert_eq!(fs::read_to_string(path("b.db.partial-2")).unwrap(), "left by a killed one");
    assert!(fs::symlink_metadata(path("b.db.partial")).unwrap().is_symlink());
    assert!(!path("b.db.partial-3").exists());
    for number in 3..=20 {
        fs::write(path(&format!("b.db.partial-{number}")), "").unwrap();
    }
    let ran = backup().await;
    assert_eq!((ran.code, ran.stderr.lines().count()), (Some(1), 1), "{ran:?}");
    assert!(ran.stderr.contains("b.db.partial-20") && ran.stderr.contains("delete them"), "{ran:?}");
}

/// A file system of its own around a store that was there before, made to be of this kind by a line of shell.
fn around(home: &Home, line: &str, command: &str) -> Server {
    let script = format!(
        "mv switchboard-data kept && mkdir switchboard-data && mount -t tmpfs -o size=4m tmpfs switchboard-data && \
         cp -a kept/. switchboard-data && {line}; exec \"$0\" {command}"
    );
    home.spawn_unshared(&script)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_and_a_check_that_cannot_write_say_so_in_one_plain_line() {
    let kinds = [
        ("head -c 100m /dev/zero > switchboard-data/filler 2> /dev/null", "the disk is full: make room"),
        ("mount -o remount,ro switchboard-data", "the file system is read-only: mount it for writing"),
    ];
    for (line, words) in kinds.into_iter().filter(|_| may_mount()) {
        for command in ["serve", "check"] {
            let home = Home::default();
            home.serve().await.terminate().await;
            let mut ran = around(&home, line, command);
            assert_eq!(ran.end().await.code(), Some(1), "{command}");
            let log = ran.log();
            assert_eq!(log.lines().count(), 1, "{command}: {log}");
            let told = if command == "check" { ran.line("failed  store: ").await } else { log };
            assert!(told.contains(words) && told.contains("switchboard-data"), "{command}: {told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_beside_a_server_whose_store_cannot_be_written_fails_while_it_can_be_read() {
    if !may_mount() {
        return;
    }
    let home = Home::default();
    home.serve().await.terminate().await;
    // The log and its index are there, so that it can be opened: only the room is gone.
    let line = "\"$0\" serve > served & until grep -q ready served; do sleep 0.1; done; \
                head -c 100m /dev/zero > switchboard-data/filler 2> /dev/null; \"$0\" check; code=$?; kill $!; wait; exit $code";
    let mut ran = around(&home, line, "check");
    assert_eq!(ran.end().await.code(), Some(1));
    let told = ran.line("failed  store: ").await;
    assert!(told.contains("cannot be written") && told.contains("the disk is full"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_on_a_store_that_another_program_has_locked_says_so() {
    let home = Home::default();
    home.serve().await.terminate().await;
    let database = home.store().join("switchboard.db");
    let other = rusqlite::Connection::open(&database).unwrap();
    other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    for command in [&["serve"][..], &["token", "list"]] {
        let ran = home.run(command).await;
        // A server says meanwhile that it waits.
        let is_end = |line: &&str| !line.contains("waiting for the store to answer");
        assert_eq!((ran.code, ran.stderr.lines().filter(is_end).count()), (Some(1), 1), "{ran:?}");
        let words = "another program has locked the database";
        assert!(ran.stderr.contains(words) && ran.stderr.contains("switchboard.db"), "{ran:?}");
    }
    drop(other);
    home.serve().await.terminate().await;
}
