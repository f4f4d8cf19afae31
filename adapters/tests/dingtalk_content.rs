//! What robot messages consist of: every kind and every example of the fact sheet, §3.3 and §3.5.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code: a test fails by panicking")]

use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};
use switchboard_adapters::dingtalk::callback::{Pushed, decode};
use switchboard_domain::content::{Attachment, AttachmentKind, Content, Piece, Quoted};
use switchboard_domain::message::Body;
use switchboard_domain::secret::Secret;
use switchboard_domain::time::Timestamp;

/// The body of a private message with these fields.
fn body(fields: Value) -> Body {
    let mut message = json!({"msgId": "m", "conversationId": "c", "conversationType": "1", "senderId": "s"});
    let Value::Object(fields) = fields else { panic!("fields") };
    message.as_object_mut().unwrap().extend(fields);
    decode(&message.to_string(), Pushed { message_id: None, at: Timestamp::from_millis(5) }).unwrap().body
}

fn of_kind(msgtype: &str, content: &Value) -> Body {
    body(json!({"msgtype": msgtype, "content": content}))
}

fn text(words: &str) -> Piece {
    Piece::Text(words.into())
}

fn file(kind: AttachmentKind, name: &str, code: &str, millis: Option<u64>) -> Piece {
    Piece::Attachment(Attachment {
        kind,
        name: name.into(),
        duration: millis.map(Duration::from_millis),
        source: Secret::new(code),
    })
}

fn picture(code: &str) -> Piece {
    file(AttachmentKind::Picture, "", code, None)
}

fn content(pieces: Vec<Piece>) -> Body {
    Body::Content(Content { pieces, quoted: None })
}

#[rstest]
#[case::picture("picture", json!({"downloadCode": "mIofN", "pictureDownloadCode": "1lOla"}), vec![picture("mIofN")])]
#[case::second_code("picture", json!({"pictureDownloadCode": "1lOla"}), vec![picture("1lOla")])]
#[case::as_json_text("picture", json!("{\"downloadCode\":\"mIofN\"}"), vec![picture("mIofN")])]
#[case::without_a_code("picture", json!({}), vec![picture("")])]
#[case::with_an_endless_code("picture", json!({"downloadCode": "c".repeat(5_000)}), vec![picture("")])]
#[case::recognised("audio", json!({"downloadCode": "c", "duration": 4000, "recognition": " speech to text"}),
    vec![text("speech to text")])]
#[case::not_recognised("audio", json!({"downloadCode": "c", "duration": "4000", "recognition": " "}),
    vec![file(AttachmentKind::Audio, "", "c", Some(4_000))])]
#[case::odd_duration("audio", json!({"downloadCode": "c", "duration": "long"}),
    vec![file(AttachmentKind::Audio, "", "c", None)])]
#[case::impossible_duration("audio", json!({"downloadCode": "c", "duration": -4000}),
    vec![file(AttachmentKind::Audio, "", "c", None)])]
#[case::video_ms("video", json!({"downloadCode": "c", "duration": 4000, "videoType": "mp4"}),
    vec![file(AttachmentKind::Video, "video.mp4", "c", Some(4_000))])]
#[case::video_s("video", json!({"downloadCode": "c", "duration": "5", "videoType": "MP4"}),
    vec![file(AttachmentKind::Video, "video.mp4", "c", Some(5_000))])]
#[case::odd_video("video", json!({"downloadCode": "c", "videoType": "../x"}),
    vec![file(AttachmentKind::Video, "", "c", None)])]
#[case::file("file", json!({"downloadCode": "c", "fileName": "a.pdf", "spaceId": "123", "fileId": "456"}),
    vec![file(AttachmentKind::File, "a.pdf", "c", None)])]
#[case::nameless_file("file", json!({}), vec![file(AttachmentKind::File, "", "", None)])]
#[case::rich("richText", json!({"richText": [
        {"text": "hi "},
        {"type": "picture", "downloadCode": "d", "pictureDownloadCode": "p"},
        {"type": "at", "atName": "Bob", "atUserId": "b"},
        {"text": " there\n"}]}),
    vec![text("hi "), picture("d"), text("@Bob there")])]
#[case::rich_with_types("richText", json!({"richText": [{"type": "text", "text": "a"}, {"downloadCode": "d"}, 7]}),
    vec![text("a"), picture("d")])]
#[case::rich_as_json_text("richText", json!("{\"richText\":\"[{\\\"text\\\":\\\"hi\\\"}]\"}"), vec![text("hi")])]
#[case::only_pictures("richText", json!({"richText": [{"type": "picture", "downloadCode": "d"}, {"text": "\n"}]}),
    vec![picture("d")])]
#[case::empty_rich("richText", json!({"richText": "none"}), vec![])]
#[case::markdown("markdown", json!({"text": " **b** "}), vec![text("**b**")])]
#[case::bare_markdown("markdown", json!({}), vec![text("")])]
#[case::card_with_words("interactiveCard", json!({"title": "Weekly", "markdown": "# Report"}), vec![text("Weekly\n# Report")])]
#[case::card_that_says_its_title("actionCard", json!({"title": "Report", "text": "# Report\n\nAll well."}), vec![text("# Report\n\nAll well.")])]
#[case::card_of_title_and_text("actionCard", json!({"title": "Weekly", "text": "All well."}), vec![text("Weekly\nAll well.")])]
#[case::action_card("actionCard", json!({"title": "Weekly"}), vec![text("Weekly")])]
#[case::chat_record("chatRecord", json!({"summary": "Ann: hi", "title": "Chat of Ann and Bob", "chatRecord": "[]"}),
    vec![text("Chat of Ann and Bob\nAnn: hi")])]
#[case::reply("reply", json!({"text": "yes"}), vec![text("yes")])]
fn content_of_every_kind(#[case] msgtype: &str, #[case] given: Value, #[case] pieces: Vec<Piece>) {
    assert_eq!(of_kind(msgtype, &given), content(pieces));
}

#[rstest]
#[case::sticker("unknownMsgType", json!({"unknownMsgType": "暂不支持"}))]
#[case::interactive_card("interactiveCard", json!({"biz_custom_action_url": "u"}))]
#[case::action_card("actionCard", json!({}))]
#[case::chat_record("chatRecord", json!({"chatRecord": "[]"}))]
#[case::reply("reply", json!({}))]
#[case::unheard_of("hologram", json!(7))]
#[case::nothing("", Value::Null)]
fn what_says_nothing_is_unknown(#[case] msgtype: &str, #[case] given: Value) {
    assert_eq!(of_kind(msgtype, &given), Body::Unknown);
}

#[rstest]
#[case::text(json!({"text": {"content": "hi"}}), vec![text("hi")])]
#[case::number(json!({"text": {"content": 123}}), vec![text("123")])]
#[case::number_alone(json!({"text": 1.5}), vec![text("1.5")])]
#[case::picture(json!({"content": {"downloadCode": "d"}}), vec![picture("d")])]
#[case::audio(json!({"content": {"downloadCode": "d", "duration": 1000}}),
    vec![file(AttachmentKind::Audio, "", "d", Some(1_000))])]
#[case::video(json!({"content": {"downloadCode": "d", "videoType": "mp4"}}),
    vec![file(AttachmentKind::Video, "video.mp4", "d", None)])]
#[case::file(json!({"content": {"downloadCode": "d", "fileName": "a.txt"}}),
    vec![file(AttachmentKind::File, "a.txt", "d", None)])]
#[case::rich(json!({"content": {"richText": [{"text": "hi"}]}}), vec![text("hi")])]
fn a_kind_without_a_name_is_known_by_its_fields(#[case] fields: Value, #[case] pieces: Vec<Piece>) {
    assert_eq!(body(fields), content(pieces));
}

#[test]
fn markdown_may_stand_in_the_text_object() {
    let message = body(json!({"msgtype": "markdown", "text": {"content": "**b**"}}));
    assert_eq!(message, content(vec![text("**b**")]));
}

/// A text that answers a message.
fn answering(replied: &Value) -> Option<Quoted> {
    let text = json!({"content": "and?", "isReplyMsg": true, "repliedMsg": replied});
    let given = body(json!({"msgtype": "text", "text": text, "originalMsgId": "msgOld=="}));
    let Body::Content(given) = given else { panic!("content") };
    assert_eq!(given.pieces, [text_piece()]);
    given.quoted
}

fn text_piece() -> Piece {
    text("and?")
}

#[rstest]
#[case::text(json!({"msgType": "text", "msgId": "msgOld==", "senderId": "$:LWCP_v1:$x", "createdAt": 1_772_817_989_679_u64,
    "content": {"text": "quoted text"}}), vec![text("quoted text")])]
#[case::without_msgtype(json!({"content": {"text": "quoted text"}}), vec![text("quoted text")])]
#[case::as_json_text(json!({"msgType": "text", "content": "{\"text\":\"quoted text\"}"}), vec![text("quoted text")])]
#[case::bare_words(json!({"content": "quoted text"}), vec![text("quoted text")])]
#[case::picture(json!({"msgType": "picture", "content": {"downloadCode": "d"}}), vec![picture("d")])]
#[case::picture_as_json_text(json!({"content": "{\"downloadCode\":\"d\"}"}), vec![picture("d")])]
#[case::file(json!({"msgType": "file",
    "content": {"spaceId": "1", "fileName": "a.pdf", "downloadCode": "d", "fileId": "2"}}),
    vec![file(AttachmentKind::File, "a.pdf", "d", None)])]
#[case::audio(json!({"msgType": "audio", "content": {"duration": "4000", "downloadCode": "d"}}),
    vec![file(AttachmentKind::Audio, "", "d", Some(4_000))])]
#[case::video(json!({"msgType": "video", "content": {"duration": "5", "downloadCode": "d", "videoType": "mp4"}}),
    vec![file(AttachmentKind::Video, "video.mp4", "d", Some(5_000))])]
#[case::rich(json!({"msgType": "richText",
    "content": {"richText": [{"text": "see "}, {"type": "picture", "downloadCode": "d"}]}}),
    vec![text("see "), picture("d")])]
#[case::markdown(json!({"msgType": "markdown", "content": {"text": "# T"}}), vec![text("# T")])]
#[case::chat_record(json!({"msgType": "chatRecord", "content": {"title": "T", "summary": "S"}}), vec![text("T\nS")])]
#[case::card_with_words(json!({"msgType": "interactiveCard", "content": {"title": "T"}}), vec![text("T")])]
#[case::card_of_title_and_text(json!({"msgType": "actionCard", "content": {"title": "T", "text": "x"}}), vec![text("T\nx")])]
fn a_quoted_message_is_decoded_like_any_other(#[case] replied: Value, #[case] pieces: Vec<Piece>) {
    assert_eq!(answering(&replied), Some(Quoted::Content(pieces)));
}

#[rstest]
#[case::card(json!({"msgType": "interactiveCard", "msgId": "msgOld=="}), Quoted::Card { key: None })]
#[case::action_card(json!({"msgType": "actionCard", "content": {}}), Quoted::Card { key: None })]
#[case::old_file(json!({"msgType": "unknownMsgType", "msgId": "msgOld==", "createdAt": 1}), Quoted::Unreadable)]
#[case::unheard_of(json!({"msgType": "hologram", "content": {"text": "x"}}), Quoted::Unreadable)]
#[case::empty_text(json!({"msgType": "text", "content": {}}), Quoted::Unreadable)]
#[case::nothing(json!({}), Quoted::Unreadable)]
fn what_cannot_be_quoted_is_named(#[case] replied: Value, #[case] expected: Quoted) {
    assert_eq!(answering(&replied), Some(expected));
}

#[rstest]
#[case::of_a_rich_text(json!({"msgtype": "richText", "content": {"richText": [{"text": "and?"}],
    "isReplyMsg": true, "repliedMsg": {"msgType": "text", "content": {"text": "q"}}}}))]
#[case::of_a_reply(json!({"msgtype": "reply", "content": {"text": "and?",
    "repliedMsg": {"msgType": "text", "content": {"text": "q"}}}}))]
#[case::as_json_text(json!({"msgtype": "text", "text": {"content": "and?",
    "repliedMsg": "{\"msgType\":\"text\",\"content\":\"{\\\"text\\\":\\\"q\\\"}\"}"}}))]
fn the_quote_may_stand_elsewhere(#[case] fields: Value) {
    let quoted = Some(Quoted::Content(vec![text("q")]));
    assert_eq!(body(fields), Body::Content(Content { pieces: vec![text("and?")], quoted }));
}

#[rstest]
#[case::a_card(json!({"originalMsgId": "msgOld==", "originalProcessQueryKey": "carrier_123"}), Some(Quoted::Card { key: Some("carrier_123".into()) }))]
#[case::a_card_without_words(json!({"originalProcessQueryKey": "carrier_123",
    "text": {"content": "and?", "repliedMsg": {"msgType": "interactiveCard", "msgId": "msgOld=="}}}),
    Some(Quoted::Card { key: Some("carrier_123".into()) }))]
#[case::a_message_of_no_known_kind(json!({"originalProcessQueryKey": "pqk_1",
    "text": {"content": "and?", "repliedMsg": {"msgType": "unknownMsgType", "msgId": "msgOld=="}}}),
    Some(Quoted::Card { key: Some("pqk_1".into()) }))]
#[case::a_message_with_its_words(json!({"originalProcessQueryKey": "pqk_1",
    "text": {"content": "and?", "repliedMsg": {"msgType": "text", "content": {"text": "q"}}}}),
    Some(Quoted::Content(vec![text("q")])))]
#[case::a_key_that_is_too_long(json!({"originalProcessQueryKey": "k".repeat(513)}), Some(Quoted::Card { key: None }))]
#[case::something(json!({"originalMsgId": "msgOld=="}), Some(Quoted::Unreadable))]
#[case::only_a_flag(json!({"text": {"content": "and?", "isReplyMsg": "true"}}), Some(Quoted::Unreadable))]
#[case::no_answer(json!({"text": {"content": "and?", "isReplyMsg": false}}), None)]
fn an_answer_whose_message_is_not_given(#[case] fields: Value, #[case] expected: Option<Quoted>) {
    let mut message = json!({"msgtype": "text", "text": {"content": "and?"}});
    message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let Body::Content(content) = body(message) else { panic!("content") };
    assert_eq!(content.quoted, expected);
}

#[test]
fn codes_are_in_no_debug_output() {
    let shown = format!("{:?}", of_kind("picture", &json!({"downloadCode": "s3cr3t"})));
    assert!(!shown.contains("s3cr3t"), "{shown}");
}
