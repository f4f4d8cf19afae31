//! Opening a stream connection: a ticket from the gateway, used at once for one WebSocket (dingtalk §1).

use serde_json::{Value, json};
use switchboard_domain::channel::ErrorCode;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Error as SocketError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use url::Url;

use super::api::Api;
use super::classify::{Failure, Verdict};
use super::frame::{CARD_TOPIC, ROBOT_TOPIC};
use super::http::{CALL_TIMEOUT, CONNECT_TIMEOUT, Request};
use super::platform::Platform;
use crate::net::{Network, Stream};

/// Longest frame and message taken, in bytes; real ones fit 256 KiB (dingtalk §2.8).
const FRAME_BYTES_MAX: usize = 1024 * 1024;
/// Read buffer of a connection, in bytes. It lives as long as the connection, and there are a thousand of them: a usual frame
/// fits, a longer one takes more reads.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// How we name ourselves, in the recommended shape `name-sdk-lang/version` (dingtalk §1.1).
const USER_AGENT: &str = concat!("switchboard-sdk-rust/", env!("CARGO_PKG_VERSION"));

/// An open WebSocket to the platform.
pub(super) type Socket = WebSocketStream<Stream>;

/// A place to connect to: an address that holds a ticket, good for one connection within 90 seconds, never stored.
pub(super) struct Ticket(Url);

impl Platform {
    /// Asks the gateway for a ticket. Subscribed is what we handle and nothing else, because every push counts against the
    /// company's monthly quota (dingtalk §9.2): robot messages, and presses on cards where the template may have a button.
    pub(super) async fn open_gateway(&self) -> Result<Ticket, Failure> {
        let url = format!("{}{}", self.settings.api_base, Api::GatewayOpen.route().1);
        let mut topics = vec![ROBOT_TOPIC];
        topics.extend(self.settings.card.stop.is_some().then_some(CARD_TOPIC));
        let topics: Vec<_> =
            topics.into_iter().map(|topic| json!({"type": "CALLBACK", "topic": topic})).collect();
        let body = json!({
            "clientId": self.settings.client_id,
            "clientSecret": self.settings.client_secret.expose(),
            "subscriptions": topics,
            "ua": USER_AGENT,
        });
        let request = Request { api: Api::GatewayOpen, url: &url, token: None, body: &body };
        let answer = self.exchange(request, Instant::now() + CALL_TIMEOUT).await;
        let answer = answer.map_err(|failure| self.of_credentials(failure))?;
        ticket(&answer, self.settings.api_base.starts_with("https:"))
    }
}

/// The address to connect to. Over `ws` without TLS only where the API itself is asked without (a simulator, a proxy of
/// the operator's own): the ticket is a credential.
fn ticket(answer: &Value, tls_required: bool) -> Result<Ticket, Failure> {
    let bad = |detail: &str| Failure::new(Verdict::Unclear(ErrorCode::PlatformError), detail);
    let text = |name: &str| answer.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let endpoint = text("endpoint").ok_or_else(|| bad("an answer without an endpoint"))?;
    let ticket = text("ticket").ok_or_else(|| bad("an answer without a ticket"))?;
    let mut url = Url::parse(endpoint).map_err(|_| bad("an endpoint that is no address"))?;
    let allowed = match url.scheme() {
        "wss" => true,
        "ws" => !tls_required,
        _ => false,
    };
    if !allowed || !url.has_host() {
        return Err(bad("an endpoint that is not a wss address"));
    }
    url.query_pairs_mut().append_pair("ticket", ticket);
    Ok(Ticket(url))
}

/// Uses the ticket: a connection (through a proxy where there is one, TLS where asked for), then the upgrade; both bounded
/// in time.
pub(super) async fn dial(network: &Network, ticket: Ticket) -> Result<Socket, Failure> {
    let Ticket(url) = ticket;
    let stream = network.dial(&url, CONNECT_TIMEOUT).await;
    let stream = stream.map_err(|error| {
        Failure::new(Verdict::NotSent, format!("no stream connection: failed to {error}"))
    })?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(FRAME_BYTES_MAX))
        .max_frame_size(Some(FRAME_BYTES_MAX))
        .read_buffer_size(READ_BUFFER_BYTES);
    let upgrade = client_async_with_config(url.as_str(), stream, Some(config));
    match timeout(CALL_TIMEOUT, upgrade).await {
        Ok(Ok((socket, _response))) => Ok(socket),
        Ok(Err(error)) => Err(refused(&error)),
        Err(_) => Err(Failure::new(Verdict::NotSent, "no answer to the WebSocket upgrade in time")),
    }
}

/// A failed upgrade. Errors that quote the address are not passed on: it holds the ticket.
fn refused(error: &SocketError) -> Failure {
    match error {
        SocketError::Http(response) => Failure::new(
            Verdict::Unclear(ErrorCode::PlatformError),
            format!("the WebSocket upgrade was refused with status {}", response.status().as_u16()),
        ),
        SocketError::Io(error) => Failure::new(Verdict::NotSent, format!("the connection broke: {error}")),
        SocketError::ConnectionClosed
        | SocketError::AlreadyClosed
        // TLS is below the stream that was handed in.
        | SocketError::Tls(_)
        | SocketError::Capacity(_)
        | SocketError::Protocol(_)
        | SocketError::WriteBufferFull(_)
        | SocketError::Utf8(_)
        | SocketError::AttackAttempt
        | SocketError::Url(_)
        | SocketError::HttpFormat(_) => Failure::new(
            Verdict::Unclear(ErrorCode::PlatformError),
            "an endpoint that does not speak WebSocket",
        ),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::ticket;

    #[rstest]
    #[case(
        "wss://wss-open-connection.dingtalk.com:443/connect",
        "a+b/c=&d",
        "wss://wss-open-connection.dingtalk.com/connect?ticket=a%2Bb%2Fc%3D%26d"
    )]
    #[case("wss://h:8443/connect?x=1", "t", "wss://h:8443/connect?x=1&ticket=t")]
    fn the_ticket_is_appended_and_encoded(
        #[case] endpoint: &str,
        #[case] value: &str,
        #[case] expected: &str,
    ) {
        let url =
            ticket(&json!({"endpoint": endpoint, "ticket": value}), true).map(|ticket| ticket.0).unwrap();
        assert_eq!(url.as_str(), expected);
    }

    #[rstest]
    #[case(json!({"endpoint": "wss://h/connect"}))]
    #[case(json!({"endpoint": "", "ticket": "t"}))]
    #[case(json!({"endpoint": "ws://h/connect", "ticket": "t"}))]
    #[case(json!({"endpoint": "http://h/connect", "ticket": "t"}))]
    #[case(json!({"endpoint": "connect", "ticket": "t"}))]
    #[case(json!({"endpoint": 7, "ticket": "t"}))]
    fn an_unusable_endpoint_is_refused(#[case] answer: serde_json::Value) {
        assert!(ticket(&answer, true).is_err());
    }

    #[test]
    fn plain_ws_is_allowed_where_the_api_is_plain() {
        assert!(ticket(&json!({"endpoint": "ws://127.0.0.1:9/c", "ticket": "t"}), false).is_ok());
    }
}
