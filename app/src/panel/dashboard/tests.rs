//! The dashboard, on what was measured and observed.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::json;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::time::Timestamp;
use switchboard_ports::journal::{Book, JournalLine};
use switchboard_ports::tokens::Role;

use crate::runtime::operations::{ChannelStatus, LastError};
use crate::testing::{START_MS, TestApi, connected};

async fn seen(api: &TestApi, path: &str) -> String {
    let body = Body::from(format!("token={}", api.token(Role::Viewer)));
    let signed = api.send(Request::post("/panel/sign-in").body(body).unwrap()).await;
    let cookie = signed.header(header::SET_COOKIE).split(';').next().unwrap().to_owned();
    api.send(Request::get(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap()).await.text
}

#[tokio::test]
async fn channels_that_are_not_connected_come_first_with_what_to_do() {
    let api = TestApi::new().await;
    for name in ["good", "away", "off"] {
        api.channel(name).await;
    }
    let stored = api.stores.state().channels.values().cloned().collect::<Vec<_>>();
    for channel in &stored {
        let error = LastError {
            code: ErrorCode::InvalidCredentials,
            detail: String::new(),
            at: Timestamp::from_millis(START_MS),
        };
        let status = match channel.name.as_str() {
            "good" => connected(&channel.id),
            _ => ChannelStatus {
                status: "disconnected".into(),
                state: "refused".into(),
                last_error: Some(error),
                ..connected(&channel.id)
            },
        };
        api.operations.observe(status);
        if channel.name == "off" {
            api.stores.state().channels.get_mut(&channel.id).unwrap().enabled = false;
        }
    }
    let page = seen(&api, "/panel/dashboard").await;
    let away = page.split("Not connected").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(away.contains(">away<") && away.contains("class=\"remedy\""), "{away}");
    assert!(!away.contains(">good<") && !away.contains(">off<"), "{away}");
}

#[tokio::test]
async fn what_was_measured_is_drawn_and_told_in_words() {
    let api = TestApi::new().await;
    api.channel("one").await;
    let at = Timestamp::from_millis(START_MS / 60_000 * 60_000);
    let body = json!({"messages": 12, "turns": {"answered": 9, "failed": 1}, "first_output": [0, 0, 0, 10],
        "failures": {"<b>": 2, "agent_unreachable": 1}, "platform": {"ok": 30}, "running": 2, "pending": 5})
    .to_string();
    api.stores.state().journal.push(JournalLine {
        book: Book::Minutes,
        subject: String::from("r1"),
        at,
        body,
    });
    let page = seen(&api, "/panel/dashboard").await;
    assert!(page.contains("90.0 %") && page.contains("0.4 s / 0.5 s"), "{page}");
    assert_eq!(page.matches("<svg class=\"plot\"").count(), 12);
    assert!(page.contains("&lt;b&gt;") && !page.contains("<b>"));
    assert!(
        page.contains("The agent cannot be reached. <span class=\"code help\">agent_unreachable</span>"),
        "{page}"
    );
    assert!(page.contains("Highest: 12"));
    assert_eq!(seen(&api, "/panel/pieces/measures").await.matches("<svg").count(), 12);
}
