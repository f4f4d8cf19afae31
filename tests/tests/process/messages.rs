//! Messages that nobody asked for, over the API of the real server.

use dingtalk_sim::{Conversation, FaultRule, Group, Observed, Origin, Via};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use switchboard_tests::api::Answer;
use switchboard_tests::looks;
use switchboard_tests::scripted_agent::Behaviour;
use switchboard_tests::server::CAP;

use super::judge::no_violations;
use super::stage::{APP, Stage, answer_to, chat};

const ONE_TO_ONE: &str = "/v1.0/robot/oToMessages/batchSend";

async fn post(stage: &Stage, key: Option<&str>, body: &Value) -> Answer {
    let path = format!("/api/v1/channels/{}/messages", stage.channel);
    let mut request = stage.api.request(Method::POST, &path).json(body);
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    stage.api.answer(request).await
}

async fn send(stage: &Stage, to: Value, text: &str, format: &str) -> String {
    let sent = post(stage, None, &json!({"to": to, "text": text, "format": format})).await.expect(202);
    sent["id"].as_str().unwrap().to_owned()
}

/// Waits until a message is in this state.
async fn wait_state(stage: &Stage, id: &str, wanted: &str) -> Value {
    looks::until(wanted, async || {
        let message = stage.api.get(&format!("/messages/{id}")).await;
        (message["state"] == wanted).then_some(message)
    })
    .await
}

/// Messages that came by the robot's API: how, in which format, and the text.
fn by_api(seen: &Observed, conversation: &str) -> Vec<(Via, String, String)> {
    let replies = seen.conversation(conversation).into_iter().flat_map(Conversation::replies);
    let by_api = replies.filter(|reply| reply.via != Via::Webhook);
    by_api.map(|reply| (reply.via, reply.format.clone(), reply.text.clone())).collect()
}

/// A stage where the platform and the bot know Ann.
async fn stage() -> Stage {
    let stage = Stage::start().await;
    stage.say("ann", "hello");
    stage.wait_texts("ann", &[&answer_to("hello")]).await;
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_and_a_group_get_messages_as_text_and_as_markdown() {
    let stage = stage().await;
    stage.simulator.push_text(APP, Origin::group("cid-team==", "bob"), "hi").unwrap();
    let answered = |seen: &Observed| seen.robot_texts("cid-team==") == [answer_to("hi")];
    stage.simulator.wait_for(CAP, answered).await.unwrap();
    let literal = "*as* it `stands` <b>\n# no heading";
    let id = send(&stage, json!({"user_id": "ann"}), literal, "text").await;
    wait_state(&stage, &id, "sent").await;
    let id = send(&stage, json!({"user_id": "ann"}), "**bold**", "markdown").await;
    let sent = wait_state(&stage, &id, "sent").await;
    assert_eq!((&sent["parts"], &sent["cause"]), (&json!(["sent"]), &Value::Null));
    assert_eq!(sent["ways"], json!([{"way": "api", "result": "done", "code": null}]));
    let listed = stage.api.get("/conversations").await["items"].as_array().unwrap().clone();
    let group = listed.iter().find(|row| row["kind"] == "group").unwrap();
    for id in [group["id"].as_str().unwrap(), "cid-team=="] {
        let id = send(&stage, json!({"conversation_id": id}), "to all", "text").await;
        wait_state(&stage, &id, "sent").await;
    }
    stage.simulator.observe(|seen| {
        let private = by_api(seen, &chat("ann"));
        let expected = [
            (Via::OneToOne, "sampleText".to_owned(), literal.to_owned()),
            (Via::OneToOne, "sampleMarkdown".to_owned(), "**bold**".to_owned()),
        ];
        assert_eq!(private, expected);
        let to_all = (Via::Group, "sampleText".to_owned(), "to all".to_owned());
        assert_eq!(by_api(seen, "cid-team=="), [to_all.clone(), to_all]);
        no_violations(seen, false);
    });
    // The person's own conversation has them; the agent knows nothing of them.
    assert_eq!(stage.api.get("/conversations").await["items"].as_array().unwrap().len(), 3);
    assert_eq!(stage.agent.asked().len(), 2);
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_the_bot_never_heard_of_is_reached_and_nobody_there_is_not() {
    let stage = Stage::start().await;
    stage.simulator.add_group(&Group::new("cid-quiet==", "Quiet"));
    let id = send(&stage, json!({"conversation_id": "cid-quiet=="}), "hello, all", "text").await;
    wait_state(&stage, &id, "sent").await;
    for to in [json!({"conversation_id": "cid-nowhere=="}), json!({"user_id": "nobody-there"})] {
        let id = send(&stage, to, "hello", "text").await;
        let failed = wait_state(&stage, &id, "failed").await;
        assert_eq!(
            (&failed["cause"], &failed["ways"][0]["result"]),
            (&json!("delivery_refused"), &json!("refused"))
        );
    }
    assert_eq!(stage.api.get("/failures").await["items"], json!([]));
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_text_comes_in_parts_in_order_while_the_agent_works() {
    let stage = stage().await;
    stage.agent.queue([Behaviour::Held { before: "Working".into(), after: " done".into() }]);
    stage.say("ann", "a long task");
    stage.wait_streaming("ann", "Working").await;
    let lines: Vec<_> = (0..600).map(|n| format!("line number {n:04} of the notice")).collect();
    let first = send(&stage, json!({"user_id": "ann"}), &lines.join("\n"), "text").await;
    let second = send(&stage, json!({"user_id": "ann"}), "and that was all", "text").await;
    wait_state(&stage, &second, "sent").await;
    let sent = wait_state(&stage, &first, "sent").await;
    let parts = sent["parts"].as_array().unwrap().len();
    assert!(parts >= 5, "{parts}");
    let texts: Vec<_> = stage
        .simulator
        .observe(|seen| by_api(seen, &chat("ann")))
        .into_iter()
        .map(|(_, _, text)| text)
        .collect();
    assert_eq!(texts.len(), parts + 1);
    let all = texts.join("\n");
    let expected: Vec<_> = lines.iter().map(String::as_str).chain(["and that was all"]).collect();
    assert_eq!(all.lines().collect::<Vec<_>>(), expected);
    stage.agent.release(1);
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_at_once_under_one_key_are_one_message_and_another_request_under_it_is_refused() {
    let stage = stage().await;
    let body = json!({"to": {"user_id": "ann"}, "text": "once"});
    let answers = join_all((0..4).map(|_| post(&stage, Some("key-1"), &body))).await;
    let ids: Vec<_> = answers.into_iter().map(|answer| answer.expect(202)["id"].clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    wait_state(&stage, ids[0].as_str().unwrap(), "sent").await;
    let other = json!({"to": {"user_id": "ann"}, "text": "twice"});
    let refused = post(&stage, Some("key-1"), &other).await;
    assert_eq!(refused.json["type"], "urn:switchboard:problem:key-reused", "{}", refused.text);
    let stage = stage.kill_and_serve().await;
    stage.api.wait_connected(&stage.channel).await;
    let again = post(&stage, Some("key-1"), &body).await.expect(202);
    assert_eq!((&again["id"], &again["state"]), (&ids[0], &json!("sent")));
    let last = send(&stage, json!({"user_id": "ann"}), "the last", "text").await;
    wait_state(&stage, &last, "sent").await;
    let texts = stage.simulator.observe(|seen| by_api(seen, &chat("ann")));
    assert_eq!(texts.iter().map(|(_, _, text)| text.as_str()).collect::<Vec<_>>(), ["once", "the last"]);
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_killed_before_its_call_is_sent_by_the_next_process_and_one_killed_in_it_is_of_unknown_fate()
 {
    let stage = stage().await;
    stage.simulator.add_fault(FaultRule::throttled(ONE_TO_ONE).times(1));
    let waiting = send(&stage, json!({"user_id": "ann"}), "before", "text").await;
    let is_throttled = |seen: &Observed| seen.calls_on(ONE_TO_ONE).total > 0;
    stage.simulator.wait_for(CAP, is_throttled).await.unwrap();
    let stage = stage.kill_and_serve().await;
    stage.api.wait_connected(&stage.channel).await;
    let told = wait_final(&stage, &waiting).await;
    // Killed before the answer was stored, nobody knows; after it, it is sent.
    let count = |stage: &Stage, text: &str| {
        let texts = stage.simulator.observe(|seen| by_api(seen, &chat("ann")));
        texts.iter().filter(|(_, _, sent)| sent == text).count()
    };
    assert_eq!(count(&stage, "before") == 1, told == "sent", "{told}");
    stage.simulator.add_fault(FaultRule::delay(ONE_TO_ONE, 600).times(1));
    let calling = send(&stage, json!({"user_id": "ann"}), "during", "text").await;
    wait_state(&stage, &calling, "attempting").await;
    let is_calling = |seen: &Observed| seen.calls_in_flight > 0;
    stage.simulator.wait_for(CAP, is_calling).await.unwrap();
    let stage = stage.kill_and_serve().await;
    stage.api.wait_connected(&stage.channel).await;
    let unknown = wait_state(&stage, &calling, "unknown").await;
    assert_eq!(unknown["cause"], "delivery_unknown");
    let last = send(&stage, json!({"user_id": "ann"}), "the last", "text").await;
    wait_state(&stage, &last, "sent").await;
    assert!(count(&stage, "during") <= 1);
    stage.simulator.observe(|seen| no_violations(seen, true));
    stage.assert_no_alarm();
}

async fn wait_final(stage: &Stage, id: &str) -> String {
    looks::until("its end", async || {
        let message = stage.api.get(&format!("/messages/{id}")).await;
        let reached = message["state"].as_str().unwrap();
        (!["queued", "attempting"].contains(&reached)).then(|| reached.to_owned())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_a_deleted_channel_have_failed_and_a_disabled_one_takes_none() {
    let stage = stage().await;
    stage.simulator.add_fault(FaultRule::throttled(ONE_TO_ONE));
    let id = send(&stage, json!({"user_id": "ann"}), "never", "text").await;
    let path = format!("/channels/{}", stage.channel);
    stage.api.post(&format!("{path}/disable"), 202).await;
    let refused = post(&stage, None, &json!({"to": {"user_id": "ann"}, "text": "x"})).await;
    assert_eq!((refused.status, &refused.json["type"]), (409, &json!("urn:switchboard:problem:wrong-state")));
    stage.api.send(Method::DELETE, &path, None).await.expect(204);
    let failed = wait_state(&stage, &id, "failed").await;
    assert_eq!(failed["cause"], "channel_deleted");
    assert_eq!(stage.simulator.observe(|seen| by_api(seen, &chat("ann"))), []);
    let gone = post(&stage, None, &json!({"to": {"user_id": "ann"}, "text": "x"})).await;
    assert_eq!(gone.status, 404);
}
