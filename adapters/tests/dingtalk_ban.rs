//! A ban of our address holds the calls of all channels at that address, whatever API and app they are of.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests and what they share fail by panicking"
)]

mod dingtalk_support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dingtalk_support::{
    CREATE, OPEN, PRIVATE_SEND, Platform, StillClock, TOKEN, card, channel, claim, direct, error, group, ok,
    open, own_template, private, send,
};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rstest::rstest;
use serde_json::{Value, json};
use switchboard_adapters::dingtalk::DingTalk;
use switchboard_domain::channel::{CloseCause, ErrorCode};
use switchboard_domain::ids::{ChannelId, ConnectionId};
use switchboard_domain::message::Inbound;
use switchboard_domain::reply::{CardOutcome, Claim, PartOutcome, Way};
use switchboard_ports::provider::{
    Ack, CheckResult, ConnectionSink, Link, Press, Pressed, Provider, Signal, Unmetered,
};
use tokio_util::sync::CancellationToken;
use wiremock::ResponseTemplate;

const FIVE_MINUTES: Duration = Duration::from_mins(5);

/// Nothing is ever heard.
struct Deaf;

impl ConnectionSink for Deaf {
    fn signal(&self, _signal: Signal) {}

    fn offer(&self, _message: Inbound) -> BoxFuture<'static, Ack> {
        std::future::ready(Ack::Withheld).boxed()
    }

    fn press(&self, _press: Press) -> BoxFuture<'static, Pressed> {
        std::future::ready(Pressed::Over).boxed()
    }
}

/// One process, with its channels and what it calls.
struct Process {
    provider: DingTalk,
    calls: Arc<Mutex<Vec<&'static str>>>,
}

impl Process {
    fn new() -> Self {
        let calls: Arc<Mutex<Vec<&'static str>>> = Arc::default();
        let told = Arc::clone(&calls);
        let observer = Arc::new(move |api, _| told.lock().unwrap().push(api));
        Self { provider: DingTalk::new(Arc::new(StillClock), direct(), observer).unwrap(), calls }
    }

    fn link(&self, platform: &Platform, app: &str, config: Value) -> Arc<dyn Link> {
        let mut channel = channel(&platform.server.uri(), config);
        channel.id = ChannelId::new(format!("chn_{app}"));
        channel.config["client_id"] = json!(app);
        self.provider.link(&channel, Arc::new(Unmetered)).unwrap()
    }

    fn calls(&self) -> usize {
        self.calls.lock().unwrap().len()
    }
}

fn ban() -> ResponseTemplate {
    ok(json!({"status": 1111, "wait": 5, "source": "x5", "punish": "deny", "uuid": "u"}))
}

async fn connected(link: &Arc<dyn Link>) -> CloseCause {
    link.connect(ConnectionId(1), Arc::new(Deaf), CancellationToken::new()).await
}

/// Something in between may refuse one message alone: that is no reason to keep silent towards everybody.
#[tokio::test]
async fn a_page_that_denies_a_call_closes_its_api_alone() {
    let (platform, process) = (Platform::start().await, Process::new());
    let denied = ResponseTemplate::new(403).set_body_string("<html>denied</html>");
    platform.answers("POST", PRIVATE_SEND, vec![denied]).await;
    let link = process.link(&platform, "one", json!({}));
    let sent = send(&link, private(), Way::Api, "hello").await;
    assert_eq!(sent, PartOutcome::Throttled { retry_after: FIVE_MINUTES });
    assert!(link.claim(claim(Claim::Text(Way::Api))).now_or_never().is_none());
    assert!(link.claim(claim(Claim::Open)).now_or_never().is_some());
    assert!(link.barred().now_or_never().is_none());
}

#[tokio::test]
async fn a_ban_that_one_call_meets_holds_all_calls_of_all_apps() {
    let (platform, process) = (Platform::start().await, Process::new());
    platform.answers("POST", PRIVATE_SEND, vec![ban()]).await;
    let banned = process.link(&platform, "one", json!({}));
    let other = process.link(&platform, "other", json!({"calls_per_second": 0}));
    assert!(other.barred().now_or_never().is_none());
    let sent = send(&banned, private(), Way::Api, "hello").await;
    assert_eq!(sent, PartOutcome::Throttled { retry_after: FIVE_MINUTES });

    let calls = process.calls();
    for link in [&banned, &other] {
        for what in [Claim::Finish, Claim::Open, Claim::Text(Way::Api), Claim::Update] {
            assert!(link.claim(claim(what)).now_or_never().is_none(), "{what:?} waits");
        }
        assert!(link.barred().now_or_never().is_some(), "and the status can say why");
        let CloseCause::Failed { code, retry_after, .. } = connected(link).await else {
            panic!("a connection was made");
        };
        assert_eq!(code, ErrorCode::RateLimited);
        let rest = retry_after.unwrap();
        assert!((Duration::from_mins(4)..=FIVE_MINUTES).contains(&rest), "{rest:?}");
        let came = card(link, &group(), open("x")).await;
        assert!(matches!(came, CardOutcome::Throttled { .. }), "{came:?}");
        assert!(link.contact("manager807").await.is_err());
        assert!(link.preflight().await.iter().all(|check| check.result != CheckResult::Ok));
    }
    assert_eq!(process.calls(), calls, "nothing was asked");
    assert_eq!(platform.asked().await, [PRIVATE_SEND]);
}

/// The answers that a gateway and a token get are bans, too.
#[rstest]
#[case::gateway(OPEN)]
#[case::token(TOKEN)]
#[tokio::test]
async fn a_ban_that_a_call_without_a_bucket_meets_counts_as_well(#[case] api: &str) {
    let server = wiremock::MockServer::start().await;
    let (platform, process) = (Platform { server, calls: Arc::default() }, Process::new());
    platform.answers("POST", api, vec![ban()]).await;
    let link = process.link(&platform, "one", own_template());
    let other = process.link(&platform, "other", json!({}));
    if api == OPEN {
        assert!(matches!(connected(&link).await, CloseCause::Failed { code: ErrorCode::RateLimited, .. }));
    } else {
        let came = card(&link, &group(), open("x")).await;
        assert_eq!(came, CardOutcome::Throttled { retry_after: FIVE_MINUTES });
    }
    assert!(other.claim(claim(Claim::Update)).now_or_never().is_none());
}

/// A throttle of one API of one app stays that.
#[tokio::test]
async fn a_throttle_closes_its_own_lane_only() {
    let (platform, process) = (Platform::start().await, Process::new());
    let throttle = error(403, "Forbidden.AccessDenied.QpmLimitForAppkeyAndApi");
    platform.answers("POST", CREATE, vec![throttle]).await;
    let link = process.link(&platform, "one", json!({}));
    let other = process.link(&platform, "other", json!({}));
    let came = card(&link, &group(), open("x")).await;
    assert!(matches!(came, CardOutcome::Throttled { .. }), "{came:?}");
    assert!(link.claim(claim(Claim::Open)).now_or_never().is_none());
    assert!(link.claim(claim(Claim::Update)).now_or_never().is_some());
    assert!(other.claim(claim(Claim::Open)).now_or_never().is_some());
    assert!(link.barred().now_or_never().is_none());
}

/// The rate of a channel in service is its own, whatever is tried out beside it.
#[tokio::test]
async fn settings_that_are_only_tested_leave_the_live_limit_as_it_is() {
    let (platform, process) = (Platform::start().await, Process::new());
    let rate = |calls_per_second: u32| json!({"calls_per_second": calls_per_second});
    let live = process.link(&platform, "one", rate(2));
    let mut draft = channel(&platform.server.uri(), rate(0));
    draft.id = ChannelId::new("chn_draft");
    draft.config["client_id"] = json!("one");
    draft.enabled = false;
    let draft = process.provider.link(&draft, Arc::new(Unmetered)).unwrap();
    let granted = |link: &Arc<dyn Link>| link.claim(claim(Claim::Open)).now_or_never().is_some();
    assert_eq!([granted(&live), granted(&draft), granted(&live)], [true, true, false]);
    drop(draft);
    assert!(!granted(&live));
}
