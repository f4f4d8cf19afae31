//! What holds for the API as a whole: bodies, unknown places, headers, paging, operations.

use axum::body::Body;
use axum::http::{Method, Request, header};
use rstest::rstest;
use serde_json::json;
use switchboard_domain::ids::{
    ChannelId, ConversationKey, MessageId, RetryNumber, Seq, SessionNumber, UserId,
};
use switchboard_domain::message::ChatKind;
use switchboard_domain::outcome::{AgentFailureKind, FailureCause};
use switchboard_domain::reply::Tried;
use switchboard_domain::snapshot::{Mark, Role, TranscriptLine};
use switchboard_domain::time::Timestamp;
use switchboard_ports::conversations::Failure;
use switchboard_ports::failures::FailureInfo;
use switchboard_ports::transcripts::ConversationInfo;
use switchboard_ports::users::Identity;

use super::origin::Arrival;
use crate::runtime::operations::NotReady;
use crate::testing::{Answer, START_MS, TestApi, problem};

const NOW: Timestamp = Timestamp::from_millis(START_MS);

async fn raw(api: &TestApi, kind: Option<&str>, body: impl Into<Body>) -> Answer {
    let mut request = api.request(Method::POST, "/api/v1/agents", None);
    if let Some(kind) = kind {
        request.headers_mut().insert(header::CONTENT_TYPE, kind.parse().unwrap());
    }
    *request.body_mut() = body.into();
    api.send(request).await
}

#[rstest]
#[case(None)]
#[case(Some("text/plain"))]
#[case(Some("application/x-www-form-urlencoded"))]
#[case(Some("application/jsonp"))]
#[tokio::test]
async fn a_body_that_is_not_said_to_be_json_is_415(#[case] kind: Option<&str>) {
    let api = TestApi::new().await;
    problem(&raw(&api, kind, "{}").await, 415, "not-json");
}

#[rstest]
#[case("", "the body is empty")]
#[case("{\"name\": ", "at line 1 column 9")]
#[case("{'a': 1}", "at line 1 column 2")]
#[case("{\n\"a\": tru}", "at line 2 column 9")]
#[tokio::test]
async fn malformed_json_is_400_with_its_position(#[case] body: &'static str, #[case] words: &str) {
    let api = TestApi::new().await;
    let answer = raw(&api, Some("Application/JSON; charset=utf-8"), body).await;
    problem(&answer, 400, "malformed");
    assert!(answer.json["detail"].as_str().unwrap().contains(words), "{answer:?}");
}

#[tokio::test]
async fn a_deeply_nested_body_is_refused_instead_of_followed() {
    let api = TestApi::new().await;
    let body = "[".repeat(100_000);
    problem(&raw(&api, Some("application/json"), body).await, 400, "malformed");
}

#[tokio::test]
async fn a_body_of_10_mib_is_413_whether_or_not_its_length_is_said() {
    let api = TestApi::new().await;
    let body = format!("{{\"name\": \"{}\"}}", "x".repeat(10 * 1024 * 1024));
    problem(&raw(&api, Some("application/json"), body.clone()).await, 413, "too-large");
    let chunks =
        body.into_bytes().chunks(65_536).map(|c| Ok::<_, std::io::Error>(c.to_vec())).collect::<Vec<_>>();
    let chunked = Body::from_stream(futures_util::stream::iter(chunks));
    problem(&raw(&api, Some("application/json"), chunked).await, 413, "too-large");
    assert!(api.stores.state().agents.is_empty());
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_413_before_it_sends() {
    let api = TestApi::new().await;
    let mut request = api.request(Method::POST, "/api/v1/agents", None);
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
    headers.insert(header::CONTENT_LENGTH, "10000000".parse().unwrap());
    headers.insert(header::EXPECT, "100-continue".parse().unwrap());
    *request.body_mut() =
        Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    problem(&api.send(request).await, 413, "too-large");
}

#[tokio::test]
async fn unknown_places_are_404_and_below_the_base_only_for_callers() {
    let api = TestApi::new().await;
    let bare = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    problem(&api.send(bare("/nothing")).await, 404, "not-found");
    problem(&api.send(bare("/api/v1/nothing")).await, 401, "unauthorized");
    problem(&api.get("/nothing").await, 404, "not-found");
    problem(&api.get(&format!("/agents/{}", "x".repeat(5_000))).await, 404, "not-found");
    problem(&api.get("/agents/%FF").await, 404, "not-found");
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let api = TestApi::new().await;
    for path in ["/", "/panel/channels", "/panel/sign-in", "/healthz", "/nothing", "/api/v1/agents"] {
        let answer = api.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff", "{path}");
        assert_eq!(answer.header(header::X_FRAME_OPTIONS), "DENY", "{path}");
        let policy = answer.header(header::CONTENT_SECURITY_POLICY);
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path} {policy}");
    }
}

#[tokio::test]
async fn health_needs_no_token_and_readiness_follows_the_driver() {
    let api = TestApi::new().await;
    let bare = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    assert_eq!(api.send(bare("/healthz")).await.json, json!({"status": "ok"}));
    let store = json!({"durability": "lossy", "losses": ["synced_each_second", "evicting"]});
    assert_eq!(api.send(bare("/readyz")).await.json, json!({"status": "ready", "store": store}));
    *api.operations.ready.lock().unwrap() = Err(NotReady::Store(String::from("s3cr3t cause")));
    let answer = api.send(bare("/readyz")).await;
    problem(&answer, 503, "unavailable");
    assert!(!answer.text.contains("s3cr3t"));
    assert_eq!(api.send(bare("/healthz")).await.status, 200);
}

#[tokio::test]
async fn metrics_take_a_token_unless_they_are_public() {
    let bare = || Request::get("/metrics").body(Body::empty()).unwrap();
    let private = TestApi::new().await;
    problem(&private.send(bare()).await, 401, "unauthorized");
    let answer = private.send(private.request(Method::GET, "/metrics", None)).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header(header::CONTENT_TYPE).starts_with("text/plain; version=0.0.4"));
    assert_eq!(TestApi::with(true).await.send(bare()).await.status, 200);
}

#[rstest]
#[case("limit=0", "/limit")]
#[case("limit=201", "/limit")]
#[case("limit=many", "/limit")]
#[case("limit=1&limit=2", "/limit")]
#[case("limit=", "/limit")]
#[case("cursr=a", "/cursr")]
#[case("cursor=", "/cursor")]
#[case("cursor=garbage", "/cursor")]
#[case("cursor=eyJ9", "/cursor")]
#[case("cursor=%00", "/cursor")]
#[case("cursor=%ff", "/cursor")]
#[case("cursor=616", "/cursor")]
#[case("cursor=61", "/cursor")]
#[tokio::test]
async fn bad_query_parameters_are_422_by_name(#[case] query: &str, #[case] pointer: &str) {
    let api = TestApi::new().await;
    let answer = api.get(&format!("/agents?{query}")).await;
    problem(&answer, 422, "invalid-field");
    assert_eq!(answer.pointers(), [pointer]);
}

#[rstest]
#[case("/conversations?channel_id=", "/channel_id")]
#[case("/conversations?user_id=", "/user_id")]
#[case("/conversations?limit=", "/limit")]
#[case("/conversations?cursor=", "/cursor")]
#[case("/users?cursor=%00", "/cursor")]
#[case("/users?cursor=nobody", "/cursor")]
#[case("/users?cursor=usr_", "/cursor")]
#[case("/users?cursor=usr_a%20b", "/cursor")]
#[case("/audit?cursor=soon", "/cursor")]
#[case("/failures?cursor=a.b", "/cursor")]
#[case("/failures?cursor=nonsense", "/cursor")]
#[case("/failures?cursor=99999999999999999999", "/cursor")]
#[case("/conversations?cursor=12", "/cursor")]
#[case("/conversations?cursor=soon-cnv_1", "/cursor")]
#[case("/conversations?cursor=12-", "/cursor")]
#[tokio::test]
async fn an_empty_filter_is_422_instead_of_everything(#[case] path: &str, #[case] pointer: &str) {
    let api = TestApi::new().await;
    let answer = api.get(path).await;
    problem(&answer, 422, "invalid-field");
    assert_eq!(answer.pointers(), [pointer]);
    assert_eq!(api.get("/conversations?q=").await.status, 200);
}

#[tokio::test]
async fn lists_go_page_by_page_in_name_order() {
    let api = TestApi::new().await;
    for name in ["c", "A", "b"] {
        api.agent(name).await;
    }
    let first = api.get("/agents?limit=2").await;
    let names = |answer: &Answer| -> Vec<String> {
        answer.json["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| a["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&first), ["A", "b"]);
    let cursor = first.json["next_cursor"].as_str().unwrap();
    let second = api.get(&format!("/agents?limit=2&cursor={cursor}")).await;
    assert_eq!(names(&second), ["c"]);
    assert!(second.json["next_cursor"].is_null());
}

#[tokio::test]
async fn users_are_listed_and_read_with_their_identities() {
    let api = TestApi::new().await;
    let identity = Identity { platform: String::from("dingtalk"), im_user_id: String::from("u1") };
    api.user("u1", vec![identity]);
    let expected = json!({"id": "usr_u1", "username": "u1", "email": null, "email_verified": false, "display_name": "U1",
        "auth_source": "api", "disabled": false, "department": null, "directory": null, "shut_out_by": null,
        "identities": [{"platform": "dingtalk", "im_user_id": "u1"}], "version": 1,
        "created_at": "2026-01-02T03:04:05.678Z", "updated_at": "2026-01-02T03:04:05.678Z"});
    assert_eq!(api.get("/users").await.json, json!({"items": [expected], "next_cursor": null}));
    assert_eq!(api.get("/users/usr_u1").await.json, expected);
}

fn conversation(api: &TestApi, chat: &str, title: &str) -> ConversationInfo {
    let key = ConversationKey { channel: ChannelId::new("chn_1"), chat: chat.to_owned(), member: None };
    let info = ConversationInfo {
        id: key.id(),
        key,
        kind: ChatKind::Group,
        title: Some(title.to_owned()),
        author: String::from("U"),
        person: None,
        user: Some(UserId::new("usr_1")),
        session: Some((SessionNumber(2), NOW)),
        created_at: NOW,
        active_at: NOW,
        waiting: 1,
    };
    api.stores.state().conversations.insert(info.id.clone(), info.clone());
    info
}

#[tokio::test]
async fn conversations_are_filtered_and_their_transcript_is_read() {
    let api = TestApi::new().await;
    let wanted = conversation(&api, "cid1", "wanted");
    conversation(&api, "cid2", "other");
    let line = |role, text: &str, mark| TranscriptLine {
        session: SessionNumber(2),
        seq: Seq(1),
        role,
        text: text.to_owned(),
        at: NOW,
        mark,
    };
    let failed = Some(Mark::Failed(FailureCause::Agent(AgentFailureKind::CutStream)));
    let lines = vec![line(Role::User, "hi", None), line(Role::Assistant, "he", failed)];
    api.stores.state().lines.insert(wanted.id.clone(), lines);
    let listed = api.get("/conversations?channel_id=chn_1&user_id=usr_1&q=wanted&limit=1").await;
    assert_eq!(listed.json["items"].as_array().unwrap().len(), 1);
    let path = format!("/conversations/{}", wanted.id);
    let read = api.get(&path).await;
    assert_eq!(read.json, listed.json["items"][0]);
    assert_eq!(read.json["session"], json!({"number": 2, "started_at": "2026-01-02T03:04:05.678Z"}));
    assert_eq!(read.json["kind"], "group");
    let messages = api.get(&format!("{path}/messages")).await;
    assert_eq!(messages.json["items"][0]["role"], "user");
    assert_eq!(messages.json["items"][1]["mark"], "failed");
    assert_eq!(messages.json["items"][1]["cause"], "agent_cut_stream");
}

#[tokio::test]
async fn reset_and_stop_become_control_acts() {
    let api = TestApi::new().await;
    let conversation = conversation(&api, "cid1", "t");
    api.operations.conversations.lock().unwrap().push(conversation.id.clone());
    for act in ["reset", "stop", "stop?all=true"] {
        let answer = api.post(&format!("/conversations/{}/{act}", conversation.id), json!(null)).await;
        assert_eq!(answer.status, 202);
        assert_eq!(answer.json["id"], conversation.id.as_str());
    }
    let calls = ["control New", "control Stop { all: false }", "control Stop { all: true }"];
    assert_eq!(*api.operations.calls(), calls);
}

#[tokio::test]
async fn failures_are_listed_with_their_cause() {
    let api = TestApi::new().await;
    let key = ConversationKey { channel: ChannelId::new("chn_1"), chat: String::from("c"), member: None };
    let failure = Failure {
        seq: Seq(7),
        message: MessageId::new("msg1"),
        retry: RetryNumber(0),
        cause: FailureCause::CrashLoop,
        attempts: 3,
        at: NOW,
        tried: Tried::default(),
    };
    let info = FailureInfo {
        id: String::from("flr_1"),
        conversation: key.id(),
        channel: key.channel.clone(),
        failure,
        retried_at: None,
        can_be_retried: true,
    };
    api.stores.state().failures.push(info);
    let listed = api.get("/failures").await;
    assert_eq!(listed.json["items"][0]["cause"], "crash_loop");
    assert_eq!(listed.json["items"][0]["attempts"], 3);
    assert_eq!(listed.json["items"][0]["seq"], 7);
    assert_eq!(listed.json["items"][0]["ways"], json!([]));
    assert_eq!(listed.json["items"][0]["retry_of"], json!(null));
}

#[rstest]
#[case("", "203.0.113.7:1", false, "https", false)]
#[case("", "203.0.113.7:1", true, "http", true)]
#[case("trusted_proxies = [\"203.0.113.7\"]", "203.0.113.7:1", false, "https", true)]
#[case("trusted_proxies = [\"203.0.113.7\"]", "203.0.113.7:1", false, "http", false)]
#[case("trusted_proxies = [\"203.0.113.8\"]", "203.0.113.7:1", false, "https", false)]
#[case("public_url = \"https://im.example.com\"", "203.0.113.7:1", false, "http", true)]
#[case("public_url = \"http://im.example.com\"", "203.0.113.7:1", false, "http", false)]
#[tokio::test]
async fn who_comes_by_https_is_told_to_stay_with_it(
    #[case] server: &str,
    #[case] peer: &str,
    #[case] tls: bool,
    #[case] proto: &str,
    #[case] expected: bool,
) {
    let api = TestApi::configured(false, server).await;
    for path in ["/", "/api/v1/agents", "/healthz", "/nowhere"] {
        let mut request = Request::get(path).header("x-forwarded-proto", proto).body(Body::empty()).unwrap();
        request.extensions_mut().insert(Arrival { peer: peer.parse().unwrap(), tls });
        let answer = api.send(request).await;
        let told = answer.header(header::STRICT_TRANSPORT_SECURITY);
        assert_eq!(told, if expected { "max-age=15552000" } else { "" }, "{path}");
    }
}
