//! A timeline with everything that can stand in one.

use std::time::Duration;

use serde_json::json;
use switchboard_domain::time::Timestamp;
use switchboard_ports::journal::{Book, JournalLine};
use switchboard_ports::tokens::Role;

use super::{Browser, HOSTILE};
use crate::testing::{START_MS, TestApi};

/// The timeline of what was said there, with everything that can happen, in hostile words; the message's id.
pub(super) fn happened(api: &TestApi, conversation: &str) -> String {
    let message = format!("{conversation}-1");
    let line = |body: serde_json::Value| JournalLine {
        book: Book::Timelines,
        subject: message.clone(),
        at: Timestamp::from_millis(START_MS),
        body: body.to_string(),
    };
    let mut state = api.stores.state();
    for event in [
        "accepted",
        "given",
        "retry_of",
        "retried",
        "queued",
        "taken_up",
        "left",
        "mapped",
        "asked",
        "first_output",
        "agent_finished",
        "agent_failed",
        "waiting_shown",
        "card_created",
        "card_trouble",
        "card_updates",
        "card_closed",
        "parts",
        "delivered",
        "told",
        "failure_recorded",
        "ended",
        "sending",
        HOSTILE,
    ] {
        state.journal.push(line(json!({
            "kind": event, "replica": HOSTILE, "refused": HOSTILE, "message": HOSTILE, "user": HOSTILE, "rule": HOSTILE,
            "agent": HOSTILE, "agent_id": HOSTILE, "model": HOSTILE, "cause": HOSTILE, "cut": HOSTILE, "result": HOSTILE,
            "way": HOSTILE, "reason": HOSTILE, "by": HOSTILE, "outcome": HOSTILE, "state": HOSTILE, "parts": 2,
        })));
    }
    drop(state);
    message
}

#[tokio::test]
async fn a_timeline_says_whether_its_end_and_whether_anything_is_still_to_come() {
    let api = TestApi::new().await;
    let browser = Browser::signed_in(&api, Role::Viewer).await;
    let note = |body: serde_json::Value| {
        let line = JournalLine {
            book: Book::Timelines,
            subject: String::from("cnv_1-1"),
            at: Timestamp::from_millis(START_MS),
            body: body.to_string(),
        };
        api.stores.state().journal.push(line);
    };
    let said = async || {
        let piece = browser.get("/panel/pieces/messages/cnv_1-1").await;
        assert_eq!(piece.status, 200, "{piece:?}");
        (piece.text.contains("data-open"), piece.text.contains("data-again"))
    };
    note(json!({"kind": "accepted", "stored_ms": 0, "asks": "command", "replica": "r"}));
    assert_eq!(said().await, (true, true));
    note(json!({"kind": "ended", "outcome": "answered"}));
    assert_eq!(said().await, (false, true));
    api.clock.advance(Duration::from_secs(15));
    assert_eq!(said().await, (false, false));
}

#[tokio::test]
async fn of_a_timeline_whose_end_was_lost_nothing_more_is_expected() {
    let api = TestApi::new().await;
    let browser = Browser::signed_in(&api, Role::Viewer).await;
    let body = json!({"kind": "accepted", "stored_ms": 0, "asks": "question", "replica": "r"}).to_string();
    let at = Timestamp::from_millis(START_MS);
    let line = JournalLine { book: Book::Timelines, subject: String::from("cnv_1-1"), at, body };
    api.stores.state().journal.push(line);
    api.clock.advance(Duration::from_hours(3));
    let piece = browser.get("/panel/pieces/messages/cnv_1-1").await;
    assert!(!piece.text.contains("data-open") && !piece.text.contains("data-again"), "{piece:?}");
}
