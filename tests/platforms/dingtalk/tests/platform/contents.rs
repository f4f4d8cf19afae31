//! Everything besides plain text: each kind of message, quotes, and pushes without quota.

use dingtalk_sim::{OWN_TEMPLATE, Push, QuotaShape, Simulator};
use serde_json::{Value, json};

use crate::client::{APP, Api, Stream, ann, data_of, simulator};

/// Pushes by the control API and returns the callback's `data`.
async fn pushed(api: &Api, stream: &mut Stream, fields: Value) -> Value {
    let mut body = json!({"app": APP, "origin": {"kind": "private", "sender": "ann"}});
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    api.post("/sim/api/push", &body).await.expect_ok();
    data_of(&stream.frame().await)
}

async fn start() -> (Simulator, Api, Stream) {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    let stream = Stream::connect(&simulator).await;
    (simulator, api, stream)
}

#[tokio::test]
async fn every_kind_of_message_has_its_documented_body() {
    let (_simulator, api, mut stream) = start().await;
    let file = json!({"name": "a.bin", "text": "hello"});
    for (content, msgtype, fields) in [
        (json!({"kind": "picture", "file": file}), "picture", vec!["downloadCode", "pictureDownloadCode"]),
        (
            json!({"kind": "file", "file": file, "in_space": true}),
            "file",
            vec!["downloadCode", "fileName", "spaceId", "fileId"],
        ),
        (
            json!({"kind": "audio", "file": file, "recognition": "hi"}),
            "audio",
            vec!["downloadCode", "duration", "recognition"],
        ),
        (
            json!({"kind": "video", "file": file, "duration": "5"}),
            "video",
            vec!["downloadCode", "duration", "videoType"],
        ),
        (json!({"kind": "unknown"}), "unknownMsgType", vec!["unknownMsgType"]),
        (json!({"kind": "markdown", "text": "# x"}), "markdown", vec!["text"]),
        (
            json!({"kind": "interactive_card", "url": "dingtalk://x"}),
            "interactiveCard",
            vec!["biz_custom_action_url"],
        ),
        (json!({"kind": "action_card", "title": "t", "text": "x"}), "actionCard", vec!["title", "text"]),
        (
            json!({"kind": "chat_record", "title": "t", "summary": "s"}),
            "chatRecord",
            vec!["title", "summary", "chatRecord"],
        ),
        (json!({"kind": "reply", "text": "x"}), "reply", vec!["text"]),
    ] {
        let data = pushed(&api, &mut stream, json!({"content": content})).await;
        assert_eq!(data["msgtype"], msgtype);
        assert!(data.get("text").is_none(), "{msgtype} has no text object");
        for field in fields {
            assert!(!data["content"][field].is_null(), "{msgtype} lacks {field}: {data}");
        }
    }
    let data =
        pushed(&api, &mut stream, json!({"content": {"kind": "markdown", "text": "# x", "in_text": true}}))
            .await;
    assert_eq!(data["text"]["content"], "# x");
    let data = pushed(&api, &mut stream, json!({"content": {"kind": "audio", "file": file}})).await;
    assert_eq!((&data["content"]["duration"], data["content"].get("recognition")), (&json!(4000), None));
}

#[tokio::test]
async fn a_rich_text_keeps_the_order_of_its_elements() {
    let (simulator, api, mut stream) = start().await;
    let elements = json!([{"kind": "text", "text": "look "}, {"kind": "picture", "file": {"name": "a.png", "base64": "aGk="}},
                          {"kind": "at", "name": "Bob", "user": "bob"}]);
    let data =
        pushed(&api, &mut stream, json!({"content": {"kind": "rich_text", "elements": elements}})).await;
    let rich = data["content"]["richText"].as_array().unwrap();
    assert_eq!((&rich[0], &rich[1]["type"]), (&json!({"text": "look "}), &json!("picture")));
    assert_eq!(rich[2], json!({"type": "at", "atName": "Bob", "atUserId": "bob"}));
    let (text, files) = simulator.observe(|seen| {
        let message = seen.messages.last().unwrap();
        (message.text.clone(), message.files.clone())
    });
    assert_eq!((text.as_str(), files[0].size), ("look ", 2));
    assert_eq!(rich[1]["downloadCode"], json!(files[0].download_code));
    let wrong = json!({"app": APP, "origin": {"kind": "private", "sender": "ann"},
                       "content": {"kind": "picture", "file": {"name": "a", "base64": "%"}}});
    assert_eq!(api.post("/sim/api/push", &wrong).await.status, 422);
}

#[tokio::test]
async fn quotes_have_all_their_shapes() {
    let (simulator, api, mut stream) = start().await;
    let quoted =
        json!({"text": "and this?", "quote": {"of": {"kind": "text", "text": "old"}, "msg_id": "msgOld=="}});
    let data = pushed(&api, &mut stream, quoted).await;
    assert_eq!((&data["text"]["content"], &data["text"]["isReplyMsg"]), (&json!("and this?"), &json!(true)));
    let replied = &data["text"]["repliedMsg"];
    assert_eq!((&replied["msgType"], &replied["content"]), (&json!("text"), &json!({"text": "old"})));
    assert_eq!((&replied["msgId"], &data["originalMsgId"]), (&json!("msgOld=="), &json!("msgOld==")));

    let file = json!({"kind": "file", "file": {"name": "a.pdf", "text": "x"}, "in_space": true});
    let as_text = json!({"text": "?", "quote": {"of": {"kind": "message", "content": file}, "content_as_text": true, "without_type": true}});
    let data = pushed(&api, &mut stream, as_text).await;
    let replied = &data["text"]["repliedMsg"];
    assert!(replied.get("msgType").is_none());
    let content: Value = serde_json::from_str(replied["content"].as_str().unwrap()).unwrap();
    assert!(content["downloadCode"].is_string() && content["fileName"] == "a.pdf");

    let rich = json!({"content": {"kind": "rich_text", "elements": [{"kind": "text", "text": "hi"}]}, "quote": {"of": {"kind": "unknown"}}});
    let data = pushed(&api, &mut stream, rich).await;
    assert_eq!(data["content"]["repliedMsg"]["msgType"], "unknownMsgType");
    assert!(data["content"]["repliedMsg"].get("content").is_none() && data.get("text").is_none());

    let card = json!({"cardTemplateId": OWN_TEMPLATE, "outTrackId": "c1", "callbackType": "STREAM",
        "cardData": {"cardParamMap": {}}, "openSpaceId": "dtv1.card//IM_ROBOT.ann", "imRobotOpenSpaceModel": {},
        "imRobotOpenDeliverModel": {"spaceType": "IM_ROBOT", "robotCode": APP}});
    let made = api.post("/v1.0/card/instances/createAndDeliver", &card).await.expect_ok();
    let data = pushed(
        &api,
        &mut stream,
        json!({"text": "?", "quote": {"of": {"kind": "card", "out_track_id": "c1"}}}),
    )
    .await;
    assert_eq!(data["originalProcessQueryKey"], made["result"]["deliverResults"][0]["carrierId"]);
    assert_eq!(data["text"]["repliedMsg"]["msgType"], "interactiveCard");
    assert_eq!(simulator.observe(|seen| seen.messages.len()), 4);
}

#[tokio::test]
async fn pushes_beyond_the_quota_come_without_content() {
    let simulator = simulator(|knobs| knobs.pushes_per_month_max = 1).await;
    let mut stream = Stream::connect(&simulator).await;
    simulator.push_text(APP, ann(), "first").unwrap();
    assert_eq!(data_of(&stream.frame().await)["text"]["content"], "first");
    simulator.push_text(APP, ann(), "second").unwrap();
    let data = data_of(&stream.frame().await);
    assert_eq!((&data["errCode"], data.get("text")), (&json!("20001"), None));
    simulator.push(Push::text(APP, ann(), "x").without_quota(QuotaShape::Error)).unwrap();
    assert_eq!(data_of(&stream.frame().await)["errorCode"], "20001");
}
