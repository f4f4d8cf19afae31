//! Failures retried and deleted over the API of the real server.

use dingtalk_sim::{CardState, FaultRule, Observed};
use serde_json::{Value, json};
use switchboard_tests::api::Api;
use switchboard_tests::events::Event;
use switchboard_tests::scripted_agent::Behaviour;
use switchboard_tests::server::CAP;

use super::judge::no_violations;
use super::stage::{Plan, Stage, answer_to, chat};

const WEBHOOK: &str = "/robot/sendBySession";

/// The only failure there is, once it is there.
async fn failure(stage: &Stage) -> Value {
    // Listening comes first: what happens between is then seen in one of the two.
    let events = stage.api.events().await;
    let listed = async || stage.api.get("/failures").await["items"].as_array().unwrap().clone();
    if listed().await.is_empty() {
        let is_one = |event: &&Event| event.name == "failure";
        events.wait_for(|events| events.iter().find(is_one).map(drop)).await;
    }
    let mut failures = listed().await;
    assert_eq!(failures.len(), 1, "{failures:#?}");
    failures.remove(0)
}

async fn retry(stage: &Stage, failure: &Value) -> Value {
    stage.api.post(&format!("/failures/{}/retry", failure["id"].as_str().unwrap()), 202).await
}

/// A stage where an agent that refuses the question leaves a failure.
async fn with_failure() -> (Stage, Value) {
    let stage = Stage::start().await;
    stage.agent.queue([Behaviour::Status { status: 401, code: None, retry_after_s: None }]);
    stage.say("ann", "hello");
    let failure = failure(&stage).await;
    (stage, failure)
}

async fn answered_once(stage: &Stage) {
    let is_answered = |seen: &Observed| {
        seen.open_cards().is_empty()
            && seen.robot_texts(&chat("ann")).iter().any(|text| *text == answer_to("hello"))
    };
    let outcome = stage.simulator.wait_for(CAP, is_answered).await;
    assert!(outcome.is_ok(), "ann reads {:#?}", stage.texts("ann"));
    // Whatever a second retry could show is shown before the next answer.
    stage.say("ann", "and now?");
    let is_last = |seen: &Observed| seen.robot_texts(&chat("ann")).last() == Some(&answer_to("and now?"));
    stage.simulator.wait_for(CAP, is_last).await.unwrap();
    let texts = stage.texts("ann");
    assert_eq!(texts.iter().filter(|text| **text == answer_to("hello")).count(), 1, "{texts:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_retried_twice_at_once_is_answered_once_in_a_card_of_its_own() {
    let (stage, failure) = with_failure().await;
    assert_eq!((&failure["cause"], &failure["retried_at"]), (&json!("agent_unauthorized"), &Value::Null));
    assert!(failure["ways"].is_array(), "{failure}");
    let answers = futures_util::future::join(retry(&stage, &failure), retry(&stage, &failure)).await;
    assert_eq!(answers.0, answers.1);
    assert!(answers.0["retried_at"].is_string());
    answered_once(&stage).await;
    stage.simulator.wait_for(CAP, |seen| seen.open_cards().is_empty()).await.unwrap();
    stage.simulator.observe(|seen| {
        let cards = seen.cards_in(&chat("ann"));
        let states: Vec<_> = cards.iter().map(|card| card.state).collect();
        assert_eq!(states, [CardState::Failed, CardState::Finished, CardState::Finished]);
        assert!(cards[0].out_track_id != cards[1].out_track_id);
        no_violations(seen, false);
    });
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_survives_a_kill_and_is_done_once() {
    let (stage, failure) = with_failure().await;
    stage.agent.queue([Behaviour::Held { before: "You".into(), after: " said: hello".into() }]);
    retry(&stage, &failure).await;
    stage.wait_streaming("ann", "You").await;
    let Stage { server, channel, agent, simulator, home, .. } = stage;
    server.kill().await;
    let server = home.serve().await;
    let stage = Stage { api: Api::of(&server), server, channel, agent, simulator, home };
    stage.api.wait_connected(&stage.channel).await;
    retry(&stage, &failure).await;
    answered_once(&stage).await;
    stage.simulator.observe(|seen| no_violations(seen, true));
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_unknown_fate_is_sent_again_on_an_operators_word_without_asking_the_agent() {
    let mut plan = Plan::default();
    plan.config = json!({ "ai_card": { "enabled": false } });
    let stage = plan.start().await;
    stage.simulator.add_fault(FaultRule::deny(WEBHOOK, 502, "").times(1));
    stage.say("ann", "hello");
    let failure = failure(&stage).await;
    assert_eq!(failure["cause"], "delivery_unknown");
    assert_eq!(failure["ways"], json!([{"way": "webhook", "result": "unknown", "code": null}]));
    retry(&stage, &failure).await;
    retry(&stage, &failure).await;
    answered_once(&stage).await;
    let asked = stage.agent.asked();
    assert_eq!(asked.iter().filter(|asked| asked.question() == "hello").count(), 1);
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_deleted_and_not_retried_where_the_channel_is_disabled() {
    let (stage, failure) = with_failure().await;
    let id = failure["id"].as_str().unwrap();
    stage.api.post(&format!("/channels/{}/disable", stage.channel), 202).await;
    let refused = stage.api.post(&format!("/failures/{id}/retry"), 409).await;
    assert_eq!(refused["type"], "urn:switchboard:problem:wrong-state");
    let delete = reqwest::Method::DELETE;
    let path = format!("/failures/{id}");
    stage.api.send(delete.clone(), &path, None).await.expect(204);
    stage.api.send(delete, &path, None).await.expect(404);
    stage.api.post(&format!("/failures/{id}/retry"), 404).await;
    assert_eq!(stage.api.get("/failures").await["items"], json!([]));
}
