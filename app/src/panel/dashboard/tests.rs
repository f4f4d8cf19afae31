//! The dashboard, on what was measured and observed.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::json;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::time::Timestamp;
use switchboard_domain::usage::{Month, Pace, Usage, Why};
use switchboard_ports::journal::{Book, JournalLine};
use switchboard_ports::tokens::Role;

use crate::runtime::operations::{ChannelStatus, LastError, QuotaUsage};
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

fn quota(api_calls: u64, strain: Why, by_hand: Option<Pace>) -> QuotaUsage {
    QuotaUsage {
        month: Month::of(Timestamp::from_millis(START_MS), 480),
        utc_offset_minutes: 480,
        usage: Usage { api_calls, pushes: 0 },
        calls_per_month: Some(5_000),
        forecast: Some(6_123),
        pace: by_hand.unwrap_or(strain.pace()),
        why: if by_hand.is_some() { Why::Settings } else { strain },
        strain,
        earlier: Vec::new(),
    }
}

#[tokio::test]
async fn quotas_that_run_out_come_first_and_each_says_how_cards_are_updated() {
    let api = TestApi::new().await;
    for number in 0..12 {
        api.channel(&format!("busy-{number}")).await;
    }
    for name in ["refused", "short", "by-hand"] {
        api.channel(name).await;
    }
    let stored = api.stores.state().channels.values().cloned().collect::<Vec<_>>();
    let mut by_hand = String::new();
    for channel in &stored {
        let usage = match channel.name.as_str() {
            "refused" => quota(2, Why::UsedUp, None),
            "short" => quota(1, Why::MostlyUsed, None),
            "by-hand" => quota(3, Why::NearlyUsedUp, Some(Pace::Normal)),
            _ => quota(900, Why::Enough, None),
        };
        if channel.name == "by-hand" {
            by_hand = format!("/channels/{}", channel.id);
        }
        api.operations.observe(ChannelStatus { usage: Some(usage), ..connected(&channel.id) });
    }
    let page = seen(&api, "/panel/dashboard").await;
    let quotas = page.split("Used of the monthly quota").nth(1).unwrap().split("</section>").next().unwrap();
    let names = ["refused", "by-hand", "short", "busy"].map(|name| quotas.find(name).unwrap());
    assert!(names.is_sorted(), "{quotas}");
    assert!(quotas.contains("used up, as the platform says"), "{quotas}");
    assert!(quotas.contains("only the whole answer is shown, to save calls (final_only)"), "{quotas}");

    let page = seen(&api, &format!("/panel{by_hand}")).await;
    assert!(page.contains("as they are written (normal) – as the channel"), "{page}");
    assert!(page.contains("95 % of this month") && page.contains("API calls in this month: 3"), "{page}");
    assert!(page.contains("month: 5000") && page.contains("like this: 6123"), "{page}");
    let told = api.get(&format!("{by_hand}/status")).await;
    let usage = &told.json["usage"];
    assert_eq!((&usage["saver"], &usage["reason"]), (&json!("normal"), &json!("settings")));
    let warning = usage["warning"].as_str().unwrap();
    assert!(page.contains(&format!("<p class=\"note bad\">{warning}</p>")), "{warning} is not in {page}");
}
