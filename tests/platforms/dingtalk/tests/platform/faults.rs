//! Fault rules, and the log that judges read.

use dingtalk_sim::{FaultAction, FaultRule, OWN_TEMPLATE, ViolationKind};
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;

use crate::client::{APP, Api, CAP, open_body, simulator, ticket_url};

const CREATE: &str = "/v1.0/card/instances";
const OPEN: &str = "/v1.0/gateway/connections/open";

fn create(card: &str) -> Value {
    json!({"cardTemplateId": OWN_TEMPLATE, "outTrackId": card, "callbackType": "STREAM",
           "cardData": {"cardParamMap": {}}, "imRobotOpenSpaceModel": {}})
}

#[tokio::test]
async fn a_denied_call_changes_nothing_and_rules_count_down() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    simulator.add_fault(FaultRule::deny(CREATE, 500, "system.busy").skip(1).times(1)).unwrap();
    api.post(CREATE, &create("c1")).await.expect_ok();
    assert_eq!(api.post(CREATE, &create("c2")).await.code(), (500, "system.busy"));
    assert!(simulator.observe(|seen| seen.card("c2").is_none()));
    api.post(CREATE, &create("c2")).await.expect_ok();
    simulator.observe(|seen| {
        let calls: Vec<_> = seen.calls.iter().filter(|call| call.path == CREATE).collect();
        let denied = calls[1];
        assert_eq!((denied.status, denied.code.as_deref()), (500, Some("system.busy")));
        assert_eq!((denied.fault.as_deref(), denied.applied), (Some("deny"), false));
        assert_eq!((denied.out_track_id.as_deref(), denied.app.as_deref()), (Some("c2"), Some(APP)));
    });
}

#[tokio::test]
async fn an_unknown_fate_is_applied_and_reported_as_failure() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    simulator.add_fault(FaultRule::apply_then_time_out(CREATE).times(1)).unwrap();
    assert_eq!(api.post(CREATE, &create("c1")).await.code(), (504, "service.timeout"));
    simulator.add_fault(FaultRule::on(CREATE, FaultAction::ApplyThenCut).times(1)).unwrap();
    assert!(api.try_send("POST", CREATE, &create("c2")).await.is_err());
    simulator.add_fault(FaultRule::on(CREATE, FaultAction::Cut).times(1)).unwrap();
    assert!(api.try_send("POST", CREATE, &create("c3")).await.is_err());
    simulator.observe(|seen| {
        let known = |card: &str| seen.card(card).is_some();
        assert_eq!((known("c1"), known("c2"), known("c3")), (true, true, false));
        let applied: Vec<bool> =
            seen.calls.iter().filter(|call| call.path == CREATE).map(|call| call.applied).collect();
        assert_eq!(applied, [true, true, false]);
    });
}

#[tokio::test]
async fn a_rule_can_look_for_text_in_the_body() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    simulator.add_fault(FaultRule::throttled("/v1.0/card/*").containing("\"c2\"")).unwrap();
    api.post(CREATE, &create("c1")).await.expect_ok();
    assert_eq!(api.post(CREATE, &create("c2")).await.status, 403);
    simulator.clear_faults();
    api.post(CREATE, &create("c2")).await.expect_ok();
}

#[tokio::test]
async fn opens_and_handshakes_can_be_refused() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    let html = FaultAction::Deny { status: 503, body: json!("<html>busy</html>") };
    let open = simulator.add_fault(FaultRule::on(OPEN, html)).unwrap();
    let refused = api.post(OPEN, &open_body()).await;
    assert_eq!((refused.status, refused.body), (503, json!("<html>busy</html>")));
    assert!(simulator.remove_fault(open));
    simulator.add_fault(FaultRule::ip_banned(403)).unwrap();
    assert_eq!(api.post(OPEN, &open_body()).await.body["punish"], "deny");
    simulator.clear_faults();
    simulator.add_fault(FaultRule::deny("/connect", 503, "busy").times(1)).unwrap();
    let url = ticket_url(&api.post(OPEN, &open_body()).await.expect_ok());
    assert!(connect_async(&url).await.is_err());
    connect_async(&url).await.unwrap();
}

#[tokio::test]
async fn a_client_that_leaves_a_hanging_call_is_logged_as_gone() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    simulator.add_fault(FaultRule::on(CREATE, FaultAction::Hang)).unwrap();
    {
        let body = create("c1");
        let call = api.try_send("POST", CREATE, &body);
        let arrived = simulator.wait_for(CAP, |seen| seen.calls_in_flight == 1);
        tokio::select! {
            biased;
            _ = call => panic!("a hanging call was answered"),
            arrived = arrived => arrived.unwrap(),
        }
    }
    let gone = |seen: &dingtalk_sim::Observed| seen.calls.iter().any(|call| call.status == 499);
    simulator.wait_for(CAP, gone).await.unwrap();
    assert!(simulator.observe(|seen| seen.card("c1").is_none()));
}

#[tokio::test]
async fn overlapping_streaming_calls_on_one_card_are_noticed() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    api.post(CREATE, &create("c1")).await.expect_ok();
    simulator.add_fault(FaultRule::delay("/v1.0/card/streaming", 1_000)).unwrap();
    let chunk = |guid: &str| json!({"outTrackId": "c1", "guid": guid, "key": "content", "content": guid, "isFull": true});
    let (one, two) = (chunk("a"), chunk("b"));
    tokio::join!(api.put("/v1.0/card/streaming", &one), api.put("/v1.0/card/streaming", &two));
    simulator.observe(|seen| {
        assert_eq!(seen.violations.last().unwrap().kind, ViolationKind::ConcurrentStreaming);
        assert!(seen.calls.iter().any(|call| call.took_ms >= 900));
    });
}

#[tokio::test]
async fn the_control_api_does_what_the_library_does() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    let rule =
        json!({"path": CREATE, "times": 1, "action": {"kind": "deny", "status": 500, "body": {"code": "x"}}});
    let id = api.post("/sim/api/faults", &rule).await.expect_ok()["id"].clone();
    assert_eq!(api.get("/sim/api/faults").await.expect_ok()[0]["id"], id);
    assert_eq!(api.post(CREATE, &create("c1")).await.code(), (500, "x"));
    let wrong = json!({"path": CREATE, "action": {"kind": "explode"}});
    assert_eq!(api.post("/sim/api/faults", &wrong).await.status, 422);
    let knobs = api.send("PATCH", "/sim/api/knobs", &json!({"qps": 0})).await.expect_ok();
    assert_eq!(knobs["qps"], json!(0));
    assert_eq!(api.send("PATCH", "/sim/api/knobs", &json!({"qqps": 0})).await.status, 422);
    let push = json!({"app": APP, "origin": {"kind": "private", "sender": "ann"}, "text": "hello"});
    let pushed = api.post("/sim/api/push", &push).await.expect_ok();
    let message =
        api.get(&format!("/sim/api/messages/{}", pushed["msg_id"].as_str().unwrap())).await.expect_ok();
    assert_eq!(message["text"], "hello");
    assert_eq!(api.post("/sim/api/push", &json!({"app": "x", "origin": push["origin"]})).await.status, 404);
    api.post(CREATE, &create("c1")).await.expect_ok();
    assert_eq!(api.get("/sim/api/cards/c1").await.expect_ok()["state"], "processing");
    let summary = api.get("/sim/api/summary").await.expect_ok();
    assert_eq!((&summary["messages"], &summary["cards"]), (&json!(1), &json!(1)));
    let calls = api.get(&format!("/sim/api/calls?path={CREATE}")).await.expect_ok();
    assert_eq!(calls.as_array().unwrap().len(), 2);
    let version = api.get("/sim/api/changes").await.expect_ok()["version"].clone();
    let url = format!("/sim/api/changes?after={version}");
    let push = api.post("/sim/api/push", &push);
    let (changed, _) = tokio::join!(api.get(&url), push);
    assert_eq!(changed.expect_ok()["changed"], json!(true));
}
