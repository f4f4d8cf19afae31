//! Backup, restore and change of keys with the real binary, killed in the middle.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::json;
use switchboard_tests::api::Api;
use switchboard_tests::server::{Home, Ran};

use super::stage::{APP_SECRET, Stage, answer_to};

/// Kills of one command.
const KILLS: u32 = 14;

/// Exit code 1 and one line that holds all of these.
#[track_caller]
fn refused(ran: &Ran, words: &[&str]) {
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    for word in words {
        assert!(ran.stderr.contains(word), "{word:?} in {ran:?}");
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Names below a folder.
fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.to_string_lossy().into_owned()).collect()
}

async fn conversations(api: &Api) -> usize {
    api.get("/conversations").await["items"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_beside_a_server_is_restored_and_what_was_there_is_kept() {
    let mut stage = Stage::start().await;
    for who in ["ann", "bob", "cy"] {
        stage.say(who, "hello");
        stage.wait_texts(who, &[&answer_to("hello")]).await;
    }
    let to = text(&stage.home.path().join("backup.db"));
    let backup = ["store", "backup", "--to", &to];
    let ran = stage.home.run(&backup).await.fine();
    assert!(ran.stdout.contains("3 conversations") && ran.stdout.contains("switchboard-data/key"), "{ran:?}");
    assert_eq!(fs::metadata(&to).unwrap().mode() & 0o777, 0o600);
    let bytes = fs::read(&to).unwrap();
    let key = fs::read_to_string(stage.home.store().join("key")).unwrap();
    for secret in [APP_SECRET, key.trim()] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
    refused(&stage.home.run(&backup).await, &["backup.db", "--force"]);
    let inside = text(&stage.home.store().join("backup.db"));
    refused(&stage.home.run(&["store", "backup", "--to", &inside]).await, &["own folder"]);
    stage.home.run(&["store", "backup", "--to", &to, "--force"]).await.fine();
    assert!(!names(stage.home.path()).iter().any(|name| name.ends_with(".partial")));

    // Said after the backup: the backup does not know of it.
    stage.say("dan", "hello");
    stage.wait_texts("dan", &[&answer_to("hello")]).await;
    let restore = ["store", "restore", "--from", &to];
    refused(&stage.home.run(&restore).await, &["in use by another switchboard process"]);
    stage.server.signal(nix::sys::signal::Signal::SIGKILL);
    stage.server.end().await;
    let ran = stage.home.run(&restore).await.fine();
    assert!(ran.stdout.contains("3 conversations") && ran.stdout.contains("replaced-"), "{ran:?}");
    stage.serve_again().await;
    assert_eq!(conversations(&stage.api).await, 3);
    stage.api.wait_connected(&stage.channel).await;
    stage.say("ann", "again");
    stage.wait_texts("ann", &[&answer_to("hello"), &answer_to("again")]).await;

    // The old one can be put back, with all that had only been in its log.
    stage.server.signal(nix::sys::signal::Signal::SIGTERM);
    stage.server.end().await;
    let replaced = names(&stage.home.store()).into_iter().find(|name| name.starts_with("replaced-")).unwrap();
    let old = text(&stage.home.store().join(replaced).join("switchboard.db"));
    let ran = stage.home.run(&["store", "restore", "--from", &old]).await.fine();
    assert!(ran.stdout.contains("4 conversations"), "{ran:?}");
    stage.serve_again().await;
    assert_eq!(conversations(&stage.api).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_moves_to_an_empty_place_and_needs_its_key() {
    let stage = Stage::start().await;
    stage.say("ann", "hello");
    stage.wait_texts("ann", &[&answer_to("hello")]).await;
    let to = text(&stage.home.path().join("backup.db"));
    stage.home.run(&["store", "backup", "--to", &to]).await.fine();
    let elsewhere = Home::default();
    let ran = elsewhere.run(&["store", "restore", "--from", &to]).await.fine();
    assert!(ran.stdout.contains("key file") && ran.stdout.contains("is missing"), "{ran:?}");
    refused(&elsewhere.run(&["serve"]).await, &["switchboard-data/key is missing"]);
    fs::copy(stage.home.store().join("key"), elsewhere.store().join("key")).unwrap();
    assert_eq!(conversations(&Api::of(&elsewhere.serve().await)).await, 1);
    // Another key is told before anything is done.
    let other = Home::default();
    other.serve().await.terminate().await;
    refused(&other.run(&["store", "restore", "--from", &to]).await, &["another key", "switchboard-data/key"]);
    assert_eq!(conversations(&Api::of(&other.serve().await)).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_newer_or_something_else_is_not_restored() {
    let home = Home::default();
    home.serve().await.terminate().await;
    let to = home.path().join("backup.db");
    home.run(&["store", "backup", "--to", &text(&to)]).await.fine();
    let sound = fs::read(&to).unwrap();
    let other = home.path().join("other.db");
    let cut = &sound[..sound.len() / 2];
    let mut scribbled = sound.clone();
    scribbled[8_192..12_288].fill(0x5a);
    for (bytes, words) in [
        (&b"precious notes"[..], "not a sound backup"),
        (&[], "not a sound backup"),
        (cut, "not a sound backup"),
        (&scribbled, "not a sound backup"),
    ] {
        fs::write(&other, bytes).unwrap();
        refused(&home.run(&["store", "restore", "--from", &text(&other)]).await, &["other.db", words]);
        assert_eq!(fs::read(&other).unwrap(), bytes);
    }
    fs::write(&other, &sound).unwrap();
    Connection::open(&other).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    refused(&home.run(&["store", "restore", "--from", &text(&other)]).await, &["format 99", "newer version"]);
    fs::remove_file(&other).unwrap();
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE precious (x)").unwrap();
    refused(&home.run(&["store", "restore", "--from", &text(&other)]).await, &["something else"]);
    refused(&home.run(&["store", "restore", "--from", "nowhere.db"]).await, &["no file nowhere.db"]);
    assert!(!names(&home.store()).iter().any(|name| name.starts_with("replaced-")));
    home.serve().await.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_store_is_refused_in_one_line_and_stays_as_it_is() {
    let home = Home::default();
    home.serve().await.terminate().await;
    let database = home.store().join("switchboard.db");
    Connection::open(&database).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let before = fs::read(&database).unwrap();
    let to = text(&home.path().join("b.db"));
    for command in
        [&["serve"][..], &["token", "list"], &["store", "backup", "--to", &to], &["store", "rotate-key"]]
    {
        refused(&home.run(command).await, &["format 99", "newer version"]);
    }
    assert_eq!(fs::read(&database).unwrap(), before);
}

/// A home with this many agents, each with a secret, and its server stopped.
async fn with_agents(home: &Home, count: usize) {
    let server = home.serve().await;
    let api = Api::of(&server);
    let have = api.get("/agents?limit=200").await["items"].as_array().unwrap().len();
    for number in have..count {
        let agent = json!({
            "name": format!("agent {number}"), "kind": "openai-chat", "base_url": "http://127.0.0.1:9/v1",
            "model": "m", "api_key": format!("sk-s3cr3t-{number}"),
        });
        api.create("/agents", &agent).await;
    }
    server.terminate().await;
}

async fn agents(home: &Home) -> usize {
    let server = home.serve().await;
    let count = Api::of(&server).get("/agents?limit=200").await["items"].as_array().unwrap().len();
    server.terminate().await;
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_killed_anywhere_leaves_the_old_store_or_the_new_one() {
    let home = Home::default();
    with_agents(&home, 1).await;
    let to = text(&home.path().join("one.db"));
    home.run(&["store", "backup", "--to", &to]).await.fine();
    let (mut old, mut new) = (0, 0);
    for kill in 0..KILLS {
        with_agents(&home, 3).await;
        let after = Duration::from_millis(u64::from(4 + kill * 6));
        let ended = home.run_killed(&["store", "restore", "--from", &to], after).await;
        match agents(&home).await {
            3 if !ended => old += 1,
            1 => new += 1,
            count => panic!("{count} agents after a kill at {after:?}, ended: {ended}"),
        }
    }
    println!("killed {KILLS} times: the old store {old} times, the new one {new} times");
    assert!(old > 0 && new > 0, "the kills were all too early or all too late");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_changed_in_its_place_and_the_old_one_is_kept() {
    let mut stage = Stage::start().await;
    let key = stage.home.store().join("key");
    let before = fs::read_to_string(&key).unwrap();
    refused(&stage.home.run(&["store", "rotate-key"]).await, &["in use by another switchboard process"]);
    let backup = text(&stage.home.path().join("before.db"));
    stage.home.run(&["store", "backup", "--to", &backup]).await.fine();
    stage.server.signal(nix::sys::signal::Signal::SIGTERM);
    stage.server.end().await;
    let ran = stage.home.run(&["store", "rotate-key"]).await.fine();
    assert!(ran.stdout.contains("sealed 2 records anew") && ran.stdout.contains("key.retired-"), "{ran:?}");
    let after = fs::read_to_string(&key).unwrap();
    assert_ne!(before, after);
    assert_eq!(fs::metadata(&key).unwrap().mode() & 0o777, 0o600);
    let retired =
        names(&stage.home.store()).into_iter().find(|name| name.starts_with("key.retired-")).unwrap();
    assert_eq!(fs::read_to_string(stage.home.store().join(&retired)).unwrap(), before);
    // The secrets are the same: the platform takes them.
    stage.serve_again().await;
    stage.api.wait_connected(&stage.channel).await;
    stage.say("ann", "hello");
    stage.wait_texts("ann", &[&answer_to("hello")]).await;
    stage.server.signal(nix::sys::signal::Signal::SIGTERM);
    stage.server.end().await;
    // A backup of before has to have the key of before, and says which.
    refused(&stage.home.run(&["store", "restore", "--from", &backup]).await, &["another key", "with the id"]);

    // To a file of its own: the old one stays, and the configuration has to name the new one.
    let own = text(&stage.home.path().join("new-key"));
    let ran = stage.home.run(&["store", "rotate-key", "--to", &own]).await.fine();
    assert!(ran.stdout.contains("set security.encryption_key_file to"), "{ran:?}");
    assert_eq!(fs::read_to_string(&key).unwrap(), after);
    refused(&stage.home.run(&["serve"]).await, &["switchboard-data/key", "not the one", "with the id"]);
    stage.home.set("SWITCHBOARD_SECURITY__ENCRYPTION_KEY_FILE", &own);
    stage.serve_again().await;
    stage.api.wait_connected(&stage.channel).await;
    assert!(!stage.home.logs().contains(after.trim()) && !ran.stdout.contains(after.trim()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_keys_killed_anywhere_leaves_a_store_that_opens() {
    let home = Home::default();
    with_agents(&home, 40).await;
    let key = home.store().join("key");
    let (mut unchanged, mut changed) = (0, 0);
    for kill in 0..KILLS {
        let before = fs::read(&key).unwrap();
        let after = Duration::from_millis(u64::from(4 + kill * 6));
        home.run_killed(&["store", "rotate-key"], after).await;
        // Beside nobody first, which must find the right one of two keys without doing anything.
        home.run(&["token", "list"]).await.fine();
        assert_eq!(agents(&home).await, 40, "after a kill at {after:?}");
        if fs::read(&key).unwrap() == before { unchanged += 1 } else { changed += 1 }
    }
    println!("killed {KILLS} times: the old key {unchanged} times, the new one {changed} times");
    assert!(unchanged > 0 && changed > 0, "the kills were all too early or all too late");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o077, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_makes_no_sense_is_said() {
    let home = Home::default();
    for command in [&["store", "backup", "--to", "b.db"][..], &["store", "rotate-key"]] {
        refused(&home.run(command).await, &["there is no store in"]);
        let ran = home.run(&[command, &["--store", "memory:"]].concat()).await;
        assert_eq!(ran.code, Some(2), "{ran:?}");
    }
    assert!(!home.store().exists() && !home.path().join("b.db").exists());
    let ran = home.run(&["store", "rotate-key", "--to", "./switchboard-data/key"]).await;
    assert_eq!(ran.code, Some(2), "{ran:?}");
}
