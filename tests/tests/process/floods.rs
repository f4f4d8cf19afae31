//! Somebody who writes without end: one sentence for each episode, not for each message, and nobody else notices.

use dingtalk_sim::Observed;
use serde_json::json;
use switchboard_domain::notice::Notice;
use switchboard_domain::outcome::Refusal;
use switchboard_domain::settings::Locale;
use switchboard_tests::scripted_agent::Behaviour;
use switchboard_tests::server::CAP;

use super::judge::no_violations;
use super::stage::{Plan, Stage, answer_to};

fn sentence(refusal: Refusal) -> String {
    Notice::Refused(refusal).text(Locale::En)
}

async fn stage(channel: serde_json::Value) -> Stage {
    let plan = Plan { channel, ..Plan::default() };
    plan.start().await
}

/// Ann writes all these at once; waits until all are taken in.
async fn write(stage: &Stage, numbers: std::ops::Range<usize>) {
    for n in numbers {
        stage.say("ann", &format!("ann {n}"));
    }
    let taken_in = |seen: &Observed| seen.messages.iter().all(|message| message.acked.is_some());
    stage.simulator.wait_for(CAP, taken_in).await.expect("each is acked");
}

/// Ann writes `count` messages; afterwards Bob is answered as if nothing was.
async fn flood(stage: &Stage, count: usize) {
    write(stage, 0..count).await;
    stage.say("bob", "hello");
    stage.wait_texts("bob", &[&answer_to("hello")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_channel_allows_in_a_minute_is_told_once() {
    let stage = stage(json!({ "access": { "messages_per_minute": 3 } })).await;
    flood(&stage, 30).await;
    let mut wanted: Vec<_> = (0..3).map(|n| answer_to(&format!("ann {n}"))).collect();
    wanted.push(sentence(Refusal::TooManyMessages));
    assert_eq!(settled(&stage, 4).await, sorted(wanted));
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_inbox_is_told_once_and_what_waits_is_answered() {
    let stage = stage(json!({})).await;
    stage.agent.queue([Behaviour::Held { before: "You said:".into(), after: " ann 0".into() }]);
    stage.say("ann", "ann 0");
    stage.wait_streaming("ann", "You said:").await;
    write(&stage, 1..80).await;
    stage.agent.release(1);
    let mut wanted: Vec<_> = (0..50).map(|n| answer_to(&format!("ann {n}"))).collect();
    wanted.push(sentence(Refusal::InboxFull));
    assert_eq!(settled(&stage, 51).await, sorted(wanted));
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_conversation_is_told_once_while_an_answer_is_written() {
    let stage = stage(json!({ "conversation": { "busy": "reject" } })).await;
    stage.agent.queue([Behaviour::Held { before: "You said:".into(), after: " a story".into() }]);
    stage.say("ann", "a story");
    stage.wait_streaming("ann", "You said:").await;
    flood(&stage, 20).await;
    stage.agent.release(1);
    assert_eq!(settled(&stage, 2).await, sorted(vec![answer_to("a story"), sentence(Refusal::Busy)]));
    stage.assert_no_alarm();
}

/// What Ann reads once so many texts are there and everything has ended.
async fn settled(stage: &Stage, count: usize) -> Vec<String> {
    let chat = super::stage::chat("ann");
    let whole = |seen: &Observed| {
        seen.robot_texts(&chat).len() >= count
            && seen.cards_in(&chat).iter().all(|card| card.state.is_final())
    };
    stage.simulator.wait_for(CAP, whole).await.expect("everything is said");
    stage.simulator.observe(|seen| no_violations(seen, false));
    sorted(stage.texts("ann"))
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}
