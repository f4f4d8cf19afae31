//! Each way in which an agent fails is told apart from the others.

use std::time::Duration;

use futures_util::StreamExt;
use rstest::rstest;
use switchboard_adapters::net::{Exceptions, Proxies, Proxy};
use switchboard_domain::outcome::AgentFailureKind;
use switchboard_ports::agent::{AgentAttachment, AgentEvent};
use tokio::net::TcpListener;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::peer::{build, build_behind, chat, config, events, failure, peer, request, send};

#[rstest]
#[case(400, "agent_attachment_refused")]
#[case(413, "agent_attachment_refused")]
#[case(415, "agent_attachment_refused")]
#[case(422, "agent_attachment_refused")]
#[case(404, "agent_bad_request")]
#[case(401, "agent_unauthorized")]
#[case(500, "agent_server_error")]
#[tokio::test]
async fn a_refused_question_with_files_means_the_files(#[case] status: u16, #[case] expected: &str) {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(status)).mount(&server).await;
    let mut asked = request("See?");
    asked.attachments = vec![AgentAttachment {
        name: "a.png".to_owned(),
        media_type: "image/png".to_owned(),
        content: Some(bytes::Bytes::from_static(b"png")),
    }];
    let events: Vec<AgentEvent> = chat(&server.uri()).run(asked).collect().await;
    assert_eq!(failure(&events).0, expected);
}

#[rstest]
#[case(
    401,
    "",
    r#"{"error":{"code":"invalid_api_key","message":"sk-test is wrong"}}"#,
    "agent_unauthorized",
    "status 401, code invalid_api_key",
    None
)]
#[case(403, "", "", "agent_unauthorized", "status 403", None)]
#[case(
    404,
    "",
    r#"{"error":{"code":"model_not_found"}}"#,
    "agent_unknown_model",
    "status 404, code model_not_found",
    None
)]
#[case(
    400,
    "",
    r#"{"error":{"message":"Invalid model: x is an unknown model"}}"#,
    "agent_unknown_model",
    "status 400",
    None
)]
#[case(404, "", "not here", "agent_bad_request", "status 404", None)]
#[case(413, "", "", "agent_bad_request", "status 413", None)]
#[case(429, "7", "", "agent_rate_limited", "status 429", Some(7))]
#[case(429, "Sun, 06 Nov 1994 12:00:30 GMT", "", "agent_rate_limited", "status 429", Some(30))]
#[case(429, "", "", "agent_rate_limited", "status 429", None)]
#[case(500, "", "<html>", "agent_server_error", "status 500", None)]
#[case(503, "9", "", "agent_server_error", "status 503", Some(9))]
#[tokio::test]
async fn a_refusal_is_named_by_its_status(
    #[case] status: u16,
    #[case] retry_after: &str,
    #[case] body: &str,
    #[case] expected: &str,
    #[case] detail: &str,
    #[case] pause_s: Option<u64>,
) {
    let server = MockServer::start().await;
    let mut response = ResponseTemplate::new(status).set_body_string(body);
    if !retry_after.is_empty() {
        // The peer's own date would count first; this one is the clock's noon.
        response = response
            .insert_header("retry-after", retry_after)
            .insert_header("date", "Sun, 06 Nov 1994 12:00:00 GMT");
    }
    Mock::given(any()).respond_with(response).expect(1).mount(&server).await;
    let events = events(&chat(&server.uri())).await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(
        failure(&events),
        (expected_name(expected), detail.to_owned(), pause_s.map(Duration::from_secs))
    );
}

/// The name as the program has it, so that a misspelt one in a table fails.
fn expected_name(name: &str) -> &'static str {
    let kinds = AgentFailureKind::ALL;
    kinds.into_iter().map(AgentFailureKind::as_str).find(|known| *known == name).unwrap()
}

#[rstest]
#[case(407, "the proxy asks for a user and password that it accepts")]
#[case(403, "the proxy refused the connection")]
#[case(502, "the proxy refused the connection")]
#[tokio::test]
async fn an_agent_behind_a_proxy_that_refuses_is_unreachable_and_the_proxy_is_named(
    #[case] status: u16,
    #[case] detail: &str,
) {
    let proxy = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(status)).expect(1).mount(&proxy).await;
    let tls = Proxy::parse(&proxy.uri()).unwrap();
    let config = config("openai-chat", "https://llm.example/v1");
    let agent = build_behind(&config, Proxies::new(None, tls, Exceptions::default())).unwrap();
    let events = events(&agent).await;
    assert_eq!(failure(&events), (expected_name("agent_unreachable"), detail.to_owned(), None));
}

#[tokio::test]
async fn a_redirect_to_another_origin_is_not_followed() {
    let (here, there) = (MockServer::start().await, MockServer::start().await);
    let away = ResponseTemplate::new(307).insert_header("location", format!("{}/b", there.uri()).as_str());
    Mock::given(any()).respond_with(away).mount(&here).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).expect(0).mount(&there).await;
    let failure = failure(&events(&chat(&here.uri())).await);
    assert_eq!(failure, ("agent_bad_request", "status 307".to_owned(), None));
}

#[tokio::test]
async fn a_refusal_whose_body_never_comes_is_named_by_its_status() {
    let (address, _server) = peer(async |mut socket| {
        send(&mut socket, "HTTP/1.1 500 Oops\r\ncontent-length: 100\r\n\r\n{").await;
        crate::peer::closed(socket).await;
    })
    .await;
    assert_eq!(failure(&events(&chat(&address)).await).0, "agent_server_error");
}

#[tokio::test]
async fn nobody_at_the_address_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let events = events(&chat(&format!("http://{address}"))).await;
    assert_eq!(failure(&events), ("agent_unreachable", "connection refused".to_owned(), None));
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_unreachable() {
    let events = events(&chat("http://agent.invalid/v1")).await;
    assert_eq!(failure(&events).0, "agent_unreachable");
}

#[tokio::test]
async fn a_peer_without_tls_is_unreachable_over_https() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        send(&mut socket, "HTTP/1.1 400 Bad Request\r\n\r\n").await;
        crate::peer::closed(socket).await;
    });
    let events = events(&chat(&format!("https://{address}"))).await;
    assert_eq!(failure(&events), ("agent_unreachable", "TLS failed".to_owned(), None));
    server.await.unwrap();
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_unreachable_after_the_connect_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = config("openai-chat", &format!("https://{}", listener.local_addr().unwrap()));
    config.connect_timeout = Duration::from_millis(50);
    let events = events(&build(&config)).await;
    assert_eq!(failure(&events), ("agent_unreachable", "connecting timed out".to_owned(), None));
}

#[tokio::test]
async fn a_connection_closed_before_the_answer_is_unreachable() {
    let (address, _server) = peer(async |socket| drop(socket)).await;
    let events = events(&chat(&address)).await;
    let detail = "the connection was closed without an answer".to_owned();
    assert_eq!(failure(&events), ("agent_unreachable", detail, None));
}

#[tokio::test]
async fn a_compressed_body_is_malformed() {
    let server = MockServer::start().await;
    let response =
        ResponseTemplate::new(200).insert_header("content-encoding", "gzip").set_body_bytes([31, 139]);
    Mock::given(any()).respond_with(response).mount(&server).await;
    assert_eq!(failure(&events(&chat(&server.uri())).await).0, "agent_malformed");
}

#[tokio::test]
async fn an_error_inside_the_stream_comes_after_the_start() {
    let server = MockServer::start().await;
    let body = "data: {\"error\":{\"code\":\"overloaded\",\"message\":\"Hello?\"}}\n\n";
    let response = ResponseTemplate::new(200).set_body_raw(body, "text/event-stream");
    Mock::given(any()).respond_with(response).mount(&server).await;
    let events = events(&chat(&server.uri())).await;
    assert_eq!(events[0], AgentEvent::Started { run: None });
    assert_eq!(failure(&events), ("agent_server_error", "code overloaded".to_owned(), None));
}
