//! Opening a connection over real sockets: gateway, ticket, upgrade, and what goes wrong there.

mod dingtalk_support;

use std::sync::Arc;
use std::time::Duration;

use dingtalk_support::{OPEN, Platform, error, ok};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use rstest::rstest;
use serde_json::json;
use switchboard_domain::channel::{CloseCause, ErrorCode};
use switchboard_domain::ids::ConnectionId;
use switchboard_domain::message::Inbound;
use switchboard_ports::provider::{Ack, ConnectionSink, Link, Press, Pressed, Signal};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::StatusCode;
use tokio_util::sync::CancellationToken;
use wiremock::ResponseTemplate;

/// Longer than anything here takes.
const CAP: Duration = Duration::from_secs(30);

struct Sink(mpsc::UnboundedSender<Signal>);

impl ConnectionSink for Sink {
    fn signal(&self, signal: Signal) {
        let _ = self.0.send(signal);
    }

    fn offer(&self, _message: Inbound) -> BoxFuture<'static, Ack> {
        async { Ack::Stored }.boxed()
    }

    fn press(&self, _press: Press) -> BoxFuture<'static, Pressed> {
        async { Pressed::Over }.boxed()
    }
}

async fn connect(link: Arc<dyn Link>, close: CancellationToken) -> (CloseCause, Vec<Signal>) {
    let (signals, mut heard) = mpsc::unbounded_channel();
    let connection = link.connect(ConnectionId(1), Arc::new(Sink(signals)), close);
    let cause = timeout(CAP, connection).await;
    let mut all = Vec::new();
    while let Ok(signal) = heard.try_recv() {
        all.push(signal);
    }
    assert!(cause.is_ok(), "the connection ends");
    (cause.unwrap_or(CloseCause::Clean), all)
}

#[tokio::test]
#[expect(clippy::result_large_err, reason = "the callback's shape is the WebSocket library's")]
async fn a_ticket_opens_one_connection_that_proves_itself_and_closes_cleanly() {
    let platform = Platform::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("ws://{}/connect", listener.local_addr().unwrap());
    platform.answers("POST", OPEN, vec![ok(json!({"endpoint": endpoint, "ticket": "a+b/c="}))]).await;
    let close = CancellationToken::new();
    let closing = close.clone();
    let peer = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut asked = String::new();
        let check = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
            asked = request.uri().to_string();
            Ok(response)
        };
        let mut socket = tokio_tungstenite::accept_hdr_async(stream, check).await.unwrap();
        assert!(matches!(socket.next().await, Some(Ok(Message::Ping(_)))));
        closing.cancel();
        assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
        assert!(socket.next().await.is_none_or(|read| read.is_err()), "the stream ends");
        asked
    });
    let (cause, signals) = connect(platform.link(json!({})), close).await;
    assert_eq!(cause, CloseCause::Clean);
    assert_eq!(signals.first(), Some(&Signal::Opened));
    assert_eq!(peer.await.unwrap(), "/connect?ticket=a%2Bb%2Fc%3D");

    let body = platform.sent(OPEN).await.remove(0);
    assert_eq!((&body["clientId"], &body["clientSecret"]), (&json!("dingabc"), &json!("s3cr3t")));
    assert_eq!(body["subscriptions"], json!([{"type": "CALLBACK", "topic": "/v1.0/im/bot/messages/get"}]));
    let requests = platform.server.received_requests().await.unwrap();
    assert_eq!(requests[0].headers.get("accept").unwrap(), "application/json");
}

#[rstest]
#[case(error(401, "authFailed"), ErrorCode::InvalidCredentials, None)]
#[case(error(403, "Forbidden.AccessDenied.IpNotInWhiteList"), ErrorCode::PermissionDenied, None)]
#[case(error(403, "Forbidden.AccessDenied.ApiCountLimitForOrg"), ErrorCode::QuotaExceeded, None)]
#[case(error(403, "Forbidden.AccessDenied.QpsLimitForApi"), ErrorCode::RateLimited, Some(1))]
#[case(error(400, "systemError"), ErrorCode::PlatformError, None)]
#[case(error(400, "invalidParameter"), ErrorCode::Misconfigured, None)]
#[case(ResponseTemplate::new(503), ErrorCode::PlatformError, None)]
#[case(ok(json!({"status": 1111, "wait": 5})), ErrorCode::RateLimited, Some(300))]
#[case(ok(json!({"endpoint": "ws://127.0.0.1:1/c"})), ErrorCode::PlatformError, None)]
#[case(ok(json!({"endpoint": "ws://127.0.0.1:1/c", "ticket": "t"})), ErrorCode::NetworkUnreachable, None)]
#[tokio::test]
async fn a_connection_that_cannot_be_opened_says_why(
    #[case] answer: ResponseTemplate,
    #[case] expected: ErrorCode,
    #[case] pause_s: Option<u64>,
) {
    let platform = Platform::start().await;
    platform.answers("POST", OPEN, vec![answer]).await;
    let (cause, signals) = connect(platform.link(json!({})), CancellationToken::new()).await;
    let CloseCause::Failed { code, detail, retry_after } = cause else { panic!("it cannot be opened") };
    assert_eq!((code, retry_after), (expected, pause_s.map(Duration::from_secs)));
    assert!(!detail.contains("s3cr3t") && detail.chars().count() <= 300);
    assert_eq!(signals, [], "never opened, not for a moment");
}

#[tokio::test]
#[expect(clippy::result_large_err, reason = "the callback's shape is the WebSocket library's")]
async fn a_refused_upgrade_names_its_status_and_not_the_ticket() {
    let platform = Platform::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("ws://{}/connect", listener.local_addr().unwrap());
    platform.answers("POST", OPEN, vec![ok(json!({"endpoint": endpoint, "ticket": "secret-ticket"}))]).await;
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let refuse = |_: &Request, _: Response| -> Result<Response, ErrorResponse> {
            let mut refusal = ErrorResponse::new(None);
            *refusal.status_mut() = StatusCode::BAD_REQUEST;
            Err(refusal)
        };
        let _ = tokio_tungstenite::accept_hdr_async(stream, refuse).await;
    });
    let (cause, _) = connect(platform.link(json!({})), CancellationToken::new()).await;
    let CloseCause::Failed { code, detail, .. } = cause else { panic!("it was refused") };
    assert_eq!(code, ErrorCode::PlatformError);
    assert!(detail.contains("400") && !detail.contains("secret-ticket"), "{detail}");
}

#[tokio::test]
async fn closing_while_the_gateway_is_asked_ends_at_once() {
    let platform = Platform::start().await;
    platform.answers("POST", OPEN, vec![ok(json!({})).set_delay(CAP)]).await;
    let close = CancellationToken::new();
    close.cancel();
    assert_eq!(connect(platform.link(json!({})), close).await, (CloseCause::Clean, Vec::new()));
}

/// Every push counts against a quota: presses are asked for only where a template may have a button.
#[rstest]
#[case(json!({}), false)]
#[case(json!({"ai_card": {"template_id": "t", "enabled": false}}), false)]
#[case(json!({"ai_card": {"template_id": "t"}}), true)]
#[tokio::test]
async fn presses_are_subscribed_to_with_a_template_of_ones_own(
    #[case] config: serde_json::Value,
    #[case] subscribed: bool,
) {
    let platform = Platform::start().await;
    platform.answers("POST", OPEN, vec![error(500, "system.error")]).await;
    connect(platform.link(config), CancellationToken::new()).await;
    let mut topics = vec![json!({"type": "CALLBACK", "topic": "/v1.0/im/bot/messages/get"})];
    if subscribed {
        topics.push(json!({"type": "CALLBACK", "topic": "/v1.0/card/instances/callback"}));
    }
    assert_eq!(platform.sent(OPEN).await[0]["subscriptions"], json!(topics));
}
