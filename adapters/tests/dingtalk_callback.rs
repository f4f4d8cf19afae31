//! Robot messages as DingTalk pushes them, decoded into the domain's model: the payloads of the fact sheet, §3.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code: a test fails by panicking")]

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};
use switchboard_adapters::dingtalk::callback::{CallbackError, Pushed, decode};
use switchboard_domain::content::{Content, Piece};
use switchboard_domain::message::{Body, ChatKind, Inbound, TEXT_BYTES_MAX};
use switchboard_domain::time::Timestamp;

const PUSHED: Pushed<'static> = Pushed { message_id: Some("push-1"), at: Timestamp::from_millis(5) };

fn decoded(message: &Value) -> Result<Inbound, CallbackError> {
    decode(&message.to_string(), PUSHED)
}

fn private() -> Value {
    json!({
        "senderPlatform": "Win", "conversationId": "cidP1==", "chatbotCorpId": "dingcorp",
        "chatbotUserId": "$:LWCP_v1:$bot", "openThreadId": "cidP1==", "msgId": "msgA==", "senderNick": "Ann",
        "isAdmin": true, "senderStaffId": "manager807", "sessionWebhookExpiredTime": 1_769_857_097_744_u64,
        "createAt": 1_769_851_697_611_u64, "senderCorpId": "dingcorp", "conversationType": "1",
        "senderId": "$:LWCP_v1:$ann",
        "sessionWebhook": "https://oapi.dingtalk.com/robot/sendBySession?session=0123456789abcdef",
        "text": {"content": "hello"}, "robotCode": "dingabc123example", "msgtype": "text",
    })
}

fn group() -> Value {
    json!({
        "conversationId": "cidG1==", "conversationType": "2", "conversationTitle": "Test group", "isInAtList": true,
        "atUsers": [{"dingtalkId": "$:LWCP_v1:$bot"},
            {"dingtalkId": "$:LWCP_v1:$bob", "staffId": "bob01", "unionId": "uBob"}],
        "chatbotUserId": "$:LWCP_v1:$bot", "text": {"content": " hello"}, "msgtype": "text", "msgId": "msgB==",
        "robotCode": "dingabc123example", "senderStaffId": "manager807", "senderNick": "Ann",
        "senderId": "$:LWCP_v1:$ann", "createAt": 1_769_851_700_000_u64,
        "sessionWebhook": "https://oapi.dingtalk.com/robot/sendBySession?session=x",
        "sessionWebhookExpiredTime": 1_769_857_100_080_u64,
    })
}

/// `base` with fields replaced; `null` takes one out.
fn with(base: Value, changes: Value) -> Value {
    let (Value::Object(mut fields), Value::Object(changes)) = (base, changes) else {
        return Value::Null;
    };
    fields.extend(changes);
    fields.retain(|_, value| !value.is_null());
    Value::Object(fields)
}

fn text(words: &str) -> Body {
    Body::Content(Content::of_text(words))
}

fn words(body: Body) -> String {
    let Body::Content(content) = body else { panic!("content") };
    content.words().unwrap()
}

#[test]
fn a_private_text_is_taken_whole() {
    let message = decoded(&private()).unwrap();
    assert_eq!(message.id.as_str(), "msgA==");
    assert_eq!((message.chat.id.as_str(), message.chat.kind), ("cidP1==", ChatKind::Private));
    assert_eq!(message.chat.title, None);
    assert_eq!(message.sender.im_user_id.as_deref(), Some("manager807"));
    assert_eq!(message.sender.opaque_id, "$:LWCP_v1:$ann");
    assert_eq!(message.sender.name, "Ann");
    assert_eq!(message.body, text("hello"));
    assert_eq!(message.mentioned, None);
    assert_eq!(message.sent_at, Timestamp::from_millis(1_769_851_697_611));
    let address = message.session_address.unwrap();
    assert_eq!(
        address.url.expose(),
        "https://oapi.dingtalk.com/robot/sendBySession?session=0123456789abcdef"
    );
    assert_eq!(address.until, Timestamp::from_millis(1_769_857_097_744));
}

#[test]
fn a_group_text_is_trimmed_and_knows_that_the_bot_is_mentioned() {
    let message = decoded(&group()).unwrap();
    assert_eq!(message.chat.kind, ChatKind::Group);
    assert_eq!(message.chat.title.as_deref(), Some("Test group"));
    assert_eq!(message.mentioned, Some(true));
    assert_eq!(message.body, text("hello"));
}

#[rstest]
#[case::bare_mention(json!({"content": " "}), "")]
#[case::no_text(Value::Null, "")]
#[case::json_text(Value::from("{\"content\":\" hi\"}"), "hi")]
#[case::just_a_text(Value::from(" hi"), "hi")]
#[case::another_leads(json!({"content": " @bob please look"}), "@bob please look")]
fn the_text_of_a_text_message(#[case] given: Value, #[case] expected: &str) {
    let message = with(group(), json!({"text": given}));
    assert_eq!(decoded(&message).unwrap().body, text(expected));
}

#[rstest]
#[case::in_the_text(json!([{"dingtalkId": "$:LWCP_v1:$bot"}]), json!([{"text": "@Bot hello"}]), "hello")]
#[case::of_its_own(
    json!([{"dingtalkId": "$:LWCP_v1:$bot"}]),
    json!([{"text": "@Bot"}, {"text": "\u{2005}hello @bob"}]),
    "hello @bob",
)]
#[case::alone(json!([{"dingtalkId": "$:LWCP_v1:$bot"}]), json!([{"text": "@Bot"}]), "")]
#[case::others_too(
    json!([{"dingtalkId": "$:LWCP_v1:$bot"}, {"dingtalkId": "$:LWCP_v1:$bob"}]),
    json!([{"text": "@Bob @Bot hi"}]),
    "@Bob @Bot hi",
)]
#[case::only_another(json!([{"dingtalkId": "$:LWCP_v1:$bob"}]), json!([{"text": "@Bob hi"}]), "@Bob hi")]
#[case::no_list(Value::Null, json!([{"text": "@Override"}]), "@Override")]
#[case::as_element(json!([{"dingtalkId": "$:LWCP_v1:$bot"}, {"dingtalkId": "$:LWCP_v1:$bob"}]),
    json!([{"type": "at", "atName": "Bot", "atUserId": "$:LWCP_v1:$bot"}, {"text": " hi "}, {"type": "at", "atName": "Bob"}]), "hi @Bob")]
#[case::later(json!([{"dingtalkId": "$:LWCP_v1:$bot"}]), json!([{"text": "hi @Bot"}]), "hi @Bot")]
#[case::an_at_sign(json!([{"dingtalkId": "$:LWCP_v1:$bot"}]), json!([{"text": "@ noon"}]), "@ noon")]
fn only_the_bots_own_mention_leaves_a_rich_text(
    #[case] at_users: Value,
    #[case] elements: Value,
    #[case] expected: &str,
) {
    let message = with(
        group(),
        json!({"msgtype": "richText", "text": null, "atUsers": at_users, "content": {"richText": elements}}),
    );
    let pieces = if expected.is_empty() { vec![] } else { vec![Piece::Text(expected.into())] };
    assert_eq!(decoded(&message).unwrap().body, Body::Content(Content { pieces, quoted: None }));
}

#[rstest]
#[case(json!({"senderStaffId": null}))]
#[case(json!({"senderStaffId": ""}))]
fn an_outsider_has_no_usable_id(#[case] change: Value) {
    let message = decoded(&with(private(), change)).unwrap();
    assert_eq!(message.sender.im_user_id, None);
    assert_eq!(message.sender.key(), "$:LWCP_v1:$ann");
}

#[test]
fn numbers_may_be_texts() {
    let message = decoded(&with(
        private(),
        json!({"createAt": "1769851697611", "sessionWebhookExpiredTime": "1769857097744", "conversationType": 2}),
    ));
    let message = message.unwrap();
    assert_eq!(message.sent_at, Timestamp::from_millis(1_769_851_697_611));
    assert_eq!(message.session_address.unwrap().until, Timestamp::from_millis(1_769_857_097_744));
    assert_eq!(message.chat.kind, ChatKind::Group);
}

#[test]
fn what_is_missing_is_assumed() {
    let minimal = json!({"msgId": "m", "conversationId": "c", "senderId": "s",
        "sessionWebhook": "https://oapi.dingtalk.com/robot/sendBySession?session=x"});
    let message = decoded(&minimal).unwrap();
    assert_eq!(message.sent_at, PUSHED.at);
    assert_eq!(message.chat.kind, ChatKind::Private);
    assert_eq!(message.body, Body::Unknown);
    assert_eq!(message.session_address.unwrap().until, Timestamp::from_millis(5 + 90 * 60_000));
    let titled = with(minimal, json!({"conversationTitle": "G"}));
    assert_eq!(decoded(&titled).unwrap().chat.kind, ChatKind::Group);
}

#[rstest]
#[case(json!({"errCode": 20001, "errMsg": "quota", "text": null, "msgtype": null}))]
#[case(json!({"errorCode": "20001", "text": null}))]
#[case(json!({"errCode": 20001, "msgId": null}))]
fn a_push_without_content_for_want_of_quota_is_named(#[case] change: Value) {
    let message = decoded(&with(private(), change)).unwrap();
    assert_eq!(message.body, Body::Withheld);
}

#[test]
fn an_oversized_text_is_cut_at_a_character() {
    let message =
        decoded(&with(private(), json!({"text": {"content": "好".repeat(TEXT_BYTES_MAX)}}))).unwrap();
    let long = words(message.body);
    assert!(long.len() <= TEXT_BYTES_MAX && long.len() > TEXT_BYTES_MAX - 3);
    let rich = json!([{"text": "好".repeat(30_000)}, {"text": "好".repeat(30_000)}]);
    let message = decoded(&with(
        private(),
        json!({"msgtype": "richText", "text": null, "content": {"richText": rich}}),
    ));
    assert!(words(message.unwrap().body).len() <= TEXT_BYTES_MAX);
}

#[rstest]
#[case(json!({"msgId": null}), CallbackError::Missing("msgId"))]
#[case(json!({"msgId": 7}), CallbackError::Missing("msgId"))]
#[case(json!({"msgId": "x".repeat(513)}), CallbackError::Missing("msgId"))]
#[case(json!({"conversationId": ""}), CallbackError::Missing("conversationId"))]
#[case(json!({"senderId": null, "senderStaffId": null}), CallbackError::Missing("senderId"))]
fn a_message_without_identity_is_refused(#[case] change: Value, #[case] error: CallbackError) {
    assert_eq!(decoded(&with(private(), change)), Err(error));
}

#[rstest]
#[case("")]
#[case("[]")]
#[case("{")]
fn what_is_no_object_is_refused(#[case] data: &str) {
    assert_eq!(decode(data, PUSHED), Err(CallbackError::NotAnObject));
}

#[test]
fn neither_errors_nor_debug_output_show_the_webhook() {
    let message = decoded(&private()).unwrap();
    assert!(!format!("{message:?}").contains("0123456789abcdef"));
}

/// Any JSON, in the places where a message has its fields.
fn arbitrary_field() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        Just(json!({"content": "@x"})),
        Just(json!({"richText": [{"text": "@"}, 7, {"type": "at"}, {"type": "picture"}]})),
        Just(json!([{"dingtalkId": "b"}])),
        Just(Value::from("b")),
        Just(json!({"downloadCode": "c", "duration": "x", "fileName": 7, "recognition": []})),
        Just(
            json!({"isReplyMsg": true, "repliedMsg": {"msgType": "richText", "content": "{\"richText\": [7]}"}})
        ),
        Just(json!({"repliedMsg": {"content": "[]", "msgType": 3}, "duration": -1, "videoType": "../.."})),
    ]
}

proptest! {
    #[test]
    fn decoding_never_panics(text in ".*") {
        let _ = decode(&text, PUSHED);
    }

    #[test]
    fn decoding_never_panics_on_odd_fields(
        fields in proptest::collection::btree_map(
            prop_oneof![
                Just("msgId"), Just("conversationId"), Just("senderId"), Just("senderStaffId"), Just("msgtype"),
                Just("text"), Just("content"), Just("atUsers"), Just("isInAtList"), Just("chatbotUserId"),
                Just("conversationType"), Just("createAt"), Just("sessionWebhook"), Just("sessionWebhookExpiredTime"),
                Just("originalMsgId"), Just("originalProcessQueryKey"), Just("repliedMsg"),
            ],
            arbitrary_field(), 0..10),
        msgtype in prop_oneof![
            Just("text"), Just("richText"), Just("picture"), Just("audio"), Just("video"), Just("file"),
            Just("markdown"), Just("reply"), Just("interactiveCard"), Just("chatRecord"), Just(""),
        ],
    ) {
        let message = with(with(group(), json!({"msgtype": msgtype})), json!(fields));
        let _ = decoded(&message);
    }
}
