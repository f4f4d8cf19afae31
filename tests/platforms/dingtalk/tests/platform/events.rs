//! Events, recall, read status, reactions, and the robots of a group.

use dingtalk_sim::{EventOutcome, Origin, PlatformEvent, Simulator};
use serde_json::{Value, json};

use crate::client::{APP, Api, CAP, Stream, data_of, open_body, simulator, ticket_url};

async fn event_stream(simulator: &Simulator, api: &Api) -> Stream {
    let mut body = open_body();
    body["subscriptions"] = json!([{"type": "EVENT", "topic": "*"}]);
    let before = simulator.observe(|seen| seen.connections.len());
    let opened = api.post("/v1.0/gateway/connections/open", &body).await.expect_ok();
    let (socket, _) = tokio_tungstenite::connect_async(ticket_url(&opened)).await.unwrap();
    simulator.wait_for(CAP, |seen| seen.connections.len() > before).await.unwrap();
    Stream { socket }
}

fn event(event_type: &str) -> PlatformEvent {
    serde_json::from_value(json!({"app": APP, "event_type": event_type, "data": {"robotCode": APP}})).unwrap()
}

async fn outcome(simulator: &Simulator, number: u64, wanted: EventOutcome) {
    simulator.wait_for(CAP, |seen| seen.events.numbered(number).unwrap().outcome == wanted).await.unwrap();
}

#[tokio::test]
async fn an_event_is_repeated_after_later_and_consumed_after_success() {
    let simulator = simulator(|knobs| knobs.event_first_retry_ms = 10).await;
    let api = Api::new(&simulator).await;
    // Subscribed to messages only: gets no events.
    let _messages = Stream::connect(&simulator).await;
    let mut stream = event_stream(&simulator, &api).await;
    let number = simulator.event(event("robot_msg_recall")).unwrap();
    let first = stream.frame().await;
    let headers = &first["headers"];
    assert_eq!((&first["type"], &headers["topic"]), (&json!("EVENT"), &json!("*")));
    assert_eq!(
        (&headers["eventType"], &headers["eventCorpId"]),
        (&json!("robot_msg_recall"), &json!("dingsimcorp"))
    );
    assert!(headers["eventBornTime"].is_string() && headers.get("appId").is_none());
    assert_eq!(data_of(&first), json!({"robotCode": APP}));
    stream.ack_with(&first, "{\"status\":\"LATER\",\"message\":\"busy\"}").await;
    let second = stream.frame().await;
    assert_eq!(second["headers"]["eventId"], headers["eventId"]);
    assert_ne!(second["headers"]["messageId"], headers["messageId"]);
    stream.ack_with(&second, "{\"status\":\"SUCCESS\"}").await;
    outcome(&simulator, number, EventOutcome::Consumed).await;
    assert!(simulator.observe(|seen| seen.violations.is_empty()));
}

#[tokio::test]
async fn an_event_that_nobody_consumes_ends_in_the_failed_list() {
    let simulator = simulator(|knobs| {
        knobs.event_answer_ms_max = 10;
        knobs.event_first_retry_ms = 10;
        knobs.event_second_retry_ms = 10;
    })
    .await;
    let api = Api::new(&simulator).await;
    let mut stream = event_stream(&simulator, &api).await;
    let body = json!({"app": APP, "event_type": "robot_msg_read", "event_id": "e1"});
    let number = api.post("/sim/api/events", &body).await.expect_ok()["number"].as_u64().unwrap();
    for _ in 0..3 {
        assert_eq!(stream.frame().await["headers"]["eventId"], "e1");
    }
    outcome(&simulator, number, EventOutcome::Failed).await;
    let path = format!("/call_back/get_call_back_failed_result?access_token={}", api.token);
    let failed = api.get(&path).await.expect_ok();
    assert_eq!((&failed["errcode"], &failed["failed_list"][0]["eventId"]), (&json!(0), &json!("e1")));
    let unknown = json!({"app": "nobody", "event_type": "x"});
    assert_eq!(api.post("/sim/api/events", &unknown).await.status, 404);
}

async fn send(api: &Api, path: &str, target: (&str, Value)) -> String {
    let mut body = json!({"robotCode": APP, "msgKey": "sampleText", "msgParam": "{\"content\":\"hi\"}"});
    body[target.0] = target.1;
    api.post(path, &body).await.expect_ok()["processQueryKey"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_private_message_is_read_and_taken_back() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    let key = send(&api, "/v1.0/robot/oToMessages/batchSend", ("userIds", json!(["ann", "bob"]))).await;
    assert!(simulator.read(&key, "bob"));
    let path = format!("/v1.0/robot/oToMessages/readStatus?robotCode={APP}&processQueryKey={key}");
    let status = api.get(&path).await.expect_ok();
    assert_eq!(status["sendStatus"], "SUCCESS");
    let read: Vec<_> =
        status["messageReadInfoList"].as_array().unwrap().iter().map(|one| &one["readStatus"]).collect();
    assert_eq!(read, [&json!("UNREAD"), &json!("READ")]);
    let recall = json!({"robotCode": APP, "processQueryKeys": [key, "unknown"]});
    let answer = api.post("/v1.0/robot/otoMessages/batchRecall", &recall).await.expect_ok();
    assert_eq!(
        (&answer["successResult"], &answer["failedResult"]["unknown"]),
        (&json!([key]), &json!("message not exist"))
    );
    assert!(simulator.observe(|seen| seen.robot_texts("cid-ding-sim-app-ann==").is_empty()));
    assert_eq!(api.get(&path).await.expect_ok()["sendStatus"], "RECALLED");
    let again = api.post("/v1.0/robot/otoMessages/batchRecall", &recall).await.expect_ok();
    assert_eq!(again["failedResult"][&key], "message is recalled");
}

#[tokio::test]
async fn a_group_message_is_queried_page_by_page_and_taken_back() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    let target = ("openConversationId", json!("cid-team=="));
    let key = send(&api, "/v1.0/robot/groupMessages/send", target).await;
    for user in ["ann", "bob", "ann"] {
        api.post(&format!("/sim/api/sent/{key}/read"), &json!({"user": user})).await.expect_ok();
    }
    let query = |token: &str| json!({"openConversationId": "cid-team==", "robotCode": APP, "processQueryKey": key, "maxResults": 1, "nextToken": token});
    let path = "/v1.0/robot/groupMessages/query";
    let first = api.post(path, &query("")).await.expect_ok();
    assert_eq!((&first["readUserIds"], &first["hasMore"]), (&json!(["ann"]), &json!(true)));
    let second = api.post(path, &query(first["nextToken"].as_str().unwrap())).await.expect_ok();
    assert_eq!((&second["readUserIds"], &second["hasMore"]), (&json!(["bob"]), &json!(false)));
    let recall =
        |group: &str| json!({"robotCode": APP, "openConversationId": group, "processQueryKeys": [key]});
    let elsewhere = api.post("/v1.0/robot/groupMessages/recall", &recall("cid-support==")).await.expect_ok();
    assert_eq!(elsewhere["successResult"], json!([]));
    let answer = api.post("/v1.0/robot/groupMessages/recall", &recall("cid-team==")).await.expect_ok();
    assert_eq!(answer["successResult"], json!([key]));
    assert!(simulator.observe(|seen| seen.robot_texts("cid-team==").is_empty()));
}

#[tokio::test]
async fn a_robot_reacts_to_a_message_and_takes_it_back() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    let pushed = simulator.push_text(APP, Origin::group("cid-team==", "ann"), "hi").unwrap();
    let body = |msg_id: &str| {
        json!({"robotCode": APP, "openMsgId": msg_id, "openConversationId": "cid-team==", "emotionType": 2,
               "emotionName": "thinking", "textEmotion": {"emotionId": "2659900", "emotionName": "thinking"}})
    };
    let (reply, recall) = ("/v1.0/robot/emotion/reply", "/v1.0/robot/emotion/recall");
    assert_eq!(api.post(reply, &body(&pushed.msg_id)).await.expect_ok(), json!({"success": true}));
    assert_eq!(simulator.observe(|seen| seen.reactions_to(&pushed.msg_id)), ["thinking"]);
    assert_eq!(api.post(reply, &body("unknown")).await.code(), (500, "system.err"));
    api.post(recall, &body(&pushed.msg_id)).await.expect_ok();
    assert!(simulator.observe(|seen| seen.reactions_to(&pushed.msg_id)).is_empty());
    assert_eq!(api.post(recall, &body(&pushed.msg_id)).await.status, 500);
}

#[tokio::test]
async fn the_robots_of_a_group_are_listed_with_their_own_scope() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    let path = "/v1.0/robot/groups/robots/query";
    let body = json!({"openConversationId": "cid-team=="});
    let listed = api.post(path, &body).await.expect_ok();
    assert_eq!(listed["chatbotInstanceVOList"][0]["robotCode"], APP);
    simulator.replace_scopes(APP, &["qyapi_robot_sendmsg"]);
    let refused = api.post(path, &body).await;
    assert_eq!(refused.code(), (403, "Forbidden.AccessDenied.AccessTokenPermissionDenied"));
    assert_eq!(refused.body["accessdenieddetail"]["requiredScopes"], json!(["qyapi_chat_manage"]));
}
