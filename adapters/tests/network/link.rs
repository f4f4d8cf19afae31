//! A channel's connection through a proxy: gateway by HTTP, stream by WebSocket, and closing while the proxy hangs.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::json;
use switchboard_adapters::dingtalk::DingTalk;
use switchboard_adapters::net::Network;
use switchboard_domain::channel::{CloseCause, ErrorCode};
use switchboard_domain::ids::ConnectionId;
use switchboard_domain::message::Inbound;
use switchboard_ports::provider::{
    Ack, ConnectionSink, Link, Press, Pressed, Provider as _, Signal, Unmetered,
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::dingtalk_support::{OPEN, Platform, StillClock, channel, ok};
use crate::peers::{Authority, CAP, Manners, TestProxy, network, socket_server};

/// Closes the connection as soon as it is open.
struct Closing(CancellationToken);

impl ConnectionSink for Closing {
    fn signal(&self, signal: Signal) {
        if signal == Signal::Opened {
            self.0.cancel();
        }
    }

    fn offer(&self, _message: Inbound) -> BoxFuture<'static, Ack> {
        async { Ack::Stored }.boxed()
    }

    fn press(&self, _press: Press) -> BoxFuture<'static, Pressed> {
        async { Pressed::Over }.boxed()
    }
}

/// A link to `http://api.example`, which only the proxy knows.
fn link(network: Network) -> Arc<dyn Link> {
    let provider = DingTalk::new(Arc::new(StillClock), network, Arc::new(|_, _| {})).unwrap();
    provider.link(&channel("http://api.example", json!({})), Arc::new(Unmetered)).unwrap()
}

async fn connected(link: &Arc<dyn Link>, close: &CancellationToken) -> CloseCause {
    let sink = Arc::new(Closing(close.clone()));
    timeout(CAP, link.connect(ConnectionId(1), sink, close.clone())).await.unwrap()
}

async fn platform(proxy: &TestProxy) -> Platform {
    let platform = Platform::start().await;
    proxy.knows("api.example:80", *platform.server.address());
    let ticket = json!({"endpoint": "wss://stream.example/connect", "ticket": "t"});
    platform.answers("POST", OPEN, vec![ok(ticket)]).await;
    platform
}

#[tokio::test]
async fn the_gateway_and_the_stream_are_reached_through_the_proxy() {
    let authority = Authority::default();
    let proxy = TestProxy::start(Manners::default()).await;
    let _platform = platform(&proxy).await;
    proxy.knows("stream.example:443", socket_server(Some(authority.host("stream.example"))).await);
    let link = link(network(&authority.trusted(), &format!("http://{}", proxy.address), ""));
    assert_eq!(connected(&link, &CancellationToken::new()).await, CloseCause::Clean);
    let asked = proxy.asked();
    assert!(asked[0].starts_with("POST http://api.example/v1.0/gateway/"), "{asked:?}");
    assert_eq!(asked[1..], ["CONNECT stream.example:443 HTTP/1.1"]);
}

#[tokio::test]
async fn a_stream_that_is_not_trusted_fails_the_connection_and_says_so() {
    let (authority, stranger) = (Authority::default(), Authority::default());
    let proxy = TestProxy::start(Manners::default()).await;
    let _platform = platform(&proxy).await;
    proxy.knows("stream.example:443", socket_server(Some(stranger.host("stream.example"))).await);
    let link = link(network(&authority.trusted(), &format!("http://{}", proxy.address), ""));
    let CloseCause::Failed { code, detail, .. } = connected(&link, &CancellationToken::new()).await else {
        panic!("it is not trusted");
    };
    assert_eq!(code, ErrorCode::NetworkUnreachable);
    assert!(
        detail.ends_with("agree on TLS with the endpoint: invalid peer certificate: UnknownIssuer"),
        "{detail}"
    );
}

#[tokio::test]
async fn closing_while_the_proxy_hangs_ends_at_once() {
    let forwarding = TestProxy::start(Manners::default()).await;
    let _platform = platform(&forwarding).await;
    let hanging = TestProxy::start(Manners { hangs: true, ..Manners::default() }).await;
    // HTTP goes through one proxy, the stream through the other.
    let parse = |proxy: &TestProxy| {
        switchboard_adapters::net::Proxy::parse(&format!("http://{}", proxy.address)).unwrap()
    };
    let proxies = switchboard_adapters::net::Proxies::new(
        parse(&forwarding),
        parse(&hanging),
        switchboard_adapters::net::Exceptions::default(),
    );
    let link = link(Network::new(&Authority::default().trusted(), proxies).unwrap());
    let close = CancellationToken::new();
    let (cause, ()) = tokio::join!(connected(&link, &close), async {
        hanging.was_asked().await;
        close.cancel();
    });
    // Had it waited for the time-out, it would have failed.
    assert_eq!(cause, CloseCause::Clean);
}
