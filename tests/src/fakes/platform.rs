//! A platform that shows everything it was told to, and fails as the test says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use switchboard_domain::channel::CloseCause;
use switchboard_domain::ids::{ConnectionId, MessageId};
use switchboard_domain::message::Inbound;
use switchboard_domain::reply::{CardCall, CardOutcome, Claim, PartOutcome, Way};
use switchboard_domain::settings::ReplyLimits;
use switchboard_domain::time::Timestamp;
use switchboard_ports::channels::Channel;
use switchboard_ports::clock::Clock;
use switchboard_ports::provider::{
    Ack, CardRequest, Check, ConnectionSink, Description, FieldError, Link, PartRequest, Provider, Signal,
};
use tokio_util::sync::CancellationToken;

use super::steps::Steps;

/// A call as rules see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// A card is to be made.
    Open,
    /// A card is to show more.
    Update,
    /// A card is to be closed.
    Finish,
    /// A plain message.
    Send(Way),
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Done.
    Do,
    /// Not done; for plain messages the outcomes of the same name.
    Refuse(CardOutcome),
    /// Done, but reported as of unknown fate.
    DoUnknown,
    /// Done after a while.
    Slow(Duration),
}

/// Something a user saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// When.
    pub at: Timestamp,
    /// In which chat.
    pub chat: String,
    /// The message it answers; `None` for plain messages.
    pub card: Option<MessageId>,
    /// What.
    pub text: String,
    /// Whether the card was closed with it; true for plain messages.
    pub last: bool,
}

/// A card as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Card {
    /// What it shows.
    pub text: String,
    /// Whether it is closed.
    pub finished: bool,
    /// How often it was closed anew; more than once is our fault.
    pub finishes: u32,
}

type Rule = Box<dyn Fn(Call, &str, usize) -> Fate + Send + Sync>;

/// The platform; also its own link and provider.
#[derive(Clone)]
pub struct FakePlatform {
    inner: Arc<Inner>,
}

struct Inner {
    steps: Arc<Steps>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    rule: Mutex<Rule>,
}

struct State {
    cards_on: bool,
    cards: BTreeMap<MessageId, Card>,
    seen: Vec<Seen>,
    calls: Vec<Call>,
    sinks: Vec<(ConnectionId, Arc<dyn ConnectionSink>, CancellationToken)>,
    connections: u32,
    refuse_connections: Option<CloseCause>,
    under_way: BTreeMap<MessageId, u32>,
    overlapping: u32,
}

impl FakePlatform {
    /// A platform where everything works.
    pub fn new(clock: Arc<dyn Clock>, steps: Arc<Steps>) -> Self {
        let state = State {
            cards_on: true,
            cards: BTreeMap::new(),
            seen: Vec::new(),
            calls: Vec::new(),
            sinks: Vec::new(),
            connections: 0,
            refuse_connections: None,
            under_way: BTreeMap::new(),
            overlapping: 0,
        };
        let rule: Rule = Box::new(|_, _, _| Fate::Do);
        Self { inner: Arc::new(Inner { steps, clock, state: Mutex::new(state), rule: Mutex::new(rule) }) }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.inner.state.lock().expect("platform")
    }

    /// Decides what becomes of calls; it gets the call, its text and how many calls came before.
    pub fn rule(&self, rule: impl Fn(Call, &str, usize) -> Fate + Send + Sync + 'static) {
        *self.inner.rule.lock().expect("rule") = Box::new(rule);
    }

    /// Whether channels show cards.
    pub fn cards_on(&self, on: bool) {
        self.state().cards_on = on;
    }

    /// Refuses connections from now on, or takes them again.
    pub fn refuse_connections(&self, cause: Option<CloseCause>) {
        self.state().refuse_connections = cause;
    }

    /// Pushes a message over the newest connection; `None` without one.
    pub fn push(&self, message: Inbound) -> Option<futures_util::future::BoxFuture<'static, Ack>> {
        let sink = self.state().sinks.last().map(|(_, sink, _)| Arc::clone(sink))?;
        Some(sink.offer(message))
    }

    /// Announces that it will close all present connections.
    pub fn rotate(&self) {
        let sinks: Vec<_> = self.state().sinks.iter().map(|(_, sink, _)| Arc::clone(sink)).collect();
        for sink in sinks {
            sink.signal(Signal::Rotating);
        }
    }

    /// Open connections now, and connections ever opened.
    pub fn connections(&self) -> (usize, u32) {
        let state = self.state();
        (state.sinks.len(), state.connections)
    }

    /// Everything a user saw, in order.
    pub fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }

    /// What users saw last: closed cards and plain messages, in order.
    pub fn finals(&self) -> Vec<String> {
        self.state().seen.iter().filter(|seen| seen.last).map(|seen| seen.text.clone()).collect()
    }

    /// All cards.
    pub fn cards(&self) -> BTreeMap<MessageId, Card> {
        self.state().cards.clone()
    }

    /// All calls, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// How often two calls on one card were under way at once; must stay 0 (R12).
    pub fn overlapping(&self) -> u32 {
        self.state().overlapping
    }

    fn fate(&self, call: Call, text: &str) -> Fate {
        let before = {
            let mut state = self.state();
            state.calls.push(call);
            state.calls.len() - 1
        };
        (self.inner.rule.lock().expect("rule"))(call, text, before)
    }

    fn show(&self, request: &CardRequest) -> CardOutcome {
        let at = self.inner.clock.now();
        let mut state = self.state();
        let exists = state.cards.contains_key(&request.message);
        let (text, last) = match &request.call {
            CardCall::Open { .. } if exists => return CardOutcome::Done,
            CardCall::Update { .. } | CardCall::Finish { .. } if !exists => return CardOutcome::Missing,
            CardCall::Open { text } | CardCall::Update { text } => (text.clone(), false),
            CardCall::Finish { text, .. } => (text.clone(), true),
        };
        let card = state.cards.entry(request.message.clone()).or_default();
        if card.finished {
            // The same call again is the same call; anything else comes too late.
            return if card.text == text { CardOutcome::Done } else { CardOutcome::AlreadyFinished };
        }
        card.text.clone_from(&text);
        card.finished = last;
        card.finishes += u32::from(last);
        let chat = request.target.chat.id.clone();
        state.seen.push(Seen { at, chat, card: Some(request.message.clone()), text, last });
        CardOutcome::Done
    }

    fn enter(&self, message: &MessageId) {
        let mut state = self.state();
        let count = state.under_way.entry(message.clone()).or_default();
        *count += 1;
        if *count > 1 {
            state.overlapping += 1;
        }
    }

    fn leave(&self, message: &MessageId) {
        if let Some(count) = self.state().under_way.get_mut(message) {
            *count = count.saturating_sub(1);
        }
    }

    /// A new process starts: nothing of the old one's calls is under way any more.
    pub fn process_died(&self) {
        let mut state = self.state();
        state.under_way.clear();
        state.sinks.clear();
    }
}

#[async_trait]
impl Link for FakePlatform {
    fn limits(&self) -> ReplyLimits {
        ReplyLimits {
            cards: self.state().cards_on,
            card_chars_max: 3_000,
            part_chars_max: 3_500,
            part_bytes_max: 14_000,
            update_interval: Duration::from_millis(800),
        }
    }

    async fn connect(
        &self,
        id: ConnectionId,
        sink: Arc<dyn ConnectionSink>,
        close: CancellationToken,
    ) -> CloseCause {
        if let Some(cause) = self.state().refuse_connections.clone() {
            return cause;
        }
        sink.signal(Signal::Opened);
        sink.signal(Signal::Heard);
        {
            let mut state = self.state();
            state.connections += 1;
            state.sinks.push((id, Arc::clone(&sink), close.clone()));
        }
        loop {
            tokio::select! {
                biased;
                () = close.cancelled() => break,
                () = tokio::time::sleep(Duration::from_secs(20)) => sink.signal(Signal::Heard),
            }
        }
        self.state().sinks.retain(|(open, _, _)| *open != id);
        CloseCause::Clean
    }

    async fn claim(&self, _claim: Claim) {}

    async fn card(&self, request: CardRequest) -> CardOutcome {
        let (call, text) = match &request.call {
            CardCall::Open { text } => (Call::Open, text.clone()),
            CardCall::Update { text } => (Call::Update, text.clone()),
            CardCall::Finish { text, .. } => (Call::Finish, text.clone()),
        };
        let message = request.message.clone();
        self.enter(&message);
        self.inner.steps.step("card:before").await;
        let outcome = match self.fate(call, &text) {
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
        };
        self.inner.steps.step("card:after").await;
        self.leave(&message);
        outcome
    }

    async fn send(&self, request: PartRequest) -> PartOutcome {
        self.inner.steps.step("send:before").await;
        let fate = self.fate(Call::Send(request.way), &request.text);
        if let Fate::Slow(pause) = fate {
            tokio::time::sleep(pause).await;
        }
        if let Fate::Refuse(outcome) = fate {
            return match outcome {
                CardOutcome::Throttled { retry_after } => PartOutcome::Throttled { retry_after },
                CardOutcome::Unknown => PartOutcome::Unknown,
                CardOutcome::Refused(code) => PartOutcome::Refused(code),
                CardOutcome::NotSent
                | CardOutcome::Done
                | CardOutcome::AlreadyFinished
                | CardOutcome::Missing => PartOutcome::NotSent,
            };
        }
        let at = self.inner.clock.now();
        let chat = request.target.chat.id.clone();
        self.state().seen.push(Seen { at, chat, card: None, text: request.text, last: true });
        self.inner.steps.step("send:after").await;
        if fate == Fate::DoUnknown { PartOutcome::Unknown } else { PartOutcome::Sent }
    }

    async fn preflight(&self) -> Vec<Check> {
        Vec::new()
    }
}

impl Provider for FakePlatform {
    fn description(&self) -> Description {
        Description {
            platform: "fake",
            exclusive: false,
            secret_fields: &["/secret"],
            connection_fields: &["/secret", "/address"],
        }
    }

    fn check_config(&self, config: &Value, _secrets_set: &[String]) -> Result<Value, Vec<FieldError>> {
        Ok(config.clone())
    }

    fn link(&self, _channel: &Channel) -> Result<Arc<dyn Link>, Vec<FieldError>> {
        Ok(Arc::new(self.clone()))
    }
}
