//! Talking through the API: who may, what is said, and what the stream shows.

use axum::body::{Body, BodyDataStream};
use axum::http::{Method, Request, header};
use futures_util::StreamExt as _;
use rstest::rstest;
use serde_json::{Value, json};
use switchboard_domain::ids::{AgentId, ChannelId, ConversationKey, Seq, SessionNumber};
use switchboard_domain::message::ChatKind;
use switchboard_domain::snapshot::{Role as Speaker, TranscriptLine};
use switchboard_domain::time::Timestamp;
use switchboard_ports::playground::{By, Item, NotTaken, Stage};
use switchboard_ports::tokens::Role;
use switchboard_ports::transcripts::ConversationInfo;
use tower::ServiceExt as _;

use crate::testing::{Answer, START_MS, TestApi, problem};

const AT: Timestamp = Timestamp::from_millis(START_MS);

/// A channel without a chat platform; its id.
async fn channel(api: &TestApi) -> String {
    let path = api.channel("Playground").await;
    let id = path.rsplit('/').next().unwrap().to_owned();
    let mut state = api.stores.state();
    state.channels.get_mut(&ChannelId::new(&id)).unwrap().platform = String::from("web");
    id
}

async fn said(api: &TestApi, role: Role, id: &str, key: Option<&str>, body: &Value) -> Answer {
    let request = Request::post(format!("/api/v1/playground/{id}/messages"));
    let request = request.header(header::AUTHORIZATION, format!("Bearer {}", api.token(role)));
    let mut request = request.header(header::CONTENT_TYPE, "application/json");
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    api.send(request.body(Body::from(body.to_string())).unwrap()).await
}

async fn opened(api: &TestApi, role: Role, id: &str) -> BodyDataStream {
    let request = Request::get(format!("/api/v1/playground/{id}/stream"));
    let request = request.header(header::AUTHORIZATION, format!("Bearer {}", api.token(role)));
    let response = api.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    response.into_body().into_data_stream()
}

/// The name and data of the next event.
async fn next(stream: &mut BodyDataStream) -> (String, Value) {
    let chunk = stream.next().await.expect("the stream goes on").unwrap();
    let text = String::from_utf8(chunk.to_vec()).unwrap();
    let (name, data) = text.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
    (name.to_owned(), serde_json::from_str(data).unwrap())
}

fn item(id: &str, text: &str, seq: Option<u64>, at: Timestamp) -> Item {
    let by = if seq.is_some() { By::Bot } else { By::Person };
    let (id, text, seq) = (id.to_owned(), text.to_owned(), seq.map(Seq));
    Item { id, by, text, is_cut: false, stage: Stage::Done, seq, at }
}

fn key_of(channel: &str, person: &str) -> ConversationKey {
    ConversationKey { channel: ChannelId::new(channel), chat: person.to_owned(), member: None }
}

#[tokio::test]
async fn what_is_said_is_the_tokens_own_and_one_message_under_one_key() {
    let api = TestApi::new().await;
    let id = channel(&api).await;
    let hello = json!({"text": "hello"});
    let first = said(&api, Role::Operator, &id, Some("k1"), &hello).await;
    assert_eq!(first.status, 202, "{first:?}");
    let again = said(&api, Role::Operator, &id, Some("k1"), &hello).await;
    assert_eq!(first.json, again.json);
    let other = said(&api, Role::Operator, &id, Some("k1"), &json!({"text": "something else"})).await;
    assert_eq!(other.status, 202);
    assert_ne!(first.json["message_id"], other.json["message_id"], "it is not taken for the first one");
    assert_eq!(first.json["conversation_id"], key_of(&id, "o").id().to_string());
    let others = said(&api, Role::Admin, &id, Some("k1"), &hello).await;
    assert_ne!(first.json["message_id"], others.json["message_id"]);
    assert_ne!(
        said(&api, Role::Operator, &id, None, &hello).await.json["message_id"],
        first.json["message_id"]
    );
    let heard = api.playground.said.lock().unwrap();
    assert_eq!((heard[0].person.id.as_str(), heard[0].text.as_str()), ("o", "hello"));
    assert_eq!((heard[2].text.as_str(), heard[3].person.id.as_str()), ("something else", "a"));
    assert_eq!((heard.len(), &heard[0].message), (5, &heard[1].message));
}

#[tokio::test]
async fn an_agent_is_switched_to_before_anything_is_said() {
    let api = TestApi::new().await;
    let id = channel(&api).await;
    let agent = api.agent("Help Desk").await.rsplit('/').next().unwrap().to_owned();
    let body = json!({"text": "hello", "agent_id": agent});
    assert_eq!(said(&api, Role::Operator, &id, None, &body).await.status, 202);
    let texts: Vec<_> =
        api.playground.said.lock().unwrap().iter().map(|saying| saying.text.clone()).collect();
    assert_eq!(texts, ["/agents Help Desk", "hello"]);
    let numbered = api.agent("7").await.rsplit('/').next().unwrap().to_owned();
    for agent in ["nobody", &numbered] {
        let answer = said(&api, Role::Operator, &id, None, &json!({"text": "hi", "agent_id": agent})).await;
        problem(&answer, 422, "invalid-field");
        assert_eq!(answer.pointers(), ["/agent_id"]);
    }
    assert_eq!(api.playground.said.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn an_agent_that_the_channel_does_not_offer_is_refused_with_what_was_said() {
    let api = TestApi::new().await;
    let id = channel(&api).await;
    let [listed, other] = ["Listed", "Other"].map(|name| api.agent(name));
    let [listed, other] = [listed.await, other.await].map(|path| path.rsplit('/').next().unwrap().to_owned());
    let channel = ChannelId::new(&id);
    api.stores.state().channels.get_mut(&channel).unwrap().switching.agents = vec![AgentId::new(&listed)];
    let body = json!({"text": "hello", "agent_id": other});
    let answer = said(&api, Role::Operator, &id, None, &body).await;
    problem(&answer, 422, "invalid-field");
    assert_eq!(answer.pointers(), ["/agent_id"]);
    assert!(api.playground.said.lock().unwrap().is_empty());
    let body = json!({"text": "hello", "agent_id": listed});
    assert_eq!(said(&api, Role::Operator, &id, None, &body).await.status, 202);
}

#[rstest]
#[case(json!({}), "/text")]
#[case(json!({"text": " \n"}), "/text")]
#[case(json!({"text": "x".repeat(20_001)}), "/text")]
#[case(json!({"text": "x", "colour": 1}), "/colour")]
#[tokio::test]
async fn bad_fields_are_named(#[case] body: Value, #[case] pointer: &str) {
    let api = TestApi::new().await;
    let id = channel(&api).await;
    let answer = said(&api, Role::Operator, &id, None, &body).await;
    problem(&answer, 422, "invalid-field");
    assert_eq!(answer.pointers(), [pointer]);
}

#[tokio::test]
async fn what_cannot_be_taken_says_why() {
    let api = TestApi::new().await;
    let (id, hello) = (channel(&api).await, json!({"text": "hello"}));
    for not_taken in [NotTaken::NotConnected, NotTaken::Withheld] {
        *api.playground.refuses.lock().unwrap() = Some(not_taken);
        problem(&said(&api, Role::Operator, &id, None, &hello).await, 503, "unavailable");
    }
    let elsewhere = api.channel("elsewhere").await.rsplit('/').next().unwrap().to_owned();
    problem(&said(&api, Role::Operator, &elsewhere, None, &hello).await, 409, "wrong-state");
    problem(&api.get(&format!("/playground/{elsewhere}/stream")).await, 409, "wrong-state");
    api.stores.state().channels.get_mut(&ChannelId::new(&id)).unwrap().enabled = false;
    problem(&said(&api, Role::Operator, &id, None, &hello).await, 409, "wrong-state");
    problem(&said(&api, Role::Viewer, &id, None, &hello).await, 403, "forbidden");
}

#[tokio::test(start_paused = true)]
async fn the_stream_shows_the_room_then_each_change_and_the_room_again_after_a_gap() {
    let api = TestApi::new().await;
    let id = channel(&api).await;
    api.playground.show(item("m1", "hello", None, AT));
    let mut stream = opened(&api, Role::Viewer, &id).await;
    let (name, room) = next(&mut stream).await;
    assert_eq!((name.as_str(), &room["conversation_id"]), ("room", &json!(key_of(&id, "v").id().as_str())));
    let expected = json!([{"id": "m1", "by": "person", "text": "hello", "cut": false, "state": "done", "seq": null,
        "at": "2026-01-02T03:04:05.678Z"}]);
    assert_eq!(room["items"], expected);
    api.playground.show(Item { stage: Stage::Open, ..item("c1", "hel", Some(3), AT) });
    let (name, changed) = next(&mut stream).await;
    assert_eq!((name.as_str(), &changed["state"], &changed["seq"]), ("item", &json!("open"), &json!(3)));
    assert_eq!(next(&mut stream).await, (String::from("heartbeat"), json!({})));
    api.playground.interrupt();
    let (name, room) = next(&mut stream).await;
    assert_eq!((name.as_str(), room["items"].as_array().unwrap().len()), ("room", 2));
    api.shutdown.cancel();
    assert!(stream.next().await.is_none());
}

/// What the transcript of somebody's conversation holds.
fn talked(api: &TestApi, channel: &str, person: &str, lines: &[(Speaker, u64, u64)]) {
    let key = key_of(channel, person);
    let id = key.id();
    let info = ConversationInfo {
        id: id.clone(),
        key,
        kind: ChatKind::Private,
        title: None,
        author: person.to_owned(),
        person: Some(person.to_owned()),
        user: None,
        session: Some((SessionNumber(1), AT)),
        created_at: AT,
        active_at: AT,
        waiting: 0,
    };
    let line = |(role, seq, at): &(Speaker, u64, u64)| TranscriptLine {
        session: SessionNumber(1),
        seq: Seq(*seq),
        role: *role,
        text: format!("{role:?} {seq}"),
        at: Timestamp::from_millis(START_MS + at),
        mark: None,
    };
    let mut state = api.stores.state();
    state.conversations.insert(id.clone(), info);
    state.lines.insert(id, lines.iter().map(line).collect());
}

#[tokio::test]
async fn what_was_said_before_a_restart_comes_from_the_transcript_and_nothing_twice() {
    use Speaker::{Assistant, User};
    let api = TestApi::new().await;
    let id = channel(&api).await;
    talked(&api, &id, "o", &[(User, 1, 0), (Assistant, 1, 10), (User, 2, 20), (Assistant, 2, 30)]);
    let ids = async |api: &TestApi| {
        let (_, room) = next(&mut opened(api, Role::Operator, &id).await).await;
        let items = room["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = ["line-1-person", "line-1-bot", "line-2-person", "line-2-bot"];
    assert_eq!(ids(&api).await, all);
    // The card of the second answer was shown anew after the restart; its question was not.
    api.playground.show(item("card-m2-0", "Assistant 2", Some(2), Timestamp::from_millis(START_MS + 40)));
    assert_eq!(ids(&api).await, ["line-1-person", "line-1-bot", "line-2-person", "card-m2-0"]);
    // What was said here is not said once more.
    api.playground.show(item("m3", "User 3", None, Timestamp::from_millis(START_MS + 20)));
    assert_eq!(ids(&api).await, ["line-1-person", "line-1-bot", "card-m2-0", "m3"]);
}

#[tokio::test]
async fn rooms_go_with_the_channel() {
    let api = TestApi::new().await;
    let id = channel(&api).await;
    assert_eq!(api.delete(&format!("/channels/{id}")).await.status, 204);
    assert_eq!(*api.playground.forgotten.lock().unwrap(), [(ChannelId::new(&id), None)]);
    problem(&said(&api, Role::Admin, &id, None, &json!({"text": "hi"})).await, 404, "not-found");
    let request = api.request(Method::GET, &format!("/api/v1/playground/{id}/stream"), None);
    problem(&api.send(request).await, 404, "not-found");
}
