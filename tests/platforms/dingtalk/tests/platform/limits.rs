//! Limits: per minute, per month, per address; the named refusals; overlapping streaming calls.

use dingtalk_sim::{FaultRule, Limit, OWN_TEMPLATE, ViolationKind};
use serde_json::{Value, json};

use crate::client::{APP, Api, CAP, Stream, ann, data_of, http, open_body, simulator};

const GROUP_SEND: &str = "/v1.0/robot/groupMessages/send";
const STREAMING: &str = "/v1.0/card/streaming";

fn message() -> Value {
    json!({"robotCode": APP, "openConversationId": "cid-team==", "msgKey": "sampleText", "msgParam": "{\"content\":\"x\"}"})
}

#[tokio::test]
async fn a_minute_and_a_month_have_their_own_codes() {
    let simulator = simulator(|knobs| knobs.qpm = 1).await;
    let api = Api::new(&simulator).await;
    api.post(GROUP_SEND, &message()).await.expect_ok();
    let refused = api.post(GROUP_SEND, &message()).await;
    // A minute may have ended between the two calls; then the next one is refused.
    let refused = if refused.status == 200 { api.post(GROUP_SEND, &message()).await } else { refused };
    assert_eq!(refused.code(), (403, "Forbidden.AccessDenied.QpmLimitForAppkeyAndApi"));
    simulator.turn_knobs(|knobs| {
        knobs.qpm = 0;
        knobs.api_calls_per_month_max = 1;
    });
    let refused = api.post(GROUP_SEND, &message()).await;
    assert_eq!(refused.code(), (403, "Forbidden.AccessDenied.ApiCountLimitForOrg"));
    let upload = api.post(&format!("/media/upload?access_token={}", api.token), &json!({})).await;
    assert_eq!(upload.expect_ok()["errcode"], 90_020);
    // Tokens are free of charge.
    api.post("/v1.0/oauth2/accessToken", &json!({"appKey": APP, "appSecret": "sim-secret"}))
        .await
        .expect_ok();
}

#[tokio::test]
async fn a_banned_address_gets_neither_envelope() {
    let simulator = simulator(|knobs| knobs.ip_calls_max = 2).await;
    let api = Api::new(&simulator).await;
    api.post(GROUP_SEND, &message()).await.expect_ok();
    let banned = api.post(GROUP_SEND, &message()).await;
    assert_eq!((&banned.body["status"], &banned.body["punish"]), (&json!(1111), &json!("deny")));
    simulator.turn_knobs(|knobs| knobs.ip_ban_html = true);
    let banned = api.post("/v1.0/gateway/connections/open", &open_body()).await;
    assert!(banned.body.as_str().unwrap().starts_with("<!doctype html>"));
    simulator.turn_knobs(|knobs| knobs.ip_calls_max = 0);
    api.post(GROUP_SEND, &message()).await.expect_ok();
}

#[tokio::test]
async fn every_named_refusal_can_be_asked_for() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    for (limit, code) in [
        (Limit::QpsApp, "QpsLimitForAppkeyAndApi"),
        (Limit::QpmApp, "QpmLimitForAppkeyAndApi"),
        (Limit::QpsSuiteOrg, "QpsLimitForSuitekeyAndOrgAndApi"),
        (Limit::QpmSuiteOrg, "QpmLimitForSuitekeyAndOrgAndApi"),
        (Limit::QpsApi, "QpsLimitForApi"),
        (Limit::MonthOrg, "ApiCountLimitForOrg"),
    ] {
        simulator.add_fault(FaultRule::limited(GROUP_SEND, limit).times(1)).unwrap();
        let code = format!("Forbidden.AccessDenied.{code}");
        assert_eq!(api.post(GROUP_SEND, &message()).await.code(), (403, code.as_str()));
    }
    simulator.add_fault(FaultRule::system_busy(GROUP_SEND).times(1)).unwrap();
    assert_eq!(api.post(GROUP_SEND, &message()).await.code(), (500, "system.busy"));
    simulator.add_fault(FaultRule::scope_missing(GROUP_SEND, "some.scope").times(1)).unwrap();
    let refused = api.post(GROUP_SEND, &message()).await;
    assert_eq!(refused.body["accessdenieddetail"]["requiredScopes"], json!(["some.scope"]));
    simulator.add_fault(FaultRule::legacy("/robot/sendBySession", -1).times(1)).unwrap();
    let busy = api.post("/robot/sendBySession?session=x", &json!({})).await;
    assert_eq!((busy.status, &busy.body["errcode"]), (200, &json!(-1)));
    simulator.add_fault(FaultRule::ip_banned_html(403).times(1)).unwrap();
    assert!(api.post(GROUP_SEND, &message()).await.body.is_string());
}

#[tokio::test]
async fn overlapping_streaming_calls_can_be_refused() {
    let simulator = simulator(|knobs| knobs.concurrent_streaming_denied = true).await;
    let api = Api::new(&simulator).await;
    let card = json!({"cardTemplateId": OWN_TEMPLATE, "outTrackId": "c1", "callbackType": "STREAM",
                      "cardData": {"cardParamMap": {}}, "imRobotOpenSpaceModel": {}});
    api.post("/v1.0/card/instances", &card).await.expect_ok();
    simulator.add_fault(FaultRule::delay(STREAMING, 1_000).times(1)).unwrap();
    let chunk = |guid: &str| json!({"outTrackId": "c1", "guid": guid, "key": "content", "content": guid, "isFull": true});
    let (one, two) = (chunk("a"), chunk("b"));
    let second = async {
        simulator.wait_for(CAP, |seen| seen.calls_in_flight == 1).await.unwrap();
        api.put(STREAMING, &two).await
    };
    // The card was never delivered: streaming works all the same.
    let (first, second) = tokio::join!(api.put(STREAMING, &one), second);
    first.expect_ok();
    assert_eq!(second.code(), (403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"));
    assert_eq!(simulator.observe(|seen| seen.card("c1").unwrap().text.clone()), "a");
}

#[tokio::test]
async fn the_judge_sees_late_acks_too_many_answers_and_oversized_texts() {
    let simulator = simulator(|knobs| {
        knobs.ack_ms_max = 1;
        knobs.answers_per_message_max = 1;
        knobs.webhook_ttl_ms = 60_000;
    })
    .await;
    let api = Api::new(&simulator).await;
    let mut stream = Stream::connect(&simulator).await;
    simulator.push_text(APP, ann(), "hello").unwrap();
    let frame = stream.frame().await;
    let webhook = data_of(&frame)["sessionWebhook"].as_str().unwrap().to_owned();
    // Something that takes longer than the limit of 1 ms lies between the push and its acknowledgement.
    simulator.add_fault(FaultRule::delay("/robot/sendBySession", 20).times(1)).unwrap();
    let text = |text: &str| json!({"msgtype": "text", "text": {"content": text}});
    api.post(&webhook, &text("one")).await.expect_ok();
    assert!(simulator.observe(|seen| seen.violations.is_empty()));
    stream.ack(&frame).await;
    let kinds =
        |seen: &dingtalk_sim::Observed| seen.violations.iter().map(|one| one.kind).collect::<Vec<_>>();
    simulator.wait_for(CAP, |seen| kinds(seen) == [ViolationKind::LateAck]).await.unwrap();
    api.post(&webhook, &text("two")).await.expect_ok();
    api.post(&webhook, &text(&"x".repeat(20_001))).await.expect_ok();
    let image = json!({"robotCode": APP, "userIds": ["bob"], "msgKey": "sampleImageMsg", "msgParam": "{\"photoURL\":\"@lADnever\"}"});
    api.post("/v1.0/robot/oToMessages/batchSend", &image).await.expect_ok();
    let wanted = [
        ViolationKind::LateAck,
        ViolationKind::TooManyAnswers,
        ViolationKind::TooLong,
        ViolationKind::UnknownMedia,
        // Nobody had asked in that conversation.
        ViolationKind::TooManyAnswers,
    ];
    assert_eq!(simulator.observe(kinds), wanted);
}

#[tokio::test]
async fn calling_a_webhook_after_its_announced_end_is_a_violation_and_an_early_end_is_not() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    let mut stream = Stream::connect(&simulator).await;
    let text = json!({"msgtype": "text", "text": {"content": "x"}});
    simulator.push_text(APP, ann(), "hello").unwrap();
    let early = data_of(&stream.frame().await)["sessionWebhook"].as_str().unwrap().to_owned();
    simulator.expire_webhooks();
    assert_eq!(api.post(&early, &text).await.expect_ok()["errcode"], 300_001);
    assert!(simulator.observe(|seen| seen.violations.is_empty()));
    simulator.turn_knobs(|knobs| knobs.webhook_ttl_ms = 0);
    simulator.push_text(APP, ann(), "again").unwrap();
    let ended = data_of(&stream.frame().await)["sessionWebhook"].as_str().unwrap().to_owned();
    simulator.add_fault(FaultRule::delay("/robot/sendBySession", 20)).unwrap();
    assert_eq!(api.post(&ended, &text).await.expect_ok()["errcode"], 300_001);
    assert_eq!(
        simulator.observe(|seen| seen.violations.last().unwrap().kind),
        ViolationKind::WebhookAfterExpiry
    );
}

#[tokio::test]
async fn a_partial_markdown_text_is_a_violation() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    let card = json!({"cardTemplateId": OWN_TEMPLATE, "outTrackId": "c1", "callbackType": "STREAM",
                      "cardData": {"cardParamMap": {}}, "imRobotOpenSpaceModel": {}});
    api.post("/v1.0/card/instances", &card).await.expect_ok();
    let part = json!({"outTrackId": "c1", "guid": "g", "key": "content", "content": "x", "isFull": false});
    assert_eq!(api.put(STREAMING, &part).await.code(), (400, "param.stream.isFull"));
    assert_eq!(
        simulator.observe(|seen| seen.violations.last().unwrap().kind),
        ViolationKind::PartialMarkdown
    );
}

#[tokio::test]
async fn a_rejected_ua_is_named_and_an_xml_answer_needs_no_accept_header() {
    let simulator = simulator(|knobs| "bad-sdk".clone_into(&mut knobs.rejected_ua)).await;
    let api = Api::new(&simulator).await;
    let mut body = open_body();
    body["ua"] = json!("a-bad-sdk/1.0");
    let refused = api.post("/v1.0/gateway/connections/open", &body).await;
    assert_eq!(refused.code(), (400, "invalidParameter"));
    assert_eq!(
        (&refused.body["message"], refused.body["requestId"].is_string()),
        (&json!("ua invalid"), true)
    );
    let url = format!("{}/v1.0/gateway/connections/open", simulator.base_url());
    let answer = http().post(url).json(&open_body()).send().await.unwrap().text().await.unwrap();
    assert!(answer.starts_with("<?xml"));
}
