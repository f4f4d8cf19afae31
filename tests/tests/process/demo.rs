//! `switchboard demo`: everything in one process, nothing left behind.

use std::fs;
use std::net::TcpListener;

use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::{Value, json};
use switchboard_tests::api::Api;
use switchboard_tests::server::{CAP, Home, Server};
use tokio::time::timeout;

/// Longest single wait at the platform's control API, in milliseconds.
const POLL_MS: u64 = 20_000;

async fn demo(home: &mut Home) -> Server {
    home.unset("SWITCHBOARD_SERVER__LISTEN");
    home.unset("SWITCHBOARD_SECURITY__ADMIN_TOKEN");
    home.start(&["demo"]).await
}

/// Waits until the platform's control API answers as wanted: it is asked again after each change there.
async fn wait_for(platform: &Api, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut version = 0;
    let search = async {
        loop {
            let changes = format!("/sim/api/changes?after={version}&timeout_ms={POLL_MS}");
            let answered = platform.answer(platform.request(Method::GET, &changes)).await.expect(200);
            version = answered["version"].as_u64().expect("a version");
            let now = platform.answer(platform.request(Method::GET, path)).await.expect(200);
            if wanted(&now) {
                return now;
            }
        }
    };
    timeout(CAP, search).await.expect("the platform shows it in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_says_where_it_is_answers_in_a_streaming_card_and_leaves_nothing_behind() {
    let mut home = Home::default();
    let mut server = demo(&mut home).await;
    let chat = server.line("chat: ").await;
    let panel = server.line("panel: ").await;
    let token = server.line("admin token: ").await;
    assert_eq!(panel, format!("{}/", server.base()));
    let folders = || fs::read_dir(home.temporary()).unwrap().count();
    assert_eq!(folders(), 1);

    // The panel's page and the token work.
    let api = Api::at(server.base(), Some(&token));
    let page = api.answer(api.with_token(None).request(Method::GET, "/")).await;
    assert!(page.status == 200 && page.header("content-type").starts_with("text/html"), "{page:?}");
    let channels = api.get("/channels").await;
    let channel = channels["items"][0]["id"].as_str().expect("the demo has a channel").to_owned();
    api.wait_connected(&channel).await;

    // The chat page, and what it does when somebody writes.
    let base = chat.strip_suffix("/sim/").expect("the chat page lies at /sim/");
    let platform = Api::at(base, None);
    let page = platform.answer(platform.request(Method::GET, "/sim/")).await;
    assert!(page.status == 200 && page.text.contains("<html"), "{page:?}");
    let question = "one two three four five six seven eight nine ten";
    let push =
        json!({ "app": "ding-sim-app", "origin": { "kind": "private", "sender": "ann" }, "text": question });
    let pushed =
        platform.answer(platform.request(Method::POST, "/sim/api/push").json(&push)).await.expect(200);
    assert!(pushed["msg_id"].is_string());
    let cards = wait_for(&platform, "/sim/api/cards", |cards| newest(cards)["state"] == "finished").await;
    let card = newest(&cards);
    assert!(card["text"].as_str().unwrap().contains(question), "{card}");
    let shown = card["shown"].as_array().unwrap();
    assert_eq!(shown[0]["text"], "Thinking...");
    // It was seen while it grew.
    let texts: Vec<_> = shown.iter().map(|shown| shown["text"].as_str().unwrap()).collect();
    let partial = texts.iter().filter(|text| text.contains("one") && !text.contains("ten")).count();
    assert!(partial >= 1, "{texts:?}");

    server.signal(Signal::SIGINT);
    assert_eq!(server.end().await.code(), Some(0));
    assert_eq!(folders(), 0);
    assert_eq!(server.said().len(), 4, "{:?}", server.said());
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2, "the log and the folder for temporary files");
}

/// The only card of a list.
fn newest(cards: &Value) -> &Value {
    &cards[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn where_port_8080_is_taken_the_demo_takes_a_free_one() {
    // Taken by us, or by somebody else already: both will do.
    let taken = TcpListener::bind("127.0.0.1:8080");
    let mut home = Home::default();
    let server = demo(&mut home).await;
    assert!(!server.base().ends_with(":8080"), "{}", server.base());
    let api = Api::at(server.base(), None);
    assert_eq!(timeout(CAP, api.readiness()).await.unwrap(), 200);
    drop(taken);
    assert_eq!(server.terminate().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_runs_where_everything_else_goes_through_a_proxy() {
    let mut home = Home::default();
    // Nobody listens there: what goes to it, fails.
    for name in ["HTTP_PROXY", "HTTPS_PROXY"] {
        home.set(name, "http://127.0.0.1:1");
    }
    let server = demo(&mut home).await;
    let token = server.line("admin token: ").await;
    let api = Api::at(server.base(), Some(&token));
    let channels = api.get("/channels").await;
    api.wait_connected(channels["items"][0]["id"].as_str().expect("the demo has a channel")).await;
    assert!(server.terminate().await.success());
}
