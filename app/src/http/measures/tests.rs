//! Measures of several replicas, added up.

use serde_json::json;
use switchboard_domain::time::Timestamp;
use switchboard_ports::journal::{Book, JournalLine};

use super::{MINUTE_MS, QUARTER_MS};
use crate::testing::{START_MS, TestApi, problem};

fn wrote(api: &TestApi, book: Book, replica: &str, at: u64, body: &serde_json::Value) {
    let (subject, at) = (replica.to_owned(), Timestamp::from_millis(at));
    api.stores.state().journal.push(JournalLine { book, subject, at, body: body.to_string() });
}

/// The last full minute.
const MINUTE: u64 = START_MS / MINUTE_MS * MINUTE_MS;

#[tokio::test]
async fn an_hour_is_the_sum_of_all_replicas_by_the_minute() {
    let api = TestApi::new().await;
    let one = json!({"messages": 2, "turns": {"answered": 3, "failed": 1}, "running": 1, "pending": 4,
        "first_output": [0, 0, 0, 10], "platform": {"ok": 5}, "failures": {"agent_timeout": 1}});
    wrote(&api, Book::Minutes, "r1", MINUTE - 90 * MINUTE_MS, &one);
    wrote(&api, Book::Minutes, "r1", MINUTE, &one);
    wrote(&api, Book::Minutes, "r2", MINUTE, &one);
    // A replica that stopped in the middle of a minute, and one that is later than this one knows.
    wrote(&api, Book::Minutes, "r3", MINUTE - 30_000, &one);
    wrote(&api, Book::Minutes, "r4", MINUTE, &json!("otherwise"));
    let told = api.get("/metrics/history").await;
    assert_eq!(
        (told.status.as_u16(), &told.json["window"], &told.json["step_seconds"]),
        (200, &json!("hour"), &json!(60))
    );
    let steps = told.json["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 60);
    let last = &steps[59];
    assert_eq!(last["until"], "2026-01-02T03:04:00.000Z");
    assert_eq!(
        (&last["messages"], &last["turns_running"], &last["inbox_pending"]),
        (&json!(6), &json!(3), &json!(12))
    );
    assert_eq!(steps[58]["turns_running"], json!(null));
    let total = &told.json["total"];
    assert_eq!(total["messages"], 6, "what is older than an hour is not in it");
    assert_eq!((&total["success_percent"], &total["turns_running"]), (&json!(75.0), &json!(null)));
    assert_eq!(
        (&total["platform_requests"]["ok"], &total["failures"]["agent_timeout"]),
        (&json!(15), &json!(3))
    );
    assert_eq!(total["first_output_p50_seconds"], 0.375);
}

#[tokio::test]
async fn a_day_ends_with_the_quarter_that_goes_on() {
    let api = TestApi::new().await;
    let quarter = START_MS / QUARTER_MS * QUARTER_MS;
    wrote(&api, Book::Quarters, "r1", quarter - QUARTER_MS, &json!({"messages": 10}));
    wrote(&api, Book::Quarters, "r1", quarter, &json!({"messages": 20, "running": 7}));
    wrote(&api, Book::Minutes, "r1", quarter, &json!({"messages": 20}));
    wrote(&api, Book::Minutes, "r1", quarter + MINUTE_MS, &json!({"messages": 1, "running": 2}));
    wrote(&api, Book::Minutes, "r1", quarter + 2 * MINUTE_MS, &json!({"messages": 2, "running": 1}));
    let told = api.get("/metrics/history?window=day").await;
    let steps = told.json["steps"].as_array().unwrap();
    let messages: Vec<_> = steps.iter().map(|step| step["messages"].as_u64().unwrap()).collect();
    assert_eq!((messages.len(), &messages[92..]), (96, &[0, 10, 20, 3][..]));
    assert_eq!((&steps[94]["turns_running"], &steps[95]["turns_running"]), (&json!(7), &json!(2)));
    assert_eq!(told.json["total"]["messages"], 33);
}

#[tokio::test]
async fn another_window_is_refused() {
    let api = TestApi::new().await;
    let answer = api.get("/metrics/history?window=week").await;
    problem(&answer, 422, "invalid-field");
    assert_eq!(answer.pointers(), ["/window"]);
}
