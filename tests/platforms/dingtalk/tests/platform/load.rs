//! Load runs: the trivial bot's answers are judged clean, a silent bot's are lost, options are refused in one line.

use std::process::Command;
use std::time::Duration;

use dingtalk_sim::load::{AgentPlan, Amount, BotPlan, BotReply, Load, LoadPlan, LoadReport, Pace, run_bot};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_util::sync::CancellationToken;

use crate::client::{Answer, http, open_body, ticket_url};

async fn run(plan: LoadPlan) -> LoadReport {
    let load = Load::start(plan).await.unwrap();
    load.connected().await.unwrap();
    load.run(&CancellationToken::new()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_loop_against_the_trivial_bot_loses_doubles_and_overtakes_nothing() {
    let plan = LoadPlan {
        conversations: 20,
        amount: Amount::Messages(300),
        warm_up: Amount::Messages(50),
        self_test: Some(BotReply::Card),
        chunks: 3,
        pids: vec![std::process::id()],
        ..LoadPlan::default()
    };
    let report = run(plan).await;
    assert!(report.clean, "{report}");
    assert_eq!((report.measured, report.verdict.sent, report.verdict.answered), (300, 350, 350), "{report}");
    let verdict = &report.verdict;
    assert_eq!((verdict.lost, verdict.twice, verdict.out_of_order, verdict.unmarked), (0, 0, 0, 0));
    // An acknowledgement on its way may come after the last answer.
    assert!((290..=300).contains(&report.latency.acknowledged.count), "{report}");
    let latency = &report.latency;
    for row in [&latency.first_output, &latency.first_words, &latency.longest_standstill, &latency.finished] {
        assert!(row.count == 300 && row.p50_ms <= row.p99_ms && row.p99_ms <= row.max_ms, "{report}");
    }
    // One call creates the card, three write it; the warm-up's are not counted.
    assert!((report.calls_per_reply - 4.0).abs() < 1e-9 && report.throttled == 0, "{report}");
    assert_eq!(report.processes[0].pid, std::process::id());
    let shown = report.to_string();
    for words in [
        "300 messages in",
        "longest without a change",
        "0 lost, 0 twice, 0 out of order",
        "PUT /v1.0/card/streaming",
        "; clean",
    ] {
        assert!(shown.contains(words), "{shown}");
    }
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!((&json["verdict"]["answered"], &json["asked"]["in_flight"]), (&json!(350), &json!(16)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_loop_with_plain_texts_of_two_apps_is_judged_clean() {
    let plan = LoadPlan {
        apps: ["one", "two"].map(|id| dingtalk_sim::AppConfig::new(id, "secret")).to_vec(),
        conversations: 11,
        pace: Pace::Rate(400.0),
        amount: Amount::Lasting(Duration::from_millis(500)),
        self_test: Some(BotReply::Text),
        ..LoadPlan::default()
    };
    let report = run(plan).await;
    assert!(report.clean, "{report}");
    assert_eq!((report.measured, report.latency.generator_late.count), (200, 200), "{report}");
    assert_eq!(
        report.latency.longest_standstill.count, 0,
        "a plain text has no time to stand still: {report}"
    );
    assert!((report.calls_per_reply - 1.0).abs() < 1e-9, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trivial_bot_that_asks_the_built_in_agent_is_judged_clean_on_cards_and_with_texts() {
    for (reply, calls) in [(BotReply::Card, 7.0), (BotReply::Text, 1.0)] {
        let agent = AgentPlan { listen: ([127, 0, 0, 1], 0).into(), lasting: Duration::from_millis(20) };
        let amount = Amount::Messages(60);
        let plan = LoadPlan { amount, agent: Some(agent), chunks: 5, ..LoadPlan::default() };
        let app = plan.apps[0].clone();
        let load = Load::start(plan).await.unwrap();
        let platform = load.base_url().strip_prefix("http://").unwrap().parse().unwrap();
        let bot = BotPlan { platform, app, reply, agent: load.agent_url(), chunks: 1, chunk_chars: 1 };
        let stop = CancellationToken::new();
        let bot = tokio::spawn(run_bot(bot, stop.clone()));
        load.connected().await.unwrap();
        let report = load.run(&stop).await.unwrap();
        assert!(report.clean, "{report}");
        assert_eq!((report.measured, report.agent_requests), (60, 60), "{report}");
        assert_eq!((report.latency.agent_asked.count, report.latency.after_last_word.count), (60, 60));
        // A card is created, written five times, and finished.
        assert!((report.calls_per_reply - calls).abs() < 1e-9, "{report}");
        // However it ends once the platform is gone.
        bot.await.unwrap().ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_messages_of_a_bot_that_says_nothing_are_lost_and_free_their_places() {
    let plan = LoadPlan {
        pace: Pace::InFlight(5),
        amount: Amount::Messages(10),
        patience: Duration::from_millis(300),
        ..LoadPlan::default()
    };
    let load = Load::start(plan).await.unwrap();
    let url = format!("{}/v1.0/gateway/connections/open", load.base_url());
    let answer =
        http().post(url).header("accept", "application/json").json(&open_body()).send().await.unwrap();
    let (mut socket, _) = connect_async(ticket_url(&Answer::of(answer).await.expect_ok())).await.unwrap();
    load.connected().await.unwrap();
    let silence =
        tokio::spawn(async move { while socket.next().await.is_some_and(|frame| frame.is_ok()) {} });
    let report = load.run(&CancellationToken::new()).await.unwrap();
    assert!(!report.clean, "{report}");
    assert_eq!((report.verdict.sent, report.verdict.lost, report.measured), (10, 10, 0), "{report}");
    silence.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_tells_what_is_open() {
    let load = Load::start(LoadPlan { pace: Pace::InFlight(5), ..LoadPlan::default() }).await.unwrap();
    let stop = CancellationToken::new();
    stop.cancel();
    let report = load.run(&stop).await.unwrap();
    assert_eq!((report.verdict.sent, report.measured), (0, 0), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_built_in_agent_repeats_the_marks_of_the_last_question_and_says_so_many_chunks() {
    let agent = AgentPlan { listen: ([127, 0, 0, 1], 0).into(), lasting: Duration::from_millis(30) };
    let load =
        Load::start(LoadPlan { agent: Some(agent), chunks: 4, chunk_chars: 6, ..LoadPlan::default() }).await;
    let load = load.unwrap();
    let url = format!("{}/chat/completions", load.agent_url().unwrap());
    let messages = json!([
        { "role": "user", "content": "load-1-0-0. earlier" },
        { "role": "assistant", "content": "load-1-0-0. yes" },
        { "role": "user", "content": [{ "type": "text", "text": "load-1-0-1. now" }] },
    ]);
    let body = json!({ "model": "m", "stream": true, "messages": messages });
    let text = http().post(&url).json(&body).send().await.unwrap().text().await.unwrap();
    let events: Vec<&str> = text.split("\n\n").filter_map(|event| event.strip_prefix("data: ")).collect();
    assert_eq!(events.last(), Some(&"[DONE]"));
    let piece = |event: &&str| {
        let event: Value = serde_json::from_str(event).ok()?;
        event.pointer("/choices/0/delta/content")?.as_str().map(str::to_owned)
    };
    let pieces: Vec<String> = events.iter().filter_map(piece).collect();
    assert_eq!(pieces, ["load-1-0-1. Some w", "ords m", "ake an", " answe That is all."]);
    let body = json!({ "model": "m", "messages": messages });
    let whole = Answer::of(http().post(&url).json(&body).send().await.unwrap()).await.expect_ok();
    assert_eq!(whole["choices"][0]["message"]["content"], pieces.concat());
    assert_eq!(Answer::of(http().post(&url).json(&json!({})).send().await.unwrap()).await.status, 400);
}

#[test]
fn wrong_options_are_told_in_one_line_with_exit_code_2() {
    for (options, words) in [
        (&["--rate", "0"][..], "the rate must be more than 0"),
        (&["--rate", "fast"], "invalid value 'fast' for '--rate"),
        (&["--rate", "5", "--in-flight", "5"], "cannot be used with"),
        (&["--conversations", "100001"], "1 to 100000 conversations"),
        (&["--in-flight", "0"], "1 to 50000 messages in flight"),
        (&["--messages", "0"], "at least one message"),
        (&["--duration", "10"], "expected a number with ms, s, m or h"),
        (&["--answer-seconds", "1"], "--agent"),
        (&["--self-test", "--agent"], "cannot be used with"),
        (&["--chunks", "0"], "1 to 10000 chunks"),
        (&["--patience", "0s"], "some patience"),
        (&["--nonsense"], "--nonsense"),
    ] {
        let ran =
            Command::new(env!("CARGO_BIN_EXE_dingtalk-sim")).arg("load").args(options).output().unwrap();
        let told = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(2), "{options:?}: {told}");
        assert!(told.contains(words) && told.lines().count() == 1, "{options:?}: {told}");
    }
}

#[test]
fn the_command_prints_a_report_as_json() {
    let options = ["load", "--self-test=text", "--messages", "50", "--warm-up", "10", "--json"];
    let ran = Command::new(env!("CARGO_BIN_EXE_dingtalk-sim")).args(options).output().unwrap();
    let report: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!((&report["clean"], &report["measured"]), (&json!(true), &json!(50)), "{report}");
    assert!(ran.status.success());
    assert!(String::from_utf8(ran.stderr).unwrap().starts_with("ready http://127.0.0.1:"));
}
