//! Clicks on cards, private variables, and who sees what.

use std::time::Duration;

use dingtalk_sim::{Click, ClickOutcome, ClickShape, OWN_TEMPLATE, Simulator, ViolationKind};
use serde_json::{Value, json};

use crate::client::{APP, Api, CAP, Stream, data_of, open_body, simulator, ticket_url};

const BOTH: &str = "/v1.0/card/instances/createAndDeliver";
const INSTANCES: &str = "/v1.0/card/instances";
const TOPIC: &str = "/v1.0/card/instances/callback";

async fn card(api: &Api, card: &str, callback_type: &str) {
    let body = json!({
        "cardTemplateId": OWN_TEMPLATE, "outTrackId": card, "callbackType": callback_type,
        "cardData": {"cardParamMap": {"content": "x"}},
        "privateData": {"ann": {"cardParamMap": {"canStop": "true"}}},
        "openSpaceId": "dtv1.card//IM_GROUP.cid-team==", "imGroupOpenSpaceModel": {"supportForward": true},
        "imGroupOpenDeliverModel": {"robotCode": APP},
    });
    api.post(BOTH, &body).await.expect_ok();
}

/// A connection that gets card actions.
async fn card_stream(simulator: &Simulator, api: &Api) -> Stream {
    let mut body = open_body();
    body["subscriptions"] = json!([{"type": "CALLBACK", "topic": TOPIC}]);
    let before = simulator.observe(|seen| seen.connections.len());
    let opened = api.post("/v1.0/gateway/connections/open", &body).await.expect_ok();
    let (socket, _) = tokio_tungstenite::connect_async(ticket_url(&opened)).await.unwrap();
    simulator.wait_for(CAP, |seen| seen.connections.len() > before).await.unwrap();
    Stream { socket }
}

fn outcome(simulator: &Simulator, number: u64) -> ClickOutcome {
    simulator.observe(|seen| seen.clicks.numbered(number).unwrap().outcome)
}

#[tokio::test]
async fn a_click_is_pushed_and_its_answer_changes_the_view_of_the_clicking_person_only() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    card(&api, "c1", "STREAM").await;
    // Subscribed to messages only: no candidate for the click.
    let _other = Stream::connect(&simulator).await;
    let mut stream = card_stream(&simulator, &api).await;
    let number = simulator.click("c1", &Click::stop("ann")).unwrap();
    let frame = stream.frame().await;
    assert_eq!((&frame["type"], &frame["headers"]["topic"]), (&json!("CALLBACK"), &json!(TOPIC)));
    let data = data_of(&frame);
    assert_eq!((&data["type"], &data["outTrackId"]), (&json!("actionCallback"), &json!("c1")));
    assert_eq!(
        (&data["userId"], &data["spaceId"], &data["extension"]),
        (&json!("ann"), &json!("cid-team=="), &json!("{}"))
    );
    let content: Value = serde_json::from_str(data["content"].as_str().unwrap()).unwrap();
    assert_eq!(content["cardPrivateData"], json!({"actionIds": ["stop"], "params": {"action": "stop"}}));
    let answer = json!({"response": {"cardUpdateOptions": {"updateCardDataByKey": true, "updatePrivateDataByKey": true},
                        "cardData": {"cardParamMap": {"note": "stopping"}},
                        "userPrivateData": {"cardParamMap": {"canStop": "false"}}}});
    stream.ack_with(&frame, &answer.to_string()).await;
    simulator
        .wait_for(CAP, |seen| seen.clicks.last().unwrap().outcome == ClickOutcome::Answered)
        .await
        .unwrap();
    assert_eq!(outcome(&simulator, number), ClickOutcome::Answered);
    simulator.observe(|seen| {
        let card = seen.card("c1").unwrap();
        let (ann, bob) = (card.variables_for("ann"), card.variables_for("bob"));
        assert_eq!((ann["note"].as_str(), ann["canStop"].as_str()), ("stopping", "false"));
        assert!(!bob.contains_key("note") && !bob.contains_key("canStop"));
        assert!(seen.violations.is_empty(), "{:?}", seen.violations);
    });
}

#[tokio::test]
async fn a_click_is_lost_without_a_subscription_or_without_the_stream_type() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    card(&api, "c1", "STREAM").await;
    card(&api, "c2", "HTTP").await;
    let _messages_only = Stream::connect(&simulator).await;
    let lost = simulator.click("c1", &Click::stop("ann")).unwrap();
    assert_eq!(outcome(&simulator, lost), ClickOutcome::NoSubscriber);
    let _stream = card_stream(&simulator, &api).await;
    let lost = simulator.click("c2", &Click::stop("ann")).unwrap();
    assert_eq!(outcome(&simulator, lost), ClickOutcome::NotStream);
    assert!(simulator.click("c3", &Click::stop("ann")).is_err());
}

#[tokio::test]
async fn a_late_answer_changes_nothing_and_is_a_violation() {
    let simulator = simulator(|knobs| {
        knobs.click_answer_ms_max = 50;
        knobs.click_shape = ClickShape::Value;
    })
    .await;
    let api = Api::new(&simulator).await;
    card(&api, "c1", "STREAM").await;
    let mut stream = card_stream(&simulator, &api).await;
    let body = json!({"user": "bob", "action_ids": ["like"], "params": {"n": 1}});
    let clicked = api.post("/sim/api/cards/c1/click", &body).await.expect_ok();
    assert_eq!(clicked["click"]["outcome"], "waiting");
    let frame = stream.frame().await;
    let data = data_of(&frame);
    assert!(data.get("content").is_none() && data["value"].as_str().unwrap().contains("like"));
    simulator
        .wait_for(CAP, |seen| seen.clicks.last().unwrap().outcome == ClickOutcome::Unanswered)
        .await
        .unwrap();
    stream.ack_with(&frame, "{\"response\":{\"cardData\":{\"cardParamMap\":{\"a\":\"b\"}}}}").await;
    simulator.wait_for(CAP, |seen| seen.clicks.last().unwrap().outcome == ClickOutcome::Late).await.unwrap();
    simulator.observe(|seen| {
        assert!(seen.card("c1").unwrap().click_views.is_empty());
        assert_eq!(seen.violations.last().unwrap().kind, ViolationKind::LateClickAnswer);
    });
    let one = api.get("/sim/api/clicks/0").await.expect_ok();
    assert_eq!((&one["outcome"], &one["action"]), (&json!("late"), &json!("like")));
}

#[tokio::test]
async fn updating_from_inside_the_callback_is_a_violation() {
    let simulator = simulator(|knobs| knobs.click_answer_ms_max = 60_000).await;
    let api = Api::new(&simulator).await;
    card(&api, "c1", "STREAM").await;
    let mut stream = card_stream(&simulator, &api).await;
    simulator.click("c1", &Click::stop("ann")).unwrap();
    let frame = stream.frame().await;
    let update = json!({"outTrackId": "c1", "cardData": {"cardParamMap": {"content": "y"}}});
    api.put(INSTANCES, &update).await.expect_ok();
    let kind = simulator.observe(|seen| seen.violations.last().unwrap().kind);
    assert_eq!(kind, ViolationKind::UpdateInsideCallback);
    stream.ack(&frame).await;
    simulator
        .wait_for(CAP, |seen| seen.clicks.last().unwrap().outcome == ClickOutcome::Answered)
        .await
        .unwrap();
    api.put(INSTANCES, &update).await.expect_ok();
    assert_eq!(simulator.observe(|seen| seen.violations.len()), 1);
}

#[tokio::test]
async fn private_variables_are_replaced_unless_updated_by_key() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    card(&api, "c1", "STREAM").await;
    let update = |by_key: bool| {
        json!({"outTrackId": "c1", "privateData": {"ann": {"cardParamMap": {"b": "2"}}},
               "cardUpdateOptions": {"updatePrivateDataByKey": by_key}})
    };
    api.put(INSTANCES, &update(true)).await.expect_ok();
    let ann = || simulator.observe(|seen| seen.card("c1").unwrap().variables_for("ann"));
    assert_eq!((ann()["b"].as_str(), ann()["canStop"].as_str()), ("2", "true"));
    api.put(INSTANCES, &update(false)).await.expect_ok();
    assert!(!ann().contains_key("canStop") && ann()["content"] == "x");
    let nobody = json!({"outTrackId": "c1", "privateData": {"nobody": {"cardParamMap": {}}}});
    assert_eq!(api.put(INSTANCES, &nobody).await.code(), (400, "param.userIdNotExist"));
}

#[tokio::test]
async fn an_unanswered_click_is_given_up() {
    let simulator = simulator(|knobs| knobs.click_answer_ms_max = 10).await;
    let api = Api::new(&simulator).await;
    card(&api, "c1", "STREAM").await;
    let _stream = card_stream(&simulator, &api).await;
    simulator.click("c1", &Click::on("ann", "ok")).unwrap();
    let given_up =
        |seen: &dingtalk_sim::Observed| seen.clicks.last().unwrap().outcome == ClickOutcome::Unanswered;
    simulator.wait_for(Duration::from_secs(20), given_up).await.unwrap();
}
