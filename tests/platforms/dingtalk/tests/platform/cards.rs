//! Cards: creating, delivering, streaming, finishing, and everything the platform refuses.

use dingtalk_sim::{
    CardState, FaultAction, FaultRule, OWN_TEMPLATE, ReusedOutTrackId, Simulator, ViolationKind,
};
use serde_json::{Value, json};

use crate::client::{APP, Api, FLOW_TEMPLATE, simulator};

const BOTH: &str = "/v1.0/card/instances/createAndDeliver";
const INSTANCES: &str = "/v1.0/card/instances";
const DELIVER: &str = "/v1.0/card/instances/deliver";
const STREAMING: &str = "/v1.0/card/streaming";

fn both(card: &str) -> Value {
    json!({
        "cardTemplateId": OWN_TEMPLATE, "outTrackId": card, "callbackType": "STREAM",
        "cardData": {"cardParamMap": {"content": ""}},
        "openSpaceId": "dtv1.card//IM_ROBOT.ann", "imRobotOpenSpaceModel": {"supportForward": true},
        "imRobotOpenDeliverModel": {"spaceType": "IM_ROBOT", "robotCode": APP},
    })
}

fn with(mut body: Value, changes: &[(&str, Value)]) -> Value {
    for (field, value) in changes {
        body[*field] = value.clone();
    }
    body
}

fn chunk(card: &str, guid: &str, content: &str) -> Value {
    json!({"outTrackId": card, "guid": guid, "key": "content", "content": content,
           "isFull": true, "isFinalize": false, "isError": false})
}

fn state_of(simulator: &Simulator, card: &str) -> (CardState, String) {
    simulator.observe(|seen| seen.card(card).map(|card| (card.state, card.text.clone())).unwrap())
}

#[tokio::test]
async fn a_card_goes_from_thinking_to_writing_to_finished() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    let made = api.post(BOTH, &both("c1")).await.expect_ok();
    assert_eq!(made["result"]["outTrackId"], "c1");
    let delivered = &made["result"]["deliverResults"][0];
    assert_eq!((&delivered["success"], &delivered["spaceType"]), (&json!(true), &json!("IM_ROBOT")));
    assert!(!delivered["carrierId"].as_str().unwrap().is_empty());
    assert_eq!(state_of(&simulator, "c1"), (CardState::Processing, String::new()));
    api.put(STREAMING, &chunk("c1", "g1", "Hel")).await.expect_ok();
    assert_eq!(state_of(&simulator, "c1"), (CardState::Inputing, "Hel".to_owned()));
    api.put(STREAMING, &chunk("c1", "g1", "a retry of g1 changes nothing")).await.expect_ok();
    let last = with(chunk("c1", "g2", "Hello"), &[("isFinalize", json!(true))]);
    assert_eq!(api.put(STREAMING, &last).await.expect_ok(), json!({"success": true, "result": true}));
    assert_eq!(state_of(&simulator, "c1"), (CardState::Finished, "Hello".to_owned()));
    let late = api.put(STREAMING, &chunk("c1", "g3", "late")).await;
    assert_eq!(late.status, 400);
    simulator.observe(|seen| {
        let card = seen.card("c1").unwrap();
        let shown: Vec<&str> = card.shown.iter().map(|shown| shown.text.as_str()).collect();
        assert_eq!(shown, ["", "Hel", "Hello"]);
        assert_eq!((card.finalize_count, card.stream_count, card.refused_after_final), (1, 2, 1));
        assert_eq!(seen.violations.last().unwrap().kind, ViolationKind::StreamingAfterFinal);
        assert_eq!(seen.robot_texts("cid-ding-sim-app-ann=="), ["Hello"]);
        assert!(seen.open_cards().is_empty());
    });
}

#[tokio::test]
async fn an_error_frame_fails_the_card() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    api.post(BOTH, &both("c1")).await.expect_ok();
    api.put(STREAMING, &with(chunk("c1", "g", "sorry"), &[("isError", json!(true))])).await.expect_ok();
    assert_eq!(state_of(&simulator, "c1"), (CardState::Failed, "sorry".to_owned()));
}

#[tokio::test]
async fn streaming_is_refused_with_the_documented_codes() {
    let simulator = simulator(|knobs| {
        knobs.card_content_bytes_max = 10;
        knobs.qps = 0;
    })
    .await;
    let api = Api::new(&simulator).await;
    api.post(BOTH, &both("c1")).await.expect_ok();
    api.post(BOTH, &with(both("http"), &[("callbackType", json!("HTTP"))])).await.expect_ok();
    for (field, value, status, code) in [
        ("content", json!(""), 400, "param.stream.contentEmpty"),
        ("key", json!(""), 400, "param.stream.keyEmpty"),
        ("guid", json!(""), 400, "param.stream.guidEmpty"),
        ("isFull", json!(false), 400, "param.stream.isFull"),
        ("content", json!("x".repeat(11)), 400, "param.stream.content"),
        ("outTrackId", json!("unknown"), 400, "param.stream.outTrackId"),
        ("key", json!("msgContent"), 500, "unknownError"),
        ("outTrackId", json!("http"), 500, "unknownError"),
    ] {
        let answer = api.put(STREAMING, &with(chunk("c1", "g", "x"), &[(field, value)])).await;
        assert_eq!(answer.code(), (status, code));
    }
    assert_eq!(state_of(&simulator, "c1"), (CardState::Processing, String::new()));
}

#[tokio::test]
async fn creating_is_refused_with_the_documented_codes() {
    let simulator = simulator(|knobs| knobs.qps = 0).await;
    let api = Api::new(&simulator).await;
    for (field, value, code) in [
        ("cardTemplateId", json!(""), "param.cardTemplateIdEmpty"),
        ("cardTemplateId", json!("x.schema"), "param.templateNotExist"),
        ("outTrackId", json!(""), "param.outTrackIdEmpty"),
        ("outTrackId", json!("x".repeat(65)), "outTrackId.outOfLimit"),
        ("cardData", Value::Null, "param.cardPublicDataEmpty"),
        ("cardData", json!({"cardParamMap": {"flag": true}}), "param.invalid"),
        ("openSpaceId", json!(""), "param.openSpaceIdEmpty"),
        ("openSpaceId", json!("IM_ROBOT.ann"), "param.openSpaceIdInvalid"),
        ("openSpaceId", json!("dtv1.card//NONE.x"), "param.openSpaceIdInvalid"),
        ("openSpaceId", json!("dtv1.card//IM_GROUP.x"), "param.spaceDeliverModelEmpty"),
        ("imRobotOpenDeliverModel", Value::Null, "param.openDeliverModelEmpty"),
        ("imRobotOpenSpaceModel", Value::Null, "param.openSpaceModelInvalid"),
    ] {
        let answer = api.post(BOTH, &with(both("c1"), &[(field, value)])).await;
        assert_eq!(answer.code(), (400, code));
    }
    assert_eq!(simulator.observe(|seen| seen.cards().count()), 0);
}

#[tokio::test]
async fn a_used_out_track_id_keeps_the_old_card_or_is_refused() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    api.post(BOTH, &both("c1")).await.expect_ok();
    api.put(STREAMING, &chunk("c1", "g1", "kept")).await.expect_ok();
    api.post(BOTH, &both("c1")).await.expect_ok();
    assert_eq!(state_of(&simulator, "c1"), (CardState::Inputing, "kept".to_owned()));
    let shown = simulator.observe(|seen| seen.cards_in("cid-ding-sim-app-ann==").len());
    assert_eq!(shown, 1, "a card appears once in a conversation");
    simulator.turn_knobs(|knobs| knobs.reused_out_track_id = ReusedOutTrackId::AlreadyExists);
    assert_eq!(api.post(BOTH, &both("c1")).await.code(), (400, "param.cardAlreadyExist"));
}

#[tokio::test]
async fn delivery_failures_hide_in_a_success_answer() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    let stranger = [("openSpaceId", json!("dtv1.card//IM_ROBOT.nobody"))];
    let answer = api.post(BOTH, &with(both("c1"), &stranger)).await.expect_ok();
    let result = &answer["result"]["deliverResults"][0];
    assert_eq!((&answer["success"], &result["success"]), (&json!(true), &json!(false)));
    assert_eq!(result["errorMsg"], "userId not exist");
    let action = FaultAction::SpaceFails { message: "busy".to_owned() };
    simulator.add_fault(FaultRule::on(BOTH, action).times(1)).unwrap();
    let answer = api.post(BOTH, &both("c2")).await.expect_ok();
    assert_eq!(answer["result"]["deliverResults"][0]["errorMsg"], "busy");
    let group = [
        ("openSpaceId", json!("dtv1.card//IM_GROUP.cid-team==")),
        ("imGroupOpenSpaceModel", json!({})),
        ("imGroupOpenDeliverModel", json!({"robotCode": APP})),
    ];
    let answer = api.post(BOTH, &with(both("c3"), &group)).await.expect_ok();
    assert_eq!(answer["result"]["deliverResults"][0]["success"], json!(true));
    assert_eq!(simulator.observe(|seen| seen.cards_in("cid-team==").len()), 1);
}

#[tokio::test]
async fn create_and_deliver_work_apart() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    assert_eq!(api.post(DELIVER, &both("c1")).await.code(), (400, "param.cardNotExist"));
    assert_eq!(api.post(INSTANCES, &both("c1")).await.expect_ok()["result"], "c1");
    assert!(simulator.observe(|seen| seen.card("c1").unwrap().conversations.is_empty()));
    assert_eq!(api.post(DELIVER, &both("c1")).await.expect_ok()["result"][0]["success"], json!(true));
}

#[tokio::test]
async fn an_update_replaces_everything_unless_it_is_by_key() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    api.post(BOTH, &both("c1")).await.expect_ok();
    api.put(STREAMING, &chunk("c1", "g1", "text")).await.expect_ok();
    let by_key = json!({"outTrackId": "c1", "cardData": {"cardParamMap": {"note": "n"}},
                        "cardUpdateOptions": {"updateCardDataByKey": true}});
    api.put(INSTANCES, &by_key).await.expect_ok();
    assert_eq!(state_of(&simulator, "c1").1, "text");
    api.put(INSTANCES, &with(by_key.clone(), &[("cardUpdateOptions", Value::Null)])).await.expect_ok();
    assert_eq!(state_of(&simulator, "c1").1, "", "what was not named is gone");
    let empty = json!({"outTrackId": "c1"});
    assert_eq!(api.put(INSTANCES, &empty).await.code(), (400, "param.cardDataAndPrivateDataBothEmpty"));
    let unknown = with(by_key, &[("outTrackId", json!("c9"))]);
    assert_eq!(api.put(INSTANCES, &unknown).await.code(), (400, "param.cardNotExist"));
}

#[tokio::test]
async fn a_public_template_follows_its_flow_status() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    let public = [
        ("cardTemplateId", json!(FLOW_TEMPLATE)),
        ("cardData", json!({"cardParamMap": {"flowStatus": "1", "config": "{\"autoLayout\":true}"}})),
    ];
    api.post(BOTH, &with(both("c1"), &public)).await.expect_ok();
    let key = [("key", json!("msgContent"))];
    api.put(STREAMING, &with(chunk("c1", "g0", "hidden"), &key)).await.expect_ok();
    assert_eq!(state_of(&simulator, "c1"), (CardState::Processing, String::new()));
    let flow = |status: &str, text: &str| {
        json!({"outTrackId": "c1", "cardData": {"cardParamMap": {"flowStatus": status, "msgContent": text}},
               "cardUpdateOptions": {"updateCardDataByKey": true}})
    };
    api.put(INSTANCES, &flow("2", "He")).await.expect_ok();
    assert_eq!(state_of(&simulator, "c1"), (CardState::Inputing, "He".to_owned()));
    let last = [("key", json!("msgContent")), ("isFinalize", json!(true))];
    api.put(STREAMING, &with(chunk("c1", "g1", "Hello"), &last)).await.expect_ok();
    api.put(INSTANCES, &flow("3", "Hello")).await.expect_ok();
    assert_eq!(state_of(&simulator, "c1"), (CardState::Finished, "Hello".to_owned()));
    assert_eq!(simulator.observe(|seen| seen.card("c1").unwrap().finalize_count), 1);
}
