//! One channel's access to the platform.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use switchboard_domain::channel::{CloseCause, ErrorCode};
use switchboard_domain::content::Attachment;
use switchboard_domain::ids::{ChannelId, ConnectionId, MessageId, RetryNumber};
use switchboard_domain::notice::Finding;
use switchboard_domain::reply::{CardCall, CardOutcome, PartOutcome};
use switchboard_domain::settings::ReplyLimits;
use switchboard_domain::usage::{Pace, QuotaRules, Used};
use switchboard_ports::channels::Channel;
use switchboard_ports::provider::{
    Came, CardRequest, Check, CheckResult, ClaimRequest, ConnectionSink, FetchFailure, Fetched, Link, Meter,
    PartRequest, Signal,
};
use tokio_util::sync::CancellationToken;

use super::state::{Socket, card_of, named};
use super::{Call, Called, FakePlatform, Fate, FileFate, Seen};

/// Something is heard over a connection this often.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// What the platform says of a call that it refuses.
const WHY: &str = "fake.refused";

/// A claim that waits, until it is granted or given up.
struct Waiting<'a>(&'a FakePlatform);

impl<'a> Waiting<'a> {
    fn one_more(platform: &'a FakePlatform) -> Self {
        platform.state().claims_waiting += 1;
        Self(platform)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.state().claims_waiting -= 1;
    }
}

pub(super) struct FakeLink {
    platform: FakePlatform,
    channel: ChannelId,
    secret: String,
    meter: Arc<dyn Meter>,
    quota: QuotaRules,
    is_enabled: bool,
}

impl FakeLink {
    pub(super) fn new(platform: FakePlatform, channel: &Channel, meter: Arc<dyn Meter>) -> Self {
        let secret = channel.secrets.get("/secret").map(|secret| secret.expose().to_owned());
        let calls_per_month = channel.config.pointer("/calls_per_month").and_then(serde_json::Value::as_u64);
        let saver = channel.config.pointer("/saver").and_then(serde_json::Value::as_str);
        let pace = Pace::ALL.into_iter().find(|(name, _)| Some(*name) == saver).map(|(_, pace)| pace);
        let quota = QuotaRules { calls_per_month, pace };
        Self {
            platform,
            channel: channel.id.clone(),
            secret: secret.unwrap_or_default(),
            meter,
            quota,
            is_enabled: channel.enabled,
        }
    }

    fn refusal(&self) -> Option<CloseCause> {
        let state = self.platform.state();
        if state.secret_taken.as_ref().is_some_and(|taken| *taken != self.secret) {
            return Some(CloseCause::Failed {
                code: ErrorCode::InvalidCredentials,
                detail: "401".to_owned(),
                retry_after: None,
            });
        }
        state.refuse_connections.clone()
    }

    fn panic_if_told(&self, id: ConnectionId) {
        let mut state = self.platform.state();
        if state.connections_panicked_at > 0 {
            state.connections_panicked_at -= 1;
            drop(state);
            self.forget(id);
            panic!("the connection panics, as the test wants");
        }
    }

    fn forget(&self, id: ConnectionId) {
        let it = (self.platform.driver, &self.channel, id);
        self.platform.state().sockets.retain(|socket| (socket.driver, &socket.channel, socket.id) != it);
    }

    fn fate(&self, called: Called) -> Fate {
        self.meter.count(Used::ApiCall);
        let (call, text) = (called.call, called.text.clone());
        let before = {
            let mut state = self.platform.state();
            state.calls.push(called);
            state.calls.len() - 1
        };
        let fate = (self.platform.inner.rule.lock().expect("rule"))(call, &text, before);
        match &fate {
            Fate::Do | Fate::Slow(_) => self.meter.performed(),
            Fate::Refuse(CardOutcome::Refused(ErrorCode::QuotaExceeded)) => self.meter.refused(),
            Fate::Refuse(_) | Fate::DoUnknown | Fate::Panic => {}
        }
        fate
    }

    fn show(&self, request: &CardRequest) -> CardOutcome {
        let at = self.platform.inner.clock.now();
        self.platform.state().show(request, at)
    }
}

/// A call under way; what is dropped before its end was cut off.
struct UnderWay {
    platform: FakePlatform,
    card: Option<MessageId>,
    ended: bool,
}

impl UnderWay {
    fn new(platform: &FakePlatform, card: Option<MessageId>) -> Self {
        if let Some(card) = &card {
            let mut state = platform.state();
            let count = state.under_way.entry(card.clone()).or_default();
            *count += 1;
            if *count > 1 {
                state.overlapping += 1;
            }
        }
        Self { platform: platform.clone(), card, ended: false }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = self.platform.state();
        state.cut_calls += u32::from(!self.ended);
        if let Some(count) = self.card.as_ref().and_then(|card| state.under_way.get_mut(card)) {
            *count = count.saturating_sub(1);
        }
    }
}

/// A fetch under way.
struct Fetching(FakePlatform);

impl Fetching {
    fn begun(platform: &FakePlatform, source: &str) -> Self {
        let mut state = platform.state();
        state.fetches.push(source.to_owned());
        state.fetching += 1;
        state.fetches_at_once = state.fetches_at_once.max(state.fetching);
        drop(state);
        Self(platform.clone())
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.fetching = state.fetching.saturating_sub(1);
    }
}

#[async_trait]
impl Link for FakeLink {
    fn limits(&self) -> ReplyLimits {
        ReplyLimits {
            cards: self.platform.state().cards_on,
            card_chars_max: 3_000,
            part_chars_max: 3_500,
            part_bytes_max: 14_000,
            update_interval: Duration::from_millis(800),
            pace: self.meter.pace(self.quota),
        }
    }

    fn quota_rules(&self) -> QuotaRules {
        self.quota
    }

    async fn connect(
        &self,
        id: ConnectionId,
        sink: Arc<dyn ConnectionSink>,
        close: CancellationToken,
    ) -> CloseCause {
        self.platform.wire.through().await;
        // The transport opens, whatever becomes of it: that proves nothing.
        sink.signal(Signal::Opened);
        if let Some(cause) = self.refusal() {
            return cause;
        }
        sink.signal(Signal::Heard);
        let cut = CancellationToken::new();
        {
            let (driver, channel) = (self.platform.driver, self.channel.clone());
            let (sink, meter) = (Arc::clone(&sink), Arc::clone(&self.meter));
            let socket = Socket { id, driver, channel, sink, cut: cut.clone(), meter };
            self.platform.state().connected(socket);
        }
        let cause = loop {
            tokio::select! {
                biased;
                () = close.cancelled() => break CloseCause::Clean,
                () = cut.cancelled() => break CloseCause::Failed {
                    code: ErrorCode::ConnectionLost,
                    detail: "cut".to_owned(),
                    retry_after: None,
                },
                () = tokio::time::sleep(HEARTBEAT) => {
                    self.panic_if_told(id);
                    sink.signal(Signal::Heard);
                }
            }
        };
        self.forget(id);
        cause
    }

    async fn claim(&self, request: ClaimRequest) {
        self.platform.state().claims.push(request.claim);
        let _waiting = Waiting::one_more(&self.platform);
        self.platform.inner.claims_held.wait(|held| !held).await;
    }

    async fn barred(&self) -> String {
        self.platform.inner.barred.wait(Option::is_some).await;
        self.platform.inner.barred.value().clone().unwrap_or_default()
    }

    async fn card(&self, request: CardRequest) -> Came<CardOutcome> {
        let (call, text) = match &request.call {
            CardCall::Open { text, .. } => (Call::Open, text.clone()),
            CardCall::Update { text } => (Call::Update, text.clone()),
            CardCall::Finish { text, .. } => (Call::Finish, text.clone()),
        };
        self.platform.wire.through().await;
        let mut under_way = UnderWay::new(&self.platform, Some(named(&request)));
        self.platform.inner.steps.step("card:before").await;
        let fate = self.fate(Called {
            at: self.platform.inner.clock.now(),
            chat: request.target.chat.id.clone(),
            call,
            card: Some(named(&request)),
            attempt: request.attempt,
            text,
        });
        let outcome = match fate {
            Fate::Do => self.show(&request),
            Fate::Refuse(outcome) => outcome,
            Fate::DoUnknown => {
                self.show(&request);
                CardOutcome::Unknown
            }
            Fate::Slow(pause) => {
                tokio::time::sleep(pause).await;
                self.show(&request)
            }
            Fate::Panic => panic!("the platform panics at a card, as the test wants"),
        };
        self.platform.inner.steps.step("card:after").await;
        under_way.ended = true;
        let made = call == Call::Open && outcome == CardOutcome::Done;
        let key = made.then(|| FakePlatform::quote_key(&request.message));
        let detail = if let CardOutcome::Refused(_) = outcome { WHY.to_owned() } else { String::new() };
        Came { outcome, key, detail }
    }

    async fn send(&self, request: PartRequest) -> Came<PartOutcome> {
        self.platform.wire.through().await;
        let mut under_way = UnderWay::new(&self.platform, None);
        self.platform.inner.steps.step("send:before").await;
        let fate = self.fate(Called {
            at: self.platform.inner.clock.now(),
            chat: request.target.chat.id.clone(),
            call: Call::Send(request.way),
            card: None,
            attempt: 0,
            text: request.text.clone(),
        });
        match fate {
            Fate::Slow(pause) => tokio::time::sleep(pause).await,
            Fate::Panic => panic!("the platform panics at a message, as the test wants"),
            Fate::Do | Fate::DoUnknown | Fate::Refuse(_) => {}
        }
        under_way.ended = true;
        if let Fate::Refuse(outcome) = fate {
            let outcome = match outcome {
                CardOutcome::Throttled { retry_after } => PartOutcome::Throttled { retry_after },
                CardOutcome::Unknown => PartOutcome::Unknown,
                CardOutcome::Refused(code) => PartOutcome::Refused(code),
                CardOutcome::NotSent
                | CardOutcome::Done
                | CardOutcome::AlreadyFinished
                | CardOutcome::Missing => PartOutcome::NotSent,
            };
            let detail = if let PartOutcome::Refused(_) = outcome { WHY.to_owned() } else { String::new() };
            return Came { detail, ..Came::from(outcome) };
        }
        let at = self.platform.inner.clock.now();
        let chat = request.target.chat.id.clone();
        self.platform.state().seen.push(Seen { at, chat, card: None, text: request.text, last: true });
        self.platform.inner.steps.step("send:after").await;
        let outcome = if fate == Fate::DoUnknown { PartOutcome::Unknown } else { PartOutcome::Sent };
        outcome.into()
    }

    fn card_id(&self, message: &MessageId, retry: RetryNumber) -> Option<String> {
        Some(FakePlatform::card_id(&card_of(message, retry)))
    }

    async fn fetch(&self, attachment: &Attachment) -> Result<Fetched, FetchFailure> {
        let _fetching = Fetching::begun(&self.platform, attachment.source.expose());
        self.platform.inner.steps.step("fetch:before").await;
        let fate = (self.platform.inner.file_rule.lock().expect("file rule"))(attachment.source.expose());
        let fetched = match fate {
            FileFate::Give(content, pause) => {
                tokio::time::sleep(pause).await;
                Ok(Fetched { content, media_type: "image/png".to_owned() })
            }
            FileFate::Refuse(failure) => Err(failure),
            FileFate::Hang => std::future::pending().await,
        };
        self.platform.inner.steps.step("fetch:after").await;
        fetched
    }

    async fn preflight(&self) -> Vec<Check> {
        self.platform.state().tested.push(self.is_enabled);
        let (result, finding) = match self.refusal() {
            None => (CheckResult::Ok, Finding::CredentialsAccepted),
            Some(_) => (CheckResult::Failed, Finding::Error(ErrorCode::InvalidCredentials)),
        };
        vec![Check { name: "token", result, finding, detail: String::new() }]
    }
}
