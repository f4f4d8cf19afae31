//! Presses on cards over an open connection: answered in time, whatever the sink does.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard_domain::channel::CloseCause;
use switchboard_ports::provider::{Press, Pressed, Signal};
use tokio::time::Instant;

use super::frame::CARD_TOPIC;
use super::socket_tests::Bench;

fn press(push: &str, action: &str) -> Value {
    let content = json!({"cardPrivateData": {"actionIds": [action], "params": {"action": action}}});
    let data = json!({"type": "actionCallback", "outTrackId": "card1", "userId": "manager807", "userIdType": 1,
        "extension": "{}", "content": content.to_string()});
    frame(push, &data.to_string())
}

fn frame(push: &str, data: &str) -> Value {
    json!({"specVersion": "1.0", "type": "CALLBACK",
        "headers": {"topic": CARD_TOPIC, "messageId": push, "time": "7"}, "data": data})
}

/// The answer's code, push and data.
fn told(answer: &Value) -> (u64, String, Value) {
    let data = serde_json::from_str(answer["data"].as_str().unwrap()).unwrap();
    (answer["code"].as_u64().unwrap(), answer["headers"]["messageId"].as_str().unwrap().to_owned(), data)
}

fn no_change() -> Value {
    json!({"response": {}})
}

fn hidden() -> Value {
    json!({"response": {
        "cardUpdateOptions": {"updateCardDataByKey": true, "updatePrivateDataByKey": true},
        "cardData": {"cardParamMap": {"canStop": "false"}}}})
}

#[tokio::test(start_paused = true)]
async fn a_press_is_answered_as_the_sink_decides() {
    let mut bench = Bench::with_button().await;
    let cases = [
        (Pressed::Stored, (200, hidden())),
        (Pressed::Over, (200, hidden())),
        (Pressed::Foreign, (200, no_change())),
        (Pressed::Underway, (200, no_change())),
        (Pressed::Withheld, (500, json!({}))),
    ];
    for (decision, (code, data)) in cases {
        bench.push(press("p1", "stop")).await;
        let (pressed, decide) = bench.presses.recv().await.unwrap();
        assert_eq!(pressed, Press { card: "card1".into(), person: "manager807".into() });
        decide.send(decision).unwrap();
        assert_eq!(told(&bench.answer().await), (code, "p1".to_owned(), data), "{decision:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_press_is_answered_within_two_seconds_while_the_store_is_stuck() {
    let mut bench = Bench::with_button().await;
    let before = Instant::now();
    bench.push(press("p1", "stop")).await;
    let _undecided = bench.presses.recv().await.unwrap();
    assert_eq!(told(&bench.answer().await), (200, "p1".to_owned(), no_change()), "nothing is known of it");
    assert!(before.elapsed() < Duration::from_secs(2), "took {:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn other_actions_are_answered_and_change_nothing() {
    let mut bench = Bench::with_button().await;
    bench.push(press("p1", "like")).await;
    assert_eq!(told(&bench.answer().await), (200, "p1".to_owned(), no_change()));
    assert!(bench.presses.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_press_that_cannot_be_understood_is_answered_and_reported() {
    let mut bench = Bench::with_button().await;
    bench.push(frame("p1", "not json")).await;
    assert_eq!(told(&bench.answer().await), (200, "p1".to_owned(), no_change()));
    assert_eq!(bench.signal().await, Signal::Opened);
    assert_eq!(bench.signal().await, Signal::Undecodable);
}

#[tokio::test(start_paused = true)]
async fn beyond_64_presses_under_way_further_ones_are_not_taken() {
    let mut bench = Bench::with_button().await;
    for number in 0..65 {
        bench.push(press(&format!("p{number}"), "stop")).await;
    }
    assert_eq!(told(&bench.answer().await), (500, "p64".to_owned(), json!({})));
    let mut decisions = Vec::new();
    while let Ok((_, decide)) = bench.presses.try_recv() {
        decisions.push(decide);
    }
    assert_eq!(decisions.len(), 64);
    decisions.remove(0).send(Pressed::Stored).unwrap();
    assert_eq!(told(&bench.answer().await).1, "p0");
    bench.push(press("p65", "stop")).await;
    assert!(bench.presses.recv().await.is_some(), "there is room again");
}

#[tokio::test(start_paused = true)]
async fn a_closing_connection_still_answers_its_presses() {
    let mut bench = Bench::with_button().await;
    bench.push(press("p1", "stop")).await;
    let (_, decide) = bench.presses.recv().await.unwrap();
    bench.close.cancel();
    bench.push(press("p2", "stop")).await;
    let (_, decide_late) = bench.presses.recv().await.unwrap();
    decide.send(Pressed::Stored).unwrap();
    assert_eq!(told(&bench.answer().await).1, "p1");
    decide_late.send(Pressed::Stored).unwrap();
    assert_eq!(told(&bench.answer().await).1, "p2");
    let closing = bench.peer_closes().await;
    assert!(closing, "a close frame follows");
    assert_eq!(bench.cause().await, CloseCause::Clean);
}

#[tokio::test(start_paused = true)]
async fn without_a_button_a_press_is_of_no_topic_of_ours() {
    let mut bench = Bench::start().await;
    bench.push(press("p1", "stop")).await;
    assert_eq!(bench.answer().await["code"], 404);
}
