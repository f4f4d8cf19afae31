//! A timeline with everything that can stand in one.

use serde_json::json;
use switchboard_domain::time::Timestamp;
use switchboard_ports::journal::{Book, JournalLine};

use super::HOSTILE;
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
