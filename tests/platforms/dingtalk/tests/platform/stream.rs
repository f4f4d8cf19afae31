//! Opening connections, tickets, pings, routing, acknowledgements, and redelivery.

use dingtalk_sim::{AtList, DeliveryCause, Origin, Push, ViolationKind};
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Error;

use crate::client::{APP, Answer, Api, CAP, Stream, ann, data_of, http, open_body, simulator, ticket_url};

const OPEN: &str = "/v1.0/gateway/connections/open";

async fn refused_with(url: &str) -> u16 {
    match connect_async(url).await {
        Err(Error::Http(response)) => response.status().as_u16(),
        other => panic!("expected a refused handshake, got {other:?}"),
    }
}

#[tokio::test]
async fn a_ticket_opens_exactly_one_connection() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    let opened = api.post(OPEN, &open_body()).await.expect_ok();
    let url = ticket_url(&opened);
    assert!(url.starts_with("ws://") && url.contains("/connect?ticket="));
    let first = connect_async(&url).await.unwrap();
    assert_eq!(refused_with(&url).await, 400);
    assert_eq!(refused_with(&url.replace("ticket=", "ticket=x")).await, 400);
    drop(first);
    simulator.stop().await;
}

#[tokio::test]
async fn an_old_ticket_is_refused() {
    let simulator = simulator(|knobs| knobs.ticket_ttl_ms = 0).await;
    let opened = Api::new(&simulator).await.post(OPEN, &open_body()).await.expect_ok();
    assert_eq!(refused_with(&ticket_url(&opened)).await, 400);
}

#[tokio::test]
async fn open_refuses_wrong_secrets_and_wrong_bodies() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    let with = |field: &str, value: Value| {
        let mut body = open_body();
        body[field] = value;
        body
    };
    let refused = api.post(OPEN, &with("clientSecret", json!("wrong"))).await;
    assert_eq!(refused.code(), (401, "authFailed"));
    assert!(refused.body["requestid"].is_string());
    assert_eq!(api.post(OPEN, &with("clientId", json!("other"))).await.code(), (401, "authFailed"));
    assert_eq!(api.post(OPEN, &with("clientSecret", json!(""))).await.code(), (400, "invalidParameter"));
    for subscriptions in [
        json!([]),
        Value::Null,
        json!([{"type": "NONE", "topic": "x"}]),
        json!([{"type": "EVENT", "topic": "a"}]),
    ] {
        assert_eq!(api.post(OPEN, &with("subscriptions", subscriptions)).await.code(), (400, "systemError"));
    }
    assert_eq!(api.post(OPEN, &Value::Null).await.code(), (400, "Missingbody"));
    let opens = simulator.observe(|seen| seen.opens.iter().filter(|open| open.status == 401).count());
    assert_eq!(opens, 2);
    assert_eq!(simulator.observe(|seen| seen.connections.len()), 0);
}

#[tokio::test]
async fn open_answers_xml_when_json_is_not_accepted() {
    let simulator = simulator(|_| {}).await;
    let url = format!("{}{OPEN}", simulator.base_url());
    let answer = Answer::of(http().post(url).json(&open_body()).send().await.unwrap()).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.as_str().unwrap().starts_with("<?xml"), "{}", answer.body);
}

#[tokio::test]
async fn pings_are_sent_and_their_answers_checked() {
    let simulator = simulator(|knobs| {
        knobs.ping_interval_ms = 30;
        knobs.pings_unanswered_max = u32::MAX;
    })
    .await;
    let mut stream = Stream::connect(&simulator).await;
    let ping = stream.frame().await;
    assert_eq!((&ping["type"], &ping["headers"]["topic"]), (&json!("SYSTEM"), &json!("ping")));
    assert!(data_of(&ping)["opaque"].is_string());
    stream.ack_with(&ping, ping["data"].as_str().unwrap()).await;
    simulator.wait_for(CAP, |seen| seen.connections.last().unwrap().pings_answered == 1).await.unwrap();
    let ping = stream.frame().await;
    stream.ack_with(&ping, "{}").await;
    let wrong = |seen: &dingtalk_sim::Observed| {
        seen.violations.iter().any(|violation| violation.kind == ViolationKind::WrongOpaque)
    };
    simulator.wait_for(CAP, wrong).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_answers_no_ping_is_closed() {
    let simulator = simulator(|knobs| knobs.ping_interval_ms = 20).await;
    let mut stream = Stream::connect(&simulator).await;
    assert_eq!(stream.end().await, Err(()));
    let reason = simulator.observe(|seen| seen.connections.last().unwrap().reason.clone());
    assert_eq!(reason.as_deref(), Some("pings unanswered"));
}

#[tokio::test]
async fn a_private_message_arrives_in_the_documented_shape() {
    let simulator = simulator(|_| {}).await;
    let mut stream = Stream::connect(&simulator).await;
    let pushed = simulator.push_text(APP, ann(), "hello").unwrap();
    let frame = stream.frame().await;
    assert_eq!(frame["type"], "CALLBACK");
    assert_eq!(frame["headers"]["topic"], "/v1.0/im/bot/messages/get");
    assert!(frame["headers"]["time"].is_string());
    let data = data_of(&frame);
    assert_eq!(data["msgId"], json!(pushed.msg_id));
    assert_eq!(data["conversationType"], "1");
    assert_eq!(data["senderStaffId"], "ann");
    assert_eq!(data["senderNick"], "Ann");
    assert_eq!(data["text"]["content"], "hello");
    assert_eq!(data["robotCode"], APP);
    assert!(data.get("isInAtList").is_none());
    let life = data["sessionWebhookExpiredTime"].as_u64().unwrap() - data["createAt"].as_u64().unwrap();
    assert!((5_390_000..=5_410_000).contains(&life));
    stream.ack(&frame).await;
    simulator.wait_for(CAP, |seen| seen.message(&pushed.msg_id).unwrap().acked.is_some()).await.unwrap();
}

#[tokio::test]
async fn unusual_messages_are_what_the_builder_says() {
    let simulator = simulator(|_| {}).await;
    let mut stream = Stream::connect(&simulator).await;
    let group = || Origin::group("cid-team==", "bob");
    simulator.push_text(APP, group(), " hi").unwrap();
    let data = data_of(&stream.frame().await);
    assert_eq!((&data["isInAtList"], &data["conversationType"]), (&json!(true), &json!("2")));
    assert!(data["conversationTitle"].is_string());
    simulator.push(Push::text(APP, group(), "x").at_list(AtList::No)).unwrap();
    assert_eq!(data_of(&stream.frame().await)["isInAtList"], json!(false));
    simulator.push(Push::text(APP, group(), "x").at_list(AtList::Absent)).unwrap();
    assert!(data_of(&stream.frame().await).get("isInAtList").is_none());
    simulator.push(Push::text(APP, ann(), "x").outsider().without_webhook().created_at_ms(7)).unwrap();
    let data = data_of(&stream.frame().await);
    assert!(data.get("senderStaffId").is_none() && data.get("sessionWebhook").is_none());
    assert_eq!(data["createAt"], json!(7));
    simulator.push(Push::rich_text(APP, ann(), &json!([{"text": "a"}, {"text": "b"}]))).unwrap();
    let data = data_of(&stream.frame().await);
    assert_eq!(
        (&data["msgtype"], &data["content"]["richText"][1]["text"]),
        (&json!("richText"), &json!("b"))
    );
    assert!(data.get("text").is_none());
    simulator
        .push(Push::text(APP, ann(), "x").field("isAdmin", Value::Null).field("extra", json!([1])))
        .unwrap();
    let data = data_of(&stream.frame().await);
    assert!(data.get("isAdmin").is_none());
    assert_eq!(data["extra"], json!([1]));
}

#[tokio::test]
async fn a_message_without_acknowledgement_comes_again_under_a_new_header_id() {
    let simulator = simulator(|knobs| knobs.redelivery_after_ms = 40).await;
    let mut stream = Stream::connect(&simulator).await;
    let pushed = simulator.push_text(APP, ann(), "again").unwrap();
    let (first, second) = (stream.frame().await, stream.frame().await);
    assert_eq!(data_of(&first)["msgId"], data_of(&second)["msgId"]);
    assert_ne!(first["headers"]["messageId"], second["headers"]["messageId"]);
    simulator.wait_for(CAP, |seen| seen.message(&pushed.msg_id).unwrap().given_up).await.unwrap();
    assert_eq!(simulator.observe(|seen| seen.message(&pushed.msg_id).unwrap().deliveries.len()), 2);
}

#[tokio::test]
async fn a_swallowed_acknowledgement_leads_to_a_repeat_until_one_counts() {
    let simulator = simulator(|knobs| {
        knobs.redelivery_after_ms = 30;
        knobs.redelivery_max = u32::MAX;
    })
    .await;
    simulator.swallow_acks(2);
    let mut stream = Stream::connect(&simulator).await;
    let pushed = simulator.push_text(APP, ann(), "x").unwrap();
    for _ in 0..3 {
        let frame = stream.frame().await;
        stream.ack(&frame).await;
    }
    simulator.wait_for(CAP, |seen| seen.message(&pushed.msg_id).unwrap().acked.is_some()).await.unwrap();
    let swallowed = simulator.observe(|seen| {
        seen.message(&pushed.msg_id).unwrap().deliveries.iter().filter(|delivery| delivery.swallowed).count()
    });
    assert_eq!(swallowed, 2);
}

#[tokio::test]
async fn a_message_that_found_nobody_is_delivered_by_its_repeat() {
    let simulator = simulator(|knobs| {
        knobs.redelivery_after_ms = 50;
        knobs.redelivery_max = u32::MAX;
    })
    .await;
    let pushed = simulator.push_text(APP, ann(), "early").unwrap();
    let mut stream = Stream::connect(&simulator).await;
    assert_eq!(data_of(&stream.frame().await)["msgId"], json!(pushed.msg_id));
    let first =
        simulator.observe(|seen| seen.message(&pushed.msg_id).unwrap().deliveries[0].connection.clone());
    assert_eq!(first, None);
}

#[tokio::test]
async fn a_duplicate_has_the_same_message_id() {
    let simulator = simulator(|_| {}).await;
    let mut stream = Stream::connect(&simulator).await;
    let pushed = simulator.push_text(APP, ann(), "x").unwrap();
    let first = stream.frame().await;
    stream.ack(&first).await;
    assert!(simulator.duplicate(&pushed.msg_id));
    let second = stream.frame().await;
    assert_eq!(data_of(&first)["msgId"], data_of(&second)["msgId"]);
    let cause = simulator.observe(|seen| seen.message(&pushed.msg_id).unwrap().deliveries[1].cause);
    assert_eq!(cause, DeliveryCause::Duplicate);
    assert!(!simulator.duplicate("unknown"));
}

#[tokio::test]
async fn pushes_are_shared_among_all_connections() {
    let simulator = simulator(|_| {}).await;
    let _streams = (Stream::connect(&simulator).await, Stream::connect(&simulator).await);
    for number in 0..40 {
        simulator.push_text(APP, ann(), &number.to_string()).unwrap();
    }
    simulator.observe(|seen| assert!(seen.connections.iter().all(|connection| connection.pushes >= 8)));
}

#[tokio::test]
async fn an_acknowledgement_on_another_connection_does_not_count() {
    let simulator = simulator(|_| {}).await;
    let mut first = Stream::connect(&simulator).await;
    let pushed = simulator.push_text(APP, ann(), "x").unwrap();
    let frame = first.frame().await;
    let mut second = Stream::connect(&simulator).await;
    second.ack(&frame).await;
    second.text("no json").await;
    simulator.wait_for(CAP, |seen| seen.violations.len() == 2).await.unwrap();
    let kinds: Vec<_> = simulator.observe(|seen| seen.violations.iter().map(|one| one.kind).collect());
    assert_eq!(kinds, [ViolationKind::WrongConnection, ViolationKind::MalformedFrame]);
    assert!(simulator.observe(|seen| seen.message(&pushed.msg_id).unwrap().acked.is_none()));
}

#[tokio::test]
async fn a_thousand_messages_with_duplicates_and_lost_acknowledgements_all_get_acknowledged() {
    let simulator = simulator(|knobs| {
        knobs.redelivery_after_ms = 100;
        knobs.redelivery_max = u32::MAX;
        knobs.duplicate_rate = 0.1;
        knobs.swallow_rate = 0.05;
    })
    .await;
    let mut stream = Stream::connect(&simulator).await;
    let client = tokio::spawn(async move {
        loop {
            let frame = stream.frame().await;
            stream.ack(&frame).await;
        }
    });
    for number in 0..1_000_u32 {
        let origin = Origin::private(&format!("cid{}==", number % 100), &format!("person{}", number % 100));
        simulator.push_text(APP, origin, &number.to_string()).unwrap();
    }
    let all = |seen: &dingtalk_sim::Observed| seen.summary().messages_acked == 1_000;
    simulator.wait_for(CAP, all).await.unwrap();
    simulator.observe(|seen| {
        let has = |cause: DeliveryCause| {
            seen.messages
                .iter()
                .flat_map(|message| &message.deliveries)
                .any(|delivery| delivery.cause == cause)
        };
        assert!(has(DeliveryCause::Duplicate) && has(DeliveryCause::Redelivery));
        assert_eq!(seen.conversations.values().filter(|one| one.person.is_some()).count(), 100);
        assert!(seen.violations.is_empty());
    });
    client.abort();
}

#[tokio::test]
async fn system_frames_that_ask_for_nothing_are_sent_on_request() {
    let simulator = simulator(|knobs| {
        knobs.registered_frame = true;
        knobs.keepalive_interval_ms = 10;
    })
    .await;
    let mut stream = Stream::connect(&simulator).await;
    for topic in ["REGISTERED", "KEEPALIVE", "KEEPALIVE"] {
        let frame = stream.frame().await;
        assert_eq!((&frame["type"], &frame["headers"]["topic"]), (&json!("SYSTEM"), &json!(topic)));
    }
}

/// The official Python SDK reads the data of a ping and writes it again with a blank after the colon.
#[tokio::test]
async fn a_ping_answer_may_be_spelled_in_another_way() {
    let simulator = simulator(|knobs| knobs.ping_interval_ms = 30).await;
    let mut stream = Stream::connect(&simulator).await;
    let ping = stream.frame().await;
    let opaque = data_of(&ping)["opaque"].as_str().unwrap().to_owned();
    stream.ack_with(&ping, &format!("{{\"opaque\": \"{opaque}\"}}")).await;
    simulator.wait_for(CAP, |seen| seen.connections.last().unwrap().pings_answered == 1).await.unwrap();
    assert!(simulator.observe(|seen| seen.violations.is_empty()));
}

#[tokio::test]
async fn a_disconnect_can_come_without_a_message_id() {
    let simulator = simulator(|knobs| knobs.disconnect_grace_ms = 10).await;
    let mut stream = Stream::connect(&simulator).await;
    assert_eq!(simulator.disrupt_all(dingtalk_sim::Disruption::BareDisconnect), 1);
    let frame = stream.frame().await;
    assert_eq!(frame["headers"]["topic"], "disconnect");
    assert!(frame["headers"].get("messageId").is_none());
    assert_eq!(stream.end().await, Err(()));
}
