//! Who may send what to whom, and what the same key twice means.

use axum::http::{HeaderValue, Method, header};
use serde_json::{Value, json};
use switchboard_domain::ids::{ChannelId, ConversationKey, MessageId, UserId, Version};
use switchboard_domain::message::ChatKind;
use switchboard_domain::outbound::{Format, Progress};
use switchboard_domain::snapshot::PartStatus::{self, Attempting, Pending, Sent, Unknown};
use switchboard_domain::time::Timestamp;
use switchboard_ports::messages::{Given, MessageRecord, NewMessage};
use switchboard_ports::tokens::Role;
use switchboard_ports::transcripts::ConversationInfo;
use switchboard_ports::users::{Identity, User};

use crate::testing::{Answer, START_MS, Taking, TestApi, problem};

/// An API with a channel; its path for messages, and its id.
async fn api() -> (TestApi, String, ChannelId) {
    let api = TestApi::new().await;
    let path = api.channel("bot").await;
    let id = ChannelId::new(path.trim_start_matches("/channels/"));
    api.operations.calls().clear();
    (api, format!("{path}/messages"), id)
}

fn to_person(text: &str) -> Value {
    json!({"to": {"user_id": "staff1"}, "text": text})
}

async fn post_with(api: &TestApi, path: &str, key: &str, body: &Value) -> Answer {
    let mut request = api.request(Method::POST, &format!("/api/v1{path}"), Some(body));
    request.headers_mut().insert("Idempotency-Key", HeaderValue::from_bytes(key.as_bytes()).unwrap());
    api.send(request).await
}

fn sent(api: &TestApi) -> Vec<NewMessage> {
    api.operations.sent.lock().unwrap().clone()
}

fn conversation(channel: &ChannelId, chat: &str, kind: ChatKind, person: Option<&str>) -> ConversationInfo {
    let member = (kind == ChatKind::Group).then(|| "staff1".to_owned());
    let key = ConversationKey { channel: channel.clone(), chat: chat.to_owned(), member };
    let at = Timestamp::from_millis(START_MS);
    ConversationInfo {
        id: key.id(),
        key,
        kind,
        title: None,
        author: "Ann".to_owned(),
        person: person.map(str::to_owned),
        user: None,
        session: None,
        created_at: at,
        active_at: at,
        waiting: 0,
    }
}

fn user(id: &str, identities: &[(&str, &str)]) -> User {
    let identity = |(platform, im_user_id): &(&str, &str)| Identity {
        platform: (*platform).to_owned(),
        im_user_id: (*im_user_id).to_owned(),
    };
    User {
        id: UserId::new(id),
        username: id.to_owned(),
        email: None,
        email_verified: false,
        display_name: id.to_owned(),
        auth_source: "api".to_owned(),
        disabled: false,
        department: None,
        directory: None,
        shut_out_by: None,
        identities: identities.iter().map(identity).collect(),
        version: Version(1),
        created_at: Timestamp::from_millis(START_MS),
        updated_at: Timestamp::from_millis(START_MS),
    }
}

#[tokio::test]
async fn a_message_is_queued_for_a_person_whom_only_the_platform_knows() {
    let (api, path, channel) = api().await;
    let answer = api.post(&path, to_person("hello")).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!((&answer.json["state"], &answer.json["cause"]), (&json!("queued"), &Value::Null));
    let id = answer.json["id"].as_str().unwrap();
    assert!(id.starts_with("msg_"));
    assert_eq!(answer.header(header::LOCATION), format!("/api/v1/messages/{id}"));
    let message = sent(&api).remove(0);
    assert_eq!((message.person.as_deref(), message.format), (Some("staff1"), Format::Text));
    assert_eq!((message.chat.kind, message.key.channel), (ChatKind::Private, channel));
    let other = api.post(&path, to_person("hello")).await;
    assert!(other.json["id"] != answer.json["id"], "without a key each request is a message");
}

#[tokio::test]
async fn recipients_are_found_by_our_ids_and_by_the_platforms() {
    let (api, path, channel) = api().await;
    let private = conversation(&channel, "cid-ann", ChatKind::Private, Some("staff1"));
    let group = conversation(&channel, "cid-team", ChatKind::Group, None);
    let (private_id, group_id) = (private.id.to_string(), group.id.to_string());
    {
        let mut state = api.stores.state();
        for info in [private, group] {
            state.conversations.insert(info.id.clone(), info);
        }
        let ann = user("usr_ann", &[("other", "x"), ("dingtalk", "staff1")]);
        state.users.insert(ann.id.clone(), ann);
    }
    let cases = [
        (json!({"user_id": "usr_ann"}), "cid-ann", Some("staff1")),
        (json!({"user_id": "staff1"}), "cid-ann", Some("staff1")),
        (json!({"user_id": "staff9"}), "user:staff9", Some("staff9")),
        (json!({"conversation_id": private_id}), "cid-ann", Some("staff1")),
        (json!({"conversation_id": "cid-ann"}), "cid-ann", Some("staff1")),
        (json!({"conversation_id": group_id}), "cid-team", None),
        (json!({"conversation_id": "cid-team"}), "cid-team", None),
        (json!({"conversation_id": "cid-never-seen"}), "cid-never-seen", None),
    ];
    for (to, chat, person) in cases {
        let body = json!({"to": to, "text": "hello", "format": "markdown"});
        let answer = api.post(&path, body).await;
        assert_eq!(answer.status, 202, "{to}: {answer:?}");
        let message = sent(&api).pop().unwrap();
        assert_eq!((message.chat.id.as_str(), message.person.as_deref()), (chat, person), "{to}");
        assert_eq!(message.key.chat, chat);
        assert_eq!((message.key.member, message.format), (None, Format::Markdown));
        assert_eq!(message.chat.kind == ChatKind::Private, person.is_some(), "{to}");
    }
}

#[tokio::test]
async fn a_recipient_that_is_nobody_is_told_with_its_pointer() {
    let (api, path, channel) = api().await;
    let nameless = conversation(&channel, "cid-nobody", ChatKind::Private, None);
    let elsewhere = conversation(&ChannelId::new("chn_other"), "cid", ChatKind::Group, None);
    let (nameless_id, elsewhere_id) = (nameless.id.to_string(), elsewhere.id.to_string());
    {
        let mut state = api.stores.state();
        for info in [nameless, elsewhere] {
            state.conversations.insert(info.id.clone(), info);
        }
        for user in [user("usr_none", &[]), user("usr_two", &[("dingtalk", "a"), ("dingtalk", "b")])] {
            state.users.insert(user.id.clone(), user);
        }
    }
    for (to, pointer) in [
        (json!({"user_id": "usr_nobody"}), "/to/user_id"),
        (json!({"user_id": "usr_none"}), "/to/user_id"),
        (json!({"user_id": "usr_two"}), "/to/user_id"),
        (json!({"conversation_id": "cnv_nothing"}), "/to/conversation_id"),
        (json!({"conversation_id": elsewhere_id}), "/to/conversation_id"),
        (json!({"conversation_id": nameless_id}), "/to/conversation_id"),
        (json!({"conversation_id": "cid-nobody"}), "/to/conversation_id"),
        (json!({}), "/to"),
        (json!({"user_id": "a", "conversation_id": "b"}), "/to"),
        (json!({"user_id": 7}), "/to/user_id"),
        (json!({"user": "a", "user_id": "a"}), "/to/user"),
        (json!("ann"), "/to"),
        (Value::Null, "/to"),
    ] {
        let answer = api.post(&path, json!({"to": to, "text": "hello"})).await;
        problem(&answer, 422, "invalid-field");
        assert!(answer.pointers().contains(&pointer), "{to}: {answer:?}");
    }
    assert!(sent(&api).is_empty());
}

#[tokio::test]
async fn a_text_that_is_none_too_long_or_of_another_format_is_refused() {
    let (api, path, _) = api().await;
    let to = json!({"user_id": "staff1"});
    for (body, pointer) in [
        (json!({"to": to}), "/text"),
        (json!({"to": to, "text": ""}), "/text"),
        (json!({"to": to, "text": " \n"}), "/text"),
        (json!({"to": to, "text": 7}), "/text"),
        (json!({"to": to, "text": "x".repeat(20_001)}), "/text"),
        (json!({"to": to, "text": "x", "format": "html"}), "/format"),
        (json!({"to": to, "text": "x", "urgent": true}), "/urgent"),
    ] {
        let answer = api.post(&path, body).await;
        problem(&answer, 422, "invalid-field");
        assert_eq!(answer.pointers(), [pointer]);
    }
    assert_eq!(api.post(&path, to_person(&"好".repeat(20_000))).await.status, 202);
}

#[tokio::test]
async fn the_same_request_under_the_same_key_is_one_message_whatever_has_become_of_the_channel() {
    let (api, path, channel) = api().await;
    let first = post_with(&api, &path, "k1", &to_person("hello")).await;
    assert_eq!(first.status, 202, "{first:?}");
    let record = MessageRecord::new(&sent(&api)[0], Timestamp::from_millis(START_MS));
    api.stores.state().messages.insert(record.id.clone(), record.clone());
    api.patch(&format!("/channels/{channel}"), json!({"enabled": false})).await;
    // The draft's quotes are no part of the key.
    for key in ["k1", "\"k1\"", " k1 "] {
        let again = post_with(&api, &path, key, &to_person("hello")).await;
        assert_eq!((again.status, &again.json["id"]), (first.status, &first.json["id"]), "{key}");
    }
    let other = post_with(&api, &path, "k1", &to_person("hello!")).await;
    problem(&other, 422, "key-reused");
    assert_eq!(sent(&api).len(), 1);
}

#[tokio::test]
async fn two_requests_at_once_under_one_key_are_told_apart_by_what_the_store_has() {
    let (api, path, _) = api().await;
    let first = post_with(&api, &path, "k1", &to_person("hello")).await;
    let record = MessageRecord::new(&sent(&api)[0], Timestamp::from_millis(START_MS));
    *api.operations.given.lock().unwrap() = Taking::Answered(Given::Before(record));
    let again = post_with(&api, &path, "k1", &to_person("hello")).await;
    assert_eq!((again.status, &again.json["id"]), (first.status, &first.json["id"]));
    problem(&post_with(&api, &path, "k1", &to_person("other")).await, 422, "key-reused");
}

#[tokio::test]
async fn keys_are_a_channels_own_and_bounded() {
    let (api, path, _) = api().await;
    let second = format!("{}/messages", api.channel("second").await);
    let ids = [
        post_with(&api, &path, "k1", &to_person("x")).await,
        post_with(&api, &second, "k1", &to_person("x")).await,
    ];
    assert!(ids[0].json["id"] != ids[1].json["id"]);
    assert_eq!(post_with(&api, &path, &"k".repeat(255), &to_person("x")).await.status, 202);
    for key in ["", "\"\"", &"k".repeat(256), "schlüssel", "a\tb"] {
        problem(&post_with(&api, &path, key, &to_person("x")).await, 400, "malformed");
    }
    let mut request = api.request(Method::POST, &format!("/api/v1{path}"), Some(&to_person("x")));
    for key in ["a", "b"] {
        request.headers_mut().append("Idempotency-Key", HeaderValue::from_static(key));
    }
    problem(&api.send(request).await, 400, "malformed");
}

#[tokio::test]
async fn disabled_deleted_and_crowded_places_say_so() {
    let (api, path, channel) = api().await;
    *api.operations.given.lock().unwrap() = Taking::Answered(Given::Full);
    let crowded = api.post(&path, to_person("x")).await;
    problem(&crowded, 429, "too-many");
    assert_eq!(crowded.header(header::RETRY_AFTER), "5");
    *api.operations.given.lock().unwrap() = Taking::Nobody;
    problem(&api.post(&path, to_person("x")).await, 409, "wrong-state");
    *api.operations.given.lock().unwrap() = Taking::New;
    api.patch(&format!("/channels/{channel}"), json!({"enabled": false})).await;
    let before = sent(&api).len();
    problem(&api.post(&path, to_person("x")).await, 409, "wrong-state");
    assert_eq!(sent(&api).len(), before);
}

#[tokio::test]
async fn a_message_tells_its_state_and_that_of_a_deleted_channel_has_ended() {
    let (api, _, channel) = api().await;
    let record = |id: &str, channel: &ChannelId, parts: &[PartStatus]| MessageRecord {
        id: MessageId::new(id),
        channel: channel.clone(),
        conversation: switchboard_domain::ids::ConversationId::new("cnv_1"),
        fingerprint: String::new(),
        progress: Progress { parts: parts.to_vec(), ..Progress::default() },
        created_at: Timestamp::from_millis(START_MS),
        updated_at: Timestamp::from_millis(START_MS),
    };
    let gone = ChannelId::new("chn_gone");
    for (id, channel, parts, state, cause) in [
        ("msg_1", &channel, &[][..], "queued", Value::Null),
        ("msg_2", &channel, &[Sent, Attempting], "attempting", Value::Null),
        ("msg_3", &channel, &[Sent], "sent", Value::Null),
        ("msg_4", &channel, &[Sent, Unknown], "unknown", json!("delivery_unknown")),
        ("msg_5", &gone, &[], "failed", json!("channel_deleted")),
        ("msg_6", &gone, &[Sent, Pending], "failed", json!("channel_deleted")),
        ("msg_7", &gone, &[Sent, Attempting], "unknown", json!("delivery_unknown")),
        ("msg_8", &gone, &[Sent], "sent", Value::Null),
    ] {
        let record = record(id, channel, parts);
        api.stores.state().messages.insert(record.id.clone(), record);
        let answer = api.get(&format!("/messages/{id}")).await;
        assert_eq!(answer.status, 200);
        assert_eq!((&answer.json["state"], &answer.json["cause"]), (&json!(state), &cause), "{id}");
        assert_eq!(answer.json["parts"].as_array().unwrap().len(), parts.len());
    }
    problem(&api.get("/messages/msg_nothing").await, 404, "not-found");
}

#[tokio::test]
async fn viewers_read_and_do_not_send() {
    let (api, path, _) = api().await;
    for (role, status) in [(Role::Viewer, 403), (Role::Operator, 202)] {
        let mut request = api.request(Method::POST, &format!("/api/v1{path}"), Some(&to_person("x")));
        let token = format!("Bearer {}", api.token(role));
        request.headers_mut().insert(header::AUTHORIZATION, token.parse().unwrap());
        assert_eq!(api.send(request).await.status.as_u16(), status);
    }
}
