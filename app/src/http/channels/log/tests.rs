//! A channel's log over the API: of all replicas, by level, in pages, and as it comes.

use std::collections::BTreeMap;

use axum::body::{Body, BodyDataStream};
use axum::http::{Request, header};
use futures_util::StreamExt as _;
use serde_json::json;
use switchboard_domain::time::Timestamp;
use switchboard_ports::journal::{Book, JournalLine};
use switchboard_ports::tokens::Role;
use tower::ServiceExt as _;

use super::LogLine;
use crate::telemetry::lines::Severity;
use crate::testing::{START_MS, TestApi, problem};

fn logged(api: &TestApi, channel: &str, level: Severity, message: &str) {
    let (target, fields) = (String::from("switchboard::runtime"), BTreeMap::new());
    let line = LogLine { number: 0, at: 0, level, target, message: message.to_owned(), fields };
    api.lines.keep(Some(channel), line);
}

/// What another replica wrote.
fn wrote(api: &TestApi, channel: &str, number: u64, at: u64, message: &str) {
    let body = json!({"replica": "r2", "number": number, "at": at, "level": "info", "target": "t",
        "message": message, "fields": {"turn": "3"}});
    let (subject, at) = (channel.to_owned(), Timestamp::from_millis(at));
    api.stores.state().journal.push(JournalLine { book: Book::Logs, subject, at, body: body.to_string() });
}

#[tokio::test]
async fn lines_of_all_replicas_come_newest_first_and_by_pages() {
    let api = TestApi::new().await;
    let path = api.channel("one").await;
    let id = path.trim_start_matches("/channels/").to_owned();
    wrote(&api, &id, 7, START_MS - 2, "early there");
    logged(&api, &id, Severity::Debug, "quiet");
    logged(&api, &id, Severity::Info, "here");
    logged(&api, &id, Severity::Error, "trouble");
    logged(&api, "chn_another", Severity::Error, "of another channel");
    wrote(&api, &id, 8, START_MS + 5, "late there");
    let messages = |answer: &crate::testing::Answer| -> Vec<String> {
        let items = answer.json["items"].as_array().unwrap();
        items.iter().map(|line| line["message"].as_str().unwrap().to_owned()).collect()
    };
    let all = api.get(&format!("{path}/log")).await;
    assert_eq!(messages(&all), ["late there", "trouble", "here", "early there"]);
    let first = &all.json["items"][0];
    assert_eq!(
        (&first["replica"], &first["level"], &first["fields"]["turn"]),
        (&json!("r2"), &json!("info"), &json!("3"))
    );
    assert_eq!(all.json["items"][1]["replica"], "r1");
    assert_eq!(messages(&api.get(&format!("{path}/log?level=error")).await), ["trouble"]);
    assert_eq!(messages(&api.get(&format!("{path}/log?level=debug")).await).len(), 5);
    let (mut seen, mut next) = (Vec::new(), format!("{path}/log?limit=1"));
    loop {
        let page = api.get(&next).await;
        seen.extend(messages(&page));
        let Some(cursor) = page.json["next_cursor"].as_str() else { break };
        next = format!("{path}/log?limit=1&cursor={cursor}");
    }
    assert_eq!(seen, messages(&all));
    problem(&api.get(&format!("{path}/log?level=loud")).await, 422, "invalid-field");
    problem(&api.get("/channels/chn_nobodys/log").await, 404, "not-found");
}

async fn next(stream: &mut BodyDataStream) -> String {
    let chunk = stream.next().await.expect("the stream goes on").unwrap();
    String::from_utf8(chunk.to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_follower_gets_the_last_lines_and_then_each_that_comes_once() {
    let api = TestApi::new().await;
    let path = api.channel("one").await;
    let id = path.trim_start_matches("/channels/").to_owned();
    for number in 0..5 {
        logged(&api, &id, Severity::Info, &format!("before {number}"));
    }
    let request = Request::get(format!("/api/v1{path}/log?follow=true&limit=2"))
        .header(header::AUTHORIZATION, format!("Bearer {}", api.token(Role::Viewer)))
        .body(Body::empty())
        .unwrap();
    let response = api.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    let mut stream = response.into_body().into_data_stream();
    for wanted in ["before 3", "before 4"] {
        let event = next(&mut stream).await;
        assert!(event.starts_with("event: line\n") && event.contains(wanted), "{event}");
    }
    logged(&api, &id, Severity::Debug, "quiet");
    logged(&api, "chn_another", Severity::Info, "of another");
    logged(&api, &id, Severity::Warn, "new here");
    assert!(next(&mut stream).await.contains("new here"));
    wrote(&api, &id, 1, START_MS, "new there");
    assert!(next(&mut stream).await.contains("new there"));
    api.shutdown.cancel();
    assert!(stream.next().await.is_none());
}
