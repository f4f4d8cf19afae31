//! Commands on fakes. Each test is a process of its own under nextest, so that signals and global recorders are too.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Parser as _;
use rustix::process::{Signal, getpid, kill_process};
use serde_json::json;
use switchboard_ports::tokens::Role;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::exit::Exit;
use super::seam::Upkeep;
use super::{CommandLine, run};
use crate::config::Environment;
use crate::testing::FakeComposition;

async fn ran(arguments: &[&str], composition: &FakeComposition) -> Exit {
    let line = CommandLine::parse_from(["switchboard"].iter().chain(arguments));
    run(line, &Environment::default(), composition).await
}

#[tokio::test]
async fn tokens_are_made_listed_and_revoked_beside_a_server() {
    let composition = FakeComposition::default();
    let create = ["token", "create", "--name", "ci", "--role", "operator"];
    assert_eq!(ran(&create, &composition).await, Exit::Fine);
    assert_eq!(composition.stores.state().tokens["ci"].role, Role::Operator);
    assert_eq!(
        ran(&create, &composition).await,
        Exit::Failed(String::from("a token named \"ci\" exists already"))
    );
    assert_eq!(ran(&["token", "list"], &composition).await, Exit::Fine);
    assert_eq!(ran(&["token", "revoke", "--name", "ci"], &composition).await, Exit::Fine);
    assert!(composition.stores.state().tokens.is_empty());
    let gone = Exit::Failed(String::from("there is no token named \"ci\""));
    assert_eq!(ran(&["token", "revoke", "--name", "ci"], &composition).await, gone);
    let bad = ran(&["token", "create", "--name", "a\nb", "--role", "admin"], &composition).await;
    assert!(matches!(bad, Exit::Usage(line) if line.starts_with("command line: --name: must be ")));
}

fn file(folder: &Path, text: &str) -> String {
    let path = folder.join("sb.toml");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[tokio::test(start_paused = true)]
async fn check_asks_every_agent_and_fails_when_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let composition = FakeComposition::default();
    let good = file(folder.path(), "[[agents]]\nname = \"a\"\nkind = \"echo\"");
    assert_eq!(ran(&["check", "--config", &good], &composition).await, Exit::Fine);
    assert!(composition.stores.state().agents.is_empty(), "a check writes nothing");
    let bad = file(folder.path(), "[[agents]]\nname = \"a\"\nkind = \"echo\"\nmodel = \"refuse\"");
    let failed = Exit::Failed(String::from("1 check failed"));
    assert_eq!(ran(&["check", "--config", &bad], &composition).await, failed);
    let untold = file(folder.path(), "[[agents]]\nname = \"a\"\nkind = \"echo\"\nmodel = \"makes users\"");
    let outcome = ran(&["check", "--config", &untold], &composition).await;
    assert_eq!(outcome, Exit::Fine, "what cannot be told has not failed");
    let worse = file(folder.path(), "[[agents]]\nname = \"a\"\nkind = \"nonsense\"");
    let usage = ran(&["check", "--config", &worse], &composition).await;
    assert!(
        matches!(usage, Exit::Usage(line) if line.ends_with("agents[0].kind: must be \"echo\" or \"openai-chat\""))
    );
}

#[tokio::test(start_paused = true)]
async fn check_goes_on_without_a_store_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    let composition = FakeComposition { no_store: true, ..FakeComposition::default() };
    let config = file(folder.path(), "[[agents]]\nname = \"a\"\nkind = \"echo\"");
    let failed = Exit::Failed(String::from("1 check failed"));
    assert_eq!(ran(&["check", "--config", &config], &composition).await, failed);
}

async fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}

async fn answer(address: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text)
}

/// Waits until the server is ready, with a generous cap.
async fn ready(address: &str) {
    let wait = async {
        while !answer(address, "/readyz").await.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 ")) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap();
}

#[tokio::test]
async fn serve_takes_the_file_in_reads_it_again_on_sighup_and_ends_on_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let config = file(folder.path(), "[[agents]]\nname = \"a\"\nkind = \"echo\"");
    let composition = FakeComposition::default();
    let address = free_address().await;
    let arguments = ["serve", "--config", &config, "--listen", &address, "--store", "memory:"];
    let steps = async {
        ready(&address).await;
        assert!(composition.stores.state().tokens.contains_key("bootstrap-admin"));
        assert!(answer(&address, "/panel/sign-in").await.unwrap().contains("Switchboard</title>"));
        // An open request must not hold the end up.
        let _idle = TcpStream::connect(&address).await.unwrap();
        file(folder.path(), "[[agents]]\nname = \"b\"\nkind = \"echo\"");
        kill_process(getpid(), Signal::HUP).unwrap();
        let told = async {
            while composition.operations.calls().is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), told).await.unwrap();
        file(folder.path(), "[[agents]]\nname = \"b\"\nkind = \"nonsense\"");
        kill_process(getpid(), Signal::HUP).unwrap();
        kill_process(getpid(), Signal::TERM).unwrap();
    };
    let (exit, ()) = tokio::join!(ran(&arguments, &composition), steps);
    assert_eq!(exit, Exit::Fine);
    assert!(composition.stopped.load(Ordering::SeqCst));
    let managed: Vec<_> =
        composition.stores.state().agents.values().map(|a| (a.name.clone(), a.managed_by_file)).collect();
    assert_eq!(managed.len(), 2);
    assert!(managed.contains(&(String::from("a"), false)) && managed.contains(&(String::from("b"), true)));
}

#[tokio::test]
async fn serve_with_a_bad_declaration_is_exit_2_and_on_a_taken_address_exit_1() {
    let folder = tempfile::tempdir().unwrap();
    let composition = FakeComposition::default();
    let config = file(folder.path(), "[[channels]]\nname = \"b\"\ntype = \"nonsense\"\nconfig = {}");
    let exit = ran(&["serve", "--config", &config, "--listen", "127.0.0.1:0"], &composition).await;
    assert!(matches!(exit, Exit::Usage(line) if line.ends_with("channels[0].type: must be \"dingtalk\"")));
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let exit = ran(&["serve", "--listen", &address], &composition).await;
    assert!(matches!(exit, Exit::Failed(line) if line.starts_with("failed to listen on 127.0.0.1:")));
}

#[tokio::test]
async fn serve_waits_for_a_store_that_another_process_has_until_it_is_told_to_stop() {
    let composition = FakeComposition::default();
    composition.in_use.store(u32::MAX, Ordering::SeqCst);
    let address = free_address().await;
    let arguments = ["serve", "--listen", &address, "--store", "file:./never-made"];
    let steps = async {
        while composition.in_use.load(Ordering::SeqCst) > u32::MAX - 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(answer(&address, "/readyz").await.is_err(), "it does not listen while it waits");
        kill_process(getpid(), Signal::TERM).unwrap();
    };
    let (exit, ()) = tokio::join!(ran(&arguments, &composition), steps);
    assert_eq!(exit, Exit::Fine);
    assert_eq!(*composition.folder.lock().unwrap(), None, "the store was never opened");
}

#[tokio::test]
async fn serve_takes_over_as_soon_as_the_store_is_free() {
    let composition = FakeComposition::default();
    composition.in_use.store(3, Ordering::SeqCst);
    let address = free_address().await;
    let arguments = ["serve", "--listen", &address, "--store", "memory:"];
    let steps = async {
        ready(&address).await;
        kill_process(getpid(), Signal::TERM).unwrap();
    };
    let (exit, ()) = tokio::join!(ran(&arguments, &composition), steps);
    assert_eq!(exit, Exit::Fine);
}

#[tokio::test]
async fn what_is_asked_of_a_store_is_passed_on_and_a_store_in_memory_has_no_upkeep() {
    let composition = FakeComposition::default();
    let backup = ["store", "backup", "--to", "b.db", "--force"];
    assert_eq!(ran(&backup, &composition).await, Exit::Fine);
    assert_eq!(ran(&["store", "restore", "--from", "b.db"], &composition).await, Exit::Fine);
    assert_eq!(ran(&["store", "rotate-key", "--to", "k"], &composition).await, Exit::Fine);
    let asked = [
        Upkeep::Backup { to: "b.db".into(), force: true },
        Upkeep::Restore { from: "b.db".into() },
        Upkeep::RotateKey { to: Some("k".into()) },
    ];
    assert_eq!(*composition.upkeep.lock().unwrap(), asked);
    for command in [
        &["store", "rotate-key", "--store", "memory:"][..],
        &["store", "copy", "--from", "memory:", "--to", "file:x"],
    ] {
        assert!(matches!(ran(command, &composition).await, Exit::Usage(_)));
    }
    assert_eq!(composition.upkeep.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn demo_sets_an_editable_channel_up_and_leaves_no_folder_behind() {
    let composition = FakeComposition::default();
    let address = free_address().await;
    let arguments = ["demo", "--listen", &address];
    let steps = async {
        ready(&address).await;
        kill_process(getpid(), Signal::INT).unwrap();
    };
    let (exit, ()) = tokio::join!(ran(&arguments, &composition), steps);
    assert_eq!(exit, Exit::Fine);
    let state = composition.stores.state();
    let (agent, channel) = (state.agents.values().next().unwrap(), state.channels.values().next().unwrap());
    assert_eq!(channel.default_agent.as_ref(), Some(&agent.id));
    assert!(channel.enabled && !channel.managed_by_file && !agent.managed_by_file);
    assert_eq!(channel.config, json!({"client_id": "ding1", "calls_per_second": 20}));
    // Its own: other demos of this machine have folders beside it.
    let store = composition.folder.lock().unwrap().take().unwrap();
    let folder = store.parent().unwrap();
    assert!(folder.starts_with(std::env::temp_dir()) && folder != std::env::temp_dir());
    assert!(!folder.exists(), "{} is left behind", folder.display());
}
