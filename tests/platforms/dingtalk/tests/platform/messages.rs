//! Plain replies: session webhook and robot API.

use dingtalk_sim::{Origin, Simulator, Via};
use serde_json::{Value, json};

use crate::client::{APP, Api, Stream, ann, data_of, simulator};

async fn webhook_of(simulator: &Simulator) -> String {
    let mut stream = Stream::connect(simulator).await;
    simulator.push_text(APP, ann(), "hello").unwrap();
    data_of(&stream.frame().await)["sessionWebhook"].as_str().unwrap().to_owned()
}

fn errcode(body: &Value) -> i64 {
    body["errcode"].as_i64().unwrap()
}

#[tokio::test]
async fn a_webhook_reply_appears_in_its_conversation() {
    let simulator = simulator(|_| {}).await;
    let (url, api) = (webhook_of(&simulator).await, Api::new(&simulator).await);
    let text = json!({"msgtype": "text", "text": {"content": "plain"}});
    assert_eq!(errcode(&api.post(&url, &text).await.expect_ok()), 0);
    let markdown = json!({"msgtype": "markdown", "markdown": {"title": "t", "text": "**rich**"},
                          "at": {"atUserIds": ["ann"]}});
    assert_eq!(errcode(&api.post(&url, &markdown).await.expect_ok()), 0);
    simulator.observe(|seen| {
        assert_eq!(seen.robot_texts("cidAnn=="), ["plain", "**rich**"]);
        let last = seen.conversation("cidAnn==").unwrap().replies().next_back().unwrap();
        assert_eq!((last.via, last.at_user_ids.as_slice()), (Via::Webhook, ["ann".to_owned()].as_slice()));
    });
}

#[tokio::test]
async fn webhook_failures_are_errcodes_in_http_200() {
    let simulator = simulator(|_| {}).await;
    let (url, api) = (webhook_of(&simulator).await, Api::new(&simulator).await);
    let text = |text: &str| json!({"msgtype": "text", "text": {"content": text}});
    assert_eq!(errcode(&api.post(&url, &text(&"x".repeat(20_001))).await.expect_ok()), 460_101);
    assert_eq!(errcode(&api.post(&url, &text("")).await.expect_ok()), 40_035);
    assert_eq!(errcode(&api.post(&url, &json!({"msgtype": "image"})).await.expect_ok()), 400_105);
    assert_eq!(errcode(&api.post(&url, &Value::Null).await.expect_ok()), 43_004);
    assert_eq!(errcode(&api.post(&format!("{url}x"), &text("a")).await.expect_ok()), 300_001);
    simulator.expire_webhooks();
    assert_eq!(errcode(&api.post(&url, &text("a")).await.expect_ok()), 300_001);
    assert!(simulator.observe(|seen| seen.robot_texts("cidAnn==").is_empty()));
    let failed = simulator.observe(|seen| seen.calls_on("/robot/sendBySession").failed);
    assert_eq!(failed, 6);
}

#[tokio::test]
async fn a_private_message_by_api_reaches_known_people_only() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    simulator.push_text(APP, Origin::private("cidNew==", "newcomer"), "hi").unwrap();
    let path = "/v1.0/robot/oToMessages/batchSend";
    let body = |field: &str, value: Value| {
        let mut body = json!({"robotCode": APP, "userIds": ["newcomer", "nobody"], "msgKey": "sampleMarkdown",
                              "msgParam": "{\"title\":\"t\",\"text\":\"body\"}"});
        body[field] = value;
        body
    };
    let sent = api.post(path, &body("x", Value::Null)).await.expect_ok();
    assert_eq!(sent["invalidStaffIdList"], json!(["nobody"]));
    assert!(sent["processQueryKey"].is_string());
    assert_eq!(simulator.observe(|seen| seen.robot_texts("cidNew==")), ["body"]);
    for (field, value, code) in [
        ("robotCode", json!(""), "invalidParameter.robotCode.empty"),
        ("robotCode", json!("other"), "invalidParameter.robotCode.notExsit"),
        ("userIds", json!([]), "invalidParameter.userIds.empty"),
        ("userIds", json!(vec!["ann"; 21]), "invalidParameter.userIds.overMax"),
        ("msgKey", json!(""), "invalidParameter.msgKey.empty"),
        ("msgKey", json!("sampleNothing"), "invalidParameter.msgKey.invalid"),
        ("msgParam", json!("no json"), "invalidParameter.msgParam.invalid"),
        (
            "msgParam",
            json!({"title": "object", "text": "instead of text"}),
            "invalidParameter.msgParam.invalid",
        ),
        ("msgParam", json!("{\"title\":\"t\"}"), "miss.param.text"),
        ("msgParam", json!("x".repeat(15_001)), "invalidParameter.msgParam.tooLong"),
    ] {
        assert_eq!(api.post(path, &body(field, value)).await.code(), (400, code));
    }
}

#[tokio::test]
async fn a_group_message_by_api_needs_a_group() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    let path = "/v1.0/robot/groupMessages/send";
    let body = |group: &str| {
        json!({"robotCode": APP, "openConversationId": group, "msgKey": "sampleText",
               "msgParam": "{\"content\":\"to all\"}"})
    };
    assert!(api.post(path, &body("cid-team==")).await.expect_ok()["processQueryKey"].is_string());
    assert_eq!(simulator.observe(|seen| seen.robot_texts("cid-team==")), ["to all"]);
    assert_eq!(api.post(path, &body("")).await.code(), (400, "miss.openConversationId"));
    let unknown = api.post(path, &body("cidX==")).await;
    assert_eq!(unknown.code(), (400, "invalidParameter.openConversationId.invalid"));
}
