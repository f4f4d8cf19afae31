//! How many calls are under way at once, over real sockets.

mod dingtalk_support;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use dingtalk_support::{StillClock, WEBHOOK, channel, direct, private, send, webhook};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::json;
use switchboard_adapters::dingtalk::DingTalk;
use switchboard_domain::channel::{CloseCause, ErrorCode};
use switchboard_domain::ids::ConnectionId;
use switchboard_domain::message::{Inbound, Target};
use switchboard_domain::reply::{PartOutcome, Way};
use switchboard_ports::provider::{
    Ack, ConnectionSink, Link, Press, Pressed, Provider as _, Signal, Unmetered,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes, and shorter than a call waits for its answer: what times out makes room, too.
const CAP: Duration = Duration::from_secs(5);

/// Nothing is heard: no connection comes to be.
struct Deaf;

impl ConnectionSink for Deaf {
    fn signal(&self, _signal: Signal) {}

    fn offer(&self, _message: Inbound) -> BoxFuture<'static, Ack> {
        async { Ack::Stored }.boxed()
    }

    fn press(&self, _press: Press) -> BoxFuture<'static, Pressed> {
        async { Pressed::Over }.boxed()
    }
}

/// A platform whose answers each test gives one by one.
async fn platform() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    (listener, base)
}

fn link(provider: &DingTalk, base: &str, app: &str) -> Arc<dyn Link> {
    let mut channel = channel(base, json!({}));
    channel.config["client_id"] = json!(app);
    provider.link(&channel, Arc::new(Unmetered)).unwrap()
}

fn provider() -> DingTalk {
    DingTalk::new(Arc::new(StillClock), direct(), Arc::new(|_, _| ())).unwrap()
}

/// Refuses so many calls one by one, and looks before each answer that just `at_once` of those that are left are under way. Each
/// comes on a connection of its own.
async fn refused_in_turn(listener: &TcpListener, calls: usize, at_once: usize) {
    let mut asking = VecDeque::new();
    for answered in 0..calls {
        while asking.len() < at_once.min(calls - answered) {
            let (mut stream, _) = timeout(CAP, listener.accept()).await.expect("another asks").unwrap();
            let mut request = [0; 4096];
            assert_ne!(stream.read(&mut request).await.unwrap(), 0);
            asking.push_back(stream);
        }
        // Whoever would ask, too, has had many turns by now.
        assert!(listener.accept().now_or_never().is_none(), "{answered} answered: too many ask at once");
        let mut stream = asking.pop_front().unwrap();
        let refusal = "HTTP/1.1 500 Oh\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
        stream.write_all(refusal.as_bytes()).await.unwrap();
    }
}

/// All channels open when the server starts.
#[tokio::test]
async fn sixteen_channels_ask_for_their_tickets_at_once_and_each_of_the_others_when_one_has_its_answer() {
    const CHANNELS: usize = 40;
    let ((listener, base), provider) = (platform().await, provider());
    let opened: Vec<_> = (0..CHANNELS)
        .map(|number| link(&provider, &base, &format!("app-{number}")))
        .map(|link| {
            tokio::spawn(async move {
                link.connect(ConnectionId(1), Arc::new(Deaf), CancellationToken::new()).await
            })
        })
        .collect();
    refused_in_turn(&listener, CHANNELS, 16).await;
    for opened in opened {
        let cause = opened.await.unwrap();
        assert!(matches!(cause, CloseCause::Failed { code: ErrorCode::PlatformError, .. }), "{cause:?}");
    }
}

/// A platform that answers slowly is not met with ever more connections; another app waits for none of these calls.
#[tokio::test]
async fn sixty_four_calls_of_an_app_are_under_way_at_once() {
    const CALLS: usize = 100;
    let ((listener, base), provider) = (platform().await, provider());
    let address = format!("{base}{WEBHOOK}?session=s");
    let sent = |link: Arc<dyn Link>| {
        let target = Target { session_address: Some(webhook(&address)), ..private() };
        tokio::spawn(async move { send(&link, target, Way::SessionAddress, "hello").await })
    };
    let app = link(&provider, &base, "one");
    let calls: Vec<_> = (0..CALLS).map(|_| sent(Arc::clone(&app))).collect();
    refused_in_turn(&listener, CALLS, 64).await;
    for call in calls {
        assert_eq!(call.await.unwrap(), PartOutcome::Unknown);
    }
    let held: Vec<_> = (0..64).map(|_| sent(Arc::clone(&app))).collect();
    let other = sent(link(&provider, &base, "another"));
    refused_in_turn(&listener, 65, 65).await;
    assert_eq!(other.await.unwrap(), PartOutcome::Unknown);
    for call in held {
        assert_eq!(call.await.unwrap(), PartOutcome::Unknown);
    }
}
